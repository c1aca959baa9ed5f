//! What an index of lists stores whose rows are codes.

use super::centroids::centroids_of;
use super::encodable::Encodable;
use super::kept::{self, Kept, Made, Searched};
use super::originals::{self, Originals};
use super::rows::IvfRows;
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::Dataset;
use crate::format::RowSource;
use crate::index::codes::{Encoded, In, RowCodes, Unpacked};
use crate::index::ids::RowSet;
use crate::index::params::TrainParams;
use crate::index::persist::{self, FileReader, FileWriter};
use crate::index::state::{Stored, StoredRows};
use crate::metric::Metric;
use std::sync::Arc;

/// How much of training the lists are said to be, and the codes, too.
const LISTS_SHARE: f64 = 0.5;
const CODES_SHARE: f64 = 0.99;

/// Codes in lists and what they are codes of; or the originals, of which codes are made for searches and files.
#[derive(Clone)]
pub(in crate::index) struct CodedRows {
    pub(super) ivf: IvfRows,
    pub(super) codes: RowCodes,
    pub(super) originals: Originals,
    /// The originals, where they lie beside the lists of codes; else the lists have them, and codes as a copy.
    pub(super) kept: Option<Kept>,
    /// What searches of these made.
    pub(super) made: Arc<Made>,
}

/// An empty dataset of such codes, or of rows whose copy they are.
fn dataset(gpu: &Gpu, metric: &Metric, codes: &RowCodes, originals: Originals) -> Result<Dataset> {
    if originals::in_lists(codes, originals) {
        let rows = Dataset::new(gpu, metric, DType::F32, codes.quantizer.dim())?;
        return rows.copied_as(originals::codes(gpu, metric, codes)?, None);
    }
    codes.dataset(gpu, metric)
}

impl CodedRows {
    /// No rows yet, in lists of these centroids, or of `nlist` that are still to be learnt.
    pub(super) fn new(
        gpu: &Gpu,
        metric: &Metric,
        codes: &RowCodes,
        (nlist, centroids): (usize, Option<&[f32]>),
        originals: Originals,
    ) -> Result<CodedRows> {
        codes.check_metric(metric)?;
        originals::check(codes, originals)?;
        let mut codes = codes.projecting(originals != Originals::None).in_lists(centroids);
        let mut ivf = IvfRows::of(dataset(gpu, metric, &codes, originals)?, nlist)?;
        if let Some(centroids) = centroids {
            ivf = ivf.with_centroids(centroids)?;
            codes = codes.beside(ivf.lists.centroids()?.rows());
        }
        let beside = originals != Originals::None && !originals::in_lists(&codes, originals);
        let kept = match beside {
            true => Some(Kept::new(gpu, metric, codes.quantizer.dim(), originals)?),
            false => None,
        };
        Ok(CodedRows { ivf, codes, originals, kept, made: Arc::default() })
    }

    /// The same without rows, of the same lists, with other codes and originals or without.
    pub(super) fn emptied(&self, codes: &RowCodes, originals: Originals) -> Result<CodedRows> {
        let centroids = match self.ivf.is_trained() {
            true => Some(self.ivf.centroids()?),
            false => None,
        };
        let lists = (self.ivf.lists.nlist(), centroids.as_deref());
        CodedRows::new(self.gpu(), self.metric(), codes, lists, originals)?
            .with_nprobe(self.ivf.nprobe)
    }

    /// As [`IvfRows::with_nprobe`].
    pub fn with_nprobe(&self, nprobe: usize) -> Result<CodedRows> {
        Ok(CodedRows { ivf: self.ivf.with_nprobe(nprobe)?, ..self.clone() })
    }

    /// The same whose searches round queries to so many bits, of RaBitQ.
    pub fn with_query_bits(&self, bits: u32) -> Result<CodedRows> {
        let codes = self.codes.with_query_bits(bits)?;
        let lists = self.ivf.lists.with_query_bits(codes.rounded_bits());
        Ok(CodedRows { codes, ivf: self.ivf.with(lists), ..self.clone() })
    }

