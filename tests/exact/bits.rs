//! Rows of bits, attacked: lengths around words, groups and slabs, rows of no and of all ones, ties by the thousand, rows that differ in
//! one bit, filters, deletions, segments. The oracle counts in integers and compares quotients crosswise, so that rows have to be the
//! same one by one, in the same order.

use crate::common::data::Random;
use crate::common::device::{shared, subset};
use crate::common::ways::{ROWS, TILES, Way};
use nearfield::{
    BinaryFlat, Gpu, Hits, IdFilter, Index, Metric, QueryFilter, Rows, Search, SearchParams,
};
use std::cmp::Ordering;
use std::collections::BTreeSet;

const METRICS: [Metric; 4] = [Metric::Hamming, Metric::BitJaccard, Metric::Dice, Metric::RusselRao];

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Half of the bits.
    Even,
    /// One in 16.
    Sparse,
    /// Five rows over and over.
    Five,
    /// Of one row, but for one bit.
    OneBit,
    /// Rows of no ones, of all ones, and of one.
    Extreme,
}

const KINDS: [Kind; 5] = [Kind::Even, Kind::Sparse, Kind::Five, Kind::OneBit, Kind::Extreme];

/// `n` rows of `d` bits; what rows and queries share is drawn from the same seed.
fn rows(kind: Kind, n: usize, d: usize, seed: u64) -> Vec<u8> {
    let (mut shared, mut random) = (Random::new(d as u64), Random::new(seed));
    let five: Vec<Vec<bool>> =
        (0..5).map(|_| (0..d).map(|_| shared.below(2) == 0).collect()).collect();
    let mut packed = Vec::new();
    for _ in 0..n {
        let mut row = five[0].clone();
        let at = random.below(d as u64) as usize;
        match kind {
            Kind::Even => row.iter_mut().for_each(|bit| *bit = random.below(2) == 0),
            Kind::Sparse => row.iter_mut().for_each(|bit| *bit = random.below(16) == 0),
            Kind::Five => row.clone_from(&five[random.below(5) as usize]),
            Kind::OneBit => row[at] ^= random.below(4) > 0,
            Kind::Extreme => {
                row.fill(random.below(2) == 0);
                row[at] ^= random.below(3) == 0;
            }
        }
        let byte =
            |eight: &[bool]| eight.iter().rev().fold(0u8, |byte, &bit| byte << 1 | u8::from(bit));
        packed.extend(row.chunks(8).map(byte));
    }
    packed
}

/// The distance as a quotient.
fn quotient(metric: &Metric, d: usize, q: &[u8], x: &[u8]) -> (u64, u64) {
    let count = |f: fn(u8, u8) -> u8| -> u64 {
        q.iter().zip(x).map(|(&q, &x)| u64::from(f(q, x).count_ones())).sum()
    };
    let (differ, both, any) = (count(|q, x| q ^ x), count(|q, x| q & x), count(|q, x| q | x));
    match metric {
        Metric::Hamming => (differ, 1),
        _ if any == 0 => (0, 1),
        Metric::BitJaccard => (differ, any),
        Metric::Dice => (differ, differ + 2 * both),
        _ => (d as u64 - both, d as u64),
    }
}

/// The rows that are to be found, nearest first.
fn expected(
    metric: &Metric,
    d: usize,
    q: &[u8],
    base: &[u8],
    k: usize,
    passes: impl Fn(usize) -> bool,
) -> Vec<u64> {
    let quotients = base.chunks(d.div_ceil(8)).map(|x| quotient(metric, d, q, x));
    let mut all: Vec<_> = quotients.zip(0u64..).filter(|(_, id)| passes(*id as usize)).collect();
    let order = |a: &((u64, u64), u64), b: &((u64, u64), u64)| -> Ordering {
        (a.0.0 * b.0.1).cmp(&(b.0.0 * a.0.1)).then(a.1.cmp(&b.1))
    };
    if k < all.len() {
        all.select_nth_unstable_by(k, order);
        all.truncate(k);
    }
    all.sort_by(order);
    all.into_iter().map(|(_, id)| id).collect()
}

