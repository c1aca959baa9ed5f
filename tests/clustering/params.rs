//! What the parameters do.

use crate::support::{bits, clusters, gpu, integers, l2, matrix, small_segments};
use nearfield::{KMeans, KMeansParams, Metric, Rows, kmeans};
use std::sync::{Arc, Mutex};

#[test]
fn one_centroid_is_the_mean_and_k_of_k_points_are_the_points() {
    let points = integers(300, 3, 100, 1);
    let found = l2(&points, 3, 1, &KMeansParams::new().max_points_per_centroid(300));
    let sum = |j: usize| points.iter().skip(j).step_by(3).sum::<f32>();
    assert_eq!(found.centroids, [0, 1, 2].map(|j| sum(j) * (1.0 / 300.0)));
    for gpu in [gpu(), small_segments()] {
        let points = &points[..240];
        let found = kmeans(&matrix(&gpu, points, 3), &Metric::L2, 80, &KMeansParams::new());
        let found = found.unwrap();
        assert_eq!((bits(&found.centroids), found.iterations), (bits(points), 0));
        assert_eq!(found.objective, [0.0]);
    }
    let bytes = Rows::U8(&[1, 2, 3, 4]);
    let bytes = nearfield::Matrix::from_rows(&gpu(), 2, bytes).unwrap();
    let found = kmeans(&bytes, &Metric::L2, 2, &KMeansParams::new()).unwrap();
    assert_eq!(found.centroids, [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn one_dimension_finds_its_clusters() {
    let points: Vec<f32> = [0.0, 10.0, 50.0].iter().flat_map(|x| [x - 1.0, *x, x + 1.0]).collect();
    let found = l2(&points, 1, 3, &KMeansParams::new().nredo(4));
    let mut centroids = found.centroids.clone();
    centroids.sort_by(f32::total_cmp);
    assert_eq!(centroids, [0.0, 10.0, 50.0]);
    assert_eq!(*found.objective.last().unwrap(), 6.0);
}

#[test]
fn of_many_points_a_random_choice_is_trained_on() {
    let points = clusters(1000, 3, 4, 5);
    for gpu in [gpu(), small_segments()] {
        let params = KMeansParams::new()
            .min_points_per_centroid(1)
            .max_points_per_centroid(20)
            .weights(vec![1.0; 1000]);
        let points = matrix(&gpu, &points, 3);
        let of = |params: &KMeansParams| kmeans(&points, &Metric::L2, 4, params).unwrap();
        let found = of(&params);
        assert_eq!((found.points, found.counts.iter().sum::<u64>()), (80, 80));
        assert_ne!(bits(&of(&params.clone().seed(1)).centroids), bits(&found.centroids));
        // all of them have an assignment, where it is asked for
        let all = of(&params.clone().assignments(true));
        assert_eq!(bits(&all.centroids), bits(&found.centroids));
        assert_eq!(all.assignments.map(|labels| labels.len()), Some(1000));
        assert_eq!((all.points, all.counts.iter().sum::<u64>()), (80, 1000));
    }
}

#[test]
fn frozen_centroids_stay_to_the_bit() {
    let points = integers(300, 5, 100, 1);
    let given = [[1.0 / 3.0; 5], [1e-20; 5]].concat();
    for (metric, spherical) in [
        (Metric::L2, false),
        (Metric::L2, true),
        (Metric::Cosine, true),
        (Metric::InnerProduct, true),
    ] {
        let params = KMeansParams::new()
            .centroids(given.clone())
            .frozen_centroids(true)
            .spherical(spherical)
            .niter(4);
        let points = matrix(&gpu(), &points, 5);
        let found = kmeans(&points, &metric, 6, &params).unwrap();
        assert_eq!(bits(&found.centroids[..10]), bits(&given), "{metric}");
        let thawed = kmeans(&points, &metric, 6, &params.frozen_centroids(false)).unwrap();
        assert_ne!(bits(&thawed.centroids[..10]), bits(&given), "{metric}");
    }
}

#[test]
fn the_best_of_several_trials_counts() {
    let points = clusters(300, 2, 9, 12);
    let params = KMeansParams::new().niter(2);
    // of each trial alone
    let own = |trial: u64| {
        let params = params.clone().seed(1234 + trial * 15_486_557);
        l2(&points, 2, 9, &params)
    };
    let all: Vec<_> = (0..4).map(own).collect();
    let last = |found: &KMeans| *found.objective.last().unwrap();
    let best = all.iter().min_by(|a, b| last(a).total_cmp(&last(b))).unwrap();
    assert!(all.iter().any(|found| last(found) > last(best)));
    let found = l2(&points, 2, 9, &params.nredo(4));
    assert_eq!(bits(&found.centroids), bits(&best.centroids));
    assert_eq!(found.objective, best.objective);
}

#[test]
fn iterations_end_where_nothing_changes() {
    let points = clusters(200, 2, 3, 1);
    let found = l2(&points, 2, 3, &KMeansParams::new());
    assert!(found.iterations < 25, "{:?}", found.objective);
    let early = l2(&points, 2, 3, &KMeansParams::new().early_stop_threshold(0.9));
    assert!(early.iterations <= found.iterations);
    let none = l2(&points, 2, 3, &KMeansParams::new().niter(0));
    assert_eq!((none.iterations, none.objective.len()), (0, 1));
}

#[test]
fn progress_rises_to_1() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let params = KMeansParams::new()
        .niter(3)
        .nredo(2)
        .progress(move |share| tell.lock().unwrap().push(share));
    l2(&integers(100, 2, 100, 1), 2, 4, &params);
    let told = told.lock().unwrap();
    assert!(told.len() >= 4 && told.windows(2).all(|pair| pair[0] <= pair[1]), "{told:?}");
    assert_eq!(told.last(), Some(&1.0));
}

#[test]
fn of_points_with_few_weights_those_are_trained_on() {
    let points: Vec<f32> = (0..2000).map(|i| i as f32).collect();
    let mut weights = vec![0.0; 2000];
    (weights[777], weights[1500]) = (1.0, 1.0);
    let params = KMeansParams::new().max_points_per_centroid(10).weights(weights);
    let found = l2(&points, 1, 2, &params);
    let mut centroids = found.centroids.clone();
    centroids.sort_by(f32::total_cmp);
    assert_eq!((centroids, found.objective.last()), (vec![777.0, 1500.0], Some(&0.0)));
}
