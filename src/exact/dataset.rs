//! The rows that searches run over, with what the scan needs of each: one immutable snapshot.

use crate::buffer::{Buffer, Matrix, Segment, Uploader};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::params::BIN;
use crate::exact::rounded::copies::{self, Rounded};
use crate::exact::rows::{bias, transformed};
use crate::format::RowSource;
use crate::kernel::{Encoder, fold, registry};
use crate::metric::Metric;
use crate::ops::gather;
use crate::space::check::{self, Facts};
use crate::space::{self, Transform};
use bytemuck::NoUninit;
use std::sync::{Mutex, PoisonError};

/// Rows under one metric. Changes give a new `Base` that shares what is equal; the old one stays valid.
#[derive(Clone)]
pub(crate) struct Base {
    pub(super) gpu: Gpu,
    pub(super) metric: Metric,
    /// The rows as they were given.
    pub(super) rows: Matrix,
    /// The rows as the metric compares them; the same as `rows` where it transforms nothing.
    pub(super) work: Matrix,
    /// Of each segment of `work`.
    pub(super) parts: Vec<Part>,
    /// Largest |x| of each bin of the index; only with a scan.
    pub(super) bin_norm: Option<Buffer>,
    /// The rows in f16 for the matrix units and few queries, and in 8 bits for few, where they are used.
    pub(super) half: Option<Rounded>,
    pub(super) bytes: Option<Rounded>,
    /// Which of them may be copies.
    pub(super) copies: Copies,
    pub(super) facts: Facts,
}

/// Which copies in fewer bits a base may have, where the profile asks for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Copies {
    None,
    /// That for the matrix units.
    Half,
    All,
}

/// What belongs to one segment of rows, a number a row.
#[derive(Clone)]
pub(crate) struct Part {
    /// -|x|^2 / 2, or 0; the sentinel for a row that is deleted.
    pub bias: Buffer,
    /// 1 / |x| (cosine).
    pub scale: Option<Buffer>,
    capacity: u32,
}

#[repr(C)]
#[derive(Clone, Copy, NoUninit)]
struct RowStats {
    first: u32,
    n: u32,
    k4: u32,
    stride4: u32,
    groups_x: u32,
    dim: u32,
    first_bin: u32,
    last: u32,
}

impl Base {
    /// No rows yet.
    pub fn new(gpu: &Gpu, metric: &Metric, dtype: DType, dim: usize) -> Result<Base> {
        metric.check(dtype, dim)?;
        if let Metric::Custom(custom) = metric {
            crate::kernel::check_custom(custom)?;
        }
        let rows = Matrix::empty(gpu, dtype, dim)?;
        let transform = Transform::of(metric);
        let work = match transform {
            Transform::None => rows.clone(),
            _ => Matrix::empty(gpu, DType::F32, transform.dim(dim))?,
        };
        let (gpu, metric) = (gpu.clone(), metric.clone());
        Ok(Base {
            gpu,
            metric,
            rows,
            work,
            parts: Vec::new(),
            bin_norm: None,
            half: None,
            bytes: None,
            copies: Copies::All,
            facts: Facts::NONE,
        })
    }

    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    pub fn metric(&self) -> &Metric {
        &self.metric
    }

    pub fn rows(&self) -> &Matrix {
        &self.rows
    }

    pub fn work(&self) -> &Matrix {
        &self.work
    }

    pub fn len(&self) -> u64 {
        self.rows.len()
    }

    pub fn bins(&self) -> u64 {
        self.len().div_ceil(BIN)
    }

    pub fn facts(&self) -> Facts {
        self.facts
    }

    pub fn copies(&self) -> Copies {
        self.copies
    }

    pub fn half(&self) -> Option<&Rounded> {
        self.half.as_ref()
    }

    /// The rows in 8 bits.
    pub fn in_bytes(&self) -> Option<&Rounded> {
        self.bytes.as_ref()
    }

    pub fn bin_norm(&self) -> Option<&Buffer> {
        self.bin_norm.as_ref()
    }

    /// Segments of the compared rows and what belongs to them.
    pub fn segments(&self) -> impl Iterator<Item = (&Segment, &Part)> {
        self.work.segments().iter().zip(&self.parts)
    }

    /// Device memory of the rows and their numbers.
    pub fn bytes(&self) -> u64 {
        let copies = if self.transforms() { self.rows.bytes() } else { 0 };
        let part = |p: &Part| p.bias.size() + p.scale.as_ref().map_or(0, Buffer::size);
        let norms = self.bin_norm.as_ref().map_or(0, Buffer::size);
        self.work.bytes()
            + copies
            + self.parts.iter().map(part).sum::<u64>()
            + norms
            + [&self.half, &self.bytes].into_iter().flatten().map(Rounded::bytes).sum::<u64>()
    }

    pub(super) fn transforms(&self) -> bool {
        Transform::of(&self.metric) != Transform::None
    }