/// A device that goes this way.
fn device(way: &Way, carry_save: bool, segment: Option<u64>) -> Option<Gpu> {
    let name = format!("bits: {}, {carry_save}, {segment:?}", way.name);
    let builder = || {
        let plain = way.builder().setting("kernel.scan.carry_save", u32::from(carry_save));
        segment.into_iter().fold(plain, |builder, bytes| builder.max_segment_bytes(bytes))
    };
    shared(&name, builder).map_err(|e| println!("skipped: {name}: {e} (1)")).ok()
}

fn index(gpu: &Gpu, metric: &Metric, d: usize, base: &[u8]) -> BinaryFlat {
    let index = BinaryFlat::new(gpu, d, metric.clone()).expect("an index");
    // two pieces: the second grows a segment
    let bytes = d.div_ceil(8);
    let cut = base.len() / bytes / 3 * bytes;
    index.add_rows(Rows::Bits(&base[..cut])).expect("rows");
    index.add_rows(Rows::Bits(&base[cut..])).expect("rows");
    index
}

/// The scan that ran; there is one.
fn kernel(hits: &Hits) -> String {
    let scans = hits.stats().variants.iter().filter(|v| v.starts_with("scan"));
    let scans: Vec<_> = scans.cloned().collect();
    assert!(!scans.is_empty(), "{:?}", hits.stats().variants);
    scans[0].clone()
}

struct Shape {
    n: usize,
    nq: usize,
    d: usize,
    k: usize,
}

const fn shape(n: usize, nq: usize, d: usize, k: usize) -> Shape {
    Shape { n, nq, d, k }
}

const SHAPES: &[Shape] = &[
    shape(1, 1, 1, 1),
    shape(70, 3, 1, 10),
    shape(300, 1, 7, 5),
    shape(63, 5, 8, 80),
    shape(500, 2, 31, 20),
    shape(2200, 4, 33, 2048),
    shape(5000, 1, 64, 10),
    shape(4100, 3, 64, 300),
    shape(1000, 70, 100, 3),
    shape(3000, 1, 128, 10),
    shape(900, 2, 129, 17),
    shape(700, 6, 200, 11),
    shape(640, 9, 256, 10),
    shape(1500, 2, 300, 64),
    shape(400, 130, 384, 5),
    shape(900, 1, 640, 10),
    shape(1300, 3, 1000, 10),
    shape(2000, 2, 1024, 10),
    shape(600, 65, 1152, 100),
    shape(500, 4, 4096, 10),
    shape(300, 3, 4099, 10),
    shape(150, 2, 32_760, 10),
];

