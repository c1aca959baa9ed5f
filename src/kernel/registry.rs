//! Every kernel that the crate can ask for, in one place: the constructors that `ops` calls. [`super::list`] has the variants
//! that they can give.

pub(crate) use super::tile::{DEPTH, MatrixTile, Tile};
use super::variant::Variant;
use crate::dtype::DType;
use crate::metric::Order;
pub(crate) use crate::space::{Family, Pair};

pub(crate) fn row_stats(dtype: DType, family: Family, scaled: bool) -> Variant {
    Variant::new("row_stats")
        .word("dtype", dtype.name())
        .word("family", family.name())
        .flag("scaled", scaled)
}

pub(crate) fn mask_bias(masked: bool) -> Variant {
    Variant::new("mask_bias").flag("masked", masked)
}

pub(crate) fn half_copy(dtype: DType, scaled: bool) -> Variant {
    Variant::new("f16_copy").word("dtype", dtype.name()).flag("scaled", scaled)
}

pub(crate) fn byte_copy(dtype: DType, scaled: bool) -> Variant {
    Variant::new("int8_copy").word("dtype", dtype.name()).flag("scaled", scaled)
}

/// Whose loss is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// A copy's in f16, of every bin.
    Half,
    /// The same of every row.
    Each,
    /// A copy's in 8 bits.
    Bytes,
    /// Of f16 rows themselves, where subnormals are flushed.
    Own,
}

pub(crate) fn residual(dtype: DType, scaled: bool, lost: Lost) -> Variant {
    let word = match lost {
        Lost::Half => "half",
        Lost::Each => "each",
        Lost::Bytes => "bytes",
        Lost::Own => "own",
    };
    Variant::new("residual").word("dtype", dtype.name()).flag("scaled", scaled).word("lost", word)
}

/// What a scan reads of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operand {
    /// Their copy in f16, scaled and padded to whole tiles.
    Half,
    /// Their copy in 8 bits, each row with a scale.
    Bytes,
    /// The rows as they are stored.
    Rows(DType),
}

impl Operand {
    const fn name(self) -> &'static str {
        match self {
            Operand::Half => "half",
            Operand::Bytes => "bytes",
            Operand::Rows(dtype) => dtype.name(),
        }
    }
}

/// `scaled`: products are multiplied by the scale of their row; `bin` rows to a bin.
pub(crate) fn scan_matrix(
    tile: MatrixTile,
    rows: Operand,
    scaled: bool,
    bin: u32,
    bitmap: bool,
) -> Variant {
    Variant::new("scan_matrix")
        .word("source", rows.name())
        .word("input", if tile.input == DType::F32 { "f32" } else { "f16" })
        .int("edge", tile.edge)
        .int("bm", tile.bm())
        .int("bn", tile.bn())
        .int("bk", tile.bk)
        .int("sm", tile.sm)
        .int("sgm", tile.sgm)
        .int("sgn", tile.sgn)
        .int("pad", tile.pad)
        .int("sg", tile.subgroup)
        .int("threads", tile.threads())
        .flag("scalar", tile.scalar)
        .flag("scaled", scaled)
        .int("bin", bin)
        .flag("epilogue_bias", tile.epilogue_bias)
        .flag("bitmap", bitmap)
}

pub(crate) fn gather_rows() -> Variant {
    Variant::new("gather_rows")
}

pub(crate) fn scan_tile(dtype: DType, tile: Tile, scaled: bool, bitmap: bool) -> Variant {
    Variant::new("scan_tile")
        .word("dtype", dtype.name())
        .int("bm", tile.bm)
        .int("bn", tile.bn)
        .int("bk", tile.bk)
        .int("tm", tile.tm)
        .int("tn", tile.tn)
        .flag("scaled", scaled)
        .flag("bitmap", bitmap)
}

/// `q` queries at a time: 1, 2 or 4.
pub(crate) fn scan_row(rows: Operand, q: u32, scaled: bool, bitmap: bool) -> Variant {
    Variant::new("scan_row")
        .word("dtype", rows.name())
        .int("q", q)
        .flag("scaled", scaled)
        .flag("bitmap", bitmap)
}

/// Room of the workgroup's own list of bins; the room of a search is at most this.
pub(crate) const MAX_ROOM: u32 = 3072;
const SMALL_ROOM: u32 = 512;

/// `bin` rows to a bin.
pub(crate) fn select_bins(threads: u32, room: u32, rounded: bool, bin: u32) -> Variant {
    let room = if room <= SMALL_ROOM { SMALL_ROOM } else { MAX_ROOM };
    Variant::new("select_bins")
        .int("threads", threads)
        .int("room", room)
        .int("bin", bin)
        .flag("rounded", rounded)
}

pub(crate) fn rescore(dtype: DType, pair: &Pair, bitmap: bool, bin: u32) -> Variant {
    let (family, scaled, integer) = match pair {
        Pair::Integer { family } => (*family, false, true),
        Pair::Tree { family, scaled } => (family.name(), *scaled, false),
        _ => ("dot", false, false),
    };
    Variant::new("rescore")
        .word("dtype", dtype.name())
        .word("family", family)
        .int("bin", bin)
        .flag("integer", integer)
        .flag("scaled", scaled)
        .flag("bitmap", bitmap)
}

/// The largest k whose result is sorted on the device.
pub(crate) const MAX_SORT: u32 = 1024;

/// The keys of chosen bins of `bin` rows, or of consecutive rows. A result above `MAX_SORT` comes unsorted.
pub(crate) fn select_k(threads: u32, bin: Option<u32>, k: u32, sorted: bool) -> Variant {
    let sort = if sorted && k <= MAX_SORT { MAX_SORT } else { 0 };
    Variant::new("select_k")
        .int("threads", threads)
        .word("source", if bin.is_some() { "bins" } else { "dense" })
        .int("bin", bin.unwrap_or(0))
        .int("sort", sort)
}

pub(crate) fn distance(dtype: DType, pair: &Pair, bitmap: bool) -> Variant {
    let v = Variant::new("distance").word("dtype", dtype.name());
    let v = match pair {
        Pair::Tree { family, scaled } => v
            .word("kind", "tree")
            .word("family", family.name())
            .int("tq", 2)
            .flag("descending", *family == Family::Dot)
            .flag("scaled", *scaled),
        Pair::Integer { family } => v
            .word("kind", "integer")
            .word("family", family)
            .int("tq", 4)
            .flag("descending", *family == "dot")
            .flag("scaled", false),
        Pair::Direct { family, descending } => v
            .word("kind", "direct")
            .word("family", family)
            .int("tq", 4)
            .flag("descending", *descending)
            .flag("scaled", false),
        Pair::Bits { family } => v
            .word("kind", "bits")
            .word("family", family)
            .int("tq", 4)
            .flag("descending", false)
            .flag("scaled", false),
        Pair::Custom(metric) => v
            .word("kind", "custom")
            .int("tq", 4)
            .flag("descending", metric.order == Order::Descending)
            .flag("scaled", false)
            .custom(metric),
    };
    v.flag("bitmap", bitmap)
}

pub(crate) fn normalise(dtype: DType) -> Variant {
    Variant::new("normalise").word("dtype", dtype.name())
}

pub(crate) fn range(emit: bool) -> Variant {
    Variant::new("range").flag("emit", emit)
}
