//! Every kernel and every variant that the crate can ask for, in one place: the constructors that `ops` calls, and the list
//! that the tests translate, validate and hold against the limits of every platform.

use super::variant::Variant;
use crate::dtype::DType;
use crate::error::Result;
use crate::metric::{CustomMetric, Metric, Order};
use std::sync::Arc;

/// The shape of the f32 register tile: `bm` queries by `bn` rows, `bk` deep, `tm` x `tn` a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    pub bm: u32,
    pub bn: u32,
    pub bk: u32,
    pub tm: u32,
    pub tn: u32,
}

impl Tile {
    /// The tile that fits WebGPU's guaranteed limits.
    pub const BASELINE: Tile = Tile { bm: 64, bn: 64, bk: 16, tm: 4, tn: 4 };

    pub const fn threads(self) -> u32 {
        self.bm / self.tm * (self.bn / self.tn)
    }

    /// What is wrong with the shape, if anything: the shader divides without remainders.
    pub fn fault(self) -> Option<&'static str> {
        let Tile { bm, bn, bk, tm, tn } = self;
        if [bm, bn, bk, tm, tn].contains(&0) {
            return Some("a size is 0");
        }
        let (k4, threads) = (bk / 4, self.threads());
        let rules = [
            (bm % tm == 0 && bn % tn == 0, "bm must be a multiple of tm, bn of tn"),
            (bk % 4 == 0 && tm % 4 == 0, "bk and tm must be multiples of 4"),
            (
                bn % 64 == 0 && tn % (bn / 64).max(1) == 0,
                "bn must be a multiple of 64, tn of bn / 64",
            ),
            (64 % (bn / tn) == 0, "bn / tn must divide 64"),
            (
                threads != 0 && (bm * k4) % threads == 0,
                "bm bk / 4 must be a multiple of the threads",
            ),
            (
                threads != 0 && (bn * k4) % threads == 0,
                "bn bk / 4 must be a multiple of the threads",
            ),
            (threads % k4.max(1) == 0, "the threads must be a multiple of bk / 4"),
        ];
        rules.iter().find(|(ok, _)| !ok).map(|(_, why)| *why)
    }

    const fn k4(self) -> u32 {
        self.bk / 4
    }

    /// Bytes of workgroup memory.
    pub const fn workgroup_bytes(self) -> u32 {
        let stage = (self.bm + self.bn) * (self.k4() + 1);
        let reduce = self.bn / 64 * (self.tm / 4) * self.threads();
        16 * if stage > reduce { stage } else { reduce }
    }
}

/// The shape of the matrix-unit tile: matrices of `edge`, a subgroup has `sm` of them by one bin of 64 rows, a workgroup
/// `sgm` x `sgn` subgroups; slabs `bk` deep, rows of a slab padded by `pad` halves against bank conflicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MatrixTile {
    pub edge: u32,
    pub sm: u32,
    pub sgm: u32,
    pub sgn: u32,
    pub bk: u32,
    pub pad: u32,
    /// Threads of a subgroup.
    pub subgroup: u32,
    /// Metal loads matrices from arrays of scalars only.
    pub scalar: bool,
    /// The bias is added to the result rather than loaded into the accumulator.
    pub epilogue_bias: bool,
}

impl MatrixTile {
    /// What the translation tests see: NVIDIA's shape, and Apple's as Apple and as software drivers run it.
    const EXAMPLES: [MatrixTile; 3] = {
        let nvidia = MatrixTile {
            edge: 16,
            sm: 4,
            sgm: 2,
            sgn: 2,
            bk: 32,
            pad: 8,
            subgroup: 32,
            scalar: false,
            epilogue_bias: false,
        };
        let apple = MatrixTile { edge: 8, scalar: true, epilogue_bias: true, ..nvidia };
        let software = MatrixTile { edge: 8, subgroup: 8, sgn: 1, ..nvidia };
        [nvidia, apple, software]
    };

    /// Queries of a workgroup.
    pub const fn bm(self) -> u32 {
        self.sgm * self.sm * self.edge
    }

    /// Rows of a workgroup.
    pub const fn bn(self) -> u32 {
        self.sgn * 64
    }

    pub const fn threads(self) -> u32 {
        self.sgm * self.sgn * self.subgroup
    }

    /// Whether the shader's divisions come out even and a device can run it.
    pub fn fits(self, threads: u32, workgroup_bytes: u32) -> bool {
        let k4 = self.bk / 4;
        let nonzero =
            ![self.edge, self.sm, self.sgm, self.sgn, self.bk, self.subgroup].contains(&0);
        let bytes = (self.bm() + self.bn()) * (self.bk + self.pad) * 2
            + self.sgm * self.sgn * self.edge * self.edge * 4;
        nonzero
            && self.bk.is_multiple_of(self.edge)
            && self.pad.is_multiple_of(8)
            && self.threads() <= threads
            && bytes <= workgroup_bytes
            && self.threads().is_multiple_of(k4)
            && (self.bm() * k4).is_multiple_of(self.threads())
            && (self.bn() * k4).is_multiple_of(self.threads())
            && 256 % self.bn() == 0
    }
}

