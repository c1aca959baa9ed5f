//! Rows as a metric compares them, where it transforms them: checked and computed on several threads.

use crate::dtype::Rows;
use crate::error::Result;
use crate::metric::Metric;
use crate::parallel::each;
use crate::space::{Transform, check};

/// Elements that one thread transforms at a time.
const PIECE: usize = 64 << 10;

/// The transformed rows, the first of them number `first_row` of the call.
pub(crate) fn rows(
    transform: Transform,
    metric: &Metric,
    block: Rows<'_>,
    dim: usize,
    first_row: u64,
) -> Result<Vec<f32>> {
    let count = block.count(dim)?;
    let step = (PIECE / dim).max(1);
    let starts: Vec<usize> = (0..count).step_by(step).collect();
    let parts = each(starts, |start| {
        let piece = block.slice(dim, start..(start + step).min(count));
        check::rows(metric, piece, dim, first_row + start as u64)?;
        let mut out = Vec::new();
        transform.apply(&piece.to_f32(), dim, &mut out);
        Ok(out)
    })?;
    Ok(parts.concat())
}
