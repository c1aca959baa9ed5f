//! Rows on their way to lists of codes: encoded block by block, as the device stores them.

use super::codes::{DeviceCodes, RowCodes};
use super::host::{self, KeptRows, Slack};
use crate::buffer::Matrix;
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::RowSource;
use crate::index::other_type::wrong_type;
use crate::invlists::InvertedLists;
use crate::metric::Metric;
use crate::parallel::each;
use crate::quantize::{Quantizer, ScalarQuantizer, SqType};
use crate::space::{self, Tree, check};
use half::f16;

/// Bytes of rows that are encoded at a time: some of them lie on the device meanwhile.
const BLOCK_BYTES: usize = 128 << 20;
/// Elements that one thread checks at a time.
const PIECE: usize = 96 << 10;

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

/// Which list each row of a source is in.
pub(super) enum In<'a> {
    /// That which the row is nearest to, and not its code.
    Nearest(&'a InvertedLists),
    /// That which it was in.
    Known(&'a [u32]),
}

/// The rows of a source as codes.
pub(super) struct Encoded<'a> {
    source: &'a mut dyn RowSource,
    gpu: &'a Gpu,
    metric: &'a Metric,
    codes: &'a RowCodes,
    lists: In<'a>,
    /// Of the lists, where codes are of what these leave.
    centroids: &'a [f32],
    /// Where the device encodes.
    on_device: Option<DeviceCodes>,
    /// Of the rows that were read.
    pub labels: Vec<u32>,
    /// The rows that were read, behind others, where they are kept.
    pub kept: Option<KeptRows>,
    slack: Option<Slack>,
    block: Block,
}

impl<'a> Encoded<'a> {
    pub fn new(
        source: &'a mut dyn RowSource,
        (gpu, metric): (&'a Gpu, &'a Metric),
        codes: &'a RowCodes,
        lists: In<'a>,
        centroids: &'a [f32],
    ) -> Result<Encoded<'a>> {
        check_shape(source, codes.quantizer.dim())?;
        let on_device = codes.on_device((gpu, metric), centroids)?;
        let (labels, block) = (Vec::new(), Block::default());
        let (kept, slack) = (None, None);
        Ok(Encoded {
            source,
            gpu,
            metric,
            codes,
            lists,
            centroids,
            on_device,
            labels,
            kept,
            slack,
            block,
        })
    }

    /// The same, with the rows themselves kept behind these.
    pub fn keeping(self, rows: Option<KeptRows>) -> Result<Encoded<'a>> {
        let of = &self.codes.quantizer;
        let slack = rows.as_ref().map(|_| slack(self.metric, of)).transpose()?;
        Ok(Encoded { kept: rows, slack, ..self })
    }
}

/// How far rows may be from what their codes stand for.
pub(super) fn slack(metric: &Metric, quantizer: &Quantizer) -> Result<Slack> {
    let dim = quantizer.dim();
    let tree = Tree::of(&space::pair(metric, DType::F32, DType::F32, dim));
    let tree = tree.ok_or_else(|| Error::internal("codes of no product"))?;
    let least = match quantizer.scalar().map(ScalarQuantizer::kind) {
        Some(SqType::Fp16) => f16::MIN_POSITIVE.to_f32(),
        _ => f32::MIN_POSITIVE,
    };
    Ok(Slack::new(tree, dim, least))
}

/// Keeps rows, which are stored as these bytes.
fn keep(
    kept: &mut KeptRows,
    slack: &Slack,
    (codes, centroids): (&RowCodes, &[f32]),
    rows: &[f32],
    stored: &[u8],
) -> Result<()> {
    let dim = codes.quantizer.dim();
    let count = rows.len() / dim;
    let bytes = stored.len() / count.max(1);
    let step = (PIECE / dim).max(1);
    let parts = each((0..count).step_by(step).collect(), |start: usize| {
        let end = (start + step).min(count);
        let decoded = codes.decoded(stored[start * bytes..end * bytes].to_vec(), centroids)?;
        let pairs = rows[start * dim..end * dim].chunks_exact(dim).zip(decoded.chunks_exact(dim));
        Ok(pairs.map(|(row, decoded)| slack.of(row, decoded)).collect::<Vec<_>>())
    })?;
    let (slack, lossless): (Vec<f32>, Vec<bool>) = parts.into_iter().flatten().unzip();
    let lossless = lossless.into_iter().all(|lossless| lossless);
    kept.push(host::Block { elements: rows, slack: &slack, lossless })
}

