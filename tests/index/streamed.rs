//! Rows that stay on the host: the hits of a resident index to the bit, whatever the chunks, and what can go wrong on the way.

use crate::common::device::{Open as _, shared, subset};
use crate::support::{encode, index, rows};
use nearfield::format::{self, HostRows, RowStore};
use nearfield::{
    CancelToken, DType, Error, Gpu, Hits, IdFilter, Metric, QueryFilter, RowSource, Rows, Search,
    SearchParams, StreamedFlat,
};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Poisoned, with segments of the adapter's own size: a chunk is one.
fn gpu() -> Gpu {
    shared("one segment", || Gpu::builder().poison(true)).unwrap()
}

/// Rows of any type, owned.
struct Bytes(DType, Vec<u32>, usize);

impl Bytes {
    fn of(rows: Rows<'_>) -> Bytes {
        let bytes = rows.bytes();
        let mut words = vec![0u32; bytes.len().div_ceil(4)];
        bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Bytes(rows.dtype(), words, bytes.len())
    }

    fn rows(&self) -> Rows<'_> {
        Rows::from_bytes(self.0, &bytemuck::cast_slice(&self.1)[..self.2]).unwrap()
    }
}

fn streamed(gpu: &Gpu, rows: Rows<'_>, dim: usize, metric: &Metric) -> StreamedFlat {
    let store = HostRows::new(Bytes::of(rows), dim, Bytes::rows).unwrap();
    StreamedFlat::new(gpu, store, metric.clone()).unwrap()
}

/// Ids, lims and the bits of the distances.
fn bits(hits: &Hits) -> (Vec<u64>, Vec<usize>, Vec<u32>) {
    let distances = hits.distances().iter().map(|d| d.to_bits()).collect();
    (hits.ids().to_vec(), hits.lims().to_vec(), distances)
}

/// Holds both searches of all of `rows`, in 1 to 7 chunks and more, against a resident index.
fn compare(gpu: &Gpu, metric: &Metric, all: Rows<'_>, queries: Rows<'_>, dim: usize, ks: &[usize]) {
    let resident = index(gpu, dim, metric, all.dtype());
    resident.add_rows(all).unwrap();
    let n = resident.len() as u64;
    let params = SearchParams::new();
    for chunk in [n, n.div_ceil(2), n.div_ceil(3), n.div_ceil(7), 1] {
        let index = streamed(gpu, all, dim, metric).with_chunk_rows(chunk as usize);
        assert_eq!((index.len() as u64, index.dim(), index.dtype()), (n, dim, all.dtype()));
        for &k in ks {
            let theirs = resident.search_with(queries, k, &params).unwrap();
            let ours = index.search_with(queries, k, &params).unwrap();
            assert_eq!(bits(&ours), bits(&theirs), "{metric} {}, {chunk} a chunk", all.dtype());
            let chunks = n.div_ceil(chunk.next_multiple_of(64));
            assert_eq!((ours.stats().stream.chunks, ours.stats().rows), (chunks, n));
            assert_eq!(ours.stats().stream.bytes, all.bytes().len() as u64);
        }
        let theirs = resident.search_with(queries, 20, &params).unwrap();
        let Some((_, radius)) = theirs.row(0).next_back() else { continue };
        let theirs = resident.range_search_with(queries, radius, &params).unwrap();
        let ours = index.range_search_with(queries, radius, &params).unwrap();
        assert_eq!(bits(&ours), bits(&theirs), "{metric} {}, {chunk} a chunk", all.dtype());
    }
}

