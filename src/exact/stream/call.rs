//! The search over rows that stay on the host: they come to the device chunk by chunk, and each chunk is searched like an
//! index of its own while the next is on its way.

use super::chunks::{Chunk, ChunkFilter, Supply};
use crate::buffer::BIN;
use crate::call::{
    CancelToken, Filter, Merge, Options, Pending, RowHits, SearchStats, start_thread,
};
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::dataset::Dataset;
use crate::exact::plan::MAX_SCAN_K;
use crate::exact::queries::Queries;
use crate::exact::range::submit_range;
use crate::exact::search::submit_search;
use crate::format::RowStore;
use crate::kernel::Encoder;
use crate::space::Decoder;
use std::sync::Arc;

/// A chunk of more bytes is no faster to bring, and begins later.
const CHUNK_BYTES: u64 = 512 << 20;
/// One is searched, one is filled, and one waits in between, so that neither side waits for the other's every delay.
const CHUNKS: u64 = 3;
/// Of the device memory that is left, each takes so many tenths; the rest is for staging and for the search.
const TENTHS: u64 = 2;
/// So many times the queries that read rows one by one: with fewer the copy of a chunk costs more than it saves. It
/// moves 12 bytes an element; a query saves two operations at the difference of the two rates, on an H200 a 66th of that.
const COPY_QUERIES: usize = 4;

/// Rows on the host that searches bring to the device.
#[derive(Clone)]
pub(crate) struct Stream {
    /// Without rows: metric, type and dimension.
    pub empty: Dataset,
    pub store: Arc<dyn RowStore>,
    pub rows: u64,
    /// What a chunk has, where that is not left to the memory.
    pub chunk_rows: Option<u64>,
}

#[derive(Clone, Copy)]
enum Ask {
    Nearest(usize),
    Within(f32),
    /// To bring the rows over.
    Nothing,
}

/// One call.
struct Call {
    stream: Stream,
    ask: Ask,
    /// Of the caller's queries, whose memory is free again.
    words: Vec<u32>,
    bytes: usize,
    dtype: DType,
    count: usize,
    decoder: Arc<Decoder>,
    filter: ChunkFilter,
    options: Options,
}

impl Stream {
    /// Starts a search for the k nearest rows of each query.
    pub fn nearest(
        &self,
        queries: Rows<'_>,
        k: usize,
        filter: ChunkFilter,
        options: Options,
    ) -> Result<Pending<RowHits>> {
        if k == 0 {
            return Err(Error::argument("k", "0 neighbours are no search"));
        }
        let k = k.min(self.rows as usize);
        self.start(Ask::Nearest(k), queries, filter, options)
    }

    /// Starts a search for all rows within a radius of each query.
    pub fn within(
        &self,
        queries: Rows<'_>,
        radius: f32,
        filter: ChunkFilter,
        options: Options,
    ) -> Result<Pending<RowHits>> {
        if radius.is_nan() {
            return Err(Error::argument("radius", "not a number"));
        }
        self.start(Ask::Within(radius), queries, filter, options)
    }

    /// Starts to bring all rows over, and searches nothing.
    pub fn read_through(&self, options: Options) -> Result<Pending<RowHits>> {
        let none =
            Rows::from_bytes(self.empty.rows().dtype(), bytemuck::cast_slice::<u32, u8>(&[]))?;
        self.start(Ask::Nothing, none, Box::new(|_| Ok(Filter::default())), options)
    }

    fn start(
        &self,
        ask: Ask,
        queries: Rows<'_>,
        filter: ChunkFilter,
        options: Options,
    ) -> Result<Pending<RowHits>> {
        let checked = Queries::new(&self.empty, queries)?;
        let bytes = queries.bytes();
        let mut words = vec![0u32; bytes.len().div_ceil(4)];
        bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(bytes);
        let (count, decoder) = (checked.count, checked.decoder);
        let (stream, dtype, bytes) = (self.clone(), queries.dtype(), bytes.len());
        let cancel = options.cancel.clone();
        let call = Call { stream, ask, words, bytes, dtype, count, decoder, filter, options };
        start_thread(cancel, move |stop| call.run(stop))
    }

    /// What a chunk may have, when `copies` says whether it is copied for the matrix units.
    fn rows_by_memory(&self, k: usize, copies: bool) -> Result<u64> {
        let sample = 1 << 16;
        let each = self.empty.bytes_of(sample, copies)? as f64 / sample as f64;
        let left = self.empty.gpu().ledger().available() / 10 * TENTHS;
        let by_memory = (left as f64 / each) as u64;
        // the scan is for many times the bins that pass
        let scan = (2 * (k as u64).min(MAX_SCAN_K) + 32) * 8 * BIN;
        let by_size = CHUNK_BYTES / u64::from(self.empty.rows().stride_bytes());
        Ok(by_memory.min(by_size.max(scan)) / BIN * BIN)
    }

