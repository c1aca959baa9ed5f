//! The section of an index whose candidates are compared again, and what is said of one.

use super::reader::FileReader;
use super::writer::FileWriter;
use crate::error::Result;
use crate::format::LittleEndian as _;
use crate::index::params::checked_k_factor;

const REFINE: &[u8; 4] = b"REFI";

/// What a file says of how candidates are compared again; of [`IndexInfo`](crate::IndexInfo).
///
/// # Example
/// ```no_run
/// use nearfield::{IndexInfo, RefineInfo};
/// if let Some(RefineInfo { base, rows, k_factor, .. }) = IndexInfo::read("refined.nf")?.refine {
///     println!("{k_factor} candidates a neighbour of {base}, compared by {rows}");
/// }
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RefineInfo {
    /// The kind of index that finds the candidates, as `IvfPq`.
    pub base: String,
    /// The kind of index by whose rows or codes they are compared, as `Flat`.
    pub rows: String,
    /// Candidates for each neighbour, of a search that does not say how many ([`Refine::k_factor`](crate::Refine::k_factor)).
    pub k_factor: f32,
}

pub(in crate::index) fn write_k_factor(file: &mut FileWriter, k_factor: f32) -> Result<()> {
    file.section(REFINE, 4, |section| section.put(&k_factor.to_le_bytes()))
}

/// Reads what [`write_k_factor`] wrote.
pub(in crate::index) fn read_k_factor(file: &mut FileReader) -> Result<f32> {
    let mut section = file.section(REFINE)?;
    let at = section.at();
    let k_factor = section.f32()?;
    let k_factor = checked_k_factor(k_factor).map_err(|e| section.fault_at(at, e.to_string()))?;
    section.end()?;
    Ok(k_factor)
}
