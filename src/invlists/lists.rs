//! Rows and the lists that they are in: one immutable snapshot.

use super::assign::{self, Assigned};
use super::device_labels::DeviceLabels;
use super::labels::Labels;
use super::reach::Reach;
use super::table::{Source, Table};
use crate::buffer::Matrix;
use crate::call::{Made, RowHits, mask_words};
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::{Codes, Dataset};
use crate::format::{RowSource, SliceSource};
use std::ops::Range;
use std::sync::Arc;

/// Rows under one metric, each in the list of its nearest centroid. Changes give new lists that share what is equal; the old ones
/// stay valid.
#[derive(Clone)]
pub(crate) struct InvertedLists {
    dataset: Dataset,
    /// Lists that there are to be.
    nlist: usize,
    /// `nlist` rows in f32, or of bits in bits, once they are known.
    centroids: Option<Dataset>,
    labels: Labels,
    /// The rows that were not removed, a bit each; `None` where none was.
    live: Option<Arc<[u32]>>,
    /// How far the rows of each list reach, unless that is still to be measured.
    reach: Made<Reach>,
    /// The lists' pages, once a search asked for them.
    table: Made<Arc<Table>>,
    /// The labels on the device, once a search asked for them.
    on_device: Made<Arc<DeviceLabels>>,
}

impl InvertedLists {
    /// No centroids yet, and of an empty dataset no rows.
    pub fn of(dataset: Dataset, nlist: usize) -> Result<InvertedLists> {
        if nlist == 0 {
            return Err(Error::argument("nlist", "0 lists hold no row"));
        }
        Ok(InvertedLists {
            dataset,
            nlist,
            centroids: None,
            labels: Labels::default(),
            live: None,
            reach: Made::of(Reach::empty(nlist)),
            table: Made::default(),
            on_device: Made::default(),
        })
    }

    /// To be changed: without the pages, and without the labels on the device.
    fn changed(&self) -> InvertedLists {
        InvertedLists { table: Made::default(), on_device: Made::default(), ..self.clone() }
    }

    /// With these rows behind its own in the lists of these labels; how far they are from the centroids is known where they were
    /// assigned.
    fn grown(
        &self,
        dataset: Dataset,
        labels: &[u32],
        assigned: Option<&Assigned>,
    ) -> InvertedLists {
        let live = self.live.as_ref().map(|live| {
            let mut words = live.to_vec();
            words.resize(mask_words(dataset.len()), 0);
            for row in self.dataset.len()..dataset.len() {
                words[row as usize / 32] |= 1 << (row % 32);
            }
            words.into()
        });
        let reach = self.reached(assigned);
        let labels = self.labels.extended(labels);
        InvertedLists { dataset, labels, live, reach, ..self.changed() }
    }

    /// With rows whose copy for the scan is of these codes.
    pub fn copied_as(&self, codes: Option<Codes>) -> Result<InvertedLists> {
        let dataset = self.dataset.copied_as(codes, self.live.as_deref())?;
        Ok(InvertedLists { dataset, ..self.changed() })
    }

    /// With rows whose distances are of queries that are rounded to so many bits: [`Dataset::with_query_bits`].
    pub fn with_query_bits(&self, bits: u32) -> InvertedLists {
        InvertedLists { dataset: self.dataset.with_query_bits(bits), ..self.clone() }
    }

    /// The rows that were not removed, a bit each; `None` where none was.
    pub fn live(&self) -> Option<&[u32]> {
        self.live.as_deref()
    }

    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    pub fn nlist(&self) -> usize {
        self.nlist
    }

    /// Whether the centroids are known.
    pub fn is_trained(&self) -> bool {
        self.centroids.is_some()
    }

    pub fn centroids(&self) -> Result<&Dataset> {
        self.centroids.as_ref().ok_or(Error::NotTrained)
    }

    /// The list of each of some rows.
    pub fn labels(&self, rows: Range<usize>) -> Vec<u32> {
        self.labels.read(rows)
    }

    /// The pages of the lists.
    pub(super) fn table(&self) -> Result<Arc<Table>> {
        self.table.get(|| self.new_table(None))
    }

