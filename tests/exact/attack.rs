//! Attacks every metric, type and way with data that is hostile to it: magnitudes from 2^-126 to 2^60, subnormal numbers, sums
//! that cancel, ties, zero vectors. Whatever the way, the answer must be that of all exact distances to the bit, pairs computed
//! alone must have the same distances, and all must lie within tau of real arithmetic; distances are finite and never turn back.
//!
//! `NEARFIELD_TEST_SEED` starts at another attack, and `NEARFIELD_TEST_SECONDS` goes on for so long; the subset takes a part.

use crate::common::cases::{bit_metrics, float_metrics};
use crate::common::data::{Domain, Owned, Random};
use crate::common::device::{full, share, subset};
use crate::common::ways::{BYTES, COPY, MATRIX, MATRIX_F32, MATRIX_FINE, ROWS, TILES, Way, open};
use half::{bf16, f16};
use nearfield::reference::{Block, Excused, Problem, check_range, check_search, distance};
use nearfield::{
    BinaryFlat, DType, Flat, Gpu, IdFilter, Index, Metric, Order, QueryFilter, SearchParams,
    pairwise,
};
use std::time::{Duration, Instant};

const WAYS: &[Way] = &[TILES, ROWS, COPY, BYTES, MATRIX, MATRIX_F32, MATRIX_FINE];

/// How the elements of base and queries are made.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Family {
    /// Every element of a magnitude of its own.
    Elements,
    /// Every row of a magnitude of its own.
    Rows,
    /// All near the smallest normal number.
    Tiny,
    /// Subnormal numbers among small ones.
    Subnormal,
    /// As long as rows may be.
    Huge,
    /// A query, or less it, changed in its last bits.
    Near,
    /// A few values, the ends of the range among them.
    Few,
    /// Whole numbers with ties, zero rows and rows that are equal.
    Whole,
}

const FAMILIES: [Family; 8] = [
    Family::Elements,
    Family::Rows,
    Family::Tiny,
    Family::Subnormal,
    Family::Huge,
    Family::Near,
    Family::Few,
    Family::Whole,
];

struct Attack {
    metric: Metric,
    family: Family,
    rows: DType,
    asked: DType,
    n: usize,
    d: usize,
    k: usize,
    way: usize,
    filter: u64,
    seed: u64,
}

/// Uniform in its exponent.
fn spread(random: &mut Random, from: f64, to: f64) -> f64 {
    2f64.powf(from + (to - from) * random.uniform()) * if random.below(2) == 0 { -1.0 } else { 1.0 }
}

/// One value of a family; `d` elements may be as large as it at once.
fn value(family: Family, d: usize, random: &mut Random) -> f64 {
    let most = 59.9 - (d as f64).log2() / 2.0;
    match family {
        Family::Elements => spread(random, -126.0, most),
        Family::Rows | Family::Near => random.normal(),
        Family::Tiny => spread(random, -126.0, -118.0),
        Family::Subnormal if random.below(3) == 0 => spread(random, -149.0, -126.0),
        Family::Subnormal => spread(random, -130.0, -100.0),
        Family::Huge => 2f64.powf(most) * (0.5 + random.uniform() / 2.0) * random.normal().signum(),
        Family::Few => {
            let few = [0.0, -0.0, 2f64.powi(-126), -3e-38, 0.5, 1.0, -1.0, 3.0, 2f64.powf(most)];
            few[random.below(9) as usize]
        }
        Family::Whole => random.below(5) as f64 - 2.0,
    }
}

