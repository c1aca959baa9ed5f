//! The kernels of inverted lists: every variant that they ask for is made here.

use super::params;
use crate::dtype::DType;
use crate::exact::{BoundOf, Elements, Encoding, MAX_CANDIDATES, SelectBins, select_listed};
use crate::kernel::{MatrixTile, Operand, RowMap, Shader, Variant, shader};

const ALL_BINS: Shader = shader!("invlists", "all_bins");
const BIN_ROWS: Shader = shader!("invlists", "bin_rows");
const HIT_REACH: Shader = shader!("invlists", "hit_reach");
const JOIN_WORK: Shader = shader!("invlists", "join_work");
const LIST_ROWS: Shader = shader!("invlists", "list_rows");
const LIST_WORK: Shader = shader!("invlists", "list_work");
const PAGE_SLACK: Shader = shader!("invlists", "page_slack");
const PAIRS: Shader = shader!("invlists", "pairs");
const PAIRS_BY_LIST: Shader = shader!("invlists", "pairs_by_list");
const PROBED_ROWS: Shader = shader!("invlists", "probed_rows");
const SCAN_MATRIX: Shader = shader!("invlists", "scan_matrix");
const SCAN_ROW: Shader = shader!("invlists", "scan_row");
const SCAN_TABLE: Shader = shader!("invlists", "scan_table");
const SELECT_OPEN: Shader = shader!("invlists", "select_open");

pub(crate) fn all_bins() -> Variant {
    Variant::new::<params::AllBins>(ALL_BINS)
}

/// Of bins of `bin` positions, and, where each query has a bitmap, of the rows that this leaves.
pub(crate) fn bin_rows(bin: u32, bitmap: bool) -> Variant {
    Variant::new::<params::BinRows>(BIN_ROWS)
        .int("bin", bin)
        .flag("bitmap", bitmap)
        .row_map(RowMap::TABLE)
}

/// `product`: hits are of inner products, and not of distances.
pub(crate) fn hit_reach(product: bool) -> Variant {
    Variant::new::<params::HitReach>(HIT_REACH).flag("product", product)
}

pub(crate) fn join_work() -> Variant {
    Variant::new::<params::JoinWork>(JOIN_WORK)
}

pub(crate) fn list_rows() -> Variant {
    Variant::new::<params::ListRows>(LIST_ROWS)
}

pub(crate) fn list_work(tile: MatrixTile) -> Variant {
    Variant::new::<params::ListWork>(LIST_WORK).int("bm", tile.bm()).int("bn", tile.bn())
}

pub(crate) fn page_slack() -> Variant {
    Variant::new::<params::PageSlack>(PAGE_SLACK).row_map(RowMap::TABLE)
}

pub(crate) fn pairs() -> Variant {
    Variant::new::<params::Pairs>(PAIRS)
}

pub(crate) fn pairs_by_list() -> Variant {
    Variant::new::<params::PairsByList>(PAIRS_BY_LIST)
}

/// Queries of a thread of `probed_rows`.
pub(crate) const PROBED_ROWS_QUERIES: u32 = 8;

/// `own`: of rows that a bitmap of each query leaves.
pub(crate) fn probed_rows(own: bool) -> Variant {
    Variant::new::<params::ProbedRows>(PROBED_ROWS)
        .flag("own", own)
        .implied("queries", PROBED_ROWS_QUERIES)
}

/// `scaled`: products are multiplied by the scale of their row; `bin` rows to a bin.
pub(crate) fn scan_matrix(
    tile: MatrixTile,
    rows: &Operand,
    scaled: bool,
    bin: u32,
    bitmap: bool,
) -> Variant {
    Variant::new::<params::ScanMatrix>(SCAN_MATRIX)
        .operand(rows)
        .matrix_tile(tile)
        .flag("scaled", scaled)
        .int("bin", bin)
        .flag("bitmap", bitmap)
        .row_map(RowMap::TABLE)
}

