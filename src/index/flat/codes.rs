//! What flat indexes of codes store: codes in their order, which an exact search looks up.

use crate::call::{Filter, Pending, RowHits, RowIds};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::{Dataset, ToPrepare};
use crate::format::RowSource;
use crate::index::codes::{Encoded, In, OfForeign, RowCodes, Unpacked};
use crate::index::ids::RowSet;
use crate::index::params::{Ask, SearchParams, TrainParams};
use crate::index::persist::{self, FileReader, FileWriter};
use crate::index::state::{Stored, StoredRows, copied};
use crate::metric::Metric;
use crate::quantize::Quantizer;
use std::ops::Range;

/// Codes, and what they are codes of.
#[derive(Clone)]
pub(in crate::index) struct FlatCodes {
    pub(super) codes: RowCodes,
    dataset: Dataset,
}

impl FlatCodes {
    /// No rows yet.
    pub fn new(gpu: &Gpu, metric: &Metric, quantizer: Quantizer) -> Result<FlatCodes> {
        let codes = RowCodes::new(quantizer, false);
        codes.check_metric(metric)?;
        let dataset = codes.dataset(gpu, metric)?;
        Ok(FlatCodes { codes, dataset })
    }

    /// What rows are encoded by.
    pub fn quantizer(&self) -> &Quantizer {
        &self.codes.quantizer
    }

    /// The same whose searches round queries to so many bits.
    pub(super) fn with_query_bits(&self, bits: u32) -> Result<FlatCodes> {
        let codes = self.codes.with_query_bits(bits)?;
        Ok(FlatCodes { dataset: self.dataset.with_query_bits(codes.rounded_bits()), codes })
    }

    /// The codes as an exact search compares them.
    pub fn dataset(&self) -> Dataset {
        self.dataset.clone()
    }

    fn with(&self, dataset: Dataset) -> FlatCodes {
        FlatCodes { dataset, ..self.clone() }
    }

    fn emptied(&self, quantizer: Quantizer) -> Result<FlatCodes> {
        FlatCodes::new(self.dataset.gpu(), self.dataset.metric(), quantizer)
    }

    fn encoded<'a>(&'a self, source: &'a mut dyn RowSource) -> Result<Encoded<'a>> {
        let of = (self.dataset.gpu(), self.dataset.metric());
        Encoded::new(source, of, &self.codes, In::None)
    }

    /// With codes behind, packed as files have them.
    pub fn append_packed(&self, codes: &mut dyn RowSource) -> Result<FlatCodes> {
        if codes.remaining() == Some(0) {
            // perhaps nobody knows yet what codes stand for
            return Ok(self.clone());
        }
        Ok(self.with(self.dataset.append(&mut Unpacked::new(codes, &self.codes, &[]))?))
    }

    /// The same of codes as FAISS's files have them.
    pub fn append_foreign(&self, codes: &mut dyn RowSource) -> Result<FlatCodes> {
        self.append_packed(&mut OfForeign::new(codes, &self.codes, &[]))
    }

    /// Codes as FAISS's files have them, of numbered rows.
    pub fn read_foreign(&self, rows: &[u32], out: &mut [u8]) -> Result<()> {
        copied(&self.codes.foreign(self.stored(rows)?)?, out)
    }

    /// Numbered rows as the device stores them.
    fn stored(&self, rows: &[u32]) -> Result<Vec<u8>> {
        let (dtype, width) = self.codes.stored();
        let mut bytes = vec![0; rows.len() * dtype.row_bytes(width)];
        self.dataset.read_rows(rows, &mut bytes)?;
        Ok(bytes)
    }
}

impl Stored for FlatCodes {
    fn metric(&self) -> &Metric {
        self.dataset.metric()
    }

    fn dtype(&self) -> DType {
        DType::F32
    }

    fn dim(&self) -> usize {
        self.codes.quantizer.dim()
    }

    fn len(&self) -> u64 {
        self.dataset.len()
    }

    fn bytes(&self) -> u64 {
        self.dataset.bytes()
    }

    fn description(&self) -> String {
        self.codes.quantizer.name()
    }

    fn is_trained(&self) -> bool {
        self.codes.quantizer.is_trained()
    }

    fn training_rows(&self) -> usize {
        self.codes.training_rows()
    }

