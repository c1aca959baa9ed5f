//! What the documentation promises of order and range, a test for each sentence.

use crate::common::data::Random;
use crate::common::device::shared;
use nearfield::reference::{Block, Problem, check_search, distance, tau};
use nearfield::{DType, Flat, Gpu, Hits, Index, Metric, Order, Rows, Search};

fn gpu() -> Option<Gpu> {
    let gpu =
        shared("as it comes", || Gpu::builder().poison(true).setting("kernel.scan.min_rows", "0"));
    if gpu.is_err() {
        println!("skipped: no adapter (1)");
    }
    gpu.ok()
}

fn search(gpu: &Gpu, metric: &Metric, dim: usize, rows: Rows<'_>, query: Rows<'_>) -> Hits {
    let index = Flat::with_dtype(gpu, dim, metric.clone(), rows.dtype()).expect("an index");
    index.add_rows(rows).expect("rows");
    index
        .search_with(query, rows.count(dim).expect("whole rows"), &Default::default())
        .expect("hits")
}

#[test]
fn hits_are_ordered_by_what_is_compared_before_the_last_rounding() {
    let Some(gpu) = gpu() else { return };
    // 1 + 2^-23 and 1 have the same root in f32
    let rows = [1.0, 2f32.powf(-11.5), 1.0, 0.0];
    let hits = search(&gpu, &Metric::SqrtL2, 2, Rows::F32(&rows), Rows::F32(&[0.0, 0.0]));
    assert_eq!((hits.ids(), hits.distances()), (&[1, 0][..], &[1.0, 1.0][..]));
    // sums of bytes above 2^24 that differ by 1, and are one number in f32
    let d = 298;
    let odd =
        [[vec![1u8, 0], vec![255; d - 2]].concat(), [vec![0u8, 0], vec![255; d - 2]].concat()];
    let hits = search(&gpu, &Metric::L2, d, Rows::U8(&odd.concat()), Rows::U8(&vec![0; d]));
    assert_eq!(hits.ids(), [1, 0]);
    assert_eq!(hits.distances()[0].to_bits(), hits.distances()[1].to_bits());
}

#[test]
fn distances_never_turn_back_where_the_key_tells_more_than_they_do() {
    let Some(gpu) = gpu() else { return };
    let (n, d) = (400, 5);
    let mut random = Random::new(4);
    for metric in [
        Metric::SqrtL2,
        Metric::CosineDistance,
        Metric::Hellinger,
        Metric::Correlation,
        Metric::Haversine,
    ] {
        let dim = if metric == Metric::Haversine { 2 } else { d };
        // so near to each other that many have the same distance
        let base = [0.03f32, 0.05, 0.01, 0.02, 0.04];
        let near: Vec<f32> =
            (0..n * dim).map(|i| base[i % dim] * (1.0 + 4e-7 * random.normal() as f32)).collect();
        let query = [0.01f32, 0.02, 0.09, 0.03, 0.01];
        let hits = search(&gpu, &metric, dim, Rows::F32(&near), Rows::F32(&query[..dim]));
        let (ids, distances) = (hits.ids(), hits.distances());
        assert!(distances.windows(2).all(|pair| pair[0] <= pair[1]), "{metric}: {distances:?}");
        let mut ties = ids.windows(2).zip(distances.windows(2)).filter(|(_, d)| d[0] == d[1]);
        assert!(ties.any(|(ids, _)| ids[0] > ids[1]), "{metric}: no tie that the key breaks");
        let block = |rows| Block::new(Rows::F32(rows), dim).expect("whole rows");
        let (queries, base) = (block(&query[..dim]), block(&near));
        let problem =
            Problem { measure: &metric, queries: &queries, base: &base, eligible: &|_, _| true };
        check_search(&problem, n, &hits.rows().collect::<Vec<Vec<_>>>()).expect("within tau");
    }
}

