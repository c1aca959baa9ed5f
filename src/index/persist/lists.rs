//! The sections of inverted lists: what the lists are, and which of them each row is in.

use super::layout::BLOCK_BYTES;
use super::list_sizes::ListSizes;
use super::reader::{FileReader, Section};
use super::writer::FileWriter;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::LittleEndian as _;
use crate::quantize::SqType;

const LISTS: &[u8; 4] = b"LIST";
const LABELS: &[u8; 4] = b"LABL";
/// Lists, probed lists and whether there are centroids, which stand before the sizes.
const HEAD_BYTES: u64 = 20;

/// Inverted lists without their rows.
pub(in crate::index) struct Lists<'a> {
    pub nlist: usize,
    pub nprobe: usize,
    /// Rows of each list and all centroids, once they are known.
    pub trained: Option<(Vec<u64>, Rows<'a>)>,
}

/// What a file says of its inverted lists; of [`IndexInfo`](crate::IndexInfo).
///
/// # Example
/// ```no_run
/// use nearfield::{IndexInfo, IvfInfo};
/// if let Some(IvfInfo { nlist, nprobe, sizes: Some(sizes), .. }) = IndexInfo::read("lists.nf")?.ivf {
///     println!("{nprobe} of {nlist} lists are looked at, half of which have {} rows or more", sizes.median);
/// }
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct IvfInfo {
    /// Lists.
    pub nlist: u64,
    /// Lists that a search looks at which does not say how many.
    pub nprobe: u64,
    /// How many rows the lists have; `None` where the index is not trained.
    pub sizes: Option<ListSizes>,
    /// What its rows became, where they are codes of a scalar quantizer.
    pub quantizer: Option<SqType>,
    /// What they became, as the factory spells it: `Flat`, `SQ8`, `PQ16x4`.
    pub codes: String,
    /// Whether codes are of what the centroids of the lists leave of the rows.
    pub residual: bool,
    /// Whether the rows that the codes are of are there, too.
    pub originals: bool,
}

pub(in crate::index) fn write_lists(file: &mut FileWriter, lists: &Lists<'_>) -> Result<()> {
    let (sizes, centroids) = match &lists.trained {
        Some((sizes, centroids)) => (&sizes[..], centroids.bytes()),
        None => (&[][..], &[][..]),
    };
    let length = HEAD_BYTES + 8 * sizes.len() as u64 + centroids.len() as u64;
    file.section(LISTS, length, |section| {
        section.put(&(lists.nlist as u64).to_le_bytes())?;
        section.put(&(lists.nprobe as u64).to_le_bytes())?;
        section.put(&u32::from(lists.trained.is_some()).to_le_bytes())?;
        section.put(bytemuck::cast_slice(sizes))?;
        section.put(centroids)
    })
}

