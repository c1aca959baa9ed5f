//! Attacks the certificate with magnitudes: rows of one scale fill whole bins, beside rows and queries of scales so far
//! from it that one power of two cannot bring both into a rounded copy, and products that vanish in f32. Whatever the
//! scan thinks it knows, its answer must be that of all exact distances, and those within tau of real arithmetic.

use crate::common::data::Random;
use crate::common::device::subset;
use crate::common::ways::{BYTES, COPY, MATRIX, MATRIX_F32, ROWS, TILES, Way, open};
use nearfield::reference::{Block, Problem, check_search};
use nearfield::{Flat, Gpu, IdFilter, Index, Metric, Order, Rows, Search, SearchParams};

const D: usize = 20;
/// Rows of a decade: two bins.
const EACH: usize = 128;
const K: usize = 7;

/// Rows of one decade after the other, `each` of them, from 10^`exponents.0` to 10^`exponents.1`.
fn decades(exponents: (i32, i32), each: usize, random: &mut Random) -> Vec<f32> {
    let mut rows = Vec::new();
    for exponent in exponents.0..=exponents.1 {
        for _ in 0..each {
            let row: Vec<f64> = (0..D).map(|_| random.normal()).collect();
            let norm = row.iter().map(|v| v * v).sum::<f64>().sqrt();
            let length = 10f64.powi(exponent) * (1.0 + random.uniform());
            // neither rows nor queries have subnormal elements, which drivers may take for zero
            let element = |v: &f64| (v * length / norm) as f32;
            let flushed = |v: f32| if v.abs() < f32::MIN_POSITIVE { 0.0 } else { v };
            rows.extend(row.iter().map(element).map(flushed));
        }
    }
    rows
}

fn is_nearer(metric: &Metric, distance: f32, radius: f32) -> bool {
    match metric.order() {
        Order::Ascending => distance < radius,
        Order::Descending => distance > radius,
    }
}

/// What differs from the exhaustive answer, or that from the oracle.
fn attack(
    gpus: &[(&Way, Gpu)],
    metric: &Metric,
    exponents: (i32, i32),
    asked: (i32, i32),
) -> Vec<String> {
    let mut random = Random::new(11);
    let rows = decades(exponents, EACH, &mut random);
    let queries = decades(asked, 2, &mut random);
    let nq = queries.len() / D;
    let block = |rows| Block::new(Rows::F32(rows), D).expect("whole rows");
    let (base, queries_block) = (block(&rows), block(&queries));
    let (mut wrong, mut exact) = (Vec::new(), Vec::new());
    for (turn, (way, gpu)) in gpus.iter().enumerate() {
        let index = Flat::new(gpu, D, metric.clone()).expect("an index");
        index.add(&rows).expect("rows");
        // All rows, and the smallest alone, which inner products never find among larger ones.
        for (part, decades) in [rows.len() / D / EACH, 8, 1].into_iter().enumerate() {
            let most = decades * EACH;
            let params = SearchParams::new().filter(IdFilter::range(0..most as u64));
            let search = |exhaustive| {
                let params = params.clone().exhaustive(exhaustive);
                index.search_with(Rows::F32(&queries), K, &params).expect("a search")
            };
            // The exact distances are the same whatever the way, so the first way's stand for all.
            if turn == 0 {
                exact.push(search(true));
            }
            let (scan, all) = (search(false), &exact[part]);
            assert_eq!(scan.stats().exact.scanned, nq as u64);
            let what =
                format!("{metric}, {decades} decades of {exponents:?} for {asked:?}, {}", way.name);
            // within the distance of some query's farthest hit, which says little of the scores of others: the hits before it
            for (place, query) in [0, nq / 2, nq - 1].into_iter().enumerate() {
                let Some((_, radius)) = all.row(query).last() else { continue };
                // of the subset, a query for each part
                if subset() && place != part {
                    continue;
                }
                let queries = Rows::F32(&queries[query * D..][..D]);
                let hits = index.range_search_with(queries, radius, &params);
                let hits = hits.expect("a range search");
                let nearer = all.row(query).filter(|hit| is_nearer(metric, hit.1, radius));
                if hits.row(0).ne(nearer) {
                    wrong.push(format!("{what}: of query {query} within {radius:e}"));
                }
            }
            let differ = (0..nq).filter(|&q| !scan.row(q).eq(all.row(q))).count();
            println!("{what}: {} of {nq} run again", scan.stats().exact.rerun);
            if differ > 0 {
                wrong.push(format!("{what}: {differ} of {nq} differ"));
            }
            if turn == 0 {
                let eligible = |_: usize, row: usize| row < most;
                let (measure, queries, base) = (metric, &queries_block, &base);
                let problem = Problem { measure, queries, base, eligible: &eligible };
                let answers: Vec<Vec<(u64, f32)>> = all.rows().collect();
                wrong.extend(
                    check_search(&problem, K, &answers).err().map(|e| format!("{what}: {e}")),
                );
            }
        }
    }
    wrong
}

#[test]
fn tiny_rows_beside_huge_ones() {
    let gpus = open(&[TILES, ROWS, COPY, BYTES, MATRIX, MATRIX_F32], 1);
    if gpus.is_empty() {
        println!("skipped: no adapter (1)");
        return;
    }
    let mut wrong = Vec::new();
    let mut metrics = vec![Metric::L2, Metric::Cosine, Metric::InnerProduct];
    // some drivers compile for seconds
    if subset() {
        metrics.pop();
    }
    let scales = [
        ((-15, 15), (-15, 15)),
        ((-18, 17), (-18, 17)),
        ((-15, 15), (-15, -13)),
        ((-15, 15), (-1, 7)),
        ((-5, 17), (-36, -15)),
        // cosine alone tells such rows from zero
        ((-36, -10), (-30, 0)),
    ];
    for (m, metric) in metrics.into_iter().enumerate() {
        for (i, (rows, queries)) in scales.into_iter().enumerate() {
            // of the subset, each of the scales with one metric
            if subset() && i % 2 != m {
                continue;
            }
            println!("count: scales.searches {}", gpus.len() * 3);
            wrong.extend(attack(&gpus, &metric, rows, queries));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