    /// The same rows with originals or without.
    pub fn with_originals(&self, originals: Originals) -> Result<CodedRows> {
        if originals == self.originals {
            return Ok(self.clone());
        }
        match (self.originals, originals) {
            (Originals::None, _) if self.len() > 0 => {
                let item = "originals of rows that are codes already: ask before rows are added";
                Err(Error::unsupported(self.description(), item))
            }
            // the codes are there
            (Originals::Host, Originals::None) if !self.codes.projects() => {
                Ok(CodedRows { originals, kept: None, made: Arc::default(), ..self.clone() })
            }
            (Originals::Device | Originals::Host, Originals::Device | Originals::Host)
                if self.codes.projects() =>
            {
                let kept = match &self.kept {
                    Some(kept) => Some(kept.moved(self.gpu(), self.metric(), originals)?),
                    None => None,
                };
                Ok(CodedRows { originals, kept, made: Arc::default(), ..self.clone() })
            }
            _ => self.refilled(self.emptied(&self.codes, originals)?, true),
        }
    }

    /// The same without rows, whose codes will be of residuals or not.
    pub fn with_residuals(&self, residual: bool) -> Result<CodedRows> {
        if residual == self.codes.residual {
            return Ok(self.clone());
        }
        if self.len() > 0 {
            return Err(Error::unsupported(self.description(), "other codes of its rows"));
        }
        self.emptied(&RowCodes::new(self.codes.quantizer.clone(), residual), self.originals)
    }

