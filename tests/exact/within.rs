//! Searches by radius through the scan: whatever the metric, the way and the radius, what all exact distances find, to the bit.

use crate::common::cases::float_metrics;
use crate::common::data::{Domain, Kind, Owned};
use crate::common::device::{shared, subset};
use crate::common::ways::{BYTES, COPY, MATRIX, MATRIX_F32, ROWS, TILES, open};
use nearfield::{
    DType, Flat, Gpu, Hits, IdFilter, Index, Metric, Order, QueryFilter, Rows, Search,
    SearchParams, SearchStats,
};

type Found = Vec<Vec<(u64, u32)>>;

/// Ids and the bits of distances.
fn bits(hits: &Hits) -> Found {
    hits.rows().map(|row| row.into_iter().map(|(id, d)| (id, d.to_bits())).collect()).collect()
}

fn within(index: &dyn Search, queries: Rows<'_>, radius: f32, params: &SearchParams) -> Hits {
    index.range_search_with(queries, radius, params).expect("a range search")
}

fn ran(stats: &SearchStats, kernel: &str) -> bool {
    stats.variants.iter().any(|variant| variant.starts_with(kernel))
}

/// Radii at some hits and on either side of them, and at the ends.
fn radii(all: &Hits) -> Vec<f32> {
    let first: Vec<f32> = all.row(0).map(|(_, distance)| distance).collect();
    let last = first.len().saturating_sub(1);
    let mut radii = vec![0.0, -1.0, f32::MAX, f32::MIN, f32::INFINITY, f32::NEG_INFINITY];
    for at in [0, 1, 12, last / 2, last] {
        let Some(&distance) = first.get(at) else { continue };
        radii.extend([distance, distance.next_up(), distance.next_down()]);
    }
    radii
}

/// Holds every radius against the search for all neighbours, which knows no radius.
fn check(index: &dyn Search, queries: Rows<'_>, params: &SearchParams, what: &str) -> usize {
    let every = params.clone().exhaustive(true);
    let all = index.search_with(queries, index.len(), &every).expect("a search");
    let radii = radii(&all);
    for &radius in &radii {
        let is_within = |distance: f32| match index.metric().order() {
            Order::Ascending => distance < radius || radius == f32::INFINITY,
            Order::Descending => distance > radius || radius == f32::NEG_INFINITY,
        };
        let expected: Found = (all.rows())
            .map(|row| {
                let hits = row.into_iter().filter(|hit| is_within(hit.1));
                hits.map(|(id, distance)| (id, distance.to_bits())).collect()
            })
            .collect();
        let found = within(index, queries, radius, params);
        assert_eq!(bits(&found), expected, "{what}, radius {radius:e}: {:?}", found.stats());
    }
    radii.len()
}

