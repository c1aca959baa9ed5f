//! Filters that stay on the device: the answers of the same filter unprepared, to the bit, and nothing of it in a search.

use crate::common::device::{Open as _, shared, subset};
use crate::support::{gpu, index, rows};
use nearfield::{
    DType, Error, Flat, Gpu, Hits, IdFilter, Index, Metric, QueryFilter, Rows, Search,
    SearchParams, StreamedFlat,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Ids, lims and the bits of the distances.
fn bits(hits: &Hits) -> (Vec<u64>, Vec<usize>, Vec<u32>) {
    let distances = hits.distances().iter().map(|d| d.to_bits()).collect();
    (hits.ids().to_vec(), hits.lims().to_vec(), distances)
}

/// Holds a search with a filter that is prepared against one with it unprepared; the distances that were expected.
fn nearest(
    index: &dyn Search,
    queries: Rows<'_>,
    k: usize,
    ours: &SearchParams,
    theirs: &SearchParams,
) -> Vec<f32> {
    let expected = index.search_with(queries, k, theirs).unwrap();
    let found = index.search_with(queries, k, ours).unwrap();
    assert_eq!(bits(&found), bits(&expected), "{ours:?}, k = {k}");
    expected.distances().to_vec()
}

/// The same, and of a range search with what the nearest of some query have within reach.
fn same(
    index: &dyn Search,
    queries: Rows<'_>,
    k: usize,
    ours: &SearchParams,
    theirs: &SearchParams,
) {
    let distances = nearest(index, queries, k, ours, theirs);
    let Some(&radius) = distances.get(k - 1) else { return };
    let expected = index.range_search_with(queries, radius, theirs).unwrap();
    let found = index.range_search_with(queries, radius, ours).unwrap();
    assert_eq!(bits(&found), bits(&expected), "{ours:?}, within {radius}");
}

fn third() -> IdFilter {
    IdFilter::bitmap(vec![0x9249_2492_4924_9249u64; 200])
}

fn each(queries: u64) -> QueryFilter {
    (0..queries).map(|at| at * 10..7_000 + at * 10).collect()
}

/// One binding has 51 bitmaps of 9,000 rows, 1,280 bytes each: those of a call lie in two buffers.
fn small(row_queries: u32) -> Gpu {
    let builder = || {
        let builder = Gpu::builder().poison(true).max_binding_bytes(64 << 10);
        builder
            .setting("kernel.scan.min_rows", 0)
            .setting("kernel.scan.max_row_queries", row_queries)
    };
    shared(&format!("prepared, {row_queries}"), builder).unwrap()
}

const ROWS: usize = 9_000;
const QUERIES: usize = 60;

#[test]
fn prepared_filters_answer_as_the_others_do() {
    let all = [
        (Metric::L2, DType::F32, 7),
        (Metric::L1, DType::F32, 16),
        (Metric::InnerProduct, DType::I8, 48),
        (Metric::Hamming, DType::Bits, 128),
    ];
    for (case, (metric, dtype, dim)) in
        all.into_iter().take(if subset() { 1 } else { 4 }).enumerate()
    {
        let index = index(&small(0), dim, &metric, dtype);
        index.add_rows(rows(ROWS, dim, &metric, dtype, 21).rows()).unwrap();
        let queries = rows(QUERIES, dim, &metric, dtype, 22);
        let index: &dyn Index = &*index;
        let shared = index.prepare_filter(third()).unwrap();
        let own = index.prepare_query_filter(each(QUERIES as u64)).unwrap();
        assert_eq!((shared.queries(), own.queries()), (None, Some(QUERIES)));
        let new = SearchParams::new;
        let pairs = [
            (new().prepared(&shared), new().filter(third())),
            (new().prepared(&own), new().query_filter(each(60))),
            (new().prepared(&own).filter(third()), new().query_filter(each(60)).filter(third())),
            (
                new().prepared(&shared).query_filter(each(60)),
                new().query_filter(each(60)).filter(third()),
            ),
        ];
        for (number, (ours, theirs)) in pairs.into_iter().enumerate() {
            // of small bindings, each holds the distances of few queries: where that is slow, both kinds of filters at once
            if subset() {
                if number > 1 {
                    nearest(index, queries.rows(), 10, &ours, &theirs);
                }
                continue;
            }
            // by the scan or by all distances, in turn
            let all = (case + number).is_multiple_of(2);
            same(index, queries.rows(), 10, &ours.exhaustive(all), &theirs.exhaustive(all));
        }
        // a few of the queries, with their own filters
        let parts = [48..53, 7..7, 0..3, 20..60, 59..60];
        for part in parts
            .into_iter()
            .skip(if subset() { 0 } else { case % 2 * 2 })
            .take(if subset() { 2 } else { 3 })
        {
            let QueryFilter::Each(filters) = each(60) else { unreachable!() };
            let theirs = new().query_filter(QueryFilter::Each(filters[part.clone()].to_vec()));
            let ours = new().prepared(&own.part(part.clone()).unwrap());
            let queries = queries.rows().slice(dim, part.start..part.end);
            same(index, queries, 10, &ours, &theirs);
        }
        let inner = own.part(40..60).unwrap().part(10..14).unwrap();
        let QueryFilter::Each(filters) = each(60) else { unreachable!() };
        let theirs = new().query_filter(filters[50..54].to_vec());
        let queries = queries.rows().slice(dim, 50..54);
        same(index, queries, 10, &new().prepared(&inner), &theirs);
    }
}

/// Rows that are all equal, in sums that round: a query that may find all of them is not certified and runs again, between others
/// that may find a few.
#[test]
fn queries_that_run_again_keep_their_own_bitmaps() {
    let (n, dim, nq) = (ROWS, 7, QUERIES);
    for row_queries in [0, 300].into_iter().take(if subset() { 1 } else { 2 }) {
        let index = Flat::new(&small(row_queries), dim, Metric::L2).unwrap();
        index.add(&vec![0.1f32; n * dim]).unwrap();
        let queries = vec![0.7f32; nq * dim];
        let filter = |query: u64| match query % 3 {
            0 => IdFilter::range(query * 100..query * 100 + 70),
            _ => IdFilter::range(query..) & !IdFilter::batch([query + 3]),
        };
        let filter: QueryFilter = (0..nq as u64).map(filter).collect();
        let prepared = index.prepare_query_filter(filter.clone()).unwrap();
        assert!(prepared.memory() > 64 << 10);
        let [ours, theirs] =
            [SearchParams::new().prepared(&prepared), SearchParams::new().query_filter(filter)];
        let hits = index.search_with(Rows::F32(&queries), 10, &ours).unwrap();
        let stats = &hits.stats().exact;
        assert!(stats.rerun > 0 && stats.rerun < stats.scanned, "{stats:?}");
        assert_eq!(hits.row(1).map(|hit| hit.0).take(4).collect::<Vec<_>>(), [1, 2, 3, 5]);
        assert_eq!(hits.row(57).next().map(|hit| hit.0), Some(5700));
        nearest(&index, Rows::F32(&queries), 10, &ours, &theirs);
    }
}

fn bytes_under(gpu: &Gpu, label: &str) -> u64 {
    gpu.memory().labels.iter().filter(|l| l.label == label).map(|l| l.bytes).sum()
}

/// A filter that counts the ids that it is asked for.
fn counted(passes: impl Fn(u64) -> bool + Send + Sync + 'static) -> (IdFilter, Arc<AtomicU64>) {
    let asked = Arc::new(AtomicU64::new(0));
    let by = Arc::clone(&asked);
    let filter = IdFilter::from_fn(move |id| {
        by.fetch_add(1, Ordering::Relaxed);
        passes(id)
    });
    (filter, asked)
}

#[test]
fn a_search_uploads_and_evaluates_nothing_of_a_prepared_filter() {
    let (n, dim, nq) = (20_000, 8, 150);
    let gpu = Gpu::builder().poison(true).open().unwrap();
    let index = Flat::new(&gpu, dim, Metric::L2).unwrap();
    let all = rows(n, dim, &Metric::L2, DType::F32, 31).rows().to_f32();
    index.add(&all).unwrap();
    let queries = Rows::F32(&all[..nq * dim]);
    let search = |params: &SearchParams| index.search_with(queries, 5, params).unwrap();
    let (filter, asked) = counted(|id| id % 2 == 0);
    let before = bytes_under(&gpu, "prepared filter");
    let shared = index.prepare_filter(filter).unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), n as u64);
    assert_eq!(bytes_under(&gpu, "prepared filter") - before, shared.memory());
    let (filter, asked_each) = counted(|id| id % 2 == 0);
    let mut each = vec![IdFilter::range(..10_000); nq];
    each[17] = filter;
    let each = QueryFilter::from(each);
    let own = index.prepare_query_filter(each.clone()).unwrap();
    assert_eq!(asked_each.load(Ordering::Relaxed), n as u64);
    // 20,000 bits are 2,500 bytes, which end at the next 256
    assert_eq!(own.memory(), nq as u64 * 2560);
    assert!(shared.memory() >= n as u64 * 4 && shared.memory() < n as u64 * 5);

    // what a search without a filter takes is all that one with a filter on the device takes, all other memory being free
    let plain = search(&SearchParams::new());
    let misses = gpu.memory().pool_misses;
    let (by_shared, by_own) =
        (SearchParams::new().prepared(&shared), SearchParams::new().prepared(&own));
    for _ in 0..2 {
        assert!(search(&by_shared).ids().iter().all(|id| id % 2 == 0));
        let hits = search(&by_own);
        assert!(hits.row(17).all(|(id, _)| id % 2 == 0) && hits.row(3).all(|(id, _)| id < 10_000));
        assert_eq!(hits.stats().submissions, plain.stats().submissions);
    }
    assert_eq!(gpu.memory().pool_misses, misses, "a prepared filter took memory");
    assert_eq!(asked.load(Ordering::Relaxed), n as u64);
    assert_eq!(asked_each.load(Ordering::Relaxed), n as u64);
    search(&SearchParams::new().query_filter(each));
    assert!(gpu.memory().pool_misses > misses, "an upload of the filter would not be seen");

    drop((by_shared, by_own));
    let clone = own.clone();
    drop(own);
    assert_eq!(bytes_under(&gpu, "prepared filter"), clone.memory() + shared.memory());
    drop((clone, shared));
    assert_eq!(bytes_under(&gpu, "prepared filter"), 0);
}