fn floats(attack: &Attack, n: usize, d: usize, seed: u64, near: &[f64]) -> Vec<f64> {
    let mut random = Random::new(seed);
    let mut rows = Vec::with_capacity(n * d);
    for i in 0..n {
        let scale = match attack.family {
            Family::Rows => spread(&mut random, -120.0, 55.0),
            _ => 1.0,
        };
        let zero = attack.family == Family::Whole && i % 7 == 3;
        let sign = if random.below(2) == 0 { 1.0 } else { -1.0 };
        for j in 0..d {
            let value = match (attack.family, near.is_empty()) {
                (Family::Near, false) => {
                    let q = near[i % (near.len() / d) * d + j] as f32;
                    let ulps = random.below(4).saturating_sub(1) as u32;
                    sign * f64::from(f32::from_bits(q.to_bits() + ulps))
                }
                (family, _) => scale * value(family, d, &mut random),
            };
            rows.push(if zero { 0.0 } else { value });
        }
    }
    rows
}

/// Brings elements into what the metric takes.
fn domain(metric: &Metric, values: &mut [f64], d: usize, seed: u64) {
    match Domain::of(metric) {
        Domain::Distribution | Domain::NonNegative => {
            values.iter_mut().for_each(|v| *v = v.abs());
        }
        // numbers in [0, 1], and categories with codes of every magnitude
        Domain::Mixed => {
            for (i, v) in values.iter_mut().enumerate() {
                let category = i % d % 3 == 2;
                *v = if category { -v.abs() - 2f64.powi(-149) } else { v.abs().fract().abs() };
            }
            missing(values, seed);
        }
        Domain::Missing => missing(values, seed),
        other => other.apply(values, d, seed),
    }
}

fn missing(values: &mut [f64], seed: u64) {
    let mut random = Random::new(seed ^ 0x77);
    values.iter_mut().filter(|_| random.below(6) == 0).for_each(|v| *v = f64::NAN);
}

/// As near as the type has them.
fn stored(values: &[f64], dtype: DType) -> Owned {
    let within = |most: f64| values.iter().map(move |&v| v.clamp(-most, most));
    let byte = |v: f64| if v.is_nan() { 0.0 } else { v };
    match dtype {
        DType::F16 => Owned::F16(within(6e4).map(f16::from_f64).collect()),
        DType::Bf16 => Owned::Bf16(within(1e17).map(bf16::from_f64).collect()),
        DType::I8 => Owned::I8(within(127.0).map(|v| byte(v) as i8).collect()),
        DType::U8 => Owned::U8(within(255.0).map(|v| byte(v).abs() as u8).collect()),
        DType::Bits => Owned::Bits(
            values
                .chunks(8)
                .map(|v| v.iter().fold(0, |b, v| b << 1 | u8::from(*v > 0.0)))
                .collect(),
        ),
        _ => Owned::F32(values.iter().map(|&v| v as f32).collect()),
    }
}

impl Attack {
    fn new(number: u64, ways: usize) -> Attack {
        let mut random = Random::new(number.wrapping_mul(0x9e37_79b9));
        let mut pick = |of: usize| random.below(of as u64) as usize;
        let bits = pick(10) == 0;
        let metrics = if bits { bit_metrics() } else { float_metrics() };
        // every metric in turn, whatever the other choices
        let metric = metrics[number as usize % metrics.len()].clone();
        let types = [DType::F32, DType::F32, DType::F16, DType::Bf16, DType::I8, DType::U8];
        let (rows, asked) = match bits {
            true => (DType::Bits, DType::Bits),
            false => {
                let rows = types[pick(6)];
                (rows, if pick(2) == 0 { rows } else { DType::F32 })
            }
        };
        let scanned = [Metric::L2, Metric::Cosine, Metric::InnerProduct].contains(&metric);
        let n = if scanned { 1_500 + pick(1_500) } else { 40 + pick(300) };
        let d = match (bits, metric == Metric::Haversine) {
            (true, _) => 8 * (1 + pick(20)),
            (_, true) => 2,
            _ => {
                let most = if pick(4) == 0 { 150 } else { 30 };
                1 + pick(most)
            }
        };
        let k = if pick(6) == 0 { 1 + pick(200) } else { 1 + pick(20) };
        let (family, way, filter) = (FAMILIES[pick(8)], pick(ways), pick(4) as u64);
        Attack { metric, family, rows, asked, n, d, k, way, filter, seed: number }
    }

