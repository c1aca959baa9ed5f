//! The list of all variants of exact search, for the tests that translate them.

use super::coding::Elements;
use super::encoding::Encoding;
use super::kernels::*;
use super::lost::Lost;
use super::table_kernels;
use crate::device::Profile;
use crate::dtype::DType;
use crate::error::Result;
use crate::kernel::{MatrixTile, RowMap, Tile, Variant};
use crate::metric::{CustomMetric, Metric, Order};
use crate::space::{Family, Pair, Term};
use std::sync::Arc;

/// Rows as they lie.
const ROWS: RowMap = RowMap::IDENTITY;

/// Types whose elements are compared as numbers.
const FLOATS: [DType; 5] = [DType::F32, DType::F16, DType::Bf16, DType::I8, DType::U8];

/// Rows to a bin.
const BINS: [u32; 2] = [64, 16];

/// The tiles of the matrix units of all profiles.
pub(crate) fn matrix_tiles() -> Result<Vec<MatrixTile>> {
    let mut tiles = vec![];
    for profile in Profile::built_in()? {
        for (edge, subgroup) in MatrixTile::SHAPES {
            let tile = MatrixTile::of(&profile, DType::F16, edge, subgroup)?;
            if !tiles.contains(&tile) {
                tiles.push(tile);
            }
        }
    }
    Ok(tiles)
}

/// The register tiles of all profiles.
pub(crate) fn register_tiles() -> Result<Vec<Tile>> {
    let mut tiles = vec![];
    for profile in Profile::built_in()? {
        let tile = Tile::of(&profile)?;
        if !tiles.contains(&tile) {
            tiles.push(tile);
        }
    }
    Ok(tiles)
}

