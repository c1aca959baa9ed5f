//! Rows and the lists that they are in: one immutable snapshot.

use super::assign;
use super::labels::Labels;
use super::table::{Source, Table};
use crate::buffer::Matrix;
use crate::call::{RowHits, mask_words};
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::Dataset;
use crate::format::{RowSource, SliceSource};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Rows under one metric, each in the list of its nearest centroid. Changes give new lists that share what is equal; the old ones
/// stay valid.
#[derive(Clone)]
pub(crate) struct InvertedLists {
    dataset: Dataset,
    /// Lists that there are to be.
    nlist: usize,
    /// `nlist` rows in f32, once they are known.
    centroids: Option<Dataset>,
    labels: Labels,
    /// The rows that were not removed, a bit each; `None` where none was.
    live: Option<Arc<[u32]>>,
    /// The lists' pages, once a search asked for them.
    table: Arc<Mutex<Option<Arc<Table>>>>,
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
            table: Arc::default(),
        })
    }

    /// To be changed: without the pages.
    fn changed(&self) -> InvertedLists {
        InvertedLists { table: Arc::default(), ..self.clone() }
    }

    /// With these rows behind its own in the lists of these labels.
    fn grown(&self, dataset: Dataset, labels: &[u32]) -> InvertedLists {
        let live = self.live.as_ref().map(|live| {
            let mut words = live.to_vec();
            words.resize(mask_words(dataset.len()), 0);
            for row in self.dataset.len()..dataset.len() {
                words[row as usize / 32] |= 1 << (row % 32);
            }
            words.into()
        });
        InvertedLists { dataset, labels: self.labels.extended(labels), live, ..self.changed() }
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

    pub(super) fn all_labels(&self) -> &Labels {
        &self.labels
    }

    /// The pages of the lists.
    pub(super) fn table(&self) -> Result<Arc<Table>> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = &*table {
            return Ok(Arc::clone(table));
        }
        let source = Source {
            dataset: &self.dataset,
            nlist: self.nlist,
            labels: &self.labels,
            live: self.live.as_deref(),
        };
        let made = Arc::new(Table::new(&source)?);
        *table = Some(Arc::clone(&made));
        Ok(made)
    }

    /// Device memory.
    pub fn bytes(&self) -> u64 {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let table = table.as_ref().map_or(0, |table| table.bytes());
        self.dataset.bytes() + self.centroids.as_ref().map_or(0, Dataset::bytes) + table
    }

    /// The same with these centroids, `nlist` rows of f32; its rows, if there are some, are assigned again.
    pub fn with_centroids(&self, centroids: &[f32]) -> Result<InvertedLists> {
        let (gpu, dim) = (self.dataset.gpu(), self.dataset.rows().dim());
        let count = Rows::F32(centroids).count(dim)?;
        if count != self.nlist {
            let reason = format!("{count} centroids for {} lists", self.nlist);
            return Err(Error::argument("centroids", reason));
        }
        let empty = Dataset::new(gpu, self.dataset.metric(), DType::F32, dim)?;
        let centroids = empty.append(&mut SliceSource::new(Rows::F32(centroids), dim)?)?;
        let labels = assign::labels(&centroids, &self.dataset, 0..self.dataset.len())?;
        let labels = Labels::default().extended(&labels);
        Ok(InvertedLists { centroids: Some(centroids), labels, ..self.changed() })
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
        Ok(self.grown(dataset, labels))
    }

    fn appended(&self, dataset: Dataset) -> Result<InvertedLists> {
        let new = self.dataset.len()..dataset.len();
        let labels = assign::labels(self.centroids()?, &dataset, new)?;
        Ok(self.grown(dataset, &labels))
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
        let mut labels = Vec::with_capacity(rows.len());
        for &row in rows {
            let row = u64::from(row);
            labels.extend(assign::labels(centroids, &dataset, row..row + 1)?);
        }
        Ok(InvertedLists { dataset, labels: self.labels.replaced(rows, &labels), ..self.changed() })
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
        Ok(InvertedLists { dataset, labels: self.labels.replaced(rows, &labels), ..self.changed() })
    }

    /// The nearest list of each of some rows, which need not be these.
    pub fn nearest_of(&self, rows: Rows<'_>) -> Result<Vec<u32>> {
        assign::nearest_labels(self.centroids()?, rows)
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
            ..self.changed()
        })
    }

    /// The `count` lists that are nearest to each query, in order: their numbers as ids, and the distances of their centroids.
    pub fn assign(&self, queries: Rows<'_>, count: usize) -> Result<RowHits> {
        assign::nearest_hits(self.centroids()?, queries, count, Default::default())
    }
}