    /// With the rows of a stream behind its own. Row numbers have 32 bits.
    pub fn append(&self, source: &mut dyn RowSource) -> Result<Base> {
        self.append_at(source, 0, &mut None)
    }

    /// As `append`; what is refused is named as row `number` of the call and those that follow.
    pub(super) fn append_at(
        &self,
        source: &mut dyn RowSource,
        number: u64,
        ring: &mut Option<Uploader>,
    ) -> Result<Base> {
        let (dim, metric) = (self.rows.dim(), &self.metric);
        let transform = Transform::of(metric);
        let plain = transform == Transform::None;
        let facts = Mutex::new(self.facts);
        let mut work = self.work.clone();
        let mut largest = self.facts.largest;
        let limit = u64::from(u32::MAX) - 2 * BIN;
        let mut by_block = |block: Rows<'_>, first: u64| {
            let needed = self.len() + first + block.count(dim)? as u64;
            if needed > limit {
                return Err(Error::LimitExceeded {
                    what: "rows of an index".into(),
                    needed,
                    limit,
                });
            }
            if !plain {
                let out = transformed::rows(transform, metric, block, dim, number + first)?;
                largest = largest.max(check::largest(&out));
                work = work.append(Rows::F32(&out))?;
            }
            Ok(())
        };
        let by_piece = |piece: Rows<'_>, first: u64| {
            if plain {
                let found = check::rows(metric, piece, dim, number + first)?;
                let mut facts = facts.lock().unwrap_or_else(PoisonError::into_inner);
                *facts = facts.and(found);
            }
            Ok(())
        };
        let rows = self.rows.append_with(source, &mut by_block, &by_piece, ring)?;
        let (work, facts) = if plain {
            (rows.clone(), facts.into_inner().unwrap_or_else(PoisonError::into_inner))
        } else {
            (work, Facts { whole: false, norm: 1.0, largest, short: false })
        };
        let mut base = Base { rows, work, facts, ..self.clone() };
        base.measure(self.len())?;
        base.round(Some(self), self.len())?;
        Ok(base)
    }

    /// Rounds the rows from `first` on, which those of `old` came before.
    fn round(&mut self, old: Option<&Base>, first: u64) -> Result<()> {
        let half = old.and_then(|o| o.half.as_ref());
        self.half = Rounded::extended(self, copies::halves(self)?, half, first)?;
        let bytes = old.and_then(|o| o.bytes.as_ref());
        self.bytes = Rounded::extended(self, copies::bytes(self)?, bytes, first)?;
        Ok(())
    }

    /// With one row replaced; its place in the order stays.
    pub fn replace(&self, row: u64, value: Rows<'_>) -> Result<Base> {
        let dim = self.rows.dim();
        let transform = Transform::of(&self.metric);
        let mut facts = self.facts.and(check::rows(&self.metric, value, dim, 0)?);
        let rows = self.rows.replace(row, value)?;
        let work = if transform == Transform::None {
            rows.clone()
        } else {
            let mut out = Vec::new();
            transform.apply(&value.to_f32(), dim, &mut out);
            facts = Facts { largest: self.facts.largest.max(check::largest(&out)), ..self.facts };
            self.work.replace(row, Rows::F32(&out))?
        };
        let mut base = Base { rows, work, facts, ..self.clone() };
        // Searches on the old snapshot may still read its numbers: this one gets its own.
        let at = base.segment_of(row)?;
        let part = base.parts[at].clone();
        base.parts[at] = base.copy_part(&part, part.capacity)?;
        if let Some(old) = self.bin_norm.clone() {
            base.bin_norm = Some(base.grow(&old, old.size())?);
        }
        base.stats(at, row, row + 1)?;
        base.half = Rounded::replaced(&base, self.half.as_ref(), at)?;
        base.bytes = Rounded::replaced(&base, self.bytes.as_ref(), at)?;
        Ok(base)
    }

    /// Without the rows whose bit is 0 (bit i of word i / 32), which keep their place but are never hits.
    pub fn mask(&self, live: &[u32]) -> Result<Base> {
        let bias = bias::biases(self, live)?;
        let mut base = self.clone();
        for (part, bias) in base.parts.iter_mut().zip(bias) {
            part.bias = bias;
        }
        Ok(base)
    }

    /// With the numbered rows alone, which ascend, in buffers of its own.
    pub fn gather(&self, keep: &[u32]) -> Result<Base> {
        let rows = gather::rows(&self.rows, keep)?;
        let work = if self.transforms() { gather::rows(&self.work, keep)? } else { rows.clone() };
        let mut base = self.unmeasured(rows, work);
        base.measure(0)?;
        base.round(None, 0)?;
        Ok(base)
    }

    /// Of other rows, of which nothing is known yet.
    pub(super) fn unmeasured(&self, rows: Matrix, work: Matrix) -> Base {
        let (parts, bin_norm, half, bytes) = (Vec::new(), None, None, None);
        Base { rows, work, parts, bin_norm, half, bytes, ..self.clone() }
    }

    fn segment_of(&self, row: u64) -> Result<usize> {
        let end = |s: &Segment| s.first_row() + u64::from(s.rows());
        let at = self.work.segments().iter().position(|s| row < end(s));
        at.ok_or_else(|| Error::internal(format!("row {row} of {}", self.len())))
    }

    /// Computes the numbers of all rows from `first` on.
    fn measure(&mut self, first: u64) -> Result<()> {
        let scan = space::scan_family(&self.metric);
        if scan.is_some() && self.bins() > 0 {
            let needed = self.bins() * 4;
            let had = self.bin_norm.as_ref().map_or(0, Buffer::size);
            if needed > had {
                // doubling, so that many small additions copy little
                let size = needed.max(had * 2).next_multiple_of(256);
                self.bin_norm = Some(match &self.bin_norm {
                    Some(old) => self.grow(old, size)?,
                    None => self.gpu.alloc("bin norms", size)?,
                });
            }
        }
        for at in 0..self.work.segments().len() {
            let segment = &self.work.segments()[at];
            let (start, rows) = (segment.first_row(), segment.rows());
            if start + u64::from(rows) <= first {
                continue;
            }
            let capacity = segment.capacity().next_multiple_of(BIN as u32);
            match self.parts.get(at).cloned() {
                Some(part) if part.capacity >= rows => {}
                Some(part) => self.parts[at] = self.copy_part(&part, capacity)?,
                None => {
                    let part = self.new_part(capacity)?;
                    self.parts.push(part);
                }
            }
            self.stats(at, first.max(start), start + u64::from(rows))?;
        }
        Ok(())
    }

    pub(super) fn new_part(&self, capacity: u32) -> Result<Part> {
        let bytes = u64::from(capacity) * 4;
        let bias = self.gpu.alloc("bias", bytes)?;
        let scaled = matches!(space::scan_family(&self.metric), Some((_, true)));
        let scale = if scaled { Some(self.gpu.alloc("scale", bytes)?) } else { None };
        // Where nothing is computed of the rows, all take part.
        let mut encoder = Encoder::new(&self.gpu, "new rows", false)?;
        encoder.clear(&bias);
        encoder.submit(&[])?;
        Ok(Part { bias, scale, capacity })
    }

    fn copy_part(&self, part: &Part, capacity: u32) -> Result<Part> {
        let bytes = u64::from(capacity) * 4;
        let bias = self.grow(&part.bias, bytes)?;
        let scale = part.scale.as_ref().map(|s| self.grow(s, bytes)).transpose()?;
        Ok(Part { bias, scale, capacity })
    }

    /// A copy with zeros behind.
    fn grow(&self, old: &Buffer, bytes: u64) -> Result<Buffer> {
        let new = self.gpu.alloc(old.label(), bytes)?;
        let mut encoder = Encoder::new(&self.gpu, "grow", false)?;
        encoder.clear(&new);
        encoder.copy(old, 0, &new, 0, old.size().min(bytes));
        encoder.submit(&[])?;
        Ok(new)
    }

    /// Computes the numbers of rows `from..to` of the index, all in segment `at`.
    fn stats(&self, at: usize, from: u64, to: u64) -> Result<()> {
        let (segment, part) = (&self.work.segments()[at], &self.parts[at]);
        let local = |row: u64| (row - segment.first_row()) as u32;
        let (Some((family, scaled)), Some(norms)) =
            (space::scan_family(&self.metric), &self.bin_norm)
        else {
            // Nothing is computed of these rows, but they take part: a mask left the sentinel behind the last one.
            let mut encoder = Encoder::new(&self.gpu, "new rows", false)?;
            encoder.clear_part(&part.bias, u64::from(local(from)) * 4, (to - from) * 4);
            encoder.submit(&[])?;
            return Ok(());
        };
        let dtype = self.work.dtype();
        let bins = u64::from(local(to)).div_ceil(BIN) - u64::from(local(from)) / BIN;
        let groups = fold(&self.gpu, bins)?;
        let params = RowStats {
            first: local(from),
            n: segment.rows(),
            k4: self.work.dim().div_ceil(4) as u32,
            stride4: dtype.stride4(segment.stride_bytes()),
            groups_x: groups[0],
            dim: self.work.dim() as u32,
            first_bin: (segment.first_row() / BIN) as u32,
            last: local(to),
        };
        let mut buffers = vec![segment.buffer(), &part.bias, norms];
        buffers.extend(&part.scale);
        let mut encoder = Encoder::new(&self.gpu, "row stats", false)?;
        let variant = registry::row_stats(dtype, family, scaled);
        encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], 1])?;
        encoder.submit(&[])?;
        Ok(())
    }
}
