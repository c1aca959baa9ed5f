//! The kernels of exact search: every variant that it asks for is made here.

use super::coding::Elements;
use super::encoding::Encoding;
use super::lost::Lost;
use super::params;
use crate::dtype::DType;
use crate::kernel::{MatrixTile, Operand, RowMap, Shader, Tile, Variant, shader};
use crate::metric::{CustomMetric, Order};
use crate::space::{Family, Pair, Term};

const BINS_AGREE: Shader = shader!("exact", "bins_agree");
const BIN_GROUPS: Shader = shader!("exact", "bin_groups");
const CANDIDATES: Shader = shader!("exact", "candidates");
const CODES_COPY: Shader = shader!("exact", "codes_copy");
const DISTANCE: Shader = shader!("exact", "distance");
const F16_COPY: Shader = shader!("exact", "f16_copy");
const FOLD_QUERIES: Shader = shader!("exact", "fold_queries");
const INT8_COPY: Shader = shader!("exact", "int8_copy");
const MASK_BIAS: Shader = shader!("exact", "mask_bias");
const NEAREST_OF_BINS: Shader = shader!("exact", "nearest_of_bins");
pub(super) const QUERY_TABLES: Shader = shader!("exact", "query_tables");
const RANGE: Shader = shader!("exact", "range");
const RESCORE: Shader = shader!("exact", "rescore");
const RESIDUAL: Shader = shader!("exact", "residual");
const ROW_FACTS: Shader = shader!("exact", "row_facts");
const ROW_QUERIES: Shader = shader!("exact", "row_queries");
const ROW_STATS: Shader = shader!("exact", "row_stats");
const SCAN_BITS: Shader = shader!("exact", "scan_bits");
const SCAN_BITS_ROW: Shader = shader!("exact", "scan_bits_row");
const SCAN_DIRECT: Shader = shader!("exact", "scan_direct");
const SCAN_DIRECT_ROW: Shader = shader!("exact", "scan_direct_row");
const SCAN_KEY: Shader = shader!("exact", "scan_key");
const SCAN_MATRIX: Shader = shader!("exact", "scan_matrix");
const SCAN_ROW: Shader = shader!("exact", "scan_row");
pub(super) const SCAN_TABLE: Shader = shader!("exact", "scan_table");
const SCAN_TILE: Shader = shader!("exact", "scan_tile");
const SELECT_BINS: Shader = shader!("exact", "select_bins");
const SELECT_RANGE: Shader = shader!("exact", "select_range");

/// More groups than a slab of a register tile has.
pub(crate) const WHOLE_SLAB: u32 = 64;

/// A kernel that reads rows, which may be codes.
fn of_rows(variant: Variant, rows: Elements) -> Variant {
    variant.word("dtype", rows.name()).implied("coded", rows.coded)
}

/// One that computes exact distances.
fn exactly(variant: Variant, rows: Elements) -> Variant {
    let variant = of_rows(variant, rows).flag("apart", rows.apart);
    match rows.query_bits {
        0 => variant.implied("query_bits", 0),
        bits => variant.int("query_bits", bits),
    }
}

pub(crate) fn row_facts(dtype: DType) -> Variant {
    Variant::new::<params::RowFacts>(ROW_FACTS).word("dtype", dtype.name())
}

/// `scaled`: divided by their norm.
pub(crate) fn row_queries(rows: impl Into<Elements>, scaled: bool, map: RowMap) -> Variant {
    of_rows(Variant::new::<params::RowQueries>(ROW_QUERIES), rows.into())
        .flag("scaled", scaled)
        .row_map(map)
}

pub(crate) fn row_stats(
    rows: impl Into<Elements>,
    family: Family,
    scaled: bool,
    map: RowMap,
) -> Variant {
    of_rows(Variant::new::<params::RowStats>(ROW_STATS), rows.into())
        .word("family", family.name())
        .flag("scaled", scaled)
        .row_map(map)
}

