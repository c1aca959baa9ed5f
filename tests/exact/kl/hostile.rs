//! Attacks the scan by logarithms: magnitudes from subnormal numbers to 2^59, rows that differ in their last bits, zeros in few rows, in
//! many and in all, of every type and under filters.

use super::{WAYS, assert_same, kernel, positive, ran, stored};
use crate::common::data::Random;
use crate::common::device::{full, subset};
use crate::common::ways::{Way, open};
use nearfield::reference::{Block, Problem, check_search};
use nearfield::{DType, Flat, Gpu, IdFilter, Index, Metric, QueryFilter, Search, SearchParams};

/// How the elements are made.
const KINDS: [&str; 7] =
    ["distributions", "uniform", "elements", "rows", "subnormal", "near", "whole"];
/// Which rows have elements of 0.
const ZEROS: [&str; 5] = ["none", "few", "many", "all", "column"];

/// The zeros that the base gets, and the queries in the same columns here and there.
fn with_zeros(zeros: &str, rows: &mut [f64], d: usize, random: &mut Random) {
    let n = rows.len() / d;
    for (i, row) in rows.chunks_exact_mut(d).enumerate() {
        let zero = match zeros {
            "few" => i % (n / 3).max(1) == 5,
            "many" => random.below(4) == 0,
            "all" | "column" => true,
            _ => false,
        };
        if zero {
            let at = if zeros == "column" { 0 } else { random.below(d.min(5) as u64) as usize };
            row[at] = if random.below(2) == 0 { 0.0 } else { -0.0 };
        }
    }
}

/// One index of some kind, searched in one way, against all exact distances and the oracle.
fn attack(number: u64, (way, gpu): &(&Way, Gpu)) {
    let mut random = Random::new(number);
    let mut pick = |of: usize| random.below(of as u64) as usize;
    let (kind, zeros) = (KINDS[pick(KINDS.len())], ZEROS[pick(ZEROS.len())]);
    let types = [DType::F32, DType::F32, DType::F32, DType::F16, DType::Bf16, DType::U8];
    let (dtype, d) = (types[pick(6)], [16, 17, 31, 40, 64, 130][pick(6)]);
    let (n, k) = (1_500 + pick(1_500), [1, 7, 20, 90][pick(4)]);
    let (filter, nq) = (pick(5), [1, 3, 6, 35][pick(4)]);
    let what = format!(
        "attack {number}, {}: {kind}, zeros: {zeros}, {dtype}, {n} x {d}, {nq} queries, k = {k}, filter {filter}",
        way.name
    );
    let mut rows = positive(kind, n, d, &mut random);
    with_zeros(zeros, &mut rows, d, &mut random);
    let mut queries = positive(kind, nq, d, &mut random);
    for (i, query) in queries.chunks_exact_mut(d).enumerate() {
        match i % 6 {
            // a row, a query of zeros, and zeros where rows may have them
            1 => query.copy_from_slice(&rows[77 * d..78 * d]),
            2 => query.fill(0.0),
            3 => query[..d.min(5)].fill(0.0),
            4 => query[0] = 0.0,
            _ => {}
        }
    }
    let (base, asked) = (stored(&rows, dtype), stored(&queries, DType::F32));
    let index = Flat::with_dtype(gpu, d, Metric::KlDivergence, dtype).expect("an index");
    index.add_rows(base.rows().slice(d, 0..n / 3)).expect("rows");
    index.add_rows(base.rows().slice(d, n / 3..n)).expect("rows");
    let passes = |query: usize, row: usize| match filter {
        0 => row.is_multiple_of(3),
        1 => (row * 7 + query * 13) % 16 < 5,
        2 => row % 64 == 9,
        _ => true,
    };
    let words_per_query = n.div_ceil(64);
    let mut words = vec![0u64; words_per_query * nq];
    for query in 0..nq {
        for row in (0..n).filter(|&row| passes(query, row)) {
            words[query * words_per_query + row / 64] |= 1 << (row % 64);
        }
    }
    let params = match filter {
        0 | 2 => SearchParams::new().filter(IdFilter::bitmap(words[..words_per_query].to_vec())),
        1 => SearchParams::new().query_filter(QueryFilter::Bitmap { words, words_per_query }),
        _ => SearchParams::new(),
    };
    let search = |exhaustive| {
        let params = params.clone().exhaustive(exhaustive);
        index.search_with(asked.rows(), k, &params).expect("a search")
    };
    let (hits, all) = (search(false), search(true));
    assert_same(&hits, &all, &what);
    let fast = index.search_with(asked.rows(), k, &params.clone().certify(false));
    assert_eq!(fast.expect("a search").ids().len(), all.ids().len(), "{what}");
    let block = |rows| Block::new(rows, d).expect("whole rows");
    let (base, asked) = (block(base.rows()), block(asked.rows()));
    let problem =
        Problem { measure: &Metric::KlDivergence, queries: &asked, base: &base, eligible: &passes };
    let answers: Vec<Vec<(u64, f32)>> = all.rows().collect();
    check_search(&problem, k, &answers).unwrap_or_else(|e| panic!("{what}: {e}"));
    let logs = ran(&hits, "scan_row_f16copy") || ran(&hits, "scan_matrix");
    // rounding to a type makes zeros of small elements, and the register tile is not for all
    if zeros == "none"
        && dtype == DType::F32
        && matches!(kind, "distributions" | "uniform" | "near")
    {
        assert!(ran(&hits, kernel(way)), "{what}: {:?}", hits.stats().variants);
    }
    assert!(!logs || zeros == "none" || zeros == "few", "{what}");
}

#[test]
fn no_logarithm_leads_astray() {
    let ways = open(WAYS, 1);
    let seed = std::env::var("NEARFIELD_TEST_SEED").ok().and_then(|s| s.parse().ok());
    let first = seed.unwrap_or(1u64) * 1_000_000;
    let count = std::env::var("NEARFIELD_TEST_ATTACKS").ok().and_then(|s| s.parse().ok());
    let some = if subset() { 15 } else { 60 };
    let count = count.unwrap_or(if full() { 120 } else { some });
    for (number, way) in (0..count).zip(ways.iter().cycle()) {
        attack(first + number, way);
    }
    if !ways.is_empty() {
        println!("count: kl.attacks {count}");
    }
}
