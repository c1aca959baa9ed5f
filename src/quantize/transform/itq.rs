//! Iterative quantization (Gong, Lazebnik 2011): a rotation after which the signs of elements say most.

use super::kinds::{PcaParams, State};
use super::linalg::{cross, nearest_rotation, product, rows_times};
use super::linear::Linear;
use super::mean::{directions, mean};
use super::pca;
use super::rotation::{random, to_f32};
use crate::error::Result;

/// FAISS's `max_iter` and seed.
const ITERATIONS: usize = 50;
const SEED: u64 = 123;

/// What is learnt from a sample of rows of `d` elements; without `pca` they stay as many. `told` hears the share that is done.
pub(super) fn fit(
    rows: &[f32],
    (d, dim_out): (usize, usize),
    pca: bool,
    told: &dyn Fn(f64) -> Result<()>,
) -> Result<State> {
    let mean = mean(rows, d)?;
    let mean = to_f32(&mean);
    let directions = directions(rows, &mean);
    let components = match pca {
        false => None,
        true => {
            // without its bias, since FAISS leaves it out: what is learnt is turned about the origin
            let found = pca::fit(&directions, (d, dim_out), &PcaParams::default())?.linear;
            found.map(|linear| linear.matrix().iter().map(|&x| f64::from(x)).collect::<Vec<_>>())
        }
    };
    let wide: Vec<f64> = directions.iter().map(|&x| f64::from(x)).collect();
    let points = match &components {
        None => wide,
        Some(components) => rows_times(&wide, components, d, dim_out)?,
    };
    let rotation = rotation(&points, dim_out, told)?;
    let matrix = match &components {
        None => rotation.clone(),
        Some(components) => product(&rotation, components, dim_out, d),
    };
    Ok(State {
        linear: Some(Linear::new((d, dim_out), to_f32(&matrix), Vec::new())),
        mean,
        rotation: to_f32(&rotation),
        ..State::default()
    })
}

/// By turns the signs of what a rotation makes of points, and the rotation that brings the points nearest to these signs.
fn rotation(points: &[f64], d: usize, told: &dyn Fn(f64) -> Result<()>) -> Result<Vec<f64>> {
    let mut rotation = random(d, d, SEED);
    let count = points.len() / d;
    for iteration in 0..ITERATIONS {
        let transposed = super::linear::transpose(&rotation, d);
        let products = cross(count, (d, d), |rows| {
            let points = &points[rows.start * d..rows.end * d];
            let turned = product(points, &transposed, d, d);
            let signs = turned.iter().map(|&x| if x > 0.0 { 1.0 } else { -1.0 }).collect();
            (points.to_vec(), signs)
        })?;
        rotation = nearest_rotation(&products, d, d);
        told((iteration + 1) as f64 / ITERATIONS as f64)?;
    }
    Ok(rotation)
}
