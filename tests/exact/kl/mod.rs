//! Kullback-Leibler by products with the rows' logarithms: which kernel runs, and that its answer is that of all exact distances to
//! the bit, whatever the data. Rows with an element of 0 are hits of some queries and not of others.

mod hostile;

use crate::common::data::{Owned, Random};
use crate::common::device::{Open as _, subset};
use crate::common::ways::{COPY, MATRIX, MATRIX_F32_COPY, ROWS, TILES, Way, open};
use half::{bf16, f16};
use nearfield::format::HostRows;
use nearfield::{
    DType, Flat, Gpu, Hits, IdFilter, Index, Metric, Rows, Search, SearchParams, StreamedFlat,
};

const WAYS: &[Way] = &[ROWS, TILES, COPY, MATRIX, MATRIX_F32_COPY];

/// The kernel that a way goes by, where nothing keeps it from that.
fn kernel(way: &Way) -> &'static str {
    match way.name {
        name if name == ROWS.name => "scan_direct_row_kl",
        name if name == TILES.name => "scan_direct_kl",
        name if name == COPY.name => "scan_row_f16copy",
        name if name == MATRIX.name => "scan_matrix_f16copy_f16",
        _ => "scan_matrix_f16copy_f32",
    }
}

fn ran(hits: &Hits, kernel: &str) -> bool {
    hits.stats().variants.iter().any(|variant| variant.starts_with(kernel))
}

fn bits(hits: &Hits) -> Vec<u32> {
    hits.distances().iter().map(|d| d.to_bits()).collect()
}

fn assert_same(a: &Hits, b: &Hits, what: &str) {
    assert_eq!(a.ids(), b.ids(), "{what}: {:?}", a.stats().variants);
    assert_eq!(bits(a), bits(b), "{what}: {:?}", a.stats().variants);
}

/// Rows of a kind, none of whose elements is 0.
fn positive(kind: &str, n: usize, d: usize, random: &mut Random) -> Vec<f64> {
    let mut spread = |from: f64, to: f64| 2f64.powf(from + (to - from) * random.uniform());
    let most = 59.5 - (d as f64).log2() / 2.0;
    let mut rows = Vec::with_capacity(n * d);
    for i in 0..n {
        let scale = if kind == "rows" { spread(-100.0, 50.0) } else { 1.0 };
        let start = rows.len();
        rows.extend((0..d).map(|j| match kind {
            "distributions" => spread(-3.0, 3.0),
            "elements" => spread(-126.0, most),
            "subnormal" => spread(-149.0, if (i + j) % 3 == 0 { -126.0 } else { 0.0 }),
            // rows whose distances are equal but for the last bits
            "near" => 0.01 * (1.0 + (j % 7) as f64) * (1.0 + 1e-7 * spread(0.0, 3.0).floor()),
            "whole" => spread(0.0, 2.5).floor(),
            _ => scale * spread(-8.0, 0.0),
        }));
        if kind == "distributions" {
            let sum: f64 = rows[start..].iter().sum();
            rows[start..].iter_mut().for_each(|x| *x /= sum);
        }
    }
    rows
}

fn stored(values: &[f64], dtype: DType) -> Owned {
    let within = |most: f64| values.iter().map(move |&v| v.min(most));
    match dtype {
        DType::F16 => Owned::F16(within(6e4).map(f16::from_f64).collect()),
        DType::Bf16 => Owned::Bf16(within(1e17).map(bf16::from_f64).collect()),
        DType::I8 => Owned::I8(within(127.0).map(|v| v.ceil() as i8).collect()),
        DType::U8 => Owned::U8(within(255.0).map(|v| v.ceil() as u8).collect()),
        _ => Owned::F32(values.iter().map(|&v| v as f32).collect()),
    }
}

