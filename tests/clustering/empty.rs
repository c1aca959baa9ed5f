//! Centroids without points.

use crate::support::{falls, gpu, integers, l2, matrix, small_segments};
use nearfield::{KMeansInit, KMeansParams, Metric, kmeans};

#[test]
fn a_donor_at_the_origin_splits() {
    // symmetric about the origin, with all coordinates of the mean 0, and one coordinate that is always 0
    let points = [1.0, 0.0, -1.0, 0.0, 2.0, 0.0, -2.0, 0.0];
    let params = KMeansParams::new().centroids([0.0, 0.0, 900.0, 900.0]).assignments(true);
    let found = l2(&points, 2, 2, &params);
    assert_eq!((found.distinct, found.splits[0]), (2, 1));
    assert!(*found.objective.last().unwrap() < 2.0, "{:?}", found.objective);
    assert!(falls(&found));
    // along the diagonal, where signs in turn find nothing
    let points: Vec<f32> = (-8..=8).flat_map(|i| [i as f32; 4]).collect();
    let params = KMeansParams::new().centroids([[0.0; 4], [900.0; 4], [901.0; 4]].concat());
    let found = l2(&points, 4, 3, &params);
    assert!(found.distinct == 3 && falls(&found), "{:?}", found.objective);
}

#[test]
fn all_centroids_but_one_may_be_empty() {
    let points = integers(400, 3, 1000, 8);
    let far = |i: usize| [1e6 + i as f32, 1e6, 1e6];
    let start: Vec<f32> = (0..20).flat_map(|i| if i == 0 { [500.0; 3] } else { far(i) }).collect();
    for (gpu, niter) in [(gpu(), 20), (small_segments(), 3)] {
        let points = matrix(&gpu, &points, 3);
        let params = KMeansParams::new().centroids(start.clone()).niter(niter);
        let found = kmeans(&points, &Metric::L2, 20, &params).unwrap();
        assert_eq!((found.distinct, found.splits[0]), (20, 19));
        assert!(falls(&found), "{:?}", found.objective);
        if niter < 20 {
            continue;
        }
        let even = kmeans(&points, &Metric::L2, 20, &KMeansParams::new().niter(niter)).unwrap();
        let (a, b) = (found.objective.last().unwrap(), even.objective.last().unwrap());
        assert!(*a < 1.3 * b, "{a} {b}");
    }
}

#[test]
fn fewer_different_points_than_centroids_are_told() {
    let points: Vec<f32> = (0..200).flat_map(|i| [(i % 3) as f32, 7.0]).collect();
    for init in [KMeansInit::Random, KMeansInit::KMeansPlusPlus] {
        for gpu in [gpu(), small_segments()] {
            let params = KMeansParams::new().init(init).assignments(true).niter(5);
            let found = kmeans(&matrix(&gpu, &points, 2), &Metric::L2, 8, &params).unwrap();
            assert_eq!((found.distinct, found.counts.len()), (3, 8), "{init}");
            assert_eq!(*found.objective.last().unwrap(), 0.0);
            // of equal centroids the first has the points
            let first =
                |c: usize| (0..=c).find(|&o| found.centroids[2 * o] == found.centroids[2 * c]);
            let labels = found.assignments.unwrap();
            assert!(labels.iter().all(|&c| first(c as usize) == Some(c as usize)));
        }
    }
    let same = l2(&[3.0; 90], 3, 5, &KMeansParams::new());
    assert_eq!((same.distinct, same.centroids), (1, vec![3.0; 15]));
}

#[test]
fn points_without_weight_are_no_cluster() {
    let mut points = integers(300, 2, 100, 3);
    points.extend(integers(50, 2, 100, 4).iter().map(|x| x + 5000.0));
    let weights: Vec<f32> = (0..350).map(|i| if i < 300 { 1.0 } else { 0.0 }).collect();
    let start = [20.0, 20.0, 80.0, 80.0, 5050.0, 5050.0];
    let params = KMeansParams::new().centroids(start).weights(weights).niter(4);
    let found = l2(&points, 2, 3, &params);
    assert!(found.centroids.iter().all(|&x| x < 100.0), "{:?}", found.centroids);
    assert_eq!(found.splits[0], 1);
}

#[test]
fn balanced_clusters_are_nearer_in_size() {
    // most points in one corner, and so most random centroids, but not the room that the others take
    let mut points = integers(1500, 2, 50, 3);
    points.extend(integers(100, 2, 5000, 4));
    let params = KMeansParams::new().max_points_per_centroid(1000).niter(8);
    let plain = l2(&points, 2, 16, &params);
    let balanced = l2(&points, 2, 16, &params.clone().balance(true));
    assert!(balanced.imbalance() < plain.imbalance(), "{:?} {:?}", balanced.counts, plain.counts);
    assert!(balanced.iterations >= 8 && balanced.splits.iter().any(|&moved| moved > 0));
}
