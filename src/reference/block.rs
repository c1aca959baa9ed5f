//! Rows widened to f64.

use crate::dtype::{DType, Rows};
use crate::error::Result;

/// Rows of any type, each element widened to f64, which is exact for every type; a bit becomes 0 or 1.
///
/// Made by [`Block::new`] from the same slices that an index takes. Costs 8 bytes an element: 64 for a byte of bits.
#[derive(Clone, Debug)]
pub struct Block {
    dtype: DType,
    dim: usize,
    values: Vec<f64>,
}

impl Block {
    /// Widens row-major data of dimension `dim`.
    ///
    /// # Errors
    /// `PartialRow` when the length is no multiple of the dimension.
    pub fn new(rows: Rows<'_>, dim: usize) -> Result<Block> {
        let count = rows.count(dim)?;
        let values = if rows.dtype() == DType::Bits {
            // Behind the last bit of a row may be some that do not count.
            let row_bits = rows.dtype().row_bytes(dim) * 8;
            let each = (0..count).flat_map(|row| (0..dim).map(move |bit| row * row_bits + bit));
            each.map(|at| f64::from(rows.get(at))).collect()
        } else {
            rows.to_f32().into_iter().map(f64::from).collect()
        };
        Ok(Block { dtype: rows.dtype(), dim, values })
    }

    /// The type that the elements are stored in.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Elements a row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.dim
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Row `i`.
    ///
    /// # Panics
    /// When there is no such row, as indexing does.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.dim..(i + 1) * self.dim]
    }

    /// All rows in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.values.chunks_exact(self.dim)
    }
}
