//! Answers as a stream: block by block what one search answers, in bounded memory, and ended at any time.

use crate::common::device::subset;
use crate::flights::{self, held, slow_index, wait_until};
use crate::support::{gpu, index, own_gpu, rows};
use futures::{StreamExt, TryStreamExt, future};
use nearfield::format::HostRows;
use nearfield::{
    CancelToken, DType, Error, HitStream, Hits, IdFilter, Metric, QueryFilter, Rows, Search,
    SearchParams, StreamedFlat,
};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const DIM: usize = 8;
const QUERIES: usize = 23;

/// All that a stream brings.
fn collect(stream: HitStream) -> Vec<(Range<usize>, Hits)> {
    pollster::block_on(stream.try_collect()).unwrap()
}

/// Holds the blocks of a stream against the answer of one search.
fn check(stream: HitStream, block: usize, whole: &Hits) {
    let expected = whole.len().div_ceil(block);
    assert_eq!(futures::Stream::size_hint(&stream).1, Some(expected));
    let blocks = collect(stream);
    assert_eq!(blocks.len(), expected);
    let mut next = 0;
    for (queries, hits) in blocks {
        assert_eq!((queries.start, queries.len()), (next, hits.len()));
        assert!(hits.len() == block || queries.end == whole.len());
        for (at, query) in queries.clone().enumerate() {
            let bits = |hits: &Hits, at| -> Vec<_> {
                hits.row(at).map(|(id, distance)| (id, distance.to_bits())).collect()
            };
            assert_eq!(bits(&hits, at), bits(whole, query), "query {query}");
        }
        next = queries.end;
    }
    assert_eq!(next, whole.len());
}

/// Every filter that a search takes.
fn filters() -> Vec<SearchParams> {
    let all = IdFilter::range(11..250);
    let each: Vec<_> = (0..QUERIES as u64).map(|q| IdFilter::range(q * 10..300)).collect();
    let words = (0..QUERIES as u64 * 5).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
    let bitmap = QueryFilter::Bitmap { words, words_per_query: 5 };
    let params = SearchParams::new();
    vec![
        params.clone(),
        params.clone().filter(all.clone()).query_filter(QueryFilter::Each(each)),
        params.filter(all).query_filter(bitmap),
    ]
}

#[test]
fn blocks_are_what_one_search_answers() {
    for (dtype, metric, radius) in
        [(DType::F32, Metric::L2, 9.0), (DType::Bits, Metric::Hamming, 3.0)]
    {
        let data = rows(300, DIM, &metric, dtype, 1);
        let queries = rows(QUERIES, DIM, &metric, dtype, 2);
        let resident = index(&gpu(), DIM, &metric, dtype);
        resident.add_rows(data.rows()).unwrap();
        let mut searches: Vec<Box<dyn Search>> = vec![resident];
        if dtype == DType::F32 {
            let store = HostRows::f32(data.rows().to_f32(), DIM).unwrap();
            let streamed = StreamedFlat::new(&gpu(), store, metric.clone()).unwrap();
            searches.push(Box::new(streamed.with_chunk_rows(128)));
        }
        for search in &searches {
            for (at, params) in filters().into_iter().enumerate() {
                let nearest = search.search_with(queries.rows(), 7, &params).unwrap();
                let within = search.range_search_with(queries.rows(), radius, &params).unwrap();
                assert!(!nearest.ids().is_empty() && !within.ids().is_empty());
                for &block in if at == 0 { &[1, usize::MAX][..] } else { &[5] } {
                    let queries = queries.rows();
                    let stream = search.search_stream(queries, 7, block, &params).unwrap();
                    check(stream, block, &nearest);
                    let stream = search.range_stream(queries, radius, block, &params).unwrap();
                    check(stream, block, &within);
                }
            }
        }
    }
}

