//! What an index of lists stores whose rows are codes of a scalar quantizer.

use super::centroids::{self, centroids_of};
use super::encoded::{Encoded, Unpacked, from_device, stored_type};
use super::name;
use super::rows::IvfRows;
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

/// Codes in lists, and what they are codes of.
#[derive(Clone)]
pub(in crate::index) struct SqRows {
    pub(super) ivf: IvfRows,
    pub(super) quantizer: ScalarQuantizer,
}

/// An empty dataset of such codes. Before the ranges are known it is one of bytes, which nobody adds to.
fn dataset(gpu: &Gpu, metric: &Metric, quantizer: &ScalarQuantizer) -> Result<Dataset> {
    let kind = quantizer.kind();
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
        let ivf = IvfRows::of(dataset(gpu, metric, quantizer)?, nlist)?;
        Ok(SqRows { ivf, quantizer: quantizer.clone() })
    }

    fn gpu(&self) -> &Gpu {
        self.ivf.lists.dataset().gpu()
    }

    pub fn with_centroids(&self, centroids: &[f32]) -> Result<SqRows> {
        Ok(self.with(self.ivf.with_centroids(centroids)?))
    }

    fn with(&self, ivf: IvfRows) -> SqRows {
        SqRows { ivf, quantizer: self.quantizer.clone() }
    }

    /// Codes as files have them, of bytes as the device has them.
    pub(super) fn codes(&self, bytes: Vec<u8>) -> Vec<u8> {
        self.quantizer.packed(&from_device(self.quantizer.kind(), bytes))
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
        if self.len() > 0 && self.quantizer.kind().ranged_bits().is_some() {
            let item = "training where there are rows, whose codes would mean something else";
            return Err(Error::unsupported("IvfSq", item));
        }
        let (gpu, shape) = (self.gpu(), (self.dim(), self.ivf.lists.nlist()));
        let centroids = centroids_of(gpu, self.metric(), shape, sample, params)?;
        if self.len() > 0 {
            return self.with_centroids(&centroids);
        }
        let quantizer = self.quantizer.train(sample)?;
        let empty = SqRows::new(gpu, self.metric(), &quantizer, shape.1)?;
        let trained = empty.ivf.with_centroids(&centroids)?;
        Ok(SqRows { ivf: IvfRows { nprobe: self.ivf.nprobe, ..trained }, quantizer })
    }

    fn append(&self, source: &mut dyn RowSource) -> Result<SqRows> {
        if !self.is_trained() {
            return Err(Error::NotTrained);
        }
        let lists = &self.ivf.lists;
        let mut codes = Encoded::new(source, self.metric(), &self.quantizer, lists)?;
        let lists = lists.append_labelling(&mut codes, |codes| codes.labels.clone())?;
        Ok(self.with(self.ivf.with(lists)))
    }

    /// Codes and lists are taken as they are.
    fn merge(&self, other: &SqRows, live: Option<&RowSet>) -> Result<SqRows> {
        let (ours, theirs) = (&self.quantizer, &other.quantizer);
        let refused = |reason: String| Err(Error::argument("other", reason));
        if ours.kind() != theirs.kind() {
            return refused(format!("{} into {}", theirs.kind(), ours.kind()));
        }
        self.ivf.check_lists(&other.ivf)?;
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
        let lists = &self.ivf.lists;
        let mut codes = Encoded::new(source, self.metric(), &self.quantizer, lists)?;
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
        let decoded = self.decoded(self.ivf.read(rows)?)?;
        Ok(bytemuck::cast_slice(&decoded).to_vec())
    }

    fn read_rows(&self, rows: &[u32], out: &mut [u8]) -> Result<()> {
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
        let read = |rows: Range<u64>| Ok(self.codes(self.ivf.read(rows)?));
        persist::write_rows(file, self.quantizer.code_bytes(), self.len(), live, read)
    }

    fn read_sections(&self, rows: u64, file: &mut FileReader) -> Result<SqRows> {
        let quantizer = persist::read_quantizer(file, self.dim())?;
        let new = |nlist| Ok(SqRows::new(self.gpu(), self.metric(), &quantizer, nlist)?.ivf);
        let (empty, labels) = IvfRows::read_lists(file, self.dim(), rows, new)?;
        let shape = (DType::U8, quantizer.code_bytes());
        let ivf = persist::read_rows(file, shape, rows, |source| {
            let mut codes = Unpacked::new(source, &quantizer);
            Ok(empty.with(empty.lists.append_labelled(&mut codes, &labels)?))
        })?;
        Ok(SqRows { ivf, quantizer })
    }
}
