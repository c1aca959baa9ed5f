//! The rows that codes are of, wherever they lie.

use super::rows::{Block, KeptRows};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::Dataset;
use crate::format::{RowSource, SliceSource};
use crate::index::ids::RowSet;
use crate::index::ivf::originals::Originals;
use crate::index::state::{Stored, StoredRows};
use crate::metric::Metric;
use std::ops::Range;

/// Rows and, of each, how far what its code stands for may be off. A copy shares all that is large.
#[derive(Clone)]
pub(in crate::index::ivf) struct Kept {
    dim: usize,
    /// The rows, or, where these are on the device, rows of no elements, so that the host knows how far codes are off.
    host: KeptRows,
    device: Option<Dataset>,
}

/// Where the elements lie.
pub(super) enum Place<'a> {
    Host(&'a KeptRows),
    Device(&'a Dataset),
}

impl Kept {
    /// No rows yet; on the device there will be no more of them than their elements.
    pub fn new(gpu: &Gpu, metric: &Metric, dim: usize, originals: Originals) -> Result<Kept> {
        if originals != Originals::Device {
            return Ok(Kept { dim, host: KeptRows::new(dim), device: None });
        }
        let device = Some(Dataset::unscanned(gpu, metric, DType::F32, dim)?);
        Ok(Kept { dim, host: KeptRows::new(0), device })
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    pub fn len(&self) -> usize {
        self.host.len()
    }

    /// Where the rows are.
    pub(super) fn place(&self) -> Place<'_> {
        self.device.as_ref().map_or(Place::Host(&self.host), Place::Device)
    }

    /// How far what the code of each row stands for may be off.
    pub fn slacks(&self) -> impl Iterator<Item = f32> {
        self.host.slacks()
    }

    /// Whether all codes stand for the rows themselves.
    pub fn is_lossless(&self) -> bool {
        self.host.is_lossless()
    }

    /// Device memory of the rows.
    pub fn bytes(&self) -> u64 {
        self.device.as_ref().map_or(0, Dataset::bytes)
    }

    /// Adds rows behind.
    pub fn push(&mut self, rows: Block<'_>) -> Result<()> {
        if let Some(device) = &self.device {
            let mut source = SliceSource::new(Rows::F32(rows.elements), self.dim)?;
            self.device = Some(device.append(&mut source)?);
            return self.host.push(Block { elements: &[], ..rows });
        }
        self.host.push(rows)
    }

    /// With other rows, all those of `others` in their order, in the place of numbered ones; `more` are to be added next.
    pub fn replaced(&self, rows: &[u32], others: &Kept, more: u64) -> Result<Kept> {
        let host = self.host.replaced(rows, &others.host)?;
        let Some(device) = &self.device else { return Ok(Kept { host, ..self.clone() }) };
        let (shape, count) = ((DType::F32, self.dim), others.len() as u64);
        let mut source = StoredRows::new(shape, count, None, |rows| others.read(rows));
        // nobody looks at all rows, so that none is masked
        let device = Some(device.replace(rows, &mut source, None, more)?);
        Ok(Kept { host, device, ..self.clone() })
    }

    /// The numbered rows alone, which ascend.
    pub fn gather(&self, keep: &[u32]) -> Result<Kept> {
        let host = self.host.gather(keep)?;
        let device = match (&self.device, keep) {
            (None, _) => None,
            (Some(all), []) => {
                Some(Dataset::unscanned(all.gpu(), all.metric(), DType::F32, self.dim)?)
            }
            (Some(all), keep) => Some(all.gather(keep)?),
        };
        Ok(Kept { host, device, ..self.clone() })
    }

    /// The same rows in another place, all of them or those in `live`; as many slacks are as they were.
    pub fn moved(&self, gpu: &Gpu, metric: &Metric, to: Originals) -> Result<Kept> {
        let mut new = Kept::new(gpu, metric, self.dim, to)?;
        let slacks: Vec<f32> = self.slacks().collect();
        let mut done = 0;
        let mut source = self.source(None);
        while let Some(Rows::F32(elements)) = source.next_rows(usize::MAX)? {
            let end = done + elements.len() / self.dim;
            let slack = slacks.get(done..end).ok_or_else(|| Error::internal("rows of no slack"))?;
            new.push(Block { elements, slack, lossless: self.is_lossless() })?;
            done = end;
        }
        Ok(new)
    }

    /// The rows in `live`, or all, as a stream.
    fn source<'a>(&'a self, live: Option<&'a RowSet>) -> StoredRows<'a> {
        let shape = (DType::F32, self.dim);
        StoredRows::new(shape, self.len() as u64, live, |rows| self.read(rows))
    }

    /// The bytes of some rows.
    pub fn read(&self, rows: Range<u64>) -> Result<Vec<u8>> {
        match &self.device {
            Some(device) => Stored::read(device, rows),
            None => self.host.read(rows),
        }
    }

    /// The bytes of numbered rows, into as many.
    pub fn read_rows(&self, rows: &[u32], out: &mut [u8]) -> Result<()> {
        match &self.device {
            Some(device) => Stored::read_rows(device, rows, out),
            None => self.host.read_rows(rows, out),
        }
    }
}
