//! What transforms learn, held against definitions in f64.

use super::*;
use crate::clustering::Random;
use crate::device::Gpu;
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::quantize::ProductQuantizer;

/// Rows that are sums of a few directions, the first of which say most, beside a mean.
fn correlated(n: usize, d: usize, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    let mut next = || 2.0 * random.share() - 1.0;
    let directions: Vec<f32> = (0..d * d).map(|_| next()).collect();
    let mut rows = Vec::with_capacity(n * d);
    for _ in 0..n {
        let start = rows.len();
        rows.resize(start + d, 3.0);
        for (i, direction) in directions.chunks_exact(d).enumerate() {
            let share = next() * 4.0 / (i + 1) as f32;
            rows[start..].iter_mut().zip(direction).for_each(|(x, y)| *x += share * y);
        }
    }
    rows
}

fn trained(transform: Result<VectorTransform>, rows: &[f32]) -> VectorTransform {
    let gpu = Gpu::test_builder().poison(true).build().unwrap();
    transform.unwrap().train(&gpu, Rows::F32(rows)).unwrap()
}

fn applied(transform: &VectorTransform, rows: &[f32]) -> Vec<f32> {
    transform.apply(Rows::F32(rows)).unwrap()
}

/// The mean squared distance of rows from others.
fn error(a: &[f32], b: &[f32], d: usize) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2));
    squares.sum::<f64>() / (a.len() / d) as f64
}

/// The sum of the products of rows less their mean, in f64, as it is defined.
fn scatter(rows: &[f32], d: usize) -> Vec<f64> {
    let n = rows.len() / d;
    let column = |j: usize| rows.iter().skip(j).step_by(d).map(|&x| f64::from(x));
    let mean: Vec<f64> = (0..d).map(|j| column(j).sum::<f64>() / n as f64).collect();
    let product = |i: usize, j: usize| {
        column(i).zip(column(j)).map(|(x, y)| (x - mean[i]) * (y - mean[j])).sum::<f64>()
    };
    (0..d * d).map(|at| product(at / d, at % d)).collect()
}

/// Holds the components of a PCA without scaling against what they are defined by.
fn check_components(rows: &[f32], d: usize, made: &VectorTransform) {
    let scatter = scatter(rows, d);
    let values = made.eigenvalues();
    let trace: f64 = (0..d).map(|i| scatter[i * d + i]).sum();
    let sum: f64 = values.iter().map(|&x| f64::from(x)).sum();
    assert!((sum - trace).abs() < 1e-5 * trace, "{sum} for {trace}");
    assert!(values.windows(2).all(|pair| pair[0] >= pair[1]) && values.len() == d);
    for (row, &value) in made.matrix().chunks_exact(d).zip(values) {
        let length: f64 = row.iter().map(|&x| f64::from(x).powi(2)).sum();
        assert!((length - 1.0).abs() < 1e-6);
        for i in 0..d {
            let product: f64 = (0..d).map(|j| scatter[i * d + j] * f64::from(row[j])).sum();
            let expected = f64::from(value) * f64::from(row[i]);
            assert!((product - expected).abs() < 2e-6 * trace, "{product} for {expected}");
        }
    }
    assert!(made.is_reversible());
}

#[test]
fn components_are_eigenvectors_of_the_scatter_of_many_rows_and_of_few() {
    // more rows than one block, and fewer than elements
    for (n, d, dim_out) in [(5000, 12, 5), (40, 12, 12), (9, 12, 8), (8, 20, 8)] {
        let rows = correlated(n, d, 3);
        let made = trained(VectorTransform::pca(d, dim_out), &rows);
        check_components(&rows, d, &made);
        // rows lie about the origin afterwards, and come back as near as components say
        let out = applied(&made, &rows);
        for i in 0..dim_out {
            let sum: f32 = out.iter().skip(i).step_by(dim_out).sum();
            assert!(sum.abs() / (n as f32) < 1e-4);
        }
        let back = made.reverse(Rows::F32(&out)).unwrap();
        let lost: f64 = made.eigenvalues()[dim_out..].iter().map(|&x| f64::from(x)).sum();
        let found = error(&back, &rows, d) * n as f64;
        assert!((found - lost).abs() < 1e-3 + 1e-4 * lost, "{found} for {lost}");
        // and become the same again
        assert!(error(&applied(&made, &back), &out, dim_out) < 1e-8);
    }
}

