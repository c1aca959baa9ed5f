//! Every case of the table, through every way a search can go, against the oracle in f64.
//!
//! `NEARFIELD_TEST_SET=full` runs each case with every metric, each time with another type, anything else a covering subset, of which
//! `NEARFIELD_TEST_PART=0/2` is the first half.

use crate::common::cases::{CASES, Case, Filter, bit_metrics, float_metrics, is_scanned};
use crate::common::device::{full, share, shared};
use crate::common::ways::{
    BYTES, COPY, MATRIX, MATRIX_BIAS, MATRIX_F32, MATRIX_FINE, ROWS, TILES, Way, open,
};
use nearfield::reference::{Block, Excused, Problem, check_range, check_search};
use nearfield::{
    BinaryFlat, DType, Flat, Gpu, Hits, Index, Metric, Order, QueryFilter, SearchParams,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

const WAYS: &[Way] = &[ROWS, TILES, COPY, BYTES, MATRIX, MATRIX_BIAS, MATRIX_FINE, MATRIX_F32];

/// The device for a way and a segment size; `None`: it cannot be.
fn device(way: &Way, gpu: &Gpu, segment: Option<u64>) -> Option<Gpu> {
    let Some(bytes) = segment else { return Some(gpu.clone()) };
    let name = format!("{}, segments of {bytes} bytes", way.name);
    let builder = || way.builder().max_segment_bytes(bytes);
    shared(&name, builder).map_err(|e| println!("{name}: {e}")).ok()
}

/// Whether the scan's products become squared distances; of others they are the score.
fn is_l2(metric: &Metric) -> bool {
    [Metric::L2, Metric::SqrtL2, Metric::Hellinger, Metric::Haversine].contains(metric)
}

/// Which of `ways` ways the subset goes: as few devices compile a kernel as can be while every way meets every type.
/// What is no product goes in tiles with queries of f32, and by rows, which is how all distances are computed, with half of the others.
/// Of products rows of f32 go every way in `turn`, other rows half of the ways with queries of f32, the other half with queries of
/// their own type. A segment size goes one way.
fn covering_way(
    case: &Case,
    metric: &Metric,
    pair: (DType, DType),
    turn: usize,
    ways: usize,
) -> usize {
    let half = ways.div_ceil(2);
    match (case.segment_bytes, pair) {
        (Some(bytes), _) => (bytes / 2048) as usize % ways,
        _ if !is_scanned(metric) => match pair.1 {
            DType::F32 => 1,
            _ => turn % 2,
        },
        (_, (DType::F32, _)) => turn % ways,
        (_, (_, DType::F32)) => turn % half,
        _ if ways > half => half + turn % (ways - half),
        _ => 0,
    }
}

pub fn index(gpu: &Gpu, case: &Case, metric: &Metric, dtype: DType) -> Box<dyn Index> {
    let dim = case.dim(metric);
    if metric.is_binary() {
        Box::new(BinaryFlat::new(gpu, dim, metric.clone()).expect("a valid index"))
    } else {
        Box::new(Flat::with_dtype(gpu, dim, metric.clone(), dtype).expect("a valid index"))
    }
}

pub fn params(case: &Case) -> SearchParams {
    let words_per_query = case.n.div_ceil(64);
    if case.filter == Filter::All || case.nq == 0 {
        return SearchParams::new();
    }
    let mut words = vec![0u64; words_per_query * case.nq];
    for query in 0..case.nq {
        for row in (0..case.n).filter(|&row| case.passes(query, row)) {
            words[query * words_per_query + row / 64] |= 1 << (row % 64);
        }
    }
    if case.filter == Filter::PerQuery {
        return SearchParams::new().query_filter(QueryFilter::Bitmap { words, words_per_query });
    }
    words.truncate(words_per_query);
    SearchParams::new().filter(nearfield::IdFilter::bitmap(words))
}

fn lists(hits: &Hits) -> Vec<Vec<(u64, f32)>> {
    hits.rows().collect()
}

/// What ran, by kind: for each, how many searches.
pub type Counts = BTreeMap<String, u64>;

/// The variants of kernels that ran.
pub type Variants = BTreeSet<String>;

/// Runs one case one way.
fn run(
    turn: usize,
    gpu: &Gpu,
    case: &Case,
    metric: &Metric,
    (rows, asked): (DType, DType),
    variants: &mut Variants,
) -> Result<Excused, String> {
    let said = |e: nearfield::Error| e.to_string();
    let index = index(gpu, case, metric, rows);
    let (base, queries) = (case.base(metric, rows), case.queries(metric, asked));
    // two pieces: the second grows a segment
    let dim = case.dim(metric);
    let cut = case.n / 3;
    index.add_rows(base.rows().slice(dim, 0..cut)).map_err(said)?;
    index.add_rows(base.rows().slice(dim, cut..case.n)).map_err(said)?;
    let params = params(case);
    let hits = index.search_with(queries.rows(), case.k, &params).map_err(said)?;
    variants.extend(hits.stats().variants.iter().cloned());
    let all = index.search_with(queries.rows(), case.k, &params.clone().exhaustive(true));
    let all = all.map_err(said)?;
    variants.extend(all.stats().variants.iter().cloned());
    let same = hits.ids() == all.ids()
        && hits.distances().iter().zip(all.distances()).all(|(a, b)| a.to_bits() == b.to_bits());
    if !same {
        return Err(format!(
            "{:?} differs from all exact distances: {:?} {:?}, {:?} {:?}",
            hits.stats().variants,
            hits.ids(),
            hits.distances(),
            all.ids(),
            all.distances()
        ));
    }
    let block = |rows| Block::new(rows, dim).map_err(said);
    let (base, queries_block) = (block(base.rows())?, block(queries.rows())?);
    let eligible = |query: usize, row: usize| case.passes(query, row);
    let problem =
        Problem { measure: metric, queries: &queries_block, base: &base, eligible: &eligible };
    let mut excused = check_search(&problem, case.k, &lists(&hits))
        .map_err(|e| format!("{:?}: {e}", hits.stats().variants))?;
    // a radius at the middle hit of the first query, and one that nothing reaches or one that everything does, in turn
    let middle = hits.lims().get(1).map_or(0, |end| end / 2);
    let end = match metric.order() {
        Order::Ascending if turn.is_multiple_of(2) => f32::MIN,
        Order::Descending if !turn.is_multiple_of(2) => f32::MIN,
        _ => f32::MAX,
    };
    for radius in [hits.distances().get(middle).copied().unwrap_or(1.0), end] {
        let hits = index.range_search_with(queries.rows(), radius, &params).map_err(said)?;
        excused +=
            check_range(&problem, radius, &lists(&hits)).map_err(|e| format!("range: {e}"))?;
    }
    Ok(excused)
}

/// Prints what ran in lines that tests/run.sh holds against tests/counts.toml: searches by kind, and of each kernel,
/// named by the first three words, how many variants.
pub fn print_counts(what: &str, counts: &Counts, variants: &Variants) {
    let mut of_kernel = Counts::new();
    for variant in variants {
        let words: Vec<&str> = variant.splitn(4, '_').take(3).collect();
        *of_kernel.entry(words.join("_")).or_default() += 1;
    }
    for (kind, count) in counts {
        println!("count: sweep.{what}.{kind} {count}");
    }
    for (kernel, count) in of_kernel {
        println!("count: sweep.{what}.variants.{kernel} {count}");
    }
}

/// The subset takes one of `part` combinations.
fn sweep(
    what: &str,
    metrics: &[Metric],
    part: usize,
    pairs: impl Fn(&Metric) -> Vec<(DType, DType)>,
) {
    let ways = open(WAYS, 1);
    if ways.is_empty() {
        println!("skipped: no adapter ({})", CASES.len());
        return;
    }
    let (mut excused, mut ran, mut skipped, mut failures) = (Excused::default(), 0, 0, Vec::new());
    let (mut counts, mut variants) = (Counts::new(), Variants::new());
    let (mine, parts) = share();
    let (mut turn, mut turns_of_pair) = (0, HashMap::new());
    for (number, case) in CASES.iter().enumerate() {
        for (m, metric) in metrics.iter().enumerate() {
            let pairs = pairs(metric);
            let types = pairs.len();
            for (p, pair) in pairs.into_iter().enumerate() {
                // Of all, each case meets each metric with one of the pairs of types, and half of the metrics with f32, too.
                // The subset gives each case a few metrics, types and ways, and each of those many cases.
                let f32_too = p == 0 && (number + m).is_multiple_of(2);
                let wanted = full() && (f32_too || (number + m * 2 + p).is_multiple_of(types));
                let place = number * 3 + m * 5 + p * 7;
                let covers = place.is_multiple_of(part) && place / part % parts == mine;
                if !wanted && !covers {
                    continue;
                }
                turn += 1;
                let kernels = (pair, is_scanned(metric), is_l2(metric));
                let turn_of_pair = turns_of_pair.entry(kernels).or_insert(0);
                *turn_of_pair += 1;
                let way = match full() {
                    true => turn % ways.len(),
                    false => covering_way(case, metric, pair, *turn_of_pair, ways.len()),
                };
                let (way, gpu) = &ways[way];
                let Some(gpu) = device(way, gpu, case.segment_bytes) else {
                    skipped += 1;
                    continue;
                };
                ran += 1;
                for kind in [
                    "searches".to_owned(),
                    format!("metric.{metric}"),
                    format!("rows.{}", pair.0),
                    format!("way.{}", way.name),
                    format!("filter.{:?}", case.filter),
                ] {
                    let word = |c: char| if c == ' ' || c == ',' { '_' } else { c };
                    *counts.entry(kind.chars().map(word).collect()).or_default() += 1;
                }
                match run(turn / ways.len(), &gpu, case, metric, pair, &mut variants) {
                    Ok(e) => excused += e,
                    Err(e) => failures.push(format!(
                        "{} / {metric} / {} rows, {} queries / {}: {}",
                        case.name,
                        pair.0,
                        pair.1,
                        way.name,
                        e.chars().take(600).collect::<String>()
                    )),
                }
            }
        }
    }
    println!("{ran} searches: {excused}");
    print_counts(what, &counts, &variants);
    if skipped > 0 {
        println!("skipped: the adapter cannot be set so ({skipped})");
    }
    let shown: Vec<_> = failures.iter().take(12).cloned().collect();
    assert!(failures.is_empty(), "{} of {ran} failed:\n{}", failures.len(), shown.join("\n"));
}

#[test]
fn floats_agree_with_the_oracle() {
    // a prime below the number of cases: each metric meets each pair of types in one of them at least
    sweep("floats", &float_metrics(), 61, |_| {
        let f32_queries = [DType::F32, DType::F16, DType::Bf16, DType::I8, DType::U8];
        let mixed = f32_queries.map(|rows| (rows, DType::F32));
        let same = [DType::F16, DType::Bf16, DType::I8, DType::U8].map(|d| (d, d));
        mixed.into_iter().chain(same).collect()
    });
}

#[test]
fn bits_agree_with_the_oracle() {
    sweep("bits", &bit_metrics(), 7, |_| vec![(DType::Bits, DType::Bits)]);
}