#[test]
fn every_metric_and_type_gives_the_hits_of_a_resident_index() {
    let gpu = gpu();
    let cases = [
        (Metric::L2, DType::F32, 37),
        (Metric::SqrtL2, DType::F16, 5),
        (Metric::InnerProduct, DType::F32, 8),
        (Metric::Cosine, DType::Bf16, 12),
        (Metric::L1, DType::F32, 7),
        (Metric::L2, DType::U8, 300),
        (Metric::InnerProduct, DType::I8, 21),
        (Metric::L1, DType::I8, 300),
        (Metric::Correlation, DType::F32, 9),
        (Metric::Haversine, DType::F32, 2),
        (Metric::Hamming, DType::Bits, 24),
        (Metric::Dice, DType::Bits, 16),
    ];
    // each has kernels of its own to compile
    for (metric, dtype, dim) in cases.into_iter().step_by(if subset() { 2 } else { 1 }) {
        let all = rows(1327, dim, &metric, dtype, 5);
        let queries = rows(3, dim, &metric, dtype, 6);
        compare(&gpu, &metric, all.rows(), queries.rows(), dim, &[1, 10, 700, 5000]);
    }
}

/// So many rows that chunks are scanned, by every way there is; chunks of one search differ in magnitude, and so in the
/// scale of their f16 copies.
#[test]
fn scanned_chunks_give_the_hits_of_a_resident_index() {
    let dim = 17;
    for (few, copy) in [("32", "0"), ("0", "1"), ("32", "1")] {
        let gpu = Gpu::builder().poison(true).setting("kernel.scan.min_rows", "0");
        let gpu = match gpu
            .setting("kernel.scan.max_row_queries", few)
            .setting("kernel.matrix.f16_copy", copy)
            .open()
        {
            Ok(gpu) => gpu,
            Err(e) => {
                println!("skipped: {e} (1)");
                continue;
            }
        };
        for (metric, queries) in [(Metric::L2, 150), (Metric::Cosine, 2)] {
            // of the subset, many queries by the way that takes them together, few by those that do not
            if subset() && (queries > 2) != (few == "0") {
                continue;
            }
            let mut all = rows(30_011, dim, &metric, DType::F32, 1).rows().to_f32();
            for (row, values) in all.chunks_exact_mut(dim).enumerate() {
                let scale = [1.0, 1000.0, 0.01][row / 10_048];
                values.iter_mut().for_each(|x| *x *= scale);
            }
            let all = Rows::F32(&all);
            let queries = rows(queries, dim, &metric, DType::F32, 2);
            let resident = index(&gpu, dim, &metric, DType::F32);
            resident.add_rows(all).unwrap();
            let theirs = resident.search_with(queries.rows(), 10, &SearchParams::new()).unwrap();
            for chunk in if subset() { &[10_048][..] } else { &[7_000, 10_048] } {
                let index = streamed(&gpu, all, dim, &metric).with_chunk_rows(*chunk);
                let ours = index.search_with(queries.rows(), 10, &SearchParams::new()).unwrap();
                assert_eq!(bits(&ours), bits(&theirs), "{metric}, few {few}, copy {copy}");
                let asked = queries.rows().count(dim).unwrap() as u64;
                assert!(ours.stats().exact.scanned >= 2 * asked, "{:?}", ours.stats());
                let (_, radius) = theirs.row(0).next_back().unwrap();
                let within = |search: &dyn Search| {
                    search.range_search_with(queries.rows(), radius, &SearchParams::new()).unwrap()
                };
                let (all, chunks) = (within(&*resident), within(&index));
                assert_eq!(bits(&chunks), bits(&all), "{metric}, few {few}, copy {copy}");
                assert!(chunks.stats().exact.scanned >= 2 * asked, "{:?}", chunks.stats());
                // Of so few queries the copy is not made.
                let copied = ours.stats().variants.iter().any(|v| v.contains("f16"));
                assert!(!copied || copy == "1" && asked > 4 * few.parse::<u64>().unwrap());
            }
        }
    }
}