#[test]
fn scaled_components_have_like_variances_and_none_that_is_rounding() {
    let (n, d) = (600, 8);
    let mut rows = correlated(n, d, 4);
    for (params, turned) in [
        (PcaParams::new().whiten(true), false),
        (PcaParams::new().whiten(true).random_rotation(true), true),
    ] {
        let made = trained(VectorTransform::pca_with(d, d, &params), &rows);
        let out = applied(&made, &rows);
        let found = scatter(&out, d);
        for (at, x) in found.iter().enumerate() {
            let expected = if at / d == at % d { 1.0 } else { 0.0 };
            assert!((x - expected).abs() < 1e-3, "{at}: {x}, turned: {turned}");
        }
        assert!(!made.is_reversible());
        let refused = made.reverse(Rows::F32(&out)).unwrap_err();
        assert!(refused.to_string().contains(&made.to_string()), "{refused}");
    }
    // an element that is the sum of two others, and one that never changes: two eigenvalues are zero
    for row in rows.chunks_exact_mut(d) {
        row[6] = row[0] + row[1];
        row[7] = 5.0;
    }
    for params in [PcaParams::new().whiten(true), PcaParams::new().eigen_power(-2.0)] {
        let made = trained(VectorTransform::pca_with(d, d, &params), &rows);
        assert!(made.matrix().iter().chain(made.bias()).all(|x| x.is_finite()));
        // what the sample does not have is not amplified
        let square = |row: &[f32]| row.iter().map(|x| x * x).sum::<f32>();
        assert!(square(&made.matrix()[7 * d..]) < 1e-6);
        let constant = vec![2.5; 30 * d];
        let flat = trained(VectorTransform::pca_with(d, d, &params), &constant);
        assert!(applied(&flat, &rows).iter().all(|x| x.is_finite()));
        let epsilon = params.clone().epsilon(1e-2);
        let made = trained(VectorTransform::pca_with(d, d, &epsilon), &constant);
        assert!(square(&made.matrix()[..d]) > 1.0);
    }
    // plain components of what never changes are at right angles all the same
    assert!(trained(VectorTransform::pca(d, 3), &vec![2.5; 30 * d]).is_reversible());
}

#[test]
fn a_rotation_by_iterative_quantization_brings_directions_near_their_signs() {
    let (n, d) = (700, 6);
    let rows = correlated(n, d, 5);
    let loss = |transform: &VectorTransform| {
        let out = applied(transform, &rows);
        let scale = 1.0 / (transform.dim_out() as f32).sqrt();
        let signs: Vec<f32> = out.iter().map(|&x| if x > 0.0 { scale } else { -scale }).collect();
        error(&out, &signs, transform.dim_out())
    };
    for (itq, dim_out) in [(VectorTransform::itq(d), d), (VectorTransform::itq_with_pca(d, 4), 4)] {
        let made = trained(itq, &rows);
        let (rotation, parts) = (made.clone(), TransformParts::of(&made));
        assert_eq!((made.dim_out(), parts.rotation.len()), (dim_out, dim_out * dim_out));
        // the same with another rotation behind the components
        let turn = VectorTransform::random_rotation(dim_out, dim_out, 1).unwrap();
        let matrix = applied_to_columns(&turn, made.matrix(), d);
        let worse = TransformParts { matrix, ..parts }.build().unwrap();
        assert!(loss(&rotation) < 0.95 * loss(&worse), "{} {}", loss(&made), loss(&worse));
        assert!(!made.is_reversible() && made.reverse(Rows::F32(&rows[..dim_out])).is_err());
        // where there is nothing to learn it is a rotation all the same
        let constant = vec![2.5; 40 * d];
        let kind = made.to_string();
        let flat = trained(named(&kind, d).unwrap(), &constant);
        let matrix = VectorTransform::linear(d, dim_out, flat.matrix(), &[]).unwrap();
        assert!(matrix.is_reversible(), "{kind}");
        assert!(applied(&flat, &constant).iter().all(|&x| x == 0.0));
    }
}

/// The product of two matrices, the second of which has `d` columns.
fn applied_to_columns(transform: &VectorTransform, matrix: &[f32], d: usize) -> Vec<f32> {
    let columns = linear::transpose(matrix, d);
    linear::transpose(&applied(transform, &columns), transform.dim_out())
}

#[test]
fn a_rotation_for_a_product_quantizer_lowers_its_error() {
    let (n, d) = (1000, 4);
    // all that there is to say is said by the first two elements
    let mut rows = correlated(n, d, 6);
    for row in rows.chunks_exact_mut(d) {
        (row[2], row[3]) = (0.1 * row[2], 0.1 * row[3]);
    }
    let gpu = Gpu::test_builder().poison(true).build().unwrap();
    let loss = |rows: &[f32], width: usize| {
        let quantizer = ProductQuantizer::new(width, 2, 8).unwrap();
        let quantizer = quantizer.train(&gpu, Rows::F32(rows), &Default::default()).unwrap();
        let codes = quantizer.encode(&gpu, Rows::F32(rows)).unwrap();
        error(&quantizer.decode(&codes).unwrap(), rows, width)
    };
    let plain = loss(&rows, d);
    let told = std::cell::Cell::new(0.0);
    for (dim_out, iterations) in [(d, 4), (6, 4), (2, 1)] {
        told.set(0.0);
        let state = opq::fit(&gpu, &rows, (d, dim_out), (2, iterations), &|share| {
            assert!(share > told.replace(share) && share <= 1.0);
            Ok(())
        });
        let matrix = state.unwrap().linear.unwrap().matrix().to_vec();
        let parts = TransformParts { matrix, ..TransformParts::of(&opq(d, dim_out)) };
        let made = TransformParts { is_trained: true, ..parts }.build().unwrap();
        assert!(told.get() == 1.0 && made.is_reversible());
        let out = applied(&made, &rows);
        if dim_out >= d {
            let turned = loss(&out, dim_out);
            let most = if dim_out == d { 0.7 } else { 0.95 };
            assert!(turned < most * plain, "{dim_out}: {turned} for {plain}");
            let back = made.reverse(Rows::F32(&out)).unwrap();
            assert!(error(&back, &rows, d) < 1e-8);
        }
    }
    let few = opq(d, d).train(&gpu, Rows::F32(&rows[..255 * d])).unwrap_err();
    assert!(few.to_string().contains("255") && few.to_string().contains("256"), "{few}");
    let ended = opq(d, d).fit(&gpu, &rows, &|_| Err(Error::Cancelled)).unwrap_err();
    assert!(matches!(ended, Error::Cancelled));
}

