//! Principal components (Pearson 1901).

use super::kinds::{PcaParams, State};
use super::linalg::{cross, eigen, product};
use super::linear::Linear;
use super::mean::{centered, mean};
use super::rotation::{orthonormal, random, to_f32};
use crate::error::Result;
use std::ops::Range;

/// The seed of the rotation behind the components.
const ROTATION_SEED: u64 = 5;
/// An eigenvalue below this share of the largest one is rounding: its component, which no row of the sample has, is not amplified.
const NOTHING: f64 = 1e-12;

/// What is learnt from a sample of rows of `d` elements, for `dim_out` components: not more than rows or elements.
pub(super) fn fit(rows: &[f32], (d, dim_out): (usize, usize), params: &PcaParams) -> Result<State> {
    let mean = mean(rows, d)?;
    let n = rows.len() / d;
    let block = |rows_of: Range<usize>| centered(&rows[rows_of.start * d..rows_of.end * d], &mean);
    let (values, components) = if n >= d {
        let scatter = cross(n, (d, d), |rows| (block(rows.clone()), block(rows)))?;
        eigen(&scatter, d)
    } else {
        let all = block(0..n);
        by_products(&all, d)
    };
    let (matrix, bias) = matrix(&values, &components, &mean, (d, dim_out), params);
    Ok(State {
        linear: Some(Linear::new((d, dim_out), to_f32(&matrix), to_f32(&bias))),
        mean: to_f32(&mean),
        // as many as elements, as FAISS has them; none is negative but by rounding
        eigenvalues: (0..d).map(|i| values.get(i).map_or(0.0, |&x| x.max(0.0) as f32)).collect(),
        components: to_f32(&components),
        ..State::default()
    })
}

/// The components of fewer rows than elements, as many as rows: by the products of the rows with each other, which are fewer.
fn by_products(rows: &[f64], d: usize) -> (Vec<f64>, Vec<f64>) {
    let n = rows.len() / d;
    let transposed = super::linear::transpose(rows, d);
    let (values, vectors) = eigen(&product(rows, &transposed, d, n), n);
    let mut components = product(&vectors, rows, n, d);
    let least = values[0].max(0.0) * NOTHING;
    for (value, component) in values.iter().zip(components.chunks_exact_mut(d)) {
        if *value <= least {
            component.fill(0.0);
        }
    }
    orthonormal(&mut components, d);
    (values, components)
}

/// The matrix and its bias: components, scaled, turned, and less the mean's.
fn matrix(
    values: &[f64],
    components: &[f64],
    mean: &[f64],
    (d, dim_out): (usize, usize),
    params: &PcaParams,
) -> (Vec<f64>, Vec<f64>) {
    let mut matrix = components[..dim_out * d].to_vec();
    if params.eigen_power != 0.0 {
        let least = values[0].max(0.0) * NOTHING;
        for (value, row) in values.iter().zip(matrix.chunks_exact_mut(d)) {
            let value = if *value > least { *value } else { 0.0 } + f64::from(params.epsilon);
            let power = value.powf(params.eigen_power.into());
            let factor = if value > 0.0 && power.is_finite() { power } else { 0.0 };
            row.iter_mut().for_each(|x| *x *= factor);
        }
    }
    if params.random_rotation {
        matrix = product(&random(dim_out, dim_out, ROTATION_SEED), &matrix, dim_out, d);
    }
    let bias = product(&matrix, mean, d, 1).into_iter().map(|x| -x).collect();
    (matrix, bias)
}