    /// Empty chunks, and how many rows each has room for: as many as there are rows for.
    fn chunks(&self, k: usize, copies: bool) -> Result<(u64, Vec<Dataset>)> {
        let asked = match self.chunk_rows {
            Some(rows) => rows.min(self.rows).next_multiple_of(BIN),
            None => self.rows_by_memory(k, copies)?,
        };
        let most = self.empty.most_room().min(self.rows.next_multiple_of(BIN));
        let mut rows = asked.clamp(BIN, most);
        loop {
            let count = self.rows.div_ceil(rows).min(CHUNKS);
            let made = (0..count).map(|_| self.empty.with_room(rows as u32, copies));
            match made.collect::<Result<Vec<Dataset>>>() {
                // others take memory, too, and the driver may have less than the budget says
                Err(Error::OutOfDeviceMemory { .. }) if self.chunk_rows.is_none() && rows > BIN => {
                    rows = (rows / 2).next_multiple_of(BIN);
                }
                other => return Ok((rows, other?)),
            }
        }
    }
}

impl Call {
    fn run(self, stop: &CancelToken) -> Result<RowHits> {
        let (queries, rows) = (self.count as u64, self.stream.rows);
        let stats = SearchStats { queries, rows, ..SearchStats::default() };
        let k = if let Ask::Nearest(k) = self.ask { Some(k) } else { None };
        let mut merge = Merge::new(self.count, k, stats);
        let asks = self.count > 0 || matches!(self.ask, Ask::Nothing);
        if asks && rows > 0 {
            self.each_chunk(&mut merge, stop)?;
        }
        self.options.tell(1.0);
        merge.finish(&self.decoder)
    }

    fn each_chunk(&self, merge: &mut Merge, stop: &CancelToken) -> Result<()> {
        let few = self.stream.empty.gpu().profile().u32("scan", "max_row_queries")? as usize;
        let (k, scans) = match self.ask {
            Ask::Nearest(k) => (k, k as u64 <= MAX_SCAN_K),
            Ask::Within(_) => (0, true),
            Ask::Nothing => (0, false),
        };
        let scans = scans && !self.options.exhaustive;
        let copies = scans && self.count > COPY_QUERIES * few && self.stream.empty.would_copy()?;
        let (room, chunks) = self.stream.chunks(k, copies)?;
        // one of the two that fails stops the other
        let stop = CancelToken::below(Some(stop.clone()));
        let unread = !matches!(self.ask, Ask::Nothing);
        let supply = Supply {
            store: &*self.stream.store,
            rows: self.stream.rows,
            room,
            filter: &self.filter,
            unread,
            stop: &stop,
        };
        std::thread::scope(|scope| {
            let (ready, free) = supply.start(scope, chunks)?;
            let outcome = ready.into_iter().try_for_each(|chunk| {
                if let Some(dataset) = self.chunk(merge, chunk?, &stop)? {
                    // gone once it has brought the last
                    let _ = free.send(dataset);
                }
                Ok(())
            });
            if outcome.is_err() {
                stop.cancel();
            }
            outcome
        })
    }

    /// Searches one chunk, and gives its buffers back.
    fn chunk(
        &self,
        merge: &mut Merge,
        chunk: Chunk,
        stop: &CancelToken,
    ) -> Result<Option<Dataset>> {
        let (first, all) = (chunk.rows.start, self.stream.rows as f64);
        let (done, share) = (first as f64, (chunk.rows.end - first) as f64);
        let progress = self.options.progress.clone().map(|progress| {
            let scaled = move |part: f64| progress((done + part * share) / all);
            Arc::new(scaled) as Arc<dyn Fn(f64) + Send + Sync>
        });
        let dataset = chunk.dataset;
        if let Some(dataset) = &dataset {
            let cancel = Some(stop.clone());
            let options =
                Options { cancel, progress: progress.clone(), keys: true, ..self.options.clone() };
            let found = self.ask(dataset, chunk.filter, options)?;
            merge.add(first, &found)?;
            merge.stats.stream.chunks += 1;
            let row = dataset.rows().dtype().row_bytes(dataset.rows().dim());
            merge.stats.stream.bytes += dataset.len() * row as u64;
        }
        stop.check()?;
        if let Some(progress) = progress {
            progress(1.0);
        }
        Ok(dataset)
    }

    fn ask(&self, dataset: &Dataset, filter: Filter, options: Options) -> Result<RowHits> {
        let bytes: &[u8] = bytemuck::cast_slice(&self.words);
        let queries = Rows::from_bytes(self.dtype, &bytes[..self.bytes])?;
        match self.ask {
            Ask::Nearest(k) => submit_search(dataset, queries, k, filter, options)?.wait(),
            Ask::Within(radius) => submit_range(dataset, queries, radius, filter, options)?.wait(),
            Ask::Nothing => {
                // behind all that brings the chunk
                Encoder::new(dataset.gpu(), "read through", false)?.submit(&[])?.wait()?;
                Ok(RowHits { lims: vec![0], ..RowHits::default() })
            }
        }
    }
}
