//! On one adapter the answer is the same to the bit, whatever the batch, the segments, the threads, the kernels, and how
//! the rows came.

use crate::common::data::{Domain, Kind, Owned, Random};
use crate::common::device::{Open as _, shared, subset};
use crate::common::ways::{
    BYTES, COPY, MATRIX, MATRIX_BIAS, MATRIX_F32, MATRIX_FINE, ROWS, TILES, open,
};
use nearfield::{
    BinaryFlat, DType, Flat, Gpu, GpuBuilder, Hits, Index, Metric, Order, Rows, Search,
    SearchParams,
};
use std::collections::BTreeSet;

const N: usize = 2_000;
const D: usize = 24;
const K: usize = 7;

fn data(count: usize, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    (0..count * D).map(|_| random.normal() as f32).collect()
}

fn builder() -> GpuBuilder {
    Gpu::builder().poison(true).setting("kernel.scan.min_rows", "0")
}

fn bits(hits: &Hits) -> (Vec<u64>, Vec<u32>) {
    (hits.ids().to_vec(), hits.distances().iter().map(|d| d.to_bits()).collect())
}

fn index(gpu: &Gpu, metric: &Metric, rows: &[f32]) -> Flat {
    let index = Flat::new(gpu, D, metric.clone()).expect("an index");
    index.add(rows).expect("rows");
    index
}

/// All families of kernels; on the drivers that run a subset, since some compile for seconds, one of each way.
fn metrics() -> Vec<Metric> {
    if subset() {
        return vec![Metric::L2, Metric::L1];
    }
    vec![
        Metric::L2,
        Metric::InnerProduct,
        Metric::Cosine,
        Metric::L1,
        Metric::JensenShannon,
        custom(),
    ]
}

/// Sums that a compiler may round once or twice.
fn custom() -> Metric {
    let text =
        "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc * 0.99 + (q - x) * (q - x); }
                fn finish(acc: f32, d: u32) -> f32 { return acc; }";
    Metric::wgsl(text, 0.0, Order::Ascending)
}

/// Rows that every metric takes.
fn rows() -> Vec<f32> {
    data(N, 1).into_iter().map(f32::abs).collect()
}

#[test]
fn every_kernel_and_every_cut_give_the_same_bits() {
    let Ok(plain) = shared("as it comes", builder) else {
        println!("skipped: no adapter (1)");
        return;
    };
    let (rows, queries) = (rows(), data(70, 2).into_iter().map(f32::abs).collect::<Vec<_>>());
    let tile = |bm: &str, bn: &str, bk: &str, tm: &str, tn: &str| {
        let sizes = [("bm", bm), ("bn", bn), ("bk", bk), ("tm", tm), ("tn", tn)];
        sizes.iter().fold(TILES.builder(), |b, (k, v)| b.setting(format!("kernel.scan.{k}"), v))
    };
    let others = [
        ("64 x 64 x 16, 4 x 4", tile("64", "64", "16", "4", "4")),
        ("64 x 64 x 16, 8 x 8", tile("64", "64", "16", "8", "8")),
        ("128 x 64 x 16, 8 x 4", tile("128", "64", "16", "8", "4")),
        ("128 x 128 x 16, 8 x 8", tile("128", "128", "16", "8", "8")),
        ("64 x 64 x 8, 8 x 4", tile("64", "64", "8", "8", "4")),
        ("segments of 64 rows", builder().max_segment_bytes(64 * 96)),
        ("segments of 1,000 rows", builder().max_segment_bytes(1_000 * 96)),
        ("checked", builder().checked(true)),
        ("short submissions", builder().setting("submit.max_ms", "1")),
        ("little memory", builder().memory_budget(40 << 20)),
    ];
    let opened = |(name, builder): (&'static str, GpuBuilder)| match builder.open() {
        Ok(gpu) => Some((name, gpu)),
        Err(e) => {
            println!("skipped: {name}: {e} (1)");
            None
        }
    };
    let ways = open(&[ROWS, COPY, BYTES, MATRIX, MATRIX_BIAS, MATRIX_FINE, MATRIX_F32], 1);
    let ways = ways.into_iter().map(|(way, gpu)| (way.name, gpu));
    let others: Vec<_> = ways.chain(others.into_iter().filter_map(opened)).collect();
    let answer = |m: &Metric| bits(&index(&plain, m, &rows).search(&queries, K).expect("hits"));
    let expected: Vec<_> = metrics().iter().map(answer).collect();
    let mut ran = 0;
    for (number, (name, gpu)) in others.iter().enumerate() {
        let mut kernels = BTreeSet::new();
        for (m, (metric, expected)) in metrics().iter().zip(&expected).enumerate() {
            // a scan by products and one by sums on every device, of the others half each; of the subset one of the two
            let always = !subset() && [Metric::L2, Metric::L1].contains(metric);
            if !always && !(number + m).is_multiple_of(2) {
                continue;
            }
            let hits = index(gpu, metric, &rows).search(&queries, K).expect("hits");
            assert_eq!(&bits(&hits), expected, "{name}, {metric}");
            let scans = hits.stats().variants.iter().filter(|v| v.starts_with("scan"));
            kernels.extend(scans.cloned());
            ran += 1;
        }
        // a tile that the adapter cannot hold gives way to the baseline's
        println!("{name}: {kernels:?}");
    }
    println!("{ran} ways agree");
}