/// All variants: every dtype, family and flag; every tile of a device profile.
pub(crate) fn variants() -> Result<Vec<Variant>> {
    let mut all = vec![mask_bias(false, ROWS), mask_bias(true, ROWS)];
    for bins in [false, true] {
        all.extend([false, true].map(|emit| range(bins, emit, ROWS)));
    }
    all.push(range(true, true, RowMap::TABLE));
    let (tiles, matrix_tiles) = (register_tiles()?, matrix_tiles()?);
    all.extend([codes_copy(DType::F32), fold_queries()]);
    for excluded in [false, true] {
        all.extend([false, true].map(|table| candidates(excluded, table)));
    }
    for codes in Elements::CODES {
        let lost = |map| residual(DType::F32, false, Lost::Codes(codes), map);
        all.extend([ROWS, RowMap::TABLE].map(lost));
    }
    for dtype in FLOATS {
        all.extend([false, true].map(|scaled| f16_copy(dtype, scaled, false)));
        all.extend([f16_copy(dtype, false, true), residual(dtype, false, Lost::Logs, ROWS)]);
        all.extend([false, true].map(|scaled| residual(dtype, scaled, Lost::F16Copy, ROWS)));
        all.extend([false, true].map(|scaled| residual(dtype, scaled, Lost::Int8Copy, ROWS)));
        all.extend([false, true].map(|scaled| int8_copy(dtype, scaled)));
        for scaled in [false, true] {
            all.extend([ROWS, RowMap::TABLE].map(|map| row_queries(dtype, scaled, map)));
            all.push(row_stats(dtype, if scaled { Family::Dot } else { Family::L2 }, scaled, ROWS));
            for bitmap in [false, true] {
                all.extend(tiles.iter().map(|&tile| {
                    scan_tile(&Encoding::Rows(dtype).operand(), tile, scaled, bitmap, ROWS)
                }));
                let rows = Encoding::Rows(dtype);
                if !scaled {
                    all.extend(direct(dtype, &tiles, bitmap));
                }
                all.extend([1, 2, 4].map(|q| scan_row(rows, q, scaled, bitmap, ROWS)));
                for pair in pairs(dtype) {
                    if matches!(pair, Pair::Tree { scaled: s, .. } if s == scaled) {
                        all.extend(BINS.map(|bin| rescore(dtype, &pair, bitmap, bin, ROWS)));
                        all.push(rescore(dtype, &pair, false, 1, ROWS));
                    }
                }
            }
        }
        all.push(row_facts(dtype));
        all.extend([Family::Dot, Family::Log].map(|of| row_stats(dtype, of, false, ROWS)));
        for pair in pairs(dtype) {
            for bitmap in [false, true] {
                all.push(distance(dtype, &pair, bitmap, ROWS));
                if matches!(pair, Pair::Integer { family } if family == "l2" || family == "dot") {
                    all.push(rescore(dtype, &pair, false, 1, ROWS));
                    all.extend(BINS.map(|bin| rescore(dtype, &pair, bitmap, bin, ROWS)));
                }
            }
        }
    }
    all.extend(keys(&tiles));
    for (family, scaled) in [(Family::L2, false), (Family::Dot, false), (Family::Dot, true)] {
        all.extend(BINS.map(|bin| nearest_of_bins(family, scaled, bin)));
    }
    all.push(residual(DType::F32, false, Lost::Each, ROWS));
    all.extend([false, true].map(|scaled| residual(DType::F16, scaled, Lost::Own, ROWS)));
    // bins and bitmaps are parts of the text that the number of queries leaves alone
    let f16_copy = Encoding::F16Copy.operand();
    // every score of few rows
    all.extend(matrix_tiles.iter().map(|&t| scan_matrix(t, &f16_copy, false, 1, false, ROWS)));
    let few = |tile| scan_matrix(tile, &f16_copy, false, 64, false, ROWS);
    all.extend(narrowed(&matrix_tiles).into_iter().map(few));
    for bitmap in [false, true] {
        for bin in BINS {
            let copy = |&tile| scan_matrix(tile, &f16_copy, false, bin, bitmap, ROWS);
            all.extend(matrix_tiles.iter().map(copy));
        }
        all.extend([1, 2, 4].map(|q| scan_row(Encoding::Int8Copy, q, true, bitmap, ROWS)));
        for scaled in [false, true] {
            all.extend([1, 2, 4].map(|q| scan_row(Encoding::F16Copy, q, scaled, bitmap, ROWS)));
            all.extend(stored(&matrix_tiles, scaled, bitmap));
        }
    }
    for bitmap in [false, true] {
        let families = ["hamming", "bitjaccard", "dice", "russelrao"].into_iter();
        all.extend(
            families.map(|family| distance(DType::Bits, &Pair::Bits { family }, bitmap, ROWS)),
        );
        all.extend(bits(&tiles, bitmap));
    }
    for threads in [256, 512] {
        for bound in [BoundOf::Score, BoundOf::Norms, BoundOf::Residuals] {
            all.push(select_range(threads, bound));
            all.push(select_bins(threads, 64, bound, 1, ROWS, false));
            for bin in BINS {
                all.extend(
                    [64, MAX_CANDIDATES]
                        .map(|room| select_bins(threads, room, bound, bin, ROWS, false)),
                );
            }
        }
        all.push(select_range(threads, BoundOf::Logs));
        all.extend(
            [64, MAX_CANDIDATES]
                .map(|room| select_bins(threads, room, BoundOf::Logs, 64, ROWS, false)),
        );
        all.push(select_bins(threads, 64, BoundOf::Score, 64, ROWS, true));
    }
    all.push(bin_groups());
    all.extend(table_kernels::variants());
    all.extend(listed(&tiles[..1], &matrix_tiles));
    all.extend(looked_up(&tiles[..1], &matrix_tiles));
    all.extend(rounded_queries());
    Ok(all)
}

/// The register tiles with every inner step; for other types than f32 with one tile, since what is read and how large a tile is are
/// separate parts of the text.
fn direct(dtype: DType, tiles: &[Tile], bitmap: bool) -> Vec<Variant> {
    let some = if dtype == DType::F32 && !bitmap { tiles } else { &tiles[..1] };
    let rows = Encoding::Rows(dtype).operand();
    let each = |term| some.iter().map(move |&tile| (tile, term));
    let tiles = Term::all().into_iter().flat_map(each);
    let tiles = tiles.map(|(tile, term)| scan_direct(&rows, tile, term, bitmap, ROWS));
    let few = |q| {
        let terms = Term::all().into_iter();
        let fit = terms.filter(move |term| q <= term.most_queries());
        fit.map(move |term| scan_direct_row(dtype, term, q, bitmap, ROWS))
    };
    let counts = if dtype == DType::F32 && !bitmap { &[1, 2, 4][..] } else { &[2, 4] };
    tiles.chain(counts.iter().copied().flat_map(few)).collect()
}

