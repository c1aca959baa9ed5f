//! How codes lie on the device, and how in files.

use super::row_codes::{LABEL_BYTES, RowCodes};
use super::stored::{stored_type, taken_off};
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::metric::Metric;
use crate::parallel::each;
use crate::quantize::{Quantizer, SqType};
use crate::space::check;

/// Elements that one thread checks at a time.
const PIECE: usize = 96 << 10;

impl RowCodes {
    /// A byte for each element, or a code of another type, as the device stores it.
    pub(super) fn lowered(&self, kind: SqType, mut elements: Vec<u8>) -> Vec<u8> {
        let off = taken_off(kind, self.residual);
        elements.iter_mut().for_each(|byte| *byte = byte.wrapping_sub(off));
        elements
    }

    /// The reverse.
    fn raised(&self, kind: SqType, mut bytes: Vec<u8>) -> Vec<u8> {
        let off = taken_off(kind, self.residual);
        bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_add(off));
        bytes
    }

    /// Bytes of the codes of a row, without the zeros that the device may have behind them.
    fn own_width(&self) -> usize {
        match &self.quantizer {
            Quantizer::Scalar(of) => stored_type(of.kind()).row_bytes(of.dim()),
            _ => self.width(),
        }
    }

    /// With the number of its list before the codes of each row, and what the device has behind them, if these have to be there.
    pub(super) fn labelled(&self, codes: Vec<u8>, labels: &[u32]) -> Vec<u8> {
        if !self.has_labels() {
            return codes;
        }
        let (own, width) = (self.own_width(), self.width());
        let labels = self.labels(labels, codes.len() / own);
        let mut bytes = Vec::with_capacity((LABEL_BYTES + width) * labels.len());
        for (codes, label) in codes.chunks_exact(own).zip(&*labels) {
            bytes.extend_from_slice(&label.to_le_bytes());
            bytes.extend_from_slice(codes);
            bytes.resize(bytes.len() + width - own, 0);
        }
        bytes
    }

    /// The lists of rows as the device stores them, and their codes.
    pub(super) fn unlabelled(&self, bytes: Vec<u8>) -> (Vec<u32>, Vec<u8>) {
        if !self.has_labels() {
            return (Vec::new(), bytes);
        }
        let (mut labels, mut codes) = (Vec::new(), Vec::with_capacity(bytes.len()));
        for row in bytes.chunks_exact(LABEL_BYTES + self.width()) {
            labels.push(u32::from_le_bytes([row[0], row[1], row[2], row[3]]));
            codes.extend_from_slice(&row[LABEL_BYTES..][..self.own_width()]);
        }
        (labels, codes)
    }

    /// Refuses rows, as the device stores them from number `first` on, that stand for no numbers or for longer rows than there may be, where
    /// the codes do not rule that out.
    pub(super) fn check_lengths(&self, bytes: &[u8], first: u64) -> Result<()> {
        if !self.unbounded() {
            return Ok(());
        }
        let (dim, row) = (self.quantizer.dim(), LABEL_BYTES + self.width());
        let step = (PIECE / dim).max(1);
        each(bytes.chunks(step * row).enumerate().collect(), |(piece, bytes)| {
            let rows = self.decoded(bytes.to_vec())?;
            let first = first + (piece * step) as u64;
            check::rows(&Metric::L2, Rows::F32(&rows), dim, first).map(drop)
        })?;
        Ok(())
    }

    /// Packed codes of rows in these lists as the device stores them; the first of them is number `first` of all.
    pub fn unpacked(&self, packed: &[u8], first: u64, labels: &[u32]) -> Result<Vec<u8>> {
        let codes = match &self.quantizer {
            Quantizer::Scalar(of) => self.lowered(of.kind(), of.unpacked(packed)?),
            _ => packed.to_vec(),
        };
        let bytes = self.labelled(codes, labels);
        self.check_lengths(&bytes, first)?;
        Ok(bytes)
    }

    /// The reverse, of rows as the device stores them.
    pub fn packed(&self, bytes: Vec<u8>) -> Vec<u8> {
        let codes = self.unlabelled(bytes).1;
        match &self.quantizer {
            Quantizer::Scalar(of) => of.packed(&self.raised(of.kind(), codes)),
            _ => codes,
        }
    }

    /// What rows as the device stores them stand for, to the bits that kernels look up.
    pub fn decoded(&self, bytes: Vec<u8>) -> Result<Vec<f32>> {
        let (labels, codes) = self.unlabelled(bytes);
        let mut rows = match &self.quantizer {
            Quantizer::RaBitQ(of) => {
                return of.decode_listed(&codes, self.listed(&labels));
            }
            Quantizer::Scalar(of) => of.decode_elements(&self.raised(of.kind(), codes))?,
            Quantizer::Product(of) => of.decode(&codes)?,
        };
        let (dim, centroids) = (self.quantizer.dim(), self.centroids());
        if !labels.is_empty() && centroids.is_none() {
            return Err(Error::internal("codes of residuals of unknown lists"));
        }
        let centroids = centroids.unwrap_or_default();
        for (row, label) in rows.chunks_exact_mut(dim).zip(labels) {
            let centroid = &centroids[label as usize * dim..][..dim];
            row.iter_mut().zip(centroid).for_each(|(x, c)| *x += c);
        }
        Ok(rows)
    }
}