/// What belongs to single queries goes with them: bitmaps that are prepared, ids that may not be found.
#[test]
fn every_block_has_its_own_part_of_what_is_for_each_query() {
    let data = rows(300, DIM, &Metric::L2, DType::F32, 3);
    let index = index(&gpu(), DIM, &Metric::L2, DType::F32);
    index.add_rows(data.rows()).unwrap();
    let each: QueryFilter = (0..300u64).map(|query| query / 2..250).collect();
    let each = index.prepare_query_filter(each).unwrap();
    let all = index.prepare_filter(IdFilter::range(11..250)).unwrap();
    let asks = [
        SearchParams::new().exclude_self(),
        SearchParams::new().exclude((1..301).collect::<Vec<u64>>()).prepared(&each),
        SearchParams::new().exclude_self().prepared(&all),
    ];
    for (number, params) in asks.into_iter().enumerate() {
        let whole = index.search_with(data.rows(), 7, &params).unwrap();
        // where a search takes its time, a block of its own for each
        let blocks = [128, 1, 300];
        for &block in if subset() { &blocks[number..][..1] } else { &blocks } {
            check(index.search_stream(data.rows(), 7, block, &params).unwrap(), block, &whole);
        }
    }
    let few = data.rows().slice(DIM, 0..20);
    for params in [SearchParams::new().exclude_self(), SearchParams::new().prepared(&each)] {
        let refused = index.search_stream(few, 7, 5, &params);
        assert!(matches!(refused, Err(nearfield::Error::InvalidArgument { .. })), "{refused:?}");
    }
}

#[test]
fn a_stream_answers_from_the_rows_of_its_beginning() {
    let data = rows(300, DIM, &Metric::L2, DType::F32, 3);
    let index = index(&gpu(), DIM, &Metric::L2, DType::F32);
    index.add_rows(data.rows()).unwrap();
    let queries = data.rows().slice(DIM, 0..20);
    let whole = index.search_with(queries, 300, &SearchParams::new()).unwrap();
    let stream = index.search_stream(queries, 300, 3, &SearchParams::new()).unwrap();
    index.remove(&(0..250).collect::<Vec<_>>()).unwrap();
    index.add_rows(queries).unwrap();
    check(stream, 3, &whole);
}

/// The argument that an error names.
fn refused<T: std::fmt::Debug>(answer: nearfield::Result<T>) -> &'static str {
    match answer {
        Err(Error::InvalidArgument { argument, .. }) => argument,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_wrong_with_any_query_is_said_at_once() {
    let data = rows(300, DIM, &Metric::L2, DType::F32, 4).rows().to_f32();
    let resident = index(&gpu(), DIM, &Metric::L2, DType::F32);
    resident.add(&data).unwrap();
    let streamed = StreamedFlat::from_f32(&gpu(), data.clone(), DIM, Metric::L2).unwrap();
    let searches: [&dyn Search; 2] = [&*resident, &streamed];
    for search in searches {
        let params = SearchParams::new();
        let queries = Rows::F32(&data[..QUERIES * DIM]);
        let filter = params.clone().query_filter(QueryFilter::Each(vec![IdFilter::All; 22]));
        for none in [queries, Rows::F32(&[])] {
            assert_eq!(refused(search.search_stream(none, 0, 2, &params)), "k");
            assert_eq!(refused(search.search_stream(none, 1, 0, &params)), "block");
            assert_eq!(refused(search.range_stream(none, f32::NAN, 2, &params)), "radius");
            assert_eq!(refused(search.search_stream(none, 1, 2, &filter)), "query_filter");
        }
        let cut = search.search_stream(Rows::F32(&data[..DIM + 1]), 1, 2, &params);
        assert!(matches!(cut, Err(Error::PartialRow { .. })), "{cut:?}");
        let mut bad = data[..QUERIES * DIM].to_vec();
        bad[17 * DIM + 3] = f32::NAN;
        match search.range_stream(Rows::F32(&bad), 1.0, 2, &params) {
            Err(Error::NonFinite { row: 17, column: 3 }) => {}
            other => panic!("{other:?}"),
        }
        // no queries, no blocks, and the work is done
        let share = Arc::new(Mutex::new(0.0));
        let told = Arc::clone(&share);
        let params = params.progress(move |share| *told.lock().unwrap() = share);
        assert!(collect(search.search_stream(Rows::F32(&[]), 1, 2, &params).unwrap()).is_empty());
        assert_eq!(*share.lock().unwrap(), 1.0);
    }
}

/// Blocks of a reader who takes his time: those that are searched ahead are two.
#[test]
fn a_slow_reader_is_not_overrun() {
    let data = rows(300, DIM, &Metric::L2, DType::F32, 5);
    let index = index(&gpu(), DIM, &Metric::L2, DType::F32);
    index.add_rows(data.rows()).unwrap();
    let shares = Arc::new(Mutex::new(vec![0.0]));
    let told = Arc::clone(&shares);
    let last = || *shares.lock().unwrap().last().unwrap();
    let params = SearchParams::new().progress(move |share| told.lock().unwrap().push(share));
    let queries = data.rows().slice(DIM, 0..80);
    let mut stream = index.range_stream(queries, 4.0, 10, &params).unwrap();
    for taken in 1..=8 {
        let (queries, hits) = pollster::block_on(stream.next()).unwrap().unwrap();
        assert_eq!((queries, hits.len()), (taken * 10 - 10..taken * 10, 10));
        // a poll that only takes what is there has the Gpu's thread drive the next
        std::thread::sleep(Duration::from_millis(20));
        let most = (taken as f64 + 2.0) / 8.0;
        assert!(last() >= taken as f64 / 8.0 && last() <= most.min(1.0), "{taken}: {}", last());
    }
    assert!(pollster::block_on(stream.next()).is_none());
    let shares = shares.lock().unwrap();
    assert!(shares.windows(2).all(|pair| pair[0] < pair[1]), "{shares:?}");
    assert_eq!(shares.last(), Some(&1.0));
}

/// A submission of the slow index takes some 100 ms on a processor, and a block four of them; a card has all of it in one.
#[test]
fn a_stream_is_selected_beside_a_timeout() {
    let (index, data) = slow_index();
    let queries = Rows::F32(&data[..2 * flights::QUERIES * flights::DIM]);
    let whole = index.search_with(queries, 5, &SearchParams::new()).unwrap();
    let stream = || index.search_stream(queries, 5, flights::QUERIES, &SearchParams::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let (mut blocks, begin) = (stream().unwrap(), Instant::now());
        let (mut ids, mut waits) = (Vec::<u64>::new(), 0);
        loop {
            let timeout = std::pin::pin!(tokio::time::sleep(Duration::from_millis(1)));
            match future::select(blocks.next(), timeout).await {
                future::Either::Left((Some(block), _)) => ids.extend(block.unwrap().1.ids()),
                future::Either::Left((None, _)) => break,
                future::Either::Right(_) => waits += 1,
            }
        }
        // whoever waits for a timeout loses nothing of the stream
        assert_eq!(ids, whole.ids());
        let took = begin.elapsed();
        assert!(waits >= 1 || took < Duration::from_millis(100), "no timeout in {took:?}");
    });
    // the macro of the same crate, without any executor's timer
    pollster::block_on(async {
        let mut blocks = stream().unwrap().fuse();
        let mut now = future::ready(());
        futures::select_biased! {
            // a card may have it by then
            block = blocks.next() => assert!(!gpu().caps().software, "{block:?} before it can be there"),
            () = now => {}
        }
    });
}