/// Refuses rows that the metric does, on several threads.
fn check(metric: &Metric, rows: Rows<'_>, dim: usize, first: u64) -> Result<()> {
    let (count, step) = (rows.count(dim)?, (PIECE / dim).max(1));
    let starts: Vec<usize> = (0..count).step_by(step).collect();
    each(starts, |start| {
        let piece = rows.slice(dim, start..(start + step).min(count));
        check::rows(metric, piece, dim, first + start as u64).map(drop)
    })?;
    Ok(())
}

impl RowSource for Encoded<'_> {
    fn dtype(&self) -> DType {
        self.codes.stored().0
    }

    fn dim(&self) -> usize {
        self.codes.stored().1
    }

    fn remaining(&self) -> Option<u64> {
        self.source.remaining()
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let (first, dim) = (self.labels.len(), self.codes.quantizer.dim());
        let most = (BLOCK_BYTES / 4 / dim).max(1).min(max_rows);
        let Some(rows) = self.source.next_rows(most)? else { return Ok(None) };
        check(self.metric, rows, dim, first as u64)?;
        let matrix = match self.on_device {
            Some(_) => Some(Matrix::from_rows(self.gpu, dim, rows)?),
            None => None,
        };
        match self.lists {
            In::Nearest(lists) => self.labels.extend(match &matrix {
                Some(matrix) => lists.nearest_of_matrix(matrix)?,
                None => lists.nearest_of(rows)?,
            }),
            In::Known(labels) => {
                let known = labels.get(first..first + rows.count(dim)?);
                let missing = || Error::internal(format!("{} labels", labels.len()));
                self.labels.extend_from_slice(known.ok_or_else(missing)?);
            }
        }
        let labels = &self.labels[first..];
        let bytes = match (&self.on_device, &matrix) {
            (Some(by), Some(matrix)) => self.codes.encode_matrix(by, matrix, labels)?,
            _ => {
                let (of, lists) = ((self.gpu, self.metric), (labels, self.centroids));
                self.codes.encode(of, rows, first as u64, lists)?
            }
        };
        if let (Some(kept), Some(slack), Rows::F32(rows)) = (&mut self.kept, &self.slack, rows) {
            keep(kept, slack, (self.codes, self.centroids), rows, &bytes)?;
        }
        self.block.rows(self.codes.stored().0, &bytes).map(Some)
    }
}

/// Packed codes of a source of bytes, as the device stores them.
pub(super) struct Unpacked<'a> {
    source: &'a mut dyn RowSource,
    codes: &'a RowCodes,
    /// The list of each row.
    labels: &'a [u32],
    /// Rows that were read.
    done: usize,
    block: Block,
}

impl<'a> Unpacked<'a> {
    pub fn new(
        source: &'a mut dyn RowSource,
        codes: &'a RowCodes,
        labels: &'a [u32],
    ) -> Unpacked<'a> {
        Unpacked { source, codes, labels, done: 0, block: Block::default() }
    }
}

impl RowSource for Unpacked<'_> {
    fn dtype(&self) -> DType {
        self.codes.stored().0
    }

    fn dim(&self) -> usize {
        self.codes.stored().1
    }

    fn remaining(&self) -> Option<u64> {
        self.source.remaining()
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let Some(codes) = self.source.next_rows(max_rows)? else { return Ok(None) };
        let packed = codes.bytes();
        let rows = packed.len() / self.codes.quantizer.code_bytes();
        let labels = self.labels.get(self.done..self.done + rows);
        let missing = || Error::internal(format!("{} labels", self.labels.len()));
        let bytes = self.codes.unpacked(packed, labels.ok_or_else(missing)?)?;
        self.done += rows;
        self.block.rows(self.codes.stored().0, &bytes).map(Some)
    }
}
