//! Little memory and small bindings: the same answers to the bit, or an error that says what was needed and what there was.

use crate::common::device::{Open as _, shared, subset};
use crate::support::{index, rows};
use nearfield::format::{HostRows, RowStore};
use nearfield::{
    DType, Error, Flat, Gpu, GpuBuilder, Hits, IdFilter, Index, Metric, QueryFilter, Rows, Search,
    SearchParams, StreamedFlat, pairwise,
};

/// Bytes of a binding: less than some buffers of every case take for all queries, and more than those of one query.
const BINDING: u64 = 64 << 10;
const ROWS: usize = 5_000;
const QUERIES: usize = 110;

/// The adapter with its own limits and with small bindings; every row may be scanned.
fn pair(name: &str, settings: &[(&str, &str, u32)]) -> [Gpu; 2] {
    let builder = || {
        let builder = Gpu::builder().poison(true).setting("kernel.scan.min_rows", 0);
        settings
            .iter()
            .fold(builder, |builder, (s, key, value)| builder.setting(format!("{s}.{key}"), value))
    };
    let small = || builder().max_binding_bytes(BINDING);
    let open = |name: String, builder: &dyn Fn() -> GpuBuilder| shared(&name, builder).unwrap();
    [open(format!("{name}, own"), &builder), open(format!("{name}, small"), &small)]
}

/// Ids, lims and the bits of the distances.
fn bits(hits: &Hits) -> (Vec<u64>, Vec<usize>, Vec<u32>) {
    let distances = hits.distances().iter().map(|d| d.to_bits()).collect();
    (hits.ids().to_vec(), hits.lims().to_vec(), distances)
}

fn filters() -> (IdFilter, QueryFilter) {
    let third = IdFilter::bitmap(vec![0x9249_2492_4924_9249u64; ROWS.div_ceil(64)]);
    let each = |at: u64| IdFilter::range(at * 10..3_500 + at * 10);
    (third, QueryFilter::Each((0..QUERIES as u64).map(each).collect()))
}

type Ask = (usize, SearchParams);

/// Every kind of search; each has kernels of its own, which take longer to compile than to run. Of those that differ in k or in the
/// filter for all, a case has two, from its own on.
fn asks(case: usize) -> Vec<Ask> {
    let (shared, each) = filters();
    let all = SearchParams::new;
    let mut asks = vec![
        (10, all().query_filter(each.clone())),
        (10, all()),
        (10, all().filter(shared.clone()).query_filter(each.clone())),
        (250, all().filter(shared)),
        (2000, all()),
        (4_500, all()),
        (3, all().exhaustive(true).query_filter(each)),
    ];
    asks.truncate(if subset() { 1 } else { 7 });
    let mine = |at: usize| at == 0 || (at + case).is_multiple_of(3);
    asks.into_iter().enumerate().filter(|(at, _)| mine(*at)).map(|(_, ask)| ask).collect()
}

fn agree(ours: &dyn Search, theirs: &dyn Search, queries: Rows<'_>, asks: &[Ask]) {
    for (k, params) in asks.iter().cloned() {
        // of so many hits, few queries
        let count = if k > 100 { 12 } else { QUERIES };
        let params = match &params.query_filter {
            Some(QueryFilter::Each(each)) => {
                params.clone().query_filter(QueryFilter::Each(each[..count].to_vec()))
            }
            _ => params,
        };
        let queries = queries.slice(ours.dim(), 0..count);
        let expected = theirs.search_with(queries, k, &params).unwrap();
        let found = ours.search_with(queries, k, &params).unwrap();
        assert_eq!(bits(&found), bits(&expected), "{ours:?}, k = {k}");
        if k != 10 {
            continue;
        }
        let Some((_, radius)) = expected.row(0).next_back() else { continue };
        let expected = theirs.range_search_with(queries, radius, &params).unwrap();
        let found = ours.range_search_with(queries, radius, &params).unwrap();
        assert_eq!(bits(&found), bits(&expected), "{ours:?}, range");
    }
}

fn compare(name: &str, settings: &[(&str, &str, u32)], cases: &[(Metric, DType, usize)]) {
    let [own, small] = pair(name, settings);
    assert_eq!(small.caps().max_binding_bytes, BINDING);
    for (case, (metric, dtype, dim)) in cases.iter().cloned().enumerate() {
        let all = rows(ROWS, dim, &metric, dtype, 21);
        let queries = rows(QUERIES, dim, &metric, dtype, 22);
        let [theirs, ours] = [&own, &small].map(|gpu| index(gpu, dim, &metric, dtype));
        for index in [&theirs, &ours] {
            index.add_rows(all.rows().slice(dim, 0..100)).unwrap();
            index.add_rows(all.rows().slice(dim, 100..ROWS)).unwrap();
        }
        agree(&*ours, &*theirs, queries.rows(), &asks(case));
        let gone: Vec<u64> = (0..ROWS as u64).filter(|id| id % 5 > 1).collect();
        for index in [&theirs, &ours] {
            index.update(2_501, queries.rows().slice(dim, 3..4)).unwrap();
            assert_eq!(index.remove(&gone).unwrap(), gone.len());
        }
        agree(&*ours, &*theirs, queries.rows(), &asks(case)[..1]);
    }
}

