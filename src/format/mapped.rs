//! A mapped file whose layout is known, whatever its format.

use super::container::Container;
use super::layout::Layout;
use super::map::Map;
use super::{bin, npy_parse, vecs};
use crate::error::Result;
use std::path::Path;

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

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.map.bytes().len() as u64
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