#[test]
fn a_prepared_filter_follows_its_index() {
    let (dim, nq) = (5, 4);
    let index = index(&gpu(), dim, &Metric::L2, DType::F32);
    let all = rows(900, dim, &Metric::L2, DType::F32, 41).rows().to_f32();
    let queries = Rows::F32(&all[..nq * dim]);
    let (filter, asked) = counted(|id| id % 7 != 3);
    let own = |query: u64| IdFilter::range(query * 30..400 + query * 30) ^ IdFilter::batch([query]);
    let each: QueryFilter = (0..nq as u64).map(own).collect();
    // of no row yet
    let shared = index.prepare_filter(filter.clone()).unwrap();
    let own = index.prepare_query_filter(each.clone()).unwrap();
    let plain = IdFilter::from_fn(|id| id % 7 != 3);
    let mut behind = asked.load(Ordering::Relaxed);
    let mut check = |what: &str, evaluated: u64| {
        println!("{what}");
        let new = SearchParams::new;
        for _ in 0..2 {
            same(&*index, queries, 9, &new().prepared(&shared), &new().filter(plain.clone()));
            same(&*index, queries, 9, &new().prepared(&own), &new().query_filter(each.clone()));
        }
        let now = asked.load(Ordering::Relaxed);
        assert_eq!(now - std::mem::replace(&mut behind, now), evaluated, "{what}");
    };
    check("no row", 0);
    index.add(&all[..500 * dim]).unwrap();
    check("added", 500);
    check("as before", 0);
    index.add_with_ids(Rows::F32(&all[500 * dim..600 * dim]), &Vec::from_iter(2000..2100)).unwrap();
    check("added with ids", 600);
    index.update(1, Rows::F32(&all[700 * dim..701 * dim])).unwrap();
    check("updated", 600);
    index.remove(&[0, 5, 8]).unwrap();
    check("removed", 600);
    index.remove(&Vec::from_iter(0..400)).unwrap();
    check("closed up", 200);
    index.add(&all[..10 * dim]).unwrap();
    check("added again", 210);
    index.remove(&Vec::from_iter(0..3000)).unwrap();
    check("empty", 0);
}

