//! Stage A of the binned scan: every score, of which the best of each bin is kept. Picks the kernel: matrix units where
//! the rows have a copy for them, f32 register tiles, or, for few queries, the rows one by one.

use crate::buffer::{Buffer, Segment};
use crate::call::mask_words;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::exact::dataset::{Base, Part};
use crate::exact::params::BIN;
use crate::exact::plan::Plan;
use crate::exact::queries::{Queries, Upload};
use crate::exact::rounded::f16;
use crate::exact::rows::bias;
use crate::exact::scan::bound::Bound;
use crate::exact::scan::f16_queries::{self, HalfQueries};
use crate::exact::scan::operand::{Form, Reads};
use crate::kernel::registry::{MatrixTile, Operand};
use crate::kernel::{Encoder, fold, registry};
use crate::space::{self, Transform};
use bytemuck::NoUninit;

/// A query chunk on its way through the rows.
pub(crate) struct Scan {
    pub upload: Upload,
    pub bitmap: Option<Buffer>,
    pub bin_best: Buffer,
    /// Rows to a bin.
    pub bin: u32,
    pub bin_stride: u32,
    pub bound: Bound,
    pub rests: Option<Rests>,
    way: Way,
    form: Form,
    fast: bool,
    /// Where stage A goes on: segment, row within it.
    next: (usize, u32),
}

enum Way {
    /// So many queries at a time.
    Rows {
        q: u32,
    },
    Tile,
    /// With the queries in f16 where the tile multiplies f16.
    Matrix {
        tile: MatrixTile,
        queries: Option<HalfQueries>,
    },
}

#[repr(C)]
#[derive(Clone, Copy, NoUninit)]
struct TileParams {
    nq: u32,
    n: u32,
    k4: u32,
    stride4: u32,
    q_stride4: u32,
    first_bin: u32,
    bin_stride: u32,
    tiles_y: u32,
    words: u32,
    first_tile: u32,
}

#[repr(C)]
#[derive(Clone, Copy, NoUninit)]
struct RowParams {
    tile: TileParams,
    inverse: f32,
}

#[repr(C)]
#[derive(Clone, Copy, NoUninit)]
pub(crate) struct MatrixParams {
    pub nq: u32,
    pub n: u32,
    pub k: u32,
    pub k4: u32,
    pub stride4: u32,
    pub q_stride4: u32,
    pub first_bin: u32,
    pub bin_stride: u32,
    pub tiles_y: u32,
    pub first_tile: u32,
    pub inverse: f32,
    pub tiles: u32,
    pub words: u32,
}

/// Some rows of one segment.
struct Piece<'a> {
    segment: &'a Segment,
    part: &'a Part,
    /// The segment's number.
    at: usize,
    bias: &'a Buffer,
    first: u32,
    rows: u32,
}

/// What was lost in fewer bits.
pub(crate) struct Rests {
    pub bins: Buffer,
    pub queries: Buffer,
    /// Where in it the first query's stands.
    pub at: u32,
}

pub(crate) fn missing(what: &str) -> Error {
    Error::internal(format!("the scan has no {what}"))
}