    fn passes(&self, query: usize, row: usize) -> bool {
        match self.filter {
            0 => row.is_multiple_of(3),
            1 => (row * 7 + query * 13) % 16 < 5,
            _ => true,
        }
    }

    fn params(&self, nq: usize) -> SearchParams {
        let words_per_query = self.n.div_ceil(64);
        let mut words = vec![0u64; words_per_query * nq];
        for query in 0..nq {
            for row in (0..self.n).filter(|&row| self.passes(query, row)) {
                words[query * words_per_query + row / 64] |= 1 << (row % 64);
            }
        }
        let params = SearchParams::new();
        match self.filter {
            0 => {
                words.truncate(words_per_query);
                params.filter(IdFilter::bitmap(words))
            }
            1 => params.query_filter(QueryFilter::Bitmap { words, words_per_query }),
            _ => params,
        }
    }

    fn run(&self, gpu: &Gpu) -> Result<Excused, String> {
        let said = |e: nearfield::Error| e.to_string();
        let (d, nq, metric) = (self.d, 5, &self.metric);
        let mut queries = floats(self, nq, d, self.seed ^ 0xabcd, &[]);
        let mut base = floats(self, self.n, d, self.seed, &queries);
        domain(metric, &mut queries, d, self.seed ^ 1);
        domain(metric, &mut base, d, self.seed);
        // one query is a row
        base[11 * d..12 * d].copy_from_slice(&queries[..d]);
        let (base, queries) = (stored(&base, self.rows), stored(&queries, self.asked));
        let index: Box<dyn Index> = match self.rows {
            DType::Bits => Box::new(BinaryFlat::new(gpu, d, metric.clone()).map_err(said)?),
            dtype => Box::new(Flat::with_dtype(gpu, d, metric.clone(), dtype).map_err(said)?),
        };
        index.add_rows(base.rows()).map_err(said)?;
        let params = self.params(nq);
        let search = |exhaustive| {
            index.search_with(queries.rows(), self.k, &params.clone().exhaustive(exhaustive))
        };
        let (hits, all) = (search(false).map_err(said)?, search(true).map_err(said)?);
        let bits = |d: &[f32]| d.iter().map(|d| d.to_bits()).collect::<Vec<_>>();
        if (hits.ids(), bits(hits.distances())) != (all.ids(), bits(all.distances())) {
            return Err(format!("{:?} differs from all exact distances", hits.stats().variants));
        }
        let alone = pairwise(gpu, metric, queries.rows(), base.rows(), d).map_err(said)?;
        for (query, hits) in all.rows().enumerate() {
            for (row, distance) in hits {
                let alone = alone[query * self.n + row as usize];
                if !distance.is_finite() || alone.to_bits() != distance.to_bits() {
                    return Err(format!("row {row} at {distance:e}, of the pair alone {alone:e}"));
                }
            }
        }
        let block = |rows| Block::new(rows, d).map_err(said);
        let (base, queries_block) = (block(base.rows())?, block(queries.rows())?);
        let eligible = |query: usize, row: usize| self.passes(query, row);
        let problem =
            Problem { measure: metric, queries: &queries_block, base: &base, eligible: &eligible };
        let lists: Vec<Vec<(u64, f32)>> = all.rows().collect();
        let mut excused = check_search(&problem, self.k, &lists)?;
        let middle = hits.lims().get(1).map_or(0, |end| end / 2);
        let radius = hits.distances().get(middle).copied().unwrap_or(1.0);
        let within = |radius, exhaustive| {
            let params = params.clone().exhaustive(exhaustive);
            index.range_search_with(queries.rows(), radius, &params).map_err(said)
        };
        let sign = if metric.order() == Order::Ascending { 1.0 } else { -1.0 };
        // All that is a hit, nearest first: what is within a radius is the beginning of it.
        let every = within(sign * f32::INFINITY, true)?;
        let ranged = |radius: f32| {
            let hits = within(radius, false)?;
            let is_within = |d: f32| sign * d < sign * radius || sign * radius == f32::INFINITY;
            let of = |(id, d): (u64, f32)| (id, d.to_bits());
            let same = hits.rows().zip(every.rows()).all(|(found, every)| {
                let expected = every.into_iter().filter(|hit| is_within(hit.1)).map(of);
                found.into_iter().map(of).eq(expected)
            });
            if !same {
                let variants = &hits.stats().variants;
                return Err(format!("radius {radius:e}: {variants:?} differs from all"));
            }
            Ok::<_, String>(hits.rows().collect::<Vec<Vec<(u64, f32)>>>())
        };
        // at the farthest hit, and just beyond it
        let farthest = hits.distances().iter().copied().reduce(match metric.order() {
            Order::Ascending => f32::max,
            Order::Descending => f32::min,
        });
        for radius in farthest.into_iter().flat_map(|far| [far, far.next_up(), far.next_down()]) {
            ranged(radius)?;
        }
        let found = ranged(radius)?;
        excused +=
            check_range(&problem, radius, &found).map_err(|e| format!("radius {radius:e}: {e}"))?;
        // that all exact distances know a radius, too
        if within(radius, true)?.rows().ne(found) {
            return Err(format!("radius {radius:e}: all exact distances differ"));
        }
        // every row that is a hit, or none
        for (query, found) in ranged(sign * f32::INFINITY)?.iter().enumerate() {
            let is_hit = |row: &usize| distance(metric, queries_block.row(query), base.row(*row));
            let passing = (0..self.n).filter(|&row| self.passes(query, row));
            let expected = passing.filter(|row| is_hit(row).is_some()).count();
            if found.len() != expected {
                return Err(format!("{} of {expected} rows are within infinity", found.len()));
            }
        }
        if ranged(-sign * f32::INFINITY)?.iter().any(|found| !found.is_empty()) {
            return Err("some row is nearer than infinitely near".into());
        }
        Ok(excused)
    }
}

