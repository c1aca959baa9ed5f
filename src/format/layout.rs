//! Where the elements of a file lie, whatever its format.

use super::element::Element;
use super::limits::MAX_DIM;
use crate::error::{Error, Result};
use std::path::Path;

/// How the elements of an array are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Arrangement {
    /// Column after column, NumPy's Fortran order.
    pub by_columns: bool,
    /// The bytes of an element in the order of big-endian machines.
    pub big_endian: bool,
}

/// The shape of a file whose length has been checked against it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub element: Element,
    pub arrangement: Arrangement,
    /// Where in the file the type of the elements is named, for errors.
    pub element_at: usize,
    /// Rows that are read: the first of those that there are.
    pub rows: u64,
    /// Rows that the file has.
    pub file_rows: u64,
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

    /// Bytes of a row's elements.
    pub fn row_bytes(&self) -> usize {
        self.width() * self.element.size()
    }

    /// Whether rows of the file's own type are its bytes, between the prefixes.
    pub fn is_plain(&self) -> bool {
        self.arrangement == Arrangement::default()
    }

    /// Bytes from one row to the next, where rows lie one after another.
    pub fn stride(&self) -> usize {
        self.prefix + self.row_bytes()
    }
}

/// Holds the length of a file against what its header promises, and leaves so many rows of it as are asked for: a file that
/// was cut behind them is as good as a whole one.
pub(super) fn check_size(
    path: &Path,
    have: usize,
    first: Option<u64>,
    layout: Layout,
) -> Result<Layout> {
    let (file_rows, first) = (layout.file_rows, first.unwrap_or(u64::MAX));
    let error = |offset: usize, reason| Err(Error::format(path, offset as u64, reason));
    let width = layout.width();
    if width == 0 || width > MAX_DIM {
        return error(
            layout.shape_at,
            format!("a dimension of {width} is not within 1..={MAX_DIM}"),
        );
    }
    let data = file_rows.checked_mul(layout.stride() as u64);
    let Some(need) = data.and_then(|data| data.checked_add(layout.start as u64)) else {
        return error(layout.shape_at, format!("{file_rows} x {width} elements overflow"));
    };
    if (have as u64) < need {
        let there = have.saturating_sub(layout.start) / layout.stride();
        let whole_rows = if layout.arrangement.by_columns { 0 } else { there as u64 };
        if first > whole_rows {
            let reason = format!("the file ends here, {file_rows} x {width} need {need} bytes");
            return error(have, reason + &cut(whole_rows));
        }
    }
    if have as u64 > need {
        // `need` is below the length of a mapped file.
        return error(need as usize, format!("{} bytes follow the last row", have as u64 - need));
    }
    Ok(Layout { rows: file_rows.min(first), ..layout })
}

/// What else can be done with a file that was cut behind so many rows.
pub(super) fn cut(whole_rows: u64) -> String {
    match whole_rows {
        0 => String::new(),
        rows => format!("; the first {rows} rows are whole (--first {rows}, Conversion::first)"),
    }
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