impl Scan {
    pub fn new(
        base: &Base,
        queries: &Queries,
        upload: Upload,
        bitmap: Option<Buffer>,
        plan: &Plan,
        encoder: &mut Encoder,
    ) -> Result<Scan> {
        let (metric, gpu, nq) = (base.metric(), base.gpu(), upload.count);
        let (family, scaled) = space::scan_family(metric).ok_or_else(|| missing("metric"))?;
        let dim = base.work().dim();
        let q = if nq >= 3 { 4 } else { nq };
        let exact =
            Bound::choose(family, scaled, dim, Transform::of(metric), base.facts(), queries.facts);
        let matrix = |factor: f32| {
            Bound::matrix(family, scaled, dim, plan.accumulation).magnified(1.0 / factor)
        };
        let few = nq <= plan.few;
        let tile = plan.matrix.map(|tile| tile.narrowed(nq));
        let rounded = plan.bytes.then_some(Form::Bytes).and_then(|form| form.rounded(base));
        let rounded = rounded.or_else(|| base.half().filter(|half| half.serves_few()));
        let (way, form, bound, rests) = match (rounded, tile) {
            // exact sums are worth more than half the bytes
            (Some(rounded), _) if few && exact != Bound::EXACT => {
                let (form, magnified) = match rounded.operand {
                    // by the scale of a row, which is below its largest element
                    Operand::Bytes => (Form::Bytes, base.facts().largest),
                    _ => (Form::Half, 1.0 / rounded.smallest_factor()),
                };
                let bound = Bound::f32(family, scaled, dim).magnified(magnified);
                let queries = upload.norms.clone().ok_or_else(|| missing("query norms"))?;
                let rests = Rests { bins: rounded.bin_rest().clone(), queries, at: nq };
                (Way::Rows { q }, form, bound, Some(rests))
            }
            _ if few => (Way::Rows { q }, Form::Rows, exact, None),
            (_, Some(tile)) if tile.input == DType::F32 => {
                (Way::Matrix { tile, queries: None }, Form::Rows, matrix(1.0), None)
            }
            (_, Some(tile)) => {
                let half = base.half().ok_or_else(|| missing("f16 rows"))?;
                let shape = (dim, queries.facts.largest);
                let rows = half.smallest_factor();
                let halves = f16_queries::queries(encoder, &upload, shape, tile.bm(), rows)?;
                let lost = halves.rests.clone();
                let rests = Rests { bins: half.bin_rest().clone(), queries: lost, at: 0 };
                let bound = matrix(rows * halves.part.factor);
                (Way::Matrix { tile, queries: Some(halves) }, Form::Half, bound, Some(rests))
            }
            _ => (Way::Tile, Form::Rows, exact, None),
        };
        let (bound, rests) = if plan.fast { (Bound::EXACT, None) } else { (bound, rests) };
        let bin = if matches!(way, Way::Matrix { .. }) { plan.matrix_bin } else { BIN as u32 };
        let bin_stride = base.len().div_ceil(bin.into()) as u32;
        let bin_best = gpu.scratch("bin best", u64::from(nq) * u64::from(bin_stride) * 4)?;
        Ok(Scan {
            upload,
            bitmap,
            bin_best,
            bin,
            bin_stride,
            bound,
            rests,
            way,
            form,
            fast: plan.fast,
            next: (0, 0),
        })
    }

    /// Bytes of rows that stage A reads, if each is read once.
    pub fn bytes(&self, base: &Base) -> Result<u64> {
        let each = base.segments().enumerate().map(|(at, (segment, _))| {
            Ok(u64::from(segment.rows()) * Reads::of(base, at, self.form)?.row_bytes())
        });
        each.sum()
    }

    /// The queries in f16, where the matrix units multiply them so.
    pub fn half_queries(&self) -> Option<&HalfQueries> {
        match &self.way {
            Way::Matrix { queries, .. } => queries.as_ref(),
            _ => None,
        }
    }

    pub fn sums_exact(&self) -> bool {
        self.bound == Bound::EXACT && !self.fast
    }

