//! How a search is cut: by memory, by what one binding holds, and by time, so that no submission holds the device for long.

use crate::buffer::BIN;
use crate::call::Options;
use crate::device::Gpu;
use crate::error::{Error, Result};
use crate::exact::dataset::Dataset;
use crate::exact::kernels;
use crate::exact::queries::Queries;
use crate::exact::scan::settings::ScanSettings;
use crate::kernel::matrix_error;
use crate::kernel::{MatrixTile, Tile, best_matrix_tile, check_scan_tile};
use crate::metric::Metric;
use crate::space::Pair;

/// Largest k of the binned scan; beyond it too many bins would pass.
pub(super) const MAX_SCAN_K: u64 = 2048;
/// Bins that may pass for a query that reads 8 bits.
const INT8_CANDIDATES: u64 = 512;
/// Rows to a bin where many neighbours are wanted: a tile of the matrix units.
const SMALL_BIN: u64 = 16;
/// Most scratch memory of one submission, beside a 48th of the rows: with two in flight a search stays below 1 GB beyond
/// the rows and their copy.
const MAX_SCRATCH: u64 = 384 << 20;
/// Rows whose exact distances are written at once.
const DENSE_ROWS: u64 = 1 << 18;

/// How queries go through the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// Scores by register tiles, with an error bound.
    Scan,
    /// Exact distances, of which only the best of each bin is kept at first.
    Bins,
    /// All exact distances.
    Dense,
}

/// The cut of one call.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// How the search begins.
    pub path: Path,
    pub scan: ScanSettings,
    /// Queries of one submission of the scan.
    pub scan_queries: usize,
    /// Queries and rows of one block of exact distances.
    pub dense_queries: usize,
    pub dense_rows: u32,
    /// Rows of one dispatch where only the best of each bin is kept.
    pub bin_rows: u32,
    /// Pairs (query, row) that may be compared in one submission.
    pub pairs: u64,
}

/// The tile of the device profile, or the datasetline's where the device cannot run that.
fn tile(gpu: &Gpu) -> Result<Tile> {
    match check_scan_tile(gpu, gpu.profile()) {
        Ok(()) => Tile::of(gpu.profile()),
        Err(Error::LimitExceeded { .. }) => Ok(Tile::BASELINE),
        Err(e) => Err(e),
    }
}

/// The tile of the matrix units, for rows that there are `half`s of or not, and what its sums lose.
fn matrix_tile(gpu: &Gpu, half: bool) -> Result<(Option<MatrixTile>, f64)> {
    let Some(tile) = best_matrix_tile(gpu, half)? else { return Ok((None, 0.0)) };
    let factor = matrix_error::factor(gpu, tile)?;
    Ok((factor.map(|_| tile), factor.unwrap_or(0.0)))
}

/// Bytes that one submission may take for intermediate results.
pub(crate) fn scratch(dataset: &Dataset) -> u64 {
    // two submissions are in flight, and somebody else may be searching
    let most = MAX_SCRATCH + dataset.bytes() / 48;
    (dataset.gpu().ledger().available() / 4).clamp(1 << 20, most)
}

