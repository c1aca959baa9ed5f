//! What an index of lists stores.

use super::centroids::{self, bit_centroids_of, centroids_of};
use super::name;
use crate::buffer::Matrix;
use crate::call::{Filter, Options, Pending, RowHits, RowIds};
use crate::device::Gpu;
use crate::dtype::{AlignedBlock, DType, Rows};
use crate::error::{Error, Result};
use crate::exact::{Dataset, ToPrepare};
use crate::format::RowSource;
use crate::index::ids::RowSet;
use crate::index::params::{Ask, Breadth, SearchParams, TrainParams};
use crate::index::persist::{self, FileReader, FileWriter, Lists};
use crate::index::state::Stored;
use crate::invlists::InvertedLists;
use crate::metric::Metric;
use std::ops::Range;

/// Lists that a search looks at, unless an index or a search says otherwise.
const NPROBE: usize = 20;

/// Rows in lists, and how many of these a search looks at that does not say so.
#[derive(Clone)]
pub(in crate::index) struct IvfRows {
    pub(super) lists: InvertedLists,
    pub(super) nprobe: usize,
}

impl IvfRows {
    pub fn new(
        gpu: &Gpu,
        metric: &Metric,
        (dtype, dim): (DType, usize),
        nlist: usize,
    ) -> Result<IvfRows> {
        IvfRows::of(Dataset::new(gpu, metric, dtype, dim)?, nlist)
    }

    /// Lists of what an empty dataset stores.
    pub(super) fn of(dataset: Dataset, nlist: usize) -> Result<IvfRows> {
        if nlist as u64 > u64::from(u32::MAX) {
            let (what, limit) = ("lists of an index".to_owned(), u64::from(u32::MAX));
            return Err(Error::LimitExceeded { what, needed: nlist as u64, limit });
        }
        Ok(IvfRows { lists: InvertedLists::of(dataset, nlist)?, nprobe: NPROBE })
    }

    /// The rows in the order in which they were added.
    pub fn dataset(&self) -> Dataset {
        self.lists.dataset().clone()
    }

    /// Of which searches look at so many lists.
    pub fn with_nprobe(&self, nprobe: usize) -> Result<IvfRows> {
        if nprobe == 0 || nprobe as u64 > u64::from(u32::MAX) {
            let reason = format!("{nprobe} lists; 1 to {} can be looked at", u32::MAX);
            return Err(Error::argument("nprobe", reason));
        }
        Ok(IvfRows { nprobe, ..self.clone() })
    }

    pub fn with_centroids(&self, centroids: &[f32]) -> Result<IvfRows> {
        Ok(self.with(self.lists.with_centroids(centroids)?))
    }

    /// The same of rows of bits.
    pub fn with_bit_centroids(&self, centroids: &[u8]) -> Result<IvfRows> {
        Ok(self.with(self.lists.with_centroid_rows(Rows::Bits(centroids))?))
    }

    /// The elements of all centroids.
    pub fn centroids(&self) -> Result<Vec<f32>> {
        Ok(AlignedBlock::default().rows(DType::F32, &self.centroid_bytes()?)?.to_f32())
    }

    /// The bytes of all centroids, which are in f32, or of bits in bits.
    pub fn centroid_bytes(&self) -> Result<Vec<u8>> {
        self.lists.centroids()?.rows().read(0..self.lists.nlist())
    }

    /// The list of each row in `live`, or of all.
    pub(super) fn labels(&self, live: Option<&RowSet>) -> Vec<u32> {
        let mut labels = self.lists.labels(0..self.len() as usize);
        if let Some(live) = live {
            let mut row = 0..;
            labels.retain(|_| row.next().is_some_and(|row| live.has(row)));
        }
        labels
    }

    /// How many rows in `live`, or of all, each list has.
    pub fn list_sizes(&self, live: Option<&RowSet>) -> Vec<u64> {
        let mut sizes = vec![0; self.lists.nlist()];
        self.labels(live).iter().for_each(|&label| sizes[label as usize] += 1);
        sizes
    }

