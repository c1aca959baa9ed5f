//! The rows that exact searches run over: one immutable snapshot.

use super::custom;
use super::encoding::Encoding;
use super::operand::ScanRows;
use super::rounded::copies::{self, Copies, Rounded};
use super::rows::facts;
use super::rows::measured::Measured;
use super::rows::transformed;
use super::tables::Tables;
use crate::buffer::{BIN, Matrix, Uploader};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::{RowSource, SliceSource};
use crate::kernel::{best_matrix_tile, matrix_error};
use crate::metric::Metric;
use crate::ops::{gather, scatter};
use crate::space::check::{self, RowFacts};
use crate::space::{Transform, scan_family};
use std::sync::{Mutex, PoisonError};

/// Rows that replace others are uploaded in blocks of so many bytes, which the device then copies to their places.
const BLOCK_BYTES: usize = 32 << 20;

/// Rows under one metric. Changes give a new `Dataset` that shares what is equal; the old one stays valid.
#[derive(Clone)]
pub(crate) struct Dataset {
    metric: Metric,
    /// The rows as they were given.
    rows: Matrix,
    /// The rows as the metric compares them: of the same matrix where it transforms nothing.
    compared: Measured,
    /// The rows in f16 for the matrix units and few queries, and in 8 bits for few, where they are used.
    f16: Option<Rounded>,
    int8: Option<Rounded>,
    /// Which of them may be copies.
    copies: Copies,
}

impl Dataset {
    /// No rows yet.
    pub fn new(gpu: &Gpu, metric: &Metric, dtype: DType, dim: usize) -> Result<Dataset> {
        Dataset::prepared(gpu, metric, dtype, dim, true)
    }

    /// No rows yet, and never a scan: for callers that compute every distance. Of the rows nothing is copied, and nothing
    /// computed but the scales of cosine.
    pub fn unscanned(gpu: &Gpu, metric: &Metric, dtype: DType, dim: usize) -> Result<Dataset> {
        Dataset::prepared(gpu, metric, dtype, dim, false)
    }

    fn prepared(
        gpu: &Gpu,
        metric: &Metric,
        dtype: DType,
        dim: usize,
        scanned: bool,
    ) -> Result<Dataset> {
        metric.check(dtype, dim)?;
        if let Metric::Custom(metric) = metric {
            custom::check(metric)?;
        }
        let mut rows = Matrix::empty(gpu, dtype, dim)?;
        let transform = Transform::of(metric);
        let mut compared = match transform {
            Transform::None => rows.clone(),
            _ => Matrix::empty(gpu, DType::F32, transform.dim(dim))?,
        };
        let scan = scan_family(metric).filter(|(_, scaled)| scanned || *scaled);
        let copies = if scanned { Copies::All } else { Copies::Unscanned };
        let scan = copies::scanned(&compared, scan, copies)?;
        let most = copies::most_rows(&Measured::new(compared.clone(), scan), copies)?;
        if let Some(most) = most {
            compared = compared.cut(most);
            rows = if transform == Transform::None { compared.clone() } else { rows };
        }
        let (metric, compared) = (metric.clone(), Measured::new(compared, scan));
        Ok(Dataset { metric, rows, compared, f16: None, int8: None, copies })
    }

    /// The type of what is compared, which of codes is that of what they stand for.
    pub fn compared_dtype(&self) -> DType {
        if self.compared.is_coded() { DType::F32 } else { self.rows.dtype() }
    }

    /// What is refused of rows: of codes nothing.
    fn checked_as(&self) -> &Metric {
        if self.compared.is_coded() { &Metric::L2 } else { &self.metric }
    }

    /// Whether distances are estimates, and not those of points.
    pub fn estimates(&self) -> bool {
        self.compared.tables().is_some_and(Tables::adds)
    }

    /// Elements of a row as it was given, and of a query; of codes those of what they stand for.
    pub fn dim(&self) -> usize {
        self.compared.tables().map_or(self.rows.dim(), Tables::dim)
    }

    pub fn gpu(&self) -> &Gpu {
        self.rows.gpu()
    }