#[test]
fn searches_do_not_depend_on_what_one_binding_holds() {
    let cases = [
        (Metric::L2, DType::F32, 20),
        (Metric::L1, DType::F32, 16),
        (Metric::InnerProduct, DType::I8, 48),
        (Metric::Correlation, DType::F16, 24),
        (Metric::Hamming, DType::Bits, 128),
    ];
    compare("as they come", &[], if subset() { &cases[..1] } else { &cases });
}

/// A copy may be wider than the rows: of 16 elements of 2 bytes it takes 64.
#[test]
fn copies_that_are_wider_than_their_rows_fit_too() {
    let cases = [(Metric::L2, DType::Bf16, 16), (Metric::Cosine, DType::F32, 16)];
    let cases = if subset() { &cases[..1] } else { &cases[..] };
    let few = ("scan", "max_row_queries", 300);
    let (f16, int8) = ([("matrix", "f16_copy", 1), few], [("scan", "int8_copy", 1), few]);
    compare("f16 copies", &f16, cases);
    if !subset() {
        compare("8-bit copies", &int8, cases);
    }
    // and are made, cut as the bindings want it
    for (name, settings, copy) in
        [("f16 copies", f16, "f16copy"), ("8-bit copies", int8, "int8copy")]
    {
        let [_, small] = pair(name, &settings);
        let index = index(&small, 16, &Metric::L2, DType::Bf16);
        let all = rows(ROWS, 16, &Metric::L2, DType::Bf16, 24);
        index.add_rows(all.rows()).unwrap();
        let hits = index.search_with(all.rows().slice(16, 0..2), 3, &SearchParams::new()).unwrap();
        let variants = &hits.stats().variants;
        assert!(variants.iter().any(|variant| variant.contains(copy)), "{variants:?}");
    }
}

#[test]
fn streams_and_matrices_of_distances_fit_too() {
    let [own, small] =
        pair("f16 copies", &[("matrix", "f16_copy", 1), ("scan", "max_row_queries", 300)]);
    let (dim, metric) = (16, Metric::L2);
    let all = rows(ROWS, dim, &metric, DType::F32, 23).rows().to_f32();
    let queries = all[..QUERIES * dim].to_vec();
    let theirs = index(&own, dim, &metric, DType::F32);
    theirs.add(&all).unwrap();
    let distances = |gpu: &Gpu| {
        let queries = Rows::F32(&queries[..5 * dim]);
        pairwise(gpu, &metric, queries, Rows::F32(&all), dim).unwrap()
    };
    assert!(distances(&small) == distances(&own));
    let streamed = StreamedFlat::from_f32(&small, all, dim, metric).unwrap();
    agree(&streamed, &*theirs, Rows::F32(&queries), &asks(1));
}

/// Keys of the hits of one query lie in one binding.
#[test]
fn a_k_beyond_one_binding_is_named() {
    let gpu = shared("as they come, small", || {
        Gpu::builder().poison(true).setting("kernel.scan.min_rows", 0).max_binding_bytes(BINDING)
    });
    let gpu = gpu.unwrap();
    let n = 20_000usize;
    let index = Flat::with_dtype(&gpu, 4, Metric::L2, DType::U8).unwrap();
    let bytes: Vec<u8> = (0..n * 4).map(|i| ((i / 4) >> (i % 4 * 8)) as u8).collect();
    index.add_rows(Rows::U8(&bytes)).unwrap();
    let search = |k| index.search_with(Rows::U8(&bytes[..4]), k, &SearchParams::new());
    let error = search(n).unwrap_err();
    assert!(matches!(error, Error::LimitExceeded { .. }), "{error}");
    let text = error.to_string();
    assert!(["k = 20000", "80000", "65536"].iter().all(|word| text.contains(word)), "{text}");
    let hits = search(15_000).unwrap();
    assert_eq!((hits.ids().len(), hits.ids()[0]), (15_000, 0));
    // all rows of a block are hits of one query
    let found = index.range_search_with(Rows::U8(&bytes[..4]), 1e9, &SearchParams::new()).unwrap();
    assert_eq!(found.ids().len(), n);
}

