//! Radii at the ends of f32, under every metric and on every type: what is strictly below them, for similarities above.

use crate::common::cases::float_metrics;
use crate::common::device::subset;
use crate::support::{block, gpu, index, rows};
use nearfield::reference::{Problem, check_range, distance};
use nearfield::{DType, Flat, Gpu, Hits, Index, Metric, Order, Rows, Search, SearchParams};

/// All but the infinite ones, which `check_range` has no tolerance for.
const FINITE: [f32; 12] = [
    0.0,
    -0.0,
    1e-45,
    -1e-45,
    f32::MIN_POSITIVE,
    -f32::MIN_POSITIVE,
    0.5,
    16_777_216.0,
    4_294_967_296.0,
    -4_294_967_296.0,
    f32::MAX,
    f32::MIN,
];

fn within(index: &dyn Search, queries: Rows<'_>, radius: f32) -> Hits {
    let hits = index.range_search_with(queries, radius, &SearchParams::new());
    hits.unwrap_or_else(|e| panic!("radius {radius:e}: {e}"))
}

fn by_query(hits: &Hits) -> Vec<Vec<(u64, f32)>> {
    hits.rows().collect()
}

/// Infinite radii keep what is a hit at all, or nothing; the others what the oracle keeps.
fn check(gpu: &Gpu, metric: &Metric, dtype: DType) {
    let dim = match metric {
        Metric::Haversine => 2,
        _ => 16,
    };
    let index = index(gpu, dim, metric, dtype);
    let (base, queries) = (rows(70, dim, metric, dtype, 3), rows(3, dim, metric, dtype, 4));
    index.add_rows(base.rows()).unwrap();
    let what = format!("{metric} of {dtype}");
    let of = |rows: Rows<'_>| block(dtype, dim, rows.bytes());
    let (base, of_queries) = (of(base.rows()), of(queries.rows()));
    let (all, none) = match metric.order() {
        Order::Ascending => (f32::INFINITY, f32::NEG_INFINITY),
        Order::Descending => (f32::NEG_INFINITY, f32::INFINITY),
    };
    // What a search finds is what there is to find.
    let everything = index.search_with(queries.rows(), 70, &SearchParams::new()).unwrap();
    let hits = within(&*index, queries.rows(), all);
    assert_eq!(by_query(&hits), by_query(&everything), "{what}");
    for (query, hits) in of_queries.rows().zip(hits.rows()) {
        let there = base.rows().filter(|row| distance(metric, query, row).is_some()).count();
        assert_eq!(hits.len(), there, "{what}");
    }
    assert_eq!(within(&*index, queries.rows(), none).len_of_all(), 0, "{what}");
    let eligible = &|_: usize, _: usize| true;
    let problem = Problem { measure: metric, queries: &of_queries, base: &base, eligible };
    for radius in FINITE {
        let hits = within(&*index, queries.rows(), radius);
        let checked = check_range(&problem, radius, &by_query(&hits));
        checked.unwrap_or_else(|why| panic!("{what}, radius {radius:e}: {why}"));
    }
    let error = index.range_search_with(queries.rows(), f32::NAN, &SearchParams::new());
    assert!(error.is_err(), "{what}");
}

trait Count {
    fn len_of_all(&self) -> usize;
}

impl Count for Hits {
    fn len_of_all(&self) -> usize {
        self.ids().len()
    }
}

#[test]
fn radii_at_the_ends_of_f32_keep_what_the_definition_says() {
    let gpu = gpu();
    let mut checked = 0;
    for (m, metric) in float_metrics().into_iter().enumerate() {
        let types = DType::ALL.iter().copied().filter(|&dtype| dtype != DType::Bits);
        for (t, dtype) in types.enumerate() {
            // each pair has kernels of its own to compile: of the subset, each metric has a type in turn
            if subset() && !(m + t).is_multiple_of(5) {
                continue;
            }
            check(&gpu, &metric, dtype);
            checked += 1;
        }
    }
    for metric in Metric::PLAIN.iter().filter(|m| m.is_binary()) {
        check(&gpu, metric, DType::Bits);
        checked += 1;
    }
    println!("count: extreme-radii {checked}");
}

#[test]
fn infinite_distances_of_a_users_metric_are_found_by_infinite_radii_alone() {
    let gpu = gpu();
    let text = "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc + x; }
        fn finish(acc: f32, d: u32) -> f32 {
          if (acc > 8.0) { return bitcast<f32>(0x7f800000u + d - 1u); }
          if (acc < -8.0) { return bitcast<f32>(0xff800000u + d - 1u); }
          if (acc == 7.0) { return bitcast<f32>(0x7fc00000u + d); }
          if (acc == -7.0) { return bitcast<f32>(0xffc00000u + d); }
          return acc;
        }";
    // inf, -inf, NaN of either sign, and numbers.
    let rows = [9.0, -9.0, 7.0, -7.0, 2.0, -3.0, 9.5, 0.0];
    let (far, near) = (f32::INFINITY, f32::NEG_INFINITY);
    for (order, all, none, found) in [
        (Order::Ascending, far, near, [1, 5, 7, 4, 0, 6]),
        (Order::Descending, near, far, [0, 6, 4, 7, 5, 1]),
    ] {
        let index = Flat::new(&gpu, 1, Metric::wgsl(text, 0.0, order)).unwrap();
        index.add(&rows).unwrap();
        let hits = index.search(&[0.0], 8).unwrap();
        assert_eq!(hits.ids(), found);
        let ids = |radius| within(&index, Rows::F32(&[0.0]), radius).ids().to_vec();
        assert_eq!((ids(all), ids(none)), (found.to_vec(), vec![]));
        // The nearest infinite one is within any other radius, the farthest within none.
        let largest = if order == Order::Ascending { f32::MAX } else { f32::MIN };
        let inner = if order == Order::Ascending { &found[..4] } else { &found[..5] };
        assert_eq!(ids(largest), inner);
        let smallest = -largest;
        let nearest = if order == Order::Ascending { &found[..1] } else { &found[..2] };
        assert_eq!(ids(smallest), nearest);
    }
}
