//! How a search is cut: by memory, by what one binding holds, and by time, so that no submission holds the device for long.

use crate::buffer::BIN;
use crate::call::Options;
use crate::device::Gpu;
use crate::error::{Error, Result};
use crate::exact::bin_size::BinSize;
use crate::exact::dataset::Dataset;
use crate::exact::filter::DeviceFilter;
use crate::exact::kernels;
use crate::exact::parts::{MIN_PART_MS, parts_of};
use crate::exact::per_query::PerQuery;
use crate::exact::queries::Queries;
use crate::exact::scan::bits::Bits;
use crate::exact::scan::logs;
use crate::exact::scan::query_tables::Layout;
use crate::exact::scan::settings::ScanSettings;
use crate::kernel::{MatrixTile, Tile, best_matrix_tile, check_scan_tile, matrix_error};
use crate::space;
use crate::space::{Pair, Term};

/// Largest k of the binned scan; beyond it too many bins would pass.
pub(crate) const MAX_SCAN_K: u64 = 2048;
/// Bins that may pass for a query with a radius at first, of many that ask at once.
const RANGE_CANDIDATES: u64 = 512;
/// Bins that may pass for a query that reads 8 bits.
const INT8_CANDIDATES: u64 = 512;
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

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// So many neighbours, at most the number of rows.
    Nearest(u64),
    /// Rows within a radius; whether that says anything of their scores.
    Within { bounded: bool },
}

/// The cut of one call.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// How the search begins.
    pub path: Path,
    /// Of a scan that sums over the elements, but no products.
    pub term: Option<Term>,
    pub scan: ScanSettings,
    /// Queries of the first submission of the scan: fewer, where the host prepares the others meanwhile.
    pub first_queries: usize,
    /// Queries of every other.
    pub scan_queries: usize,
    /// Queries of a submission of exact bins where the scan could not certify them; of a radius, of a scan with room for
    /// `wide_candidates` bins where more passed than there was room for.
    pub rerun_queries: usize,
    pub wide_candidates: u32,
    /// Queries and rows of one block of exact distances.
    pub dense_queries: usize,
    pub dense_rows: u32,
    /// Rows of one dispatch where only the best of each bin is kept.
    pub bin_rows: u32,
    /// Pairs (query, row) that may be compared in one submission.
    pub pairs: u64,
}

/// The tile of the device profile, or the baseline's where the device cannot run that.
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

/// Bytes that one submission may take for intermediate results, when `taken` are about to be taken for others.
pub(crate) fn scratch(dataset: &Dataset, taken: u64) -> u64 {
    // two submissions are in flight, and somebody else may be searching
    let most = MAX_SCRATCH + dataset.bytes() / 48;
    (dataset.gpu().ledger().available().saturating_sub(taken) / 4).min(most)
}