    pub fn metric(&self) -> &Metric {
        &self.metric
    }

    /// The rows as they were given.
    pub fn rows(&self) -> &Matrix {
        &self.rows
    }

    /// The rows as the metric compares them.
    pub fn compared(&self) -> &Measured {
        &self.compared
    }

    pub fn len(&self) -> u64 {
        self.rows.row_count()
    }

    /// The rows in f16, if there is such a form of them.
    pub fn f16(&self) -> Option<&Rounded> {
        self.f16.as_ref()
    }

    /// The rows in 8 bits, if there is such a copy.
    pub fn int8(&self) -> Option<&Rounded> {
        self.int8.as_ref()
    }

    /// A copy of the rows in 8 bits, whatever the profile says of one, from that of the first so many of them if it is there; `None` of rows that have 8 bits,
    /// and without the memory.
    pub fn copied_to_bytes(&self, old: Option<(&Rounded, u64)>) -> Result<Option<Rounded>> {
        if self.int8.is_some() || self.rows.dtype().is_integer() {
            return Ok(self.int8.clone());
        }
        let (old, first) = (old.map(|old| old.0), old.map_or(0, |old| old.1));
        Rounded::extended(&self.compared, Some(Encoding::Int8Copy), old, first)
    }

    /// With such a copy of the same rows, which lie where they lay.
    pub fn with_bytes(&self, int8: Option<Rounded>) -> Dataset {
        Dataset { int8, ..self.clone() }
    }

    /// Whether the products of each row are multiplied by a number of its own.
    pub fn is_scaled(&self) -> bool {
        let metric = matches!(self.compared.scan(), Some((_, true)));
        metric || self.f16().is_some_and(Rounded::is_scaled)
    }