    /// Pages of rows that are ordered by slack within their lists, where they have some.
    pub(super) fn new_table(&self, slack: Option<&[f32]>) -> Result<Arc<Table>> {
        let source = Source {
            dataset: &self.dataset,
            nlist: self.nlist,
            labels: &self.labels,
            live: self.live.as_deref(),
            slack,
        };
        Table::new(&source).map(Arc::new)
    }

    /// How far the lists reach with more rows, as far as that is known.
    fn reached(&self, assigned: Option<&Assigned>) -> Made<Reach> {
        let both = self.reach.known().zip(assigned);
        both.map_or_else(Made::default, |(own, assigned)| Made::of(own.with(assigned)))
    }

    /// How far the rows of each list are from its centroid.
    pub(super) fn reach(&self) -> Result<Reach> {
        self.reach.get(|| {
            let rows = assign::labels(self.centroids()?, &self.dataset, 0..self.dataset.len())?;
            let labels = self.labels.read(0..self.labels.len());
            Ok(Reach::empty(self.nlist).with_labelled(&rows, &labels))
        })
    }

    /// The label of each row, on the device.
    pub(super) fn device_labels(&self) -> Result<Arc<DeviceLabels>> {
        self.on_device.get(|| {
            let all = self.labels.read(0..self.labels.len());
            DeviceLabels::new(self.dataset.gpu(), &all).map(Arc::new)
        })
    }

    /// Device memory.
    pub fn bytes(&self) -> u64 {
        let table = self.table.known().map_or(0, |table| table.bytes());
        let labels = self.on_device.known().map_or(0, |labels| labels.bytes());
        self.dataset.bytes() + self.centroids.as_ref().map_or(0, Dataset::bytes) + table + labels
    }

    /// The same with these centroids, `nlist` rows of f32; its rows, if there are some, are assigned again.
    pub fn with_centroids(&self, centroids: &[f32]) -> Result<InvertedLists> {
        self.with_centroid_rows(Rows::F32(centroids))
    }

    /// The same of rows of bits, whose centroids are bits, too.
    pub fn with_centroid_rows(&self, centroids: Rows<'_>) -> Result<InvertedLists> {
        let (gpu, dim, dtype) = (self.dataset.gpu(), self.dataset.dim(), centroids.dtype());
        let count = centroids.count(dim)?;
        if count != self.nlist {
            let reason = format!("{count} centroids for {} lists", self.nlist);
            return Err(Error::argument("centroids", reason));
        }
        let empty = Dataset::new(gpu, self.dataset.metric(), dtype, dim)?;
        let centroids = empty.append(&mut SliceSource::new(centroids, dim)?)?;
        let rows = assign::labels(&centroids, &self.dataset, 0..self.dataset.len())?;
        let labels = Labels::default().extended(&rows.labels);
        let reach = Made::of(Reach::empty(self.nlist).with(&rows));
        Ok(InvertedLists { centroids: Some(centroids), labels, reach, ..self.changed() })
    }

    /// With the rows of a stream behind its own.
    pub fn append(&self, source: &mut dyn RowSource) -> Result<InvertedLists> {
        self.centroids()?;
        self.appended(self.dataset.append(source)?)
    }

    /// With the rows of a matrix of the same device behind its own.
    pub fn append_matrix(&self, matrix: &Matrix) -> Result<InvertedLists> {
        self.centroids()?;
        self.appended(self.dataset.append_matrix(matrix)?)
    }

    /// With the rows of a stream behind its own, whose lists are known.
    pub fn append_labelled(
        &self,
        source: &mut dyn RowSource,
        labels: &[u32],
    ) -> Result<InvertedLists> {
        let dataset = self.dataset.append(source)?;
        self.labelled(dataset, labels)
    }

    /// The same where the source knows the lists once it was read.
    pub fn append_labelling<S: RowSource>(
        &self,
        source: &mut S,
        labels: impl FnOnce(&S) -> Vec<u32>,
    ) -> Result<InvertedLists> {
        self.centroids()?;
        let dataset = self.dataset.append(source)?;
        self.labelled(dataset, &labels(source))
    }

