//! HNSW graphs in a file: the links of all nodes, and behind them the rows in an index of their own.
//!
//! ```text
//! letters, header; of IHc2 flags and the type of the rows
//! probability of each level, places of a node up to each level, levels of each node, first place of each node, all places
//! entry point, highest level, efConstruction, efSearch, 1
//! an index of the rows
//! ```

use super::codes;
use super::flat;
use super::found::{Found, GraphFound};
use super::header::Header;
use super::names;
use crate::error::{Error, Result};
use crate::format::LittleEndian as _;
use crate::graph::{Broken, Layers, MOST_LEVEL, MOST_PLACES, Upper};
use crate::index::GraphApart;
use crate::io::reader::Reader;

/// Of a place without a link.
const NONE: u32 = u32::MAX;
/// What FAISS has no use for any more, and writes.
const UPPER_BEAM: u32 = 1;
/// Levels below this probability are none.
const LEAST: f64 = 1e-9;

/// Where the parts of a graph are.
struct Places {
    /// Places of a node up to level 0, up to level 1, and so on, behind a 0.
    up_to: Vec<u64>,
    /// Levels of each node, level 0 counted.
    levels: Vec<u8>,
    /// Of the first place in the file.
    at: u64,
}

/// A graph and its rows.
pub(super) fn find(file: &mut Reader, fourcc: [u8; 4]) -> Result<Found> {
    let header = Header::read(file)?;
    let base_only = fourcc == *b"IHc2" && cagra(file)?;
    let start = file.at();
    let places = Places::read(file, &header)?;
    let mut layers = places.layers(file)?;
    let at = file.at();
    let entry = file.u32()?;
    let top = file.i32()?;
    let (ef_construction, ef_search) = (file.i32()?, file.i32()?);
    file.u32()?;
    layers.upper.entry = (entry != NONE).then_some(entry);
    layers.upper.ef_construction = ef_construction.max(0) as u64;
    if base_only {
        // levels are drawn there, and nothing is on them
        layers.upper = Upper::new(
            layers.upper.m,
            layers.upper.ef_construction,
            layers.upper.entry.or((header.rows > 0).then_some(0)),
        );
    }
    if let Some(broken) = layers.broken() {
        let place = places.place_of(&broken).unwrap_or(at);
        return Err(file.fault(place, broken.to_string()));
    }
    let highest = layers.upper.max_level() as i32;
    if !base_only && top != if header.rows == 0 { -1 } else { highest } {
        let reason = format!("the highest level is {top}, and that of the entry point {highest}");
        return Err(file.fault(at + 4, reason));
    }
    let rows = rows(file)?;
    let (dim, n) = (header.dim, header.rows);
    if (rows.dim, rows.rows, &rows.metric) != (dim, n, &header.metric) {
        let reason = format!(
            "links between {n} rows of {dim} under {}, and {} of {} under {}",
            header.metric, rows.rows, rows.dim, rows.metric
        );
        return Err(file.fault(start, reason));
    }
    let ef_search = ef_search.max(1) as usize;
    Ok(Found { graph: Some(Box::new(GraphFound { layers, ef_search })), ..rows })
}

/// What CAGRA's have beside it: whether there is level 0 alone.
fn cagra(file: &mut Reader) -> Result<bool> {
    let (_keep, base_only, _starts) = (file.flag()?, file.flag()?, file.u32()?);
    let _numbers = file.u32()?;
    Ok(base_only)
}

/// The rows between which the links are.
fn rows(file: &mut Reader) -> Result<Found> {
    let at = file.at();
    let fourcc = file.fourcc()?;
    match &fourcc {
        b"IxF2" | b"IxFI" | b"IxFl" => flat::flat(file),
        b"IxSQ" => codes::scalar(file),
        b"IxPq" | b"IxPo" | b"IxPQ" => codes::product(file, at, fourcc),
        b"null" => {
            let reason = "the graph is in this file and its rows are not: it was written with IO_FLAG_SKIP_STORAGE";
            Err(file.fault(at, reason))
        }
        _ => {
            let reason = format!(
                "links between what is neither rows nor codes of SQ or PQ: {}",
                names::unread(fourcc)
            );
            Err(file.fault(at, reason))
        }
    }
}

impl Places {
    fn read(file: &mut Reader, header: &Header) -> Result<Places> {
        let probabilities = file.count(8)?;
        file.skip(8 * probabilities)?;
        let at = file.at();
        let count = file.count(4)?;
        if !(2..=u64::from(MOST_LEVEL) + 2).contains(&count) {
            return Err(file.fault(at, format!("places of {count} levels")));
        }
        let mut up_to = Vec::with_capacity(count as usize);
        for _ in 0..count {
            up_to.push(u64::from(file.u32()?));
        }
        let steps = |(level, pair): (usize, &[u64])| {
            let places = pair[1].wrapping_sub(pair[0]);
            let alike = level < 2 || places == up_to[2] - up_to[1];
            pair[0] < pair[1] && places <= MOST_PLACES.into() && alike
        };
        if up_to[0] != 0 || !up_to.windows(2).enumerate().all(steps) {
            let reason = format!(
                "{up_to:?} places up to each level; from level 1 on each has as many, {MOST_PLACES} at most"
            );
            return Err(file.fault(at, reason));
        }
        let at = file.at();
        let n = file.count(4)?;
        if n != header.rows {
            return Err(file.fault(at, format!("levels of {n} nodes, of {} rows", header.rows)));
        }
        let mut levels = Vec::with_capacity(n as usize);
        for node in 0..n {
            match file.u32()? {
                own @ 1.. if u64::from(own) < count => levels.push(own as u8),
                own => {
                    let reason = format!("node {node} has {own} levels, of {}", count - 1);
                    return Err(file.fault(at + 8 + 4 * node, reason));
                }
            }
        }
        let at = file.at();
        let firsts = file.count(8)?;
        if firsts != n + 1 {
            return Err(file.fault(at, format!("places of {firsts} nodes, of {n} and one")));
        }
        let mut first = 0;
        for node in 0..=n {
            let its = file.u64()?;
            if its != first {
                let reason = format!("node {node} begins at place {its}; {first} is right");
                return Err(file.fault(at + 8 + 8 * node, reason));
            }
            first += levels.get(node as usize).map_or(0, |&own| up_to[usize::from(own)]);
        }
        let at = file.at();
        let all = file.count(4)?;
        if all != first {
            return Err(file.fault(at, format!("{all} places; {first} are right")));
        }
        Ok(Places { up_to, levels, at: file.at() })
    }

