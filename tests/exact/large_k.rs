//! Any k up to the number of rows, exact, with ties in row order.

use crate::common::device::Open as _;
use nearfield::{Flat, Gpu, Index, Metric, Search};

#[test]
fn k_from_one_to_fifty_thousand() {
    let Ok(gpu) = Gpu::builder().poison(true).open() else {
        println!("skipped: no adapter (1)");
        return;
    };
    // distances are small whole numbers, so that each k cuts through ties
    let (n, d, nq) = (60_000usize, 2usize, 2usize);
    let rows: Vec<f32> = (0..n * d).map(|i| (i * 7919 % 251) as f32).collect();
    let queries = [10.0, 200.0, 125.0, 3.0];
    for metric in [Metric::L2, Metric::L1] {
        let index = Flat::new(&gpu, d, metric.clone()).expect("an index");
        index.add(&rows).expect("rows");
        let expected: Vec<Vec<(f32, u64)>> = (0..nq)
            .map(|q| {
                let distance = |row: &[f32]| -> f32 {
                    let pairs = row.iter().zip(&queries[q * d..]);
                    match metric {
                        Metric::L2 => pairs.map(|(x, q)| (x - q) * (x - q)).sum(),
                        _ => pairs.map(|(x, q)| (x - q).abs()).sum(),
                    }
                };
                let all = rows.chunks(d).enumerate().map(|(i, row)| (distance(row), i as u64));
                let mut all: Vec<_> = all.collect();
                all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                all
            })
            .collect();
        for k in [1, 10, 100, 1024, 1025, 2048, 2049, 50_000, 60_000, 70_000] {
            let hits = index.search(&queries, k).expect("a search");
            for (q, expected) in expected.iter().enumerate() {
                let got: Vec<(f32, u64)> =
                    hits.row(q).map(|(id, distance)| (distance, id)).collect();
                assert_eq!(got.len(), k.min(n));
                assert!(got == expected[..k.min(n)], "{metric}, k = {k}, query {q}");
            }
        }
    }
}
