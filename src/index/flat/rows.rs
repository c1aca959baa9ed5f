//! What both flat indexes store: rows as they are in device memory, which an exact search compares.

use crate::buffer::Matrix;
use crate::call::{Filter, Options, Pending, RowHits, RowIds};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::Result;
use crate::exact::{self, Dataset, ToPrepare};
use crate::format::RowSource;
use crate::index::params::{Ask, SearchParams};
use crate::index::persist::IndexReader;
use crate::index::state::{Core, Stored};
use crate::metric::Metric;
use crate::ops::gather;
use std::ops::Range;

impl Stored for Dataset {
    fn metric(&self) -> &Metric {
        self.metric()
    }

    fn dtype(&self) -> DType {
        self.rows().dtype()
    }

    fn dim(&self) -> usize {
        self.rows().dim()
    }

    fn len(&self) -> u64 {
        self.len()
    }

    fn bytes(&self) -> u64 {
        self.bytes()
    }

    fn description(&self) -> String {
        description(self.rows().dtype()).to_owned()
    }

    fn append(&self, source: &mut dyn RowSource) -> Result<Dataset> {
        self.append(source)
    }

    fn append_matrix(&self, matrix: &Matrix) -> Result<Dataset> {
        self.append_matrix(matrix)
    }

    fn replace(
        &self,
        rows: &[u32],
        source: &mut dyn RowSource,
        live: Option<&[u32]>,
        more: u64,
    ) -> Result<Dataset> {
        self.replace(rows, source, live, more)
    }

    fn mask(&self, live: &[u32]) -> Result<Dataset> {
        self.mask(live)
    }

    fn gather(&self, keep: &[u32]) -> Result<Dataset> {
        match keep {
            [] => Dataset::new(self.gpu(), self.metric(), self.rows().dtype(), self.rows().dim()),
            keep => self.gather(keep),
        }
    }

    fn read(&self, rows: Range<u64>) -> Result<Vec<u8>> {
        self.rows().read(rows.start as usize..rows.end as usize)
    }

    fn read_rows(&self, rows: &[u32], out: &mut [u8]) -> Result<()> {
        gather::read(self.rows(), rows, out)
    }

    fn prepare(&self, filter: ToPrepare<'_>) -> Result<Filter> {
        exact::prepared(self.compared(), filter)
    }

    fn submit(
        &self,
        queries: Rows<'_>,
        ask: Ask,
        filter: Filter,
        row_ids: RowIds,
        params: &SearchParams,
    ) -> Result<Pending<RowHits>> {
        let options = Options { row_ids, ..params.exact(ask)? };
        submit(self, queries, ask, filter, options)
    }
}

/// Starts the exact search of all rows, whatever is asked.
pub(in crate::index) fn submit(
    dataset: &Dataset,
    queries: Rows<'_>,
    ask: Ask,
    filter: Filter,
    options: Options,
) -> Result<Pending<RowHits>> {
    match ask {
        Ask::Nearest(k) => exact::submit_search(dataset, queries, k, filter, options),
        Ask::Within(radius) => exact::submit_range(dataset, queries, radius, filter, options),
    }
}

/// What `index_factory` calls an index of rows as they are.
pub(super) fn description(dtype: DType) -> &'static str {
    match dtype {
        DType::Bits => "BFlat",
        _ => "Flat",
    }
}

/// No rows yet.
pub(super) fn new(gpu: &Gpu, dim: usize, metric: &Metric, dtype: DType) -> Result<Core<Dataset>> {
    Dataset::new(gpu, metric, dtype, dim).map(Core::new)
}

/// Reads an index whose type of elements is `allowed`.
pub(super) fn load(
    gpu: &Gpu,
    reader: &mut IndexReader,
    allowed: impl Fn(DType) -> bool,
) -> Result<Core<Dataset>> {
    let dtype = reader.info.dtype;
    if !allowed(dtype) {
        return Err(reader.fault(format!("a {} of {dtype}", reader.kind())));
    }
    Core::read(reader, |info| Dataset::new(gpu, &info.metric, info.dtype, info.dim))
}
