//! From an index to a file.

use super::codes;
use super::found::MOST_CANDIDATES;
use super::graph;
use super::header::{BinaryHeader, Header, number};
use super::quantizer;
use super::rabitq;
use super::signs;
use super::stored::{code_of, shift_signed};
use super::transforms;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::format::AtomicFile;
use crate::index::{Apart, Index, ListsApart};
use crate::io::widened::{to_unit, widened};
use crate::metric::Metric;
use crate::quantize::{Quantizer, ScalarQuantizer, SignQuantizer, VectorTransform};
use std::path::Path;

/// Host memory for a block of rows.
const BLOCK_BYTES: usize = 4 << 20;

/// Writes a file that lacks its name.
pub(super) fn write(index: &dyn Index, path: &Path) -> Result<AtomicFile> {
    let apart = Apart::of(index).ok_or_else(|| refused(index.description()))??;
    let kind = Kind::of(&apart)?;
    let before = transforms_before(&apart, &kind)?;
    let both = apart.refine.as_ref().map(|refine| Kind::of(&refine.0)).transpose()?;
    let Some(second) = both else {
        let mut out = AtomicFile::create(path)?;
        write_stage(&mut out, &before, &apart, &kind)?;
        return Ok(out);
    };
    write_refined(path, &before, apart, [&kind, &second])
}

/// An index that has but one stage.
fn write_stage(out: &mut AtomicFile, before: &[u8], apart: &Apart, kind: &Kind) -> Result<()> {
    out.write(before)?;
    match &apart.lists {
        Some(lists) => write_lists(out, apart, lists, kind),
        None => write_flat(out, apart, kind),
    }
}

/// Both stages, whose ids are the numbers of the rows of the second, behind the ids by which they are known if these are others.
fn write_refined(
    path: &Path,
    before: &[u8],
    mut apart: Apart,
    [first, second]: [&Kind; 2],
) -> Result<AtomicFile> {
    let Some(refine) = apart.refine.take() else { return Err(refused("one stage")) };
    let (mut rows, k_factor) = *refine;
    if apart.signs.is_some() && rows.metric != Metric::L2 {
        let item = format!("candidates by signs compared under {}, where it has l2", rows.metric);
        return Err(refused(item));
    }
    if k_factor > MOST_CANDIDATES {
        return Err(refused(format!(
            "{k_factor} candidates for each neighbour, {MOST_CANDIDATES} are the most that it reads"
        )));
    }
    let count = rows.ids.len() as u64;
    let ids = std::mem::replace(&mut rows.ids, (0..count).collect());
    let is_numbered = ids == rows.ids;
    let mut places: Vec<(u64, u64)> = ids.iter().copied().zip(0..).collect();
    places.sort_unstable();
    for id in &mut apart.ids {
        let missing = || Error::internal(format!("the id {id} in one stage alone"));
        let place = places.binary_search_by_key(id, |place| place.0).map_err(|_| missing())?;
        *id = places[place].1;
    }
    let trained = is_trained(&apart) && is_trained(&rows);
    let header = |bytes: &mut Vec<u8>| second.header(rows.dim, count, trained).write(bytes);
    let mut bytes = Vec::new();
    if !is_numbered {
        bytes.extend(b"IxM2");
        header(&mut bytes)?;
    }
    bytes.extend(b"IxRF");
    header(&mut bytes)?;
    let mut out = AtomicFile::create(path)?;
    out.write(&bytes)?;
    write_stage(&mut out, before, &apart, first)?;
    write_flat(&mut out, &rows, second)?;
    out.write(&k_factor.to_le_bytes())?;
    if !is_numbered {
        out.write(&count.to_le_bytes())?;
        out.write(bytemuck::cast_slice(&ids))?;
    }
    Ok(out)
}

/// Whether an index can be added to.
fn is_trained(apart: &Apart) -> bool {
    apart.lists.as_ref().is_none_or(ListsApart::is_trained)
        && apart.signs.as_ref().is_none_or(SignQuantizer::is_trained)
        && apart.codes.as_ref().is_none_or(Quantizer::is_trained)
        && apart.transforms.iter().all(VectorTransform::is_trained)
}

