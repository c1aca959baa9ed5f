//! What an index of lists stores whose rows are codes.

use super::centroids::{self, centroids_of};
use super::codes::RowCodes;
use super::encoded::{Block, Encodable, Encoded, In, Unpacked};
use super::name;
use super::originals::{self, Originals};
use super::rows::IvfRows;
use crate::buffer::Matrix;
use crate::call::{Filter, Pending, RowHits, RowIds};
use crate::clustering::{KMeansParams, subset};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::{Dataset, ToPrepare};
use crate::format::RowSource;
use crate::index::ids::RowSet;
use crate::index::params::{Ask, SearchParams, TrainParams};
use crate::index::persist::{self, FileReader, FileWriter};
use crate::index::state::{Stored, StoredRows};
use crate::metric::Metric;
use crate::quantize::{Quantizer, ScalarQuantizer, picked};
use std::ops::Range;

/// Rows of a sample that ranges are learnt from, at most.
const SAMPLE_ROWS: usize = 100_000;

/// Codes in lists and what they are codes of; or the originals, of which codes are made for searches and files.
#[derive(Clone)]
pub(in crate::index) struct SqRows {
    pub(super) ivf: IvfRows,
    pub(super) codes: RowCodes,
    pub(super) originals: Originals,
}

/// An empty dataset of such codes, or of rows whose copy they are.
fn dataset(
    gpu: &Gpu,
    metric: &Metric,
    codes: &RowCodes,
    originals: Originals,
    centroids: Option<&[f32]>,
) -> Result<Dataset> {
    if originals == Originals::Device {
        let rows = Dataset::new(gpu, metric, DType::F32, codes.quantizer.dim())?;
        return rows.copied_as(originals::codes(gpu, metric, codes)?, None);
    }
    codes.dataset(gpu, metric, centroids)
}

impl SqRows {
    /// No rows yet, in lists of these centroids, or of `nlist` that are still to be learnt.
    pub(super) fn new(
        gpu: &Gpu,
        metric: &Metric,
        codes: &RowCodes,
        (nlist, centroids): (usize, Option<&[f32]>),
        originals: Originals,
    ) -> Result<SqRows> {
        let products = [
            Metric::L2,
            Metric::SqrtL2,
            Metric::InnerProduct,
            Metric::Cosine,
            Metric::CosineDistance,
        ];
        if !products.contains(metric) {
            let known: Vec<_> = products.iter().map(Metric::to_string).collect();
            let item = format!("{metric}; its metrics are {}", known.join(", "));
            return Err(Error::unsupported("lists of codes", item));
        }
        let ivf = IvfRows::of(dataset(gpu, metric, codes, originals, centroids)?, nlist)?;
        let ivf = match centroids {
            Some(centroids) => ivf.with_centroids(centroids)?,
            None => ivf,
        };
        Ok(SqRows { ivf, codes: codes.clone(), originals })
    }

    /// The same without rows, of the same lists, with other codes and originals or without.
    pub(super) fn emptied(&self, codes: &RowCodes, originals: Originals) -> Result<SqRows> {
        let centroids = match self.ivf.is_trained() {
            true => Some(self.ivf.centroids()?),
            false => None,
        };
        let lists = (self.ivf.lists.nlist(), centroids.as_deref());
        let new = SqRows::new(self.gpu(), self.metric(), codes, lists, originals)?;
        Ok(new.with(IvfRows { nprobe: self.ivf.nprobe, ..new.ivf.clone() }))
    }

    /// The elements of the centroids where codes need them.
    fn bases(&self) -> Result<Vec<f32>> {
        if self.codes.residual && self.ivf.is_trained() {
            return self.ivf.centroids();
        }
        Ok(Vec::new())
    }

    /// The scalar quantizer of rows that are kept beside their codes.
    fn scalar(&self) -> Result<&ScalarQuantizer> {
        let missing = || Error::internal("originals of no scalar quantizer");
        self.codes.quantizer.scalar().ok_or_else(missing)
    }

    /// The same rows with originals or without.
    pub fn with_originals(&self, originals: Originals) -> Result<SqRows> {
        if originals == self.originals {
            return Ok(self.clone());
        }
        if self.len() > 0 && originals != Originals::None {
            let item = "originals of rows that are codes already";
            return Err(Error::unsupported("IvfSq", item));
        }
        let empty = self.emptied(&self.codes, originals)?;
        if self.len() == 0 {
            return Ok(empty);
        }
        // row by row, so that each keeps its number, those that are masked too
        let coded = empty.append_encoded(self, None)?;
        match self.ivf.lists.live() {
            Some(live) => coded.mask(live),
            None => Ok(coded),
        }
    }