#[test]
fn ties_across_chunks_stand_in_row_order() {
    let gpu = gpu();
    // Eight different rows, over and over; and bytes whose sums leave f32's whole numbers, so that distances tie and keys do not.
    let few: Vec<f32> = (0..1000).flat_map(|i| [(i % 8) as f32, 1.0]).collect();
    let index = StreamedFlat::from_f32(&gpu, few, 2, Metric::L2).unwrap().with_chunk_rows(192);
    let hits = index.search(&[3.0, 1.0], 300).unwrap();
    let expected: Vec<u64> = (0..1000).filter(|i| i % 8 == 3).collect();
    assert_eq!(hits.ids()[..125], expected);
    let near = |i: &u64| i % 8 == 2 || i % 8 == 4;
    assert_eq!(hits.ids()[125..], (0..1000).filter(near).take(175).collect::<Vec<_>>());

    let dim = 600;
    let values: Vec<f64> = (0..700 * dim).map(|i| f64::from(i as u32 * 7919 % 3)).collect();
    let all = encode(&values, dim, DType::U8, &Metric::L2);
    let far = Bytes(DType::U8, vec![u32::MAX; dim / 4], dim);
    compare(&gpu, &Metric::L2, all.rows(), far.rows(), dim, &[1, 50]);
    compare(&gpu, &Metric::SqrtL2, all.rows(), far.rows(), dim, &[50]);
}

#[test]
fn a_budget_far_below_the_data_is_kept() {
    let budget = 4 << 20;
    let small = Gpu::builder().poison(true).memory_budget(budget).open().unwrap();
    let (n, dim, metric) = (60_037, 64, Metric::L2);
    let all = rows(n, dim, &metric, DType::F32, 3);
    let queries = rows(5, dim, &metric, DType::F32, 4);
    let resident = index(&gpu(), dim, &metric, DType::F32);
    resident.add_rows(all.rows()).unwrap();
    let index = streamed(&small, all.rows(), dim, &metric);
    assert!(index.resident_bytes() > 3 * budget);
    let params = SearchParams::new();
    for k in [1, 10] {
        let ours = index.search_with(queries.rows(), k, &params).unwrap();
        let theirs = resident.search_with(queries.rows(), k, &params).unwrap();
        assert_eq!(bits(&ours), bits(&theirs));
        assert!(ours.stats().stream.chunks > 10, "{:?}", ours.stats());
    }
    let ours = index.range_search_with(queries.rows(), 40.0, &params).unwrap();
    let theirs = resident.range_search_with(queries.rows(), 40.0, &params).unwrap();
    assert_eq!(bits(&ours), bits(&theirs));
    assert!(small.memory().peak <= budget, "{}", small.memory());
    let stats = index.read_through(&params).unwrap();
    assert_eq!((stats.stream.bytes, stats.queries), ((n * dim * 4) as u64, 0));
    assert_eq!(format!("{index:?}"), "StreamedFlat(60037 x 64 f32, l2)");
}

#[test]
fn filters_act_as_on_a_resident_index() {
    let gpu = gpu();
    let (n, dim, metric) = (1000, 3, Metric::L2);
    let all = rows(n, dim, &metric, DType::F32, 8);
    let queries = rows(4, dim, &metric, DType::F32, 9);
    let resident = index(&gpu, dim, &metric, DType::F32);
    resident.add_rows(all.rows()).unwrap();
    let index = streamed(&gpu, all.rows(), dim, &metric).with_chunk_rows(128);
    let odd = IdFilter::bitmap(vec![0xaaaa_aaaa_aaaa_aaaau64; 16]);
    let shared = [
        (IdFilter::All, 8),
        (!IdFilter::All, 0),
        (IdFilter::batch([640]), 1),
        (IdFilter::range(127..129), 2),
        (IdFilter::batch([999, 0, 5000]), 2),
        (odd.clone(), 8),
    ];
    for (filter, chunks) in shared {
        let params = SearchParams::new().filter(filter.clone());
        let (ours, theirs) = (
            index.search_with(queries.rows(), 9, &params).unwrap(),
            resident.search_with(queries.rows(), 9, &params).unwrap(),
        );
        assert_eq!(bits(&ours), bits(&theirs), "{filter:?}");
        // What nobody may find is not read.
        assert_eq!(ours.stats().stream.chunks, chunks, "{filter:?}");
        let ours = index.range_search_with(queries.rows(), 2.0, &params).unwrap();
        let theirs = resident.range_search_with(queries.rows(), 2.0, &params).unwrap();
        assert_eq!(bits(&ours), bits(&theirs), "{filter:?}");
    }
    let each = [odd.clone(), IdFilter::range(300..400), !IdFilter::All, IdFilter::All];
    let params = SearchParams::new().query_filter(QueryFilter::Each(each.to_vec())).filter(odd);
    let ours = index.search_with(queries.rows(), 60, &params).unwrap();
    assert_eq!(bits(&ours), bits(&resident.search_with(queries.rows(), 60, &params).unwrap()));
    let error = index.submit(queries.rows().slice(dim, 0..2), 1, &params).err().unwrap();
    assert!(matches!(error, Error::InvalidArgument { argument: "query_filter", .. }), "{error}");
}