    fn train(&self, sample: Rows<'_>, params: &TrainParams) -> Result<FlatCodes> {
        // codes that no number was learnt for mean the same ever after
        let scalar = self.codes.quantizer.scalar();
        if scalar.is_some_and(|of| of.kind().ranged_bits().is_none()) {
            return sample.count(self.dim()).map(|_| self.clone());
        }
        if self.len() > 0 {
            return Err(self.codes.trained_late(self.description(), false));
        }
        let of = (self.dataset.gpu(), self.dataset.metric());
        self.emptied(self.codes.learnt(of, sample, params, |_| Ok(Vec::new()))?)
    }

    fn append(&self, source: &mut dyn RowSource) -> Result<FlatCodes> {
        if !self.is_trained() {
            return Err(Error::NotTrained);
        }
        Ok(self.with(self.dataset.append(&mut self.encoded(source)?)?))
    }

    fn merge(&self, other: &FlatCodes, live: Option<&RowSet>) -> Result<FlatCodes> {
        self.codes.check_equal(&other.codes)?;
        let shape = other.codes.stored();
        let read = |rows| Stored::read(&other.dataset, rows);
        let mut source = StoredRows::new(shape, other.len(), live, read);
        if source.remaining() == Some(0) {
            return Ok(self.clone());
        }
        Ok(self.with(self.dataset.append(&mut source)?))
    }

    fn replace(
        &self,
        rows: &[u32],
        source: &mut dyn RowSource,
        live: Option<&[u32]>,
        more: u64,
    ) -> Result<FlatCodes> {
        if !self.is_trained() {
            return Err(Error::NotTrained);
        }
        Ok(self.with(self.dataset.replace(rows, &mut self.encoded(source)?, live, more)?))
    }

    fn mask(&self, live: &[u32]) -> Result<FlatCodes> {
        Ok(self.with(self.dataset.mask(live)?))
    }

    fn gather(&self, keep: &[u32]) -> Result<FlatCodes> {
        match keep {
            [] => self.emptied(self.codes.quantizer.clone()),
            keep => Ok(self.with(self.dataset.gather(keep)?)),
        }
    }

    fn read(&self, rows: Range<u64>) -> Result<Vec<u8>> {
        let decoded = self.codes.decoded(Stored::read(&self.dataset, rows)?)?;
        Ok(bytemuck::cast_slice(&decoded).to_vec())
    }

    fn read_rows(&self, rows: &[u32], out: &mut [u8]) -> Result<()> {
        let decoded = self.codes.decoded(self.stored(rows)?)?;
        copied(bytemuck::cast_slice(&decoded), out)
    }

    fn prepare(&self, filter: ToPrepare<'_>) -> Result<Filter> {
        Stored::prepare(&self.dataset, filter)
    }

    fn submit(
        &self,
        queries: Rows<'_>,
        ask: Ask,
        filter: Filter,
        row_ids: RowIds,
        params: &SearchParams,
    ) -> Result<Pending<RowHits>> {
        if !self.is_trained() {
            return Err(Error::NotTrained);
        }
        if let Some((bits, params)) = self.codes.asked_bits(params)? {
            let dataset = self.dataset.with_query_bits(bits);
            return Stored::submit(&dataset, queries, ask, filter, row_ids, &params);
        }
        Stored::submit(&self.dataset, queries, ask, filter, row_ids, params)
    }

    fn write_sections(&self, live: Option<&RowSet>, file: &mut FileWriter) -> Result<()> {
        persist::write_codes(file, &self.codes.quantizer, false)?;
        let read = |rows| Ok(self.codes.packed(Stored::read(&self.dataset, rows)?));
        let bytes = self.codes.quantizer.code_bytes();
        persist::write_rows(file, persist::ROWS, bytes, self.len(), live, read)
    }

    fn read_sections(&self, rows: u64, file: &mut FileReader) -> Result<FlatCodes> {
        let at = file.at();
        let quantizer = persist::read_flat_codes(file, self.quantizer(), rows)?;
        let shape = (DType::U8, quantizer.code_bytes());
        let empty = self.emptied(quantizer).map_err(|e| file.refused(at, e))?;
        persist::read_rows(file, persist::ROWS, shape, rows, |source| empty.append_packed(source))
    }
}
