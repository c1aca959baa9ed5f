//! Every case of the table, through every way a search can go, against the oracle in f64.
//!
//! `NEARFIELD_TEST_SET=full` runs each case with every metric and type, anything else a covering subset.

use crate::common::cases::{CASES, Case, Filter, bit_metrics, float_metrics};
use crate::common::ways::{
    BYTES, COPY, MATRIX, MATRIX_BIAS, MATRIX_F32, MATRIX_FINE, ROWS, TILES, Way, open,
};
use nearfield::reference::{Block, Excused, Problem, check_range, check_search};
use nearfield::{
    BinaryFlat, DType, Flat, Gpu, Hits, Index, Metric, Order, QueryFilter, SearchParams,
};
use std::collections::{BTreeMap, HashMap};

const WAYS: &[Way] = &[ROWS, TILES, COPY, BYTES, MATRIX, MATRIX_BIAS, MATRIX_FINE, MATRIX_F32];

/// Devices by way and segment size: opening one for each case would take longer than the cases. `None`: it cannot be.
struct Devices {
    ways: Vec<(&'static Way, Gpu)>,
    segmented: HashMap<(usize, u64), Option<Gpu>>,
}

impl Devices {
    fn get(&mut self, way: usize, segment: Option<u64>) -> Option<Gpu> {
        let (way_of, gpu) = &self.ways[way];
        let Some(bytes) = segment else { return Some(gpu.clone()) };
        let open = || {
            let builder = way_of.builder().max_segment_bytes(bytes);
            builder.build().map_err(|e| println!("{}: {e}", way_of.name)).ok()
        };
        self.segmented.entry((way, bytes)).or_insert_with(open).clone()
    }
}

fn full() -> bool {
    std::env::var("NEARFIELD_TEST_SET").is_ok_and(|set| set == "full")
}

fn index(gpu: &Gpu, case: &Case, metric: &Metric, dtype: DType) -> Box<dyn Index> {
    let dim = case.dim(metric);
    if metric.is_binary() {
        Box::new(BinaryFlat::new(gpu, dim, metric.clone()).expect("a valid index"))
    } else {
        Box::new(Flat::with_dtype(gpu, dim, metric.clone(), dtype).expect("a valid index"))
    }
}

fn params(case: &Case) -> SearchParams {
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
    SearchParams::new().filter(nearfield::IdFilter::bitset(words))
}

fn lists(hits: &Hits) -> Vec<Vec<(u64, f32)>> {
    hits.rows().collect()
}

/// Kernels that ran, by the first three words of their names.
type Kernels = BTreeMap<String, u64>;

/// Runs one case one way.
fn run(
    gpu: &Gpu,
    case: &Case,
    metric: &Metric,
    (rows, asked): (DType, DType),
    kernels: &mut Kernels,
) -> Result<Excused, String> {
    let said = |e: nearfield::Error| e.to_string();
    let index = index(gpu, case, metric, rows);
    let (base, queries) = (case.base(metric, rows), case.queries(metric, asked));
    // two pieces: the second grows a segment
    let dim = case.dim(metric);
    let cut = case.n / 3;
    index.add_rows(base.rows().slice(dim, 0, cut)).map_err(said)?;
    index.add_rows(base.rows().slice(dim, cut, case.n)).map_err(said)?;
    let params = params(case);
    let hits = index.search_with(queries.rows(), case.k, &params).map_err(said)?;
    for variant in &hits.stats().variants {
        let words: Vec<&str> = variant.splitn(4, '_').take(3).collect();
        *kernels.entry(words.join("_")).or_default() += 1;
    }
    let all = index.search_with(queries.rows(), case.k, &params.clone().exhaustive(true));
    let all = all.map_err(said)?;
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
    // a radius at the middle hit of the first query, one that nothing reaches, and one that everything does
    let middle = hits.lims().get(1).map_or(0, |end| end / 2);
    let (none, all) = match metric.order() {
        Order::Ascending => (f32::MIN, f32::MAX),
        Order::Descending => (f32::MAX, f32::MIN),
    };
    for radius in [hits.distances().get(middle).copied().unwrap_or(1.0), none, all] {
        let hits = index.range_search_with(queries.rows(), radius, &params).map_err(said)?;
        excused +=
            check_range(&problem, radius, &lists(&hits)).map_err(|e| format!("range: {e}"))?;
    }
    Ok(excused)
}

/// The subset takes one of `subset` combinations.
fn sweep(metrics: &[Metric], subset: usize, pairs: impl Fn(&Metric) -> Vec<(DType, DType)>) {
    let mut devices = Devices { ways: open(WAYS, 1), segmented: HashMap::new() };
    if devices.ways.is_empty() {
        println!("skipped: no adapter ({})", CASES.len());
        return;
    }
    let (mut excused, mut ran, mut failures, mut turn) = (Excused::default(), 0, Vec::new(), 0);
    let (mut kernels, mut skipped) = (Kernels::new(), 0);
    for (number, case) in CASES.iter().enumerate() {
        for (m, metric) in metrics.iter().enumerate() {
            for (p, pair) in pairs(metric).into_iter().enumerate() {
                // The subset gives each case a few metrics, types and ways, and each of those many cases.
                let wanted = full() && (p == 0 || (number + m + p).is_multiple_of(4));
                if !wanted && !(number * 3 + m * 5 + p * 7).is_multiple_of(subset) {
                    continue;
                }
                turn += 1;
                let way = turn % devices.ways.len();
                let Some(gpu) = devices.get(way, case.segment_bytes) else {
                    skipped += 1;
                    continue;
                };
                ran += 1;
                match run(&gpu, case, metric, pair, &mut kernels) {
                    Ok(e) => excused += e,
                    Err(e) => failures.push(format!(
                        "{} / {metric} / {} rows, {} queries / {}: {}",
                        case.name,
                        pair.0,
                        pair.1,
                        devices.ways[way].0.name,
                        e.chars().take(600).collect::<String>()
                    )),
                }
            }
        }
    }
    println!("{ran} searches: {excused}; by kernel: {kernels:?}");
    if skipped > 0 {
        println!("skipped: the adapter cannot be set so ({skipped})");
    }
    let shown: Vec<_> = failures.iter().take(12).cloned().collect();
    assert!(failures.is_empty(), "{} of {ran} failed:\n{}", failures.len(), shown.join("\n"));
}

#[test]
fn floats_agree_with_the_oracle() {
    sweep(&float_metrics(), 41, |_| {
        let f32_queries = [DType::F32, DType::F16, DType::Bf16, DType::I8, DType::U8];
        let mixed = f32_queries.map(|rows| (rows, DType::F32));
        let same = [DType::F16, DType::Bf16, DType::I8, DType::U8].map(|d| (d, d));
        mixed.into_iter().chain(same).collect()
    });
}

#[test]
fn bits_agree_with_the_oracle() {
    sweep(&bit_metrics(), 7, |_| vec![(DType::Bits, DType::Bits)]);
}
