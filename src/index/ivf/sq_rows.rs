//! What an index of lists stores whose rows are codes of a scalar quantizer.

use super::centroids::{self, centroids_of};
use super::encoded::{Block, Encodable, Encoded, Unpacked, from_device, stored_type};
use super::name;
use super::originals::{self, Originals};
use super::rows::IvfRows;
use crate::buffer::Matrix;
use crate::call::{Filter, Pending, RowHits, RowIds};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::{Coding, Dataset, ToPrepare};
use crate::format::RowSource;
use crate::index::ids::RowSet;
use crate::index::params::{Ask, SearchParams, TrainParams};
use crate::index::persist::{self, FileReader, FileWriter};
use crate::index::state::{Stored, StoredRows};
use crate::metric::Metric;
use crate::quantize::ScalarQuantizer;
use std::ops::Range;

/// Rows of a sample that ranges are learnt from, at most.
const SAMPLE_ROWS: usize = 100_000;

/// Codes in lists and what they are codes of; or the originals, of which codes are made for searches and files.
#[derive(Clone)]
pub(in crate::index) struct SqRows {
    pub(super) ivf: IvfRows,
    pub(super) quantizer: ScalarQuantizer,
    pub(super) originals: Originals,
}

/// An empty dataset of such codes, or of rows whose copy they are. Before the ranges are known it is one of bytes, which nobody adds to.
fn dataset(
    gpu: &Gpu,
    metric: &Metric,
    quantizer: &ScalarQuantizer,
    originals: Originals,
) -> Result<Dataset> {
    let kind = quantizer.kind();
    if originals == Originals::Device {
        let rows = Dataset::new(gpu, metric, DType::F32, quantizer.dim())?;
        return rows.copied_as(originals::codes(gpu, metric, quantizer)?, None);
    }
    match (kind.ranged_bits(), quantizer.steps()) {
        (Some(bits), Some((minima, steps))) if quantizer.is_trained() => {
            Dataset::coded(gpu, metric, Coding::new(gpu, bits, &minima, &steps)?)
        }
        _ => Dataset::new(gpu, metric, stored_type(kind), quantizer.dim()),
    }
}