    /// The same without rows, whose codes will be of residuals or not.
    pub fn with_residuals(&self, residual: bool) -> Result<SqRows> {
        if residual == self.codes.residual {
            return Ok(self.clone());
        }
        if self.len() > 0 {
            return Err(Error::unsupported("lists of codes", "other codes of rows that are there"));
        }
        self.emptied(&RowCodes::new(self.codes.quantizer.clone(), residual)?, self.originals)
    }

    /// With codes of the originals of another, those in `live` or all, in the lists that they are in.
    fn append_encoded(&self, other: &SqRows, live: Option<&RowSet>) -> Result<SqRows> {
        let mut source = other.source(live);
        let (labels, bases) = (other.ivf.labels(live), self.bases()?);
        let (of, lists) = ((self.gpu(), self.metric()), In::Known(&labels));
        let mut codes = Encoded::new(&mut *source, of, &self.codes, lists, &bases)?;
        Ok(self.with(self.ivf.with(self.ivf.lists.append_labelled(&mut codes, &labels)?)))
    }

    fn gpu(&self) -> &Gpu {
        self.ivf.lists.dataset().gpu()
    }

    fn with(&self, ivf: IvfRows) -> SqRows {
        SqRows { ivf, codes: self.codes.clone(), originals: self.originals }
    }

    /// Codes as files have them, of bytes as the device has them, which are rows in these lists.
    pub(super) fn packed(&self, bytes: Vec<u8>, labels: &[u32]) -> Result<Vec<u8>> {
        match self.originals {
            Originals::None => Ok(self.codes.packed(bytes)),
            Originals::Device => {
                let mut block = Block::default();
                let rows = block.rows(DType::F32, &bytes)?;
                let (of, bases) = ((self.gpu(), self.metric()), self.bases()?);
                let coded = self.codes.encode(of, rows, 0, (labels, &bases))?;
                Ok(self.codes.packed(coded))
            }
        }
    }

    /// What bytes of the device stand for.
    fn decoded(&self, bytes: Vec<u8>) -> Result<Vec<f32>> {
        self.codes.decoded(bytes, &self.bases()?)
    }

    /// The quantizer, trained on what it would be shown of a sample.
    fn trained(
        &self,
        sample: Rows<'_>,
        centroids: &[f32],
        params: &TrainParams,
    ) -> Result<Quantizer> {
        let (gpu, dim) = (self.gpu(), self.dim());
        let mut kmeans = KMeansParams::new();
        if let Some(cancel) = &params.cancel {
            kmeans = kmeans.cancel(cancel);
        }
        if !self.codes.residual && self.codes.quantizer.scalar().is_some() {
            return self.codes.quantizer.train(gpu, sample, &kmeans);
        }
        let most = match &self.codes.quantizer {
            Quantizer::Product(of) => centroids::MOST_ROWS << of.bits(),
            Quantizer::Scalar(_) => SAMPLE_ROWS,
        };
        let of_sample = KMeansParams::new().max_points_per_centroid(most);
        let chosen = match subset(sample.count(dim)?, 1, &of_sample)? {
            None => sample.to_f32(),
            Some(rows) => picked(sample, dim, &rows)?,
        };
        let rows = Rows::F32(&chosen);
        let labels = match self.codes.residual {
            true => {
                let shape = (DType::F32, dim);
                let lists = IvfRows::new(gpu, self.metric(), shape, centroids.len() / dim)?;
                lists.with_centroids(centroids)?.lists.nearest_of(rows)?
            }
            false => Vec::new(),
        };
        let shown = self.codes.shown(self.metric(), rows, (&labels, centroids))?;
        self.codes.quantizer.train(gpu, Rows::F32(&shown), &kmeans)
    }
}