#[test]
fn every_radius_finds_what_all_exact_distances_find() {
    let ways = open(&[TILES, ROWS, COPY, BYTES, MATRIX, MATRIX_F32], 1);
    let kinds = [
        Kind::Normal,
        Kind::Integers,
        Kind::Duplicates,
        Kind::ZeroVectors,
        Kind::NearDuplicates,
        Kind::WideNorms,
        Kind::FarShell,
    ];
    let types = [DType::F32, DType::I8, DType::F32, DType::F16, DType::U8, DType::F32, DType::Bf16];
    let (mut turn, mut radii, mut scanned) = (0, 0, 0u64);
    let metrics = float_metrics();
    for metric in &metrics {
        for (k, &kind) in kinds.iter().enumerate() {
            turn += 1;
            // some drivers compile for seconds
            if subset() && !(turn + k).is_multiple_of(14) || ways.is_empty() {
                continue;
            }
            let dtype = types[(turn + turn / 7) % types.len()];
            let (way, gpu) = &ways[turn % ways.len()];
            let (n, nq) = (450, 5);
            let d = if *metric == Metric::Haversine { 2 } else { 19 };
            let domain = Domain::of(metric);
            let of = |n, seed, queries| {
                let most = if dtype == DType::F16 { 3.0 } else { 6.0 };
                let mut values = kind.rows(n, d, 5, queries, most);
                domain.apply(&mut values, d, seed);
                Owned::encode(&values, d, dtype, domain, kind)
            };
            let (base, queries) = (of(n, 1, false), of(nq, 2, true));
            let index = Flat::with_dtype(gpu, d, metric.clone(), dtype).expect("an index");
            index.add_rows(base.rows()).expect("rows");
            let gone: Vec<u64> = (0..n as u64).step_by(9).collect();
            index.remove(&gone).expect("rows to remove");
            let each: QueryFilter =
                (0..nq as u64).map(|q| IdFilter::range(q * 50..400 + q * 60)).collect();
            let params = match turn % 3 {
                0 => SearchParams::new(),
                1 => SearchParams::new().filter(!IdFilter::range(100..300)),
                _ => SearchParams::new().query_filter(each),
            };
            let what = format!("{metric} of {dtype}, {kind:?}, {}", way.name);
            radii += check(&index, queries.rows(), &params, &what);
            let stats = within(&index, queries.rows(), 0.25, &params).stats().clone();
            assert_eq!(stats.exact.scanned > 0, ran(&stats, "select_range"), "{what}: {stats:?}");
            scanned += stats.exact.scanned;
        }
    }
    println!("count: within.radii {radii}");
    println!("{radii} radii, {scanned} queries scanned at the last of each");
    assert!(ways.is_empty() || scanned > 0);
}

/// What is scored at all is scanned for a radius, too, and answered without all exact distances.
#[test]
fn what_has_scores_is_scanned() {
    for (way, gpu) in open(&[TILES, ROWS, COPY, BYTES, MATRIX, MATRIX_F32], 1) {
        for metric in float_metrics() {
            let has_scores = !matches!(metric, Metric::Gower | Metric::Lp(0.5));
            let d = if metric == Metric::Haversine { 2 } else { 16 };
            let by_products = [
                Metric::L2,
                Metric::SqrtL2,
                Metric::InnerProduct,
                Metric::Cosine,
                Metric::CosineDistance,
                Metric::Correlation,
                Metric::Hellinger,
                Metric::Haversine,
            ];
            // copies and matrix units are of products alone; some drivers compile for seconds
            let plain = [TILES.name, ROWS.name].contains(&way.name);
            let few = way.name != TILES.name && ![Metric::L2, Metric::L1].contains(&metric);
            if !by_products.contains(&metric) && !plain || subset() && few {
                continue;
            }
            let mut values = Kind::Normal.rows(300, d, 3, false, 1.0);
            Domain::of(&metric).apply(&mut values, d, 3);
            let rows: Vec<f32> = values.iter().map(|&v| v as f32).collect();
            let index = Flat::new(&gpu, d, metric.clone()).expect("an index");
            index.add(&rows).expect("rows");
            let queries = Rows::F32(&rows[..3 * d]);
            let nearest = index.search_with(queries, 4, &SearchParams::new()).expect("a search");
            let radius = nearest.row(0).last().map_or(0.5, |hit| hit.1);
            let hits = within(&index, queries, radius, &SearchParams::new());
            let stats = hits.stats();
            let what = format!("{metric}, {}: {stats:?}", way.name);
            assert_eq!(stats.exact.scanned, if has_scores { 3 } else { 0 }, "{what}");
            assert_eq!(ran(stats, "select_range"), has_scores, "{what}");
            assert_eq!(ran(stats, "range_bins"), has_scores, "{what}");
            let every = within(&index, queries, radius, &SearchParams::new().exhaustive(true));
            assert_eq!((every.stats().exact.scanned, bits(&hits)), (0, bits(&every)), "{what}");
            assert!(!hits.ids().is_empty() || radius == 0.0, "{what}");
        }
    }
}

/// Row i is the number i.
fn line(gpu: &Gpu, n: usize) -> Flat {
    let index = Flat::new(gpu, 1, Metric::SqrtL2).expect("an index");
    index.add(&(0..n).map(|i| i as f32).collect::<Vec<_>>()).expect("rows");
    index
}