/// Distributions, and which rows get an element of 0.
fn distributions(n: usize, d: usize, zero_rows: &[usize]) -> Vec<f32> {
    let mut random = Random::new((n + d) as u64);
    let mut rows: Vec<f32> =
        positive("distributions", n, d, &mut random).iter().map(|&x| x as f32).collect();
    for &row in zero_rows {
        rows[row * d + row % d] = 0.0;
    }
    rows
}

fn index(gpu: &Gpu, d: usize, rows: &[f32]) -> Flat {
    let index = Flat::new(gpu, d, Metric::KlDivergence).expect("an index");
    index.add(rows).expect("rows");
    index
}

/// The search, and that of all exact distances.
fn both(index: &dyn Search, queries: &[f32], k: usize, what: &str) -> Hits {
    let search = |exhaustive| {
        let params = SearchParams::new().exhaustive(exhaustive);
        index.search_with(Rows::F32(queries), k, &params).expect("a search")
    };
    let hits = search(false);
    assert_same(&hits, &search(true), what);
    hits
}

#[test]
fn a_few_rows_with_zeros_cost_nothing_and_many_go_another_way() {
    let (n, d, nq, k) = (8_000, 32, 6, 10);
    for (way, gpu) in open(WAYS, 1) {
        let few: Vec<usize> = (0..n).step_by(700).collect();
        let many: Vec<usize> = (0..n).step_by(300).collect();
        // the queries are no rows, and a few have zeros of their own
        let queries = distributions(nq, d, &[1, 5]);
        for zero_rows in [&[][..], &few, &many] {
            let what = format!("{}, {} rows with zeros", way.name, zero_rows.len());
            let index = index(&gpu, d, &distributions(n, d, zero_rows));
            let hits = both(&index, &queries, k, &what);
            let stats = hits.stats();
            assert_eq!((stats.exact.scanned, stats.exact.rerun), (nq as u64, 0), "{what}");
            // where there are no logarithms, rows with zeros change nothing
            let copied = kernel(way).contains("f16copy");
            let goes = copied && zero_rows.len() < many.len();
            assert_eq!(ran(&hits, kernel(way)), goes || !copied, "{what}: {:?}", stats.variants);
            // rounding lets hardly more than the bins of the nearest pass
            let most = (nq * (k + 6)) as u64;
            assert!(
                !goes || stats.exact.bins_passed <= most,
                "{what}: {}",
                stats.exact.bins_passed
            );
            let uncertified = SearchParams::new().certify(false);
            let fast = index.search_with(Rows::F32(&queries), k, &uncertified).expect("a search");
            assert!(!goes || fast.ids() == hits.ids(), "{what}");
        }
    }
}

#[test]
fn rows_that_are_no_hits_are_none_and_no_query_misses_others() {
    let (n, d, k) = (3_000, 24, 20);
    for (way, gpu) in open(WAYS, 1) {
        // all but five are no hits of the first query
        let mut rows = distributions(n, d, &[]);
        let hits_of_all = [3, 64, 1_000, 1_001, 2_999];
        for row in (0..n).filter(|row| !hits_of_all.contains(row)) {
            rows[row * d] = 0.0;
        }
        let mut queries = distributions(3, d, &[]);
        queries[d] = 0.0;
        // of a query of zeros every row is as near
        queries[2 * d..].fill(0.0);
        let filtered = SearchParams::new().filter(IdFilter::bitmap(vec![1 << 3 | 1 << 7, 1]));
        let index = index(&gpu, d, &rows);
        let hits = both(&index, &queries, k, way.name);
        let mut found: Vec<u64> = hits.row(0).map(|(id, _)| id).collect();
        found.sort_unstable();
        assert_eq!(found, hits_of_all.map(|row| row as u64), "{}", way.name);
        assert_eq!(hits.row(1).count(), k, "{}", way.name);
        let firsts: Vec<(u64, f32)> = (0..k as u64).map(|row| (row, 0.0)).collect();
        assert_eq!(hits.row(2).collect::<Vec<_>>(), firsts, "{}", way.name);
        let hits = index.search_with(Rows::F32(&queries), k, &filtered).expect("a search");
        let counts: Vec<usize> = (0..3).map(|query| hits.row(query).count()).collect();
        assert_eq!(counts, [2, 3, 3], "{}", way.name);
    }
}

