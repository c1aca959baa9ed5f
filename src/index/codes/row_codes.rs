//! What rows are encoded as, and how their codes lie on the device.
//!
//! Codes are looked up (`exact/tables.rs`): a row is its codes, packed where they are of a product quantizer, and before them, where they are
//! of what the centroid of its list leaves of it, the number of the list. Scalar quantizers without ranges make rows of another type, of rows
//! themselves. Codes of RaBitQ that are in no lists are of what one center leaves of rows, as if all were in the first list.

use super::stored::{stored_type, whole_steps, width};
use crate::buffer::Matrix;
use crate::clustering::{KMeansParams, subset};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::{Dataset, Numbers, Tables};
use crate::index::params::TrainParams;
use crate::kernel::Encoder;
use crate::metric::Metric;
use crate::parallel::each;
use crate::quantize::{Codebook, Listed, Lists, Quantizer, RaBitQuantizer, picked};
use crate::space::{is_scaled, normalize};
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

/// Rows of a sample that ranges are learnt from, at most.
const SAMPLE_ROWS: usize = 100_000;
/// Rows of a sample that a centroid of a part is learnt from, at most.
const ROWS_A_CENTROID: usize = 256;
/// Rows that one thread takes the centroids from at a time.
const PIECE: usize = 512;
/// Bytes of the number of a list before the codes of a row.
pub(super) const LABEL_BYTES: usize = 4;

/// What rows are encoded as.
#[derive(Clone)]
pub(in crate::index) struct RowCodes {
    pub quantizer: Quantizer,
    /// Whether codes are of what the centroid of a row's list leaves of it.
    pub residual: bool,
    /// Of the lists, where codes are of residuals and the lists are known.
    centroids: Option<Centroids>,
    /// The centroids of the parts, once rows were encoded on the device.
    codebook: Arc<OnceLock<Codebook>>,
}

/// The centroids of lists, on the host and, where rows are encoded there, on the device.
#[derive(Clone)]
struct Centroids {
    elements: Arc<[f32]>,
    matrix: Option<Matrix>,
}

impl RowCodes {
    pub fn new(quantizer: Quantizer, residual: bool) -> RowCodes {
        RowCodes { quantizer, residual, centroids: None, codebook: Arc::default() }
    }

    /// Refuses metrics that are no products, and of RaBitQ those that have other factors.
    pub fn check_metric(&self, metric: &Metric) -> Result<()> {
        let products = [
            Metric::L2,
            Metric::SqrtL2,
            Metric::InnerProduct,
            Metric::Cosine,
            Metric::CosineDistance,
        ];
        let known = match self.quantizer {
            Quantizer::RaBitQ(_) => &products[..3],
            _ => &products[..],
        };
        if known.contains(metric) {
            return Ok(());
        }
        let known: Vec<_> = known.iter().map(Metric::to_string).collect();
        let item = format!("{metric}; its metrics are {}", known.join(", "));
        Err(Error::unsupported("an index of codes", item))
    }

