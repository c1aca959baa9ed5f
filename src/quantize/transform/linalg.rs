//! Products and eigenvectors of f64 matrices, for training. Matrices are row-major; sums over rows are taken block by block, in one order.

use super::rotation::orthonormal;
use crate::error::Result;
use crate::parallel::each;
use nalgebra::{DMatrix, DMatrixView};

/// Rows of a block.
const BLOCK_ROWS: usize = 1024;
/// Blocks whose products wait together to be summed.
const BLOCKS: usize = 16;
/// A singular value below this share of the largest one decides no direction: half of the digits are lost in its square.
const NOTHING: f64 = 1e-7;

/// The product of a matrix of `k` columns and one of `n`.
pub(super) fn product(a: &[f64], b: &[f64], k: usize, n: usize) -> Vec<f64> {
    let m = a.len() / k;
    // a row-major matrix is a transposed column-major one
    let (left, right) = (DMatrixView::from_slice(b, n, k), DMatrixView::from_slice(a, k, m));
    let mut out = DMatrix::zeros(n, m);
    out.gemm(1.0, &left, &right, 0.0);
    out.data.into()
}

/// X^T Y of the rows of two matrices that `rows` gives, so many blocks as have `count` rows: of dimensions `d` and `e`.
pub(super) fn cross(
    count: usize,
    (d, e): (usize, usize),
    rows: impl Fn(std::ops::Range<usize>) -> (Vec<f64>, Vec<f64>) + Sync,
) -> Result<Vec<f64>> {
    let mut sum = vec![0.0; d * e];
    let starts: Vec<usize> = (0..count).step_by(BLOCK_ROWS).collect();
    for some in starts.chunks(BLOCKS) {
        let products = each(some.to_vec(), |start| {
            let (x, y) = rows(start..(start + BLOCK_ROWS).min(count));
            Ok(product(&super::linear::transpose(&x, d), &y, x.len() / d, e))
        })?;
        for block in products {
            sum.iter_mut().zip(block).for_each(|(sum, x)| *sum += x);
        }
    }
    Ok(sum)
}

/// The eigenvalues of a symmetric matrix, the largest first, and its eigenvectors in that order, one a row.
pub(super) fn eigen(matrix: &[f64], d: usize) -> (Vec<f64>, Vec<f64>) {
    let found = DMatrix::from_column_slice(d, d, matrix).symmetric_eigen();
    let mut order: Vec<usize> = (0..d).collect();
    let values = found.eigenvalues.as_slice();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    let vectors = order
        .iter()
        .flat_map(|&i| found.eigenvectors.column(i).iter().copied().collect::<Vec<_>>());
    (order.iter().map(|&i| values[i]).collect(), vectors.collect())
}

/// The matrix R of `e` rows at right angles that makes the sum of the products of R x and y largest, when M = X^T Y has `d` rows and `e` <= `d`
/// columns: V U^T of its singular vectors (Schönemann 1966).
pub(super) fn nearest_rotation(m: &[f64], d: usize, e: usize) -> Vec<f64> {
    let transposed = super::linear::transpose(m, e);
    // M^T M = V S^2 V^T, and M v = s u
    let (squares, v) = eigen(&product(&transposed, m, d, e), e);
    let mut u = product(&v, &transposed, e, d);
    let least = squares[0].max(0.0).sqrt() * NOTHING;
    for (square, u) in squares.iter().zip(u.chunks_exact_mut(d)) {
        if square.max(0.0).sqrt() <= least {
            u.fill(0.0);
        }
    }
    orthonormal(&mut u, d);
    product(&super::linear::transpose(&v, e), &u, e, d)
}

/// A X^T, transposed: what a matrix of `e` rows of `d` elements makes of each row.
pub(super) fn rows_times(rows: &[f64], matrix: &[f64], d: usize, e: usize) -> Result<Vec<f64>> {
    let transposed = super::linear::transpose(matrix, d);
    let blocks = rows.chunks(BLOCK_ROWS * d).collect();
    Ok(each(blocks, |rows: &[f64]| Ok(product(rows, &transposed, d, e)))?.concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clustering::Random;
    use crate::quantize::transform::linear::transpose;

    fn numbers(n: usize, seed: u64) -> Vec<f64> {
        let mut random = Random::new(seed);
        (0..n).map(|_| 2.0 * f64::from(random.share()) - 1.0).collect()
    }

    fn near(a: &[f64], b: &[f64], by: f64) {
        assert_eq!(a.len(), b.len());
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() <= by), "{a:?} {b:?}");
    }

    #[test]
    fn products_are_in_rows() {
        let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let b = [1.0, 0.0, 2.0, 0.0, 1.0, 3.0, 1.0, 1.0, 1.0];
        assert_eq!(product(&a, &b, 3, 3), [4.0, 5.0, 11.0, 10.0, 11.0, 29.0]);
        assert_eq!(rows_times(&a, &[1.0, 0.0, -1.0], 3, 1).unwrap(), [-2.0, -2.0]);
        // many blocks, summed like one
        let (x, y) = (numbers(40_000, 1), numbers(60_000, 2));
        let found = cross(20_000, (2, 3), |rows| {
            (x[2 * rows.start..2 * rows.end].to_vec(), y[3 * rows.start..3 * rows.end].to_vec())
        });
        near(&found.unwrap(), &product(&transpose(&x, 2), &y, 20_000, 3), 1e-9);
    }

    #[test]
    fn eigenvectors_are_sorted_and_rebuild_the_matrix() {
        let x = numbers(200, 3);
        let matrix = product(&transpose(&x, 8), &x, 25, 8);
        let (values, vectors) = eigen(&matrix, 8);
        assert!(values.windows(2).all(|pair| pair[0] >= pair[1]));
        let scaled: Vec<f64> = vectors
            .chunks_exact(8)
            .zip(&values)
            .flat_map(|(vector, value)| vector.iter().map(move |x| x * value))
            .collect();
        near(&product(&transpose(&vectors, 8), &scaled, 8, 8), &matrix, 1e-12);
    }

    #[test]
    fn a_rotation_is_found_again_also_where_little_is_known_of_it() {
        for (d, e) in [(6, 6), (6, 4), (3, 1)] {
            let rotation = super::super::rotation::random(d, e, 9);
            // all axes alike: what few of them become says nothing of the others
            let x = one(d);
            let y = rows_times(&x, &rotation, d, e).unwrap();
            let m = product(&transpose(&x, d), &y, d, e);
            near(&nearest_rotation(&m, d, e), &rotation, 1e-9);
        }
        // of rank 1, and of none: whatever is not known is at right angles
        let identity = |r: &[f64], e| near(&product(r, &transpose(r, 4), 4, e), &one(e), 1e-12);
        let flat: Vec<f64> = (0..16).map(|i| f64::from(i / 4 + 1)).collect();
        identity(&nearest_rotation(&flat, 4, 4), 4);
        identity(&nearest_rotation(&[0.0; 12], 4, 3), 3);
        identity(&nearest_rotation(&[1e-300; 16], 4, 4), 4);
    }

    fn one(n: usize) -> Vec<f64> {
        (0..n * n).map(|i| if i / n == i % n { 1.0 } else { 0.0 }).collect()
    }
}