fn refused(item: impl Into<String>) -> Error {
    Error::unsupported("a file of FAISS", item)
}

/// What becomes of the rows, whatever index they are in.
struct Kind {
    /// FAISS's.
    metric: Metric,
    /// Rows and centroids get the length 1.
    unit: bool,
    /// The code of the rows between which links are, where these are no flat index.
    stored: Option<ScalarQuantizer>,
}

impl Kind {
    fn of(apart: &Apart) -> Result<Kind> {
        let cosine = apart.metric == Metric::Cosine;
        if apart.signs.is_some() {
            // FAISS's files of signs say so
            return Ok(Kind { metric: Metric::L2, unit: false, stored: None });
        }
        if apart.dtype == DType::Bits {
            if apart.metric != Metric::Hamming {
                return Err(refused(format!("{}; of bits it has hamming", apart.metric)));
            }
            if !apart.dim.is_multiple_of(8) {
                return Err(refused(format!("{} bits, which are no whole bytes", apart.dim)));
            }
        } else if cosine && apart.has_codes() {
            let item = "codes under cosine, which it has as ip of rows of length 1, and these codes are not";
            return Err(refused(item));
        } else if !cosine {
            number(&apart.metric)?;
        }
        let metric = if cosine { Metric::InnerProduct } else { apart.metric.clone() };
        // what gets the length 1 is f32
        let code = code_of(apart.dtype).filter(|_| apart.graph.is_some() && !cosine);
        let stored = code.map(|code| ScalarQuantizer::new(apart.dim, code)).transpose()?;
        Ok(Kind { metric, unit: cosine, stored })
    }

    fn header(&self, dim: usize, rows: u64, is_trained: bool) -> Header {
        Header { dim, rows, is_trained, metric: self.metric.clone() }
    }

    /// The letters of a flat index.
    fn flat(&self) -> &'static [u8; 4] {
        match self.metric {
            Metric::L2 => b"IxF2",
            Metric::InnerProduct => b"IxFI",
            _ => b"IxFl",
        }
    }

    /// Rows or codes as FAISS has them.
    fn rows(&self, apart: &Apart, bytes: Vec<u8>) -> Result<Vec<u8>> {
        if apart.has_codes()
            || apart.dtype == DType::Bits
            || (apart.dtype == DType::F32 && !self.unit)
        {
            return Ok(bytes);
        }
        if self.stored.is_some() {
            let mut codes = bytes;
            if apart.dtype == DType::I8 {
                shift_signed(&mut codes);
            }
            return Ok(codes);
        }
        widened(apart, bytes, self.unit)
    }
}

/// What stands before an index that is behind transforms, which may be nothing.
fn transforms_before(apart: &Apart, kind: &Kind) -> Result<Vec<u8>> {
    let (mut bytes, mut chain) = (Vec::new(), apart.transforms.clone());
    let Some(first) = chain.first() else { return Ok(bytes) };
    let dim = first.dim_in();
    if kind.unit {
        // the length is that of what the others make
        chain.push(VectorTransform::normalization(apart.dim)?);
    }
    let trained = is_trained(apart);
    bytes.extend(b"IxPT");
    kind.header(dim, apart.ids.len() as u64, trained).write(&mut bytes)?;
    bytes.extend((chain.len() as u32).to_le_bytes());
    chain.iter().try_for_each(|transform| transforms::write(transform, &mut bytes))?;
    Ok(bytes)
}

