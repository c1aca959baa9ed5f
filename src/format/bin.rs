//! The `.fbin` family of big-ann-benchmarks: u32 rows, u32 dimension, then the elements, row after row. Both may be u64, as cuVS writes
//! them.

use super::confused;
use super::element::Element;
use super::layout::{Arrangement, Layout, check_size, take};
use super::limits::MAX_DIM;
use crate::error::{Error, Result};
use std::path::Path;

/// Bytes before the first row.
pub(super) const HEADER: usize = 8;

pub(super) fn layout(
    path: &Path,
    bytes: &[u8],
    element: Element,
    first: Option<u64>,
) -> Result<Layout> {
    let rows = u32::from_le_bytes(take(path, bytes, 0, "the number of rows")?);
    let dim = u32::from_le_bytes(take(path, bytes, 4, "the dimension")?);
    let columns = usize::try_from(dim).unwrap_or(MAX_DIM + 1);
    let elements = u64::from(rows) * u64::from(dim);
    let size = element.size() as u64;
    let fits = Some(bytes.len() as u64) == elements.checked_mul(size).map(|data| data + 8);
    // cuVS counts in 64 bits where a file has more rows than 32 bits tell.
    let (file_rows, columns, shape_at, start) = match wide(bytes, size).filter(|_| !fits) {
        Some((rows, columns)) => (rows, columns, 8, 2 * HEADER),
        None => (u64::from(rows), columns, 4, HEADER),
    };
    let layout = Layout {
        element,
        arrangement: Arrangement::default(),
        element_at: 0,
        rows: 0,
        file_rows,
        columns: Some(columns),
        shape_at,
        start,
        prefix: 0,
    };
    check_size(path, bytes.len(), first, layout).map_err(|error| match error {
        Error::Format { file, offset, reason } => {
            let data = file_rows.saturating_mul((columns as u64).saturating_mul(size));
            let twice = data.saturating_mul(2).saturating_add(start as u64);
            let more = if size == 4 && bytes.len() as u64 == twice {
                format!(
                    "; as many as those of the ids of a ground truth, whose distances they are: head -c {offset} leaves the ids"
                )
            } else if confused::is_vecs(bytes, element) {
                "; each row begins with its dimension, as in .fvecs, .bvecs and .ivecs: rename it".into()
            } else {
                String::new()
            };
            Error::Format { file, offset, reason: reason + &more }
        }
        other => other,
    })
}

/// Rows and dimension of a header of two u64, if the file is as long as that says.
fn wide(bytes: &[u8], size: u64) -> Option<(u64, usize)> {
    let [rows, dim] =
        [0, 8].map(|at| bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes));
    let (rows, dim) = (rows?, dim?);
    let length = rows.checked_mul(dim)?.checked_mul(size)?.checked_add(2 * HEADER as u64)?;
    let columns = usize::try_from(dim).ok().filter(|dim| (1..=MAX_DIM).contains(dim))?;
    (length == bytes.len() as u64).then_some((rows, columns))
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
