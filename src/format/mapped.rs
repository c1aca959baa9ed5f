//! A mapped file whose layout is known, whatever its format.

use super::arrange;
use super::container::Container;
use super::layout::Layout;
use super::limits::BLOCK_BYTES;
use super::map::Map;
use super::{bin, npy_parse, vecs};
use crate::error::{Error, Result};
use std::path::Path;

/// A mapped file and its layout.
#[derive(Debug)]
pub(super) struct Mapped {
    map: Map,
    pub layout: Layout,
}

impl Mapped {
    /// Opens a file to read so many of its first rows, all by default.
    pub fn open(path: &Path, first: Option<u64>) -> Result<Self> {
        let container = Container::of(path)?;
        let map = Map::open(path)?;
        let layout = match container {
            Container::Npy => npy_parse::layout(path, map.bytes(), first),
            Container::Vecs(element) => vecs::layout(path, map.bytes(), element, first),
            Container::Bin(element) => bin::layout(path, map.bytes(), element, first),
        }?;
        if layout.arrangement.by_columns {
            map.expect_jumps();
        }
        Ok(Mapped { map, layout })
    }

    pub fn path(&self) -> &Path {
        self.map.path()
    }

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.map.bytes().len() as u64
    }

    /// The bytes of rows `start..end`, row prefixes included, where rows lie one after another. The caller has checked the
    /// range.
    pub fn bytes(&self, start: u64, end: u64) -> &[u8] {
        // No product overflows: the whole file has been checked to be `rows` times `stride` long.
        let at = |row: u64| self.layout.start + row as usize * self.layout.stride();
        &self.map.bytes()[at(start)..at(end)]
    }

    /// Hands the elements of rows `start..end` to `take`, little-endian and row after row, in as few pieces as they lie in.
    pub fn pieces(
        &self,
        start: u64,
        end: u64,
        mut take: impl FnMut(u64, &[u8]) -> Result<()>,
    ) -> Result<()> {
        if !self.layout.is_plain() {
            return self.arranged(start, end, take);
        }
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

    /// The same, by way of a copy.
    fn arranged(
        &self,
        start: u64,
        end: u64,
        mut take: impl FnMut(u64, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let row = self.layout.row_bytes();
        let step = (BLOCK_BYTES / row).max(1) as u64;
        let data = &self.map.bytes()[self.layout.start..];
        let mut rows = Vec::new();
        for from in (start..end).step_by(step as usize) {
            let to = end.min(from + step);
            // It is the length of a part of the mapped file.
            let bytes = (to - from) as usize * row;
            rows.try_reserve_exact(bytes).map_err(|e| Error::io(self.path(), e.into()))?;
            rows.resize(bytes, 0);
            arrange::rows(&self.layout, data, from..to, &mut rows);
            take(from, &rows)?;
        }
        Ok(())
    }
}