#[test]
fn neighbours_that_f16_does_not_tell_apart_are_all_looked_at() {
    let (n, d, k) = (4_096, 32, 5);
    for (way, gpu) in open(WAYS, 1) {
        for seed in 0..if subset() { 3 } else { 12 } {
            let mut random = Random::new(seed);
            let mut query = distributions(1, d, &[]);
            query[0] = 0.0;
            // farther by a factor, but for one row in each of 40 bins, which are nearer than the rounding of their logarithms
            let mut rows = distributions(n, d, &[]);
            rows.iter_mut().for_each(|x| *x *= 0.5);
            for bin in 0..40 {
                let row = &mut rows[(bin * 64 + random.below(63) as usize) * d..][..d];
                for (x, q) in row.iter_mut().zip(&query).skip(1) {
                    *x = q * (1.0 + 1e-3 * random.normal() as f32);
                }
                row[0] = 0.01;
                // a zero that the query has, too, in a bin of which much is lost
                if bin % 6 == 1 {
                    row[0] = 0.0;
                    let last = bin * 64 + 63;
                    rows[last * d..][..d].fill(1e-30);
                }
            }
            let index = index(&gpu, d, &rows);
            let hits = both(&index, &query, k, &format!("{}, seed {seed}", way.name));
            assert!(ran(&hits, kernel(way)), "{:?}", hits.stats().variants);
            assert_eq!(hits.stats().exact.rerun, 0, "{}", way.name);
        }
    }
}

#[test]
fn what_only_seems_near_pushes_nobody_out() {
    let (n, d, k) = (4_096, 32, 3);
    for (way, gpu) in open(WAYS, 1) {
        // too small for f16 beside the others
        let mut query = distributions(1, d, &[]);
        query[0] = 2f32.powi(-60);
        let mut rows = distributions(n, d, &[]);
        for bin in [1, 8, 20, 33, 41, 50] {
            let row = &mut rows[bin * 64 * d..][..d];
            row.copy_from_slice(&query);
            row[0] = 0.0;
        }
        let index = index(&gpu, d, &rows);
        let hits = both(&index, &query, k, way.name);
        assert!(ran(&hits, kernel(way)), "{:?}", hits.stats().variants);
        let uncertified = SearchParams::new().certify(false);
        let fast = index.search_with(Rows::F32(&query), k, &uncertified).expect("a search");
        if kernel(way).contains("f16copy") {
            assert_same(&fast, &hits, way.name);
        }
    }
}

#[test]
fn the_logarithms_follow_every_change() {
    let (n, d, k) = (4_000, 40, 7);
    for (way, gpu) in open(&[COPY, MATRIX, MATRIX_F32_COPY], 1) {
        let gpu = match way.builder().max_segment_bytes(1_024 * 160).open() {
            Ok(small) => small,
            Err(_) => gpu,
        };
        let rows = distributions(n, d, &[]);
        let queries = distributions(9, d, &[2]);
        let index = index(&gpu, d, &rows[..1_500 * d]);
        let check = |what: &str| {
            let what = format!("{}: {what}", way.name);
            let hits = both(&index, &queries, k, &what);
            assert!(ran(&hits, kernel(way)), "{what}: {:?}", hits.stats().variants);
            hits
        };
        check("first");
        index.add(&rows[1_500 * d..]).expect("rows");
        let before = check("added");
        // the nearest of the first query gets a zero, which makes it no hit, and comes back
        let nearest = before.row(0).next().expect("a hit").0;
        let own = &rows[nearest as usize * d..][..d];
        let mut zero = own.to_vec();
        zero[4] = 0.0;
        index.update(nearest, Rows::F32(&zero)).expect("an update");
        let without = check("a zero");
        assert!(without.row(0).all(|(id, _)| id != nearest), "{}", way.name);
        index.update(nearest, Rows::F32(own)).expect("an update");
        assert_same(&check("none again"), &before, way.name);
        index.remove(&[nearest]).expect("removed");
        assert_same(&check("removed"), &without, way.name);
        // of more than half what is left is copied together
        let most: Vec<u64> = (0..n as u64).filter(|id| id % 3 != 0).collect();
        index.remove(&most).expect("removed");
        check("compacted");
    }
}