pub(crate) fn mask_bias(masked: bool, map: RowMap) -> Variant {
    Variant::new::<params::MaskBias>(MASK_BIAS).flag("masked", masked).row_map(map)
}

/// `logs`: of the logarithms of the elements.
pub(crate) fn f16_copy(dtype: DType, scaled: bool, logs: bool) -> Variant {
    Variant::new::<params::F16Copy>(F16_COPY)
        .word("dtype", dtype.name())
        .flag("scaled", scaled)
        .flag("logs", logs)
}

pub(crate) fn int8_copy(dtype: DType, scaled: bool) -> Variant {
    Variant::new::<params::Int8Copy>(INT8_COPY).word("dtype", dtype.name()).flag("scaled", scaled)
}

pub(crate) fn codes_copy(dtype: DType) -> Variant {
    Variant::new::<params::CodesCopy>(CODES_COPY).word("dtype", dtype.name())
}

pub(crate) fn fold_queries() -> Variant {
    Variant::new::<params::FoldQueries>(FOLD_QUERIES)
}

pub(crate) fn residual(
    rows: impl Into<Elements>,
    scaled: bool,
    lost: Lost,
    map: RowMap,
) -> Variant {
    of_rows(Variant::new::<params::Residual>(RESIDUAL), rows.into())
        .flag("scaled", scaled)
        .word("lost", lost.name())
        .row_map(map)
}

/// `scaled`: products are multiplied by the scale of their row; `bin` rows to a bin.
pub(crate) fn scan_matrix(
    tile: MatrixTile,
    rows: &Operand,
    scaled: bool,
    bin: u32,
    bitmap: bool,
    map: RowMap,
) -> Variant {
    Variant::new::<params::ScanMatrix>(SCAN_MATRIX)
        .operand(rows)
        .matrix_tile(tile)
        .flag("scaled", scaled)
        .int("bin", bin)
        .flag("epilogue_bias", tile.epilogue_bias)
        .flag("bitmap", bitmap)
        .row_map(map)
}

pub(crate) fn scan_tile(
    rows: &Operand,
    tile: Tile,
    scaled: bool,
    bitmap: bool,
    map: RowMap,
) -> Variant {
    Variant::new::<params::Scan>(SCAN_TILE)
        .operand(rows)
        // of floats, whatever is stored
        .implied("input", "f32")
        .implied("unrolled", WHOLE_SLAB)
        .tile(tile)
        .flag("scaled", scaled)
        .flag("bitmap", bitmap)
        .row_map(map)
}

pub(crate) fn scan_direct(
    rows: &Operand,
    tile: Tile,
    term: Term,
    bitmap: bool,
    map: RowMap,
) -> Variant {
    direct(SCAN_DIRECT, term)
        .implied("unrolled", term.unrolled())
        .operand(rows)
        .implied("input", "f32")
        .tile(tile)
        .flag("bitmap", bitmap)
        .row_map(map)
}

/// `q` queries at a time: 1, 2 or 4.
pub(crate) fn scan_direct_row(
    dtype: DType,
    term: Term,
    q: u32,
    bitmap: bool,
    map: RowMap,
) -> Variant {
    direct(SCAN_DIRECT_ROW, term)
        .word("dtype", dtype.name())
        .int("q", q)
        .flag("bitmap", bitmap)
        .row_map(map)
}

/// A scan with this inner step, whose rows have no scales.
fn direct(shader: Shader, term: Term) -> Variant {
    let of = Variant::new::<params::Scan>(shader).word("family", term.family);
    let of = if term.power > 0 { of.int("power", term.power) } else { of };
    of.implied("scaled", false)
}

