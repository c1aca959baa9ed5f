//! Queries on the device: in f32 for the scan and the floating metrics, packed where rows and queries are integers or bits.

use crate::buffer::{Buffer, HostFloats};
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::checked_queries::{PIECE, is_plain, prepare};
use crate::exact::dataset::Dataset;
use crate::exact::resident::Resident;
use crate::exact::rounded::int8_queries::Int8Queries;
use crate::exact::staged_queries::StagedQueries;
use crate::exact::upload::Upload;
use crate::kernel::Encoder;
use crate::metric::Metric;
use crate::parallel::each;
use crate::space::check::{self, RowFacts};
use crate::space::{self, Decoder, Pair, Term, Transform};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// The queries of a call in host memory. They are checked one part after the other, so that the device can begin with the
/// first while the host still checks the others; only what is checked may be uploaded.
pub(crate) struct Queries {
    metric: Metric,
    /// Transformed, row-major, `work_dim` elements each; empty for bits.
    floats: HostFloats,
    /// As given; for integer pairs and bits.
    packed: Vec<u8>,
    /// Where they lie, if not in host memory: then there is nothing to check, and all else is empty.
    resident: Option<Resident>,
    /// |q| of the transformed queries, rounded up.
    norms: Vec<f32>,
    dtype: DType,
    dim: usize,
    work_dim: usize,
    pub count: usize,
    /// How many are checked.
    checked: usize,
    /// The last of those, where they were written to staging memory and wait to go to the device.
    staged: Mutex<Option<StagedQueries>>,
    /// Those of `floats` that are still to be copied from the caller's.
    unkept: Vec<Range<usize>>,
    /// Of those that are checked.
    pub facts: RowFacts,
    pub pair: Pair,
    pub decoder: Arc<Decoder>,
}

/// How many queries of rows of `dtype` and `dim` elements these are: bits must meet bits, all else is compared in f32.
pub(crate) fn query_count(queries: Rows<'_>, dtype: DType, dim: usize) -> Result<usize> {
    let own = queries.dtype();
    if (dtype == DType::Bits) != (own == DType::Bits) {
        return Err(Error::unsupported(
            format!("an index of {dtype}"),
            format!("queries of {own}"),
        ));
    }
    queries.count(dim)
}

impl Queries {
    /// All queries of a call, checked and transformed.
    pub fn new(dataset: &Dataset, queries: Rows<'_>) -> Result<Queries> {
        let mut checked = Queries::unchecked(dataset, queries)?;
        checked.check(queries, checked.count)?;
        Ok(checked)
    }

    /// Room for the queries of a call, of which none is checked yet.
    pub fn unchecked(dataset: &Dataset, queries: Rows<'_>) -> Result<Queries> {
        let (metric, dim) = (dataset.metric(), dataset.dim());
        let (rows, dtype) = (dataset.compared_dtype(), queries.dtype());
        let count = query_count(queries, rows, dim)?;
        let work_dim = Transform::of(metric).dim(dim);
        let (mut floats, mut norms) = (HostFloats::default(), Vec::new());
        if dtype != DType::Bits {
            let elements = count * work_dim;
            let too_many =
                || Error::argument("queries", format!("{elements} elements do not fit in memory"));
            floats = dataset.gpu().host_floats(elements)?.ok_or_else(too_many)?;
            norms = vec![0f32; count];
        }
        let pair = space::pair(metric, rows, dtype, dim);
        let decoder = Arc::new(Decoder::new(metric, &pair, rows, dim));
        let packed = match pair {
            Pair::Integer { .. } | Pair::Bits { .. } => Vec::with_capacity(queries.bytes().len()),
            _ => Vec::new(),
        };
        let (metric, checked, facts) = (metric.clone(), 0, RowFacts::NONE);
        let (staged, unkept) = (Mutex::new(None), Vec::new());
        Ok(Queries {
            metric,
            floats,
            packed,
            resident: None,
            norms,
            dtype,
            dim,
            work_dim,
            count,
            checked,
            staged,
            unkept,
            facts,
            pair,
            decoder,
        })
    }

