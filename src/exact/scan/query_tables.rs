//! Stage A for few queries over codes of a product quantizer: what each query's products with all that a code can stand for are is computed
//! once, and a row is a sum of some of them.
//!
//! With q.x = q.c + sum over the parts m of q_m.y_m(code), y being what codes stand for and c the centroid of the row's list (0 where there
//! is none), the sum has no more roundings than one over the elements, in another order: of products alone the bound is that of any sum.
//! With centroids the terms are those of c and of y, whose magnitudes add up to |q| (|c| + |y|) and not to |q||x|, and x itself is rounded
//! once more: every row counts as long as the longest centroid and the longest code together, and as some products more.

use super::bound::Bound;
use super::piece::{Piece, Scores, missing};
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::exact::params::{self, TableScan};
use crate::exact::rows::measured::Measured;
use crate::exact::table_kernels::{self, PER};
use crate::exact::tables::Tables;
use crate::exact::upload::Upload;
use crate::kernel::{Encoder, fold};
use crate::space::Family;

/// Rows of a workgroup.
pub(crate) const STEP: u32 = PER * 256;
/// As many products as the sum with a centroid counts for beside those of the elements: the last addition, the row's own, and one for f32's.
const ROUNDINGS: usize = 4;

/// How the products of a query lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub bits: u32,
    /// Parts, with those before the first and those that fill up the last words of a row.
    pub parts: u32,
    /// Parts before the first: what the number of a list takes.
    skipped: u32,
    /// Whether the number of a list comes before the codes.
    pub listed: bool,
    /// Where the products with centroids begin, of as many as a query probes lists, and all.
    pub centers: u32,
    pub stride: u32,
}

impl Layout {
    /// Of rows that are codes of parts; in lists with so many that a query probes.
    pub fn of(rows: &Measured, nprobe: u32) -> Option<Layout> {
        let (parts, bits) = rows.tables().and_then(Tables::parts)?;
        let (listed, parts) = (rows.tables().is_some_and(Tables::listed), parts as u32);
        // these are read by words, whole ones of which come before them
        let whole = bits == 4 || bits == 8;
        let skipped = if listed && whole { 32 / bits } else { 0 };
        let unit = if bits == 8 { 16 } else { 32 };
        let parts = (skipped + parts).next_multiple_of(unit);
        let centers = parts << bits;
        let stride = centers + if listed { nprobe } else { 0 };
        Some(Layout { bits, parts, skipped, listed, centers, stride })
    }

    /// Bytes of the products of a query.
    pub fn bytes(&self) -> u64 {
        u64::from(self.stride) * 4
    }
}

/// Whether products are looked up of such rows, of which those that are divided by their norm may be short beside their centroids.
pub(crate) fn may_look_up(rows: &Measured) -> bool {
    let scaled = rows.scan().is_none_or(|(_, scaled)| scaled);
    Layout::of(rows, 0).is_some_and(|layout| !(scaled && layout.listed))
}

/// The bound of such scores, where `exact` is that of sums over the elements of the rows.
pub(crate) fn bound(rows: &Measured, family: Family, dim: usize, exact: Bound) -> Bound {
    match rows.tables().filter(|tables| tables.listed()) {
        Some(tables) => {
            let bound = Bound::f32(family, false, dim + ROUNDINGS);
            Bound { unit: tables.norm(), ..bound }
        }
        None => exact,
    }
}

/// Encodes the products of queries, in lists with the centroids of the pairs.
pub(crate) fn encode(
    encoder: &mut Encoder,
    rows: &Measured,
    upload: &Upload,
    (layout, pairs, nprobe, nlist): (Layout, Option<&Buffer>, u32, u32),
) -> Result<Buffer> {
    let tables = rows.tables().ok_or_else(|| missing("tables"))?;
    let queries = upload.floats.as_ref().ok_or_else(|| missing("queries"))?;
    let gpu = encoder.gpu().clone();
    let floats = u64::from(upload.count) * u64::from(layout.stride);
    let floats = u32::try_from(floats).map_err(|_| Error::internal("more than 2^32 products"))?;
    let products = gpu.scratch("products", u64::from(floats) * 4)?;
    let groups = layout.centers / 256;
    let of_lists = if layout.listed { nprobe.div_ceil(32) } else { 0 };
    let params = params::QueryTables {
        q_stride4: upload.float_stride4,
        stride: layout.stride,
        skipped: layout.skipped,
        groups,
        centers: layout.centers,
        nprobe,
        nlist,
        k4: rows.dim().div_ceil(4) as u32,
    };
    let mut buffers =
        vec![("queries", queries), ("tables", tables.buffer()), ("products", &products)];
    if layout.listed {
        buffers.push(("pairs", pairs.ok_or_else(|| missing("pairs"))?));
    }
    let variant = table_kernels::query_tables(layout.listed);
    encoder.dispatch(&variant, &buffers, &params, [groups + of_lists, upload.count, 1])?;
    Ok(products)
}

/// Encodes the scores of a piece, of rows that are in no lists.
pub(crate) fn scan(
    encoder: &mut Encoder,
    scores: &Scores,
    piece: &Piece<'_>,
    (layout, products): (Layout, &Buffer),
) -> Result<()> {
    let groups = fold(encoder.gpu(), u64::from((piece.end - piece.first).div_ceil(STEP)))?;
    let params = TableScan {
        n: piece.end,
        stride4: piece.rows.stride4,
        first_bin: piece.first_bin(),
        bin_stride: scores.bin_stride,
        tiles_y: groups[0],
        words: scores.words,
        first_tile: piece.first / STEP,
        inverse: 1.0 / piece.rows.factor,
        parts: layout.parts,
        table_stride: layout.stride,
    };
    let mut buffers = vec![
        ("rows", piece.rows.buffer),
        ("products", products),
        ("bias", piece.bias),
        ("bin_best", &scores.bin_best),
    ];
    buffers.extend(piece.rows.scale.map(|scale| ("scale", scale)));
    buffers.extend(scores.bitmap.as_ref().map(|bitmap| ("bitmap", bitmap)));
    buffers.extend(piece.rows.span.table.map(|table| ("row_table", table)));
    let (scaled, bitmap) = (piece.rows.scale.is_some(), scores.bitmap.is_some());
    let variant = table_kernels::scan_table(layout.bits, scaled, bitmap, piece.row_map());
    encoder.dispatch(&variant, &buffers, &params, [scores.upload.count, groups[0], groups[1]])
}
