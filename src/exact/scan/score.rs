//! Stage A of the binned scan: every score, of which the best of each bin is kept. Picks the kernel: matrix units where
//! the rows have a form for them, f32 register tiles, or, for few queries, the rows one by one.

use super::bound::Bound;
use super::f16_queries::F16Queries;
use super::matrix::{self, Matrices};
use super::piece::{Piece, Scores, missing};
use super::{rows, tile};
use crate::buffer::BIN;
use crate::buffer::Buffer;
use crate::call::mask_words;
use crate::dtype::DType;
use crate::error::Result;
use crate::exact::kernels::Operand;
use crate::exact::operand::{Form, ScanRows};
use crate::exact::plan::Plan;
use crate::exact::queries::{Queries, Upload};
use crate::kernel::{Encoder, MatrixTile, Tile};

/// A query chunk on its way through the rows.
pub(crate) struct Scan {
    pub scores: Scores,
    pub bound: Bound,
    pub residuals: Option<Residuals>,
    kernel: ScanKernel,
    form: Form,
    certified: bool,
    /// Where stage A goes on: segment, row within it.
    next: (usize, u32),
}

/// What computes the scores.
enum ScanKernel {
    Rows,
    Tile(Tile),
    Matrix(Matrices),
}

/// How much was lost in fewer bits.
pub(crate) struct Residuals {
    pub bins: Buffer,
    pub queries: Buffer,
    /// Where in it the first query's stands.
    pub at: u32,
}

impl Scan {
    pub fn new(
        scanned: ScanRows<'_>,
        queries: &Queries,
        upload: Upload,
        bitmap: Option<Buffer>,
        plan: &Plan,
        encoder: &mut Encoder,
    ) -> Result<Scan> {
        let (rows, nq, dim) = (scanned.rows, upload.count, scanned.dim());
        let (family, scaled) = rows.scan().ok_or_else(|| missing("metric"))?;
        let exact = Bound::choose(family, scaled, dim, rows.facts(), queries.facts);
        let matrix = |factor: f32| {
            Bound::matrix(family, scaled, dim, plan.accumulation).magnified(1.0 / factor)
        };
        let few = nq <= plan.max_row_queries;
        let tile = plan.matrix.map(|tile| tile.narrowed(nq));
        let rounded = scanned.int8.filter(|_| plan.int8);
        let rounded = rounded.or_else(|| scanned.f16.filter(|f16| f16.serves_few()));
        let (kernel, form, bound, residuals) = match (rounded, tile) {
            // exact sums are worth more than half the bytes
            (Some(rounded), _) if few && exact != Bound::EXACT => {
                let (form, magnified) = match rounded.operand {
                    // by the scale of a row, which is below its largest element
                    Operand::Int8Copy => (Form::Int8, rows.facts().largest),
                    _ => (Form::F16, 1.0 / rounded.smallest_factor()),
                };
                let bound = Bound::f32(family, scaled, dim).magnified(magnified);
                let queries = upload.norms.clone().ok_or_else(|| missing("query norms"))?;
                let bins = rounded.bin_residual().clone();
                (ScanKernel::Rows, form, bound, Some(Residuals { bins, queries, at: nq }))
            }
            _ if few => (ScanKernel::Rows, Form::Rows, exact, None),
            (_, Some(tile)) if tile.input == DType::F32 => {
                (matrices(plan, tile, None), Form::Rows, matrix(1.0), None)
            }
            (_, Some(tile)) => {
                let f16 = scanned.f16.ok_or_else(|| missing("f16 rows"))?;
                let shape = (dim, queries.facts.largest);
                let factor = f16.smallest_factor();
                let queries = F16Queries::new(encoder, &upload, shape, tile.bm(), factor)?;
                let lost = queries.residuals.clone();
                let bins = f16.bin_residual().clone();
                let bound = matrix(factor * queries.part.factor);
                let residuals = Some(Residuals { bins, queries: lost, at: 0 });
                (matrices(plan, tile, Some(queries)), Form::F16, bound, residuals)
            }
            _ => (ScanKernel::Tile(plan.tile), Form::Rows, exact, None),
        };
        let (bound, residuals) =
            if plan.certify { (bound, residuals) } else { (Bound::EXACT, None) };
        let bin = match kernel {
            ScanKernel::Matrix(_) => plan.matrix_bin,
            _ => BIN as u32,
        };
        let bin_stride = rows.len().div_ceil(bin.into()) as u32;
        let bytes = u64::from(nq) * u64::from(bin_stride) * 4;
        let bin_best = encoder.gpu().scratch("bin best", bytes)?;
        let words = mask_words(rows.len()) as u32;
        let scores = Scores { upload, bitmap, words, bin_best, bin_stride, bin };
        let certified = plan.certify;
        Ok(Scan { scores, bound, residuals, kernel, form, certified, next: (0, 0) })
    }

    /// Bytes of rows that stage A reads, if each is read once.
    pub fn bytes(&self, scanned: ScanRows<'_>) -> Result<u64> {
        let segments = 0..scanned.rows.matrix().segments().len();
        segments.map(|at| Ok(scanned.operand(at, self.form)?.bytes())).sum()
    }

    /// The queries in f16, where the matrix units multiply them so.
    pub fn f16_queries(&self) -> Option<&F16Queries> {
        match &self.kernel {
            ScanKernel::Matrix(matrices) => matrices.queries.as_ref(),
            _ => None,
        }
    }

    /// Whether no sum rounds, whatever the order.
    pub fn sums_exact(&self) -> bool {
        self.bound == Bound::EXACT && self.certified
    }

    /// Encodes stage A for at most `pairs` pairs of query and row, and says whether all rows are done.
    pub fn score(
        &mut self,
        encoder: &mut Encoder,
        scanned: ScanRows<'_>,
        biases: Option<&[Buffer]>,
        pairs: u64,
    ) -> Result<bool> {
        let step = match &self.kernel {
            ScanKernel::Rows => rows::STEP,
            ScanKernel::Tile(tile) => tile.bn,
            ScanKernel::Matrix(matrices) => matrices.tile.bn(),
        };
        let mut left = (pairs / u64::from(self.scores.upload.count)).max(u64::from(step));
        encoder.stage("scan");
        for (at, (segment, part)) in scanned.rows.segments().enumerate().skip(self.next.0) {
            let first = if at == self.next.0 { self.next.1 } else { 0 };
            let whole = u64::from(segment.rows() - first);
            let count = whole.min(left / u64::from(step) * u64::from(step)) as u32;
            if count == 0 {
                self.next = (at, first);
                return Ok(false);
            }
            let bias = biases.map_or(&part.bias, |b| &b[at]);
            let rows_of = scanned.operand(at, self.form)?;
            let (end, dim) = (first + count, scanned.dim());
            let piece = Piece { rows: rows_of, bias, first, end, dim };
            match &self.kernel {
                ScanKernel::Rows => rows::encode(encoder, &self.scores, &piece)?,
                ScanKernel::Tile(of) => tile::encode(encoder, &self.scores, &piece, *of)?,
                ScanKernel::Matrix(of) => matrix::encode(encoder, &self.scores, &piece, of)?,
            }
            left -= u64::from(count).min(left);
            if u64::from(count) < whole {
                self.next = (at, end);
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The matrix units as the plan uses them.
fn matrices(plan: &Plan, tile: MatrixTile, queries: Option<F16Queries>) -> ScanKernel {
    let (max_tiles, min_groups) = (plan.matrix_tiles, plan.matrix_groups);
    ScanKernel::Matrix(Matrices { tile, queries, max_tiles, min_groups })
}