    /// Refuses another whose lists are not these.
    pub(super) fn check_lists(&self, other: &IvfRows) -> Result<()> {
        let refused = |reason: String| Err(Error::argument("other", reason));
        let (ours, theirs) = (self.lists.nlist(), other.lists.nlist());
        if ours != theirs {
            return refused(format!("{theirs} lists into {ours}"));
        }
        if !other.is_trained() {
            return refused("it is not trained, so that its lists are not these".into());
        }
        if self.centroid_bytes()? != other.centroid_bytes()? {
            return refused(
                "its centroids are not equal to these to the bit, so that its lists are others"
                    .into(),
            );
        }
        Ok(())
    }

    /// Writes the sections of the lists, and of which one each row in `live`, or each of all, is in.
    pub(super) fn write_lists(&self, live: Option<&RowSet>, file: &mut FileWriter) -> Result<()> {
        let centroids = if self.is_trained() { self.centroid_bytes()? } else { Vec::new() };
        let trained = match self.is_trained() {
            true => {
                let dtype = centroids::dtype(self.dtype());
                Some((self.list_sizes(live), Rows::from_bytes(dtype, &centroids)?))
            }
            false => None,
        };
        let lists = Lists { nlist: self.lists.nlist(), nprobe: self.nprobe, trained };
        persist::write_lists(file, &lists)?;
        persist::write_labels(file, &self.labels(live))
    }

    /// Reads them for centroids of `dim` elements: an index without rows, which `empty` makes of a number of lists and of their centroids
    /// if these are known, and the list of each of the `rows` rows that follow.
    pub(super) fn read_lists(
        file: &mut FileReader,
        dim: usize,
        rows: u64,
        empty: impl Fn((usize, Option<&[f32]>)) -> Result<IvfRows>,
    ) -> Result<(IvfRows, Vec<u32>)> {
        IvfRows::read_lists_of(file, (DType::F32, dim), rows, |(nlist, centroids)| {
            let numbers = match centroids {
                Some(Rows::F32(numbers)) => Some(numbers),
                _ => None,
            };
            empty((nlist, numbers))
        })
    }