/// Many searches behind one change: one of them prepares the filter, all have the answers of the rows of then.
#[test]
fn threads_share_a_prepared_filter_while_the_index_changes() {
    let dim = 4;
    let index = Flat::new(&gpu(), dim, Metric::L2).unwrap();
    index.add(&[0.0; 4 * 40]).unwrap();
    let (filter, asked) = counted(|id| id % 2 == 1);
    let prepared = index.prepare_filter(filter).unwrap();
    let (index, params) = (&index, SearchParams::new().prepared(&prepared));
    let rounds = if subset() { 4 } else { 12 };
    for round in 1..=rounds {
        index.add(&[0.0; 4 * 10]).unwrap();
        let before = asked.load(Ordering::Relaxed);
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let hits = index.search_with(Rows::F32(&[0.0; 4]), 1000, &params).unwrap();
                    let odd: Vec<u64> = (0..40 + round * 10).filter(|id| id % 2 == 1).collect();
                    assert_eq!(hits.ids(), odd);
                });
            }
        });
        assert_eq!(asked.load(Ordering::Relaxed) - before, 40 + round * 10);
    }
    // while rows come and go: what is found passes, whatever the rows are
    std::thread::scope(|scope| {
        let changes = scope.spawn(|| {
            for _ in 0..rounds {
                let new = index.add(&[0.0; 4 * 10]).unwrap();
                index.remove(&Vec::from_iter(new)).unwrap();
            }
        });
        while !changes.is_finished() {
            let hits = index.search_with(Rows::F32(&[0.0; 4]), 1000, &params).unwrap();
            assert!(hits.ids().len() >= 20 && hits.ids().iter().all(|id| id % 2 == 1));
        }
    });
}

