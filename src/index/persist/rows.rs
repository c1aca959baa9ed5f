//! The section of rows as they were added, for every index that can give them back so.

use super::layout::BLOCK_BYTES;
use super::reader::{FileReader, Section};
use super::writer::FileWriter;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::LittleEndian as _;
use crate::format::RowSource;
use crate::index::ids::RowSet;
use std::ops::Range;

/// The rows, or what they became.
pub(in crate::index) const ROWS: &[u8; 4] = b"ROWS";
/// The rows as they were added, where codes of them are in the section before.
pub(in crate::index) const ORIGINALS: &[u8; 4] = b"ORIG";

/// Nothing, behind originals that stay on the host.
pub(in crate::index) const ON_HOST: &[u8; 4] = b"HOST";

/// Writes a section without content.
pub(in crate::index) fn write_mark(file: &mut FileWriter, tag: &[u8; 4]) -> Result<()> {
    file.section(tag, 0, |_| Ok(()))
}

/// Reads what [`write_mark`] wrote.
pub(in crate::index) fn read_mark(file: &mut FileReader, tag: &[u8; 4]) -> Result<()> {
    file.section(tag)?.end()
}

/// Writes, as a section of this tag, those of `rows` rows that are in `live`, or all; `read` gives the bytes of some of them.
pub(in crate::index) fn write_rows(
    file: &mut FileWriter,
    tag: &[u8; 4],
    row_bytes: usize,
    rows: u64,
    live: Option<&RowSet>,
    read: impl Fn(Range<u64>) -> Result<Vec<u8>>,
) -> Result<()> {
    let written = live.map_or(rows, RowSet::count);
    file.section(tag, written * row_bytes as u64, |section| {
        let step = (BLOCK_BYTES / row_bytes).max(1) as u64;
        for start in (0..rows).step_by(step as usize) {
            let block = read(start..(start + step).min(rows))?;
            let Some(live) = live else {
                section.put(&block)?;
                continue;
            };
            for (row, value) in (start as usize..).zip(block.chunks_exact(row_bytes)) {
                if live.has(row) {
                    section.put(value)?;
                }
            }
        }
        Ok(())
    })
}

/// Reads what [`write_rows`] wrote: as many rows as there are ids, which `append` takes as a stream.
pub(in crate::index) fn read_rows<R>(
    file: &mut FileReader,
    tag: &[u8; 4],
    (dtype, dim): (DType, usize),
    rows: u64,
    append: impl FnOnce(&mut dyn RowSource) -> Result<R>,
) -> Result<R> {
    let section = file.section(tag)?;
    let (at, bytes) = (section.at(), dtype.row_bytes(dim) as u64);
    if rows.checked_mul(bytes) != Some(section.left()) {
        let left = section.left();
        return Err(section.fault(format!("{left} bytes for {rows} rows of {bytes}")));
    }
    let mut source = SectionRows { section, dtype, dim, words: Vec::new() };
    let appended = append(&mut source);
    let SectionRows { section, .. } = source;
    let appended = appended.map_err(|e| match e {
        Error::NonFinite { row, .. } | Error::InvalidValue { row, .. } => {
            section.fault_at(at + row * bytes, e.to_string())
        }
        other => other,
    })?;
    section.end()?;
    Ok(appended)
}

/// The rows of a section as a stream.
struct SectionRows<'a> {
    section: Section<'a>,
    dtype: DType,
    dim: usize,
    /// A block, aligned for every type.
    words: Vec<u32>,
}

impl RowSource for SectionRows<'_> {
    fn dtype(&self) -> DType {
        self.dtype
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn remaining(&self) -> Option<u64> {
        Some(self.section.left() / self.dtype.row_bytes(self.dim) as u64)
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let row = self.dtype.row_bytes(self.dim);
        let most = (BLOCK_BYTES / row).clamp(1, max_rows.max(1)) * row;
        let bytes = self.section.left().min(most as u64) as usize;
        if bytes == 0 {
            return Ok(None);
        }
        self.words.resize(bytes.div_ceil(4), 0);
        let block: &mut [u8] = bytemuck::cast_slice_mut(&mut self.words);
        self.section.fill(&mut block[..bytes])?;
        Rows::from_bytes(self.dtype, &block[..bytes]).map(Some)
    }
}