#[test]
fn nothing_asked_and_nothing_there() {
    let gpu = gpu();
    let none = StreamedFlat::from_f32(&gpu, Vec::new(), 2, Metric::L2).unwrap();
    assert!(none.is_empty());
    assert_eq!(none.search(&[0.0; 4], 3).unwrap().lims(), [0, 0, 0]);
    assert_eq!(none.range_search(&[0.0; 4], 3.0).unwrap().lims(), [0, 0, 0]);
    let some = StreamedFlat::from_f32(&gpu, vec![1.0; 400], 2, Metric::L2).unwrap();
    let hits = some.search(&[], 3).unwrap();
    assert!(hits.is_empty() && hits.lims() == [0] && hits.stats().stream.chunks == 0);
    for queries in [&[][..], &[0.0, 0.0]] {
        let error = some.search(queries, 0).unwrap_err();
        assert!(matches!(error, Error::InvalidArgument { argument: "k", .. }), "{error}");
    }
    let error = some.range_search(&[0.0, 0.0], f32::NAN).unwrap_err();
    assert!(matches!(error, Error::InvalidArgument { argument: "radius", .. }), "{error}");
    assert!(matches!(some.search(&[0.0; 3], 1), Err(Error::PartialRow { .. })));
    let bits = HostRows::new(vec![0u8; 4], 16, |v| Rows::Bits(v)).unwrap();
    assert!(matches!(StreamedFlat::new(&gpu, bits, Metric::L2), Err(Error::Unsupported { .. })));
}

#[test]
fn progress_rises_to_one_and_a_search_may_be_cancelled() {
    let gpu = gpu();
    let all = rows(2000, 2, &Metric::L2, DType::F32, 8);
    let index = streamed(&gpu, all.rows(), 2, &Metric::L2).with_chunk_rows(192);
    let queries = all.rows().slice(2, 0..5);
    let expected = bits(&index.search_with(queries, 3, &SearchParams::new()).unwrap());
    let only = IdFilter::range(0..100);
    for params in [SearchParams::new(), SearchParams::new().filter(only)] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let shares = Arc::clone(&seen);
        let params = params.progress(move |share| shares.lock().unwrap().push(share));
        for range in [false, true] {
            match range {
                false => index.search_with(queries, 3, &params).unwrap(),
                true => index.range_search_with(queries, 0.1, &params).unwrap(),
            };
            let shares = std::mem::take(&mut *seen.lock().unwrap());
            assert!(shares.len() >= 11 && shares.is_sorted(), "{shares:?}");
            assert_eq!(shares.last(), Some(&1.0));
        }
    }
    for at in [1, 4] {
        let (token, calls) = (CancelToken::new(), AtomicUsize::new(0));
        let cancels = token.clone();
        let params = SearchParams::new().cancel(&token).progress(move |_| {
            if calls.fetch_add(1, Ordering::Relaxed) == at {
                cancels.cancel();
            }
        });
        let error = index.search_with(queries, 3, &params).unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error}");
        assert!(matches!(index.submit_range(queries, 3.0, &params), Err(Error::Cancelled)));
    }
    drop(index.submit(queries, 3, &SearchParams::new()).unwrap());
    let first = index.submit(queries, 3, &SearchParams::new()).unwrap();
    let second = index.submit(queries, 3, &SearchParams::new()).unwrap();
    assert_eq!(bits(&pollster::block_on(second).unwrap()), expected);
    assert_eq!(bits(&first.wait().unwrap()), expected);
}