/// What an error says of the argument `prepared`.
fn refused<T: std::fmt::Debug>(answer: nearfield::Result<T>) -> String {
    match answer {
        Err(Error::InvalidArgument { argument: "prepared", reason }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_prepared_filter_that_does_not_fit_is_refused() {
    let (gpu, dim) = (gpu(), 3);
    let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let [index, other] = [(), ()].map(|()| Flat::new(&gpu, dim, Metric::L2).unwrap());
    index.add(&values).unwrap();
    other.add(&values).unwrap();
    let shared = index.prepare_filter(IdFilter::range(0..1)).unwrap();
    let own = index.prepare_query_filter((0..2).map(|at| at..at + 1).collect()).unwrap();
    let streamed = StreamedFlat::from_f32(&gpu, values.to_vec(), dim, Metric::L2).unwrap();
    let new = SearchParams::new;
    let (one, two) = (Rows::F32(&values[..3]), Rows::F32(&values));
    for prepared in [&shared, &own] {
        let params = new().prepared(prepared);
        assert!(refused(other.search_with(two, 1, &params)).contains("another index"));
        assert!(refused(other.range_search_with(two, 1.0, &params)).contains("another index"));
        assert!(refused(streamed.search_with(two, 1, &params)).contains("StreamedFlat"));
        assert!(refused(streamed.range_search_with(two, 1.0, &params)).contains("StreamedFlat"));
        assert!(refused(streamed.read_through(&params)).contains("not searched"));
    }
    let error = refused(index.search_with(one, 1, &new().prepared(&own)));
    assert!(error.contains("2 queries for 1 queries"), "{error}");
    let error = refused(index.search_with(one, 1, &new().prepared(&shared).filter(0..1)));
    assert!(error.contains("filter"), "{error}");
    let each: QueryFilter = [0..1, 0..1].into_iter().collect();
    let both = new().prepared(&own).query_filter(each);
    let error = refused(index.range_search_with(two, 1.0, &both));
    assert!(error.contains("query_filter"), "{error}");

    assert!(matches!(streamed.prepare_filter(IdFilter::All), Err(Error::Unsupported { .. })));
    let bitmaps = QueryFilter::bitmap([1, 2, 3], 2);
    assert!(matches!(
        streamed.prepare_query_filter(bitmaps.clone()),
        Err(Error::Unsupported { .. })
    ));
    for bitmaps in [bitmaps, QueryFilter::bitmap([], 0)] {
        let error = index.prepare_query_filter(bitmaps).unwrap_err();
        assert!(matches!(error, Error::InvalidArgument { argument: "query_filter", .. }));
    }
    for part in [0..3, 2..3, std::ops::Range { start: 2, end: 1 }] {
        let error = own.part(part).unwrap_err();
        assert!(matches!(error, Error::InvalidArgument { argument: "queries", .. }), "{error}");
    }
    assert!(shared.part(0..0).is_err());
    // what was refused has changed nothing
    let hits = index.search_with(two, 2, &new().prepared(&own)).unwrap();
    assert_eq!((hits.ids(), hits.lims()), (&[0, 1][..], &[0, 1, 2][..]));
}

/// Memory is found wanting when a filter is prepared, or prepared again behind a change; both leave all as it was.
#[test]
fn a_budget_without_room_for_a_filter_is_an_error() {
    let gpu = Gpu::builder().poison(true).memory_budget(3 << 20).open().unwrap();
    let (dim, n) = (4, 20_000);
    let index = Flat::new(&gpu, dim, Metric::L2).unwrap();
    let all = rows(n, dim, &Metric::L2, DType::F32, 51).rows().to_f32();
    index.add(&all).unwrap();
    let search = |params: &SearchParams| index.search_with(Rows::F32(&all[..dim]), 3, params);
    let plain = search(&SearchParams::new()).unwrap();
    let many: QueryFilter = (0..2_000).map(|_| 0..9_000).collect();
    let error = index.prepare_query_filter(many).unwrap_err();
    assert!(matches!(error, Error::OutOfDeviceMemory { .. }), "{error}");
    assert!(error.to_string().contains("prepared filter"), "{error}");
    assert_eq!(bytes_under(&gpu, "prepared filter"), 0);
    let few = index.prepare_query_filter((0..1).map(|_| 0..9_000).collect()).unwrap();
    let params = SearchParams::new().prepared(&few);
    assert!(search(&params).unwrap().ids().iter().all(|&id| id < 9_000));
    assert_eq!(bits(&search(&SearchParams::new()).unwrap()), bits(&plain));
    assert!(gpu.memory().peak <= 3 << 20, "{}", gpu.memory());
}