/// Whatever the budget, from what holds the rows hardly to what holds all: each call answers as without a budget, or says
/// what was missing and has changed nothing.
#[test]
fn budgets_near_the_need_are_kept() {
    let (n, dim, metric) = (10_000, 16, Metric::L2);
    let all = rows(n, dim, &metric, DType::Bf16, 25);
    let queries = rows(60, dim, &metric, DType::F32, 26);
    let settings = |builder: GpuBuilder| {
        builder.setting("kernel.scan.min_rows", 0).setting("kernel.matrix.f16_copy", 1)
    };
    let own = settings(Gpu::builder().poison(true)).open().unwrap();
    let theirs = index(&own, dim, &metric, DType::Bf16);
    theirs.add_rows(all.rows()).unwrap();
    let each: Vec<_> = (0..60).map(|at| IdFilter::range(at * 50..7_500 + at * 7)).collect();
    let asks = [
        (10, SearchParams::new()),
        (10, SearchParams::new().filter(IdFilter::range(5..4_000))),
        (10, SearchParams::new().query_filter(QueryFilter::Each(each))),
        (1000, SearchParams::new()),
        (10_000, SearchParams::new()),
    ];
    let asks = &asks[..if subset() { 3 } else { 5 }];
    let expected: Vec<_> = asks
        .iter()
        .map(|(k, params)| {
            let hits = theirs.search_with(queries.rows(), *k, params).unwrap();
            let radius = hits.row(0).next_back().unwrap().1;
            let range = theirs.range_search_with(queries.rows(), radius, params).unwrap();
            (bits(&hits), radius, bits(&range))
        })
        .collect();
    let short = |error: &Error| matches!(error, Error::OutOfDeviceMemory { .. });
    let (mut served, mut refused) = (0, 0);
    let step = if subset() { 1400 << 10 } else { 330 << 10 };
    for (number, budget) in ((300 << 10)..(3 << 20)).step_by(step).enumerate() {
        let gpu = settings(Gpu::builder().poison(true).memory_budget(budget)).open().unwrap();
        let ours = index(&gpu, dim, &metric, DType::Bf16);
        if let Err(error) = ours.add_rows(all.rows()) {
            assert!(short(&error) && error.to_string().contains("StreamedFlat"), "{error}");
            assert_eq!(ours.len(), 0);
            refused += 1;
            continue;
        }
        for (at, ((k, params), (hits, radius, range))) in asks.iter().zip(&expected).enumerate() {
            // every other kind of search at each budget, in turn
            if !subset() && at > 0 && !(number + at).is_multiple_of(2) {
                continue;
            }
            let found = [
                (ours.search_with(queries.rows(), *k, params), hits),
                (ours.range_search_with(queries.rows(), *radius, params), range),
            ];
            for (found, expected) in found {
                match found {
                    Ok(found) => {
                        assert_eq!(bits(&found), *expected, "k = {k}, budget {budget}");
                        served += 1;
                    }
                    Err(error) => {
                        assert!(short(&error), "k = {k}, budget {budget}: {error}");
                        refused += 1;
                    }
                }
            }
        }
        if let Err(error) = ours.update(7, all.rows().slice(dim, 7..8)) {
            assert!(short(&error), "budget {budget}: {error}");
        }
        assert_eq!(ours.len(), n);
        assert!(gpu.memory().peak <= budget, "{}", gpu.memory());
        if budget > 5 << 19 {
            let all = ours.search_with(queries.rows(), 10, &asks[0].1).unwrap();
            assert_eq!(bits(&all), expected[0].0);
        }
    }
    println!("{served} served, {refused} refused");
    assert!(served > 0 && refused > 0);
}

#[test]
fn a_budget_that_holds_no_rows_points_to_the_host() {
    let error = Gpu::builder().memory_budget(0).open().unwrap_err();
    assert!(matches!(error, Error::InvalidArgument { argument: "memory_budget", .. }), "{error}");
    // more than the device has is for the driver to refuse
    assert!(Gpu::builder().memory_budget(1 << 50).open().is_ok());
    let gpu = Gpu::builder().memory_budget(2 << 20).open().unwrap();
    let (dim, n) = (64, 20_000);
    let all: Vec<f32> = (0..n * dim).map(|i| (i * 7919 % 1009) as f32).collect();
    let index = Flat::new(&gpu, dim, Metric::L2).unwrap();
    let error = index.add(&all).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::OutOfDeviceMemory { .. }), "{text}");
    assert!(text.contains("StreamedFlat") && text.contains("2097152"), "{text}");
    index.add(&all[..1000 * dim]).unwrap();
    assert_eq!(index.search(&all[..dim], 1).unwrap().ids(), [0]);
    drop(index);
    let store = HostRows::f32(all.clone(), dim).unwrap();
    assert_eq!(store.row_count(), n as u64);
    let streamed = StreamedFlat::new(&gpu, store, Metric::L2).unwrap();
    let hits = streamed.search(&all[19_999 * dim..], 1).unwrap();
    assert_eq!(hits.distances(), [0.0]);
    assert!(gpu.memory().peak <= 2 << 20, "{}", gpu.memory());
}