    /// Rows of `of` on the device; whole numbers as the floats that they are.
    ///
    /// # Errors
    /// `Internal` where rows and queries are compared as anything but floats, or differ in metric or dimension.
    pub fn resident(dataset: &Dataset, of: &Dataset, rows: Range<u64>) -> Result<Queries> {
        let (metric, dim) = (dataset.metric(), dataset.dim());
        let (own, given) = (dataset.compared_dtype(), of.compared_dtype());
        let dtype = if given.is_integer() { DType::F32 } else { given };
        let pair = space::pair(metric, own, dtype, dim);
        let integers = matches!(pair, Pair::Integer { .. } | Pair::Bits { .. });
        if integers || metric != of.metric() || dim != of.dim() {
            return Err(Error::internal(format!("rows of {dtype} as queries of {own}")));
        }
        let count = (rows.end - rows.start) as usize;
        let resident = Resident::new(of, rows)?;
        let decoder = Arc::new(Decoder::new(metric, &pair, own, dim));
        Ok(Queries {
            metric: metric.clone(),
            floats: HostFloats::default(),
            packed: Vec::new(),
            norms: Vec::new(),
            dtype,
            dim,
            work_dim: Transform::of(metric).dim(dim),
            count,
            checked: count,
            staged: Mutex::new(None),
            unkept: Vec::new(),
            facts: resident.facts(),
            resident: Some(resident),
            pair,
            decoder,
        })
    }

    /// The same queries as another dataset of the metric compares them, for its plans: without elements.
    pub fn planned_for(&self, dataset: &Dataset) -> Queries {
        let (resident, facts) = (self.resident.clone(), self.facts);
        let bare = Queries::bare(dataset, &self.metric, self.dtype, (self.dim, self.count));
        Queries { resident, facts, ..bare }
    }

    /// The queries of a call that are on the device for another dataset, as this one compares them: without elements.
    pub fn unread(dataset: &Dataset, queries: Rows<'_>) -> Result<Queries> {
        let (dim, dtype) = (dataset.dim(), queries.dtype());
        let count = query_count(queries, dataset.compared_dtype(), dim)?;
        Ok(Queries::bare(dataset, dataset.metric(), dtype, (dim, count)))
    }

    fn bare(
        dataset: &Dataset,
        metric: &Metric,
        dtype: DType,
        (dim, count): (usize, usize),
    ) -> Queries {
        let own = dataset.compared_dtype();
        let pair = space::pair(metric, own, dtype, dim);
        let decoder = Arc::new(Decoder::new(metric, &pair, own, dim));
        Queries {
            metric: metric.clone(),
            floats: HostFloats::default(),
            packed: Vec::new(),
            resident: None,
            norms: Vec::new(),
            dtype,
            dim,
            work_dim: Transform::of(metric).dim(dim),
            count,
            checked: 0,
            staged: Mutex::new(None),
            unkept: Vec::new(),
            facts: RowFacts::NONE,
            pair,
            decoder,
        }
    }

    /// Whether those kernels that multiply read them as whoever has the same queries and rows of this metric and type brought them here.
    pub fn reads_alike(&self, dataset: &Dataset) -> bool {
        let products = match self.pair {
            Pair::Tree { .. } => true,
            Pair::Integer { family } => matches!(family, "l2" | "dot"),
            _ => false,
        };
        products && dataset.compared().tables().is_none()
    }

    /// Whether the kernels that compare these with the rows of this dataset read floats alone, as they are, and of rows nothing beside.
    pub fn reads_floats(&self, dataset: &Dataset) -> bool {
        let floats = !self.dtype.is_integer() && self.dtype != DType::Bits;
        let integers = matches!(self.pair, Pair::Integer { .. } | Pair::Bits { .. });
        floats && !integers && dataset.compared().tables().is_none()
    }

