//! The sections of indexes with a graph: how many edges there are to be and how it is searched, and the edges, where they were made.

use super::layout::BLOCK_BYTES;
use super::reader::{FileReader, Section};
use super::rows::ROWS;
use super::writer::FileWriter;
use crate::error::Result;
use crate::format::LittleEndian as _;
use crate::graph::MOST_DEGREE;
use std::ops::RangeInclusive;

const GRAPH: &[u8; 4] = b"GRPH";
/// The edges, before the rows that they are of; files of indexes that were never searched along them have none.
const EDGES: &[u8; 4] = b"EDGE";
/// What stands for an edge that is none.
const NO_LINK: u32 = u32::MAX;

/// `degree` edges a row, `ef` rows that a search keeps.
pub(in crate::index) fn write_graph(file: &mut FileWriter, degree: u32, ef: usize) -> Result<()> {
    file.section(GRAPH, 12, |section| {
        section.put(&degree.to_le_bytes())?;
        section.put(&(ef as u64).to_le_bytes())
    })
}

/// Reads what [`write_graph`] wrote.
pub(in crate::index) fn read_graph(file: &mut FileReader) -> Result<(u32, usize)> {
    let mut section = file.section(GRAPH)?;
    let at = section.at();
    let (degree, ef) = (section.u32()?, section.u64()?);
    if !(2..=MOST_DEGREE).contains(&degree) {
        return Err(section.fault_at(at, format!("{degree} edges a row")));
    }
    let Some(kept) = usize::try_from(ef).ok().filter(|&ef| ef > 0) else {
        return Err(section.fault_at(at + 4, format!("{ef} rows that a search keeps")));
    };
    section.end()?;
    Ok((degree, kept))
}

/// Writes the rows that searches set out from, or none where the edges say them, and the `count` links of all rows, `degree` each, of which `read` gives some.
pub(in crate::index) fn write_edges(
    file: &mut FileWriter,
    (degree, starts): (u32, &[u32]),
    count: u64,
    read: impl Fn(u64, u64) -> Result<Vec<u32>>,
) -> Result<()> {
    file.section(EDGES, 12 + (starts.len() as u64 + count) * 4, |section| {
        section.put(&degree.to_le_bytes())?;
        section.put(&(starts.len() as u64).to_le_bytes())?;
        let mut put = |numbers: &[u32]| {
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            section.put(&bytes)
        };
        put(starts)?;
        let step = BLOCK_BYTES as u64 / 4;
        for first in (0..count).step_by(step as usize) {
            put(&read(first, step.min(count - first))?)?;
        }
        Ok(())
    })
}

/// Whether there are edges before the rows that come next.
pub(in crate::index) fn has_edges(file: &mut FileReader) -> Result<bool> {
    Ok(file.tags_before(ROWS)?.contains(EDGES))
}

/// Reads what [`write_edges`] wrote of so many rows, with as many edges each as may be. Once the lengths agree, `begin` is told how many these are and makes room for
/// the links, or says that there is none; `take` is given them block by block. With that come the rows that searches set out from, which ascend.
pub(in crate::index) fn read_edges<T>(
    file: &mut FileReader,
    (rows, degrees): (u64, RangeInclusive<u32>),
    begin: impl FnOnce(u32) -> Result<Option<T>>,
    take: impl Fn(&mut T, &[u32]) -> Result<()>,
) -> Result<Option<(T, Vec<u32>)>> {
    let mut section = file.section(EDGES)?;
    let (at, bytes) = (section.at(), section.left());
    let degree = section.u32()?;
    if !degrees.contains(&degree) {
        return Err(section.fault_at(at, format!("{degree} edges a row")));
    }
    let count = section.u64()?;
    let links = rows.checked_mul(u64::from(degree)).filter(|&links| links < 1 << 60);
    let all = links.filter(|_| count <= rows).map(|links| 12 + (count + links) * 4);
    let (Some(links), true) = (links, all == Some(bytes)) else {
        let reason = format!("{bytes} bytes for {count} starts and {rows} rows of {degree} edges");
        return Err(section.fault_at(at + 4, reason));
    };
    let Some(mut links_of) = begin(degree)? else { return section.skip().map(|()| None) };
    let mut starts = Vec::new();
    numbers(&mut section, count, |section, at, some| {
        for (&row, at) in some.iter().zip((at..).step_by(4)) {
            if u64::from(row) >= rows || starts.last().is_some_and(|&last| last >= row) {
                return Err(section.fault_at(at, format!("{row} as the next start of {rows} rows")));
            }
            starts.push(row);
        }
        Ok(())
    })?;
    numbers(&mut section, links, |section, at, some| {
        let wrong = |&link: &u32| u64::from(link) >= rows && link != NO_LINK;
        match some.iter().position(wrong) {
            None => take(&mut links_of, some),
            Some(place) => {
                let reason = format!("an edge to row {} of {rows}", some[place]);
                Err(section.fault_at(at + 4 * place as u64, reason))
            }
        }
    })?;
    section.end()?;
    Ok(Some((links_of, starts)))
}

/// Gives the next `count` numbers of a section to `take` block by block, with the place of each block in the file.
fn numbers(
    section: &mut Section<'_>,
    count: u64,
    mut take: impl FnMut(&Section<'_>, u64, &[u32]) -> Result<()>,
) -> Result<()> {
    let (mut left, mut bytes, mut block) = (count, Vec::new(), Vec::new());
    while left > 0 {
        let some = left.min(BLOCK_BYTES as u64 / 4);
        let at = section.at();
        bytes.resize(some as usize * 4, 0);
        section.fill(&mut bytes)?;
        block.clear();
        block.extend(bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])));
        take(section, at, &block)?;
        left -= some;
    }
    Ok(())
}
