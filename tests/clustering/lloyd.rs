//! The iterations against those of the host.

use crate::common::data::Random;
use crate::support::{
    bits, check_assignments, clusters, falls, gpu, integers, iterate, l2, matrix, objective,
    small_segments,
};
use half::{bf16, f16};
use nearfield::{KMeansParams, Matrix, Metric, Rows, kmeans};

/// Sums of whole numbers are exact whatever their order, so that each iteration's centroids are those of the host to the bit.
#[test]
fn centroids_are_those_of_the_host_after_each_iteration() {
    for (n, dim, k, seed) in [(700, 5, 7, 1), (300, 1, 3, 2), (900, 33, 12, 3), (80, 130, 2, 4)] {
        let points = integers(n, dim, 1000, seed);
        let start = points[..k * dim].to_vec();
        for (gpu, least) in [(gpu(), 1), (small_segments(), 3)] {
            let points_there = matrix(&gpu, &points, dim);
            let mut expected = start.clone();
            for niter in 1..4 {
                expected = iterate(&points, &[], &expected, dim);
                if niter < least {
                    continue;
                }
                let params = KMeansParams::new()
                    .niter(niter)
                    .centroids(start.clone())
                    .max_points_per_centroid(1000);
                let found = kmeans(&points_there, &Metric::L2, k, &params).unwrap();
                assert_eq!(found.splits, vec![0; niter], "{n} x {dim}");
                assert_eq!(bits(&found.centroids), bits(&expected), "{n} x {dim}, {niter}");
            }
        }
    }
}

#[test]
fn weights_count_points_as_often() {
    let (dim, k) = (3, 4);
    let points = integers(200, dim, 500, 5);
    let mut random = Random::new(6);
    let weights: Vec<f32> = (0..200).map(|_| random.below(5) as f32).collect();
    let start = points[..k * dim].to_vec();
    let params = KMeansParams::new().niter(2).centroids(start.clone());
    let of = |weights: &[f32]| l2(&points, dim, k, &params.clone().weights(weights));
    let found = of(&weights);
    let expected = iterate(&points, &weights, &start, dim);
    let expected = iterate(&points, &weights, &expected, dim);
    assert_eq!(bits(&found.centroids), bits(&expected));
    // a point of weight 3 is three points
    let many: Vec<f32> = points
        .chunks_exact(dim)
        .zip(&weights)
        .flat_map(|(point, &w)| point.repeat(w as usize))
        .collect();
    let as_often = l2(&many, dim, k, &params);
    assert_eq!(bits(&found.centroids), bits(&as_often.centroids));
    let (a, b) = (found.objective[2], as_often.objective[2]);
    assert!((a - b).abs() < 1e-6 * b, "{a} {b}");
    // whatever their unit
    for unit in [2f32.powi(100), 2f32.powi(-100)] {
        let scaled: Vec<f32> = weights.iter().map(|w| w * unit).collect();
        let other = of(&scaled);
        assert_eq!(bits(&other.centroids), bits(&found.centroids));
        assert_eq!(other.objective[2], found.objective[2] * f64::from(unit));
    }
}

#[test]
fn the_objective_falls_and_is_that_of_the_assignment() {
    for (points, dim, k) in [
        (clusters(900, 6, 9, 1), 6, 9),
        (clusters(500, 1, 5, 2), 1, 20),
        (integers(600, 17, 4, 3), 17, 30),
    ] {
        let params = KMeansParams::new().assignments(true).niter(8);
        let found = l2(&points, dim, k, &params);
        assert!(falls(&found), "{:?}", found.objective);
        let (told, own) = (*found.objective.last().unwrap(), objective(&points, &found));
        assert!((told - own).abs() <= 1e-5 * own, "{told} {own}");
        check_assignments(&gpu(), Rows::F32(&points), &Metric::L2, &found);
        let again = l2(&points, dim, k, &params);
        assert_eq!(bits(&again.centroids), bits(&found.centroids));
        assert_eq!((again.objective, again.assignments), (found.objective, found.assignments));
    }
}

#[test]
fn every_type_of_element_has_the_same_centroids() {
    let (dim, k) = (7, 5);
    let points = integers(300, dim, 100, 9);
    let params = KMeansParams::new().niter(3);
    let expected = l2(&points, dim, k, &params).centroids;
    let halves: Vec<f16> = points.iter().map(|&x| f16::from_f32(x)).collect();
    let brains: Vec<bf16> = points.iter().map(|&x| bf16::from_f32(x)).collect();
    let signed: Vec<i8> = points.iter().map(|&x| x as i8).collect();
    let bytes: Vec<u8> = points.iter().map(|&x| x as u8).collect();
    for rows in [Rows::F16(&halves), Rows::Bf16(&brains), Rows::I8(&signed), Rows::U8(&bytes)] {
        let points = Matrix::from_rows(&gpu(), dim, rows).unwrap();
        let found = kmeans(&points, &Metric::L2, k, &params).unwrap();
        assert_eq!(bits(&found.centroids), bits(&expected), "{:?}", rows.dtype());
    }
}

#[test]
fn one_cluster_of_most_points_is_summed_in_pieces() {
    let dim = 2;
    let mut points = integers(3000, dim, 100, 4);
    points.extend(integers(20, dim, 100, 5).iter().map(|x| x + 100_000.0));
    let start = [50.0, 50.0, 100_000.0, 100_000.0];
    let params = KMeansParams::new().niter(1).centroids(start).max_points_per_centroid(9000);
    let found = l2(&points, dim, 2, &params);
    assert_eq!(bits(&found.centroids), bits(&iterate(&points, &[], &start, dim)));
    assert_eq!(found.counts, [3000, 20]);
    assert!(found.imbalance() > 1.9);
}
