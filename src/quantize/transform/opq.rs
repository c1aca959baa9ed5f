//! A rotation for a product quantizer (OPQ; Ge, He, Ke, Sun 2013).

use super::kinds::State;
use super::linalg::{cross, nearest_rotation};
use super::linear::Linear;
use super::mean::mean;
use super::rotation::{random, to_f32};
use crate::clustering::KMeansParams;
use crate::device::Gpu;
use crate::dtype::Rows;
use crate::error::Result;
use crate::quantize::product::ProductQuantizer;

/// FAISS's `niter`, `niter_pq_0`, `niter_pq` and seed, and the bits of a part whatever the index's own quantizer has.
pub(super) const ITERATIONS: usize = 50;
const FIRST_KMEANS: usize = 40;
const KMEANS: usize = 4;
const SEED: u64 = 1234;
const BITS: u32 = 8;
/// The least rows of a sample: as many as centroids of a part.
pub(super) const LEAST_ROWS: usize = 1 << BITS;

/// What is learnt from a sample of rows of `d` elements for a quantizer of `dim_out` elements in so many parts, in so many iterations. `told` hears the share that is
/// done.
pub(super) fn fit(
    gpu: &Gpu,
    rows: &[f32],
    (d, dim_out): (usize, usize),
    (subspaces, iterations): (usize, usize),
    told: &dyn Fn(f64) -> Result<()>,
) -> Result<State> {
    let count = rows.len() / d;
    let mean = to_f32(&mean(rows, d)?);
    let centered: Vec<f32> = rows
        .chunks_exact(d)
        .flat_map(|row| row.iter().zip(&mean).map(|(x, mean)| x - mean).collect::<Vec<_>>())
        .collect();
    // of more elements than a row has, those that are behind it are 0, and their columns of the rotation are left out at last
    let width = d.max(dim_out);
    let turn = random(width, width, SEED);
    let mut matrix: Vec<f32> = to_f32(&columns(&turn, (width, dim_out), d));
    let mut quantizer = ProductQuantizer::new(dim_out, subspaces, BITS)?;
    for iteration in 0..iterations {
        let linear = Linear::new((d, dim_out), std::mem::take(&mut matrix), Vec::new());
        let projected = project(&linear, &centered, d)?;
        let niter = if iteration == 0 { FIRST_KMEANS } else { KMEANS };
        quantizer = quantizer.learnt(gpu, &projected, &KMeansParams::new().niter(niter))?;
        let codes = quantizer.encode(gpu, Rows::F32(&projected))?;
        let decoded = quantizer.decode(&codes)?;
        let products = cross(count, (width, dim_out), |rows| {
            let mut x = Vec::with_capacity(rows.len() * width);
            for row in centered[rows.start * d..rows.end * d].chunks_exact(d) {
                x.extend(row.iter().map(|&x| f64::from(x)));
                x.resize(x.len() + width - d, 0.0);
            }
            let y = &decoded[rows.start * dim_out..rows.end * dim_out];
            (x, y.iter().map(|&y| f64::from(y)).collect())
        })?;
        let turn = nearest_rotation(&products, width, dim_out);
        matrix = to_f32(&columns(&turn, (width, dim_out), d));
        told((iteration + 1) as f64 / iterations as f64)?;
    }
    let linear = Linear::new((d, dim_out), matrix, Vec::new());
    Ok(State { linear: Some(linear), ..State::default() })
}

/// The first `d` columns of the first rows of a matrix.
fn columns(matrix: &[f64], (width, rows): (usize, usize), d: usize) -> Vec<f64> {
    matrix.chunks_exact(width).take(rows).flat_map(|row| row[..d].to_vec()).collect()
}

fn project(linear: &Linear, rows: &[f32], d: usize) -> Result<Vec<f32>> {
    let blocks = rows.chunks(1024 * d).collect();
    Ok(crate::parallel::each(blocks, |rows: &[f32]| Ok(linear.apply(rows)))?.concat())
}