    /// Places of a node on level 0 and on the others.
    fn sizes(&self) -> (u64, u64) {
        let base = self.up_to[1];
        (base, self.up_to.get(2).map_or(base.div_ceil(2), |two| two - base))
    }

    /// The links, which come next in the file; what is behind a place without one is none.
    fn layers(&self, file: &mut Reader) -> Result<Layers> {
        let (degree, m) = self.sizes();
        let mut base = vec![NONE; self.levels.len() * degree as usize];
        let mut upper = Upper::new(m as u32, 0, None);
        let mut lists = Vec::new();
        for (node, list) in (0..).zip(base.chunks_exact_mut(degree as usize)) {
            file.fill(bytemuck::cast_slice_mut(list))?;
            end_at_none(list);
            let above = usize::from(self.levels[node as usize] - 1);
            lists.resize(above * m as usize, NONE);
            file.fill(bytemuck::cast_slice_mut(&mut lists))?;
            lists.chunks_exact_mut(m as usize).for_each(end_at_none);
            if above > 0 {
                upper.push(node, &lists);
            }
        }
        Ok(Layers { degree: degree as u32, base, upper })
    }

    /// Where what is broken stands.
    fn place_of(&self, broken: &Broken) -> Option<u64> {
        let place = broken.place?;
        let of = |own: &u8| self.up_to[usize::from(*own)];
        let before: u64 = self.levels[..broken.node as usize].iter().map(of).sum();
        let within = self.up_to[broken.level as usize] + u64::from(place);
        Some(self.at + 4 * (before + within))
    }
}

/// Takes away what stands behind the first place without a link.
fn end_at_none(list: &mut [u32]) {
    if let Some(end) = list.iter().position(|&link| link == NONE) {
        list[end..].fill(NONE);
    }
}

/// Everything of a graph before its rows.
pub(super) fn write(
    graph: &GraphApart,
    header: &Header,
    scalar: bool,
    out: &mut Vec<u8>,
) -> Result<()> {
    let Some(layers) = &graph.layers else {
        return Err(Error::unsupported(
            "a file of FAISS",
            "a graph that is not there: rows of that type or metric have none, or there is too little memory",
        ));
    };
    let Layers { degree, base, upper } = layers;
    let (n, m) = (u64::from(layers.count()), u64::from(upper.m));
    out.extend(if scalar { b"IHNs" } else { b"IHNf" });
    header.write(out)?;
    let probabilities = probabilities(upper.m, upper.max_level());
    let levels = probabilities.len() as u64;
    out.extend(levels.to_le_bytes());
    out.extend(bytemuck::cast_slice::<f64, u8>(&probabilities));
    out.extend((levels + 1).to_le_bytes());
    let up_to = |level: u64| if level == 0 { 0 } else { u64::from(*degree) + (level - 1) * m };
    (0..=levels).for_each(|level| out.extend((up_to(level) as u32).to_le_bytes()));
    out.extend(n.to_le_bytes());
    (0..n as u32).for_each(|node| out.extend((upper.top(node) + 1).to_le_bytes()));
    out.extend((n + 1).to_le_bytes());
    let mut first = 0u64;
    out.extend(first.to_le_bytes());
    for node in 0..n as u32 {
        first += up_to(u64::from(upper.top(node)) + 1);
        out.extend(first.to_le_bytes());
    }
    out.extend(first.to_le_bytes());
    for (node, list) in (0..).zip(base.chunks_exact(*degree as usize)) {
        out.extend(bytemuck::cast_slice::<u32, u8>(list));
        for level in 1..=upper.top(node) {
            let links = upper.links(node, level);
            out.extend(bytemuck::cast_slice::<u32, u8>(links));
            (links.len()..m as usize).for_each(|_| out.extend(NONE.to_le_bytes()));
        }
    }
    let top = upper.entry.map_or(NONE, |_| upper.max_level());
    let kept = |rows: u64| rows.min(i32::MAX as u64) as u32;
    let efs = [kept(upper.ef_construction), kept(graph.ef_search.unwrap_or(16) as u64)];
    for number in [upper.entry.unwrap_or(NONE), top, efs[0], efs[1], UPPER_BEAM] {
        out.extend(number.to_le_bytes());
    }
    Ok(())
}

/// How probable each level is where each has a node for `m` of the one below, and of more levels if the graph has them; in f32, as FAISS has it.
fn probabilities(m: u32, top: u32) -> Vec<f64> {
    let mean = (1.0 / f64::from(m.max(2)).ln()) as f32;
    let of = |level: u32| f64::from((-(level as f32) / mean).exp() * (1.0 - (-1.0 / mean).exp()));
    (0..).take_while(|&level| of(level) >= LEAST || level <= top).map(of).collect()
}