    /// Encodes stage A for at most `plan.pairs` pairs of query and row, and says whether all rows are done.
    pub fn score(
        &mut self,
        encoder: &mut Encoder,
        base: &Base,
        biases: Option<&[Buffer]>,
        plan: &Plan,
    ) -> Result<bool> {
        let step = match &self.way {
            Way::Rows { .. } => BIN as u32,
            Way::Tile => plan.tile.bn,
            Way::Matrix { tile, .. } => tile.bn(),
        };
        let mut left = (plan.pairs / u64::from(self.upload.count)).max(u64::from(step));
        encoder.stage("scan");
        for (at, (segment, part)) in base.segments().enumerate().skip(self.next.0) {
            let first = if at == self.next.0 { self.next.1 } else { 0 };
            let whole = u64::from(segment.rows() - first);
            let rows = whole.min(left / u64::from(step) * u64::from(step)) as u32;
            if rows == 0 {
                self.next = (at, first);
                return Ok(false);
            }
            let bias = biases.map_or(&part.bias, |b| &b[at]);
            let piece = Piece { segment, part, at, bias, first, rows };
            match &self.way {
                Way::Rows { q } => self.rows(encoder, base, &piece, *q)?,
                Way::Tile => self.tile(encoder, base, &piece, plan)?,
                Way::Matrix { tile, queries } => {
                    self.matrix(encoder, base, &piece, *tile, plan, queries.as_ref())?;
                }
            }
            left -= u64::from(rows).min(left);
            if u64::from(rows) < whole {
                self.next = (at, first + rows);
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn params(&self, base: &Base, piece: &Piece<'_>, tiles_y: u32, step: u32) -> TileParams {
        TileParams {
            nq: self.upload.count,
            n: piece.first + piece.rows,
            k4: base.work().dim().div_ceil(4) as u32,
            stride4: base.work().dtype().stride4(piece.segment.stride_bytes()),
            q_stride4: self.upload.float_stride4,
            first_bin: (piece.segment.first_row() / BIN) as u32,
            bin_stride: self.bin_stride,
            tiles_y,
            words: mask_words(base.len()) as u32,
            first_tile: piece.first / step,
        }
    }

    fn floats(&self) -> Result<&Buffer> {
        self.upload.floats.as_ref().ok_or_else(|| missing("queries"))
    }

    fn rows(&self, encoder: &mut Encoder, base: &Base, piece: &Piece<'_>, q: u32) -> Result<()> {
        let bitmap = self.bitmap.is_some();
        let groups = fold(base.gpu(), u64::from(piece.rows).div_ceil(BIN))?;
        let reads = Reads::of(base, piece.at, self.form)?;
        let mut tile = self.params(base, piece, groups[0], BIN as u32);
        tile.stride4 = reads.stride4;
        // f16 rows are read as their copy would be: what that may flush is counted
        let operand = if self.form == Form::Half { Operand::Half } else { reads.operand };
        let asked = match &self.upload.bytes {
            Some(bytes) if self.form == Form::Bytes => {
                tile.q_stride4 = bytes.stride;
                &bytes.buffer
            }
            _ => self.floats()?,
        };
        let mut buffers = vec![reads.rows, asked, piece.bias, &self.bin_best];
        buffers.extend(reads.scale);
        buffers.extend(&self.bitmap);
        let params = RowParams { tile, inverse: 1.0 / reads.factor };
        let queries = self.upload.count.div_ceil(q);
        let variant = registry::scan_row(operand, q, reads.scale.is_some(), bitmap);
        encoder.dispatch(&variant, &buffers, &params, [queries, groups[0], groups[1]])
    }

    fn tile(
        &self,
        encoder: &mut Encoder,
        base: &Base,
        piece: &Piece<'_>,
        plan: &Plan,
    ) -> Result<()> {
        let (scaled, bitmap) = (piece.part.scale.is_some(), self.bitmap.is_some());
        let variant = registry::scan_tile(base.work().dtype(), plan.tile, scaled, bitmap);
        let groups = fold(base.gpu(), u64::from(piece.rows.div_ceil(plan.tile.bn)))?;
        let params = self.params(base, piece, groups[0], plan.tile.bn);
        let mut buffers = vec![piece.segment.buffer(), self.floats()?, piece.bias, &self.bin_best];
        buffers.extend(&piece.part.scale);
        buffers.extend(&self.bitmap);
        let queries = self.upload.count.div_ceil(plan.tile.bm);
        encoder.dispatch(&variant, &buffers, &params, [queries, groups[0], groups[1]])
    }

    fn matrix(
        &self,
        encoder: &mut Encoder,
        base: &Base,
        piece: &Piece<'_>,
        tile: MatrixTile,
        plan: &Plan,
        queries: Option<&HalfQueries>,
    ) -> Result<()> {
        let reads = Reads::of(base, piece.at, self.form)?;
        let (asked, q_stride4, q_factor) = match queries {
            Some(HalfQueries { part, .. }) => (&part.buffer, part.stride4, part.factor),
            None => (self.floats()?, self.upload.float_stride4, 1.0),
        };
        let factor = reads.factor * q_factor;
        // whole tiles, scaled as the products are
        let padded = u64::from(piece.segment.rows()).next_multiple_of(tile.bn().into());
        let bias = base.gpu().scratch("scaled bias", padded * 4)?;
        bias::write(encoder, piece.bias, None, &bias, piece.segment, factor)?;
        let count = self.upload.count.div_ceil(tile.bm());
        let row_tiles = piece.rows.div_ceil(tile.bn());
        // a workgroup with several tiles loads ahead from one to the next, but all must have enough to do
        let each = count.saturating_mul(row_tiles) / plan.matrix_groups;
        let tiles = each.clamp(1, plan.matrix_tiles);
        let groups = fold(base.gpu(), row_tiles.div_ceil(tiles).into())?;
        let params = MatrixParams {
            nq: self.upload.count,
            n: piece.first + piece.rows,
            k: f16::depth(base.work().dim()),
            k4: base.work().dim().div_ceil(4) as u32,
            stride4: reads.stride4,
            q_stride4,
            first_bin: (piece.segment.first_row() / BIN) as u32,
            bin_stride: self.bin_stride,
            tiles_y: groups[0],
            first_tile: piece.first / tile.bn(),
            inverse: 1.0 / factor,
            tiles,
            words: mask_words(base.len()) as u32,
        };
        let mut buffers = vec![reads.rows, asked, &bias, &self.bin_best];
        buffers.extend(reads.scale);
        buffers.extend(&self.bitmap);
        let (scaled, bitmap) = (reads.scale.is_some(), self.bitmap.is_some());
        let variant = registry::scan_matrix(tile, reads.operand, scaled, self.bin, bitmap);
        encoder.dispatch(&variant, &buffers, &params, [count, groups[0], groups[1]])
    }
}