/// Every shape with every metric, each a kind of rows and a filter in turn.
fn attack(way: &Way, carry_save: bool, segment: Option<u64>, prefix: &str, part: usize) {
    let Some(gpu) = device(way, carry_save, segment) else { return };
    let (mut kernels, mut ran) = (BTreeSet::new(), 0);
    for (number, &Shape { n, nq, d, k }) in SHAPES.iter().enumerate() {
        for (m, metric) in METRICS.iter().enumerate() {
            let turn = number * METRICS.len() + m;
            if !turn.is_multiple_of(part) {
                continue;
            }
            let kind = KINDS[(number + m) % KINDS.len()];
            let (base, queries) = (rows(kind, n, d, 1), rows(kind, nq, d, 2));
            let index = index(&gpu, metric, d, &base);
            let removed = |row: usize| turn.is_multiple_of(3) && n > 10 && row % 7 == 2;
            let gone: Vec<u64> = (0..n as u64).filter(|&row| removed(row as usize)).collect();
            if !gone.is_empty() {
                index.remove(&gone).expect("removed");
            }
            let own = |query: usize, row: usize| match turn % 4 {
                1 => row % 3 != 1,
                2 => !(row / 5 + query).is_multiple_of(2),
                _ => true,
            };
            let words_per_query = n.div_ceil(64);
            let mut words = vec![0u64; words_per_query * nq];
            for (query, words) in words.chunks_mut(words_per_query).enumerate() {
                (0..n)
                    .filter(|&row| own(query, row))
                    .for_each(|row| words[row / 64] |= 1 << (row % 64));
            }
            let params =
                match turn % 4 {
                    1 => SearchParams::new()
                        .filter(IdFilter::bitmap(words[..words_per_query].to_vec())),
                    2 => SearchParams::new()
                        .query_filter(QueryFilter::Bitmap { words, words_per_query }),
                    _ => SearchParams::new(),
                };
            let hits = index.search_with(Rows::Bits(&queries), k, &params).expect("hits");
            let what =
                format!("{metric}, {n} x {d}, {nq} queries, k = {k}, {kind:?}, {}", way.name);
            for (query, q) in queries.chunks(d.div_ceil(8)).enumerate() {
                let passes = |row: usize| own(query, row) && !removed(row);
                let expected = expected(metric, d, q, &base, k, passes);
                let got: Vec<u64> = hits.row(query).map(|(id, _)| id).collect();
                assert_eq!(got, expected, "{what}, query {query}");
                for (id, distance) in hits.row(query) {
                    let x = &base[id as usize * d.div_ceil(8)..][..d.div_ceil(8)];
                    let (n, m) = quotient(metric, d, q, x);
                    let real = n as f64 / m as f64;
                    assert!(
                        (f64::from(distance) - real).abs() <= 1e-6 * real,
                        "{what}: row {id} at {distance}"
                    );
                }
            }
            let kernel = kernel(&hits);
            assert!(kernel.starts_with(prefix), "{what}: {kernel}");
            assert_eq!(kernel.contains("carry_save"), carry_save, "{kernel}");
            // as the way asks for
            let grouped = hits.stats().variants.iter().any(|v| v.contains("_grouped"));
            assert_eq!(
                grouped,
                way.name == TILES.name && k <= 300,
                "{what}: {:?}",
                hits.stats().variants
            );
            // however many rows are as far as the k-th, the first bins decide
            if d <= 4096 {
                assert_eq!(hits.stats().exact.rerun, 0, "{what}");
                assert!(hits.stats().exact.sums_exact, "{what}");
            }
            kernels.insert(kernel);
            ran += 1;
        }
    }
    println!("{ran} searches by {} kernels: {kernels:?}", kernels.len());
}

/// One of so many where a driver compiles for a second.
fn part() -> usize {
    if subset() { 6 } else { 1 }
}

#[test]
fn bits_by_rows_are_those_of_the_oracle() {
    attack(&ROWS, true, None, "scan_bits_row_", part());
}

#[test]
fn bits_by_tiles_are_those_of_the_oracle() {
    attack(&TILES, true, None, "scan_bits_", part());
}

#[test]
fn bits_that_are_plainly_counted_are_those_of_the_oracle() {
    attack(&ROWS, false, None, "scan_bits_row_", part() * 5);
    attack(&TILES, false, None, "scan_bits_", part() * 5);
}

#[test]
fn bits_in_segments_of_few_rows_are_those_of_the_oracle() {
    attack(&ROWS, true, Some(1), "scan_bits_row_", part() * 3);
    attack(&TILES, true, Some(64 * 160), "scan_bits_", part() * 3);
}

/// The kernel changes with the number of queries, the answer does not, to the bit.
#[test]
fn bits_in_any_batch_give_the_same_bits() {
    let Ok(gpu) =
        shared("as it comes", || ROWS.builder().setting("kernel.scan.max_row_queries", 32))
    else {
        println!("skipped: no adapter (1)");
        return;
    };
    let (n, d, k) = (3000, 96, 12);
    for metric in METRICS.iter().take(if subset() { 2 } else { 4 }) {
        let (base, queries) = (rows(Kind::Sparse, n, d, 3), rows(Kind::Sparse, 100, d, 4));
        let index = index(&gpu, metric, d, &base);
        let search = |from: usize, to: usize| {
            index
                .search_with(
                    Rows::Bits(&queries[from * d / 8..to * d / 8]),
                    k,
                    &SearchParams::new(),
                )
                .expect("hits")
        };
        let whole = search(0, 100);
        let mut kernels = BTreeSet::from([kernel(&whole)]);
        for count in [1, 2, 3, 7, 33] {
            for from in if subset() { &[5][..] } else { &[0, 5, 60] } {
                let from = *from;
                let few = search(from, from + count);
                let same = |i: usize| whole.distances()[from * k + i].to_bits();
                assert_eq!(
                    few.ids(),
                    &whole.ids()[from * k..(from + count) * k],
                    "{metric}, {count}"
                );
                assert!(few.distances().iter().enumerate().all(|(i, v)| v.to_bits() == same(i)));
                kernels.insert(kernel(&few));
            }
        }
        // 1, 2 and 4 queries at a time, and the tile
        assert_eq!(kernels.len(), 4, "{kernels:?}");
    }
}