#[test]
fn similarities_stay_within_their_range() {
    let Some(gpu) = gpu() else { return };
    let (n, d) = (600, 33);
    let mut random = Random::new(9);
    // the query and what is against it, of all lengths
    let query: Vec<f32> = (0..d).map(|_| random.normal() as f32).collect();
    let scales: Vec<f32> = (0..n)
        .map(|i| (0.3 + random.uniform() as f32) * if i % 2 == 0 { 1.0 } else { -1.0 })
        .collect();
    let rows: Vec<f32> = scales.iter().flat_map(|s| query.iter().map(move |x| x * s)).collect();
    for (metric, range) in [
        (Metric::Cosine, -1.0..=1.0f32),
        (Metric::CosineDistance, 0.0..=2.0),
        (Metric::Correlation, 0.0..=2.0),
    ] {
        let hits = search(&gpu, &metric, d, Rows::F32(&rows), Rows::F32(&query));
        assert!(hits.distances().iter().all(|d| range.contains(d)), "{metric}");
        let index = Flat::new(&gpu, d, metric.clone()).expect("an index");
        index.add(&rows).expect("rows");
        let within = |radius: f32| index.range_search(&query, radius).expect("hits").ids().len();
        // everything is nearer than a radius beyond the range, whatever the rounding, and nothing than its near end
        let (beyond, near) = match metric.order() {
            Order::Ascending => (2f32.next_up(), 0.0),
            Order::Descending => ((-1f32).next_down(), 1.0),
        };
        assert_eq!((within(beyond), within(near)), (n, 0), "{metric}");
        assert_eq!(
            (within(f32::INFINITY), within(f32::NEG_INFINITY)),
            match metric.order() {
                Order::Ascending => (n, 0),
                Order::Descending => (0, n),
            }
        );
    }
}

#[test]
fn rows_shorter_than_the_smallest_normal_number_are_zero_rows() {
    let Some(gpu) = gpu() else { return };
    let shortest = f32::MIN_POSITIVE;
    let rows = [
        [1.0, 0.0, 0.0],
        [0.0, shortest, 0.0],
        [0.0, shortest / 2.0, shortest / 2.0],
        [0.0, 1e-45, 0.0],
        [shortest, shortest, 0.0],
    ];
    let query = [0.6f32, 0.8, 0.0];
    let expected = [0.6f32, 0.8, 0.0, 0.0, (1.4 / 2f64.sqrt()) as f32];
    let hits = search(&gpu, &Metric::Cosine, 3, Rows::F32(rows.as_flattened()), Rows::F32(&query));
    for (id, distance) in hits.row(0) {
        let right = expected[id as usize];
        assert!((distance - right).abs() <= 1e-6, "row {id}: {distance}, not {right}");
    }
    // a query as short is a zero vector, too
    let short = query.map(|x| x * shortest / 2.0);
    let hits = search(&gpu, &Metric::Cosine, 3, Rows::F32(rows.as_flattened()), Rows::F32(&short));
    assert_eq!((hits.ids(), hits.distances()), (&[0, 1, 2, 3, 4][..], &[0.0; 5][..]));
}

#[test]
fn bytes_beyond_32768_dimensions_are_summed_in_floats() {
    let Some(gpu) = gpu() else { return };
    let (n, d) = (20, 40_000);
    let mut random = Random::new(1);
    let rows: Vec<u8> = (0..n * d).map(|_| random.below(256) as u8).collect();
    let query: Vec<u8> = (0..d).map(|_| random.below(256) as u8).collect();
    let hits = search(&gpu, &Metric::L2, d, Rows::U8(&rows), Rows::U8(&query));
    let block = |rows| Block::new(Rows::U8(rows), d).expect("whole rows");
    let (queries, base) = (block(&query[..]), block(&rows[..]));
    let problem =
        Problem { measure: &Metric::L2, queries: &queries, base: &base, eligible: &|_, _| true };
    check_search(&problem, n, &hits.rows().collect::<Vec<Vec<_>>>()).expect("within tau");
    let tau_of = |d: usize| {
        let (q, x) = (&queries.row(0)[..d], &base.row(0)[..d]);
        let m = distance(&Metric::L2, q, x).expect("a distance");
        tau(&Metric::L2, (DType::U8, DType::U8), q, x, m).order
    };
    assert!(tau_of(32_768) == 0.0 && tau_of(32_769) > 0.0);
}
