//! Searches without a certificate: what they find is at its exact distance, nothing is run again, and on rows without
//! near-duplicates hardly a neighbour is missed.

use crate::common::device::subset;
use crate::common::ways::{COPY, MATRIX, MATRIX_F32, ROWS, TILES, open};
use nearfield::{Flat, Gpu, Hits, Index, Metric, Rows, Search, SearchParams};

const D: usize = 48;
const K: usize = 10;

/// Numbers in [-1, 1).
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn gpus() -> Vec<(&'static str, Gpu)> {
    let ways = open(&[ROWS, TILES, COPY, MATRIX, MATRIX_F32], 1);
    ways.into_iter().map(|(way, gpu)| (way.name, gpu)).collect()
}

fn both(gpu: &Gpu, metric: &Metric, rows: &[f32], queries: &[f32]) -> [Hits; 2] {
    let index = Flat::new(gpu, D, metric.clone()).expect("an index");
    index.add(rows).expect("rows");
    [true, false].map(|certify| {
        let params = SearchParams::new().certify(certify);
        index.search_with(Rows::F32(queries), K, &params).expect("hits")
    })
}

#[test]
fn few_neighbours_are_missed_and_none_is_misplaced() {
    let asked = if subset() { 30 } else { 100 };
    let (rows, queries) = (numbers(12_000 * D, 1), numbers(asked * D, 2));
    for (turn, (name, gpu)) in gpus().into_iter().enumerate() {
        for (m, metric) in [Metric::L2, Metric::Cosine].into_iter().enumerate() {
            // of the subset, every way with one of the metrics
            if subset() && turn % 2 != m {
                continue;
            }
            let [exact, fast] = both(&gpu, &metric, &rows, &queries);
            let mut found = 0;
            for query in 0..exact.len() {
                let true_hits: Vec<(u64, f32)> = exact.row(query).collect();
                let hits: Vec<(u64, f32)> = fast.row(query).collect();
                assert_eq!(hits.len(), K, "{name}, {metric}");
                found += hits.iter().filter(|hit| true_hits.contains(hit)).count();
                let ordered = |pair: &[(u64, f32)]| match metric {
                    Metric::L2 => pair[0].1 <= pair[1].1,
                    _ => pair[0].1 >= pair[1].1,
                };
                assert!(hits.windows(2).all(ordered), "{name}, {metric}");
            }
            let recall = found as f64 / (exact.len() * K) as f64;
            println!("{name}, {metric}: recall {recall}");
            assert!(recall >= 0.999, "{name}, {metric}: recall {recall}");
            assert!(!fast.stats().exact.sums_exact && fast.stats().exact.rerun == 0);
        }
    }
}

#[test]
fn rows_that_cannot_be_told_apart_are_not_searched_twice() {
    // all within the resolution of any score, far from the origin
    let (count, asked) = if subset() { (12_000, 15) } else { (30_000, 40) };
    let near: Vec<f32> = numbers(count * D, 3).iter().map(|x| 100.0 + x * 1e-5).collect();
    let queries: Vec<f32> = numbers(asked * D, 4).iter().map(|x| 100.0 + x * 1e-5).collect();
    for (name, gpu) in gpus() {
        let [exact, fast] = both(&gpu, &Metric::L2, &near, &queries);
        println!("{name}: {} run again exactly", exact.stats().exact.rerun);
        assert!(exact.stats().exact.rerun > 0, "{name}: the rows are no test");
        assert_eq!((fast.stats().exact.rerun, fast.ids().len()), (0, asked * K), "{name}");
    }
}