/// Reads what [`write_lists`] wrote of centroids of `dim` elements of a type; `take` is given it before the checksum is known to be right, and
/// what it refuses is a fault of the centroids.
pub(in crate::index) fn read_lists<T>(
    file: &mut FileReader,
    (dtype, dim): (DType, usize),
    take: impl FnOnce(Lists<'_>) -> Result<T>,
) -> Result<T> {
    let mut section = file.section(LISTS)?;
    let row_bytes = dtype.row_bytes(dim);
    let (nlist, nprobe, sizes) = head(&mut section, row_bytes)?;
    let at = section.at();
    // aligned for every type
    let mut words: Vec<u32> = Vec::new();
    let trained = match sizes {
        None => None,
        Some(sizes) => {
            let bytes = nlist * row_bytes;
            words.resize(bytes.div_ceil(4), 0);
            section.fill(&mut bytemuck::cast_slice_mut(&mut words)[..bytes])?;
            Some((sizes, Rows::from_bytes(dtype, &bytemuck::cast_slice(&words)[..bytes])?))
        }
    };
    let taken = take(Lists { nlist, nprobe, trained }).map_err(|e| match e {
        Error::NonFinite { .. } | Error::InvalidValue { .. } | Error::InvalidArgument { .. } => {
            section.fault_at(at, format!("centroids: {e}"))
        }
        other => other,
    })?;
    section.end()?;
    Ok(taken)
}

/// What the section says before the centroids.
pub(super) fn describe(file: &mut FileReader, (dtype, dim): (DType, usize)) -> Result<IvfInfo> {
    let mut section = file.section(LISTS)?;
    let (nlist, nprobe, sizes) = head(&mut section, dtype.row_bytes(dim))?;
    section.skip()?;
    let sizes = sizes.map(|sizes| ListSizes::of(&sizes));
    let (nlist, nprobe) = (nlist as u64, nprobe as u64);
    Ok(IvfInfo {
        nlist,
        nprobe,
        sizes,
        quantizer: None,
        codes: "Flat".into(),
        residual: false,
        originals: false,
    })
}

/// Lists, probed lists, and the size of each list where there are centroids, of so many bytes each.
fn head(section: &mut Section<'_>, row_bytes: usize) -> Result<(usize, usize, Option<Vec<u64>>)> {
    let at = section.at();
    let (nlist, nprobe, trained) = (section.u64()?, section.u64()?, section.u32()?);
    if nlist == 0 || nlist > u64::from(u32::MAX) {
        return Err(section.fault_at(at, format!("{nlist} lists")));
    }
    if nprobe == 0 || nprobe > u64::from(u32::MAX) {
        return Err(section.fault_at(at + 8, format!("{nprobe} lists to look at")));
    }
    let wanted = match trained {
        0 => Some(0),
        1 => nlist.checked_mul(8 + row_bytes as u64),
        other => return Err(section.fault_at(at + 16, format!("{other} is neither 0 nor 1"))),
    };
    if wanted != Some(section.left()) {
        let left = section.left();
        return Err(section.fault_at(at, format!("{left} bytes for {nlist} lists")));
    }
    let mut sizes = None;
    if trained == 1 {
        let mut all = vec![0u64; nlist as usize];
        section.fill(bytemuck::cast_slice_mut(&mut all))?;
        sizes = Some(all);
    }
    Ok((nlist as usize, nprobe as usize, sizes))
}

/// Writes the list of each row.
pub(in crate::index) fn write_labels(file: &mut FileWriter, labels: &[u32]) -> Result<()> {
    file.section(LABELS, 4 * labels.len() as u64, |section| {
        section.put(bytemuck::cast_slice(labels))
    })
}

/// Reads the list of each of `rows` rows, of which there are so many a list; none are where there are no lists.
pub(in crate::index) fn read_labels(
    file: &mut FileReader,
    rows: u64,
    sizes: Option<&[u64]>,
) -> Result<Vec<u32>> {
    let mut section = file.section(LABELS)?;
    let at = section.at();
    if rows.checked_mul(4) != Some(section.left()) || (rows > 0 && sizes.is_none()) {
        let left = section.left();
        return Err(section.fault(format!("{left} bytes for the lists of {rows} rows")));
    }
    let sizes = sizes.unwrap_or_default();
    let mut counted = vec![0u64; sizes.len()];
    let mut labels: Vec<u32> = Vec::new();
    if labels.try_reserve_exact(rows as usize).is_err() {
        return Err(section.fault(format!("the lists of {rows} rows do not fit in memory")));
    }
    while labels.len() < rows as usize {
        let done = labels.len();
        labels.resize((done + BLOCK_BYTES / 4).min(rows as usize), 0);
        section.fill(bytemuck::cast_slice_mut(&mut labels[done..]))?;
        for (row, &label) in (done..).zip(&labels[done..]) {
            match counted.get_mut(label as usize) {
                Some(count) => *count += 1,
                None => {
                    let reason = format!("list {label} of {}", sizes.len());
                    return Err(section.fault_at(at + 4 * row as u64, reason));
                }
            }
        }
    }
    if let Some(list) = (0..sizes.len()).find(|&list| counted[list] != sizes[list]) {
        let reason = format!("{} rows in list {list}, said {}", counted[list], sizes[list]);
        return Err(section.fault_at(at, reason));
    }
    section.end()?;
    Ok(labels)
}
