//! Metrics, and centroids of length 1.

use crate::support::{bits, check_assignments, clusters, gpu, integers, matrix, small_segments};
use nearfield::{KMeansInit, KMeansParams, Metric, Order, Rows, kmeans};

fn norm(row: &[f32]) -> f64 {
    row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn cosine_has_centroids_of_length_1_and_does_not_see_lengths() {
    let (dim, k) = (6, 5);
    let points = clusters(400, dim, 5, 3);
    // other lengths, by powers of two that lose nothing
    let scales = (0..400).map(|i| 2f32.powi(i % 9 - 4));
    let longer: Vec<f32> = points
        .chunks_exact(dim)
        .zip(scales)
        .flat_map(|(row, scale)| row.iter().map(move |x| x * scale))
        .collect();
    for gpu in [gpu(), small_segments()] {
        for init in [KMeansInit::Random, KMeansInit::KMeansPlusPlus] {
            let params = KMeansParams::new().niter(5).init(init).assignments(true);
            let of = |points: &[f32], metric| {
                kmeans(&matrix(&gpu, points, dim), &metric, k, &params).unwrap()
            };
            let found = of(&points, Metric::Cosine);
            let norms = found.centroids.chunks_exact(dim).map(norm);
            assert!(norms.into_iter().all(|norm| (norm - 1.0).abs() < 1e-6));
            assert!(found.objective.windows(2).all(|pair| pair[1] >= pair[0] * (1.0 - 1e-6)));
            check_assignments(&gpu, Rows::F32(&points), &Metric::Cosine, &found);
            let other = of(&longer, Metric::CosineDistance);
            assert_eq!(bits(&found.centroids), bits(&other.centroids));
            assert_eq!(found.assignments, other.assignments);
        }
    }
}

#[test]
fn a_mean_of_zero_stays_zero() {
    let opposite = [1.0, 2.0, -1.0, -2.0];
    let params = KMeansParams::new().niter(2);
    let found = kmeans(&matrix(&gpu(), &opposite, 2), &Metric::Cosine, 1, &params).unwrap();
    assert_eq!(found.centroids, [0.0, 0.0]);
    // zero vectors have no direction, and give none to others
    let mut points = vec![0.0; 40];
    points.extend([3.0, 4.0].repeat(30));
    points.extend([-4.0, 3.0].repeat(30));
    for metric in [Metric::Cosine, Metric::InnerProduct] {
        for init in [KMeansInit::Random, KMeansInit::KMeansPlusPlus] {
            let params = KMeansParams::new().spherical(true).init(init);
            let found = kmeans(&matrix(&gpu(), &points, 2), &metric, 3, &params).unwrap();
            for row in found.centroids.chunks_exact(2) {
                let norm = norm(row);
                assert!(norm == 0.0 || (norm - 1.0).abs() < 1e-6, "{metric}: {row:?}");
            }
        }
    }
    let nothing = kmeans(&matrix(&gpu(), &[0.0; 30], 3), &Metric::Cosine, 2, &params).unwrap();
    assert_eq!((nothing.centroids, nothing.distinct), (vec![0.0; 6], 1));
}

#[test]
fn every_metric_assigns_by_itself() {
    for metric in Metric::PLAIN.iter().chain(&[Metric::Lp(3.0)]) {
        if metric.is_binary() {
            continue;
        }
        let (dim, k) = (if *metric == Metric::Haversine { 2 } else { 4 }, 4);
        // positive, and within a pole's latitude
        let points: Vec<f32> =
            integers(150, dim, 1000, 7).iter().map(|x| x / 1000.0 + 1e-3).collect();
        let params = KMeansParams::new().niter(3).assignments(true);
        let found = kmeans(&matrix(&gpu(), &points, dim), metric, k, &params).unwrap();
        check_assignments(&gpu(), Rows::F32(&points), metric, &found);
        assert!(found.distinct > 1, "{metric}");
        let (first, last) = (found.objective[0], *found.objective.last().unwrap());
        let better = if metric.order() == Order::Ascending { last < first } else { last > first };
        // of others than these no mean is the best centroid
        let means = [Metric::L2, Metric::SqrtL2, Metric::Cosine];
        assert!(better || !means.contains(metric), "{metric}: {first} {last}");
    }
}

#[test]
fn a_metric_in_wgsl_assigns_too() {
    let text = "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc + abs(q - x); }
        fn finish(acc: f32, d: u32) -> f32 { return acc; }";
    let metric = Metric::wgsl(text, 0.0, Order::Ascending);
    let points = integers(120, 3, 100, 2);
    let params = KMeansParams::new().niter(2).assignments(true);
    let [own, known] = [metric, Metric::L1]
        .map(|metric| kmeans(&matrix(&gpu(), &points, 3), &metric, 3, &params).unwrap());
    assert_eq!(bits(&own.centroids), bits(&known.centroids));
    assert_eq!(own.assignments, known.assignments);
}
