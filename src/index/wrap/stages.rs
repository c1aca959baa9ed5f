//! One state of both stages, and what changes them together.

use super::rescored::{Now, Rescored};
use super::tee;
use crate::buffer::Matrix;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::RowOf;
use crate::format::RowSource;
use crate::index::add::AddParams;
use crate::index::changing::Index;
use crate::index::other_type::wrong_type;
use crate::index::params::{TrainParams, rising};
use crate::index::state::Names;
use crate::metric::Metric;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// The share of adding or training that the first stage is said to be.
const BASE_SHARE: f64 = 0.9;

/// Both stages, which have the same ids. A value is one state: whoever holds it searches it, and a change is made on another that was forked from
/// it, so that what fails half-way is dropped, and no search ever sees one stage without the other.
pub(super) struct Stages {
    pub base: Arc<dyn Index>,
    pub rows: Rescored,
    pub k_factor: f32,
    /// Which rows of the second are those of the first, once a search has asked.
    pub matched: Matched,
}

/// What a state's first search has found out of its rows: which are which, if there is room to say so on the device. States of the same rows
/// share it.
#[derive(Clone, Default)]
pub(super) struct Matched(Arc<Mutex<Option<Option<RowOf>>>>);

/// An index of this crate as another that changes alone.
pub(super) fn forked(index: &dyn Index, next_id: u64) -> Result<(Arc<dyn Index>, u64)> {
    let fork = index.forked(next_id).ok_or_else(|| {
        let item = format!(
            "a first stage of a type of another crate's, {}: it is changed by copies, which only indexes of this crate make of themselves",
            index.description()
        );
        Error::unsupported("Refine", item)
    })?;
    Ok((Arc::from(fork.0), fork.1))
}

/// Whether a first stage compares the signs of rows, behind transforms or not: its rows are numbers, and its distances count bits, whatever the metric
/// of the rows is. Its queries become bits on the host.
pub(super) fn is_of_signs(base: &dyn Index) -> bool {
    base.dtype() != DType::Bits && *base.metric() == Metric::Hamming
}

/// Rows of one type as the first stage takes them.
struct AsBase<'a> {
    source: &'a mut dyn RowSource,
    block: Vec<f32>,
}

impl RowSource for AsBase<'_> {
    fn dtype(&self) -> DType {
        DType::F32
    }

    fn dim(&self) -> usize {
        self.source.dim()
    }

    fn remaining(&self) -> Option<u64> {
        self.source.remaining()
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let Some(rows) = self.source.next_rows(max_rows)? else { return Ok(None) };
        self.block = rows.to_f32();
        Ok(Some(Rows::F32(&self.block)))
    }
}

impl Stages {
    /// The same state, to be changed.
    pub fn forked(&self) -> Result<Stages> {
        let (base, rows) = (forked(&*self.base, 0)?.0, self.rows.forked(0).0);
        Ok(Stages { base, rows, k_factor: self.k_factor, matched: Matched::default() })
    }

    /// Which rows of the second stage, as it is `now`, are those of the first, whose names may be known, where the device can be told.
    pub fn row_of(
        &self,
        now: &Now,
        first: impl FnOnce() -> Option<Names>,
    ) -> Result<Option<RowOf>> {
        let mut matched = self.matched.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*matched {
            return Ok(known.clone());
        }
        let Some(first) = first() else { return Ok(None) };
        let row_of = match first.rows_in(&now.names)? {
            None => Some(RowOf::Same(first.len() as u64)),
            Some(rows) => match RowOf::table(now.dataset.gpu(), &rows) {
                // whether there is room another time costs a pass over all rows to know
                Err(Error::OutOfDeviceMemory { .. }) => None,
                table => table?,
            },
        };
        *matched = Some(row_of.clone());
        Ok(row_of)
    }

    /// Device memory.
    pub fn memory(&self) -> u64 {
        let matched = self.matched.0.lock().unwrap_or_else(PoisonError::into_inner);
        let table = matched.iter().flatten().map(RowOf::bytes).sum::<u64>();
        self.base.memory() + self.rows.index().memory() + table
    }

    /// The type of the rows, which the first stage may take as f32.
    pub fn dtype(&self) -> DType {
        self.rows.index().dtype()
    }

    fn widens(&self) -> bool {
        self.base.dtype() != self.dtype()
    }

