//! Vectors at right angles, and rotations made of random ones.

use super::linear::transpose;
use crate::clustering::Random;

/// Below this share of its length what is left of a vector, less its parts along others, is rounding.
const NOTHING: f64 = 1e-10;

/// The vectors of length 1, each of `dim` elements and at right angles to those before it, that span what some vectors span, in their
/// order (Gram-Schmidt, twice). A vector that is a sum of those before it, to rounding, gives way to an axis. At most `dim` vectors.
pub(super) fn orthonormal(vectors: &mut [f64], dim: usize) {
    let mut axis = 0;
    for at in 0..vectors.len() / dim {
        let (before, rest) = vectors.split_at_mut(at * dim);
        let vector = &mut rest[..dim];
        let mut is_new = unit(vector) && {
            let left = without(vector, before);
            left > NOTHING && unit(vector)
        };
        // some axis is not spanned as long as there are fewer vectors than dimensions
        while !is_new && axis < dim {
            vector.fill(0.0);
            vector[axis] = 1.0;
            axis += 1;
            // of the best axis more is left than this
            is_new = without(vector, before) > 0.5 / dim as f64 && unit(vector);
        }
        // once more: the first time what was left was inexact in proportion to what was taken away
        without(vector, before);
        unit(vector);
    }
}

/// Takes the parts along vectors of length 1 away from another, and says what length is left.
fn without(vector: &mut [f64], others: &[f64]) -> f64 {
    for other in others.chunks_exact(vector.len()) {
        let along = dot(vector, other);
        vector.iter_mut().zip(other).for_each(|(x, o)| *x -= along * o);
    }
    dot(vector, vector).sqrt()
}

/// Brings a vector to the length 1, if it has one.
fn unit(vector: &mut [f64]) -> bool {
    let largest = vector.iter().fold(0f64, |most, x| most.max(x.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return false;
    }
    // squares of what is brought near 1 neither vanish nor overflow
    vector.iter_mut().for_each(|x| *x /= largest);
    let length = dot(vector, vector).sqrt();
    vector.iter_mut().for_each(|x| *x /= length);
    true
}

/// In four sums, so that several are on their way at a time.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0f64; 4];
    let (a, b) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// A random rotation of rows of `dim_in` elements to `dim_out`: rows at right angles, or of more rows than columns columns. A seed gives the
/// same bits on every machine.
pub(super) fn random(dim_in: usize, dim_out: usize, seed: u64) -> Vec<f64> {
    let (count, dim) = (dim_in.min(dim_out), dim_in.max(dim_out));
    let mut random = Random::new(seed);
    // the sum of twelve numbers from 0 to 1 is nearly normal, and no function is needed that machines compute differently
    let mut normal = || (0..12).map(|_| f64::from(random.share())).sum::<f64>() - 6.0;
    let mut vectors: Vec<f64> = (0..count * dim).map(|_| normal()).collect();
    orthonormal(&mut vectors, dim);
    if dim_out > dim_in { transpose(&vectors, dim) } else { vectors }
}

/// As the f32 of a matrix.
pub(super) fn to_f32(matrix: &[f64]) -> Vec<f32> {
    matrix.iter().map(|&x| x as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(vectors: &[f64], dim: usize) {
        for (i, a) in vectors.chunks_exact(dim).enumerate() {
            for (j, b) in vectors.chunks_exact(dim).enumerate() {
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((dot(a, b) - expected).abs() < 1e-12, "{i} {j}: {}", dot(a, b));
            }
        }
    }

    #[test]
    fn vectors_are_at_right_angles_whatever_they_were() {
        for dim in [1, 2, 5, 33] {
            let mut vectors = random(dim, dim, 7);
            check(&vectors, dim);
            assert_eq!(vectors, random(dim, dim, 7));
            // equal ones, zeros, and ones that differ by rounding
            vectors.iter_mut().for_each(|x| *x = 0.3);
            orthonormal(&mut vectors, dim);
            check(&vectors, dim);
            vectors.fill(0.0);
            orthonormal(&mut vectors, dim);
            check(&vectors, dim);
            for (at, x) in vectors.iter_mut().enumerate() {
                *x = 1e200 + if at % 3 == 0 { 1e184 } else { 0.0 };
            }
            orthonormal(&mut vectors, dim);
            check(&vectors, dim);
        }
        assert_ne!(random(4, 4, 1), random(4, 4, 2));
    }

    #[test]
    fn the_first_vector_keeps_its_direction() {
        let mut vectors = vec![3.0, 4.0, 0.0, 3.0, 4.0, 5.0];
        orthonormal(&mut vectors, 3);
        let expected = [0.6, 0.8, 0.0, 0.0, 0.0, 1.0];
        assert!(vectors.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15));
    }

    #[test]
    fn more_rows_than_columns_have_columns_at_right_angles() {
        let matrix = random(3, 8, 5);
        assert_eq!(matrix.len(), 24);
        check(&transpose(&matrix, 3), 8);
        check(&random(8, 3, 5), 8);
    }
}
