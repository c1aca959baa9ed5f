//! The k nearest other rows of each row.

use crate::call::{CancelToken, Filter, Options, Pending, RowHits, RowIds, SearchStats};
use crate::dtype::{AlignedBlock, DType};
use crate::error::{Error, Result};
use crate::exact::{self, Asked, Dataset, DeviceFilter, Plan, Queries};
use crate::invlists::{InvertedLists, Look, Probe};
use crate::metric::Order;
use crate::space::{self, Pair};
use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Blocks that are searched at a time: while the hits of one are taken, the device is at the next.
const BLOCKS: usize = 2;
/// Bytes of rows, and hits, of one block.
const BLOCK_BYTES: usize = 64 << 20;
const BLOCK_HITS: usize = 4 << 20;

/// The nearest other rows of each row of a matrix, as [`knn_graph`](crate::knn_graph) finds them.
///
/// Two arrays of [`rows`](Self::rows) x [`k`](Self::k), row-major, as graph indexes and UMAP take them. A row with fewer than k neighbours has
/// its places behind them filled up, with [`NONE`](Self::NONE) and [`Order::no_hit`], as [`Hits::to_arrays`](crate::Hits::to_arrays) does.
#[derive(Clone)]
#[non_exhaustive]
pub struct KnnGraph {
    /// The numbers of the k nearest rows of row i from `i * k` on, the nearest first and equally near ones by their numbers.
    pub ids: Vec<u32>,
    /// The distance of each.
    pub distances: Vec<f32>,
    /// How many rows there are.
    pub rows: usize,
    /// Places of each row.
    pub k: usize,
    /// What the search did.
    pub stats: SearchStats,
}

impl KnnGraph {
    /// What stands in [`ids`](Self#structfield.ids) where there is no neighbour. No row has that number.
    pub const NONE: u32 = u32::MAX;

    /// Number and distance of the neighbours of row `i`, the nearest first; fewer than k where there are no more.
    ///
    /// # Panics
    /// When there is no such row, as indexing does.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::{Gpu, KnnGraphParams, Matrix, Metric, Rows, knn_graph};
    /// let rows = Matrix::from_rows(&Gpu::new()?, 1, Rows::F32(&[0.0, 3.0, 1.0]))?;
    /// let graph = knn_graph(&rows, &Metric::L2, 5, &KnnGraphParams::new())?;
    /// assert_eq!(graph.neighbors(0).collect::<Vec<_>>(), [(2, 1.0), (1, 9.0)]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn neighbors(&self, i: usize) -> impl Iterator<Item = (u32, f32)> + '_ {
        let places = i * self.k..(i + 1) * self.k;
        let ids = self.ids[places.clone()].iter().copied();
        let pairs = ids.zip(self.distances[places].iter().copied());
        pairs.take_while(|&(id, _)| id != KnnGraph::NONE)
    }

    /// Without an edge, in memory for all.
    ///
    /// # Errors
    /// `InvalidArgument` where that is more than there is.
    pub(crate) fn without_edges(rows: usize, k: usize, order: Order) -> Result<KnnGraph> {
        let (mut ids, mut distances) = (Vec::new(), Vec::new());
        let room = rows.checked_mul(k).and_then(|places| {
            ids.try_reserve_exact(places).ok()?;
            distances.try_reserve_exact(places).ok()?;
            ids.resize(places, KnnGraph::NONE);
            distances.resize(places, order.no_hit());
            Some(())
        });
        if room.is_none() {
            let reason = format!("{rows} x {k} neighbours do not fit in memory");
            return Err(Error::argument("k", reason));
        }
        Ok(KnnGraph { ids, distances, rows, k, stats: SearchStats::default() })
    }

    /// Takes what was found for the rows from number `first` on.
    fn take(&mut self, first: u64, found: &RowHits) {
        for (own, ends) in (first..).zip(found.lims.windows(2)) {
            let hits = found.ids[ends[0]..ends[1]].iter().zip(&found.distances[ends[0]..ends[1]]);
            let others = hits.filter(|&(&id, _)| id != own).take(self.k);
            let at = own as usize * self.k;
            for (place, (&id, &distance)) in (at..).zip(others) {
                (self.ids[place], self.distances[place]) = (id as u32, distance);
            }
        }
        self.stats.add_work(&found.stats);
    }
}

