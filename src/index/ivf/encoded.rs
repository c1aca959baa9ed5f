//! Rows on their way to lists of codes: encoded block by block, as the device stores them.

use super::host::{self, HostRows, Slack};
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::RowSource;
use crate::index::other_type::wrong_type;
use crate::invlists::InvertedLists;
use crate::metric::Metric;
use crate::parallel::each;
use crate::quantize::{ScalarQuantizer, SqType};
use crate::space::{self, Tree, check};
use half::f16;

/// Elements of kept rows that one thread takes at a time.
const PIECE: usize = 64 << 10;

/// The type of the elements on the device: of numbers that have ranges, signed bytes around 0.
pub(super) fn stored_type(kind: SqType) -> DType {
    match kind {
        SqType::Fp16 => DType::F16,
        SqType::Bf16 => DType::Bf16,
        SqType::Direct8 => DType::U8,
        _ => DType::I8,
    }
}

/// What is taken off the bytes of codes on the device, modulo 256.
fn middle(kind: SqType) -> u8 {
    match (kind, kind.ranged_bits()) {
        (_, Some(bits)) => 1 << (bits - 1),
        (SqType::Direct8Signed, None) => 128,
        _ => 0,
    }
}

/// A byte for each element, or a code of another type, as the device stores it.
fn to_device(kind: SqType, mut elements: Vec<u8>) -> Vec<u8> {
    let middle = middle(kind);
    elements.iter_mut().for_each(|byte| *byte = byte.wrapping_sub(middle));
    elements
}

/// The reverse.
pub(super) fn from_device(kind: SqType, mut bytes: Vec<u8>) -> Vec<u8> {
    let middle = middle(kind);
    bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_add(middle));
    bytes
}

/// A block of rows, aligned for every type.
#[derive(Default)]
pub(super) struct Block {
    words: Vec<u32>,
}

impl Block {
    pub fn rows(&mut self, dtype: DType, bytes: &[u8]) -> Result<Rows<'_>> {
        self.words.resize(bytes.len().div_ceil(4), 0);
        let aligned: &mut [u8] = bytemuck::cast_slice_mut(&mut self.words);
        aligned[..bytes.len()].copy_from_slice(bytes);
        Rows::from_bytes(dtype, &aligned[..bytes.len()])
    }
}

/// Refuses rows of another type or dimension.
fn check_shape(source: &dyn RowSource, dim: usize) -> Result<()> {
    if source.dtype() != DType::F32 {
        return Err(wrong_type(source.dtype(), DType::F32));
    }
    if source.dim() != dim {
        return Err(Error::DimensionMismatch { expected: dim, actual: source.dim() });
    }
    Ok(())
}

/// Rows on their way to an index that keeps them as they are: what their type of codes cannot hold is refused as where there are codes alone.
pub(super) struct Encodable<'a> {
    source: &'a mut dyn RowSource,
    quantizer: &'a ScalarQuantizer,
    /// Rows that were read.
    done: u64,
}

impl<'a> Encodable<'a> {
    pub fn new(
        source: &'a mut dyn RowSource,
        quantizer: &'a ScalarQuantizer,
    ) -> Result<Encodable<'a>> {
        check_shape(source, quantizer.dim())?;
        Ok(Encodable { source, quantizer, done: 0 })
    }
}

impl RowSource for Encodable<'_> {
    fn dtype(&self) -> DType {
        DType::F32
    }

    fn dim(&self) -> usize {
        self.quantizer.dim()
    }

    fn remaining(&self) -> Option<u64> {
        self.source.remaining()
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let Some(rows) = self.source.next_rows(max_rows)? else { return Ok(None) };
        // ranges hold every number
        if self.quantizer.kind().ranged_bits().is_none() {
            self.quantizer.elements(rows, self.done)?;
        }
        self.done += rows.count(self.quantizer.dim())? as u64;
        Ok(Some(rows))
    }
}

/// The rows of a source as codes, and the list that each is in, which is that of the row and not of its code.
pub(super) struct Encoded<'a> {
    source: &'a mut dyn RowSource,
    metric: &'a Metric,
    quantizer: &'a ScalarQuantizer,
    /// Unless it is known what the rows are in.
    lists: Option<&'a InvertedLists>,
    /// Of the rows that were read.
    pub labels: Vec<u32>,
    /// The rows that were read, behind others, where they are kept.
    pub kept: Option<HostRows>,
    slack: Option<Slack>,
    /// Rows that were read.
    done: u64,
    block: Block,
}

