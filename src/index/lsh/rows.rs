//! What an index of signs stores: bits in device memory, and what makes them of rows.

use crate::call::{CancelToken, Filter, Pending, RowHits, RowIds};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::{Dataset, ToPrepare};
use crate::format::RowSource;
use crate::index::ids::RowSet;
use crate::index::other_type::wrong_type;
use crate::index::params::{Ask, SearchParams, TrainParams};
use crate::index::persist::{self, FileReader, FileWriter};
use crate::index::state::{Stored, copied};
use crate::metric::Metric;
use crate::quantize::SignQuantizer;
use std::ops::Range;

/// Host memory for a block of rows, before or behind a rotation.
const BLOCK_BYTES: usize = 32 << 20;

/// Bits of rows, and what makes them.
#[derive(Clone)]
pub(in crate::index) struct LshRows {
    pub(super) quantizer: SignQuantizer,
    bits: Dataset,
}

impl LshRows {
    /// No rows yet.
    pub fn new(gpu: &Gpu, quantizer: SignQuantizer) -> Result<LshRows> {
        let bits = Dataset::new(gpu, &Metric::Hamming, DType::Bits, quantizer.bits())?;
        Ok(LshRows { quantizer, bits })
    }

    /// What makes the bits.
    pub fn quantizer(&self) -> &SignQuantizer {
        &self.quantizer
    }

    /// Bytes of the bits of a row.
    pub fn code_bytes(&self) -> usize {
        DType::Bits.row_bytes(self.quantizer.bits())
    }

    /// The bits of numbered rows.
    pub fn read_codes(&self, rows: &[u32], out: &mut [u8]) -> Result<()> {
        self.bits.read_rows(rows, out)
    }

    /// With bits of a source behind its own.
    pub fn with_codes(&self, codes: &mut dyn RowSource) -> Result<LshRows> {
        Ok(self.with(self.bits.append(codes)?))
    }

    fn with(&self, bits: Dataset) -> LshRows {
        LshRows { bits, ..self.clone() }
    }

    /// The rows that bits stand for.
    fn decoded(&self, codes: &[u8]) -> Result<Vec<u8>> {
        Ok(bytemuck::cast_slice(&self.quantizer.decode(codes)?).to_vec())
    }
}

impl Stored for LshRows {
    /// That of the bits, which is what distances are.
    fn metric(&self) -> &Metric {
        self.bits.metric()
    }

    fn dtype(&self) -> DType {
        DType::F32
    }

    fn dim(&self) -> usize {
        self.quantizer.dim()
    }

    fn len(&self) -> u64 {
        self.bits.len()
    }

    fn bytes(&self) -> u64 {
        self.bits.bytes()
    }

    fn description(&self) -> String {
        self.quantizer.name()
    }

    fn is_trained(&self) -> bool {
        self.quantizer.is_trained()
    }

    fn training_rows(&self) -> usize {
        self.quantizer.training_rows()
    }

    fn train(&self, sample: Rows<'_>, params: &TrainParams) -> Result<LshRows> {
        if self.len() > 0 && self.training_rows() > 0 {
            let item = "being trained while it has rows, whose bits would mean something else: train it first, or remove all rows";
            return Err(Error::unsupported(self.description(), item));
        }
        params.cancel.as_ref().map_or(Ok(()), CancelToken::check)?;
        let quantizer = self.quantizer.train(sample)?;
        params.cancel.as_ref().map_or(Ok(()), CancelToken::check)?;
        Ok(LshRows { quantizer, ..self.clone() })
    }

    fn append(&self, source: &mut dyn RowSource) -> Result<LshRows> {
        self.with_codes(&mut Encoded::new(source, &self.quantizer)?)
    }

    /// Bits are taken as they are.
    fn merge(&self, other: &LshRows, live: Option<&RowSet>) -> Result<LshRows> {
        let refused = |reason: String| Err(Error::argument("other", reason));
        let (ours, theirs) = (&self.quantizer, &other.quantizer);
        if ours.name() != theirs.name() {
            return refused(format!("{} into {}", theirs.name(), ours.name()));
        }
        if !theirs.is_trained() {
            return refused("it is not trained, so that its thresholds are not these".into());
        }
        if !ours.is_as(theirs) {
            return refused(
                "its rotation or its thresholds are not equal to these to the bit, so that its bits mean something else"
                    .into(),
            );
        }
        Ok(self.with(self.bits.merge(&other.bits, live)?))
    }

