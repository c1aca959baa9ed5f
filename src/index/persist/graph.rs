//! The section of an index with a graph: how many edges there are to be, and how it is searched.

use super::reader::FileReader;
use super::writer::FileWriter;
use crate::error::Result;
use crate::format::LittleEndian as _;
use crate::graph::MOST_DEGREE;

const GRAPH: &[u8; 4] = b"GRPH";

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
