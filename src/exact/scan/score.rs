//! Stage A of the binned scan: every score, of which the best of each bin is kept. Picks the kernel: matrix units where
//! the rows have a form for them, f32 register tiles, or, for few queries, the rows one by one.

use super::bits::{self, Bits};
use super::bound::Bound;
use super::direct::{self, Direct};
use super::f16_queries::F16Queries;
use super::logs;
use super::matrix::{self, Matrices};
use super::piece::{Piece, Scores, missing};
use super::settings::ScanSettings;
use super::{rows, tile};
use crate::buffer::{BIN, Buffer};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::exact::encoding::Encoding;
use crate::exact::filter::Bitmap;
use crate::exact::kernels::BoundOf;
use crate::exact::operand::{Form, ScanRows};
use crate::exact::upload::Upload;
use crate::kernel::{Encoder, MatrixTile, Tile};
use crate::space::check::RowFacts;

/// A batch of queries on its way through the rows.
pub(crate) struct Scan {
    pub scores: Scores,
    pub bound: Bound,
    pub residuals: Option<Residuals>,
    pub settings: ScanSettings,
    kernel: ScanKernel,
    form: Form,
    /// Whether the rows' logarithms are multiplied.
    logs: bool,
    /// Where stage A goes on: segment, row within it.
    next: (usize, u32),
}

