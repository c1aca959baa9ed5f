//! The nearest rows of each row, which stay on the device: a search of all rows for all rows, behind which a stage keeps what it finds.
//!
//! Of few rows it is the exact search. Of many it looks for the neighbours of a row in the nearest of some lists: a graph has no use for all of them, since
//! what one row misses others lead to.

use super::kernels::{self, KeepNeighbors};
use crate::buffer::Buffer;
use crate::call::{CancelToken, Candidates, Left, NextStage, Options, RowIds, SearchStats};
use crate::clustering::{KMeansParams, centroids};
use crate::device::Gpu;
use crate::error::Result;
use crate::exact::{Dataset, Queries, submit_rows};
use crate::invlists::InvertedLists;
use crate::kernel::Encoder;
use crate::space::Decoder;
use std::ops::Range;
use std::sync::Arc;

/// Rows below which the exact search of all is as fast.
const FEW_ROWS: u64 = 200_000;
/// Rows of a list, lists that are looked at, and what these are learnt of and how often: more of each finds hardly more of the neighbours.
const LIST_ROWS: u64 = 1024;
const NPROBE: usize = 96;
const ITERATIONS: usize = 5;
const POINTS: usize = 64;

/// Lists of neighbours of so many rows each, nearest first and `NO_KEY` behind the last; a row is not on its own list.
#[derive(Clone)]
pub(super) struct Neighbors {
    /// The lists of the first rows, those of the next, ...
    pub parts: Vec<Buffer>,
    /// Rows of every part but the last.
    pub rows: u32,
    pub width: u32,
}

/// Takes the nearest rows of queries for their neighbours.
struct Keep {
    gpu: Gpu,
    neighbors: Neighbors,
    /// Whether a row may be on its own list, which one of other rows may not be told from.
    own: bool,
    decoder: Arc<Decoder>,
}

impl Neighbors {
    /// Room for those of `n` rows, of which each buffer has so many.
    pub fn room(gpu: &Gpu, n: u32, width: u32, rows: u32) -> Result<Neighbors> {
        let part = |first: u32| {
            let count = u64::from(rows.min(n - first));
            gpu.alloc("neighbors", count * u64::from(width) * 4)
        };
        let parts = (0..n).step_by(rows as usize).map(part).collect::<Result<_>>()?;
        Ok(Neighbors { parts, rows, width })
    }

    /// The buffers, and the rows that each has of `n`.
    pub fn spans(&self, n: u32) -> impl Iterator<Item = (&Buffer, Range<u32>)> {
        let firsts = (0..n).step_by(self.rows as usize);
        let span = move |first: u32| first..n.min(first.saturating_add(self.rows));
        self.parts.iter().zip(firsts.map(span))
    }
}

/// How many rows' neighbours a buffer of so many bytes has.
pub(super) fn rows_of_part(width: u32, most: u64) -> u32 {
    (most / (u64::from(width) * 4)).clamp(1, u64::from(u32::MAX)) as u32
}

/// The most bytes of a buffer that one binding holds.
pub(super) fn largest_part(gpu: &Gpu) -> u64 {
    gpu.caps().max_binding_bytes.min(gpu.caps().max_buffer_bytes)
}

/// The neighbours of all rows, `width` of each, in buffers of so many bytes at most.
pub(super) fn neighbors(
    dataset: &Dataset,
    (width, most): (u32, u64),
    cancel: Option<&CancelToken>,
) -> Result<Neighbors> {
    let room =
        Neighbors::room(dataset.gpu(), dataset.len() as u32, width, rows_of_part(width, most))?;
    let options = keeping((dataset, dataset), (&room, false), cancel)?;
    let (n, k) = (dataset.len(), width as usize + 1);
    if n < FEW_ROWS {
        told(&submit_rows(dataset, (dataset, 0..n), k, options)?.wait()?.stats);
    } else {
        in_lists(dataset, k, options)?;
    }
    Ok(room)
}

