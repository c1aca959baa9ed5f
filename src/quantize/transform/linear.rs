//! A matrix and what it does to rows: y = A x + b.

use std::sync::{Arc, OnceLock};

/// Columns that are summed side by side, as many as two registers of a processor without further features hold.
const LANES: usize = 8;
/// Rows that read a panel of the matrix together.
const ROWS: usize = 4;
/// How far an element of A A^T may be from the identity's in a matrix that counts as orthonormal (FAISS).
const ORTHONORMAL: f32 = 4e-5;

/// A matrix of `dim_out` rows of `dim_in` elements, and what is added behind it.
#[derive(Clone)]
pub(super) struct Linear(Arc<Parts>);

struct Parts {
    dim_in: usize,
    dim_out: usize,
    matrix: Vec<f32>,
    /// As many as rows of the matrix, or none.
    bias: Vec<f32>,
    forward: Panels,
    /// The transposed matrix, if it takes rows back.
    backward: OnceLock<Option<Panels>>,
}

impl Linear {
    /// `matrix` has `dim_out` rows of `dim_in` elements, `bias` an element for each of these rows, or none.
    pub fn new((dim_in, dim_out): (usize, usize), matrix: Vec<f32>, bias: Vec<f32>) -> Linear {
        let forward = Panels::new(&matrix, dim_in, dim_out, |i, j| i * dim_in + j);
        let backward = OnceLock::new();
        Linear(Arc::new(Parts { dim_in, dim_out, matrix, bias, forward, backward }))
    }

    pub fn matrix(&self) -> &[f32] {
        &self.0.matrix
    }

    pub fn bias(&self) -> &[f32] {
        &self.0.bias
    }

    /// Whether [`reverse`](Self::reverse) gives rows that the matrix takes to the same place.
    pub fn is_orthonormal(&self) -> bool {
        self.backward().is_some()
    }

    /// A x + b of each row.
    pub fn apply(&self, rows: &[f32]) -> Vec<f32> {
        let mut out = self.0.forward.times(rows);
        if !self.0.bias.is_empty() {
            for row in out.chunks_exact_mut(self.0.dim_out) {
                row.iter_mut().zip(&self.0.bias).for_each(|(y, b)| *y += b);
            }
        }
        out
    }

    /// A^T (y - b) of each row, where A is orthonormal.
    pub fn reverse(&self, rows: &[f32]) -> Option<Vec<f32>> {
        let backward = self.backward()?;
        if self.0.bias.is_empty() {
            return Some(backward.times(rows));
        }
        let mut rows = rows.to_vec();
        for row in rows.chunks_exact_mut(self.0.dim_out) {
            row.iter_mut().zip(&self.0.bias).for_each(|(y, b)| *y -= b);
        }
        Some(backward.times(&rows))
    }

    fn backward(&self) -> Option<&Panels> {
        let Parts { dim_in, dim_out, matrix, .. } = &*self.0;
        let make = || {
            let transposed = Panels::new(matrix, *dim_out, *dim_in, |i, j| j * dim_in + i);
            // the shorter side's vectors have to be of length 1 and at right angles: A A^T, or of more rows than columns A^T A
            let (products, size) = match dim_out <= dim_in {
                true => (self.0.forward.times(matrix), *dim_out),
                false => (transposed.times(&transpose(matrix, *dim_in)), *dim_in),
            };
            let one = |i: usize| if i / size == i % size { 1.0 } else { 0.0 };
            let mut far =
                products.iter().enumerate().map(|(i, x): (usize, &f32)| (x - one(i)).abs());
            far.all(|far| far <= ORTHONORMAL).then_some(transposed)
        };
        self.0.backward.get_or_init(make).as_ref()
    }
}

impl PartialEq for Linear {
    /// To the bit, so that equal transforms give equal rows.
    fn eq(&self, other: &Linear) -> bool {
        let bits = |x: &[f32]| -> Vec<u32> { x.iter().map(|x| x.to_bits()).collect() };
        let (a, b) = (&self.0, &other.0);
        Arc::ptr_eq(a, b)
            || ((a.dim_in, a.dim_out) == (b.dim_in, b.dim_out)
                && bits(&a.matrix) == bits(&b.matrix)
                && bits(&a.bias) == bits(&b.bias))
    }
}

/// The transposed of a matrix whose rows have so many elements.
pub(super) fn transpose<T: Copy>(matrix: &[T], columns: usize) -> Vec<T> {
    let columns = columns.max(1);
    (0..columns).flat_map(|j| matrix.iter().skip(j).step_by(columns).copied()).collect()
}

/// A matrix as it is multiplied: in panels of some of its rows, of which the elements of a column lie side by side.
struct Panels {
    columns: usize,
    rows: usize,
    /// Of each panel, and in it of each column, an element of each row; zeros behind the last row.
    elements: Vec<[f32; LANES]>,
}