/// What the rows are multiplied by and how: the exact families of the scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Family {
    L2,
    Dot,
}

impl Family {
    const fn name(self) -> &'static str {
        match self {
            Family::L2 => "l2",
            Family::Dot => "dot",
        }
    }
}

/// How one pair is computed in the last instance.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Pair {
    /// f32 through the summation tree; `scaled` multiplies by the row's scale (cosine).
    Tree { family: Family, scaled: bool },
    /// i8 or u8 on both sides, in integers: l2, dot, l1 or linf.
    Integer { family: &'static str },
    /// In order, one element after the other.
    Direct { family: &'static str, descending: bool },
    /// Bits.
    Bits { family: &'static str },
    /// A user's functions.
    Custom(Arc<CustomMetric>),
}

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
    Variant::new("half_copy").word("dtype", dtype.name()).flag("scaled", scaled)
}

/// `each`: of every row rather than of every bin.
pub(crate) fn residual(dtype: DType, scaled: bool, each: bool) -> Variant {
    Variant::new("residual").word("dtype", dtype.name()).flag("scaled", scaled).flag("each", each)
}

pub(crate) fn scan_matrix(tile: MatrixTile) -> Variant {
    Variant::new("scan_matrix")
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
        .flag("epilogue_bias", tile.epilogue_bias)
}

/// As `scan_row`, from the f16 copy.
pub(crate) fn scan_row_half(q: u32, bitmap: bool) -> Variant {
    Variant::new("scan_row")
        .word("dtype", "half")
        .int("q", q)
        .flag("scaled", false)
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
pub(crate) fn scan_row(dtype: DType, q: u32, scaled: bool, bitmap: bool) -> Variant {
    Variant::new("scan_row")
        .word("dtype", dtype.name())
        .int("q", q)
        .flag("scaled", scaled)
        .flag("bitmap", bitmap)
}

/// Room of the workgroup's own list of bins; the room of a search is at most this.
pub(crate) const MAX_ROOM: u32 = 3072;
const SMALL_ROOM: u32 = 512;

pub(crate) fn select_bins(threads: u32, room: u32, rounded: bool) -> Variant {
    let room = if room <= SMALL_ROOM { SMALL_ROOM } else { MAX_ROOM };
    Variant::new("select_bins").int("threads", threads).int("room", room).flag("rounded", rounded)
}

pub(crate) fn rescore(dtype: DType, pair: &Pair, bitmap: bool) -> Variant {
    let (family, scaled, integer) = match pair {
        Pair::Integer { family } => (*family, false, true),
        Pair::Tree { family, scaled } => (family.name(), *scaled, false),
        _ => ("dot", false, false),
    };
    Variant::new("rescore")
        .word("dtype", dtype.name())
        .word("family", family)
        .flag("integer", integer)
        .flag("scaled", scaled)
        .flag("bitmap", bitmap)
}

/// The largest k whose result is sorted on the device.
pub(crate) const MAX_SORT: u32 = 1024;

/// `bins`: the keys of chosen bins, otherwise of consecutive rows. A result above `MAX_SORT` comes unsorted.
pub(crate) fn select_k(threads: u32, bins: bool, k: u32, sorted: bool) -> Variant {
    let sort = if sorted && k <= MAX_SORT { MAX_SORT } else { 0 };
    Variant::new("select_k")
        .int("threads", threads)
        .word("source", if bins { "bins" } else { "dense" })
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

/// One variant, expanded, as the translation tests see it.
#[derive(Clone, Debug)]
pub struct KernelVariant {
    /// The name that spells all constants.
    pub name: String,
    /// The WGSL.
    pub wgsl: String,
    /// Threads of a workgroup.
    pub workgroup_threads: u32,
    /// Features that the adapter must have; `workgroup48k` for more than 32 KiB of workgroup memory.
    pub needs: Vec<String>,
    /// Whether WebGPU's guaranteed limits suffice.
    pub baseline: bool,
}

/// All variants of all kernels: every dtype, family and flag; every tile of a device profile.
///
/// # Errors
/// When a template does not expand, which the crate's own tests exclude.
pub fn kernel_variants() -> Result<Vec<KernelVariant>> {
    let mut all = vec![mask_bias(false), mask_bias(true), gather_rows(), range(false), range(true)];
    let floats = [DType::F32, DType::F16, DType::Bf16, DType::I8, DType::U8];
    let tiles = [
        Tile::BASELINE,
        Tile { bm: 128, bn: 64, bk: 16, tm: 8, tn: 4 },
        Tile { bm: 128, bn: 128, bk: 16, tm: 8, tn: 8 },
        Tile { bm: 128, bn: 128, bk: 32, tm: 8, tn: 8 },
        Tile { bm: 64, bn: 64, bk: 16, tm: 8, tn: 8 },
        Tile { bm: 64, bn: 64, bk: 16, tm: 8, tn: 4 },
    ];
    for dtype in floats {
        all.push(normalise(dtype));
        all.extend([false, true].map(|scaled| half_copy(dtype, scaled)));
        all.extend([false, true].map(|scaled| residual(dtype, scaled, false)));
        for scaled in [false, true] {
            all.push(row_stats(dtype, if scaled { Family::Dot } else { Family::L2 }, scaled));
            for bitmap in [false, true] {
                all.extend(tiles.map(|tile| scan_tile(dtype, tile, scaled, bitmap)));
                all.extend([1, 2, 4].map(|q| scan_row(dtype, q, scaled, bitmap)));
                for pair in pairs(dtype) {
                    if matches!(pair, Pair::Tree { scaled: s, .. } if s == scaled) {
                        all.push(rescore(dtype, &pair, bitmap));
                    }
                }
            }
        }
        all.push(row_stats(dtype, Family::Dot, false));
        for pair in pairs(dtype) {
            for bitmap in [false, true] {
                all.push(distance(dtype, &pair, bitmap));
                if matches!(pair, Pair::Integer { family } if family == "l2" || family == "dot") {
                    all.push(rescore(dtype, &pair, bitmap));
                }
            }
        }
    }
    all.push(residual(DType::F32, false, true));
    all.extend(MatrixTile::EXAMPLES.map(scan_matrix));
    for bitmap in [false, true] {
        all.extend([1, 2, 4].map(|q| scan_row_half(q, bitmap)));
    }
    for family in ["hamming", "bitjaccard", "dice", "russelrao"] {
        for bitmap in [false, true] {
            all.push(distance(DType::Bits, &Pair::Bits { family }, bitmap));
        }
    }
    for threads in [256, 1024] {
        for rounded in [false, true] {
            all.extend([64, MAX_ROOM].map(|room| select_bins(threads, room, rounded)));
        }
        for bins in [false, true] {
            all.extend([1, 5000].map(|k| select_k(threads, bins, k, true)));
        }
    }
    all.iter()
        .map(|v| {
            let wgsl = super::source::expand(v)?;
            let needs = super::reflect::reflect(v.name(), &wgsl)?;
            // more than Apple has
            let large = needs.workgroup_bytes > 32 << 10;
            let features = features(&wgsl, large);
            Ok(KernelVariant {
                name: v.name().to_owned(),
                wgsl,
                workgroup_threads: needs.threads,

                baseline: features.is_empty()
                    && needs.threads <= 256
                    && needs.workgroup_bytes <= 16 << 10
                    && needs.read_only.len() <= 8,
                needs: features,
            })
        })
        .collect()
}

/// What a text asks of an adapter.
fn features(wgsl: &str, large: bool) -> Vec<String> {
    let asks = [
        ("workgroup48k", large),
        ("f16", wgsl.contains("enable f16")),
        ("subgroup", wgsl.contains("subgroup_id") || wgsl.contains("subgroupShuffle")),
        ("coop8", wgsl.contains("coop_mat8x8")),
        ("coop16", wgsl.contains("coop_mat16x16")),
    ];
    asks.into_iter().filter(|(_, asked)| *asked).map(|(name, _)| name.to_owned()).collect()
}

/// Every way to compute a pair with rows of `dtype`.
fn pairs(dtype: DType) -> Vec<Pair> {
    let mut all = vec![
        Pair::Tree { family: Family::L2, scaled: false },
        Pair::Tree { family: Family::Dot, scaled: false },
        Pair::Tree { family: Family::Dot, scaled: true },
    ];
    if dtype.is_integer() {
        all.extend(["l2", "dot", "l1", "linf"].map(|family| Pair::Integer { family }));
    }
    all.extend(DIRECT.map(|family| Pair::Direct { family, descending: family == "jaccard" }));
    let example = "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc + abs(q - x); }\n\
                   fn finish(acc: f32, d: u32) -> f32 { return acc / f32(d); }";
    if let Metric::Custom(metric) = Metric::wgsl(example, 0.0, Order::Ascending) {
        all.push(Pair::Custom(metric));
    }
    all
}

/// The families of `shaders/metric/direct.wgsl`.
const DIRECT: [&str; 10] = [
    "l1",
    "linf",
    "lp",
    "canberra",
    "braycurtis",
    "jaccard",
    "jensenshannon",
    "kl",
    "naneuclidean",
    "gower",
];