impl SqRows {
    /// No rows yet.
    pub fn new(
        gpu: &Gpu,
        metric: &Metric,
        quantizer: &ScalarQuantizer,
        nlist: usize,
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
            return Err(Error::unsupported("IvfSq", item));
        }
        let ivf = IvfRows::of(dataset(gpu, metric, quantizer, originals)?, nlist)?;
        Ok(SqRows { ivf, quantizer: quantizer.clone(), originals })
    }

    /// The same without rows, of the same lists, with a quantizer and originals or without.
    fn emptied(&self, quantizer: &ScalarQuantizer, originals: Originals) -> Result<SqRows> {
        let nlist = self.ivf.lists.nlist();
        let new = SqRows::new(self.gpu(), self.metric(), quantizer, nlist, originals)?;
        let ivf = IvfRows { nprobe: self.ivf.nprobe, ..new.ivf.clone() };
        match self.ivf.is_trained() {
            true => Ok(new.with(ivf.with_centroids(&self.ivf.centroids()?)?)),
            false => Ok(new.with(ivf)),
        }
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
        let empty = self.emptied(&self.quantizer, originals)?;
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

    /// With codes of the originals of another, those in `live` or all, in the lists that they are in.
    fn append_encoded(&self, other: &SqRows, live: Option<&RowSet>) -> Result<SqRows> {
        let mut source = other.source(live);
        let mut codes = Encoded::new(&mut *source, self.metric(), &self.quantizer, None)?;
        let labels = other.ivf.labels(live);
        Ok(self.with(self.ivf.with(self.ivf.lists.append_labelled(&mut codes, &labels)?)))
    }

    fn gpu(&self) -> &Gpu {
        self.ivf.lists.dataset().gpu()
    }

    pub fn with_centroids(&self, centroids: &[f32]) -> Result<SqRows> {
        Ok(self.with(self.ivf.with_centroids(centroids)?))
    }

    fn with(&self, ivf: IvfRows) -> SqRows {
        SqRows { ivf, quantizer: self.quantizer.clone(), originals: self.originals }
    }

    /// Codes as files have them, of bytes as the device has them.
    pub(super) fn codes(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        match self.originals {
            Originals::None => {
                Ok(self.quantizer.packed(&from_device(self.quantizer.kind(), bytes)))
            }
            Originals::Device => self.quantizer.encode(Block::default().rows(DType::F32, &bytes)?),
        }
    }

    /// What bytes of the device stand for.
    fn decoded(&self, bytes: Vec<u8>) -> Result<Vec<f32>> {
        self.quantizer.decode_elements(&from_device(self.quantizer.kind(), bytes))
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
        self.quantizer.dim()
    }

    fn len(&self) -> u64 {
        self.ivf.len()
    }

    fn bytes(&self) -> u64 {
        self.ivf.bytes()
    }

    fn description(&self) -> String {
        name::description(self.ivf.lists.nlist(), Some(self.quantizer.kind()))
    }

    fn is_trained(&self) -> bool {
        self.ivf.is_trained() && self.quantizer.is_trained()
    }

    fn training_rows(&self) -> usize {
        let of_lists = self.ivf.lists.nlist().saturating_mul(centroids::MOST_ROWS);
        of_lists.max(SAMPLE_ROWS)
    }

    fn train(&self, sample: Rows<'_>, params: &TrainParams) -> Result<SqRows> {
        let kept = self.originals != Originals::None;
        if self.len() > 0 && !kept && self.quantizer.kind().ranged_bits().is_some() {
            let item = "training where there are rows, whose codes would mean something else";
            return Err(Error::unsupported("IvfSq", item));
        }
        let (gpu, shape) = (self.gpu(), (self.dim(), self.ivf.lists.nlist()));
        let centroids = centroids_of(gpu, self.metric(), shape, sample, params)?;
        if self.len() > 0 && !kept {
            return self.with_centroids(&centroids);
        }
        let quantizer = self.quantizer.train(sample)?;
        let ivf = match kept {
            // of rows that there are, codes are made anew
            true => {
                let codes = originals::codes(gpu, self.metric(), &quantizer)?;
                self.ivf.with(self.ivf.lists.copied_as(codes)?)
            }
            false => SqRows::new(gpu, self.metric(), &quantizer, shape.1, self.originals)?.ivf,
        };
        let trained = ivf.with_centroids(&centroids)?;
        let ivf = IvfRows { nprobe: self.ivf.nprobe, ..trained };
        Ok(SqRows { ivf, quantizer, originals: self.originals })
    }

    fn append(&self, source: &mut dyn RowSource) -> Result<SqRows> {
        if !self.is_trained() {
            return Err(Error::NotTrained);
        }
        if self.originals == Originals::Device {
            return Ok(self.with(self.ivf.append(&mut Encodable::new(source, &self.quantizer)?)?));
        }
        let lists = &self.ivf.lists;
        let mut codes = Encoded::new(source, self.metric(), &self.quantizer, Some(lists))?;
        let lists = lists.append_labelling(&mut codes, |codes| codes.labels.clone())?;
        Ok(self.with(self.ivf.with(lists)))
    }

    fn append_matrix(&self, matrix: &Matrix) -> Result<SqRows> {
        let ranged = self.quantizer.kind().ranged_bits().is_some();
        if ranged && self.is_trained() && self.originals == Originals::Device {
            return Ok(self.with(self.ivf.append_matrix(matrix)?));
        }
        self.append(&mut matrix.source())
    }

    /// Codes and lists are taken as they are; of originals it is these, and codes are of the own ranges.
    fn merge(&self, other: &SqRows, live: Option<&RowSet>) -> Result<SqRows> {
        let (ours, theirs) = (&self.quantizer, &other.quantizer);
        let refused = |reason: String| Err(Error::argument("other", reason));
        if ours.kind() != theirs.kind() {
            return refused(format!("{} into {}", theirs.kind(), ours.kind()));
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
        let bits = |quantizer: &ScalarQuantizer| -> Vec<u32> {
            quantizer.trained().iter().map(|x| x.to_bits()).collect()
        };
        if bits(ours) != bits(theirs) {
            return refused(
                "its ranges are not equal to these to the bit, so that its codes mean something else"
                    .into(),
            );
        }
        let labels = other.ivf.labels(live);
        let shape = (stored_type(theirs.kind()), theirs.dim());
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
            let mut source = Encodable::new(source, &self.quantizer)?;
            return Ok(self.with(self.ivf.replace(rows, &mut source, live, more)?));
        }
        let lists = &self.ivf.lists;
        let mut codes = Encoded::new(source, self.metric(), &self.quantizer, Some(lists))?;
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
        let mut bytes = vec![0; rows.len() * self.ivf.dtype().row_bytes(self.dim())];
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
        persist::write_quantizer(file, &self.quantizer)?;
        self.ivf.write_lists(live, file)?;
        let read = |rows: Range<u64>| self.codes(self.ivf.read(rows)?);
        let (bytes, len) = (self.quantizer.code_bytes(), self.len());
        persist::write_rows(file, persist::ROWS, bytes, len, live, read)?;
        if self.originals == Originals::None {
            return Ok(());
        }
        let bytes = DType::F32.row_bytes(self.dim());
        persist::write_rows(file, persist::ORIGINALS, bytes, len, live, |rows| self.ivf.read(rows))
    }

    fn read_sections(&self, rows: u64, file: &mut FileReader) -> Result<SqRows> {
        let quantizer = persist::read_quantizer(file, self.dim())?;
        // behind the lists, the labels and the codes
        let kept = file.sections() > 3;
        let originals = if kept { Originals::Device } else { Originals::None };
        let (gpu, metric) = (self.gpu(), self.metric());
        let new = |nlist| Ok(SqRows::new(gpu, metric, &quantizer, nlist, originals)?.ivf);
        let (empty, labels) = IvfRows::read_lists(file, self.dim(), rows, new)?;
        let shape = (DType::U8, quantizer.code_bytes());
        if kept {
            persist::read_rows(file, persist::ROWS, shape, rows, |codes| {
                while codes.next_rows(usize::MAX)?.is_some() {}
                Ok(())
            })?;
            let shape = (DType::F32, self.dim());
            let ivf = persist::read_rows(file, persist::ORIGINALS, shape, rows, |source| {
                let mut rows = Encodable::new(source, &quantizer)?;
                Ok(empty.with(empty.lists.append_labelled(&mut rows, &labels)?))
            })?;
            return Ok(SqRows { ivf, quantizer, originals });
        }
        let ivf = persist::read_rows(file, persist::ROWS, shape, rows, |source| {
            let mut codes = Unpacked::new(source, &quantizer);
            Ok(empty.with(empty.lists.append_labelled(&mut codes, &labels)?))
        })?;
        Ok(SqRows { ivf, quantizer, originals })
    }
}