    /// Has `take` see rows as the first stage takes them.
    fn as_base<T>(&self, rows: Rows<'_>, take: impl FnOnce(Rows<'_>) -> Result<T>) -> Result<T> {
        match self.widens() {
            true => take(Rows::F32(&rows.to_f32())),
            false => take(rows),
        }
    }

    fn add_to_base(
        &self,
        source: &mut dyn RowSource,
        params: &AddParams<'_>,
    ) -> Result<Range<u64>> {
        match self.widens() {
            true => self.base.add_from_with(&mut AsBase { source, block: Vec::new() }, params),
            false => self.base.add_from_with(source, params),
        }
    }

    pub fn train(&self, sample: Rows<'_>, params: &TrainParams) -> Result<()> {
        let (base, rows) = (self.base.dtype(), self.dtype());
        // a sample of another type is refused by what learns from it
        let of_base = match sample.dtype() == rows && base != rows {
            true => self.as_base(sample, |sample| self.base.train_with(sample, params)),
            false => self.base.train_with(sample, params),
        };
        of_base?;
        let quiet = TrainParams { progress: None, ..params.clone() };
        self.rows.index().train_with(sample, &quiet)
    }

    /// Adds rows in memory: to one stage, then to the other.
    pub fn add(&self, rows: Rows<'_>, params: &AddParams<'_>) -> Result<Range<u64>> {
        if rows.dtype() != self.dtype() {
            return Err(wrong_type(rows.dtype(), self.dtype()));
        }
        let (first, second) = parts(params);
        let given = self.as_base(rows, |rows| self.base.add_with(rows, &first))?;
        same(given, self.rows.index().add_with(rows, &second)?)
    }

    /// The same of a matrix.
    pub fn add_matrix(&self, matrix: &Matrix, params: &AddParams<'_>) -> Result<Range<u64>> {
        let (first, second) = parts(params);
        let given = match self.widens() {
            true => self.add_to_base(&mut matrix.source(), &first)?,
            false => self.base.add_matrix_with(matrix, &first)?,
        };
        same(given, self.rows.index().add_matrix_with(matrix, &second)?)
    }

    /// Adds a stream, which both take as it comes.
    pub fn add_from(
        &self,
        source: &mut dyn RowSource,
        params: &AddParams<'_>,
    ) -> Result<Range<u64>> {
        if source.dtype() != self.dtype() {
            return Err(wrong_type(source.dtype(), self.dtype()));
        }
        let (first, second) = parts(params);
        // one tells, and it reads the source
        let second = AddParams { progress: None, ..second };
        let rows = self.rows.index();
        let (ours, theirs) = tee::both(
            source,
            |source| self.add_to_base(source, &first),
            |source| rows.add_from_with(source, &second),
        )?;
        same(ours, theirs)
    }

    pub fn update(&self, rows: Rows<'_>, ids: &[u64]) -> Result<()> {
        self.rows.index().update_rows(rows, ids)?;
        self.as_base(rows, |rows| self.base.update_rows(rows, ids))
    }

    pub fn upsert(&self, rows: Rows<'_>, ids: &[u64]) -> Result<usize> {
        let added = self.rows.index().upsert(rows, ids)?;
        same(added, self.as_base(rows, |rows| self.base.upsert(rows, ids))?)
    }

    pub fn remove(&self, ids: &[u64]) -> Result<usize> {
        let removed = self.base.remove(ids)?;
        same(removed, self.rows.index().remove(ids)?)
    }

    pub fn merge(&self, other: &Stages) -> Result<usize> {
        let merged = self.base.merge_from(&*other.base)?;
        same(merged, self.rows.index().merge_from(other.rows.index())?)
    }
}

/// What each stage is told of adding.
fn parts<'a>(params: &AddParams<'a>) -> (AddParams<'a>, AddParams<'a>) {
    let (mut first, mut second) = (params.clone(), params.clone());
    if let Some(progress) = params.progress.clone().map(rising) {
        let behind = progress.clone();
        first = first.progress(move |share| progress(BASE_SHARE * share));
        second = second.progress(move |share| {
            // 1 is for the end, when both are there
            behind((BASE_SHARE + (1.0 - BASE_SHARE) * share).min(0.999));
        });
    }
    (first, second)
}

/// What both stages say, which is the same.
fn same<T: PartialEq + std::fmt::Debug>(ours: T, theirs: T) -> Result<T> {
    if ours == theirs {
        return Ok(ours);
    }
    Err(Error::internal(format!("the stages of a refinement differ: {ours:?}, {theirs:?}")))
}
