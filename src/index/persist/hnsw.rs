//! The sections of an HNSW index: how its graph is made and searched, and the levels of the graph above its edges.

use super::graph::{has_edges, read_edges, write_edges};
use super::reader::{FileReader, Section};
use super::writer::FileWriter;
use crate::error::Result;
use crate::format::LittleEndian as _;
use crate::graph::{Layers, Levels, MOST_LEVEL, MOST_PLACES, Upper};

const PARAMS: &[u8; 4] = b"HNSW";
/// The levels; the edges follow, which are level 0.
const LEVELS: &[u8; 4] = b"LEVL";
/// Of no node.
const NONE: u32 = u32::MAX;

/// How a graph is made: places of a node on level 0, and the levels above; and the rows that a search keeps.
pub(in crate::index) type Making = (u32, Levels, usize);

/// What a file says of the graph of an [`Hnsw`](crate::Hnsw); of [`IndexInfo`](crate::IndexInfo).
///
/// # Example
/// ```no_run
/// use nearfield::{HnswInfo, IndexInfo};
/// if let Some(HnswInfo { max_connections, ef_search, .. }) = IndexInfo::read("hnsw.nf")?.hnsw {
///     println!("{max_connections} links a node, {ef_search:?} rows that a search keeps");
/// }
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HnswInfo {
    /// Links of a node on each level above 0: M.
    pub max_connections: u64,
    /// The same on level 0: mostly twice as many.
    pub max_connections0: u64,
    /// Rows among which the links of a node were chosen.
    pub ef_construction: u64,
    /// Rows that a search keeps that does not say how many; `None` of a file of hnswlib, which does not have it.
    pub ef_search: Option<u64>,
    /// The highest level of a node; `None` where no graph is there yet.
    pub max_level: Option<u64>,
}

impl HnswInfo {
    pub(crate) fn of(layers: &Layers, ef_search: Option<u64>) -> HnswInfo {
        let Layers { degree, upper, .. } = layers;
        HnswInfo {
            max_connections: upper.m.into(),
            max_connections0: (*degree).into(),
            ef_construction: upper.ef_construction,
            ef_search,
            max_level: Some(upper.max_level().into()),
        }
    }
}

/// The sections before the rows; there may be no graph yet.
pub(in crate::index) fn write_hnsw(
    file: &mut FileWriter,
    (degree, levels, ef): Making,
    layers: Option<&Layers>,
) -> Result<()> {
    file.section(PARAMS, 48, |section| {
        section.put(&[levels.m, degree].map(u32::to_le_bytes).concat())?;
        section.put(&[levels.ef_construction, ef as u64].map(u64::to_le_bytes).concat())?;
        section.put(&levels.most.to_le_bytes())?;
        section.put(&u32::from(levels.multiplier.is_some()).to_le_bytes())?;
        section.put(&levels.multiplier.unwrap_or(0.0).to_le_bytes())?;
        section.put(&levels.seed.to_le_bytes())
    })?;
    let Some(Layers { degree, base, upper }) = layers else { return Ok(()) };
    let (nodes, lists) = (upper.nodes(), upper.lists());
    let length = 24 + 5 * nodes.len() as u64 + 4 * lists.len() as u64;
    file.section(LEVELS, length, |section| {
        section.put(&upper.m.to_le_bytes())?;
        section.put(&upper.ef_construction.to_le_bytes())?;
        section.put(&upper.entry.unwrap_or(NONE).to_le_bytes())?;
        section.put(&(nodes.len() as u64).to_le_bytes())?;
        section.put(bytemuck::cast_slice(nodes))?;
        section.put(upper.tops())?;
        section.put(bytemuck::cast_slice(lists))
    })?;
    write_edges(file, (*degree, &[]), base.len() as u64, |first, count| {
        Ok(base[first as usize..(first + count) as usize].to_vec())
    })
}

/// Reads what [`write_hnsw`] wrote of so many rows.
pub(in crate::index) fn read_hnsw(
    file: &mut FileReader,
    rows: u64,
) -> Result<(Making, Option<Layers>)> {
    let making = read_making(file)?;
    let layers = if has_edges(file)? { Some(read_layers(file, rows)?) } else { None };
    Ok((making, layers))
}

