//! Devices, points, and Lloyd's iterations in f64.

use crate::common::data::Random;
use crate::common::device::shared;
use nearfield::{
    Flat, Gpu, Index, KMeans, KMeansParams, Matrix, Metric, Rows, Search, SearchParams, kmeans,
};

/// One segment, shared by the tests.
pub fn gpu() -> Gpu {
    shared("one segment", || Gpu::builder().poison(true)).unwrap()
}

/// Segments of 64 rows, shared by the tests.
pub fn small_segments() -> Gpu {
    shared("segments of 64 rows", || Gpu::builder().poison(true).max_segment_bytes(1)).unwrap()
}

pub fn matrix(gpu: &Gpu, points: &[f32], dim: usize) -> Matrix {
    Matrix::from_rows(gpu, dim, Rows::F32(points)).unwrap()
}

/// k-means of f32 points under L2.
pub fn l2(points: &[f32], dim: usize, k: usize, params: &KMeansParams) -> KMeans {
    kmeans(&matrix(&gpu(), points, dim), &Metric::L2, k, params).unwrap()
}

/// Whole numbers below `below`.
pub fn integers(n: usize, dim: usize, below: u64, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    (0..n * dim).map(|_| random.below(below) as f32).collect()
}

/// Clusters of deviation 1 around centres that are far from each other, in turn.
pub fn clusters(n: usize, dim: usize, centres: usize, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    let at: Vec<f64> = (0..centres * dim).map(|_| 100.0 * random.normal()).collect();
    let point = |i: usize| (0..dim).map(move |j| (i % centres) * dim + j);
    let places: Vec<usize> = (0..n).flat_map(point).collect();
    places.iter().map(|&place| (at[place] + random.normal()) as f32).collect()
}

pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

pub fn square(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
}

/// The nearest centroid of each point, in f64; none may be so near to a second that f32 decides.
pub fn nearest(points: &[f32], centroids: &[f32], dim: usize) -> Vec<usize> {
    let of_point = |point: &[f32]| {
        let mut all: Vec<(f64, usize)> =
            centroids.chunks_exact(dim).map(|c| square(point, c)).zip(0..).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let tie = all.len() > 1 && all[1].0 - all[0].0 < 1e-5 * all[1].0;
        let same = |c: usize| &centroids[c * dim..][..dim];
        assert!(!tie || same(all[0].1) == same(all[1].1), "a point between two centroids");
        all[0].1
    };
    points.chunks_exact(dim).map(of_point).collect()
}

/// The centroids of an iteration: sums that are exact, times inverse sizes in f32; the point itself where all are equal. Those without
/// points stay.
pub fn iterate(points: &[f32], weights: &[f32], centroids: &[f32], dim: usize) -> Vec<f32> {
    let k = centroids.len() / dim;
    let (mut sums, mut sizes) = (vec![0f64; k * dim], vec![0f64; k]);
    let mut same: Vec<Option<&[f32]>> = vec![None; k];
    let mut differs = vec![false; k];
    for (i, (point, c)) in points.chunks_exact(dim).zip(nearest(points, centroids, dim)).enumerate()
    {
        let weight = weights.get(i).map_or(1.0, |&w| f64::from(w));
        sizes[c] += weight;
        differs[c] |= *same[c].get_or_insert(point) != point;
        sums[c * dim..][..dim]
            .iter_mut()
            .zip(point)
            .for_each(|(sum, &x)| *sum += weight * f64::from(x));
    }
    let mean = |at: usize| match sizes[at / dim] {
        0.0 => centroids[at],
        _ if !differs[at / dim] => same[at / dim].unwrap()[at % dim],
        size => sums[at] as f32 * (1.0 / size as f32),
    };
    (0..k * dim).map(mean).collect()
}

/// The sum of all distances, in f64.
pub fn objective(points: &[f32], found: &KMeans) -> f64 {
    let labels = found.assignments.as_ref().expect("assignments");
    let centroid = |label: u32| &found.centroids[label as usize * found.dim..][..found.dim];
    points.chunks_exact(found.dim).zip(labels).map(|(x, &c)| square(x, centroid(c))).sum()
}

/// Holds the assignments against a search of the centroids.
pub fn check_assignments(gpu: &Gpu, points: Rows<'_>, metric: &Metric, found: &KMeans) {
    let index = Flat::new(gpu, found.dim, metric.clone()).unwrap();
    index.add(&found.centroids).unwrap();
    let hits = index.search_with(points, 1, &SearchParams::new()).unwrap();
    let nearest: Vec<u32> =
        hits.rows().map(|hits| hits.into_iter().next().map_or(0, |hit| hit.0 as u32)).collect();
    assert_eq!(found.assignments.as_ref().unwrap(), &nearest);
    let mut counts = vec![0; found.k];
    nearest.iter().for_each(|&c| counts[c as usize] += 1);
    assert_eq!(found.counts, counts);
}

/// Whether sums of distances fall, but for rounding and after moves.
pub fn falls(found: &KMeans) -> bool {
    let all = found.objective.windows(2).zip(&found.splits);
    found.objective.len() == found.iterations + 1
        && found.splits.len() == found.iterations
        && all.into_iter().all(|(pair, _)| pair[1] <= pair[0] * (1.0 + 1e-6))
}
