//! From an index to a file.

use super::header::{Header, NONE};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::format::AtomicFile;
use crate::graph::{Layers, MOST_PLACES};
use crate::index::{Apart, GraphApart, Index};
use crate::io::widened::widened;
use crate::metric::Metric;
use std::path::Path;

/// Host memory for a block of rows.
const BLOCK_BYTES: usize = 4 << 20;

fn refused(item: impl Into<String>) -> Error {
    Error::unsupported("a file of hnswlib", item)
}

/// Writes a file that lacks its name.
pub(super) fn write(index: &dyn Index, path: &Path) -> Result<AtomicFile> {
    let apart = Apart::of(index).ok_or_else(|| refused(index.description()))??;
    let whole = apart.transforms.is_empty() && apart.refine.is_none();
    let Some(GraphApart { layers, .. }) = apart.graph.as_ref().filter(|_| whole) else {
        return Err(refused(format!("{}; an Hnsw or a Graph is what it has", index.description())));
    };
    super::read::check_metric(&apart.metric)?;
    let Some(layers) = layers else {
        return Err(refused(
            "a graph that is not there: rows of that type have none, or there is too little memory",
        ));
    };
    if layers.degree > MOST_PLACES {
        return Err(refused(format!("{} links of a node", layers.degree)));
    }
    let mut out = AtomicFile::create(path)?;
    nodes(&mut out, &apart, layers)?;
    levels(&mut out, layers)?;
    Ok(out)
}

/// The header and all that is of level 0.
fn nodes(out: &mut AtomicFile, apart: &Apart, layers: &Layers) -> Result<()> {
    let Layers { degree, upper, .. } = layers;
    let rows = apart.ids.len() as u64;
    let header = Header {
        room: rows,
        rows,
        max_level: upper.entry.map_or(-1, |_| upper.max_level() as i32),
        entry: upper.entry.unwrap_or(NONE),
        m: upper.m.into(),
        m0: (*degree).into(),
        multiplier: 1.0 / f64::from(upper.m.max(2)).ln(),
        ef_construction: upper.ef_construction,
        row_bytes: DType::F32.row_bytes(apart.dim) as u64,
    };
    out.write(&header.write())?;
    let (unit, dim_bytes) = (apart.metric == Metric::Cosine, header.row_bytes as usize);
    let step = (BLOCK_BYTES / header.node_bytes() as usize).max(1);
    let all: Vec<u32> = (0..rows as u32).collect();
    let mut block = Vec::new();
    for some in all.chunks(step) {
        let values = widened(apart, apart.read(some)?, unit)?;
        block.clear();
        for (&node, row) in some.iter().zip(values.chunks_exact(dim_bytes)) {
            put_list(&mut block, layers.base_links(node), *degree);
            block.extend_from_slice(row);
            block.extend(apart.ids[node as usize].to_le_bytes());
        }
        out.write(&block)?;
    }
    Ok(())
}

/// What is above level 0.
fn levels(out: &mut AtomicFile, layers: &Layers) -> Result<()> {
    let upper = &layers.upper;
    let list_bytes = Header::list_bytes(upper.m.into()) as u32;
    let mut block = Vec::new();
    for node in 0..layers.count() {
        let top = upper.top(node);
        block.extend((top * list_bytes).to_le_bytes());
        (1..=top).for_each(|level| put_list(&mut block, upper.links(node, level), upper.m));
        if block.len() >= BLOCK_BYTES {
            out.write(&block)?;
            block.clear();
        }
    }
    out.write(&block)
}

/// A list, and zeros in the places behind it.
fn put_list(block: &mut Vec<u8>, links: &[u32], places: u32) {
    block.extend((links.len() as u32).to_le_bytes());
    block.extend(bytemuck::cast_slice::<u32, u8>(links));
    block.resize(block.len() + 4 * (places as usize - links.len()), 0);
}