#[test]
fn batches_and_threads_give_the_same_bits() {
    let Ok(gpu) = shared("as it comes", builder) else {
        println!("skipped: no adapter (1)");
        return;
    };
    // queries that a thread has for itself
    let own = if subset() { 45 } else { 200 };
    let queries: Vec<f32> = data(8 * own + 200, 3).into_iter().map(f32::abs).collect();
    let rows = rows();
    for metric in [Metric::L2, custom(), Metric::L1].into_iter().take(if subset() { 2 } else { 3 })
    {
        let index = index(&gpu, &metric, &rows);
        let whole = bits(&index.search(&queries, K).expect("hits"));
        let part = |from: usize, to: usize| {
            bits(&index.search(&queries[from * D..to * D], K).expect("hits"))
        };
        let of = |from: usize, to: usize| {
            (whole.0[from * K..to * K].to_vec(), whole.1[from * K..to * K].to_vec())
        };
        for size in [1, 7, 64] {
            let places = [63, 8 * own + 100, 0, 2 * own + 34];
            for from in places.into_iter().take(if subset() { 2 } else { 4 }) {
                assert_eq!(part(from, from + size), of(from, from + size), "{metric}, {size}");
            }
        }
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (part, of) = (&part, &of);
                scope.spawn(move || {
                    for i in 0..if subset() { 1 } else { 6 } {
                        let from = thread * own + i * 17;
                        assert_eq!(part(from, from + 40), of(from, from + 40));
                    }
                });
            }
        });
    }
}

#[test]
fn rows_in_pieces_and_rows_that_came_back_give_the_same_bits() {
    let Ok(gpu) = shared("as it comes", builder) else {
        println!("skipped: no adapter (1)");
        return;
    };
    let (rows, queries) = (rows(), data(9, 4).into_iter().map(f32::abs).collect::<Vec<_>>());
    for metric in metrics() {
        let whole = bits(&index(&gpu, &metric, &rows).search(&queries, K).expect("hits"));
        let pieces = Flat::with_dtype(&gpu, D, metric.clone(), DType::F32).expect("an index");
        let mut at = 0;
        for size in [1, 63, 64, 65, 500, N] {
            let end = (at + size).min(N);
            pieces.add_rows(Rows::F32(&rows[at * D..end * D])).expect("rows");
            at = end;
        }
        assert_eq!(bits(&pieces.search(&queries, K).expect("hits")), whole, "{metric}");
        // others come and go behind them
        let added = pieces.add(&rows[..200 * D]).expect("rows");
        pieces.remove(&added.collect::<Vec<_>>()).expect("removed");
        assert_eq!(bits(&pieces.search(&queries, K).expect("hits")), whole, "{metric}, removed");
        // a row changes and changes back
        pieces.update(5, Rows::F32(&rows[7 * D..8 * D])).expect("updated");
        pieces.update(5, Rows::F32(&rows[5 * D..6 * D])).expect("updated");
        assert_eq!(bits(&pieces.search(&queries, K).expect("hits")), whole, "{metric}, updated");
    }
}