    /// The same of centroids of this type.
    fn read_lists_of(
        file: &mut FileReader,
        (dtype, dim): (DType, usize),
        rows: u64,
        empty: impl Fn((usize, Option<Rows<'_>>)) -> Result<IvfRows>,
    ) -> Result<(IvfRows, Vec<u32>)> {
        let mut sizes = None;
        let lists = persist::read_lists(file, (dtype, dim), |lists| {
            let (of_lists, centroids) = lists.trained.unzip();
            sizes = of_lists;
            let empty = empty((lists.nlist, centroids))?;
            Ok(IvfRows { nprobe: lists.nprobe, ..empty })
        })?;
        let labels = persist::read_labels(file, rows, sizes.as_deref())?;
        Ok((lists, labels))
    }

    pub(super) fn with(&self, lists: InvertedLists) -> IvfRows {
        IvfRows { lists, ..self.clone() }
    }
}

impl Stored for IvfRows {
    fn metric(&self) -> &Metric {
        self.lists.dataset().metric()
    }

    fn dtype(&self) -> DType {
        self.lists.dataset().rows().dtype()
    }

    fn dim(&self) -> usize {
        self.lists.dataset().rows().dim()
    }

    fn len(&self) -> u64 {
        self.lists.dataset().len()
    }

    fn bytes(&self) -> u64 {
        self.lists.bytes()
    }

    fn description(&self) -> String {
        match self.dtype() {
            DType::Bits => name::of_bits(self.lists.nlist()),
            _ => name::description(self.lists.nlist(), None),
        }
    }

    fn is_trained(&self) -> bool {
        self.lists.is_trained()
    }

    fn breadth(&self) -> Option<Breadth> {
        Some(Breadth::Nprobe { most: self.lists.nlist() })
    }

    fn training_rows(&self) -> usize {
        self.lists.nlist().saturating_mul(centroids::MOST_ROWS)
    }

    fn train(&self, sample: Rows<'_>, params: &TrainParams) -> Result<IvfRows> {
        let (gpu, shape) = (self.lists.dataset().gpu(), (self.dim(), self.lists.nlist()));
        if self.dtype() == DType::Bits {
            return self.with_bit_centroids(&bit_centroids_of(gpu, shape, sample, params)?);
        }
        self.with_centroids(&centroids_of(gpu, self.metric(), shape, sample, params)?)
    }

    fn append(&self, source: &mut dyn RowSource) -> Result<IvfRows> {
        Ok(self.with(self.lists.append(source)?))
    }

    fn append_matrix(&self, matrix: &Matrix) -> Result<IvfRows> {
        Ok(self.with(self.lists.append_matrix(matrix)?))
    }

    /// The lists of the other's rows are known, so none is assigned again.
    fn merge(&self, other: &IvfRows, live: Option<&RowSet>) -> Result<IvfRows> {
        self.check_lists(other)?;
        let labels = other.labels(live);
        Ok(self.with(self.lists.append_labelled(&mut *other.source(live), &labels)?))
    }

    fn replace(
        &self,
        rows: &[u32],
        source: &mut dyn RowSource,
        live: Option<&[u32]>,
        more: u64,
    ) -> Result<IvfRows> {
        Ok(self.with(self.lists.replace(rows, source, live, more)?))
    }

    fn mask(&self, live: &[u32]) -> Result<IvfRows> {
        Ok(self.with(self.lists.mask(live)?))
    }

    fn gather(&self, keep: &[u32]) -> Result<IvfRows> {
        Ok(self.with(self.lists.gather(keep)?))
    }

    fn read(&self, rows: Range<u64>) -> Result<Vec<u8>> {
        self.lists.dataset().read(rows)
    }

    fn read_rows(&self, rows: &[u32], out: &mut [u8]) -> Result<()> {
        self.lists.dataset().read_rows(rows, out)
    }

    fn assign(&self, queries: Rows<'_>, count: usize) -> Result<RowHits> {
        self.lists.assign(queries, count)
    }

    fn prepare(&self, filter: ToPrepare<'_>) -> Result<Filter> {
        self.lists.dataset().prepare(filter)
    }

    fn submit(
        &self,
        queries: Rows<'_>,
        ask: Ask,
        filter: Filter,
        row_ids: RowIds,
        params: &SearchParams,
    ) -> Result<Pending<RowHits>> {
        let (look, options) = params.probing(ask, self.nprobe, self.lists.nlist())?;
        self.lists.submit(queries, look, filter, Options { row_ids, ..options })
    }

    fn write_sections(&self, live: Option<&RowSet>, file: &mut FileWriter) -> Result<()> {
        self.write_lists(live, file)?;
        self.lists.dataset().write_sections(live, file)
    }

    fn read_sections(&self, rows: u64, file: &mut FileReader) -> Result<IvfRows> {
        let (gpu, shape) = (self.lists.dataset().gpu(), (self.dtype(), self.dim()));
        let new = |(nlist, centroids): (usize, Option<Rows<'_>>)| {
            let new = IvfRows::new(gpu, self.metric(), shape, nlist)?;
            match centroids {
                Some(centroids) => Ok(new.with(new.lists.with_centroid_rows(centroids)?)),
                None => Ok(new),
            }
        };
        let of = (centroids::dtype(shape.0), shape.1);
        let (empty, labels) = IvfRows::read_lists_of(file, of, rows, new)?;
        persist::read_rows(file, persist::ROWS, shape, rows, |source| {
            Ok(empty.with(empty.lists.append_labelled(source, &labels)?))
        })
    }
}
