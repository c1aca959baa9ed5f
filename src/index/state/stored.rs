//! What a kind of index says of its rows. All else is the same for every kind, and stands in this folder once.

use super::stored_rows::StoredRows;
use crate::buffer::Matrix;
use crate::call::{Filter, Pending, RowHits, RowIds};
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::ToPrepare;
use crate::format::RowSource;
use crate::index::ids::RowSet;
use crate::index::params::{Ask, Breadth, SearchParams, TrainParams};
use crate::index::persist::{self, FileReader, FileWriter};
use crate::index::traits::no_lists;
use crate::metric::Metric;
use std::ops::Range;

/// Rows as one kind of index stores and searches them.
///
/// A value is one state and never changes: every change makes another that shares what is equal, and searches of the old one
/// may still be running. Rows are known by number, from 0 on in the order of adding; ids, and which rows were removed, are the
/// snapshot's.
pub(in crate::index) trait Stored: Clone + Send + Sync + 'static {
    fn metric(&self) -> &Metric;
    fn dtype(&self) -> DType;
    fn dim(&self) -> usize;

    /// Rows, those that are masked included.
    fn len(&self) -> u64;

    /// Bytes of device memory.
    fn bytes(&self) -> u64;

    /// The description by which `index_factory` makes such an index.
    fn description(&self) -> String;

    /// Whether rows can be added and searched for.
    fn is_trained(&self) -> bool {
        true
    }

    /// By which number searches look at more of the rows; by default at all.
    fn breadth(&self) -> Option<Breadth> {
        None
    }

    /// The most rows of a sample that training has a use for.
    fn training_rows(&self) -> usize {
        0
    }

    /// Knowing what there is to learn from a sample of `dim` numbers a row; by default nothing.
    fn train(&self, sample: Rows<'_>, _params: &TrainParams) -> Result<Self> {
        sample.count(self.dim()).map(|_| self.clone())
    }

    /// With the rows of a stream behind its own, all or none of them. What is added is checked here, block by block, as it is
    /// uploaded: its type, its dimension, and that the metric takes its values.
    fn append(&self, source: &mut dyn RowSource) -> Result<Self>;

    /// The same of a matrix on the device; by default over the host.
    fn append_matrix(&self, matrix: &Matrix) -> Result<Self> {
        self.append(&mut matrix.source())
    }

    /// With the rows of another of the same metric, type and dimension behind its own, those in `live` or all; by default over the
    /// host.
    fn merge(&self, other: &Self, live: Option<&RowSet>) -> Result<Self> {
        self.append(&mut *other.source(live))
    }

    /// The rows in `live`, or all, as a stream.
    fn source<'a>(&'a self, live: Option<&'a RowSet>) -> Box<dyn RowSource + 'a> {
        let shape = (self.dtype(), self.dim());
        Box::new(StoredRows::new(shape, self.len(), live, |rows| self.read(rows)))
    }

    /// With the rows of a source in the place of the numbered ones, each of which is there once; they are checked as
    /// [`append`](Self::append)'s are. `live` has a bit a row, 0 where it is masked, which it stays; `None` where none is. `more`
    /// rows will be appended next.
    fn replace(
        &self,
        rows: &[u32],
        source: &mut dyn RowSource,
        live: Option<&[u32]>,
        more: u64,
    ) -> Result<Self>;

    /// Without the rows whose bit is 0 (bit i % 32 of word i / 32), which keep their numbers but are never found. What was
    /// masked before is masked in `live` again.
    fn mask(&self, live: &[u32]) -> Result<Self>;

    /// With the numbered rows alone, which ascend and may be none; row `keep[i]` becomes row i.
    fn gather(&self, keep: &[u32]) -> Result<Self>;

    /// The bytes of some rows as they were added, without padding.
    fn read(&self, rows: Range<u64>) -> Result<Vec<u8>>;

    /// The same of numbered rows in any order, into `out`, which has that many bytes.
    fn read_rows(&self, rows: &[u32], out: &mut [u8]) -> Result<()>;

    /// The numbers of the lists that are nearest to each query, as ids, and their distances.
    fn assign(&self, _queries: Rows<'_>, _count: usize) -> Result<RowHits> {
        Err(no_lists(&self.description()))
    }

    /// Brings a filter of these rows to the device, to stay there as long as somebody holds it; by default there is none that could.
    fn prepare(&self, _filter: ToPrepare<'_>) -> Result<Filter> {
        Err(Error::unsupported("this kind of index", "filters that are prepared"))
    }

    /// Starts a search. `filter` is what the parameters filter, by row, and `row_ids` what rows are called in the answer; what
    /// else the parameters say and this kind has no use for, it refuses. It checks the queries, too.
    fn submit(
        &self,
        queries: Rows<'_>,
        ask: Ask,
        filter: Filter,
        row_ids: RowIds,
        params: &SearchParams,
    ) -> Result<Pending<RowHits>>;

    /// Writes the sections of an index file that hold the rows in `live`, or all. By default one, of the rows as they were
    /// added, from which [`read_sections`](Self::read_sections) makes the rest again.
    fn write_sections(&self, live: Option<&RowSet>, file: &mut FileWriter) -> Result<()> {
        let row_bytes = self.dtype().row_bytes(self.dim());
        persist::write_rows(file, persist::ROWS, row_bytes, self.len(), live, |rows| {
            self.read(rows)
        })
    }

    /// With the `rows` rows that [`write_sections`](Self::write_sections) wrote; it has none itself.
    fn read_sections(&self, rows: u64, file: &mut FileReader) -> Result<Self> {
        let shape = (self.dtype(), self.dim());
        persist::read_rows(file, persist::ROWS, shape, rows, |source| self.append(source))
    }
}