/// `bin` rows to a bin, 64 or 16.
pub(crate) fn scan_row(rows: Encoding, scaled: bool, bin: u32, bitmap: bool) -> Variant {
    let variant = Variant::new::<params::ScanRow>(SCAN_ROW).word("dtype", rows.name());
    let variant = if bin == 64 { variant.implied("bin", bin) } else { variant.int("bin", bin) };
    variant
        .implied("looked_up", matches!(rows, Encoding::Tables(_)))
        .implied("q", 1)
        .flag("scaled", scaled)
        .flag("bitmap", bitmap)
        .row_map(RowMap::TABLE)
}

/// Of codes of so many bits, of what centroids leave where the numbers of lists come before them; `per` rows of a thread, 1 or 4.
pub(crate) fn scan_table(
    (bits, listed, per): (u32, bool, u32),
    scaled: bool,
    bitmap: bool,
) -> Variant {
    Variant::new::<params::ScanTable>(SCAN_TABLE)
        .word("dtype", if listed { "rpq" } else { "pq" })
        .implied("skipped", listed)
        .int("bits", bits)
        .int("per", per)
        .flag("scaled", scaled)
        .flag("bitmap", bitmap)
        .row_map(RowMap::TABLE)
}

/// Of bins of `bin` rows, whose scores are off by what `bound` says.
pub(crate) fn select_open(product: bool, bound: BoundOf, bin: u32) -> Variant {
    Variant::new::<SelectBins>(SELECT_OPEN)
        .flag("product", product)
        .int("bin", bin)
        .implied("normless", bound == BoundOf::Score)
        .flag("rounded", bound == BoundOf::Residuals)
        .implied("logs", false)
}

/// The list of all variants, for the tests that translate them.
pub(crate) fn variants(tiles: &[MatrixTile]) -> Vec<Variant> {
    let mut all =
        vec![all_bins(), join_work(), list_rows(), page_slack(), pairs(), pairs_by_list()];
    for product in [false, true] {
        all.push(hit_reach(product));
        all.extend([64, 16].map(|bin| bin_rows(bin, product)));
        for bound in [BoundOf::Norms, BoundOf::Residuals] {
            all.extend([64, 16].map(|bin| select_open(product, bound, bin)));
        }
    }
    all.extend([false, true].map(probed_rows));
    for bound in [BoundOf::Score, BoundOf::Norms, BoundOf::Residuals] {
        all.extend([64, 16].map(|bin| select_listed(256, MAX_CANDIDATES, bound, bin)));
    }
    let copy = Encoding::F16Copy;
    for bitmap in [false, true] {
        all.push(scan_row(copy, false, 64, bitmap));
        for dtype in [DType::F32, DType::F16, DType::Bf16, DType::I8, DType::U8] {
            let rows = Encoding::Rows(dtype);
            all.extend([false, true].map(|scaled| scan_row(rows, scaled, 64, bitmap)));
        }
        for &tile in tiles {
            all.push(scan_matrix(tile, &copy.operand(), false, 16, bitmap));
        }
    }
    if let Some(&tile) = tiles.first() {
        let rows = Encoding::Rows(DType::F16).operand();
        all.push(scan_matrix(tile, &rows, true, 16, false));
        let codes = Encoding::Codes.operand();
        all.extend([false, true].map(|scaled| scan_matrix(tile, &codes, scaled, 16, false)));
    }
    for elements in Elements::TABLES {
        let rows = Encoding::Tables(elements);
        for scaled in [false, true] {
            all.push(scan_row(rows, scaled, 64, scaled));
            let some = tiles.iter().take(1);
            all.extend(some.map(|&tile| scan_matrix(tile, &rows.operand(), scaled, 16, scaled)));
        }
    }
    let signs = Encoding::Tables(Elements::RABITQ);
    all.extend([false, true].map(|bitmap| scan_row(signs, false, 16, bitmap)));
    for bits in 4..=8 {
        for listed in [false, true] {
            all.push(scan_table((bits, listed, 1), false, listed));
            all.push(scan_table((bits, listed, 4), !listed, false));
        }
    }
    all.push(scan_table((8, false, 1), true, true));
    all.extend(tiles.iter().map(|&tile| list_work(tile)));
    all
}
