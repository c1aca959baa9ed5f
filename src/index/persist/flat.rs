//! The sections of a flat index: ids and rows.

use super::BLOCK_BYTES;
use super::info::{IndexReader, Info};
use super::reader::Section;
use super::writer::{FileWriter, SectionWriter};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::RowSource;
use crate::index::ids::{Ids, MAX_ID};
use crate::index::state::Snapshot;
use crate::ops::Base;
use std::path::Path;

const IDS: &[u8; 4] = b"IDS ";
const ROWS: &[u8; 4] = b"ROWS";
/// Rows, next id and form, which stand before the ids.
const IDS_HEAD: u64 = 20;
const CONSECUTIVE: u32 = 0;
const LISTED: u32 = 1;

/// Writes the rows that are not removed.
pub(in crate::index) fn write_flat(now: &Snapshot, kind: &str, path: &Path) -> Result<()> {
    let (metric, rows) = (now.base().metric().clone(), now.base().rows());
    let (dtype, dim) = (rows.dtype(), rows.dim());
    let mut file = FileWriter::create(path)?;
    Info { kind: kind.to_owned(), dtype, dim, metric }.write(&mut file)?;
    let run = run(now)?;
    let listed = run.map_or(now.len(), |_| 1);
    file.section(IDS, IDS_HEAD + 8 * listed as u64, |section| {
        section.put(&(now.len() as u64).to_le_bytes())?;
        section.put(&now.next_id().to_le_bytes())?;
        section.put(&(if run.is_some() { CONSECUTIVE } else { LISTED }).to_le_bytes())?;
        match run {
            Some(first) => section.put(&first.to_le_bytes()),
            None => live_ids(now, |ids| section.put(bytemuck::cast_slice(ids))),
        }
    })?;
    let length = now.len() as u64 * dtype.row_bytes(dim) as u64;
    file.section(ROWS, length, |section| put_rows(now, section))?;
    file.finish()
}

/// The first of the ids that are written, where they follow each other one by one; 0 where there are none.
fn run(now: &Snapshot) -> Result<Option<u64>> {
    let (mut first, mut count, mut run) = (0, 0, true);
    live_ids(now, |ids| {
        for &id in ids {
            if count == 0 {
                first = id;
            }
            run &= id == first + count;
            count += 1;
        }
        Ok(())
    })?;
    Ok(run.then_some(first))
}

/// The ids of the rows that are not removed, in blocks.
fn live_ids(now: &Snapshot, mut take: impl FnMut(&[u64]) -> Result<()>) -> Result<()> {
    let mut ids = Vec::new();
    let step = BLOCK_BYTES / 8;
    for start in (0..now.ids().len()).step_by(step) {
        ids.clear();
        now.ids().read(start..(start + step).min(now.ids().len()), &mut ids);
        if let Some(live) = now.live() {
            let mut row = start..;
            ids.retain(|_| row.next().is_some_and(|row| live.has(row)));
        }
        take(&ids)?;
    }
    Ok(())
}

fn put_rows(now: &Snapshot, section: &mut SectionWriter<'_>) -> Result<()> {
    let rows = now.base().rows();
    let bytes = rows.dtype().row_bytes(rows.dim());
    let step = (BLOCK_BYTES / bytes).max(1) as u64;
    for start in (0..rows.len()).step_by(step as usize) {
        let block = rows.read(start..(start + step).min(rows.len()))?;
        let Some(live) = now.live() else {
            section.put(&block)?;
            continue;
        };
        for (row, value) in (start as usize..).zip(block.chunks_exact(bytes)) {
            if live.has(row) {
                section.put(value)?;
            }
        }
    }
    Ok(())
}

/// Reads a flat index whose type of elements is `allowed`.
pub(in crate::index) fn read_flat(
    gpu: &Gpu,
    mut reader: IndexReader,
    allowed: impl Fn(DType) -> bool,
) -> Result<Snapshot> {
    let Info { dtype, dim, .. } = reader.info;
    if !allowed(dtype) {
        return Err(reader.fault(format!("a {} of {dtype}", reader.kind())));
    }
    let empty = Base::new(gpu, &reader.info.metric, dtype, dim).map_err(|e| match e {
        // What the file says is at fault; what the adapter lacks is not.
        Error::InvalidArgument { .. } | Error::Unsupported { .. } | Error::Shader { .. } => {
            reader.fault(e.to_string())
        }
        other => other,
    })?;

    let mut section = reader.file.section(IDS)?;
    let (ids, next_id) = read_ids(&mut section)?;
    section.end()?;

    let section = reader.file.section(ROWS)?;
    let (at, bytes) = (section.at(), dtype.row_bytes(dim) as u64);
    if (ids.len() as u64).checked_mul(bytes) != Some(section.left()) {
        let (n, left) = (ids.len(), section.left());
        return Err(section.fault(format!("{left} bytes for {n} rows of {bytes}")));
    }
    let mut rows = SectionRows { section, dtype, dim, words: Vec::new() };
    let base = empty.append(&mut rows);
    let SectionRows { section, .. } = rows;
    let base = base.map_err(|e| match e {
        Error::NonFinite { row, .. } | Error::InvalidValue { row, .. } => {
            section.fault_at(at + row * bytes, e.to_string())
        }
        other => other,
    })?;
    section.end()?;
    reader.file.finish()?;
    Ok(Snapshot::from_parts(base, ids, next_id))
}

fn read_ids(section: &mut Section<'_>) -> Result<(Ids, u64)> {
    let at = section.at();
    let (rows, next_id, form) = (section.u64()?, section.u64()?, section.u32()?);
    let listed = match form {
        CONSECUTIVE => Some(1),
        LISTED => Some(rows),
        other => return Err(section.fault_at(at + 16, format!("{other} is no form of ids"))),
    };
    if listed.and_then(|n| n.checked_mul(8)) != Some(section.left()) {
        let left = section.left();
        return Err(section.fault_at(at, format!("{left} bytes for the ids of {rows} rows")));
    }
    if rows > u64::from(u32::MAX) || next_id > MAX_ID {
        return Err(section.fault_at(at, format!("{rows} rows, next id {next_id}")));
    }
    if form == CONSECUTIVE {
        let first = section.u64()?;
        if first.checked_add(rows).is_none_or(|end| end > next_id) {
            let reason = format!("{rows} ids from {first} on, next id {next_id}");
            return Err(section.fault_at(at + IDS_HEAD, reason));
        }
        return Ok((Ids::default().with_run(first, rows as usize), next_id));
    }
    let mut all: Vec<u64> = Vec::new();
    let rows = rows as usize;
    if all.try_reserve_exact(rows).is_err() {
        return Err(section.fault_at(at, format!("{rows} ids do not fit in memory")));
    }
    while all.len() < rows {
        let done = all.len();
        all.resize((done + BLOCK_BYTES / 8).min(rows), 0);
        section.fill(bytemuck::cast_slice_mut(&mut all[done..]))?;
    }
    if let Some(place) = all.iter().position(|&id| id >= next_id) {
        let (id, at) = (all[place], at + IDS_HEAD + 8 * place as u64);
        return Err(section.fault_at(at, format!("id {id}, next id {next_id}")));
    }
    let ids = Ids::distinct(all)
        .map_err(|id| section.fault_at(at + IDS_HEAD, format!("id {id} is there twice")))?;
    Ok((ids, next_id))
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

    fn len(&self) -> Option<u64> {
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
