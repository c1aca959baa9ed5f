//! What an index of lists stores whose rows are codes of a scalar quantizer.

use super::centroids::centroids_of;
use super::encoded::{self, Block, Encodable, Encoded, Unpacked, from_device, stored_type};
use super::host::{HostRows, Made, Searched};
use super::originals::{self, Originals};
use super::rows::IvfRows;
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::{Coding, Dataset};
use crate::format::RowSource;
use crate::index::ids::RowSet;
use crate::index::params::TrainParams;
use crate::index::persist::{self, FileReader, FileWriter};
use crate::index::state::{Stored, StoredRows};
use crate::metric::Metric;
use crate::quantize::ScalarQuantizer;
use std::ops::Range;
use std::sync::Arc;

/// Codes in lists and what they are codes of; or the originals, of which codes are made for searches and files.
#[derive(Clone)]
pub(in crate::index) struct SqRows {
    pub(super) ivf: IvfRows,
    pub(super) quantizer: ScalarQuantizer,
    pub(super) originals: Originals,
    /// The originals, where they are on the host.
    pub(super) host: Option<HostRows>,
    /// What searches of these made.
    pub(super) made: Arc<Made>,
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
        let host = (originals == Originals::Host).then(|| HostRows::new(quantizer.dim()));
        Ok(SqRows { ivf, quantizer: quantizer.clone(), originals, host, made: Arc::default() })
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
        match (self.originals, originals) {
            (Originals::None, _) if self.len() > 0 => {
                let item = "originals of rows that are codes already";
                Err(Error::unsupported("IvfSq", item))
            }
            // the codes are there
            (Originals::Host, Originals::None) => {
                Ok(SqRows { originals, host: None, made: Arc::default(), ..self.clone() })
            }
            _ => self.refilled(self.emptied(&self.quantizer, originals)?, true),
        }
    }

    /// `empty` with all of these rows, which are originals, so that each keeps its number, those that are masked too: in the lists that they
    /// are in, or in those that are nearest now.
    fn refilled(&self, empty: SqRows, same_lists: bool) -> Result<SqRows> {
        if self.len() == 0 {
            return Ok(empty);
        }
        let new = match same_lists {
            true => empty.append_originals(self, None)?,
            false => empty.append_rows(&mut *self.source(None))?,
        };
        match self.ivf.lists.live() {
            Some(live) => Ok(new.with(new.ivf.mask(live)?)),
            None => Ok(new),
        }
    }

    /// With the originals of another, those in `live` or all, in the lists that they are in.
    fn append_originals(&self, other: &SqRows, live: Option<&RowSet>) -> Result<SqRows> {
        let (mut source, labels) = (other.source(live), other.ivf.labels(live));
        self.append_labelled(&mut *source, &labels)
    }

    /// With rows whose lists are known, as codes or as they are.
    fn append_labelled(&self, source: &mut dyn RowSource, labels: &[u32]) -> Result<SqRows> {
        let lists = &self.ivf.lists;
        if self.originals == Originals::Device {
            let mut rows = Encodable::new(source, &self.quantizer)?;
            return Ok(self.with(self.ivf.with(lists.append_labelled(&mut rows, labels)?)));
        }
        let mut codes = Encoded::new(source, self.metric(), &self.quantizer, None)?
            .keeping(self.host.clone())?;
        let lists = lists.append_labelled(&mut codes, labels)?;
        Ok(SqRows { host: codes.kept, ..self.with(self.ivf.with(lists)) })
    }

    /// With rows in the lists that are nearest to them.
    pub(super) fn append_rows(&self, source: &mut dyn RowSource) -> Result<SqRows> {
        let lists = &self.ivf.lists;
        if self.originals == Originals::Device {
            return Ok(self.with(self.ivf.append(&mut Encodable::new(source, &self.quantizer)?)?));
        }
        let mut codes = Encoded::new(source, self.metric(), &self.quantizer, Some(lists))?
            .keeping(self.host.clone())?;
        let lists = lists.append_labelling(&mut codes, |codes| codes.labels.clone())?;
        Ok(SqRows { host: codes.kept, ..self.with(self.ivf.with(lists)) })
    }

    /// With others in the place of numbered ones.
    pub(super) fn replace_rows(
        &self,
        rows: &[u32],
        source: &mut dyn RowSource,
        (live, more): (Option<&[u32]>, u64),
    ) -> Result<SqRows> {
        if self.originals == Originals::Device {
            let mut source = Encodable::new(source, &self.quantizer)?;
            return Ok(self.with(self.ivf.replace(rows, &mut source, live, more)?));
        }
        let (lists, dim) = (&self.ivf.lists, self.dim());
        let mut codes = Encoded::new(source, self.metric(), &self.quantizer, Some(lists))?
            .keeping(self.host.as_ref().map(|_| HostRows::new(dim)))?;
        let lists = lists
            .replace_labelling(rows, &mut codes, (live, more), |codes| codes.labels.clone())?;
        let host = match (&self.host, &codes.kept) {
            (Some(own), Some(others)) => Some(own.replaced(rows, others)?),
            _ => None,
        };
        Ok(SqRows { host, ..self.with(self.ivf.with(lists)) })
    }

    /// The lists of the codes and the originals, where these are on the host.
    pub(super) fn searched(&self) -> Result<Option<Searched>> {
        let Some(rows) = self.host.clone() else { return Ok(None) };
        let slack = encoded::slack(self.metric(), &self.quantizer)?;
        let (lists, made) = (self.ivf.lists.clone(), Arc::clone(&self.made));
        Ok(Some(Searched { lists, rows, slack, made }))
    }

    pub(super) fn gpu(&self) -> &Gpu {
        self.ivf.lists.dataset().gpu()
    }

    pub fn with_centroids(&self, centroids: &[f32]) -> Result<SqRows> {
        Ok(self.with(self.ivf.with_centroids(centroids)?))
    }

    pub(super) fn with(&self, ivf: IvfRows) -> SqRows {
        SqRows { ivf, made: Arc::default(), ..self.clone() }
    }

    /// Codes as files have them, of bytes as the device has them.
    pub(super) fn codes(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        match self.originals {
            Originals::None | Originals::Host => {
                Ok(self.quantizer.packed(&from_device(self.quantizer.kind(), bytes)))
            }
            Originals::Device => self.quantizer.encode(Block::default().rows(DType::F32, &bytes)?),
        }
    }

    /// What bytes of the device stand for.
    pub(super) fn decoded(&self, bytes: Vec<u8>) -> Result<Vec<f32>> {
        self.quantizer.decode_elements(&from_device(self.quantizer.kind(), bytes))
    }

    /// Knowing what there is to learn from a sample; of originals that there are, codes are made anew.
    pub(super) fn trained(&self, sample: Rows<'_>, params: &TrainParams) -> Result<SqRows> {
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
        if self.originals == Originals::Device {
            let codes = originals::codes(gpu, self.metric(), &quantizer)?;
            let ivf = self.ivf.with(self.ivf.lists.copied_as(codes)?);
            return Ok(SqRows { quantizer, ..self.with(ivf.with_centroids(&centroids)?) });
        }
        let new = SqRows::new(gpu, self.metric(), &quantizer, shape.1, self.originals)?;
        let ivf = IvfRows { nprobe: self.ivf.nprobe, ..new.ivf.with_centroids(&centroids)? };
        self.refilled(new.with(ivf), false)
    }

    /// Codes and lists are taken as they are; of originals it is these, and codes are of the own ranges.
    pub(super) fn merged(&self, other: &SqRows, live: Option<&RowSet>) -> Result<SqRows> {
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
            (Originals::None, Originals::None) => {}
            (_, Originals::None) => {
                return refused("its originals, which are kept here, are not there".into());
            }
            _ => return self.append_originals(other, live),
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

    /// Writes the sections of a file.
    pub(super) fn write_to(&self, live: Option<&RowSet>, file: &mut FileWriter) -> Result<()> {
        persist::write_quantizer(file, &self.quantizer)?;
        self.ivf.write_lists(live, file)?;
        let read = |rows: Range<u64>| self.codes(self.ivf.read(rows)?);
        let (bytes, len) = (self.quantizer.code_bytes(), self.len());
        persist::write_rows(file, persist::ROWS, bytes, len, live, read)?;
        if self.originals == Originals::None {
            return Ok(());
        }
        let bytes = DType::F32.row_bytes(self.dim());
        persist::write_rows(file, persist::ORIGINALS, bytes, len, live, |rows| self.read(rows))?;
        match self.originals {
            Originals::Host => persist::write_mark(file, persist::ON_HOST),
            _ => Ok(()),
        }
    }

    /// With the rows that [`write_to`](Self::write_to) wrote.
    pub(super) fn read_from(&self, rows: u64, file: &mut FileReader) -> Result<SqRows> {
        let quantizer = persist::read_quantizer(file, self.dim())?;
        // behind the lists, the labels and the codes, and behind the rows a mark where they stay on the host
        let originals = match file.sections() {
            0..=3 => Originals::None,
            4 => Originals::Device,
            _ => Originals::Host,
        };
        let (gpu, metric) = (self.gpu(), self.metric());
        let new = |nlist| Ok(SqRows::new(gpu, metric, &quantizer, nlist, originals)?.ivf);
        let (ivf, labels) = IvfRows::read_lists(file, self.dim(), rows, new)?;
        let empty = SqRows { ivf, ..SqRows::new(gpu, metric, &quantizer, 1, originals)? };
        let shape = (DType::U8, quantizer.code_bytes());
        if originals == Originals::None {
            return persist::read_rows(file, persist::ROWS, shape, rows, |source| {
                let mut codes = Unpacked::new(source, &quantizer);
                let lists = empty.ivf.lists.append_labelled(&mut codes, &labels)?;
                Ok(empty.with(empty.ivf.with(lists)))
            });
        }
        // they are made again of the rows
        persist::read_rows(file, persist::ROWS, shape, rows, |codes| {
            while codes.next_rows(usize::MAX)?.is_some() {}
            Ok(())
        })?;
        let shape = (DType::F32, self.dim());
        let read = persist::read_rows(file, persist::ORIGINALS, shape, rows, |source| {
            empty.append_labelled(source, &labels)
        })?;
        if originals == Originals::Host {
            persist::read_mark(file, persist::ON_HOST)?;
        }
        Ok(read)
    }
}