/// Rows of bits: what is counted of them, and whether by carry-save adders.
pub(crate) fn scan_bits(
    kind: (&'static str, bool),
    tile: Tile,
    bitmap: bool,
    map: RowMap,
) -> Variant {
    bits(SCAN_BITS, kind)
        .tile(tile)
        .implied("input", "u32")
        .implied("counted", kind.0 != "hamming")
        .flag("bitmap", bitmap)
        .row_map(map)
}

/// `q` queries at a time, 1, 2 or 4, by `lanes` threads a row: 1, 2, 4 or 8.
pub(crate) fn scan_bits_row(
    kind: (&'static str, bool),
    (q, lanes): (u32, u32),
    bitmap: bool,
    map: RowMap,
) -> Variant {
    bits(SCAN_BITS_ROW, kind).int("q", q).int("lanes", lanes).flag("bitmap", bitmap).row_map(map)
}

fn bits(shader: Shader, (family, carry_save): (&'static str, bool)) -> Variant {
    Variant::new::<params::Scan>(shader)
        .word("family", family)
        .flag("carry_save", carry_save)
        .implied("scaled", false)
}

/// `q` queries at a time: 1, 2 or 4. It reads words of 16 bytes, so that it knows how each type lies in them; there is no other operand.
pub(crate) fn scan_row(rows: Encoding, q: u32, scaled: bool, bitmap: bool, map: RowMap) -> Variant {
    Variant::new::<params::Scan>(SCAN_ROW)
        .word("dtype", rows.name())
        .implied("looked_up", matches!(rows, Encoding::Tables(_)))
        .int("q", q)
        .flag("scaled", scaled)
        .flag("bitmap", bitmap)
        .row_map(map)
}

/// Room of the workgroup's own list of bins; the room of a search is at most this.
pub(crate) const MAX_CANDIDATES: u32 = 3072;
const FEW_CANDIDATES: u32 = 512;

/// What the bound of a score is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BoundOf {
    /// The score alone.
    Score,
    /// The norms of row and query, too.
    Norms,
    /// And what their copies lost.
    Residuals,
    /// The same of the rows' logarithms, where rows may be no hit of a query.
    Logs,
}

pub(crate) fn bin_groups() -> Variant {
    Variant::new::<params::BinGroups>(BIN_GROUPS)
}

/// Whether bins may be looked at in groups of 64: where every row is as far off as its score says, and the list is short.
pub(crate) fn may_group(room: u32, bound: BoundOf, bin: u32, map: RowMap) -> bool {
    room <= FEW_CANDIDATES && bound == BoundOf::Score && bin == 64 && !map.table
}

/// `bin` rows to a bin; `grouped` where their groups have maxima, too.
pub(crate) fn select_bins(
    threads: u32,
    room: u32,
    bound: BoundOf,
    bin: u32,
    map: RowMap,
    grouped: bool,
) -> Variant {
    let room = if room <= FEW_CANDIDATES { FEW_CANDIDATES } else { MAX_CANDIDATES };
    Variant::new::<params::SelectBins>(SELECT_BINS)
        .int("threads", threads)
        .int("room", room)
        .int("bin", bin)
        .flag("normless", bound == BoundOf::Score)
        .flag("rounded", matches!(bound, BoundOf::Residuals | BoundOf::Logs))
        .flag("logs", bound == BoundOf::Logs)
        .flag("grouped", grouped)
        .implied("listed", false)
        // it needs no row, but to know whether they are in order
        .flag("table", map.table)
}

/// The same where the bins of each query are listed, of rows through tables.
pub(crate) fn select_listed(threads: u32, room: u32, bound: BoundOf, bin: u32) -> Variant {
    let room = if room <= FEW_CANDIDATES { FEW_CANDIDATES } else { MAX_CANDIDATES };
    Variant::new::<params::SelectBins>(SELECT_BINS)
        .int("threads", threads)
        .int("room", room)
        .int("bin", bin)
        .flag("normless", bound == BoundOf::Score)
        .flag("rounded", bound == BoundOf::Residuals)
        .implied("logs", false)
        .implied("grouped", false)
        .flag("table", true)
        .flag("listed", true)
}

/// The same for a radius, whose rows are never listed.
pub(crate) fn select_range(threads: u32, bound: BoundOf) -> Variant {
    Variant::new::<params::SelectBins>(SELECT_RANGE)
        .int("threads", threads)
        .implied("bin", 64)
        .flag("normless", bound == BoundOf::Score)
        .flag("rounded", matches!(bound, BoundOf::Residuals | BoundOf::Logs))
        .flag("logs", bound == BoundOf::Logs)
}

pub(crate) fn rescore(
    rows: impl Into<Elements>,
    pair: &Pair,
    bitmap: bool,
    bin: u32,
    map: RowMap,
) -> Variant {
    let (family, scaled, integer) = match pair {
        Pair::Integer { family } => (*family, false, true),
        Pair::Tree { family, scaled } => (family.name(), *scaled, false),
        _ => ("dot", false, false),
    };
    exactly(Variant::new::<params::Rescore>(RESCORE), rows.into())
        .word("family", family)
        .int("bin", bin)
        .flag("integer", integer)
        .flag("scaled", scaled)
        .flag("bitmap", bitmap)
        .row_map(map)
}

/// `excluded`: each query has a row that is none of its candidates; `table`: both stages number rows in their own ways.
pub(crate) fn candidates(excluded: bool, table: bool) -> Variant {
    Variant::new::<params::Candidates>(CANDIDATES).flag("excluded", excluded).flag("table", table)
}

/// Of f32 rows, `bin` to a bin: 16 or 64.
pub(crate) fn nearest_of_bins(family: Family, scaled: bool, bin: u32) -> Variant {
    Variant::new::<params::NearestOfBins>(NEAREST_OF_BINS)
        .word("dtype", DType::F32.name())
        .word("family", family.name())
        .int("bin", bin)
        .flag("scaled", scaled)
}

pub(crate) fn distance(
    rows: impl Into<Elements>,
    pair: &Pair,
    bitmap: bool,
    map: RowMap,
) -> Variant {
    let (kind, family, queries, descending) = match pair {
        Pair::Tree { family, .. } => ("tree", Some(family.name()), 2, *family == Family::Dot),
        Pair::Integer { family } => ("integer", Some(*family), 4, *family == "dot"),
        Pair::Direct { family, descending } => ("direct", Some(*family), 4, *descending),
        Pair::Bits { family } => ("bits", Some(*family), 4, false),
        Pair::Custom(metric) => ("custom", None, 4, metric.order == Order::Descending),
    };
    let v = exactly(Variant::new::<params::Distance>(DISTANCE), rows.into()).word("kind", kind);
    let v = match family {
        Some(family) => v.word("family", family),
        None => v,
    };
    let v = v
        .int("tq", queries)
        .flag("descending", descending)
        .flag("scaled", matches!(pair, Pair::Tree { scaled: true, .. }));
    let v = match pair {
        Pair::Custom(metric) => v.foreign(&metric.source, metric.initial.to_bits()),
        _ => v,
    };
    v.flag("bitmap", bitmap).row_map(map)
}

/// The best key of each bin, of a user's metric by register tiles.
pub(crate) fn scan_key(rows: &Operand, tile: Tile, metric: &CustomMetric, bitmap: bool) -> Variant {
    Variant::new::<params::Scan>(SCAN_KEY)
        .operand(rows)
        .implied("input", "f32")
        // nothing is known of the length of its step
        .implied("unrolled", 2)
        .tile(tile)
        .flag("descending", metric.order == Order::Descending)
        .flag("bitmap", bitmap)
        .foreign(&metric.source, metric.initial.to_bits())
}

pub(crate) fn bins_agree() -> Variant {
    Variant::new::<params::BinsAgree>(BINS_AGREE)
}

/// Of the keys of consecutive rows, or of chosen bins, whose places `map` says the rows of.
pub(crate) fn range(bins: bool, emit: bool, map: RowMap) -> Variant {
    Variant::new::<params::Range>(RANGE).flag("bins", bins).flag("emit", emit).row_map(map)
}