    /// Whether they lie on the device, where nobody has looked at them one by one.
    pub fn is_resident(&self) -> bool {
        self.resident.is_some()
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Elements as the metric compares them.
    pub fn work_dim(&self) -> usize {
        self.work_dim
    }

    /// One of those that are checked, as the device has it; empty for bits.
    pub fn row(&self, number: u32) -> &[f32] {
        let at = number as usize * self.work_dim;
        self.floats.get(at..at + self.work_dim).unwrap_or_default()
    }

    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Checks and transforms those that are not yet, up to number `end`; `queries` are all of the call.
    pub fn check(&mut self, queries: Rows<'_>, end: usize) -> Result<()> {
        self.check_staged(queries, end, None)
    }

    /// The same of those that are to go to the device next, in one upload, in bytes too or not. They may be staged meanwhile: then no others may
    /// be uploaded before, nor these a second time before [`Queries::keep`].
    pub fn check_next(
        &mut self,
        dataset: &Dataset,
        queries: Rows<'_>,
        end: usize,
        in_int8: bool,
    ) -> Result<()> {
        let compared = dataset.compared();
        let tables = compared.tables().is_some_and(|tables| !tables.elements().apart);
        let integers = matches!(self.pair, Pair::Integer { .. } | Pair::Bits { .. });
        let waits = self.staged.get_mut().is_ok_and(|staged| staged.is_some());
        let other = integers || tables || compared.scan().is_none() || in_int8 || waits;
        let staged = if other || self.dtype == DType::Bits || !self.work_dim.is_multiple_of(4) {
            None
        } else {
            let (range, stride) = (self.checked..end, self.work_dim as u64 * 4);
            StagedQueries::new(dataset.gpu(), range, stride)?
        };
        self.check_staged(queries, end, staged)
    }

    /// Copies what [`Queries::check_next`] left with the caller, for what may be asked again: behind the last submission that takes no time.
    pub fn keep(&mut self, queries: Rows<'_>) -> Result<()> {
        let (dim, step) = (self.dim, (PIECE / self.dim).max(1));
        for range in std::mem::take(&mut self.unkept) {
            let Rows::F32(from) = queries.slice(dim, range.clone()) else { continue };
            let to = self.floats[range.start * dim..range.end * dim].chunks_mut(step * dim);
            each(to.zip(from.chunks(step * dim)).collect(), |(to, from)| {
                to.copy_from_slice(from);
                Ok(())
            })?;
        }
        Ok(())
    }

    fn check_staged(
        &mut self,
        queries: Rows<'_>,
        end: usize,
        staged: Option<StagedQueries>,
    ) -> Result<()> {
        let (start, dim, work_dim, metric) = (self.checked, self.dim, self.work_dim, &self.metric);
        if self.dtype != DType::Bits {
            let floats = &mut self.floats[start * work_dim..end * work_dim];
            let step = (PIECE / dim).max(1);
            let outs = floats.chunks_mut(step * work_dim);
            let outs = outs.zip(self.norms[start..end].chunks_mut(step));
            let pieces = each(outs.enumerate().collect(), |(i, (floats, norms))| {
                let first = start + i * step;
                let range = first..first + norms.len();
                let part = staged.as_ref().map(|staged| staged.part(range.clone())).transpose()?;
                let piece = queries.slice(dim, range);
                prepare(metric, piece, dim, first as u64, (floats, part), norms)
            })?;
            self.facts = pieces.into_iter().fold(self.facts, RowFacts::and);
        }
        if self.dtype == DType::Bits {
            check::rows(metric, queries.slice(dim, start..end), dim, start as u64)?;
        }
        if let Pair::Integer { .. } | Pair::Bits { .. } = self.pair {
            self.packed.extend_from_slice(queries.slice(dim, start..end).bytes());
        }
        if let Some(staged) = staged {
            if is_plain(metric, self.dtype) {
                self.unkept.push(start..end);
            }
            self.staged = Mutex::new(Some(staged));
        }
        self.checked = end;
        Ok(())
    }

    /// Brings the numbered queries to the device, if asked in bytes, too.
    pub fn upload(
        &self,
        dataset: &Dataset,
        which: &[u32],
        in_int8: bool,
        encoder: &mut Encoder,
    ) -> Result<Upload> {
        if let Some(resident) = &self.resident {
            return resident.upload(which, encoder);
        }
        let d4 = self.work_dim.div_ceil(4);
        let mut staged = self.staged.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(staged) = staged.take_if(|staged| staged.is_of(which) && !in_int8) {
            let (floats, norms) = staged.upload(&self.norms, encoder)?;
            return Ok(Upload {
                count: which.len() as u32,
                floats: Some(floats.clone()),
                float_stride4: d4 as u32,
                exact: floats,
                exact_stride4: d4 as u32,
                norms: Some(norms),
                int8: None,
                ranges: None,
            });
        }
        drop(staged);
        let unkept = |&query: &u32| self.unkept.iter().any(|own| own.contains(&(query as usize)));
        if !self.unkept.is_empty() && which.iter().any(unkept) {
            return Err(Error::internal("queries that are not there yet"));
        }
        let scans = dataset.compared().scan().is_some();
        let tables = dataset.compared().tables().filter(|tables| !tables.elements().apart);
        let integer = !self.packed.is_empty();
        let (mut floats, mut norms, mut int8) = (None, None, None);
        // integers are scanned in f32, too
        let scanned = scans || Term::of(&self.metric).is_some();
        if !self.floats.is_empty() && (scanned || !integer) {
            let padded = self.padded(which, d4 * 4);
            if scans {
                let mut all: Vec<f32> = which.iter().map(|&q| self.norms[q as usize]).collect();
                let mut residuals = vec![0.0; which.len()];
                if in_int8 {
                    let (d, floats) = (self.work_dim, &self.floats);
                    let queries = which.iter().map(|&q| &floats[q as usize * d..][..d]);
                    int8 = Some(Int8Queries::upload(queries, d, &mut residuals, encoder)?);
                }
                all.append(&mut residuals);
                norms = Some(encoder.upload("query norms", bytemuck::cast_slice(&all))?);
            }
            floats = Some(match tables {
                Some(tables) => tables.behind(&padded, encoder)?,
                None => encoder.upload("queries", bytemuck::cast_slice(&padded))?,
            });
        }
        let float_stride4 = d4 as u32;
        let (exact, exact_stride4) = match (&floats, integer) {
            (Some(floats), false) => (floats.clone(), float_stride4),
            _ => self.pack(which, encoder)?,
        };
        let count = which.len() as u32;
        let ranges = tables.map(|_| count * exact_stride4);
        Ok(Upload { count, floats, float_stride4, exact, exact_stride4, norms, int8, ranges })
    }

    /// The numbered queries with `stride` elements each: as they lie, where they lie so.
    fn padded(&self, which: &[u32], stride: usize) -> Cow<'_, [f32]> {
        let d = self.work_dim;
        if let (true, Some(&first)) = (d == stride, which.first())
            && which.iter().enumerate().all(|(i, &q)| q as usize == first as usize + i)
        {
            let first = first as usize * d;
            return Cow::Borrowed(&self.floats[first..first + which.len() * d]);
        }
        let mut padded = vec![0f32; which.len() * stride];
        for (to, &q) in padded.chunks_exact_mut(stride).zip(which) {
            to[..d].copy_from_slice(&self.floats[q as usize * d..][..d]);
        }
        Cow::Owned(padded)
    }

    fn pack(&self, which: &[u32], encoder: &mut Encoder) -> Result<(Buffer, u32)> {
        let bytes = self.dtype.row_bytes(self.dim);
        let stride = bytes.next_multiple_of(16);
        let mut padded = vec![0u8; which.len() * stride];
        for (to, &q) in padded.chunks_exact_mut(stride).zip(which) {
            to[..bytes].copy_from_slice(&self.packed[q as usize * bytes..][..bytes]);
        }
        let buffer = encoder.upload("queries", &padded)?;
        Ok((buffer, self.dtype.stride4(stride as u32)))
    }
}