impl Stored for SqRows {
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
        self.ivf.bytes()
    }

    fn description(&self) -> String {
        name::description(self.ivf.lists.nlist(), Some(&self.codes.quantizer))
    }

    fn is_trained(&self) -> bool {
        self.ivf.is_trained() && self.codes.quantizer.is_trained()
    }

    fn training_rows(&self) -> usize {
        let of_lists = self.ivf.lists.nlist().saturating_mul(centroids::MOST_ROWS);
        of_lists.max(SAMPLE_ROWS)
    }

    fn train(&self, sample: Rows<'_>, params: &TrainParams) -> Result<SqRows> {
        let kept = self.originals != Originals::None;
        // codes of rows that no number was learnt for mean the same in other lists
        let fixed = !self.codes.residual
            && self.codes.quantizer.scalar().is_some_and(|of| of.kind().ranged_bits().is_none());
        if self.len() > 0 && !kept && !fixed {
            let item = "training where there are rows, whose codes would mean something else";
            return Err(Error::unsupported("lists of codes", item));
        }
        let (gpu, shape) = (self.gpu(), (self.dim(), self.ivf.lists.nlist()));
        let centroids = centroids_of(gpu, self.metric(), shape, sample, params)?;
        if self.len() > 0 && !kept {
            return Ok(self.with(self.ivf.with_centroids(&centroids)?));
        }
        let codes = self.codes.with(self.trained(sample, &centroids, params)?);
        if kept {
            // of rows that there are, codes are made anew
            let copies = originals::codes(gpu, self.metric(), &codes)?;
            let ivf = self.ivf.with(self.ivf.lists.copied_as(copies)?);
            let ivf = ivf.with_centroids(&centroids)?;
            return Ok(SqRows { ivf, codes, originals: self.originals });
        }
        let lists = (shape.1, Some(&centroids[..]));
        let new = SqRows::new(gpu, self.metric(), &codes, lists, self.originals)?;
        Ok(new.with(IvfRows { nprobe: self.ivf.nprobe, ..new.ivf.clone() }))
    }

    fn append(&self, source: &mut dyn RowSource) -> Result<SqRows> {
        if !self.is_trained() {
            return Err(Error::NotTrained);
        }
        if self.originals == Originals::Device {
            return Ok(self.with(self.ivf.append(&mut Encodable::new(source, self.scalar()?)?)?));
        }
        let (lists, bases) = (&self.ivf.lists, self.bases()?);
        let of = (self.gpu(), self.metric());
        let mut codes = Encoded::new(source, of, &self.codes, In::Nearest(lists), &bases)?;
        let lists = lists.append_labelling(&mut codes, |codes| codes.labels.clone())?;
        Ok(self.with(self.ivf.with(lists)))
    }

    fn append_matrix(&self, matrix: &Matrix) -> Result<SqRows> {
        let scalar = self.codes.quantizer.scalar();
        let ranged = scalar.is_some_and(|of| of.kind().ranged_bits().is_some());
        if ranged && self.is_trained() && self.originals == Originals::Device {
            return Ok(self.with(self.ivf.append_matrix(matrix)?));
        }
        self.append(&mut matrix.source())
    }

    /// Codes and lists are taken as they are; of originals it is these, and codes are of the own ranges.
    fn merge(&self, other: &SqRows, live: Option<&RowSet>) -> Result<SqRows> {
        let (ours, theirs) = (&self.codes.quantizer, &other.codes.quantizer);
        let refused = |reason: String| Err(Error::argument("other", reason));
        if (ours.name(), self.codes.residual) != (theirs.name(), other.codes.residual) {
            let of = |codes: &RowCodes| if codes.residual { " of residuals" } else { "" };
            return refused(format!(
                "{}{} into {}{}",
                theirs.name(),
                of(&other.codes),
                ours.name(),
                of(&self.codes)
            ));
        }
        self.ivf.check_lists(&other.ivf)?;
        match (self.originals, other.originals) {
            (Originals::Device, Originals::Device) => {
                return Ok(self.with(self.ivf.merge(&other.ivf, live)?));
            }
            (Originals::None, Originals::Device) => return self.append_encoded(other, live),
            (Originals::Device, Originals::None) => {
                return refused("its originals, which are kept here, are not there".into());
            }
            (Originals::None, Originals::None) => {}
        }
        let bits = |quantizer: &Quantizer| -> Vec<u32> {
            quantizer.trained().iter().map(|x| x.to_bits()).collect()
        };
        if bits(ours) != bits(theirs) {
            return refused(
                "its ranges or centroids of parts are not equal to these to the bit, so that its codes mean something else"
                    .into(),
            );
        }
        let labels = other.ivf.labels(live);
        let shape = other.codes.stored();
        let dataset = other.ivf.lists.dataset();
        let mut source = StoredRows::new(shape, other.len(), live, |rows| dataset.read(rows));
        let lists = self.ivf.lists.append_labelled(&mut source, &labels)?;
        Ok(self.with(self.ivf.with(lists)))
    }

    fn replace(
        &self,
        rows: &[u32],
        source: &mut dyn RowSource,
        live: Option<&[u32]>,
        more: u64,
    ) -> Result<SqRows> {
        if self.originals == Originals::Device {
            let mut source = Encodable::new(source, self.scalar()?)?;
            return Ok(self.with(self.ivf.replace(rows, &mut source, live, more)?));
        }
        let (lists, bases) = (&self.ivf.lists, self.bases()?);
        let of = (self.gpu(), self.metric());
        let mut codes = Encoded::new(source, of, &self.codes, In::Nearest(lists), &bases)?;
        let lists = lists
            .replace_labelling(rows, &mut codes, (live, more), |codes| codes.labels.clone())?;
        Ok(self.with(self.ivf.with(lists)))
    }

    fn mask(&self, live: &[u32]) -> Result<SqRows> {
        Ok(self.with(self.ivf.mask(live)?))
    }

    fn gather(&self, keep: &[u32]) -> Result<SqRows> {
        Ok(self.with(self.ivf.gather(keep)?))
    }

    fn read(&self, rows: Range<u64>) -> Result<Vec<u8>> {
        if self.originals == Originals::Device {
            return self.ivf.read(rows);
        }
        let decoded = self.decoded(self.ivf.read(rows)?)?;
        Ok(bytemuck::cast_slice(&decoded).to_vec())
    }

    fn read_rows(&self, rows: &[u32], out: &mut [u8]) -> Result<()> {
        if self.originals == Originals::Device {
            return self.ivf.read_rows(rows, out);
        }
        let (dtype, width) = self.codes.stored();
        let mut bytes = vec![0; rows.len() * dtype.row_bytes(width)];
        self.ivf.read_rows(rows, &mut bytes)?;
        let decoded = self.decoded(bytes)?;
        let decoded: &[u8] = bytemuck::cast_slice(&decoded);
        if decoded.len() != out.len() {
            return Err(Error::internal(format!("{} bytes for {}", decoded.len(), out.len())));
        }
        out.copy_from_slice(decoded);
        Ok(())
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
        self.ivf.submit(queries, ask, filter, row_ids, params)
    }

    fn write_sections(&self, live: Option<&RowSet>, file: &mut FileWriter) -> Result<()> {
        persist::write_codes(file, &self.codes.quantizer, self.codes.residual)?;
        self.ivf.write_lists(live, file)?;
        let read = |rows: Range<u64>| {
            let labels = self.ivf.lists.labels(rows.start as usize..rows.end as usize);
            self.packed(self.ivf.read(rows)?, &labels)
        };
        let (bytes, len) = (self.codes.quantizer.code_bytes(), self.len());
        persist::write_rows(file, persist::ROWS, bytes, len, live, read)?;
        if self.originals == Originals::None {
            return Ok(());
        }
        let bytes = DType::F32.row_bytes(self.dim());
        persist::write_rows(file, persist::ORIGINALS, bytes, len, live, |rows| self.ivf.read(rows))
    }

    fn read_sections(&self, rows: u64, file: &mut FileReader) -> Result<SqRows> {
        let product = self.codes.quantizer.scalar().is_none();
        let (quantizer, residual) = persist::read_codes(file, self.dim(), product)?;
        let codes = RowCodes::new(quantizer, residual)?;
        // behind the lists, the labels and the codes
        let kept = file.sections() > 3;
        let originals = if kept { Originals::Device } else { Originals::None };
        let (gpu, metric) = (self.gpu(), self.metric());
        let new = |lists: (usize, Option<&[f32]>)| {
            Ok(SqRows::new(gpu, metric, &codes, lists, originals)?.ivf)
        };
        let (empty, labels) = IvfRows::read_lists(file, self.dim(), rows, new)?;
        let shape = (DType::U8, codes.quantizer.code_bytes());
        if kept {
            persist::read_rows(file, persist::ROWS, shape, rows, |codes| {
                while codes.next_rows(usize::MAX)?.is_some() {}
                Ok(())
            })?;
            let shape = (DType::F32, self.dim());
            let missing = || Error::internal("originals of no scalar quantizer");
            let scalar = codes.quantizer.scalar().ok_or_else(missing)?;
            let ivf = persist::read_rows(file, persist::ORIGINALS, shape, rows, |source| {
                let mut rows = Encodable::new(source, scalar)?;
                Ok(empty.with(empty.lists.append_labelled(&mut rows, &labels)?))
            })?;
            return Ok(SqRows { ivf, codes, originals });
        }
        let ivf = persist::read_rows(file, persist::ROWS, shape, rows, |source| {
            let mut unpacked = Unpacked::new(source, &codes, &labels);
            Ok(empty.with(empty.lists.append_labelled(&mut unpacked, &labels)?))
        })?;
        Ok(SqRows { ivf, codes, originals })
    }
}