impl<'a> Encoded<'a> {
    pub fn new(
        source: &'a mut dyn RowSource,
        metric: &'a Metric,
        quantizer: &'a ScalarQuantizer,
        lists: Option<&'a InvertedLists>,
    ) -> Result<Encoded<'a>> {
        check_shape(source, quantizer.dim())?;
        let (labels, block) = (Vec::new(), Block::default());
        let (kept, slack, done) = (None, None, 0);
        Ok(Encoded { source, metric, quantizer, lists, labels, kept, slack, done, block })
    }

    /// The same, with the rows themselves kept behind these.
    pub fn keeping(self, rows: Option<HostRows>) -> Result<Encoded<'a>> {
        let slack = rows.as_ref().map(|_| slack(self.metric, self.quantizer)).transpose()?;
        Ok(Encoded { kept: rows, slack, ..self })
    }
}

/// How far rows may be from what their codes stand for.
pub(super) fn slack(metric: &Metric, quantizer: &ScalarQuantizer) -> Result<Slack> {
    let dim = quantizer.dim();
    let tree = Tree::of(&space::pair(metric, DType::F32, DType::F32, dim));
    let tree = tree.ok_or_else(|| Error::internal("codes of no product"))?;
    let least = match quantizer.kind() {
        SqType::Fp16 => f16::MIN_POSITIVE.to_f32(),
        _ => f32::MIN_POSITIVE,
    };
    Ok(Slack::new(tree, dim, least))
}

/// Keeps rows, which are of these elements.
fn keep(
    kept: &mut HostRows,
    slack: &Slack,
    quantizer: &ScalarQuantizer,
    rows: &[f32],
    elements: &[u8],
) -> Result<()> {
    let dim = quantizer.dim();
    let count = rows.len() / dim;
    let bytes = elements.len() / count.max(1);
    let step = (PIECE / dim).max(1);
    let parts = each((0..count).step_by(step).collect(), |start: usize| {
        let end = (start + step).min(count);
        let decoded = quantizer.decode_elements(&elements[start * bytes..end * bytes])?;
        let pairs = rows[start * dim..end * dim].chunks_exact(dim).zip(decoded.chunks_exact(dim));
        Ok(pairs.map(|(row, decoded)| slack.of(row, decoded)).collect::<Vec<_>>())
    })?;
    let (slack, lossless): (Vec<f32>, Vec<bool>) = parts.into_iter().flatten().unzip();
    let lossless = lossless.into_iter().all(|lossless| lossless);
    kept.push(host::Block { elements: rows, slack: &slack, lossless })
}

impl RowSource for Encoded<'_> {
    fn dtype(&self) -> DType {
        stored_type(self.quantizer.kind())
    }

    fn dim(&self) -> usize {
        self.quantizer.dim()
    }

    fn remaining(&self) -> Option<u64> {
        self.source.remaining()
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let Some(rows) = self.source.next_rows(max_rows)? else { return Ok(None) };
        let first = self.done;
        check::rows(self.metric, rows, self.quantizer.dim(), first)?;
        let elements = self.quantizer.elements(rows, first)?;
        let count = rows.count(self.quantizer.dim())? as u64;
        if let (Some(kept), Some(slack), Rows::F32(rows)) = (&mut self.kept, &self.slack, rows) {
            keep(kept, slack, self.quantizer, rows, &elements)?;
        }
        if let Some(lists) = self.lists {
            self.labels.extend(lists.nearest_of(rows)?);
        }
        self.done += count;
        let kind = self.quantizer.kind();
        self.block.rows(stored_type(kind), &to_device(kind, elements)).map(Some)
    }
}

/// Packed codes of a source of bytes, as the device stores them.
pub(super) struct Unpacked<'a> {
    source: &'a mut dyn RowSource,
    quantizer: &'a ScalarQuantizer,
    block: Block,
}

impl<'a> Unpacked<'a> {
    pub fn new(source: &'a mut dyn RowSource, quantizer: &'a ScalarQuantizer) -> Unpacked<'a> {
        Unpacked { source, quantizer, block: Block::default() }
    }
}

impl RowSource for Unpacked<'_> {
    fn dtype(&self) -> DType {
        stored_type(self.quantizer.kind())
    }

    fn dim(&self) -> usize {
        self.quantizer.dim()
    }

    fn remaining(&self) -> Option<u64> {
        self.source.remaining()
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let Some(codes) = self.source.next_rows(max_rows)? else { return Ok(None) };
        let kind = self.quantizer.kind();
        let elements = self.quantizer.unpacked(codes.bytes())?;
        self.block.rows(stored_type(kind), &to_device(kind, elements)).map(Some)
    }
}
