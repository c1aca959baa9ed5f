//! What is refused, and calls that end early.

use crate::support::{clusters, gpu, integers, matrix};
use nearfield::{CancelToken, Error, KMeansParams, Matrix, Metric, Rows, kmeans};

#[test]
fn fewer_points_than_centroids_are_refused_with_both_numbers() {
    let error = kmeans(&matrix(&gpu(), &[0.0; 30], 3), &Metric::L2, 20, &KMeansParams::new());
    let text = error.unwrap_err().to_string();
    assert!(text.contains("20 centroids") && text.contains("10 points"), "{text}");
}

#[test]
fn what_is_no_number_is_refused_whatever_the_metric() {
    for metric in [Metric::L2, Metric::Cosine, Metric::NanEuclidean, Metric::Gower] {
        for bad in [f32::NAN, f32::INFINITY] {
            let mut points = vec![0.5; 300];
            points[3 * 71 + 2] = bad;
            let points = matrix(&gpu(), &points, 3);
            let error = kmeans(&points, &metric, 2, &KMeansParams::new()).unwrap_err();
            assert!(matches!(error, Error::NonFinite { row: 71, column: 2 }), "{metric}: {error}");
        }
    }
    let negative = matrix(&gpu(), &[-1.0; 30], 3);
    let error = kmeans(&negative, &Metric::KlDivergence, 2, &KMeansParams::new()).unwrap_err();
    assert!(matches!(error, Error::InvalidValue { .. }), "{error}");
}

#[test]
fn parameters_that_contradict_each_other_are_refused_by_name() {
    let points = matrix(&gpu(), &[1.0; 60], 3);
    let new = KMeansParams::new;
    for (params, name) in [
        (new().nredo(0), "nredo"),
        (new().centroids([0.0; 4]), "centroids"),
        (new().centroids([0.0; 12]), "centroids"),
        (new().centroids([f32::NAN; 3]), "centroids"),
        (new().frozen_centroids(true), "frozen_centroids"),
        (new().early_stop_threshold(-1.0), "early_stop_threshold"),
        (new().early_stop_threshold(f64::NAN), "early_stop_threshold"),
        (new().max_points_per_centroid(0), "max_points_per_centroid"),
        (new().weights([1.0; 19]), "weights"),
        (new().weights([-1.0; 20]), "weights"),
        (new().weights([f32::INFINITY; 20]), "weights"),
        (new().weights([0.0; 20]), "weights"),
    ] {
        match kmeans(&points, &Metric::L2, 3, &params) {
            Err(Error::InvalidArgument { argument, .. }) => assert_eq!(argument, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    assert!(kmeans(&points, &Metric::L2, 0, &new()).is_err());
    assert!(kmeans(&points, &Metric::Hamming, 2, &new()).is_err());
    let bits = Matrix::from_rows(&gpu(), 8, Rows::Bits(&[1, 2, 3])).unwrap();
    let error = kmeans(&bits, &Metric::Hamming, 2, &new()).unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
}

#[test]
fn a_call_can_be_cancelled_in_the_middle() {
    let points = matrix(&gpu(), &clusters(300, 2, 9, 1), 2);
    let (token, cancelling) = (CancelToken::new(), CancelToken::new());
    let (by_progress, own) = (cancelling.clone(), token.clone());
    let params = KMeansParams::new().cancel(&token).progress(move |_| {
        by_progress.cancel();
        own.cancel();
    });
    assert!(matches!(kmeans(&points, &Metric::L2, 40, &params), Err(Error::Cancelled)));
    assert!(cancelling.is_cancelled());
    // and the points are as they were
    let found = kmeans(&points, &Metric::L2, 40, &KMeansParams::new().niter(1)).unwrap();
    assert_eq!(found.k, 40);
}

#[test]
fn memory_is_given_back() {
    use crate::common::device::Open as _;
    let gpu = nearfield::Gpu::builder().open().unwrap();
    let points = matrix(&gpu, &integers(500, 4, 100, 1), 4);
    let call = || kmeans(&points, &Metric::L2, 8, &KMeansParams::new().niter(2)).unwrap();
    call();
    let used = gpu.memory().in_use;
    call();
    assert_eq!(gpu.memory().in_use, used);
}