    fn replace(
        &self,
        rows: &[u32],
        source: &mut dyn RowSource,
        live: Option<&[u32]>,
        more: u64,
    ) -> Result<LshRows> {
        let mut source = Encoded::new(source, &self.quantizer)?;
        Ok(self.with(Stored::replace(&self.bits, rows, &mut source, live, more)?))
    }

    fn mask(&self, live: &[u32]) -> Result<LshRows> {
        Ok(self.with(Stored::mask(&self.bits, live)?))
    }

    fn gather(&self, keep: &[u32]) -> Result<LshRows> {
        Ok(self.with(Stored::gather(&self.bits, keep)?))
    }

    fn read(&self, rows: Range<u64>) -> Result<Vec<u8>> {
        self.decoded(&Stored::read(&self.bits, rows)?)
    }

    fn read_rows(&self, rows: &[u32], out: &mut [u8]) -> Result<()> {
        let mut codes = vec![0; rows.len() * self.code_bytes()];
        self.read_codes(rows, &mut codes)?;
        let decoded = self.decoded(&codes)?;
        copied(&decoded, out)
    }

    fn prepare(&self, filter: ToPrepare<'_>) -> Result<Filter> {
        self.bits.prepare(filter)
    }

    fn submit(
        &self,
        queries: Rows<'_>,
        ask: Ask,
        filter: Filter,
        row_ids: RowIds,
        params: &SearchParams,
    ) -> Result<Pending<RowHits>> {
        let codes = self.quantizer.encode(queries, 0)?;
        self.bits.submit(Rows::Bits(&codes), ask, filter, row_ids, params)
    }

    fn write_sections(&self, live: Option<&RowSet>, file: &mut FileWriter) -> Result<()> {
        persist::write_signs(file, &self.quantizer)?;
        self.bits.write_sections(live, file)
    }

    fn read_sections(&self, rows: u64, file: &mut FileReader) -> Result<LshRows> {
        let quantizer = persist::read_signs(file, self.dim(), rows)?;
        let empty = LshRows::new(self.bits.gpu(), quantizer)?;
        Ok(empty.with(empty.bits.read_sections(rows, file)?))
    }
}

/// The rows of a source as bits.
struct Encoded<'a> {
    source: &'a mut dyn RowSource,
    quantizer: &'a SignQuantizer,
    /// Rows that went before.
    done: u64,
    block: Vec<u8>,
}

impl<'a> Encoded<'a> {
    /// Refuses rows of another type or dimension.
    fn new(source: &'a mut dyn RowSource, quantizer: &'a SignQuantizer) -> Result<Encoded<'a>> {
        if source.dtype() != DType::F32 {
            return Err(wrong_type(source.dtype(), DType::F32));
        }
        if source.dim() != quantizer.dim() {
            let (expected, actual) = (quantizer.dim(), source.dim());
            return Err(Error::DimensionMismatch { expected, actual });
        }
        if !quantizer.is_trained() {
            return Err(Error::NotTrained);
        }
        Ok(Encoded { source, quantizer, done: 0, block: Vec::new() })
    }
}

impl RowSource for Encoded<'_> {
    fn dtype(&self) -> DType {
        DType::Bits
    }

    fn dim(&self) -> usize {
        self.quantizer.bits()
    }

    fn remaining(&self) -> Option<u64> {
        self.source.remaining()
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let (dim, bits) = (self.quantizer.dim(), self.quantizer.bits());
        let most = (BLOCK_BYTES / 4 / dim.max(bits)).clamp(1, max_rows.max(1));
        let Some(rows) = self.source.next_rows(most)? else { return Ok(None) };
        self.block = self.quantizer.encode(rows, self.done)?;
        self.done += rows.count(dim)? as u64;
        Ok(Some(Rows::Bits(&self.block)))
    }
}