#[test]
fn bad_rows_are_named_where_they_are() {
    let gpu = gpu();
    for metric in [Metric::L2, Metric::Cosine, Metric::Correlation] {
        let mut all = rows(1000, 3, &metric, DType::F32, 8).rows().to_f32();
        all[733 * 3 + 2] = f32::NAN;
        all[734 * 3] = f32::INFINITY;
        let queries = all[..6].to_vec();
        let index = StreamedFlat::from_f32(&gpu, all, 3, metric).unwrap().with_chunk_rows(192);
        for _ in 0..2 {
            let error = index.search(&queries, 5).unwrap_err();
            assert!(matches!(error, Error::NonFinite { row: 733, column: 2 }), "{error}");
            let error = index.read_through(&SearchParams::new()).unwrap_err();
            assert!(matches!(error, Error::NonFinite { row: 733, column: 2 }), "{error}");
        }
        let before = SearchParams::new().filter(IdFilter::range(0..500));
        assert_eq!(index.search_with(Rows::F32(&queries), 5, &before).unwrap().len(), 2);
        // Of queries it is known at once.
        let error = index.submit(Rows::F32(&[f32::NAN; 3]), 1, &SearchParams::new()).err().unwrap();
        assert!(matches!(error, Error::NonFinite { row: 0, column: 0 }), "{error}");
    }
}

/// A store whose streams are not what it says.
struct Short(Vec<f32>);

impl RowStore for Short {
    fn row_count(&self) -> u64 {
        500
    }

    fn stream(&self, rows: Range<u64>) -> nearfield::Result<Box<dyn RowSource + '_>> {
        let end = rows.end.min(300) as usize;
        let part = &self.0[(rows.start as usize).min(end)..end];
        Ok(Box::new(format::SliceSource::new(Rows::F32(part), 1)?))
    }
}

#[test]
fn files_are_stores_and_stores_may_fail() {
    let gpu = gpu();
    let folder = tempfile::tempdir().unwrap();
    let (dim, metric) = (6, Metric::L2);
    let all = rows(700, dim, &metric, DType::F32, 8);
    let resident = index(&gpu, dim, &metric, DType::F32);
    resident.add_rows(all.rows()).unwrap();
    let queries = all.rows().slice(dim, 5..9);
    let expected = resident.search_with(queries, 7, &SearchParams::new()).unwrap();
    for name in ["a.npy", "a.fvecs", "a.fbin"] {
        let path = folder.path().join(name);
        let mut out = format::create(&path, DType::F32, dim).unwrap();
        out.write(all.rows()).unwrap();
        out.finish().unwrap();
        let mut file = format::open(&path, None).unwrap();
        // Where a reader of the file stands is its own affair.
        file.next_rows(9).unwrap();
        let index = StreamedFlat::new(&gpu, file, metric.clone()).unwrap().with_chunk_rows(256);
        let hits = index.search_with(queries, 7, &SearchParams::new()).unwrap();
        assert_eq!(bits(&hits), bits(&expected), "{name}");
    }
    let store = Short((0..500).map(|i| i as f32).collect());
    let index = StreamedFlat::new(&gpu, store, Metric::L2).unwrap().with_chunk_rows(64);
    let error = index.search(&[1.0], 1).unwrap_err();
    assert!(matches!(error, Error::InvalidArgument { argument: "store", .. }), "{error}");
}

/// All of rayon's workers wait for searches, which have threads of their own.
#[test]
fn searches_end_though_every_worker_waits_for_one() {
    use rayon::prelude::*;
    let gpu = gpu();
    let all = rows(20_000, 4, &Metric::L2, DType::F32, 8);
    let index = streamed(&gpu, all.rows(), 4, &Metric::L2).with_chunk_rows(9_000);
    let queries = all.rows().slice(4, 0..70);
    let expected = bits(&index.search_with(queries, 2_000, &SearchParams::new()).unwrap());
    (0..6).into_par_iter().for_each(|_| {
        let hits = index.search_with(queries, 2_000, &SearchParams::new()).unwrap();
        assert_eq!(bits(&hits), expected);
    });
}
