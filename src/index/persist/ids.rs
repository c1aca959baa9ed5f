//! The section of ids, which every index that changes has.

use super::layout::BLOCK_BYTES;
use super::reader::{FileReader, Section};
use super::writer::FileWriter;
use crate::error::Result;
use crate::format::LittleEndian as _;
use crate::index::ids::{Ids, MAX_ID, RowSet};

const IDS: &[u8; 4] = b"IDS ";
/// Rows, next id and form, which stand before the ids.
const IDS_HEAD: u64 = 20;
const CONSECUTIVE: u32 = 0;
const LISTED: u32 = 1;

/// Writes the ids of the rows that are not removed, which are those in `live`, or all.
pub(in crate::index) fn write_ids(
    file: &mut FileWriter,
    ids: &Ids,
    live: Option<&RowSet>,
    next_id: u64,
) -> Result<()> {
    let (count, run) = count_and_run(ids, live)?;
    let listed = run.map_or(count, |_| 1);
    file.section(IDS, IDS_HEAD + 8 * listed, |section| {
        section.put(&count.to_le_bytes())?;
        section.put(&next_id.to_le_bytes())?;
        section.put(&(if run.is_some() { CONSECUTIVE } else { LISTED }).to_le_bytes())?;
        match run {
            Some(first) => section.put(&first.to_le_bytes()),
            None => each_block(ids, live, |ids| section.put(bytemuck::cast_slice(ids))),
        }
    })
}

/// How many ids are written, and the first of them where they follow each other one by one; 0 where there are none.
fn count_and_run(ids: &Ids, live: Option<&RowSet>) -> Result<(u64, Option<u64>)> {
    let (mut first, mut count, mut run) = (0, 0, true);
    each_block(ids, live, |ids| {
        for &id in ids {
            if count == 0 {
                first = id;
            }
            run &= id == first + count;
            count += 1;
        }
        Ok(())
    })?;
    Ok((count, run.then_some(first)))
}

/// The ids of the rows that are not removed, in blocks.
fn each_block(
    ids: &Ids,
    live: Option<&RowSet>,
    mut take: impl FnMut(&[u64]) -> Result<()>,
) -> Result<()> {
    let mut block = Vec::new();
    let step = BLOCK_BYTES / 8;
    for start in (0..ids.len()).step_by(step) {
        block.clear();
        ids.read(start..(start + step).min(ids.len()), &mut block);
        if let Some(live) = live {
            let mut row = start..;
            block.retain(|_| row.next().is_some_and(|row| live.has(row)));
        }
        take(&block)?;
    }
    Ok(())
}

/// What the section says of the ids before it lists them: how many there are, and the next one. The file is then behind the
/// section.
pub(in crate::index) fn count_ids(file: &mut FileReader) -> Result<(u64, u64)> {
    let mut section = file.section(IDS)?;
    let head = head(&mut section)?;
    section.skip()?;
    Ok((head.rows, head.next_id))
}

/// Reads what [`write_ids`] wrote: the ids, and the next one.
pub(in crate::index) fn read_ids(file: &mut FileReader) -> Result<(Ids, u64)> {
    let mut section = file.section(IDS)?;
    let ids = read(&mut section)?;
    section.end()?;
    Ok(ids)
}

/// What stands before the ids.
struct Head {
    rows: u64,
    next_id: u64,
    form: u32,
    /// Where the section's content begins.
    at: u64,
}

fn head(section: &mut Section<'_>) -> Result<Head> {
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
    Ok(Head { rows, next_id, form, at })
}

fn read(section: &mut Section<'_>) -> Result<(Ids, u64)> {
    let Head { rows, next_id, form, at } = head(section)?;
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