/// Rows in their order, behind the ids by which they are known if these are not their numbers.
fn write_flat(out: &mut AtomicFile, apart: &Apart, kind: &Kind) -> Result<()> {
    let rows = apart.ids.len() as u64;
    let numbers = apart.ids.iter().copied().eq(0..rows);
    let bits = apart.dtype == DType::Bits && apart.signs.is_none();
    let mut bytes = Vec::new();
    let trained = apart.codes.as_ref().is_none_or(Quantizer::is_trained);
    let header = kind.header(apart.dim, rows, trained);
    let head = |bytes: &mut Vec<u8>| match bits {
        true => {
            BinaryHeader { dim: apart.dim, rows, is_trained: true }.write(bytes);
            Ok(())
        }
        false => header.write(bytes),
    };
    if !numbers {
        bytes.extend(if bits { b"IBM2" } else { b"IxM2" });
        head(&mut bytes)?;
    }
    if let Some(links) = &apart.graph {
        graph::write(links, &header, kind.stored.is_some(), &mut bytes)?;
    }
    if let Some(signs) = &apart.signs {
        bytes.extend(b"IxHe");
        kind.header(apart.dim, rows, signs.is_trained()).write(&mut bytes)?;
        signs::write(signs, &mut bytes)?;
    }
    // of bits and codes counted in bytes, of numbers in numbers
    let elements = match (&apart.codes, &kind.stored) {
        (_, Some(of)) => {
            codes::write(&Quantizer::Scalar(of.clone()), &header, &mut bytes)?;
            apart.row_bytes
        }
        (Some(of), _) => {
            codes::write(of, &header, &mut bytes)?;
            apart.row_bytes
        }
        _ if apart.signs.is_some() => apart.row_bytes,
        _ => {
            bytes.extend(if bits { b"IBxF" } else { kind.flat() });
            head(&mut bytes)?;
            if bits { apart.row_bytes } else { apart.dim }
        }
    };
    bytes.extend((rows * elements as u64).to_le_bytes());
    out.write(&bytes)?;
    let order: Vec<u32> = (0..apart.ids.len() as u32).collect();
    Gathered::new(apart, kind, &order).write(out, order.len())?;
    if let Some(of) = &apart.codes {
        out.write(&codes::behind(of))?;
    }
    if numbers {
        return Ok(());
    }
    out.write(&rows.to_le_bytes())?;
    out.write(bytemuck::cast_slice(&apart.ids))
}

/// Lists, each with the rows and the ids that are in it, in their order.
fn write_lists(out: &mut AtomicFile, apart: &Apart, lists: &ListsApart, kind: &Kind) -> Result<()> {
    let (dim, rows, nlist) = (apart.dim, apart.ids.len() as u64, lists.nlist as u64);
    let mut centroids = lists.centroids.clone().unwrap_or_default();
    if kind.unit {
        centroids.chunks_exact_mut(dim).for_each(to_unit);
    }
    let (mut bytes, bits) = (Vec::new(), apart.dtype == DType::Bits);
    bytes.extend(match &lists.codes {
        None if bits => b"IBwF",
        None => b"IwFl",
        Some((Quantizer::Scalar(_), _)) => b"IwSq",
        Some((Quantizer::Product(_), _)) => b"IwPQ",
        Some((Quantizer::RaBitQ(of), _)) => rabitq::letters(of, true),
    });
    let header = |bytes: &mut Vec<u8>, rows, is_trained| match bits {
        true => {
            BinaryHeader { dim, rows, is_trained }.write(bytes);
            Ok(())
        }
        false => kind.header(dim, rows, is_trained).write(bytes),
    };
    header(&mut bytes, rows, lists.is_trained())?;
    bytes.extend(nlist.to_le_bytes());
    bytes.extend((lists.nprobe as u64).to_le_bytes());
    bytes.extend(if bits { b"IBxF" } else { kind.flat() });
    let of_centroids = if lists.is_trained() { nlist } else { 0 };
    header(&mut bytes, of_centroids, true)?;
    match &lists.bit_centroids {
        Some(bits) => {
            bytes.extend((bits.len() as u64).to_le_bytes());
            bytes.extend(bits);
        }
        None => {
            bytes.extend((centroids.len() as u64).to_le_bytes());
            bytes.extend(bytemuck::cast_slice::<f32, u8>(&centroids));
        }
    }
    // no direct map
    bytes.extend([0; 9]);
    let code_size = match &lists.codes {
        None if bits => apart.row_bytes as u64,
        None => 4 * dim as u64,
        Some((Quantizer::Scalar(of), residual)) => {
            quantizer::write(of, &mut bytes)?;
            bytes.extend((of.code_bytes() as u64).to_le_bytes());
            bytes.push(u8::from(*residual));
            of.code_bytes() as u64
        }
        Some((Quantizer::Product(of), residual)) => {
            bytes.push(u8::from(*residual));
            bytes.extend((of.code_bytes() as u64).to_le_bytes());
            quantizer::write_product(of, &mut bytes);
            of.code_bytes() as u64
        }
        Some((Quantizer::RaBitQ(of), residual)) => {
            rabitq::write(of, &kind.header(dim, rows, lists.is_trained()), &mut bytes)?;
            bytes.extend((of.code_bytes() as u64).to_le_bytes());
            bytes.extend([u8::from(*residual), of.query_bits() as u8]);
            of.code_bytes() as u64
        }
    };
    bytes.extend(b"ilar");
    bytes.extend([nlist, code_size].map(u64::to_le_bytes).concat());
    let (order, sizes) = in_lists(lists);
    put_sizes(&mut bytes, &sizes, nlist);
    out.write(&bytes)?;
    let (mut gathered, mut start) = (Gathered::new(apart, kind, &order), 0);
    for &(_, size) in &sizes {
        let end = start + size as usize;
        gathered.write(out, end)?;
        let ids: Vec<u64> = order[start..end].iter().map(|&row| apart.ids[row as usize]).collect();
        out.write(bytemuck::cast_slice(&ids))?;
        start = end;
    }
    Ok(())
}