#[test]
fn a_query_has_the_same_answer_in_every_company() {
    let (n, d, nq, k) = (1_500, 24, 70, 12);
    for (way, gpu) in open(WAYS, 1) {
        let index = index(&gpu, d, &distributions(n, d, &[70, 1_300]));
        let mut queries = distributions(nq, d, &[3, 44]);
        // magnitudes that no single scale of f16 has
        for (i, query) in queries.chunks_exact_mut(d).enumerate() {
            query.iter_mut().for_each(|q| *q *= 2f32.powi(i as i32 % 13 * 6 - 40));
        }
        let all = both(&index, &queries, k, way.name);
        for some in [1, 33] {
            for start in (0..nq).step_by(some * 5 + 1) {
                let end = (start + some).min(nq);
                let part = index.search(&queries[start * d..end * d], k).expect("a search");
                for query in start..end {
                    let (of_all, of_some) = (all.row(query), part.row(query - start));
                    assert!(of_all.eq(of_some), "{}: query {query} among {some}", way.name);
                }
            }
        }
    }
}

#[test]
fn rows_of_every_type_are_copied_as_logarithms_and_so_are_chunks() {
    let (n, d, nq, k) = (2_000, 32, 10, 9);
    let narrow = [DType::F32, DType::F16, DType::Bf16, DType::I8, DType::U8];
    // some drivers compile for seconds
    let types = if subset() { &narrow[..2] } else { &narrow };
    for (way, gpu) in open(&[COPY, MATRIX, MATRIX_F32_COPY], 1) {
        let large: Vec<f64> =
            distributions(n, d, &[]).iter().map(|&x| 1.0 + 800.0 * f64::from(x)).collect();
        let queries = distributions(nq, d, &[7]);
        for &dtype in types {
            let what = format!("{}, {dtype}", way.name);
            let rows = stored(&large, dtype);
            let index = Flat::with_dtype(&gpu, d, Metric::KlDivergence, dtype).expect("an index");
            index.add_rows(rows.rows()).expect("rows");
            let hits = both(&index, &queries, k, &what);
            assert!(ran(&hits, kernel(way)), "{what}: {:?}", hits.stats().variants);
            let store = HostRows::new(rows, d, Owned::rows).expect("whole rows");
            let streamed = StreamedFlat::new(&gpu, store, Metric::KlDivergence).expect("rows");
            let chunks = streamed.with_chunk_rows(700).search(&queries, k).expect("a search");
            assert_same(&chunks, &hits, &what);
            if way.name != COPY.name {
                assert!(ran(&chunks, kernel(way)), "{what}: {:?}", chunks.stats().variants);
            }
        }
        let bytes = |metric| index_bytes(&gpu, d, n, metric);
        // half as much again as without the copy, which cosine distances have, too
        assert_eq!(bytes(Metric::KlDivergence), bytes(Metric::InnerProduct), "{}", way.name);
        assert!(bytes(Metric::KlDivergence) > bytes(Metric::L1) + (n * d * 2) as u64);
    }
}

fn index_bytes(gpu: &Gpu, d: usize, n: usize, metric: Metric) -> u64 {
    let index = Flat::new(gpu, d, metric).expect("an index");
    index.add(&distributions(n, d, &[])).expect("rows");
    index.memory()
}