impl Plan {
    /// Plans the search of `queries`.
    ///
    /// # Errors
    /// `LimitExceeded` and `OutOfDeviceMemory` where a single query does not fit one binding or the memory, with k.
    pub fn new(
        gpu: &Gpu,
        dataset: &Dataset,
        queries: &Queries,
        filter: &DeviceFilter,
        asked: Asked,
        options: &Options,
    ) -> Result<Plan> {
        // what is kept of a query within a radius is allocated when it is known
        let k = if let Asked::Nearest(k) = asked { k } else { 1 };
        let (n, dim, bins) =
            (dataset.len(), dataset.compared().dim() as u64, dataset.compared().bins());
        let tile = tile(gpu)?;
        let (rows, half) = (dataset.compared(), dataset.f16().is_some());
        let logs = rows.by_logs() && half && logs::fit(rows.facts(), bins);
        let (matrix, accumulation) = match rows.scan() {
            Some(_) if logs || !rows.by_logs() => matrix_tile(gpu, half)?,
            _ => (None, 0.0),
        };
        let profile = gpu.profile();
        let few = match (rows.is_coded(), matrix) {
            (true, _) => profile.u32("codes", "max_row_queries")?,
            (false, None) => profile.u32("scan", "max_row_queries")?,
            (false, Some(_)) => {
                let of_matrices = profile.u32("matrix", "max_row_queries")?;
                profile.u32("scan", "max_row_queries")?.min(of_matrices)
            }
        };
        // those of what the centroids of lists leave are looked up by lists alone
        let look_up = Layout::of(rows, 0).filter(|layout| !layout.listed);
        let max_table_queries = match look_up.is_some() {
            true => profile.u32("codes", "max_table_queries")?,
            false => 0,
        };
        // there is no register tile of them
        let logs = logs && (matrix.is_some() || queries.count as u64 <= few.into());
        // without a certificate, 8 bits would miss more than is said
        let int8 = dataset.int8().is_some()
            && !queries.is_resident()
            && !options.fast
            && queries.count as u64 <= few.into();
        let most_candidates = u64::from(kernels::MAX_CANDIDATES);
        // rows of more bins are read for one query alone at a higher price than all rows for many together
        let behind = rows.behind_queries();
        let max_binding = gpu.caps().max_binding_bytes.saturating_sub(behind);
        let wide_candidates = (bins / 4).clamp(64, most_candidates).min(max_binding / (BIN * 4));
        let max_candidates = match asked {
            Asked::Within { .. } if queries.count as u64 <= few.into() => wide_candidates,
            Asked::Within { .. } => wide_candidates.min(RANGE_CANDIDATES),
            Asked::Nearest(k) => {
                let some = (k + k / 2 + 32).clamp(64, most_candidates);
                let codes = rows.codes().is_some();
                match queries.count as u64 <= few.into() {
                    // 8 bits let more bins pass, which cost few queries little
                    true if int8 || codes => some.max((bins / 4).min(INT8_CANDIDATES)),
                    false if codes => some.max((2 * some).min(bins / 4)).min(most_candidates),
                    _ => some,
                }
            }
        };
        let min_rows = u64::from(profile.u32("scan", "min_rows")?);
        let many = queries.count as u64 > few.into();
        let bin_size = BinSize {
            rows: n,
            queries: queries.count as u64,
            k,
            row_bytes: dim * 4,
            max_candidates,
            // what is no product is rescored in bins of 64
            by_matrices: matrix.is_some() && many && !logs && matches!(asked, Asked::Nearest(_)),
            many: k > u64::from(profile.u32("matrix", "max_k_bin64")?),
            bitmaps: filter.bitmap_bytes().0 > 0,
            max_binding,
            min_rows,
        };
        let bin = bin_size.choose();
        let binned = !options.exhaustive && k <= MAX_SCAN_K && bin.is_some();
        let bounded = match asked {
            Asked::Within { bounded } => bounded,
            Asked::Nearest(_) => true,
        };
        let term = Term::of(dataset.metric()).filter(|_| !logs);
        let products = match queries.pair {
            Pair::Tree { .. } => true,
            Pair::Integer { .. } => term.is_none(),
            _ => false,
        };
        let bits = Bits::of(&queries.pair, dim as usize, tile, profile)?;
        // 1 / |x| would magnify what vanishes in the sums of such rows beyond the bound
        let scaled = space::is_scaled(dataset.metric());
        let vanishes = scaled && dataset.compared().facts().short;
        let (path, why) = match (binned, products) {
            (false, _) if options.exhaustive => (Path::Dense, "as asked for"),
            _ if !bounded => {
                (Path::Dense, "since nothing is known of the scores within the radius")
            }
            (false, _) if k > MAX_SCAN_K => (Path::Dense, "for so many neighbours"),
            (false, _) if n >= min_rows && bins >= 2 * max_candidates => {
                (Path::Dense, "since one binding holds too little")
            }
            (false, _) => (Path::Dense, "of so few rows"),
            (true, true) if rows.rounds_queries() => {
                (Path::Bins, "since queries are rounded otherwise for every list")
            }
            (true, true) if vanishes => (Path::Bins, "since some row is too short to be scaled"),
            (true, true) => (Path::Scan, "by scores and a bound"),
            (true, false) if logs => (Path::Scan, "by products with logarithms and a bound"),
            (true, false) if term.is_some() => (Path::Scan, "by sums in another order and a bound"),
            (true, false) if bits.is_some() => (Path::Scan, "by counts"),
            (true, false) => (Path::Bins, "since its distances are no scores"),
        };
        // the best of a bin decides which hold the nearest, not which hold some within a radius
        let path = match asked {
            Asked::Within { .. } if path == Path::Bins => Path::Dense,
            _ => path,
        };
        log::debug!(
            "{} queries, {asked:?}, {n} x {dim} {}: {path:?} {why}",
            queries.count,
            dataset.metric()
        );
        let filtered = filter.bytes(dataset.compared());
        let scratch = scratch(dataset, filtered + behind);
        let ms = profile.f64("submit", "max_ms")?;
        let gflops = match matrix {
            Some(_) => profile.f64("matrix", "gflops")?,
            None => profile.f64("submit", "gflops")?,
        };
        // some eight bits take as long as one element
        let elements = if bits.is_some() { dim.div_ceil(8) } else { dim } as f64;
        let pairs = ((ms * 1e6 * gflops) / (2.0 * elements)).max(1.0) as u64;

        let matrix_bin = bin.unwrap_or(BIN);
        let uploads = PerQuery::uploads(queries, filter);
        let uploads = match rows.codes() {
            Some(_) => uploads.buffer("queries for codes", dim.next_multiple_of(4) * 4),
            None => uploads,
        };
        let tables = look_up.filter(|_| queries.count as u64 <= max_table_queries.into());
        let uploads = match tables {
            Some(layout) => uploads.buffer("products of queries", layout.bytes()),
            None => uploads,
        };
        // queries that run again need not lie together: bitmaps that stay on the device are copied for them
        let again = match filter.bitmap_bytes() {
            (bitmap, false) => uploads.beside(bitmap),
            _ => uploads,
        };
        let of_first = if int8 { again } else { uploads };
        let of_scan = |uploads: PerQuery, candidates: u64| {
            uploads
                .rounded(queries)
                .buffer("best scores", n.div_ceil(matrix_bin) * 4)
                .buffer("best scores of groups", bins.div_ceil(BIN) * 4)
                .buffer("chosen bins", candidates * 4)
                .buffer("candidates", candidates * matrix_bin * 4)
                .buffer("counts", 16)
                .hits(k)
                .beside(k * 8 + 16)
        };
        let of_wide = of_scan(again, wide_candidates);
        let of_scan = of_scan(of_first, max_candidates);
        let of_bins = again
            .buffer("best keys", bins * 4)
            .hits(k)
            .upload("counts", 4)
            .buffer("candidates", k * BIN * 4)
            .buffer("agreement", 4)
            .hits(k)
            .beside(k * 8 + 4);
        // biases scaled as the products of the matrix units are
        let scaled = if matrix.is_some() && path == Path::Scan { n * 4 } else { 0 };
        let of_path = if path == Path::Scan { of_scan } else { of_bins };
        let by_memory = of_path.fit(scratch.saturating_sub(scaled).max(scratch / 2), max_binding);
        let by_time = pairs / n.max(1);
        let bm = u64::from(matrix.map_or(tile.bm, MatrixTile::bm));
        // whole tiles, as long as memory and time allow at least one
        let whole = |q: u64| if q >= bm { q / bm * bm } else { q };
        let most = whole(by_memory.min(by_time.max(bm))).max(1);
        let count = (queries.count as u64).max(1);
        let least = (MIN_PART_MS * 1e6 * gflops / (2.0 * elements * n as f64)) as u64;
        let parts = u64::from(profile.u32("submit", "parts")?);
        let (first_queries, scan_queries) = parts_of(count, most, bm, parts, least);

        // of a block, the keys and, of a search by radius, all pairs of one query at least
        let block = (max_binding / 8).min(scratch / 16) / BIN * BIN;
        let dense_rows = n.min(DENSE_ROWS).min(block.max(BIN)).max(1);
        let of_dense = match asked {
            Asked::Nearest(_) => uploads,
            // of a radius these, too, run where others did not suffice
            Asked::Within { .. } => again,
        };
        let of_dense = of_dense.buffer("distances", dense_rows * 4).hits(k).hits(k).beside(k * 8);
        let dense_queries = of_dense.fit(scratch, max_binding);
        if n > 0 && queries.count > 0 {
            let needed = if path == Path::Dense { of_dense } else { of_path };
            needed.check(gpu, filtered + scaled, k)?;
        }
        let dense_queries = dense_queries.min((pairs / dense_rows).max(64)).max(1);
        let (of_rerun, most_rerun) = match asked {
            Asked::Nearest(_) => (of_bins, scan_queries),
            // the distances of so many candidates take their time
            Asked::Within { .. } => (of_wide, (pairs / (wide_candidates * BIN)).max(64)),
        };

        // at least a bin, and what time allows the planned queries
        let bin_rows = (pairs / scan_queries).clamp(BIN, u64::from(u32::MAX) / 2) / BIN * BIN;

        let max_dispatch = u64::from(gpu.caps().max_dispatch);
        // selection is written for powers of two
        let max_threads = 1 << gpu.caps().max_workgroup_threads.max(1).ilog2();
        let scan = ScanSettings {
            tile,
            direct: None,
            bits,
            matrix,
            accumulation,
            matrix_tiles: profile.u32("matrix", "tiles")?,
            matrix_groups: profile.u32("matrix", "groups")?,
            matrix_bin: matrix_bin as u32,
            row_bin: BIN as u32,
            int8,
            max_row_queries: few,
            max_table_queries,
            max_candidates: max_candidates as u32,
            certify: !options.fast,
            select_threads: profile.u32("select", "threads")?.min(max_threads),
            min_grouped_bins: profile.u32("select", "min_grouped_bins")?,
            threads_few_queries: profile.u32("select", "threads_few_queries")?.min(max_threads),
        };
        Ok(Plan {
            path,
            term,
            scan,
            first_queries: first_queries.min(count).min(max_dispatch) as usize,
            scan_queries: scan_queries.min(count).min(max_dispatch) as usize,
            wide_candidates: wide_candidates as u32,
            rerun_queries: of_rerun.fit(scratch, max_binding).min(most_rerun).clamp(1, scan_queries)
                as usize,
            dense_queries: dense_queries.min(count).min(max_dispatch) as usize,
            dense_rows: dense_rows as u32,
            bin_rows: bin_rows as u32,
            pairs,
        })
    }

    /// Whether rows that lie in lists can be scored by products with a bound.
    pub fn scores_products(&self, dataset: &Dataset, queries: &Queries) -> bool {
        let rows = dataset.compared();
        let scaled = space::is_scaled(dataset.metric());
        let vanishes = scaled && rows.facts().short;
        let products = matches!(queries.pair, Pair::Tree { .. } | Pair::Integer { .. });
        let told = products && !rows.rounds_queries() && !vanishes;
        told && self.term.is_none() && rows.scan().is_some() && !rows.by_logs()
    }

    /// Queries of the submission that begins with number `start`.
    pub fn step(&self, start: usize) -> usize {
        match self.path {
            Path::Dense => self.dense_queries,
            Path::Scan | Path::Bins if start == 0 => self.first_queries,
            Path::Scan | Path::Bins => self.scan_queries,
        }
    }
}