    /// `empty` with all of these rows, which are originals, so that each keeps its number, those that are masked too: in the lists that they
    /// are in, or in those that are nearest now.
    fn refilled(&self, empty: CodedRows, same_lists: bool) -> Result<CodedRows> {
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
    fn append_originals(&self, other: &CodedRows, live: Option<&RowSet>) -> Result<CodedRows> {
        let (mut source, labels) = (other.source(live), other.ivf.labels(live));
        self.append_labelled(&mut *source, &labels)
    }

    /// With rows whose lists are known, as codes or as they are.
    fn append_labelled(&self, source: &mut dyn RowSource, labels: &[u32]) -> Result<CodedRows> {
        let lists = &self.ivf.lists;
        if self.in_lists() {
            let mut rows = self.encodable(source, In::Known(labels))?;
            return Ok(self.with(self.ivf.with(lists.append_labelled(&mut rows, labels)?)));
        }
        let mut kept = self.kept.clone();
        let mut codes = self.encoded(source, In::Known(labels), kept.as_mut())?;
        let lists = lists.append_labelled(&mut codes, labels)?;
        drop(codes);
        Ok(CodedRows { kept, ..self.with(self.ivf.with(lists)) })
    }

    /// Rows on their way to lists of them, as they are.
    fn encodable<'a>(
        &'a self,
        source: &'a mut dyn RowSource,
        lists: In<'a>,
    ) -> Result<Encodable<'a>> {
        Encodable::new(source, (self.gpu(), self.metric()), &self.codes, lists)
    }

    /// Rows on their way, which are kept behind `kept` where that is asked.
    fn encoded<'a>(
        &'a self,
        source: &'a mut dyn RowSource,
        lists: In<'a>,
        kept: Option<&'a mut Kept>,
    ) -> Result<Encoded<'a>> {
        let codes = Encoded::new(source, (self.gpu(), self.metric()), &self.codes, lists)?;
        let Some(kept) = kept else { return Ok(codes) };
        let slack = kept::slack(self.metric(), &self.codes)?;
        Ok(codes.watched(move |rows, stored| kept::keep(kept, &slack, &self.codes, rows, stored)))
    }

    /// With rows in the lists that are nearest to them.
    pub(super) fn append_rows(&self, source: &mut dyn RowSource) -> Result<CodedRows> {
        let lists = &self.ivf.lists;
        if self.in_lists() {
            let lists = self.encodable(source, In::Nearest(lists))?.append_to(lists)?;
            return Ok(self.with(self.ivf.with(lists)));
        }
        let mut kept = self.kept.clone();
        let mut codes = self.encoded(source, In::Nearest(lists), kept.as_mut())?;
        let lists = lists.append_labelling(&mut codes, |codes| codes.labels.clone())?;
        drop(codes);
        Ok(CodedRows { kept, ..self.with(self.ivf.with(lists)) })
    }

    /// With others in the place of numbered ones.
    pub(super) fn replace_rows(
        &self,
        rows: &[u32],
        source: &mut dyn RowSource,
        (live, more): (Option<&[u32]>, u64),
    ) -> Result<CodedRows> {
        let (lists, (gpu, metric)) = (&self.ivf.lists, (self.gpu(), self.metric()));
        if self.in_lists() {
            let mut source = self.encodable(source, In::Nearest(lists))?;
            let lists = source.replace_in(lists, rows, (live, more))?;
            return Ok(self.with(self.ivf.with(lists)));
        }
        // until they are all known, and moved to their places, on the host
        let mut new = match &self.kept {
            Some(kept) => Some(Kept::new(gpu, metric, kept.dim(), Originals::Host)?),
            None => None,
        };
        let mut codes = self.encoded(source, In::Nearest(lists), new.as_mut())?;
        let lists = lists
            .replace_labelling(rows, &mut codes, (live, more), |codes| codes.labels.clone())?;
        drop(codes);
        let kept = match (&self.kept, &new) {
            (Some(own), Some(others)) => Some(own.replaced(rows, others, more)?),
            _ => None,
        };
        Ok(CodedRows { kept, ..self.with(self.ivf.with(lists)) })
    }

    /// The lists of the codes and the originals, where these lie beside them.
    pub(super) fn searched(&self) -> Result<Option<Searched>> {
        let Some(rows) = self.kept.clone() else { return Ok(None) };
        let slack = kept::slack(self.metric(), &self.codes)?;
        let times = kept::times(&self.codes.quantizer);
        let (lists, made) = (self.ivf.lists.clone(), Arc::clone(&self.made));
        Ok(Some(Searched { lists, rows, slack, times, made }))
    }

    pub(super) fn gpu(&self) -> &Gpu {
        self.ivf.lists.dataset().gpu()
    }

    pub(super) fn with(&self, ivf: IvfRows) -> CodedRows {
        CodedRows { ivf, made: Arc::default(), ..self.clone() }
    }

    /// Whether the lists have the originals themselves.
    pub(super) fn in_lists(&self) -> bool {
        originals::in_lists(&self.codes, self.originals)
    }

    /// What bytes of the device stand for.
    pub(super) fn decoded(&self, bytes: Vec<u8>) -> Result<Vec<f32>> {
        self.codes.decoded(bytes)
    }

    /// Knowing what there is to learn from a sample; of originals that there are, codes are made anew.
    pub(super) fn trained(&self, sample: Rows<'_>, params: &TrainParams) -> Result<CodedRows> {
        let kept = self.originals != Originals::None;
        // codes of rows that no number was learnt for mean the same in other lists
        let fixed = !self.codes.residual
            && self.codes.quantizer.scalar().is_some_and(|of| of.kind().ranged_bits().is_none());
        if self.len() > 0 && !kept && !fixed {
            return Err(self.codes.trained_late(self.description(), true));
        }
        let (gpu, shape) = (self.gpu(), (self.dim(), self.ivf.lists.nlist()));
        let of_lists = params.part(0.0, LISTS_SHARE);
        let centroids = centroids_of(gpu, self.metric(), shape, sample, &of_lists)?;
        if self.len() > 0 && !kept {
            return Ok(self.with(self.ivf.with_centroids(&centroids)?));
        }
        let labels = |rows: Rows<'_>| {
            let lists = IvfRows::new(gpu, self.metric(), (DType::F32, shape.0), shape.1)?;
            lists.with_centroids(&centroids)?.lists.nearest_of(rows)
        };
        let codes = self.codes.in_lists(Some(&centroids));
        let of_codes = params.part(LISTS_SHARE, CODES_SHARE);
        let quantizer = codes.learnt((gpu, self.metric()), sample, &of_codes, labels)?;
        let codes = codes.with(quantizer);
        if self.in_lists() {
            let copies = originals::codes(gpu, self.metric(), &codes)?;
            let ivf = self.ivf.with(self.ivf.lists.copied_as(copies)?);
            return Ok(CodedRows { codes, ..self.with(ivf.with_centroids(&centroids)?) });
        }
        let lists = (shape.1, Some(&centroids[..]));
        let new = CodedRows::new(gpu, self.metric(), &codes, lists, self.originals)?;
        self.refilled(new.with_nprobe(self.ivf.nprobe)?, false)
    }

    /// Codes and lists are taken as they are; of originals it is these, and codes are of the own ranges.
    pub(super) fn merged(&self, other: &CodedRows, live: Option<&RowSet>) -> Result<CodedRows> {
        let refused = |reason: &str| Err(Error::argument("other", reason));
        self.codes.check_kind(&other.codes)?;
        self.ivf.check_lists(&other.ivf)?;
        match (self.originals, other.originals) {
            (Originals::Device, Originals::Device) if self.in_lists() => {
                return Ok(self.with(self.ivf.merge(&other.ivf, live)?));
            }
            (Originals::None, Originals::None) => {}
            (_, Originals::None) => {
                return refused("its originals, which are kept here, are not there");
            }
            _ => return self.append_originals(other, live),
        }
        self.codes.check_equal(&other.codes)?;
        let labels = other.ivf.labels(live);
        let shape = other.codes.stored();
        let dataset = other.ivf.lists.dataset();
        let mut source = StoredRows::new(shape, other.len(), live, |rows| dataset.read(rows));
        let lists = self.ivf.lists.append_labelled(&mut source, &labels)?;
        Ok(self.with(self.ivf.with(lists)))
    }

    /// Writes the sections of a file.
    pub(super) fn write_to(&self, live: Option<&RowSet>, file: &mut FileWriter) -> Result<()> {
        persist::write_codes(file, &self.codes.quantizer, self.codes.residual)?;
        self.ivf.write_lists(live, file)?;
        // what codes stand for that files have, whatever the device has
        let (codes, len) = (self.codes.projecting(false), self.len());
        let bytes = codes.quantizer.code_bytes();
        persist::write_rows(file, persist::ROWS, bytes, len, live, |rows| self.packed(rows))?;
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

    /// The same whose codes are of what its lists leave of rows, which were read.
    fn knowing_lists(self) -> Result<CodedRows> {
        if !self.ivf.is_trained() {
            return Ok(self);
        }
        let codes = self.codes.in_lists(Some(&self.ivf.centroids()?));
        let codes = codes.beside(self.ivf.lists.centroids()?.rows());
        Ok(CodedRows { codes, ..self })
    }

    /// With the rows that [`write_to`](Self::write_to) wrote.
    pub(super) fn read_from(&self, rows: u64, file: &mut FileReader) -> Result<CodedRows> {
        let at = file.at();
        let (quantizer, residual) = persist::read_codes(file, &self.codes.quantizer)?;
        if quantizer.rabitq().is_some() && !residual {
            return Err(file.fault(at, "codes of what one center leaves, where there are lists"));
        }
        let codes = RowCodes::new(quantizer, residual);
        // they come last, and behind them a mark where they stay on the host
        let originals = match persist::has_section(file, persist::ORIGINALS)? {
            false => Originals::None,
            true if persist::has_section(file, persist::ON_HOST)? => Originals::Host,
            true => Originals::Device,
        };
        let (gpu, metric) = (self.gpu(), self.metric());
        let unlisted = CodedRows::new(gpu, metric, &codes, (1, None), originals);
        let unlisted = unlisted.map_err(|e| file.refused(at, e))?;
        let new = |lists: (usize, Option<&[f32]>)| {
            Ok(CodedRows::new(gpu, metric, &codes, lists, originals)?.ivf)
        };
        let (ivf, labels) = IvfRows::read_lists(file, self.dim(), rows, new)?;
        let empty = CodedRows { ivf, ..unlisted };
        let empty = empty.knowing_lists()?;
        let shape = (DType::U8, codes.quantizer.code_bytes());
        if originals == Originals::None {
            // which know the lists
            let codes = empty.codes.clone();
            return persist::read_rows(file, persist::ROWS, shape, rows, |source| {
                if rows == 0 {
                    // perhaps nobody knows yet what codes stand for
                    return Ok(empty);
                }
                let mut unpacked = Unpacked::new(source, &codes, &labels);
                let lists = empty.ivf.lists.append_labelled(&mut unpacked, &labels)?;
                Ok(empty.with(empty.ivf.with(lists)))
            });
        }
        // they are made again of the rows
        persist::read_rows(file, persist::ROWS, shape, rows, |codes| {
            while codes.next_rows(usize::MAX)?.is_some() {}
            Ok(())
        })?;
        let shape = (DType::F32, self.dim());
        let read =
            persist::read_rows(file, persist::ORIGINALS, shape, rows, |source| match rows {
                0 => Ok(empty),
                _ => empty.append_labelled(source, &labels),
            })?;
        if originals == Originals::Host {
            persist::read_mark(file, persist::ON_HOST)?;
        }
        Ok(read)
    }
}
