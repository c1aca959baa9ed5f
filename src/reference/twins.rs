//! Rows that are equal bit by bit: whatever the rounding, their results are equal, so row order decides between them.

use super::block::Block;
use super::truth::{Hit, Truth};
use std::collections::HashMap;

/// For each row the first that is equal to it.
pub(super) fn twins(base: &Block) -> Vec<usize> {
    let mut first = HashMap::new();
    let bits = |x: &[f64]| x.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    base.rows().enumerate().map(|(row, x)| *first.entry(bits(x)).or_insert(row)).collect()
}

/// Checks that of equal rows the first ones are returned, in row order; with `all`, that all or none are.
pub(super) fn in_row_order(
    truth: &Truth<'_>,
    hits: &[Hit],
    twins: &[usize],
    all: bool,
) -> Result<(), String> {
    // For each set of twins the last row returned and how many were.
    let mut returned: HashMap<usize, (usize, usize)> = HashMap::new();
    for hit in hits {
        let (last, count) = returned.entry(twins[hit.row]).or_insert((hit.row, 0));
        if hit.row < *last {
            return Err(format!("row {} stands after row {last}, which is equal to it", hit.row));
        }
        (*last, *count) = (hit.row, *count + 1);
    }
    for (row, _) in truth.hits() {
        let Some((last, count)) = returned.get_mut(&twins[row]) else { continue };
        if all || row <= *last {
            *count = count.checked_sub(1).ok_or_else(|| {
                format!("row {row} or an equal one is missing although row {last} is there")
            })?;
        }
    }
    Ok(())
}