impl Panels {
    /// `place` says where the element of a row and a column lies.
    fn new(
        matrix: &[f32],
        columns: usize,
        rows: usize,
        place: impl Fn(usize, usize) -> usize,
    ) -> Panels {
        let mut elements = Vec::with_capacity(rows.div_ceil(LANES) * columns);
        for first in (0..rows).step_by(LANES) {
            for j in 0..columns {
                let mut side = [0.0; LANES];
                for (i, element) in (first..rows).zip(&mut side) {
                    *element = matrix[place(i, j)];
                }
                elements.push(side);
            }
        }
        Panels { columns, rows, elements }
    }

    /// The products of the matrix with vectors that lie one after the other. Each is summed from the first column to the last, whatever
    /// other vectors there are.
    fn times(&self, vectors: &[f32]) -> Vec<f32> {
        let count = vectors.len() / self.columns;
        let mut out = vec![0.0; count * self.rows];
        for (first, panel) in
            (0..self.rows).step_by(LANES).zip(self.elements.chunks_exact(self.columns))
        {
            let width = LANES.min(self.rows - first);
            let mut at = 0;
            while at < count {
                let taken = if count - at >= ROWS {
                    self.some::<ROWS>(panel, &vectors[at * self.columns..], |r, sums| {
                        let place = (at + r) * self.rows + first;
                        out[place..place + width].copy_from_slice(&sums[..width]);
                    })
                } else {
                    self.some::<1>(panel, &vectors[at * self.columns..], |r, sums| {
                        let place = (at + r) * self.rows + first;
                        out[place..place + width].copy_from_slice(&sums[..width]);
                    })
                };
                at += taken;
            }
        }
        out
    }

    /// The products of a panel with the next `N` vectors.
    fn some<const N: usize>(
        &self,
        panel: &[[f32; LANES]],
        vectors: &[f32],
        mut put: impl FnMut(usize, &[f32; LANES]),
    ) -> usize {
        let mut sums = [[0f32; LANES]; N];
        let vectors: [&[f32]; N] =
            std::array::from_fn(|r| &vectors[r * self.columns..][..panel.len()]);
        for (j, side) in panel.iter().enumerate() {
            for (sum, vector) in sums.iter_mut().zip(&vectors) {
                let x = vector[j];
                for (sum, element) in sum.iter_mut().zip(side) {
                    *sum += x * element;
                }
            }
        }
        sums.iter().enumerate().for_each(|(r, sums)| put(r, sums));
        N
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clustering::Random;

    fn numbers(n: usize, seed: u64) -> Vec<f32> {
        let mut random = Random::new(seed);
        (0..n).map(|_| 2.0 * random.share() - 1.0).collect()
    }

    #[test]
    fn products_are_those_of_f64_and_do_not_depend_on_the_batch() {
        for (dim_in, dim_out, n) in [(1, 1, 1), (3, 7, 5), (8, 8, 9), (17, 33, 30), (64, 20, 13)] {
            let (a, b) = (numbers(dim_in * dim_out, 1), numbers(dim_out, 2));
            let rows = numbers(n * dim_in, 3);
            let linear = Linear::new((dim_in, dim_out), a.clone(), b.clone());
            let all = linear.apply(&rows);
            for (r, row) in rows.chunks_exact(dim_in).enumerate() {
                let out = &all[r * dim_out..][..dim_out];
                assert_eq!(linear.apply(row), out);
                for (i, &y) in out.iter().enumerate() {
                    let terms = a[i * dim_in..].iter().zip(row);
                    let exact: f64 = terms.map(|(a, x)| f64::from(*a) * f64::from(*x)).sum();
                    assert!((f64::from(y) - exact - f64::from(b[i])).abs() < 1e-5);
                }
            }
            // any two rows begin together somewhere
            for from in 1..n.min(6) {
                assert_eq!(linear.apply(&rows[from * dim_in..]), all[from * dim_out..]);
            }
        }
    }

    #[test]
    fn only_orthonormal_matrices_are_turned_back() {
        let (c, s) = (0.6, 0.8);
        let turn = Linear::new((2, 2), vec![c, -s, s, c], vec![1.0, 2.0]);
        let rows = numbers(14, 5);
        let back = turn.reverse(&turn.apply(&rows)).unwrap();
        assert!(back.iter().zip(&rows).all(|(a, b)| (a - b).abs() < 1e-6));
        // one row of it projects, and a third row that is there beside it is turned back exactly
        let row = Linear::new((2, 1), vec![c, -s], vec![]);
        assert_eq!(row.reverse(&[2.0]).unwrap(), [2.0 * c, -2.0 * s]);
        let tall = Linear::new((2, 3), vec![c, -s, 0.0, 0.0, s, c], vec![]);
        let back = tall.reverse(&tall.apply(&rows)).unwrap();
        assert!(back.iter().zip(&rows).all(|(a, b)| (a - b).abs() < 1e-6));
        assert!(
            Linear::new((2, 2), vec![2.0, 0.0, 0.0, 1.0], vec![]).reverse(&[1.0, 1.0]).is_none()
        );
        assert!(
            Linear::new((2, 2), vec![1.0, 0.0, 1.0, 0.0], vec![]).reverse(&[1.0, 1.0]).is_none()
        );
    }
}