/// The rows by list, those of each in their order; and the lists that have some with their sizes.
fn in_lists(lists: &ListsApart) -> (Vec<u32>, Vec<(u32, u64)>) {
    let mut order: Vec<u32> = (0..lists.labels.len() as u32).collect();
    // stable
    order.sort_by_key(|&row| lists.labels[row as usize]);
    let mut sizes: Vec<(u32, u64)> = Vec::new();
    for &row in &order {
        let label = lists.labels[row as usize];
        match sizes.last_mut() {
            Some((last, size)) if *last == label => *size += 1,
            _ => sizes.push((label, 1)),
        }
    }
    (order, sizes)
}

/// All sizes, or where half of the lists or more have no row, those of the others, as FAISS does it.
fn put_sizes(bytes: &mut Vec<u8>, sizes: &[(u32, u64)], nlist: u64) {
    if sizes.len() as u64 > nlist / 2 {
        bytes.extend(b"full");
        bytes.extend(nlist.to_le_bytes());
        let mut all = vec![0u64; nlist as usize];
        sizes.iter().for_each(|&(list, size)| all[list as usize] = size);
        bytes.extend(bytemuck::cast_slice::<u64, u8>(&all));
    } else {
        bytes.extend(b"sprs");
        bytes.extend((2 * sizes.len() as u64).to_le_bytes());
        for &(list, size) in sizes {
            bytes.extend([u64::from(list), size].map(u64::to_le_bytes).concat());
        }
    }
}

/// Rows in an order, which come from the device in blocks, however short the lists are.
struct Gathered<'a> {
    apart: &'a Apart,
    kind: &'a Kind,
    order: &'a [u32],
    /// Places in the order: of the first row of the block, of the next that is written, and behind the block.
    start: usize,
    next: usize,
    end: usize,
    block: Vec<u8>,
}

impl<'a> Gathered<'a> {
    fn new(apart: &'a Apart, kind: &'a Kind, order: &'a [u32]) -> Gathered<'a> {
        Gathered { apart, kind, order, start: 0, next: 0, end: 0, block: Vec::new() }
    }

    /// Writes the rows that come next, up to a place in the order.
    fn write(&mut self, out: &mut AtomicFile, to: usize) -> Result<()> {
        while self.next < to {
            if self.next == self.end {
                let most = (BLOCK_BYTES / self.apart.row_bytes).max(1);
                (self.start, self.end) = (self.end, (self.end + most).min(self.order.len()));
                let read = self.apart.read(&self.order[self.start..self.end])?;
                self.block = self.kind.rows(self.apart, read)?;
            }
            let row_bytes = self.block.len() / (self.end - self.start);
            let upto = to.min(self.end);
            let bytes = (self.next - self.start) * row_bytes..(upto - self.start) * row_bytes;
            out.write(&self.block[bytes])?;
            self.next = upto;
        }
        Ok(())
    }
}