    /// The rows as a scan may read them.
    pub fn scan_rows(&self) -> ScanRows<'_> {
        ScanRows { rows: &self.compared, f16: self.f16(), int8: self.int8(), positions: None }
    }

    /// Device memory of the rows and their numbers.
    pub fn bytes(&self) -> u64 {
        let given = if self.transforms() { self.rows.bytes() } else { 0 };
        let rounded = [&self.f16, &self.int8].into_iter().flatten().map(Rounded::bytes);
        self.compared.bytes() + given + rounded.sum::<u64>()
    }

    /// Which copies of the rows there may be.
    pub(super) fn copies(&self) -> Copies {
        self.copies
    }

    pub(super) fn with_copies(self, copies: Copies) -> Dataset {
        Dataset { copies, ..self }
    }

    /// With other numbers and copies of the same rows.
    pub(super) fn with_compared(
        self,
        compared: Measured,
        f16: Option<Rounded>,
        int8: Option<Rounded>,
    ) -> Dataset {
        Dataset { compared, f16, int8, ..self }
    }

    pub fn transforms(&self) -> bool {
        Transform::of(&self.metric) != Transform::None
    }

    /// With the rows of a stream behind its own. Row numbers have 32 bits.
    pub fn append(&self, source: &mut dyn RowSource) -> Result<Dataset> {
        self.append_at(source, 0, &mut None)
    }

    /// With the rows of a matrix of the same device behind its own, which are checked there. Where the metric compares transformed
    /// rows, they are transformed on the host.
    pub fn append_matrix(&self, more: &Matrix) -> Result<Dataset> {
        self.rows.check_like(more)?;
        if self.transforms() {
            return self.append(&mut more.source());
        }
        self.check_len(more.row_count())?;
        let facts = self.compared.facts().and(facts::of(self.checked_as(), more)?);
        let rows = self.rows.append_matrix(more)?;
        let compared = self.compared.extended(rows.clone(), facts)?;
        Dataset { rows, compared, ..self.clone() }.rounded(Some(self))
    }

    /// Refuses more rows than their numbers have bits for.
    fn check_len(&self, more: u64) -> Result<()> {
        let (needed, limit) = (self.len() + more, u64::from(u32::MAX) - 2 * BIN);
        if needed > limit {
            let what = "rows of an index".into();
            return Err(Error::LimitExceeded { what, needed, limit });
        }
        Ok(())
    }

    /// As `append`; what is refused is named as row `number` of the call and those that follow.
    pub(super) fn append_at(
        &self,
        source: &mut dyn RowSource,
        number: u64,
        ring: &mut Option<Uploader>,
    ) -> Result<Dataset> {
        let (dim, metric, checked) = (self.rows.dim(), &self.metric, self.checked_as());
        let transform = Transform::of(metric);
        let plain = transform == Transform::None;
        let old = self.compared.facts();
        let facts = Mutex::new(old);
        let mut transformed = self.compared.matrix().clone();
        let mut largest = old.largest;
        let mut by_block = |block: Rows<'_>, first: u64| {
            self.check_len(first + block.count(dim)? as u64)?;
            if !plain {
                let out = transformed::rows(transform, metric, block, dim, number + first)?;
                largest = largest.max(check::largest(&out));
                transformed = transformed.append(Rows::F32(&out))?;
            }
            Ok(())
        };
        let by_piece = |piece: Rows<'_>, first: u64| {
            if plain {
                let found = check::rows(checked, piece, dim, number + first)?;
                let mut facts = facts.lock().unwrap_or_else(PoisonError::into_inner);
                *facts = facts.and(found);
            }
            Ok(())
        };
        let rows = self.rows.append_with(source, &mut by_block, &by_piece, ring)?;
        let (compared, facts) = if plain {
            (rows.clone(), facts.into_inner().unwrap_or_else(PoisonError::into_inner))
        } else {
            (
                transformed,
                RowFacts { whole: false, norm: 1.0, largest, smallest: 0.0, ..RowFacts::NONE },
            )
        };
        let compared = self.compared.extended(compared, facts)?;
        Dataset { rows, compared, ..self.clone() }.rounded(Some(self))
    }

    /// With what there is of the rows in fewer bits, of which `old` may have a part.
    pub(super) fn rounded(self, old: Option<&Dataset>) -> Result<Dataset> {
        let (rows, first) = (&self.compared, old.map_or(0, Dataset::len));
        let f16 = copies::f16_operand(rows, self.copies)?;
        let f16 = Rounded::extended(rows, f16, old.and_then(Dataset::f16), first)?;
        let int8 = copies::int8_operand(rows, self.copies)?;
        let int8 = Rounded::extended(rows, int8, old.and_then(Dataset::int8), first)?;
        if self.may_scan()
            && let Some(tile) = best_matrix_tile(self.gpu(), f16.is_some())?
        {
            // here, so that planning a search runs nothing
            matrix_error::measure_once(self.gpu(), tile)?;
        }
        Ok(Dataset { f16, int8, ..self })
    }

    /// Whether a scan may be asked of the rows.
    fn may_scan(&self) -> bool {
        self.compared.scan().is_some() && self.copies != Copies::Unscanned && self.len() > 0
    }

    /// With the rows of a stream in the place of those with these numbers, each of which is there once; places in the order stay.
    /// `live` says which rows are not masked, where some are; `more` rows are to be appended next.
    pub fn replace(
        &self,
        numbers: &[u32],
        source: &mut dyn RowSource,
        live: Option<&[u32]>,
        more: u64,
    ) -> Result<Dataset> {
        let (dim, metric, gpu) = (self.rows.dim(), &self.metric, self.gpu());
        let transform = Transform::of(metric);
        let plain = transform == Transform::None;
        let facts = Mutex::new(self.compared.facts());
        let touched = self.rows.touched(numbers);
        let rows = self.rows.unshared(&touched, more)?;
        let old = self.compared.matrix();
        // segments of transformed rows have other sizes
        let (cut, matrix) = match plain {
            true => (None, rows.clone()),
            false => {
                let touched = old.touched(numbers);
                let matrix = old.unshared(&touched, more)?;
                (Some(touched), matrix)
            }
        };
        let by_piece = |piece: Rows<'_>, first: u64| {
            if plain {
                let found = check::rows(self.checked_as(), piece, dim, first)?;
                let mut facts = facts.lock().unwrap_or_else(PoisonError::into_inner);
                *facts = facts.and(found);
            }
            Ok(())
        };
        let step = (BLOCK_BYTES / rows.stride_bytes() as usize).max(1);
        let (mut done, mut ring) = (0, None);
        while let Some(block) = source.next_rows(step)? {
            let end = done + block.count(dim)?;
            let Some(places) = numbers.get(done..end).filter(|places| !places.is_empty()) else {
                return Err(Error::internal(format!("{end} rows for {}", numbers.len())));
            };
            if !plain {
                let out = transformed::rows(transform, metric, block, dim, done as u64)?;
                let mut facts = facts.lock().unwrap_or_else(PoisonError::into_inner);
                facts.largest = facts.largest.max(check::largest(&out));
                let out = Matrix::from_rows(gpu, matrix.dim(), Rows::F32(&out))?;
                scatter::rows(&out, places, &matrix)?;
            }
            let numbered = |piece: Rows<'_>, first: u64| by_piece(piece, done as u64 + first);
            let block = Matrix::empty(gpu, rows.dtype(), dim)?.append_with(
                &mut SliceSource::new(block, dim)?,
                &mut |_, _| Ok(()),
                &numbered,
                &mut ring,
            )?;
            scatter::rows(&block, places, &rows)?;
            done = end;
        }
        if done != numbers.len() {
            return Err(Error::internal(format!("{done} rows for {}", numbers.len())));
        }
        let facts = facts.into_inner().unwrap_or_else(PoisonError::into_inner);
        let touched = cut.unwrap_or(touched);
        let mut compared = self.compared.replaced(matrix, &touched, facts)?;
        if let Some(live) = live
            && touched.iter().any(|touched| !touched.whole)
        {
            // between the rows are some that were masked
            compared = compared.masked(live)?;
        }
        let f16 = Rounded::replaced(&compared, self.f16(), &touched)?;
        let int8 = Rounded::replaced(&compared, self.int8(), &touched)?;
        gpu.check_alive()?;
        Ok(Dataset { rows, compared, f16, int8, ..self.clone() })
    }

    /// Without the rows whose bit is 0 (bit i of word i / 32), which keep their place but are never hits.
    pub fn mask(&self, live: &[u32]) -> Result<Dataset> {
        Ok(Dataset { compared: self.compared.masked(live)?, ..self.clone() })
    }

    /// With the numbered rows alone, which ascend, in buffers of its own.
    pub fn gather(&self, keep: &[u32]) -> Result<Dataset> {
        let rows = gather::rows(&self.rows, keep)?;
        let matrix = match self.transforms() {
            true => gather::rows(self.compared.matrix(), keep)?,
            false => rows.clone(),
        };
        let compared = self.compared.with_matrix(matrix)?;
        Dataset { rows, compared, f16: None, int8: None, ..self.clone() }.rounded(None)
    }

    /// Room for `rows` rows that are to come, and for an f16 copy of them if `copies` says so and the device has a use for it.
    pub(super) fn with_room(&self, rows: u32, copies: bool) -> Result<Dataset> {
        let copies = if copies { Copies::F16 } else { Copies::None };
        let given = self.rows.with_room(rows)?;
        let matrix = match self.transforms() {
            true => self.compared.matrix().with_room(rows)?,
            false => given.clone(),
        };
        let compared = self.compared.with_room(matrix)?;
        let f16 = copies::f16_operand(&compared, copies)?;
        let f16 = f16.map(|operand| Rounded::with_room(&compared, operand)).transpose()?;
        Ok(Dataset { rows: given, compared, f16, int8: None, copies, ..self.clone() })
    }

    /// Its buffers without rows, for a caller who alone holds it.
    pub(super) fn emptied(self) -> Dataset {
        let compared = self.compared.emptied();
        let rows = match self.transforms() {
            true => self.rows.emptied(),
            false => compared.matrix().clone(),
        };
        Dataset { rows, compared, ..self }
    }
}