    /// Refuses codes of another index that are of another kind.
    pub fn check_kind(&self, other: &RowCodes) -> Result<()> {
        let of = |codes: &RowCodes| {
            let residual = if codes.residual { " of residuals" } else { "" };
            format!("{}{residual}", codes.quantizer.name())
        };
        match (of(self), of(other)) {
            (ours, theirs) if ours != theirs => {
                Err(Error::argument("other", format!("{theirs} into {ours}")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses codes of another index that stand for something else.
    pub fn check_equal(&self, other: &RowCodes) -> Result<()> {
        self.check_kind(other)?;
        let bits = |of: &RowCodes| -> Vec<u32> {
            of.quantizer.trained().iter().map(|x| x.to_bits()).collect()
        };
        if bits(self) == bits(other) {
            return Ok(());
        }
        let reason = "its ranges or centroids of parts are not equal to these to the bit, so that its codes mean something else";
        Err(Error::argument("other", reason))
    }

    /// The same with another quantizer of the same kind.
    pub fn with(&self, quantizer: Quantizer) -> RowCodes {
        RowCodes { quantizer, codebook: Arc::default(), ..self.clone() }
    }

    /// The same of rows in lists of these centroids, or in lists that are still to be learnt.
    pub fn in_lists(&self, centroids: Option<&[f32]>) -> RowCodes {
        let centroids = centroids.filter(|_| self.residual);
        let centroids = centroids.map(|all| Centroids { elements: all.into(), matrix: None });
        RowCodes { centroids, ..self.clone() }
    }

    /// The same, with the centroids of the lists on the device, too.
    pub fn beside(&self, matrix: &Matrix) -> RowCodes {
        let matrix = Some(matrix.clone());
        let centroids = self.centroids.clone().map(|all| Centroids { matrix, ..all });
        RowCodes { centroids, ..self.clone() }
    }

    /// The elements of the centroids of the lists, where something of rows is left by these; the center of RaBitQ without lists.
    pub(super) fn centroids(&self) -> Option<&[f32]> {
        let own = self.quantizer.rabitq().and_then(RaBitQuantizer::center);
        self.centroids.as_ref().map(|all| &*all.elements).or(own)
    }

    /// The lists of rows, as RaBitQ is told of them.
    pub(super) fn listed<'a>(&'a self, labels: &'a [u32]) -> Listed<'a> {
        Listed { labels: Some(labels), centers: self.centroids().unwrap_or_default() }
    }

    /// Whether the number of a list stands before the codes of each row.
    pub(super) fn has_labels(&self) -> bool {
        self.residual || self.quantizer.rabitq().is_some()
    }

    /// The lists of rows that have such numbers.
    pub(super) fn labels<'a>(&self, labels: &'a [u32], rows: usize) -> Cow<'a, [u32]> {
        if self.residual { labels.into() } else { vec![0; rows].into() }
    }

    /// Bytes of the codes of a row on the device.
    pub(super) fn width(&self) -> usize {
        match &self.quantizer {
            Quantizer::Scalar(of) => width(of, self.residual),
            Quantizer::Product(of) => of.code_bytes(),
            Quantizer::RaBitQ(of) => of.kept_bytes(),
        }
    }

    /// Whether codes are numbers of 16 bits that lists leave of rows, of which it takes a look to say how long the rows are.
    pub(super) fn unbounded(&self) -> bool {
        self.residual
            && self.quantizer.scalar().is_some_and(|of| stored_type(of.kind()).row_bytes(1) == 2)
    }

    /// The type and the elements of a row on the device.
    pub fn stored(&self) -> (DType, usize) {
        match &self.quantizer {
            Quantizer::Scalar(of) if !self.residual => (stored_type(of.kind()), of.dim()),
            _ => (DType::U8, self.width() + if self.has_labels() { LABEL_BYTES } else { 0 }),
        }
    }

    /// An empty dataset of such codes. Before what they stand for is known it is one of rows, which nobody adds to.
    pub fn dataset(&self, gpu: &Gpu, metric: &Metric) -> Result<Dataset> {
        let (dim, lists) = (self.quantizer.dim(), self.centroids());
        let known = self.quantizer.is_trained() && (lists.is_some() || !self.residual);
        if !known {
            return Dataset::new(gpu, metric, DType::F32, dim);
        }
        match &self.quantizer {
            Quantizer::Product(of) => {
                let (centroids, parts, bits) = (of.centroids(), of.subspaces(), of.bits());
                let numbers = Numbers::Parts { centroids, parts, bits };
                Dataset::looked_up(gpu, metric, Tables::new(gpu, numbers, lists)?)
            }
            Quantizer::RaBitQ(of) => {
                let (bits, factors, estimates) = (of.bits(), of.factors(), !of.projects());
                let numbers = Numbers::Signs { dim, bits, factors, estimates };
                let dataset = Dataset::looked_up(gpu, metric, Tables::new(gpu, numbers, lists)?)?;
                Ok(dataset.with_query_bits(of.rounded_bits()))
            }
            Quantizer::Scalar(of) => {
                let (kind, dtype) = (of.kind(), stored_type(of.kind()));
                let (bits, ranges) = match (kind.ranged_bits(), of.steps()) {
                    (Some(bits), Some(ranges)) => (bits, ranges),
                    _ if !self.residual => return Dataset::new(gpu, metric, dtype, dim),
                    _ if self.unbounded() => {
                        let tables = Tables::new(gpu, Numbers::Halves { dim, dtype }, lists)?;
                        return Dataset::looked_up(gpu, metric, tables);
                    }
                    _ => (8, whole_steps(kind, dim)),
                };
                let numbers = Numbers::Steps { minima: &ranges.0, steps: &ranges.1, bits };
                Dataset::looked_up(gpu, metric, Tables::new(gpu, numbers, lists)?)
            }
        }
    }

    /// What quantizers are shown of rows in these lists: rows of length 1 under cosine, and what the centroids leave of them. Scalar ones
    /// of rows themselves take these as they are.
    fn shown(&self, metric: &Metric, rows: Rows<'_>, labels: &[u32]) -> Result<Vec<f32>> {
        let (mut rows, dim) = (rows.to_f32(), self.quantizer.dim());
        if is_scaled(metric) {
            normalize(&mut rows, dim);
        }
        if !self.has_labels() {
            return Ok(rows);
        }
        let labels = &self.labels(labels, rows.len() / dim);
        let centroids = self.centroids().filter(|_| labels.len() * dim == rows.len());
        let missing = || Error::internal(format!("{} labels for rows", labels.len()));
        let centroids = centroids.ok_or_else(missing)?;
        let pieces = rows.chunks_mut(PIECE * dim).zip(labels.chunks(PIECE));
        each(pieces.collect(), |(rows, labels)| {
            for (row, &label) in rows.chunks_exact_mut(dim).zip(labels) {
                let centroid = &centroids[label as usize * dim..][..dim];
                row.iter_mut().zip(centroid).for_each(|(x, c)| *x -= c);
            }
            Ok(())
        })?;
        Ok(rows)
    }

    /// The quantizer, trained on what it would be shown of a sample, whose rows are in the lists that `labels` says.
    pub fn learnt(
        &self,
        (gpu, metric): (&Gpu, &Metric),
        sample: Rows<'_>,
        params: &TrainParams,
        labels: impl FnOnce(Rows<'_>) -> Result<Vec<u32>>,
    ) -> Result<Quantizer> {
        let dim = self.quantizer.dim();
        params.cancel.as_ref().map_or(Ok(()), |cancel| cancel.check())?;
        if let Some(of) = self.quantizer.product() {
            of.check_sample(sample.count(dim)?)?;
        }
        let kmeans = params.told(params.codes.clone().unwrap_or_default());
        let scalar = self.quantizer.scalar();
        if scalar.is_some_and(|of| of.kind().ranged_bits().is_none()) {
            return Ok(self.quantizer.clone());
        }
        let of_rows = scalar.is_some() && !self.residual;
        if of_rows || self.quantizer.rabitq().is_some() {
            return self.quantizer.train(gpu, sample, &kmeans);
        }
        let most = match self.quantizer.product() {
            Some(of) => kmeans.max_points_per_centroid << of.bits(),
            None => SAMPLE_ROWS,
        };
        let of_sample = KMeansParams::new().max_points_per_centroid(most);
        let chosen = match subset(sample.count(dim)?, 1, &of_sample)? {
            None => sample.to_f32(),
            Some(rows) => picked(sample, dim, &rows)?,
        };
        let rows = Rows::F32(&chosen);
        let labels = if self.residual { labels(rows)? } else { Vec::new() };
        let shown = self.shown(metric, rows, &labels)?;
        self.quantizer.train(gpu, Rows::F32(&shown), &kmeans)
    }

    /// Why an index of this description learns nothing more while it has rows, and what to do about it.
    pub fn trained_late(&self, description: String, in_lists: bool) -> Error {
        let instead = match self.quantizer {
            Quantizer::Scalar(_) | Quantizer::RaBitQ(_) if in_lists => {
                ", or have it keep the rows beside their codes (with_originals) before they are added"
            }
            _ => "",
        };
        let item = format!(
            "being trained while it has rows, whose codes would mean something else: train it first, or remove all rows{instead}"
        );
        Error::unsupported(description, item)
    }

    /// Rows of a sample that training makes use of.
    pub fn training_rows(&self) -> usize {
        match &self.quantizer {
            Quantizer::Scalar(_) | Quantizer::RaBitQ(_) => SAMPLE_ROWS,
            Quantizer::Product(of) => ROWS_A_CENTROID << of.bits(),
        }
    }

    /// Whether rows that are on the device are encoded there: the centroids of the lists lie in one buffer, and no row is divided by its
    /// length.
    pub fn on_device(&self, metric: &Metric) -> bool {
        let there = match &self.centroids {
            Some(all) => all.matrix.as_ref().is_some_and(|matrix| matrix.segments().len() == 1),
            None => !self.residual,
        };
        there && self.quantizer.product().is_some() && !is_scaled(metric)
    }

    /// Rows that are on the device in f32, as it stores their codes, where it [encodes](Self::on_device).
    pub fn encode_matrix(&self, rows: &Matrix, labels: &[u32]) -> Result<Vec<u8>> {
        let Quantizer::Product(of) = &self.quantizer else {
            return Err(Error::internal("only product quantizers encode on the device"));
        };
        let codebook = match self.codebook.get() {
            Some(codebook) => codebook,
            None => {
                let codebook = of.codebook(rows.gpu())?;
                self.codebook.get_or_init(|| codebook)
            }
        };
        let matrix = self.centroids.as_ref().and_then(|all| all.matrix.as_ref());
        let Some(lists) = matrix.and_then(|matrix| matrix.segments().first()) else {
            return of.encode_with(codebook, rows, None);
        };
        let mut encoder = Encoder::new(rows.gpu(), "labels", false)?;
        let on_device = encoder.upload("labels", bytemuck::cast_slice(labels))?;
        encoder.submit(&[])?;
        let (centroids, stride) = (lists.buffer(), lists.stride_bytes() / 4);
        let of_lists = Lists { labels: &on_device, centroids, stride };
        Ok(self.labelled(of.encode_with(codebook, rows, Some(of_lists))?, labels))
    }

    /// Rows as the device stores their codes; the first of them is number `first` of the call.
    pub fn encode(
        &self,
        (gpu, metric): (&Gpu, &Metric),
        rows: Rows<'_>,
        first: u64,
        labels: &[u32],
    ) -> Result<Vec<u8>> {
        match &self.quantizer {
            Quantizer::Scalar(of) if !self.residual => {
                Ok(self.lowered(of.kind(), of.elements(rows, first)?))
            }
            Quantizer::Scalar(of) => {
                let shown = self.shown(metric, rows, labels)?;
                let elements = of.elements(Rows::F32(&shown), first)?;
                let bytes = self.labelled(self.lowered(of.kind(), elements), labels);
                self.check_lengths(&bytes, first)?;
                Ok(bytes)
            }
            Quantizer::Product(of) => {
                let shown = self.shown(metric, rows, labels)?;
                Ok(self.labelled(of.encode(gpu, Rows::F32(&shown))?, labels))
            }
            Quantizer::RaBitQ(of) => {
                let shown = self.shown(metric, rows, labels)?;
                let labels = self.labels(labels, shown.len() / of.dim());
                Ok(self.labelled(of.encode_listed(&shown, self.listed(&labels), first)?, &labels))
            }
        }
    }
}