/// How a graph is made.
fn read_making(file: &mut FileReader) -> Result<Making> {
    let mut section = file.section(PARAMS)?;
    let at = section.at();
    let (m, degree) = (section.u32()?, section.u32()?);
    check_places(&section, at, (m, degree))?;
    let (ef_construction, ef) = (section.u64()?, section.u64()?);
    let Some(ef) = usize::try_from(ef).ok().filter(|&ef| ef > 0) else {
        return Err(section.fault_at(at + 16, format!("{ef} rows that a search keeps")));
    };
    let most = section.u32()?;
    let has_multiplier = section.u32()?;
    let multiplier = f64::from_le_bytes(section.array()?);
    if most > MOST_LEVEL || has_multiplier > 1 || !(multiplier >= 0.0 && multiplier.is_finite()) {
        let reason = format!("levels up to {most}, {multiplier} in the mean");
        return Err(section.fault_at(at + 24, reason));
    }
    let multiplier = (has_multiplier == 1).then_some(multiplier);
    let seed = section.u64()?;
    section.end()?;
    let levels = Levels { m, ef_construction, most, multiplier, seed };
    Ok((degree, levels, ef))
}

fn check_places(section: &Section<'_>, at: u64, (m, degree): (u32, u32)) -> Result<()> {
    let all = 1..=MOST_PLACES;
    if all.contains(&m) && all.contains(&degree) {
        return Ok(());
    }
    Err(section.fault_at(at, format!("{m} links of a node, and {degree} on level 0")))
}

fn read_layers(file: &mut FileReader, rows: u64) -> Result<Layers> {
    let at = file.at();
    let upper = read_upper(file)?;
    let mut degree = 0;
    let begin = |places: u32| {
        degree = places;
        Ok(Some(Vec::new()))
    };
    let take = |base: &mut Vec<u32>, links: &[u32]| {
        base.extend_from_slice(links);
        Ok(())
    };
    let edges = read_edges(file, (rows, 1..=MOST_PLACES), begin, take)?;
    let (base, _) = edges.unwrap_or_default();
    let layers = Layers { degree, base, upper };
    match layers.broken() {
        Some(broken) => Err(file.fault(at, broken.to_string())),
        None => Ok(layers),
    }
}

fn read_upper(file: &mut FileReader) -> Result<Upper> {
    let mut section = file.section(LEVELS)?;
    let at = section.at();
    let m = section.u32()?;
    if !(1..=MOST_PLACES).contains(&m) {
        return Err(section.fault_at(at, format!("{m} links of a node")));
    }
    let (ef_construction, entry, count) = (section.u64()?, section.u32()?, section.u64()?);
    let of_nodes = section.at();
    if count.checked_mul(5).is_none_or(|bytes| bytes > section.left()) {
        return Err(section.fault_at(of_nodes - 8, format!("{count} nodes above level 0")));
    }
    let nodes = words(&mut section, count)?;
    if !nodes.is_sorted_by(|a, b| a < b) {
        return Err(section.fault_at(of_nodes, "nodes that do not ascend"));
    }
    let mut tops = vec![0u8; count as usize];
    section.fill(&mut tops)?;
    let lists: u64 = tops.iter().map(|&top| u64::from(top)).sum();
    let whole = 4 * u128::from(lists) * u128::from(m) == section.left().into();
    if tops.contains(&0) || !whole {
        let reason = format!("{} bytes for {lists} lists of {m} links", section.left());
        return Err(section.fault_at(of_nodes + 4 * count, reason));
    }
    let mut upper = Upper::new(m, ef_construction, (entry != NONE).then_some(entry));
    for (node, top) in nodes.iter().zip(tops) {
        let list = words(&mut section, u64::from(top) * u64::from(m))?;
        upper.push(*node, &list);
    }
    section.end()?;
    Ok(upper)
}

/// So many words, which are known to fit.
fn words(section: &mut Section<'_>, count: u64) -> Result<Vec<u32>> {
    let mut words = vec![0u32; count as usize];
    section.fill(bytemuck::cast_slice_mut(&mut words))?;
    Ok(words)
}

/// What the sections say, of an index of so many rows.
pub(super) fn describe_hnsw(file: &mut FileReader, rows: u64) -> Result<HnswInfo> {
    let ((degree, levels, ef), layers) = read_hnsw(file, rows)?;
    let ef = ef as u64;
    Ok(match layers {
        Some(layers) => HnswInfo::of(&layers, Some(ef)),
        None => HnswInfo {
            max_connections: levels.m.into(),
            max_connections0: degree.into(),
            ef_construction: levels.ef_construction,
            ef_search: Some(ef),
            max_level: None,
        },
    })
}