    fn labelled(&self, dataset: Dataset, labels: &[u32]) -> Result<InvertedLists> {
        let rows = dataset.len() - self.dataset.len();
        if rows != labels.len() as u64 || labels.iter().any(|&l| l as usize >= self.nlist) {
            let reason = format!("{} labels for {rows} rows in {} lists", labels.len(), self.nlist);
            return Err(Error::argument("labels", reason));
        }
        Ok(self.grown(dataset, labels, None))
    }

    fn appended(&self, dataset: Dataset) -> Result<InvertedLists> {
        let new = self.dataset.len()..dataset.len();
        let rows = assign::labels(self.centroids()?, &dataset, new)?;
        Ok(self.grown(dataset, &rows.labels, Some(&rows)))
    }

    /// With the rows of a stream in the place of numbered ones, in the lists that these are nearest to; as
    /// [`Dataset::replace`].
    pub fn replace(
        &self,
        rows: &[u32],
        source: &mut dyn RowSource,
        live: Option<&[u32]>,
        more: u64,
    ) -> Result<InvertedLists> {
        let centroids = self.centroids()?;
        let dataset = self.dataset.replace(rows, source, live, more)?;
        let assigned = assign::labels_of(centroids, &dataset, rows)?;
        Ok(self.replaced(dataset, rows, &assigned.labels, Some(&assigned)))
    }

    /// With the numbered rows of `dataset` in these lists; the rows that were there before them may only have reached farther.
    fn replaced(
        &self,
        dataset: Dataset,
        rows: &[u32],
        labels: &[u32],
        assigned: Option<&Assigned>,
    ) -> InvertedLists {
        let (reach, labels) = (self.reached(assigned), self.labels.replaced(rows, labels));
        InvertedLists { dataset, labels, reach, ..self.changed() }
    }

    /// The same where the source knows the lists once it was read.
    pub fn replace_labelling<S: RowSource>(
        &self,
        rows: &[u32],
        source: &mut S,
        (live, more): (Option<&[u32]>, u64),
        labels: impl FnOnce(&S) -> Vec<u32>,
    ) -> Result<InvertedLists> {
        self.centroids()?;
        let dataset = self.dataset.replace(rows, source, live, more)?;
        let labels = labels(source);
        if labels.len() != rows.len() {
            return Err(Error::internal(format!("{} labels for {}", labels.len(), rows.len())));
        }
        Ok(self.replaced(dataset, rows, &labels, None))
    }

    /// The nearest list of each of some rows, which need not be these.
    pub fn nearest_of(&self, rows: Rows<'_>) -> Result<Vec<u32>> {
        assign::nearest_labels(self.centroids()?, rows)
    }

    /// The same of f32 rows on the device, where the metric divides by no lengths.
    pub fn nearest_of_matrix(&self, rows: &Matrix) -> Result<Vec<u32>> {
        let metric = self.dataset.metric();
        let dataset = Dataset::unscanned(rows.gpu(), metric, DType::F32, rows.dim())?;
        let dataset = dataset.append_matrix(rows)?;
        Ok(assign::labels(self.centroids()?, &dataset, 0..dataset.len())?.labels)
    }

    /// Without the rows whose bit is 0, which keep their numbers but are never found.
    pub fn mask(&self, live: &[u32]) -> Result<InvertedLists> {
        Ok(InvertedLists {
            dataset: self.dataset.mask(live)?,
            live: Some(live.into()),
            ..self.changed()
        })
    }

    /// With the numbered rows alone, which ascend.
    pub fn gather(&self, keep: &[u32]) -> Result<InvertedLists> {
        let dataset = match keep {
            [] => self.dataset.without_rows()?,
            keep => self.dataset.gather(keep)?,
        };
        Ok(InvertedLists {
            dataset,
            labels: self.labels.gather(keep),
            live: None,
            // fewer rows reach no farther
            reach: self.reach.own(),
            ..self.changed()
        })
    }

    /// The `count` lists that are nearest to each query, in order: their numbers as ids, and the distances of their centroids.
    pub fn assign(&self, queries: Rows<'_>, count: usize) -> Result<RowHits> {
        assign::nearest_hits(self.centroids()?, queries, count, Default::default())
    }
}
