//! Where centroids begin.

use crate::support::{bits, clusters, gpu, l2, matrix, small_segments, square};
use nearfield::{KMeansInit, KMeansParams, Metric, kmeans};

#[test]
fn plus_plus_begins_in_every_cluster() {
    let (dim, centres) = (5, 12);
    let points = clusters(600, dim, centres, 3);
    for gpu in [gpu(), small_segments()] {
        for seed in 0..3 {
            let params = KMeansParams::new()
                .niter(0)
                .seed(seed)
                .init(KMeansInit::KMeansPlusPlus)
                .assignments(true);
            let found = kmeans(&matrix(&gpu, &points, dim), &Metric::L2, centres, &params).unwrap();
            // each centroid is a point, each of another cluster
            let place =
                |c: &[f32]| points.chunks_exact(dim).position(|x| x == c).unwrap() % centres;
            let mut places: Vec<usize> = found.centroids.chunks_exact(dim).map(place).collect();
            places.sort_unstable();
            assert_eq!(places, (0..centres).collect::<Vec<_>>());
        }
    }
}

#[test]
fn random_centroids_are_different_points() {
    let points: Vec<f32> = (0..200).map(|i| i as f32).collect();
    let of = |seed| l2(&points, 1, 50, &KMeansParams::new().niter(0).seed(seed)).centroids;
    let chosen = of(5);
    assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(bits(&chosen), bits(&of(5)));
    assert_ne!(bits(&chosen), bits(&of(6)));
}

#[test]
fn given_centroids_are_the_first() {
    let points = clusters(300, 3, 6, 4);
    let given = points[..6].to_vec();
    for init in [KMeansInit::Random, KMeansInit::KMeansPlusPlus] {
        let params = KMeansParams::new().niter(0).init(init).centroids(given.clone());
        let found = l2(&points, 3, 6, &params);
        assert_eq!(bits(&found.centroids[..6]), bits(&given));
        let rows: Vec<&[f32]> = found.centroids.chunks_exact(3).collect();
        if init == KMeansInit::KMeansPlusPlus {
            // far from those that were given, too
            let near = |i: usize| rows[..i].iter().any(|c| square(c, rows[i]) < 100.0);
            assert!((2..6).all(|i| !near(i)), "{rows:?}");
        }
    }
}

#[test]
fn points_without_weight_begin_nothing() {
    let points = clusters(200, 2, 4, 8);
    // of the first two clusters alone
    let weights: Vec<f32> = (0..200).map(|i| if i % 4 < 2 { 2.5 } else { 0.0 }).collect();
    let params = KMeansParams::new()
        .niter(0)
        .init(KMeansInit::KMeansPlusPlus)
        .weights(weights)
        .centroids(&points[..2]);
    let found = l2(&points, 2, 2, &params);
    assert!(points.chunks_exact(2).skip(1).step_by(4).any(|x| x == &found.centroids[2..]));
}
