//! The `.fbin` family of big-ann-benchmarks: u32 rows, u32 dimension, then the elements, row after row.

use super::element::Element;
use super::layout::{Layout, check_size, take};
use super::limits::MAX_DIM;
use crate::error::{Error, Result};
use std::path::Path;

/// Bytes before the first row.
pub(super) const HEADER: usize = 8;

pub(super) fn layout(path: &Path, bytes: &[u8], element: Element) -> Result<Layout> {
    let rows = u32::from_le_bytes(take(path, bytes, 0, "the number of rows")?);
    let dim = u32::from_le_bytes(take(path, bytes, 4, "the dimension")?);
    let columns = usize::try_from(dim).unwrap_or(MAX_DIM + 1);
    let layout = Layout {
        element,
        element_at: 0,
        rows: rows.into(),
        columns: Some(columns),
        shape_at: 4,
        start: HEADER,
        prefix: 0,
    };
    check_size(path, bytes.len(), layout)
}

/// The header of a finished file.
pub(super) fn header(rows: u64, columns: usize) -> Result<[u8; HEADER]> {
    let fit = |what: &str, n: u64| {
        let limit = u64::from(u32::MAX);
        u32::try_from(n).map_err(|_| Error::LimitExceeded { what: what.into(), needed: n, limit })
    };
    let rows = fit("rows of a .fbin-like file", rows)?;
    let columns = fit("dimension of a .fbin-like file", columns as u64)?;
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(&rows.to_le_bytes());
    header[4..].copy_from_slice(&columns.to_le_bytes());
    Ok(header)
}