#[test]
fn no_data_leads_astray() {
    let ways = open(WAYS, 1);
    if ways.is_empty() {
        println!("skipped: no adapter (1)");
        return;
    }
    let number = |name: &str| std::env::var(name).ok().and_then(|s| s.parse::<u64>().ok());
    let first = number("NEARFIELD_TEST_SEED").unwrap_or(1) * 1_000_000;
    let seconds = number("NEARFIELD_TEST_SECONDS").map(Duration::from_secs);
    // of the subset, each of the 19 metrics twice; with that step each of a few kernels serves many attacks
    let (count, step) = match (full(), subset()) {
        (true, _) => (300, 1),
        (_, true) => (38, 7),
        _ => (60, 1),
    };
    let count = count / share().1 as u64;
    let begin = Instant::now();
    let (mut excused, mut failures, mut ran) = (Excused::default(), Vec::new(), 0u64);
    while seconds.map_or(ran < count, |seconds| begin.elapsed() < seconds) {
        let attack = Attack::new(first + ran * step, ways.len());
        let (way, gpu) = &ways[attack.way];
        ran += 1;
        match attack.run(gpu) {
            Ok(e) => excused += e,
            Err(e) => failures.push(format!(
                "attack {} on {}: {} of {:?}, {} rows, {} queries, n = {}, d = {}, k = {}, filter {}: {}",
                attack.seed,
                way.name,
                attack.metric,
                attack.family,
                attack.rows,
                attack.asked,
                attack.n,
                attack.d,
                attack.k,
                attack.filter,
                e.chars().take(400).collect::<String>()
            )),
        }
    }
    println!("count: attack.attacks {ran}");
    println!("{ran} attacks from {first} on: {excused}");
    let shown: Vec<_> = failures.iter().take(15).cloned().collect();
    assert!(failures.is_empty(), "{} of {ran} failed:\n{}", failures.len(), shown.join("\n"));
}
