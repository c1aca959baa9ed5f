//! The `.fvecs` family: every row is an i32 dimension, the same in all of them, and its elements.

use super::confused;
use super::element::Element;
use super::layout::{Arrangement, Layout, cut, take};
use super::limits::MAX_DIM;
use crate::error::{Error, Result};
use std::path::Path;

/// Bytes of the dimension before every row.
pub(super) const PREFIX: usize = 4;

/// Takes the dimension from the first row. The other rows are looked at when they are read, so that opening a file touches
/// one page of it.
pub(super) fn layout(
    path: &Path,
    bytes: &[u8],
    element: Element,
    first: Option<u64>,
) -> Result<Layout> {
    let dim = i32::from_le_bytes(take(path, bytes, 0, "the first row's dimension")?);
    let columns = usize::try_from(dim).ok().filter(|d| (1..=MAX_DIM).contains(d));
    let Some(columns) = columns else {
        let reason = format!("a dimension of {dim} is not within 1..={MAX_DIM}");
        return Err(Error::format(path, 0, reason + confused::with_bin(bytes, element)));
    };
    let stride = PREFIX + columns * element.size();
    let rows = (bytes.len() / stride) as u64;
    let layout = Layout {
        element,
        arrangement: Arrangement::default(),
        element_at: 0,
        rows: rows.min(first.unwrap_or(u64::MAX)),
        file_rows: rows,
        columns: Some(columns),
        shape_at: 0,
        start: 0,
        prefix: PREFIX,
    };
    if bytes.len().is_multiple_of(stride) || first.is_some_and(|first| first <= rows) {
        return Ok(layout);
    }
    let bytes_of_file = bytes;
    // The length is wrong: a row of another dimension explains it better than a cut, and is looked for first.
    for (row, bytes) in (0..).zip(bytes.chunks(stride)) {
        let Some(prefix) = bytes.get(..PREFIX) else { break };
        check_prefix(path, &layout, row, prefix).map_err(|error| match error {
            Error::Format { file, offset, reason } => Error::Format {
                file,
                offset,
                reason: reason + confused::with_bin(bytes_of_file, element),
            },
            other => other,
        })?;
    }
    let reason = format!("the file ends inside row {rows} of dimension {columns}");
    Err(Error::format(path, bytes.len() as u64, reason + &cut(rows)))
}

/// Refuses a row of another dimension than the first.
pub(super) fn check_prefix(path: &Path, layout: &Layout, row: u64, prefix: &[u8]) -> Result<()> {
    let expected = layout.width();
    if prefix == dimension(expected) {
        return Ok(());
    }
    let found = prefix.first_chunk().map_or(0, |b| i32::from_le_bytes(*b));
    let reason = format!("row {row} has dimension {found}, the first has {expected}");
    Err(Error::format(path, row * layout.stride() as u64, reason))
}

/// What stands before every row of a file of this dimension.
pub(super) fn dimension(columns: usize) -> [u8; PREFIX] {
    // Dimensions are at most MAX_DIM, which is far below i32's maximum.
    (columns as u32).to_le_bytes()
}