/// The scans of bits: by every tile, or by rows with every number of queries and of threads a row. Of what is separate in their
/// texts, bitmaps, plain counts and the third family, one shape of each.
fn bits(tiles: &[Tile], bitmap: bool) -> Vec<Variant> {
    let mut all = Vec::new();
    for family in ["hamming", "bitjaccard", "russelrao"] {
        for carry_save in [false, true] {
            let (kind, every) = ((family, carry_save), carry_save && !bitmap);
            let tiles = &tiles[..if every { tiles.len() } else { 1 }];
            all.extend(tiles.iter().map(|tile| scan_bits(kind, tile.of_bits(), bitmap, ROWS)));
            let shapes = [(2, 8), (1, 1), (1, 8), (2, 2), (4, 1), (4, 4), (4, 8)];
            let shapes = &shapes[..if every && family != "russelrao" { shapes.len() } else { 1 }];
            all.extend(shapes.iter().map(|&shape| scan_bits_row(kind, shape, bitmap, ROWS)));
        }
    }
    all
}

/// The first pass by tiles of a user's metric, and what checks it: every tile, and every type with one of them.
fn keys(tiles: &[Tile]) -> Vec<Variant> {
    let mut all = vec![bins_agree()];
    for dtype in FLOATS {
        let rows = Encoding::Rows(dtype).operand();
        let some = if dtype == DType::F32 { tiles } else { &tiles[..1] };
        for (order, bitmap) in [(Order::Ascending, false), (Order::Descending, true)] {
            if let Some(metric) = example(order) {
                all.extend(some.iter().map(|&tile| scan_key(&rows, tile, &metric, bitmap)));
            }
        }
    }
    all
}

/// A user's metric.
fn example(order: Order) -> Option<Arc<CustomMetric>> {
    let text = "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc + abs(q - x); }\n\
                fn finish(acc: f32, d: u32) -> f32 { return acc / f32(d); }";
    match Metric::wgsl(text, 0.0, order) {
        Metric::Custom(metric) => Some(metric),
        _ => None,
    }
}

/// The kernels that find rows through tables: with every set of bindings, one type and one tile of each kind, since the other parts of
/// their texts are those of the identity.
fn listed(tiles: &[Tile], matrix_tiles: &[MatrixTile]) -> Vec<Variant> {
    let (dtype, map) = (DType::F32, RowMap::TABLE);
    let rows = Encoding::Rows(dtype);
    let mut all = vec![
        mask_bias(false, map),
        residual(dtype, false, Lost::F16Copy, map),
        residual(dtype, true, Lost::Int8Copy, map),
        residual(DType::F16, true, Lost::Own, map),
        scan_row(Encoding::F16Copy, 4, false, false, map),
        scan_row(Encoding::Int8Copy, 1, true, false, map),
    ];
    all.extend(
        BINS.map(|bin| select_bins(256, MAX_CANDIDATES, BoundOf::Residuals, bin, map, false)),
    );
    for scaled in [false, true] {
        let family = if scaled { Family::Dot } else { Family::L2 };
        all.push(row_stats(dtype, family, scaled, map));
        all.push(scan_row(rows, 2, scaled, false, map));
        all.extend(tiles.iter().map(|&tile| scan_tile(&rows.operand(), tile, scaled, false, map)));
        all.push(rescore(dtype, &Pair::Tree { family, scaled }, false, 64, map));
    }
    all.push(rescore(DType::I8, &Pair::Integer { family: "l2" }, false, 64, map));
    all.extend(pairs(dtype).iter().map(|pair| distance(dtype, pair, true, map)));
    let bits = Pair::Bits { family: "bitjaccard" };
    all.push(distance(DType::Bits, &bits, true, map));
    let copy = Encoding::F16Copy.operand();
    all.extend(matrix_tiles.iter().map(|&tile| scan_matrix(tile, &copy, false, 16, false, map)));
    all
}

