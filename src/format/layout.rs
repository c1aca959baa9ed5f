//! Where the elements of a file lie, whatever its format.

use super::element::Element;
use super::limits::MAX_DIM;
use crate::error::{Error, Result};
use std::path::Path;

/// The shape of a file whose length has been checked against it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub element: Element,
    /// Where in the file the type of the elements is named, for errors.
    pub element_at: usize,
    pub rows: u64,
    /// Elements in a row of the file; `None` for a list of single ones.
    pub columns: Option<usize>,
    /// Where in the file the shape is named, for errors.
    pub shape_at: usize,
    /// Bytes before the first row.
    pub start: usize,
    /// Bytes before the elements of every row: 4 where each repeats the dimension.
    pub prefix: usize,
}

impl Layout {
    /// Elements in a row.
    pub fn width(&self) -> usize {
        self.columns.unwrap_or(1)
    }

    fn row_bytes(&self) -> usize {
        self.width() * self.element.size()
    }

    /// Bytes from one row to the next.
    pub fn stride(&self) -> usize {
        self.prefix + self.row_bytes()
    }
}

/// Holds the length of a file against what its header promises.
pub(super) fn check_size(path: &Path, have: usize, layout: Layout) -> Result<Layout> {
    let error = |offset: usize, reason| Err(Error::format(path, offset as u64, reason));
    let width = layout.width();
    if width == 0 || width > MAX_DIM {
        return error(
            layout.shape_at,
            format!("a dimension of {width} is not within 1..={MAX_DIM}"),
        );
    }
    let data = layout.rows.checked_mul(layout.stride() as u64);
    let Some(need) = data.and_then(|data| data.checked_add(layout.start as u64)) else {
        return error(layout.shape_at, format!("{} x {width} elements overflow", layout.rows));
    };
    if (have as u64) < need {
        return error(
            have,
            format!("the file ends here, {} x {width} need {need} bytes", layout.rows),
        );
    }
    if have as u64 > need {
        // `need` is below the length of a mapped file.
        return error(need as usize, format!("{} bytes follow the last row", have as u64 - need));
    }
    Ok(layout)
}

/// The `N` bytes at `at`, or the error of a file that ends before them.
pub(super) fn take<const N: usize>(
    path: &Path,
    bytes: &[u8],
    at: usize,
    what: &str,
) -> Result<[u8; N]> {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or_else(|| {
        Error::format(path, bytes.len() as u64, format!("the file ends inside {what}"))
    })
}
