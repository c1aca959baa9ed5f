//! Iterations that assign by scores, against the exact assignment of the same centroids.

use crate::common::data::Random;
use crate::common::device::shared;
use crate::support::{bits, gpu};
use half::f16;
use nearfield::{Gpu, KMeans, KMeansParams, Matrix, Metric, Rows, kmeans};

/// Submissions of as few points as may be.
fn short_submissions() -> Gpu {
    let builder = || {
        Gpu::builder()
            .poison(true)
            .setting("submit.max_ms", 1)
            .setting("submit.gflops", 1)
            .setting("matrix.gflops", 1)
    };
    shared("short submissions", builder).unwrap()
}

fn normal(n: usize, dim: usize, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    (0..n * dim).map(|_| random.normal() as f32).collect()
}

fn near(a: f64, b: f64, share: f64) -> bool {
    (a - b).abs() <= share * b.abs()
}

#[test]
fn the_objective_of_iterations_is_nearly_that_of_exact_assignments() {
    for (metric, dim, k, types) in [
        (Metric::L2, 40, 70, 3),
        (Metric::L2, 19, 9, 1),
        (Metric::InnerProduct, 40, 70, 1),
        (Metric::Cosine, 36, 30, 2),
    ] {
        let points = normal(300, dim, 11);
        let bytes: Vec<u8> = points.iter().map(|x| (x * 30.0 + 128.0) as u8).collect();
        let halves: Vec<f16> = points.iter().map(|&x| f16::from_f32(x)).collect();
        let all = [Rows::F32(&points), Rows::U8(&bytes), Rows::F16(&halves)];
        for rows in all.into_iter().take(types) {
            let of = |gpu: &Gpu, niter| -> KMeans {
                let points = Matrix::from_rows(gpu, dim, rows).unwrap();
                kmeans(&points, &metric, k, &KMeansParams::new().niter(niter)).unwrap()
            };
            let (found, exact) = (of(&gpu(), 2), of(&gpu(), 1));
            let (own, exact) = (found.objective[1], *exact.objective.last().unwrap());
            assert!(near(own, exact, 1e-3), "{metric} {:?} x {dim}: {own}", rows.dtype());
            // whatever is submitted when
            let parts = of(&short_submissions(), 2);
            assert_eq!(bits(&parts.centroids), bits(&found.centroids));
            assert_eq!(parts.objective, found.objective);
        }
    }
}

#[test]
fn points_far_from_the_origin_are_told_apart() {
    let (dim, k) = (24, 20);
    let points = normal(400, dim, 3);
    let far: Vec<f32> = points.iter().map(|x| x + 3000.0).collect();
    let of = |points: &[f32]| {
        let points = Matrix::from_rows(&gpu(), dim, Rows::F32(points)).unwrap();
        kmeans(&points, &Metric::L2, k, &KMeansParams::new().niter(3)).unwrap()
    };
    let (found, expected) = (of(&far), of(&points));
    for (a, b) in found.objective.iter().zip(&expected.objective) {
        assert!(near(*a, *b, 1e-2), "{:?} {:?}", found.objective, expected.objective);
    }
}