/// Types of rows and queries, and a metric of each family of kernels that they meet.
const TYPED: [(DType, DType, Metric); 10] = [
    (DType::I8, DType::I8, Metric::L2),
    (DType::Bits, DType::Bits, Metric::BitJaccard),
    (DType::F16, DType::F32, Metric::Cosine),
    (DType::U8, DType::U8, Metric::InnerProduct),
    (DType::I8, DType::F32, Metric::Cosine),
    (DType::Bf16, DType::Bf16, Metric::L2),
    (DType::I8, DType::I8, Metric::Linf),
    (DType::U8, DType::F32, Metric::Canberra),
    (DType::F32, DType::F32, Metric::Correlation),
    (DType::Bits, DType::Bits, Metric::Hamming),
];

#[test]
fn every_type_gives_the_same_bits_however_it_is_cut() {
    let ways = [
        ("as it comes", builder(), false),
        ("all distances", builder(), true),
        ("segments of 64 rows", builder().max_segment_bytes(1), false),
        ("checked", builder().checked(true), false),
    ];
    let mut gpus = Vec::new();
    for (name, builder, exhaustive) in ways {
        match builder.open() {
            Ok(gpu) => gpus.push((name, gpu, SearchParams::new().exhaustive(exhaustive))),
            Err(e) => println!("skipped: {name}: {e} ({})", TYPED.len()),
        }
    }
    for (way, gpu) in open(&[ROWS, TILES, COPY, BYTES, MATRIX, MATRIX_F32], TYPED.len()) {
        gpus.push((way.name, gpu, SearchParams::new()));
    }
    let few = subset();
    let mut ran = 0;
    for (turn, (rows, asked, metric)) in
        TYPED.iter().take(if few { 3 } else { TYPED.len() }).enumerate()
    {
        let domain = Domain::of(metric);
        // few values a column, so that ties and near-ties are many
        let owned = |n: usize, seed, dtype| {
            let mut values = Kind::Normal.rows(n, D, seed, false, 1.0);
            values.iter_mut().for_each(|v| *v = (*v * 2.0).round() / 2.0);
            domain.apply(&mut values, D, seed);
            Owned::encode(&values, D, dtype, domain, Kind::Normal)
        };
        let (base, queries) = (owned(1_000, 5, *rows), owned(37, 6, *asked));
        let mut expected = None;
        for (number, (name, gpu, params)) in gpus.iter().enumerate() {
            // of the subset, every type as it comes and by half of the others
            if few && number > 0 && !(number + turn).is_multiple_of(2) {
                continue;
            }
            let index: Box<dyn Index> = match rows {
                DType::Bits => Box::new(BinaryFlat::new(gpu, D, metric.clone()).expect("an index")),
                _ => Box::new(Flat::with_dtype(gpu, D, metric.clone(), *rows).expect("an index")),
            };
            index.add_rows(base.rows()).expect("rows");
            let found = index.search_with(queries.rows(), 20, params).expect("hits");
            let hits = bits(&found);
            let expected = expected.get_or_insert_with(|| hits.clone());
            let pairs = hits.1.iter().zip(&expected.1);
            let differs = pairs.enumerate().find(|(_, (one, other))| one != other);
            let what = format!(
                "{metric}, {rows} rows, {asked} queries, {name}, {:?}",
                found.stats().variants
            );
            assert!(hits == *expected, "{what}: the first of those that differ: {differs:?}");
            ran += 1;
        }
    }
    println!("{ran} ways agree");
}
