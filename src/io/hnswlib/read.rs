//! From a file to an index, and what can be said of it without a device.

use super::header::{HEADER_BYTES, Header, NONE, REMOVED};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::{LittleEndian as _, RowSource};
use crate::graph::{Broken, Layers, MOST_LEVEL, Upper};
use crate::index::{Hnsw, HnswInfo, Index as _, IndexInfo, RowNames, hnsw_of_rows};
use crate::io::reader::Reader;
use crate::metric::Metric;
use crate::space::check;
use std::path::Path;

/// Host memory for a block of rows.
const BLOCK_BYTES: u64 = 4 << 20;

/// All of a file but its rows.
struct Found {
    header: Header,
    layers: Layers,
    labels: Vec<u64>,
    /// Labels of rows that were removed.
    removed: Vec<u64>,
}

/// Whether a file begins as hnswlib's do, which have no letters: a zero, and lengths that fit each other and the file.
pub(super) fn begins(path: &Path) -> Result<bool> {
    let mut file = Reader::open(path)?;
    match Header::read(&mut file) {
        Ok(header) => Ok(header.row_bytes > 0),
        Err(Error::Format { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

/// Checks all of a file but the values of its rows.
fn find(file: &mut Reader, dim: usize) -> Result<Found> {
    let header = Header::read(file)?;
    header.check_dim(file, dim)?;
    let (n, m0) = (header.rows, header.m0 as usize);
    let mut base = vec![NONE; n as usize * m0];
    let (mut labels, mut removed) = (Vec::with_capacity(n as usize), Vec::new());
    for (node, list) in (0..n).zip(base.chunks_exact_mut(m0)) {
        let at = file.at();
        let flags = links(file, list)?;
        file.skip(header.row_bytes)?;
        let label = file.u64()?;
        if label > i64::MAX as u64 {
            let reason = format!("the label {label} of node {node}; ids are below 2^63 here");
            return Err(file.fault(at + header.node_bytes() - 8, reason));
        }
        if flags & REMOVED != 0 {
            removed.push(label);
        }
        labels.push(label);
    }
    let (m, ef_construction) = (header.m as u32, header.ef_construction);
    let mut upper = Upper::new(m, ef_construction, None);
    let (mut above, list_bytes) = (Vec::new(), Header::list_bytes(header.m));
    let mut lists = Vec::new();
    for node in 0..n as u32 {
        let at = file.at();
        let bytes = u64::from(file.u32()?);
        let levels = bytes / list_bytes;
        if bytes % list_bytes != 0 || levels > MOST_LEVEL.into() {
            let reason = format!("{bytes} bytes of links of node {node}, {list_bytes} a level");
            return Err(file.fault(at, reason));
        }
        file.fits(at, bytes, 1)?;
        if levels == 0 {
            continue;
        }
        above.push((node, file.at()));
        lists.clear();
        lists.resize(levels as usize * m as usize, NONE);
        for list in lists.chunks_exact_mut(m as usize) {
            links(file, list)?;
        }
        upper.push(node, &lists);
    }
    file.finish()?;
    let is_none = header.entry == NONE;
    upper.entry = (n > 0 && !is_none).then_some(header.entry);
    // of a file without levels, as cuVS writes them, no node is where the header says that a descent begins
    let base_only = upper.nodes().is_empty();
    let layers = Layers { degree: m0 as u32, base, upper };
    if let Some(broken) = layers.broken() {
        let place = place_of(&header, &above, &broken).unwrap_or(52);
        return Err(file.fault(place, broken.to_string()));
    }
    let (says, highest) = (header.max_level, layers.upper.max_level() as i32);
    let fits = match n {
        0 => is_none && says == -1,
        _ => says == highest || (base_only && says == 1),
    };
    if !fits {
        let reason = format!("the highest level is {says}, and that of the entry point {highest}");
        return Err(file.fault(48, reason));
    }
    Ok(Found { header, layers, labels, removed })
}

/// The links of a node on a level, and its flags; what stands behind the last link is of old.
fn links(file: &mut Reader, list: &mut [u32]) -> Result<u8> {
    let at = file.at();
    let [low, high, flags, _] = file.array::<4>()?;
    let count = usize::from(u16::from_le_bytes([low, high]));
    if count > list.len() {
        return Err(file.fault(at, format!("{count} links in {} places", list.len())));
    }
    file.fill(bytemuck::cast_slice_mut(list))?;
    list[count..].fill(NONE);
    // a link that is none would end the list
    match list[..count].iter().position(|&link| link == NONE) {
        None => Ok(flags),
        Some(place) => Err(file.fault(at + 4 + 4 * place as u64, format!("a link to node {NONE}"))),
    }
}

/// Where what is broken stands.
fn place_of(header: &Header, above: &[(u32, u64)], broken: &Broken) -> Option<u64> {
    let within = 4 + 4 * u64::from(broken.place?);
    if broken.level == 0 {
        return Some(header.place(broken.node.into()) + within);
    }
    let at = above.binary_search_by_key(&broken.node, |(node, _)| *node).ok()?;
    let before = u64::from(broken.level - 1) * Header::list_bytes(header.m);
    Some(above[at].1 + before + within)
}

/// The ids of the rows; each may be there once.
fn names_of(file: &Reader, header: &Header, labels: Vec<u64>) -> Result<RowNames> {
    let next_id = labels.iter().max().map_or(0, |label| label + 1);
    let mut sorted: Vec<(u64, u64)> = labels.iter().copied().zip(0..).collect();
    sorted.sort_unstable();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let (label, node) = pair[1];
        let at = header.place(node) + header.node_bytes() - 8;
        let reason = format!("the label {label} of node {node} is there twice");
        return Err(file.fault(at, reason));
    }
    drop(sorted);
    let named = RowNames::listed(labels, next_id);
    named.map_err(|id| file.fault(16, format!("the label {id} is no id here")))
}

/// An index of the rows and links that a file has.
pub(super) fn read(gpu: &Gpu, path: &Path, dim: usize, metric: &Metric) -> Result<Hnsw> {
    check_metric(metric)?;
    let mut file = Reader::open(path)?;
    let Found { header, layers, labels, removed } = find(&mut file, dim)?;
    let names = names_of(&file, &header, labels)?;
    let mut rows = FileRows::new(&mut file, &header, dim);
    let made = hnsw_of_rows(gpu, metric, (&layers, None), &mut rows, names);
    let index = made.map_err(|error| refused(&file, &header, error))?;
    index.remove(&removed)?;
    Ok(index)
}

/// The metrics of hnswlib, whose files do not say which it is.
pub(super) fn check_metric(metric: &Metric) -> Result<()> {
    if matches!(metric, Metric::L2 | Metric::InnerProduct | Metric::Cosine) {
        return Ok(());
    }
    let item = format!("{metric}; hnswlib has l2, ip and cosine");
    Err(Error::unsupported("a file of hnswlib", item))
}

/// The error of a row, at its place in the file.
fn refused(file: &Reader, header: &Header, error: Error) -> Error {
    match error {
        Error::NonFinite { row, .. } | Error::InvalidValue { row, .. } => {
            file.refused(header.row_place(row), error)
        }
        other => file.refused(0, other),
    }
}

/// What a file says of itself, of rows of so many elements under a metric.
pub(super) fn info(path: &Path, dim: usize, metric: &Metric) -> Result<IndexInfo> {
    check_metric(metric)?;
    let mut file = Reader::open(path)?;
    let found = find(&mut file, dim)?;
    told(&file, found, dim, metric)
}

fn told(file: &Reader, found: Found, dim: usize, metric: &Metric) -> Result<IndexInfo> {
    let Found { header, layers, labels, removed } = found;
    let next_id = labels.iter().max().map_or(0, |label| label + 1);
    names_of(file, &header, labels)?;
    let rows = header.rows - removed.len() as u64;
    let hnsw = HnswInfo::of(&layers, None);
    Ok(IndexInfo::of_hnsw((DType::F32, dim), metric, (rows, next_id), hnsw, file.length()))
}

/// Reads all of a file and checks what can be without a device; `progress` is told bytes read and bytes in all.
pub(super) fn verify(
    path: &Path,
    dim: usize,
    metric: &Metric,
    progress: &mut dyn FnMut(u64, u64) -> Result<()>,
) -> Result<IndexInfo> {
    check_metric(metric)?;
    let mut file = Reader::open(path)?;
    let found = find(&mut file, dim)?;
    let bytes = file.length();
    let mut rows = FileRows::new(&mut file, &found.header, dim);
    let mut done = 0;
    let checked = loop {
        match rows.next_rows(usize::MAX) {
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
            Ok(Some(block)) => {
                let count = block.count(dim)? as u64;
                if let Err(error) = check::rows(metric, block, dim, done) {
                    break Err(error);
                }
                done += count;
                progress(HEADER_BYTES + done * found.header.node_bytes(), bytes)?;
            }
        }
    };
    checked.map_err(|error| refused(&file, &found.header, error))?;
    told(&file, found, dim, metric)
}

/// The rows of a file as a stream.
struct FileRows<'a> {
    file: &'a mut Reader,
    header: &'a Header,
    dim: usize,
    next: u64,
    block: Vec<f32>,
}

impl<'a> FileRows<'a> {
    fn new(file: &'a mut Reader, header: &'a Header, dim: usize) -> FileRows<'a> {
        FileRows { file, header, dim, next: 0, block: Vec::new() }
    }
}

impl RowSource for FileRows<'_> {
    fn dtype(&self) -> DType {
        DType::F32
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn remaining(&self) -> Option<u64> {
        Some(self.header.rows - self.next)
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let most = (BLOCK_BYTES / self.header.row_bytes).clamp(1, (max_rows as u64).max(1));
        let rows = most.min(self.header.rows - self.next);
        if rows == 0 {
            return Ok(None);
        }
        self.block.resize(rows as usize * self.dim, 0.0);
        for (row, values) in (self.next..).zip(self.block.chunks_exact_mut(self.dim)) {
            self.file.go_to(self.header.row_place(row))?;
            self.file.fill(bytemuck::cast_slice_mut(values))?;
        }
        self.next += rows;
        Ok(Some(Rows::F32(&self.block)))
    }
}
