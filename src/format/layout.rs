//! Where the elements of a file lie, whatever its format.

use super::MAX_DIM;
use super::container::Container;
use super::element::Element;
use super::map::Map;
use super::{bin, npy_parse, vecs};
use crate::error::{Error, Result};
use std::path::Path;

/// The shape of a file whose length has been checked against it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub element: Element,
    /// Where the file names it, for errors.
    pub element_at: usize,
    pub rows: u64,
    /// Elements in a row of the file; `None` for a list of single ones.
    pub columns: Option<usize>,
    /// Where the file names the shape, for errors.
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

/// A mapped file and its layout.
#[derive(Debug)]
pub(super) struct Mapped {
    map: Map,
    pub layout: Layout,
}

impl Mapped {
    pub fn open(path: &Path) -> Result<Self> {
        let container = Container::of(path)?;
        let map = Map::open(path)?;
        let layout = match container {
            Container::Npy => npy_parse::layout(path, map.bytes()),
            Container::Vecs(element) => vecs::layout(path, map.bytes(), element),
            Container::Bin(element) => bin::layout(path, map.bytes(), element),
        }?;
        Ok(Mapped { map, layout })
    }

    pub fn path(&self) -> &Path {
        self.map.path()
    }

    /// The bytes of rows `start..end`, row prefixes included. The caller has checked the range.
    pub fn bytes(&self, start: u64, end: u64) -> &[u8] {
        // No product overflows: the whole file has been checked to be `rows` times `stride` long.
        let at = |row: u64| self.layout.start + row as usize * self.layout.stride();
        &self.map.bytes()[at(start)..at(end)]
    }

    /// Hands the elements of rows `start..end` to `take`, in as few pieces as they lie in.
    pub fn pieces(
        &self,
        start: u64,
        end: u64,
        mut take: impl FnMut(u64, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let bytes = self.bytes(start, end);
        if self.layout.prefix == 0 {
            return take(start, bytes);
        }
        for (row, bytes) in (start..end).zip(bytes.chunks_exact(self.layout.stride())) {
            let (prefix, elements) = bytes.split_at(self.layout.prefix);
            vecs::check_prefix(self.path(), &self.layout, row, prefix)?;
            take(row, elements)?;
        }
        Ok(())
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