impl fmt::Debug for KnnGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let KnnGraph { rows, k, .. } = self;
        f.debug_struct("KnnGraph").field("rows", rows).field("k", k).finish_non_exhaustive()
    }
}

/// Where the neighbours of a row are looked for.
pub(crate) enum Among<'a> {
    /// Among all rows.
    All(&'a Dataset),
    /// Among the rows of so many lists, those that are nearest to it.
    Lists(&'a InvertedLists, usize),
}

impl Among<'_> {
    fn dataset(&self) -> &Dataset {
        match self {
            Among::All(dataset) => dataset,
            Among::Lists(lists, _) => lists.dataset(),
        }
    }

    /// Starts the search for the `k` nearest rows of some rows.
    fn submit(&self, rows: Range<u64>, k: usize, options: Options) -> Result<Pending<RowHits>> {
        let dataset = self.dataset();
        match self {
            Among::All(_) if stay_where_they_lie(dataset) => {
                return exact::submit_rows(dataset, (dataset, rows), k, options);
            }
            _ => {}
        }
        let matrix = dataset.rows();
        let bytes = matrix.read(rows.start as usize..rows.end as usize)?;
        let mut block = AlignedBlock::default();
        let queries = block.rows(matrix.dtype(), &bytes)?;
        match self {
            Among::All(dataset) => {
                exact::submit_search(dataset, queries, k, Filter::default(), options)
            }
            Among::Lists(lists, nprobe) => {
                // a row that its lists leave short of neighbours goes on to more of them; its own number is none
                let own: Vec<u64> = rows.collect();
                let row_ids = RowIds::default().excluding(Some(&own));
                let probe = Probe::Nearest(k);
                let look = Look { probe, nprobe: *nprobe, fill: true, prove: false };
                let options = Options { row_ids, ..options };
                lists.submit(queries, look, Filter::default(), options)
            }
        }
    }
}

/// Whether rows are queries as they lie on the device, with the same answers to the bit. Where the metric divides by lengths, the host does that
/// for queries and the device for rows, and their last bits differ; whole numbers and bits no kernel reads as queries.
fn stay_where_they_lie(dataset: &Dataset) -> bool {
    let (metric, dtype) = (dataset.metric(), dataset.compared_dtype());
    let pair = space::pair(metric, dtype, dtype, dataset.dim());
    !space::is_scaled(metric) && !matches!(pair, Pair::Integer { .. } | Pair::Bits { .. })
}

/// Rows of one block.
pub(crate) fn block_rows(dtype: DType, dim: usize, k: usize) -> usize {
    // on the host they are in f32, unless they are bits
    let row_bytes = dtype.row_bytes(dim).max(if dtype == DType::Bits { 0 } else { 4 * dim });
    let most = (BLOCK_BYTES / row_bytes.max(1)).min(BLOCK_HITS / k.saturating_add(1).max(1));
    // whole tiles of queries
    if most >= 1024 { most / 1024 * 1024 } else { most.max(1) }
}

/// Refuses a search for which the device has no room, before anything is done for it.
pub(crate) fn check(dataset: &Dataset, k: usize) -> Result<()> {
    let matrix = dataset.rows();
    if matrix.is_empty() {
        return Ok(());
    }
    // of any queries
    let (mut block, zeros) =
        (AlignedBlock::default(), vec![0; matrix.dtype().row_bytes(matrix.dim())]);
    let queries = Queries::unread(dataset, block.rows(matrix.dtype(), &zeros)?)?;
    let all = DeviceFilter::new(dataset.compared(), Filter::default(), queries.count)?;
    let asked = Asked::Nearest((k as u64).saturating_add(1).min(dataset.len()));
    Plan::new(dataset.gpu(), dataset, &queries, &all, asked, &Options::default()).map(|_| ())
}