/// Rows whose numbers are nearer to the query's than the radius.
fn expected(n: usize, queries: &[f32], radius: f32) -> Vec<usize> {
    let radius = radius as usize;
    let count = |&q: &f32| {
        let q = q as usize;
        (q + radius).min(n) - (q + 1).saturating_sub(radius)
    };
    queries.iter().map(count).collect()
}

fn lens(hits: &Hits) -> Vec<usize> {
    hits.rows().map(|row| row.len()).collect()
}

#[test]
fn more_than_there_is_room_for_is_asked_again() {
    for (way, gpu) in open(&[TILES], 1) {
        // 6,250 bins: room for 512 at first, then for 1,562
        let n = 400_000;
        let index = line(&gpu, n);
        let queries = [0.0f32, 30.0, 200_000.0, 250_000.0, 399_999.0, 100_000.0];
        for (radius, again, all) in [
            (3.0f32, 0, false),
            // on one side some 400 bins, on both 800
            (25_600.0, 3, false),
            // some 1,000 and some 2,000
            (64_000.0, 6, true),
        ] {
            let hits = within(&index, Rows::F32(&queries), radius, &SearchParams::new());
            let stats = hits.stats();
            assert_eq!(lens(&hits), expected(n, &queries, radius), "{}, {radius}", way.name);
            for (row, &q) in hits.rows().zip(&queries) {
                assert!(row.is_sorted_by(|a, b| (a.1, a.0) < (b.1, b.0)));
                assert!(row.iter().all(|&(id, d)| (id as f32 - q).abs() == d), "{radius}");
            }
            assert_eq!((stats.exact.scanned, stats.exact.rerun), (6, again), "{stats:?}");
            assert_eq!(ran(stats, "distance"), all, "{stats:?}");
            assert!(stats.exact.bins_passed_max >= radius as u64 / 64, "{stats:?}");
        }
    }
}

#[test]
fn where_most_rows_are_within_reach_the_scan_is_given_up() {
    let builder = || {
        let builder = Gpu::builder().poison(true).setting("kernel.scan.min_rows", "0");
        // in small parts on fast devices, too
        let builder = builder.setting("submit.max_ms", "1").setting("submit.gflops", "1");
        builder.setting("kernel.scan.max_row_queries", "0")
    };
    let gpu = match shared("ranges in small parts", builder) {
        Ok(gpu) => gpu,
        Err(e) => {
            println!("skipped: {e} (1)");
            return;
        }
    };
    let n = 9_000;
    let index = line(&gpu, n);
    let queries: Vec<f32> = (0..260).map(|q| (q * 29) as f32).collect();
    for (radius, some) in [(7_000.0, true), (40.0, false)] {
        let hits = within(&index, Rows::F32(&queries), radius, &SearchParams::new());
        assert_eq!(lens(&hits), expected(n, &queries, radius));
        let (scanned, count) = (hits.stats().exact.scanned, queries.len() as u64);
        assert_eq!(scanned < count, some, "{:?}", hits.stats());
        assert!(scanned > 0);
        // batches of any size and order
        let whole = bits(&hits);
        for part in [1, 7, 100] {
            for (at, queries) in queries.chunks(part).enumerate().take(if subset() { 1 } else { 3 })
            {
                let few = within(&index, Rows::F32(queries), radius, &SearchParams::new());
                assert_eq!(bits(&few), whole[at * part..][..queries.len()], "{part} queries");
            }
        }
    }
}

#[test]
fn a_radius_that_no_row_is_within_costs_nothing() {
    for (_, gpu) in open(&[TILES], 1) {
        let index = line(&gpu, 5000);
        let hits = within(&index, Rows::F32(&[3.0, 4.0]), f32::NEG_INFINITY, &SearchParams::new());
        assert_eq!((hits.lims(), hits.stats().submissions), (&[0, 0, 0][..], 0));
    }
}
