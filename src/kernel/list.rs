//! The list of all variants, which the tests translate, validate and hold against the limits of every platform.

use super::reflect::reflect;
use super::registry::*;
use super::source::expand;
use super::variant::Variant;
use crate::device::Profile;
use crate::dtype::DType;
use crate::error::Result;
use crate::metric::{Metric, Order};

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

/// Rows to a bin.
const BINS: [u32; 2] = [64, 16];

/// All variants of all kernels: every dtype, family and flag; every tile of a device profile.
///
/// # Errors
/// When a template does not expand, which the crate's own tests exclude.
pub fn kernel_variants() -> Result<Vec<KernelVariant>> {
    let mut all = vec![mask_bias(false), mask_bias(true), gather_rows(), range(false), range(true)];
    let floats = [DType::F32, DType::F16, DType::Bf16, DType::I8, DType::U8];
    let (mut tiles, mut matrix_tiles) = (vec![], vec![]);
    for profile in Profile::built_in()? {
        let tile = Tile::of(&profile)?;
        if !tiles.contains(&tile) {
            tiles.push(tile);
        }
        // matrices of NVIDIA, of AMD, of Apple, and of Apple's shape on a software driver
        for (edge, subgroup) in [(16, 32), (16, 64), (8, 32), (8, 8)] {
            let tile = MatrixTile::of(&profile, DType::F16, edge, subgroup)?;
            if !matrix_tiles.contains(&tile) {
                matrix_tiles.push(tile);
            }
        }
    }
    for dtype in floats {
        all.push(normalise(dtype));
        all.extend([false, true].map(|scaled| half_copy(dtype, scaled)));
        all.extend([false, true].map(|scaled| residual(dtype, scaled, Lost::Half)));
        all.extend([false, true].map(|scaled| residual(dtype, scaled, Lost::Bytes)));
        all.extend([false, true].map(|scaled| byte_copy(dtype, scaled)));
        for scaled in [false, true] {
            all.push(row_stats(dtype, if scaled { Family::Dot } else { Family::L2 }, scaled));
            for bitmap in [false, true] {
                all.extend(tiles.iter().map(|&tile| scan_tile(dtype, tile, scaled, bitmap)));
                let rows = Operand::Rows(dtype);
                all.extend([1, 2, 4].map(|q| scan_row(rows, q, scaled, bitmap)));
                for pair in pairs(dtype) {
                    if matches!(pair, Pair::Tree { scaled: s, .. } if s == scaled) {
                        all.extend(BINS.map(|bin| rescore(dtype, &pair, bitmap, bin)));
                    }
                }
            }
        }
        all.push(row_stats(dtype, Family::Dot, false));
        for pair in pairs(dtype) {
            for bitmap in [false, true] {
                all.push(distance(dtype, &pair, bitmap));
                if matches!(pair, Pair::Integer { family } if family == "l2" || family == "dot") {
                    all.extend(BINS.map(|bin| rescore(dtype, &pair, bitmap, bin)));
                }
            }
        }
    }
    all.push(residual(DType::F32, false, Lost::Each));
    all.extend([false, true].map(|scaled| residual(DType::F16, scaled, Lost::Own)));
    // bins and bitmaps are parts of the text that the number of queries leaves alone
    let few = |tile| scan_matrix(tile, Operand::Half, false, 64, false);
    all.extend(narrowed(&matrix_tiles).into_iter().map(few));
    for bitmap in [false, true] {
        for bin in BINS {
            let copy = |&tile| scan_matrix(tile, Operand::Half, false, bin, bitmap);
            all.extend(matrix_tiles.iter().map(copy));
        }
        all.extend([1, 2, 4].map(|q| scan_row(Operand::Bytes, q, true, bitmap)));
        for scaled in [false, true] {
            all.extend([1, 2, 4].map(|q| scan_row(Operand::Half, q, scaled, bitmap)));
            all.extend(stored(&matrix_tiles, scaled, bitmap));
        }
    }
    for family in ["hamming", "bitjaccard", "dice", "russelrao"] {
        for bitmap in [false, true] {
            all.push(distance(DType::Bits, &Pair::Bits { family }, bitmap));
        }
    }
    for threads in [256, 512] {
        for rounded in [false, true] {
            for bin in BINS {
                all.extend([64, MAX_ROOM].map(|room| select_bins(threads, room, rounded, bin)));
            }
        }
        for bin in [None, Some(64), Some(16)] {
            all.extend([1, 5000].map(|k| select_k(threads, bin, k, true)));
        }
    }
    all.iter()
        .map(|v| {
            let wgsl = expand(v)?;
            let needs = reflect(v.name(), &wgsl)?;
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

/// The tiles for few queries, which a search makes of those of the profiles.
fn narrowed(tiles: &[MatrixTile]) -> Vec<MatrixTile> {
    let mut all = Vec::new();
    for &tile in tiles {
        for parts in [2, 4, 8] {
            let narrow = tile.narrowed(tile.bm() / parts);
            if !tiles.contains(&narrow) && !all.contains(&narrow) {
                all.push(narrow);
            }
        }
    }
    all
}

/// The matrix units on rows as they are stored: every type that a tile takes, with one tile of each shape, since what is
/// read and what is multiplied are separate parts of the text.
fn stored(tiles: &[MatrixTile], scaled: bool, bitmap: bool) -> Vec<Variant> {
    let mut seen = Vec::new();
    let mut all = Vec::new();
    for &tile in tiles {
        let shape = (tile.edge, tile.subgroup, tile.epilogue_bias);
        if seen.contains(&shape) {
            continue;
        }
        seen.push(shape);
        let variant = |tile, dtype| scan_matrix(tile, Operand::Rows(dtype), scaled, 64, bitmap);
        let halves = [DType::F16, DType::I8, DType::U8];
        all.extend(halves.map(|dtype| variant(tile, dtype)));
        // only matrices of 8 come in f32
        if tile.edge == 8 {
            let floats = [DType::F32, DType::F16, DType::Bf16, DType::I8, DType::U8];
            let tile = MatrixTile { input: DType::F32, ..tile };
            all.extend(floats.map(|dtype| variant(tile, dtype)));
        }
    }
    all
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