/// The kernels that decode rows of codes: as they lie, and through tables.
fn decoded(codes: Elements) -> Vec<Variant> {
    let mut all = vec![];
    for map in [RowMap::IDENTITY, RowMap::TABLE] {
        all.extend([false, true].map(|scaled| row_queries(codes, scaled, map)));
    }
    for map in [ROWS, RowMap::TABLE] {
        for (family, scaled) in [(Family::L2, false), (Family::Dot, false), (Family::Dot, true)] {
            all.push(row_stats(codes, family, scaled, map));
            let pair = Pair::Tree { family, scaled };
            for bitmap in [false, true] {
                all.push(distance(codes, &pair, bitmap, map));
                all.extend(BINS.map(|bin| rescore(codes, &pair, bitmap, bin, map)));
            }
        }
    }
    all
}

/// The kernels of rows that are looked up: of every kind, as they lie and through tables, with what is looked up bound and behind the
/// queries; the scans with one tile of each shape.
fn looked_up(tiles: &[Tile], matrix_tiles: &[MatrixTile]) -> Vec<Variant> {
    let mut all = vec![];
    for elements in Elements::TABLES {
        all.extend(decoded(elements));
        let apart = elements.with_binding(true);
        for map in [ROWS, RowMap::TABLE] {
            for scaled in [false, true] {
                let family = if scaled { Family::Dot } else { Family::L2 };
                let pair = Pair::Tree { family, scaled };
                all.push(residual(elements, scaled, Lost::Grid, map));
                all.push(distance(apart, &pair, scaled, map));
                all.push(rescore(apart, &pair, scaled, 16, map));
            }
        }
        let rows = Encoding::Tables(elements);
        for scaled in [false, true] {
            all.push(scan_row(rows, 2, scaled, scaled, ROWS));
            all.extend(
                tiles.iter().map(|&tile| scan_tile(&rows.operand(), tile, scaled, scaled, ROWS)),
            );
        }
        let mut seen = Vec::new();
        for &tile in matrix_tiles {
            let shape = (tile.edge, tile.subgroup);
            if !seen.contains(&shape) {
                seen.push(shape);
                all.push(scan_matrix(tile, &rows.operand(), false, 64, false, ROWS));
                all.push(scan_matrix(tile, &rows.operand(), true, 16, true, ROWS));
            }
        }
    }
    all
}

/// The exact distances of queries that are rounded: in every number of bits once, and in 4 of every kind.
fn rounded_queries() -> Vec<Variant> {
    let mut all = vec![];
    for bits in 1..=8 {
        let rows = Elements::RABITQ.with_query_bits(bits);
        for family in [Family::L2, Family::Dot] {
            let pair = Pair::Tree { family, scaled: false };
            all.push(distance(rows.with_binding(true), &pair, false, ROWS));
            all.push(rescore(rows.with_binding(true), &pair, false, 64, RowMap::TABLE));
            for (apart, map) in
                [(false, ROWS), (true, RowMap::TABLE)].into_iter().filter(|_| bits == 4)
            {
                all.push(distance(rows.with_binding(apart), &pair, !apart, map));
                all.push(rescore(rows.with_binding(apart), &pair, true, 16, map));
            }
        }
    }
    all
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
        let variant = |tile, dtype| {
            scan_matrix(tile, &Encoding::Rows(dtype).operand(), scaled, 64, bitmap, ROWS)
        };
        let halves = [DType::F16, DType::I8, DType::U8];
        all.extend(halves.map(|dtype| variant(tile, dtype)));
        // only matrices of 8 come in f32
        if tile.edge == 8 {
            let tile = MatrixTile { input: DType::F32, ..tile };
            all.extend(FLOATS.map(|dtype| variant(tile, dtype)));
            // of the rows' logarithms
            if !scaled {
                let copy = Encoding::F16Copy.operand();
                all.push(scan_matrix(tile, &copy, false, 64, bitmap, ROWS));
            }
        }
    }
    all
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
    all.extend(example(Order::Ascending).map(Pair::Custom));
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