/// At each distance that a query has, beside it, at both ends and beyond them: what all exact distances find.
#[test]
fn bits_within_a_radius_are_those_of_all_distances() {
    let mut found = 0;
    for way in [&ROWS, &TILES] {
        let Some(gpu) = device(way, true, None) else { continue };
        for (i, metric) in METRICS.iter().enumerate() {
            for (j, d) in [1, 96, 200, 5000].into_iter().enumerate() {
                if subset() && (i + j) % 4 != 1 {
                    continue;
                }
                let kind = KINDS[(i + j) % KINDS.len()];
                let n = if d > 1000 { 700 } else { 3000 };
                let (base, queries) = (rows(kind, n, d, 5), rows(kind, 9, d, 6));
                let index = index(&gpu, metric, d, &base);
                index.remove(&[3, 64]).expect("removal");
                let queries = Rows::Bits(&queries);
                let nearest = index.search_with(queries, 40, &SearchParams::new()).expect("hits");
                let mut radii: Vec<f32> = nearest
                    .distances()
                    .iter()
                    .copied()
                    .step_by(if subset() { 179 } else { 61 })
                    .collect();
                radii.extend(radii.clone().into_iter().flat_map(|r| [r.next_up(), r.next_down()]));
                radii.extend([-1.0, 0.0, 1e-9, 1.0, 1.0f32.next_up(), d as f32, 1e9]);
                let within = |radius, all: bool| {
                    let params = SearchParams::new().exhaustive(all);
                    index.range_search_with(queries, radius, &params).expect("hits")
                };
                // what is within a radius is the beginning of all rows, nearest first
                let every = within(f32::INFINITY, true);
                assert!(every.rows().all(|row| row.len() == n - 2));
                for radius in radii {
                    let some = within(radius, false);
                    let what = format!("{metric}, {d} bits, {kind:?}, {radius}");
                    let bits = |(id, distance): (u64, f32)| (id, distance.to_bits());
                    for (some, every) in some.rows().zip(every.rows()) {
                        let all = every.into_iter().filter(|hit| hit.1 < radius).map(bits);
                        assert!(some.into_iter().map(bits).eq(all), "{what}");
                    }
                    found +=
                        u64::from(some.stats().variants.iter().any(|v| v.starts_with("scan_bits")));
                }
            }
        }
    }
    assert!(found > 0, "no radius went through the scan");
}

/// Of so many bits two quotients may have one score. All bins of the farther rows come first, and are more than can be chosen.
#[test]
fn quotients_that_meet_in_one_score_are_told_apart() {
    let (d, ones, n) = (32_760, 32_000, 70 * 64);
    // 1 / 32000 from the query, and 1 / 32001
    let row = |ones: usize| -> Vec<u8> {
        (0..d / 8)
            .map(|byte| (0..8).fold(0, |b, bit| b | u8::from(byte * 8 + bit < ones) << bit))
            .collect()
    };
    let (query, far, near) = (row(ones), row(ones - 1), row(ones + 1));
    let base: Vec<u8> =
        (0..n).flat_map(|i| if i + 2 < n { &far } else { &near }.iter().copied()).collect();
    for way in [&ROWS, &TILES] {
        let Some(gpu) = device(way, true, None) else { continue };
        for metric in [Metric::BitJaccard, Metric::Dice] {
            let index = index(&gpu, &metric, d, &base);
            let hits =
                index.search_with(Rows::Bits(&query), 3, &SearchParams::new()).expect("hits");
            let last = n as u64 - 1;
            assert_eq!(hits.ids(), [last - 1, last, 0], "{metric}, {}", kernel(&hits));
            assert_eq!(hits.stats().exact.rerun, 1, "{metric}");
        }
    }
}