fn opq(d: usize, dim_out: usize) -> VectorTransform {
    VectorTransform::opq(d, 2, dim_out).unwrap()
}

#[test]
fn chains_go_from_left_to_right_and_back() {
    let (n, d) = (300, 6);
    let rows = correlated(n, d, 7);
    let gpu = Gpu::test_builder().build().unwrap();
    let chain = ["Center", "PCA4", "L2norm", "HR", "Pad5", "RR"].iter();
    let mut dim = d;
    let chain = chain.map(|token| {
        let made = named(token, dim).unwrap().unwrap();
        dim = made.dim_out();
        made
    });
    let chain = Chain::new(chain.collect()).unwrap();
    assert_eq!((chain.dim_in(), chain.dim_out(), chain.is_trained()), (6, 5, false));
    assert_eq!(chain.training_rows(), 6000);
    assert!(matches!(chain.apply(Rows::F32(&rows), 0), Err(Error::NotTrained)));
    let (chain, out) = chain.train(&gpu, Rows::F32(&rows), &|_| Ok(())).unwrap();
    assert_eq!(chain.description(), "Center,PCA4,L2norm,HR,Pad5,RR,");
    assert_eq!(chain.apply(Rows::F32(&rows), 0).unwrap(), out);
    assert_eq!(chain.training_rows(), 0);
    // one row by itself becomes the same bits, and all what one transform after the other makes of them
    let some = chain.apply(Rows::F32(&rows[7 * d..8 * d]), 7).unwrap();
    assert_eq!(some, out[7 * 5..8 * 5]);
    let steps = chain.transforms().iter();
    assert_eq!(steps.fold(rows.clone(), |rows, step| applied(step, &rows)), out);
    // rows that become the same again
    let back = chain.reverse(&out).unwrap();
    assert!(error(&chain.apply(Rows::F32(&back), 0).unwrap(), &out, 5) < 1e-9);

    let mut bad = rows.clone();
    bad[2 * d + 3] = f32::NAN;
    let error = chain.apply(Rows::F32(&bad), 10).unwrap_err();
    assert!(matches!(error, Error::NonFinite { row: 12, column: 3 }), "{error}");
    let error = chain.apply(Rows::F32(&rows[..d + 1]), 0).unwrap_err();
    assert!(matches!(error, Error::PartialRow { .. }));
    let apart = [VectorTransform::pca(6, 4), VectorTransform::normalization(5)];
    let error = Chain::new(apart.map(|made| made.unwrap()).into()).unwrap_err();
    assert!(error.to_string().contains("PCA4 makes rows of 4 elements, L2norm takes 5"));
    assert!(Chain::new(Vec::new()).is_err());
}

#[test]
fn what_there_is_too_little_of_is_said() {
    let gpu = Gpu::test_builder().build().unwrap();
    let rows = correlated(4, 6, 8);
    let train = |made: Result<VectorTransform>| made.unwrap().train(&gpu, Rows::F32(&rows));
    let few = train(VectorTransform::pca(6, 5)).unwrap_err().to_string();
    assert!(few.contains("4 rows for PCA5") && few.contains('5'), "{few}");
    assert!(train(VectorTransform::pca(6, 4)).is_ok());
    let none = VectorTransform::centering(6).unwrap().train(&gpu, Rows::F32(&[]));
    assert!(none.unwrap_err().to_string().contains("0 rows"));
    let bits = VectorTransform::centering(8).unwrap().train(&gpu, Rows::Bits(&[1, 2]));
    assert!(matches!(bits, Err(Error::Unsupported { .. })));
    // trained again, and what needs no training, stays as it is
    let made = train(VectorTransform::pca(6, 4)).unwrap();
    assert!(made.train(&gpu, Rows::F32(&rows[..6])).unwrap() == made);
    // of more rows than count a choice, which is always the same
    let many = correlated(5000, 2, 9);
    let centered = VectorTransform::centering(2).unwrap().train(&gpu, Rows::F32(&many)).unwrap();
    assert_eq!(centered.mean().len(), 2);
    assert!(
        centered == VectorTransform::centering(2).unwrap().train(&gpu, Rows::F32(&many)).unwrap()
    );
}
