//! Rows on their way to an index of codes: encoded block by block, as the device stores them.

use super::row_codes::RowCodes;
use crate::buffer::Matrix;
use crate::device::Gpu;
use crate::dtype::{AlignedBlock, DType, Rows};
use crate::error::{Error, Result};
use crate::format::RowSource;
use crate::index::other_type::check_f32;
use crate::invlists::InvertedLists;
use crate::metric::Metric;
use crate::parallel::each;
use crate::space::check;

/// Bytes of rows that are encoded at a time: some of them lie on the device meanwhile.
const BLOCK_BYTES: usize = 128 << 20;
/// Elements that one thread checks at a time.
const PIECE: usize = 96 << 10;

/// Which list each row of a source is in.
pub(in crate::index) enum In<'a> {
    /// None: there are no lists.
    None,
    /// That which the row is nearest to, and not its code.
    Nearest(&'a InvertedLists),
    /// That which it was in.
    Known(&'a [u32]),
}

/// Is shown rows and how the device stores them, block by block.
type Watch<'a> = dyn FnMut(&[f32], &[u8]) -> Result<()> + 'a;

/// The rows of a source as codes.
pub(in crate::index) struct Encoded<'a> {
    source: &'a mut dyn RowSource,
    gpu: &'a Gpu,
    metric: &'a Metric,
    codes: &'a RowCodes,
    lists: In<'a>,
    /// Of the rows that were read, where there are lists.
    pub labels: Vec<u32>,
    /// Rows that were read.
    done: u64,
    watch: Option<Box<Watch<'a>>>,
    block: AlignedBlock,
}

impl<'a> Encoded<'a> {
    pub fn new(
        source: &'a mut dyn RowSource,
        (gpu, metric): (&'a Gpu, &'a Metric),
        codes: &'a RowCodes,
        lists: In<'a>,
    ) -> Result<Encoded<'a>> {
        check_f32(source, codes.quantizer.dim())?;
        let (labels, block) = (Vec::new(), AlignedBlock::default());
        Ok(Encoded { source, gpu, metric, codes, lists, labels, done: 0, watch: None, block })
    }

    /// The same, with each block shown to `watch`.
    pub fn watched(self, watch: impl FnMut(&[f32], &[u8]) -> Result<()> + 'a) -> Encoded<'a> {
        Encoded { watch: Some(Box::new(watch)), ..self }
    }
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
        let (first, dim) = (self.done, self.codes.quantizer.dim());
        let most = (BLOCK_BYTES / 4 / dim).max(1).min(max_rows);
        let Some(rows) = self.source.next_rows(most)? else { return Ok(None) };
        check(self.metric, rows, dim, first)?;
        let matrix = match self.codes.on_device(self.metric) {
            true => Some(Matrix::from_rows(self.gpu, dim, rows)?),
            false => None,
        };
        let (labelled, count) = (self.labels.len(), rows.count(dim)?);
        match self.lists {
            In::None => {}
            In::Nearest(lists) => self.labels.extend(match &matrix {
                Some(matrix) => lists.nearest_of_matrix(matrix)?,
                None => lists.nearest_of(rows)?,
            }),
            In::Known(labels) => {
                let known = labels.get(labelled..labelled + count);
                let missing = || Error::internal(format!("{} labels", labels.len()));
                self.labels.extend_from_slice(known.ok_or_else(missing)?);
            }
        }
        let labels = &self.labels[labelled..];
        let bytes = match &matrix {
            Some(matrix) => self.codes.encode_matrix(matrix, labels)?,
            None => self.codes.encode((self.gpu, self.metric), rows, first, labels)?,
        };
        if let (Some(watch), Rows::F32(rows)) = (&mut self.watch, rows) {
            watch(rows, &bytes)?;
        }
        self.done += count as u64;
        self.block.rows(self.codes.stored().0, &bytes).map(Some)
    }
}
