//! Answers that come block by block, so that those of many queries need not fit in memory together.

use super::hits::Hits;
use super::params::{SearchParams, rising};
use crate::call::Pending;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::query_count;
use crate::metric::Metric;
use crate::parallel::each;
use crate::space::check;
use futures::Stream;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Elements that one thread checks at a time.
const PIECE: usize = 96 << 10;

/// Starts the search for a block of the queries.
pub(super) type Start = dyn FnMut(Rows<'_>, &SearchParams) -> Result<Pending<Hits>> + Send;

/// What a search answers, block by block and in the order of the queries: a [`Stream`](futures::Stream) of which queries, and
/// their [`Hits`].
///
/// From [`Search::search_stream`](crate::Search::search_stream) and [`Search::range_stream`](crate::Search::range_stream). Any
/// executor drives it, and every combinator of the crate `futures` takes it: `select` with a timeout, `buffered`, `try_fold`.
///
/// * All blocks are answered from the rows that were there when the stream was made, whatever changes meanwhile.
/// * Two blocks are searched at a time, of a [`StreamedFlat`](crate::StreamedFlat) one. The others wait until somebody takes a
///   block, so that one who reads slowly is not overrun: the host holds the queries, and the hits of the block that was taken
///   and of those that are searched.
/// * To take a block starts another, on the thread that polls: it copies the block's queries and brings the first submissions to the
///   device, as [`Pending`] says. Apart from that `poll` computes nothing and waits for nothing.
/// * Each block has [`stats`](Hits::stats) of its own. [`progress`](SearchParams#structfield.progress) tells the share of all.
/// * The first error is the last item. Dropping the stream ends the search as dropping a [`Pending`] does.
///
/// # Example
/// The hits that are found within a second:
/// ```no_run
/// use futures::{StreamExt, future};
/// use nearfield::{Flat, Gpu, Index, Metric, Rows, Search, SearchParams};
/// async fn within_a_second(index: &dyn Search, queries: &[f32]) -> nearfield::Result<usize> {
///     let mut blocks = index.search_stream(Rows::F32(queries), 10, 1000, &SearchParams::new())?;
///     let mut timeout = std::pin::pin!(tokio::time::sleep(std::time::Duration::from_secs(1)));
///     let mut found = 0;
///     while let future::Either::Left((Some(block), _)) =
///         future::select(blocks.next(), &mut timeout).await
///     {
///         let (queries, hits) = block?;
///         println!("queries {queries:?}: {} hits", hits.ids().len());
///         found += hits.ids().len();
///     }
///     Ok(found) // what was still on its way ends here, with `blocks`
/// }
/// # let _ = within_a_second;
/// ```
#[must_use = "of its blocks the first are searched, and no others before those are taken"]
pub struct HitStream {
    start: Box<Start>,
    /// The queries, whose memory the caller has back.
    words: Vec<u32>,
    bytes: usize,
    dtype: DType,
    dim: usize,
    count: usize,
    block: usize,
    /// How many blocks are searched at a time.
    at_once: usize,
    /// The first query that is not searched yet.
    next: usize,
    /// Of all queries, but for the ids that they may not find.
    params: SearchParams,
    excluded: Option<Vec<u64>>,
    in_flight: VecDeque<(Range<usize>, Result<Pending<Hits>>)>,
}

impl HitStream {
    /// Checks all queries for an index of such rows, and starts the search for the first of them; so many queries a block,
    /// and so many blocks at a time. `excluded` is the id that each may not find.
    pub(super) fn new(
        (metric, dtype, dim): (&Metric, DType, usize),
        queries: Rows<'_>,
        (block, at_once): (usize, usize),
        params: &SearchParams,
        excluded: Option<Vec<u64>>,
        start: Box<Start>,
    ) -> Result<HitStream> {
        if block == 0 {
            return Err(Error::argument("block", "0 queries at a time are no search"));
        }
        let count = query_count(queries, dtype, dim)?;
        if let Some(filter) = &params.query_filter {
            filter.check(count)?;
        }
        if let Some(filter) = &params.prepared {
            filter.check(count)?;
        }
        let step = (PIECE / dim).max(1);
        each((0..count).step_by(step).collect(), |first| {
            let piece = queries.slice(dim, first..(first + step).min(count));
            check::rows(metric, piece, dim, first as u64)
        })?;
        let bytes = queries.bytes();
        // words, since elements want an alignment that bytes need not have
        let mut words = vec![0u32; bytes.len().div_ceil(4)];
        bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(bytes);
        let (bytes, dtype) = (bytes.len(), queries.dtype());
        let progress = params.progress.clone().map(rising);
        let params = SearchParams { progress, exclude: None, ..params.clone() };
        let in_flight = VecDeque::with_capacity(at_once);
        let mut stream = HitStream {
            start,
            words,
            bytes,
            dtype,
            dim,
            count,
            block,
            at_once,
            next: 0,
            params,
            excluded,
            in_flight,
        };
        if count == 0 {
            // what is wrong with the parameters is an error without queries, too
            stream.begin(0..0)?.wait()?;
        }
        stream.fill();
        match stream.in_flight.pop_front() {
            Some((_, Err(error))) => return Err(error),
            Some(first) => stream.in_flight.push_front(first),
            None => {}
        }
        Ok(stream)
    }

    /// Starts the searches of the next blocks, as many as may be on their way.
    fn fill(&mut self) {
        while self.in_flight.len() < self.at_once && self.next < self.count {
            let queries = self.next..self.next.saturating_add(self.block).min(self.count);
            self.next = queries.end;
            let pending = self.begin(queries.clone());
            if pending.is_err() {
                self.next = self.count;
            }
            self.in_flight.push_back((queries, pending));
        }
    }

    fn begin(&mut self, queries: Range<usize>) -> Result<Pending<Hits>> {
        let mut params = self.params.clone();
        params.query_filter = params.query_filter.map(|filter| filter.part(&queries));
        params.prepared = params.prepared.map(|of| of.of_queries(&queries)).transpose()?;
        params.exclude = self.excluded.as_ref().map(|ids| ids[queries.clone()].to_vec().into());
        if let Some(progress) = params.progress {
            let (first, len, count) = (queries.start, queries.len(), self.count);
            params.progress = Some(Arc::new(move |share| {
                let done = (first as f64 + share * len as f64) / count as f64;
                progress(if count == 0 { share } else { done });
            }));
        }
        let bytes = &bytemuck::cast_slice(&self.words)[..self.bytes];
        let rows = Rows::from_bytes(self.dtype, bytes)?;
        (self.start)(rows.slice(self.dim, queries), &params)
    }
}

impl Stream for HitStream {
    type Item = Result<(Range<usize>, Hits)>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let hits = match self.in_flight.front_mut() {
            None => return Poll::Ready(None),
            Some((_, Err(_))) => None,
            Some((_, Ok(pending))) => Some(ready!(Pin::new(pending).poll(cx))),
        };
        let Some((queries, pending)) = self.in_flight.pop_front() else {
            return Poll::Ready(None);
        };
        match hits.unwrap_or_else(|| pending.and_then(Pending::wait)) {
            Ok(hits) => {
                self.fill();
                Poll::Ready(Some(Ok((queries, hits))))
            }
            Err(error) => {
                self.in_flight.clear();
                self.next = self.count;
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let blocks = self.in_flight.len() + (self.count - self.next).div_ceil(self.block);
        // an error ends it before its time
        (blocks.min(1), Some(blocks))
    }
}

impl fmt::Debug for HitStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HitStream { count, block, next, .. } = self;
        write!(f, "HitStream({count} queries in blocks of {block}, begun up to {next})")
    }
}