/// Finds the neighbours of each row of a graph without edges, `block` rows at a time. Of the options progress and cancel count.
pub(crate) fn neighbors(
    mut graph: KnnGraph,
    among: &Among<'_>,
    block: usize,
    options: &Options,
) -> Result<KnnGraph> {
    let (n, block) = (among.dataset().len(), block.max(1) as u64);
    if n != graph.rows as u64 {
        return Err(Error::internal(format!("{n} rows for a graph of {}", graph.rows)));
    }
    let and_one = graph.k.saturating_add(1);
    let mut flying: VecDeque<(u64, Pending<RowHits>)> = VecDeque::new();
    let mut next = 0;
    loop {
        while next < n && flying.len() < BLOCKS {
            options.cancel.as_ref().map_or(Ok(()), CancelToken::check)?;
            let end = (next + block).min(n);
            let own = told(options, next..end, n);
            flying.push_back((next, among.submit(next..end, and_one, own)?));
            next = end;
        }
        let Some((first, pending)) = flying.pop_front() else { break };
        graph.take(first, &pending.wait()?);
    }
    (graph.stats.queries, graph.stats.rows) = (n, n);
    options.tell(1.0);
    Ok(graph)
}

/// The options of a part of the work, which is some of `n` rows.
fn told(options: &Options, rows: Range<u64>, n: u64) -> Options {
    let progress = options.progress.clone().map(|whole| {
        let part = move |share: f64| {
            whole((rows.start as f64 + share * (rows.end - rows.start) as f64) / n as f64);
        };
        Arc::new(part) as Arc<dyn Fn(f64) + Send + Sync>
    });
    Options { progress, cancel: options.cancel.clone(), ..Options::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::Matrix;
    use crate::device::Gpu;
    use crate::dtype::Rows;
    use crate::metric::Metric;

    #[test]
    fn blocks_change_nothing() {
        let Ok(gpu) = Gpu::test_builder().poison(true).max_segment_bytes(64 * 16).build() else {
            println!("skipped: no adapter (1)");
            return;
        };
        // of 23 kinds, so that hits are near each other by the number
        let values: Vec<f32> =
            (0..3 * 200).map(|i| ((i / 3 * 7919) % 23 * (i % 3)) as f32).collect();
        let bytes: Vec<u8> = values.iter().map(|&v| v as u8).collect();
        for (metric, rows) in [
            (Metric::L2, Rows::F32(&values)),
            (Metric::Cosine, Rows::F32(&values)),
            (Metric::L2, Rows::U8(&bytes)),
        ] {
            let matrix = Matrix::from_rows(&gpu, 3, rows).unwrap();
            let empty = Dataset::new(&gpu, &metric, rows.dtype(), 3).unwrap();
            let dataset = empty.append_matrix(&matrix).unwrap();
            let by = |block: usize| {
                let graph = KnnGraph::without_edges(200, 12, metric.order()).unwrap();
                let among = Among::All(&dataset);
                let graph = neighbors(graph, &among, block, &Options::default()).unwrap();
                let distances: Vec<u32> = graph.distances.iter().map(|d| d.to_bits()).collect();
                (graph.ids, distances)
            };
            let whole = by(200);
            assert!(!whole.0.contains(&KnnGraph::NONE));
            for block in [1, 7, 64, 130, usize::MAX] {
                assert!(by(block) == whole, "{metric} {}, {block} a block", rows.dtype());
            }
        }
    }

    #[test]
    fn blocks_are_whole_tiles_where_they_can_be() {
        assert_eq!(block_rows(DType::F32, 128, 31), 131_072);
        assert_eq!(block_rows(DType::U8, 128, 31), 131_072);
        assert_eq!(block_rows(DType::Bits, 1, 1), 2 << 20);
        assert_eq!(block_rows(DType::F32, 128, 99), 40_960);
        assert_eq!(block_rows(DType::F32, 1, 100_000), 41);
        assert_eq!(block_rows(DType::F32, 1 << 24, usize::MAX), 1);
    }
}