#[test]
fn a_stream_that_is_dropped_or_cancelled_ends() {
    let gpu = own_gpu();
    let data = rows(700, DIM, &Metric::L2, DType::F32, 6);
    let index = index(&gpu, DIM, &Metric::L2, DType::F32);
    index.add_rows(data.rows()).unwrap();
    let asked = data.rows().slice(DIM, 0..300);
    let params = SearchParams::new();
    let before = held(&gpu);
    for take in [0, 1, 2] {
        let mut stream = index.search_stream(asked, 100, 50, &params).unwrap();
        for _ in 0..take {
            pollster::block_on(stream.next()).unwrap().unwrap();
        }
        drop(stream);
        wait_until("the memory is free", || held(&gpu) == before);
    }
    let token = CancelToken::new();
    let cancelled = params.clone().cancel(&token);
    let mut stream = index.search_stream(asked, 3, 50, &cancelled).unwrap();
    assert_eq!(pollster::block_on(stream.next()).unwrap().unwrap().0, 0..50);
    token.cancel();
    let rest: Vec<_> = pollster::block_on(stream.collect());
    // what was done by then may still come; the error is the last item
    assert!(rest.len() <= 3, "{} blocks", rest.len());
    let (last, done) = rest.split_last().unwrap();
    assert!(matches!(last, Err(Error::Cancelled)), "{last:?}");
    assert!(done.iter().all(Result::is_ok));
    // an index that is gone is searched to the end
    let whole = index.search_with(asked, 3, &params).unwrap();
    let stream = index.search_stream(asked, 3, 100, &params).unwrap();
    drop(index);
    std::thread::spawn(move || check(stream, 100, &whole)).join().unwrap();
}
