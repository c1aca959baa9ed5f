//! The cosine as a distance is the similarity in other words: the same neighbours on every way a search can go.

use crate::common::data::{Owned, Random};
use crate::common::device::subset;
use crate::common::ways::{BYTES, COPY, MATRIX, MATRIX_F32, ROWS, TILES, open};
use nearfield::{Flat, Gpu, Hits, Index, Metric, Rows, Search, SearchParams, pairwise};

const N: usize = 700;
const D: usize = 20;
const QUERIES: usize = 70;

fn hits(gpu: &Gpu, metric: Metric, rows: Rows<'_>, queries: &[f32], k: usize) -> Hits {
    let index = Flat::with_dtype(gpu, D, metric, rows.dtype()).expect("an index");
    index.add_rows(rows).expect("rows");
    index.search_with(Rows::F32(queries), k, &SearchParams::default()).expect("hits")
}

/// Directions with duplicates, other lengths of the same, opposites, and zero vectors.
fn values(random: &mut Random, rows: usize) -> Vec<f32> {
    let mut all: Vec<f32> = Vec::with_capacity(rows * D);
    for row in 0..rows {
        match row % 7 {
            0 if row > 0 => {
                let factor = [1.0, 2.0, -1.0][row % 3];
                let earlier = all[(row / 2) * D..][..D].to_vec();
                all.extend(earlier.iter().map(|x| x * factor));
            }
            1 if row % 2 == 0 => all.extend([0.0; D]),
            _ => all.extend((0..D).map(|_| (random.normal() * 20.0).round() as f32)),
        }
    }
    all
}

#[test]
fn its_neighbours_are_those_of_the_similarity() {
    let mut random = Random::new(31);
    let rows = values(&mut random, N);
    let queries = values(&mut random, QUERIES);
    let small = |x: &f32| x.clamp(-100.0, 100.0);
    let types = [
        Owned::F32(rows.clone()),
        Owned::F16(rows.iter().map(|x| half::f16::from_f32(*x)).collect()),
        Owned::I8(rows.iter().map(|x| small(x) as i8).collect()),
    ];
    let mut compared = 0;
    for (turn, (way, gpu)) in
        open(&[ROWS, TILES, COPY, BYTES, MATRIX, MATRIX_F32], 1).into_iter().enumerate()
    {
        // some drivers compile for seconds: there a type for each way
        let types = if subset() { &types[turn % 3..][..1] } else { &types[..] };
        for (rows, k) in types.iter().flat_map(|rows| [(rows, 12), (rows, N)]) {
            let rows = rows.rows();
            let near = hits(&gpu, Metric::Cosine, rows, &queries, k);
            let far = hits(&gpu, Metric::CosineDistance, rows, &queries, k);
            let what = format!("{}, {}, k = {k}", way.name, rows.dtype());
            assert_eq!(near.ids(), far.ids(), "{what}");
            for (similarity, distance) in near.distances().iter().zip(far.distances()) {
                assert!((0.0..=2.0).contains(distance), "{what}: {distance}");
                let expected = (1.0 - f64::from(*similarity)) as f32;
                assert_eq!(distance.to_bits(), expected.to_bits(), "{what}: {similarity}");
            }
            compared += far.ids().len();
        }
    }
    println!("{compared} hits of both");
}

#[test]
fn a_radius_and_pairs_mean_the_same() {
    let Some((_, gpu)) = open(&[ROWS], 1).into_iter().next() else { return };
    let mut random = Random::new(32);
    let rows = values(&mut random, N);
    let query = &values(&mut random, 3)[2 * D..];
    let index = Flat::new(&gpu, D, Metric::CosineDistance).expect("an index");
    index.add(&rows).expect("rows");
    let all = index.search(query, N).expect("hits");
    for radius in [-1.0, 0.0, 0.5, all.distances()[40], 1.0, 1.0f32.next_up(), 2.0, 3.0] {
        let within = index.range_search(query, radius).expect("hits");
        let expected: Vec<(u64, f32)> = all.row(0).filter(|(_, d)| *d < radius).collect();
        assert_eq!(within.row(0).collect::<Vec<_>>(), expected, "{radius}");
    }
    // a zero row and a zero query are at distance 1 of everything
    let zeros = index.search(&[0.0; D], 5).expect("hits");
    assert_eq!((zeros.ids(), zeros.distances()), (&[0, 1, 2, 3, 4][..], &[1.0; 5][..]));
    let zero = rows.chunks(D).position(|row| row.iter().all(|x| *x == 0.0)).expect("a zero row");
    assert!(all.row(0).any(|(id, d)| id == zero as u64 && d == 1.0));
    let pairs = pairwise(&gpu, &Metric::CosineDistance, Rows::F32(query), Rows::F32(&rows), D);
    let pairs = pairs.expect("distances");
    for (id, distance) in all.row(0) {
        assert_eq!(pairs[id as usize].to_bits(), distance.to_bits(), "row {id}");
    }
}

#[test]
fn where_there_is_no_hit_stands_the_largest_number() {
    let Some((_, gpu)) = open(&[ROWS], 1).into_iter().next() else { return };
    let hits = hits(&gpu, Metric::CosineDistance, Rows::F32(&[1.0; 2 * D]), &[1.0; D], 3);
    let (ids, distances) = hits.to_arrays(3).expect("arrays");
    assert_eq!((ids[2], distances[2]), (-1, f32::MAX));
}