impl Plan {
    /// Plans the search of `queries` for k neighbours, k at most the number of rows.
    pub fn new(
        gpu: &Gpu,
        dataset: &Dataset,
        queries: &Queries,
        k: u64,
        options: &Options,
    ) -> Result<Plan> {
        let (n, dim, bins) =
            (dataset.len(), dataset.compared().matrix().dim() as u64, dataset.compared().bins());
        let tile = tile(gpu)?;
        let (matrix, accumulation) = match dataset.compared().scan() {
            Some(_) => matrix_tile(gpu, dataset.f16().is_some())?,
            None => (None, 0.0),
        };
        let profile = gpu.profile();
        let few = profile.u32("scan", "max_row_queries")?.min(match matrix {
            Some(_) => profile.u32("matrix", "max_row_queries")?,
            None => u32::MAX,
        });
        // without a certificate, 8 bits would miss more than is said
        let bytes = dataset.int8().is_some() && !options.fast && queries.count as u64 <= few.into();
        let room = (k + k / 2 + 32).clamp(64, kernels::MAX_CANDIDATES.into());
        // 8 bits let more bins pass, which cost few queries little
        let room = if bytes { room.max((bins / 4).min(INT8_CANDIDATES)) } else { room };
        // With fewer bins than twice the room nearly all would pass. 0 forces the scan, for tests.
        let min_rows = u64::from(profile.u32("scan", "min_rows")?);
        let binned = !options.exhaustive
            && k <= MAX_SCAN_K
            && (min_rows == 0 || n >= min_rows && bins >= 2 * room);
        let tree = matches!(queries.pair, Pair::Tree { .. });
        let integer_scan = matches!(queries.pair, Pair::Integer { family: "l2" | "dot" });
        // 1 / |x| would magnify what vanishes in the sums of such rows beyond the bound
        let vanishes = *dataset.metric() == Metric::Cosine && dataset.compared().facts().short;
        let path = match (binned, (tree || integer_scan) && !vanishes) {
            (false, _) => Path::Dense,
            (true, true) => Path::Scan,
            (true, false) => Path::Bins,
        };
        let max_binding = gpu.caps().max_binding_bytes;
        let scratch = scratch(dataset);
        let ms = profile.f64("submit", "max_ms")?;
        let gflops = match matrix {
            Some(_) => profile.f64("matrix", "gflops")?,
            None => profile.f64("submit", "gflops")?,
        };
        let pairs = ((ms * 1e6 * gflops) / (2.0 * dim as f64)).max(1.0) as u64;

        let fine = matrix.is_some() && k > u64::from(profile.u32("matrix", "max_k_bin64")?);
        let matrix_bin = if fine { SMALL_BIN } else { BIN };
        let padded = dim.next_multiple_of(4);
        let most_bins = n.div_ceil(matrix_bin);
        let per_query = most_bins * 4 + room * (4 + matrix_bin * 4) + k * 8 + padded * 4;
        let widest = (most_bins * 4).max(room * matrix_bin * 4).max(k * 4).max(padded * 4);
        let by_memory = (scratch / per_query).min(max_binding / widest);
        let by_time = pairs / n.max(1);
        let bm = u64::from(matrix.map_or(tile.bm, MatrixTile::bm));
        // whole tiles, as long as memory and time allow at least one
        let whole = |q: u64| if q >= bm { q / bm * bm } else { q };
        let most = whole(by_memory.min(by_time.max(bm))).max(1);
        // chunks of about equal size: a small last one would go another, slower way
        let count = (queries.count as u64).max(1);
        let scan_queries = count.div_ceil(count.div_ceil(most)).next_multiple_of(bm).min(most);

        let dense_rows = n.min(DENSE_ROWS).min(max_binding / 4 / BIN * BIN).max(1);
        let per_query = dense_rows * 4 + k * 16 + padded * 4;
        let widest = (dense_rows * 4).max(k * 4).max(padded * 4);
        let dense_queries = (scratch / per_query).min(max_binding / widest);
        let dense_queries = dense_queries.min((pairs / dense_rows).max(64)).max(1);

        // at least a bin, and what time allows the planned queries
        let bin_rows = (pairs / scan_queries).clamp(BIN, u64::from(u32::MAX) / 2) / BIN * BIN;

        let max_dispatch = u64::from(gpu.caps().max_dispatch);
        let max_threads = gpu.caps().max_workgroup_threads;
        let scan = ScanSettings {
            tile,
            matrix,
            accumulation,
            matrix_tiles: profile.u32("matrix", "tiles")?.max(1),
            matrix_groups: profile.u32("matrix", "groups")?.max(1),
            matrix_bin: matrix_bin as u32,
            int8: bytes,
            max_row_queries: few,
            max_candidates: room as u32,
            certify: !options.fast,
            select_threads: profile.u32("select", "threads")?.min(max_threads),
            wide_threads: profile.u32("select", "threads_few_queries")?.min(max_threads),
        };
        Ok(Plan {
            path,
            scan,
            scan_queries: scan_queries.min(count).min(max_dispatch) as usize,
            dense_queries: dense_queries.min(count).min(max_dispatch) as usize,
            dense_rows: dense_rows as u32,
            bin_rows: bin_rows as u32,
            pairs,
        })
    }
}