/// What computes the scores.
enum ScanKernel {
    Rows,
    Tile(Tile),
    Direct(Option<Tile>, Direct),
    Bits(Option<Tile>, Bits),
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
    /// Encodes what stage A needs of the queries, of which `facts` are known.
    ///
    /// # Errors
    /// `Unsupported` for a filter for each query over listed rows: its bits are by row.
    pub fn new(
        scanned: ScanRows<'_>,
        facts: RowFacts,
        upload: Upload,
        bitmap: Option<Bitmap>,
        settings: ScanSettings,
        encoder: &mut Encoder,
    ) -> Result<Scan> {
        if bitmap.is_some() && scanned.positions.is_some() {
            return Err(Error::unsupported("a scan of listed rows", "a filter for each query"));
        }
        let (kernel, form, bound, lost) = match (settings.direct, settings.bits) {
            (None, Some(bits)) => {
                let tile = bits.tile(upload.count, settings.max_row_queries);
                (ScanKernel::Bits(tile, bits), Form::Rows, bits.bound, None)
            }
            (Some(direct), _) => {
                let few = upload.count <= settings.max_row_queries;
                let tile = (!few).then_some(settings.tile);
                (ScanKernel::Direct(tile, direct), Form::Rows, direct.bound, None)
            }
            (None, None) => products(scanned, facts, &upload, settings, encoder)?,
        };
        let nq = upload.count;
        let logs = settings.direct.is_none() && scanned.rows.by_logs();
        // what keeps bins from vouching for rows that may be no hits is a part of E
        let certify = settings.certify || logs;
        let (bound, lost) = if certify { (bound, lost) } else { (Bound::EXACT, None) };
        let residuals = lost.map(|(queries, at)| {
            let bins = scanned.bin_residual(form).ok_or_else(|| missing("residuals"))?.clone();
            Ok::<_, Error>(Residuals { bins, queries, at })
        });
        let residuals = residuals.transpose()?;
        let bin = match kernel {
            ScanKernel::Matrix(_) => settings.matrix_bin,
            _ => BIN as u32,
        };
        let bin_stride = scanned.len().div_ceil(bin.into()) as u32;
        let bytes = u64::from(nq) * u64::from(bin_stride) * 4;
        let bin_best = encoder.gpu().scratch("bin best", bytes)?;
        let (bitmap, words) = bitmap.map_or((None, 0), |bitmap| (Some(bitmap.bits), bitmap.words));
        let scores = Scores { upload, bitmap, words, bin_best, bin_stride, bin };
        Ok(Scan { scores, bound, residuals, settings, kernel, form, logs, next: (0, 0) })
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

    /// Whether the distances are no products, and computed again in their own way.
    pub fn is_direct(&self) -> bool {
        matches!(self.bound_of(), BoundOf::Score | BoundOf::Logs)
    }

    /// What the bound of its scores is made of.
    pub fn bound_of(&self) -> BoundOf {
        match (&self.kernel, &self.residuals) {
            (ScanKernel::Direct(..) | ScanKernel::Bits(..), _) => BoundOf::Score,
            _ if self.logs => BoundOf::Logs,
            (_, Some(_)) => BoundOf::Residuals,
            (_, None) => BoundOf::Norms,
        }
    }

    /// Whether no sum rounds, whatever the order.
    pub fn sums_exact(&self) -> bool {
        self.bound == Bound::EXACT && self.settings.certify
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
            ScanKernel::Rows | ScanKernel::Direct(None, _) => rows::STEP,
            ScanKernel::Tile(tile) | ScanKernel::Direct(Some(tile), _) => tile.bn,
            ScanKernel::Bits(tile, bits) => bits.step(*tile, self.scores.upload.count),
            ScanKernel::Matrix(matrices) => matrices.tile.bn(),
        };
        let mut left = (pairs / u64::from(self.scores.upload.count)).max(u64::from(step));
        encoder.stage("scan");
        for (at, (_, part, span)) in scanned.spans().enumerate().skip(self.next.0) {
            let first = if at == self.next.0 { self.next.1 } else { 0 };
            let whole = u64::from(span.count - first);
            let count = whole.min(left / u64::from(step) * u64::from(step)) as u32;
            if whole == 0 {
                continue;
            }
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
                ScanKernel::Direct(tile, direct) => {
                    direct::encode(encoder, &self.scores, &piece, (*tile, *direct))?;
                }
                ScanKernel::Bits(tile, of) => {
                    bits::encode(encoder, &self.scores, &piece, (*tile, *of))?;
                }
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

/// The kernel that multiplies, what it reads, how far its scores may be off, and where it reads fewer bits, what each query lost and
/// where the first of these stands.
type Choice = (ScanKernel, Form, Bound, Option<(Buffer, u32)>);

fn products(
    scanned: ScanRows<'_>,
    facts: RowFacts,
    upload: &Upload,
    settings: ScanSettings,
    encoder: &mut Encoder,
) -> Result<Choice> {
    let (rows, nq, dim) = (scanned.rows, upload.count, scanned.dim());
    let (family, scaled) = rows.scan().ok_or_else(|| missing("metric"))?;
    let logs = rows.by_logs();
    let of = |products: Bound| if logs { logs::bound(products, dim, facts) } else { products };
    let exact = match logs {
        true => of(Bound::f32(family, scaled, dim)),
        false => Bound::choose(family, scaled, dim, rows.facts(), facts),
    };
    let matrix = |factor: f32| {
        of(Bound::matrix(family, scaled, dim, settings.accumulation).magnified(1.0 / factor))
    };
    let norms = || upload.norms.clone().ok_or_else(|| missing("query norms"));
    let few = nq <= settings.max_row_queries;
    let tile = settings.matrix.map(|tile| tile.narrowed(nq));
    let rounded = scanned.int8.filter(|_| settings.int8);
    let rounded = rounded.or_else(|| scanned.f16.filter(|f16| f16.serves_few()));
    Ok(match (rounded, tile) {
        // exact sums are worth more than half the bytes
        (Some(rounded), _) if few && exact != Bound::EXACT => {
            let (form, magnified) = match rounded.operand {
                // by the scale of a row, which is below its largest element
                Encoding::Int8Copy => (Form::Int8, rows.facts().largest),
                _ => (Form::F16, 1.0 / rounded.smallest_factor()),
            };
            let bound = of(Bound::f32(family, scaled, dim).magnified(magnified));
            (ScanKernel::Rows, form, bound, Some((norms()?, nq)))
        }
        // of queries as they are nothing is lost, as is noted behind their norms
        (Some(_), Some(tile)) if logs && tile.input == DType::F32 => {
            (matrices(settings, tile, None), Form::F16, matrix(1.0), Some((norms()?, nq)))
        }
        (None, _) | (_, None) if logs => return Err(missing("logarithms")),
        _ if few => (ScanKernel::Rows, Form::Rows, exact, None),
        (_, Some(tile)) if tile.input == DType::F32 => {
            (matrices(settings, tile, None), Form::Rows, matrix(1.0), None)
        }
        (_, Some(tile)) => {
            let f16 = scanned.f16.ok_or_else(|| missing("f16 rows"))?;
            let shape = (dim, facts.largest);
            let factor = f16.smallest_factor();
            // biases, which are 0 where logarithms are multiplied, keep no query small
            let follows = if logs { f32::MAX } else { factor };
            let queries = F16Queries::new(encoder, upload, shape, tile.bm(), follows)?;
            let lost = queries.residuals.clone();
            let bound = matrix(factor * queries.part.factor);
            (matrices(settings, tile, Some(queries)), Form::F16, bound, Some((lost, 0)))
        }
        _ => (ScanKernel::Tile(settings.tile), Form::Rows, exact, None),
    })
}

/// The matrix units as the settings use them.
fn matrices(settings: ScanSettings, tile: MatrixTile, queries: Option<F16Queries>) -> ScanKernel {
    let (max_tiles, min_groups) = (settings.matrix_tiles, settings.matrix_groups);
    ScanKernel::Matrix(Matrices { tile, queries, max_tiles, min_groups })
}