/// The same of the rows of another dataset, so many of them a buffer.
pub(super) fn nearest(
    dataset: &Dataset,
    of: &Dataset,
    (width, rows): (u32, u32),
    cancel: Option<&CancelToken>,
) -> Result<Neighbors> {
    let room = Neighbors::room(dataset.gpu(), of.len() as u32, width, rows)?;
    let options = keeping((dataset, of), (&room, true), cancel)?;
    told(&submit_rows(dataset, (of, 0..of.len()), width as usize, options)?.wait()?.stats);
    Ok(room)
}

/// The options of a search that has the nearest rows of each kept.
fn keeping(
    (dataset, of): (&Dataset, &Dataset),
    (room, own): (&Neighbors, bool),
    cancel: Option<&CancelToken>,
) -> Result<Options> {
    let decoder = Queries::resident(dataset, of, 0..0)?.decoder;
    let keep = Keep { gpu: dataset.gpu().clone(), neighbors: room.clone(), own, decoder };
    Ok(Options {
        // an edge that rounding misses is no loss
        fast: true,
        timed: log::log_enabled!(log::Level::Debug),
        cancel: cancel.cloned(),
        next: Some(Arc::new(keep)),
        ..Options::default()
    })
}

/// Says what a search took, where somebody listens.
fn told(stats: &SearchStats) {
    log::debug!("neighbours: {:?} of {} queries, {:?}", stats.times, stats.queries, stats.exact);
}

/// The search of lists.
fn in_lists(dataset: &Dataset, k: usize, options: Options) -> Result<()> {
    let (rows, metric) = (dataset.rows(), dataset.metric());
    let nlist = (dataset.len() / LIST_ROWS) as usize;
    let begin = std::time::Instant::now();
    let params = KMeansParams::new().niter(ITERATIONS).max_points_per_centroid(POINTS);
    let means = centroids(rows, metric, nlist, &params)?;
    log::debug!("neighbours: lists are learnt after {:?}", begin.elapsed());
    let lists = InvertedLists::of(dataset.clone(), nlist)?.with_centroids(&means)?;
    log::debug!("neighbours: rows are in lists after {:?}", begin.elapsed());
    told(&lists.submit_rows(0..dataset.len(), k, NPROBE, options)?.wait()?.stats);
    Ok(())
}

impl NextStage for Keep {
    fn begin(&self, gpu: &Gpu, _k: usize) -> bool {
        gpu.is(&self.gpu)
    }

    fn k(&self) -> usize {
        1
    }

    fn decoder(&self) -> Arc<Decoder> {
        Arc::clone(&self.decoder)
    }

    fn row_ids(&self) -> RowIds {
        RowIds::default()
    }

    fn most_queries(&self) -> usize {
        usize::MAX
    }

    fn encode(&self, encoder: &mut Encoder, found: Candidates<'_>) -> Result<Left> {
        let (gpu, nq) = (encoder.gpu().clone(), found.query_ids.len() as u32);
        encoder.stage("neighbors");
        let query_ids = encoder.upload("rows", bytemuck::cast_slice(found.query_ids))?;
        let keys = gpu.scratch("no keys", u64::from(nq) * 4)?;
        let none = gpu.scratch("no rows", u64::from(nq) * 4)?;
        let (width, own) = (self.neighbors.width, self.own.into());
        for (part, rows) in self.neighbors.spans(u32::MAX) {
            let buffers = [
                ("found_keys", found.keys),
                ("found", found.rows),
                ("query_ids", &query_ids),
                ("neighbors", part),
                ("keys", &keys),
                ("none", &none),
            ];
            let (first, count) = (rows.start, rows.end - rows.start);
            let params = KeepNeighbors { k: found.k, width, own, first, count };
            encoder.dispatch(&kernels::keep_neighbors(), &buffers, &params, [nq, 1, 1])?;
        }
        Ok(Left { keys, rows: none.clone(), counts: none })
    }

    fn count(&self, _counts: &[u32], _wanted: &[bool], _stats: &mut SearchStats) -> Result<()> {
        Ok(())
    }
}
