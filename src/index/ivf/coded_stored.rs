//! Rows that are codes, or have codes, as every index stores its rows.

use super::centroids;
use super::coded_rows::CodedRows;
use super::kept::{self, Kept};
use super::name;
use super::originals::Originals;
use crate::buffer::Matrix;
use crate::call::{Filter, Options, Pending, RowHits, RowIds};
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::ToPrepare;
use crate::format::RowSource;
use crate::index::ids::RowSet;
use crate::index::params::{Ask, Breadth, SearchParams, TrainParams};
use crate::index::persist::{FileReader, FileWriter};
use crate::index::state::{Stored, copied};
use crate::metric::Metric;
use std::ops::Range;

impl Stored for CodedRows {
    fn metric(&self) -> &Metric {
        self.ivf.metric()
    }

    fn dtype(&self) -> DType {
        DType::F32
    }

    fn dim(&self) -> usize {
        self.codes.quantizer.dim()
    }

    fn len(&self) -> u64 {
        self.ivf.len()
    }

    fn bytes(&self) -> u64 {
        self.ivf.bytes() + self.kept.as_ref().map_or(0, Kept::bytes) + self.made.bytes()
    }

    fn description(&self) -> String {
        name::description(
            self.ivf.lists.nlist(),
            Some((&self.codes.quantizer, self.codes.residual)),
        )
    }

    fn is_trained(&self) -> bool {
        self.ivf.is_trained() && self.codes.quantizer.is_trained()
    }

    fn breadth(&self) -> Option<Breadth> {
        self.ivf.breadth()
    }

    fn training_rows(&self) -> usize {
        let of_lists = self.ivf.lists.nlist().saturating_mul(centroids::MOST_ROWS);
        of_lists.max(self.codes.training_rows())
    }

    fn train(&self, sample: Rows<'_>, params: &TrainParams) -> Result<CodedRows> {
        self.trained(sample, params)
    }

    fn append(&self, source: &mut dyn RowSource) -> Result<CodedRows> {
        match self.is_trained() {
            true => self.append_rows(source),
            false => Err(Error::NotTrained),
        }
    }

    fn append_matrix(&self, matrix: &Matrix) -> Result<CodedRows> {
        let scalar = self.codes.quantizer.scalar();
        let ranged = scalar.is_some_and(|of| of.kind().ranged_bits().is_some());
        if ranged && self.is_trained() && self.in_lists() {
            return Ok(self.with(self.ivf.append_matrix(matrix)?));
        }
        self.append(&mut matrix.source())
    }

    fn merge(&self, other: &CodedRows, live: Option<&RowSet>) -> Result<CodedRows> {
        self.merged(other, live)
    }

    fn replace(
        &self,
        rows: &[u32],
        source: &mut dyn RowSource,
        live: Option<&[u32]>,
        more: u64,
    ) -> Result<CodedRows> {
        self.replace_rows(rows, source, (live, more))
    }

    fn mask(&self, live: &[u32]) -> Result<CodedRows> {
        Ok(self.with(self.ivf.mask(live)?))
    }

    fn gather(&self, keep: &[u32]) -> Result<CodedRows> {
        let kept = self.kept.as_ref().map(|kept| kept.gather(keep)).transpose()?;
        Ok(CodedRows { kept, ..self.with(self.ivf.gather(keep)?) })
    }

    fn read(&self, rows: Range<u64>) -> Result<Vec<u8>> {
        match (self.originals, &self.kept) {
            (Originals::None, _) => {
                let decoded = self.decoded(self.ivf.read(rows)?)?;
                Ok(bytemuck::cast_slice(&decoded).to_vec())
            }
            (_, Some(kept)) => kept.read(rows),
            (_, None) => self.ivf.read(rows),
        }
    }

    fn read_rows(&self, rows: &[u32], out: &mut [u8]) -> Result<()> {
        match (self.originals, &self.kept) {
            (Originals::None, _) => {}
            (_, Some(kept)) => return kept.read_rows(rows, out),
            (_, None) => return self.ivf.read_rows(rows, out),
        }
        let (dtype, width) = self.codes.stored();
        let mut bytes = vec![0; rows.len() * dtype.row_bytes(width)];
        self.ivf.read_rows(rows, &mut bytes)?;
        let decoded = self.decoded(bytes)?;
        copied(bytemuck::cast_slice(&decoded), out)
    }

    fn assign(&self, queries: Rows<'_>, count: usize) -> Result<RowHits> {
        self.ivf.assign(queries, count)
    }

    fn prepare(&self, filter: ToPrepare<'_>) -> Result<Filter> {
        self.ivf.prepare(filter)
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
            // beside originals as well as without
            let ivf = self.ivf.with(self.ivf.lists.with_query_bits(bits));
            let rounding = CodedRows { ivf, ..self.clone() };
            return rounding.submit(queries, ask, filter, row_ids, &params);
        }
        let Some(searched) = self.searched()? else {
            return self.ivf.submit(queries, ask, filter, row_ids, params);
        };
        let (look, options) = params.probing(ask, self.ivf.nprobe, self.ivf.lists.nlist())?;
        kept::submit(searched, queries, look, filter, Options { row_ids, ..options })
    }

    fn write_sections(&self, live: Option<&RowSet>, file: &mut FileWriter) -> Result<()> {
        self.write_to(live, file)
    }

    fn read_sections(&self, rows: u64, file: &mut FileReader) -> Result<CodedRows> {
        self.read_from(rows, file)
    }
}
