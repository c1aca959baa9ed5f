//! The distances of queries to rows that the caller names, as a graph that is searched on the host asks for them.

use super::changing::Index;
use super::flat::{BinaryFlat, Flat, FlatCodes, Pq, Sq};
use super::graph::{Graph, GraphRows, Hnsw, HnswRows};
use super::hits::Hits;
use super::ivf::{BinaryIvf, IvfFlat, IvfRows};
use super::state::Backed;
use super::wrap::{Now, Refine};
use crate::call::{Options, RowHits};
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::exact::{Dataset, Listed, Queries, Wanted, query_count, submit_every, submit_listed};
use crate::parallel::each;

/// Candidates that one thread looks up at a time, or thereabouts.
const PIECE: usize = 64 << 10;

/// The ids that each query of [`score_candidates`] is compared with.
///
/// # Example
/// ```
/// use nearfield::Candidates;
/// // query 0 has two, query 1 none, query 2 one
/// let lists = Candidates::lists(&[7, 3, 9], &[0, 2, 2, 3]);
/// let padded = Candidates::padded(&[7, 3, Candidates::NO_ID, Candidates::NO_ID, 9, Candidates::NO_ID], 2);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Candidates<'a> {
    ids: &'a [u64],
    shape: Shape<'a>,
}

/// Which are whose.
#[derive(Clone, Copy, Debug)]
enum Shape<'a> {
    Offsets(&'a [usize]),
    Width(usize),
}

impl<'a> Candidates<'a> {
    /// What stands where there is no candidate, and is skipped. It is what the -1 of FAISS's and [`Hits::to_arrays`](crate::Hits::to_arrays)' ids is as
    /// a u64; no row has it.
    pub const NO_ID: u64 = u64::MAX;

    /// Lists of any lengths, one behind the other: those of query i are `ids[offsets[i]..offsets[i + 1]]` (CSR, as [`Hits::lims`](crate::Hits::lims)
    /// has it).
    pub fn lists(ids: &'a [u64], offsets: &'a [usize]) -> Candidates<'a> {
        Candidates { ids, shape: Shape::Offsets(offsets) }
    }

    /// `width` for each query, filled up with [`NO_ID`](Self::NO_ID).
    pub fn padded(ids: &'a [u64], width: usize) -> Candidates<'a> {
        Candidates { ids, shape: Shape::Width(width) }
    }

    /// The ids of each of so many queries, what is none included.
    fn each(&self, queries: usize) -> Result<Vec<&'a [u64]>> {
        let (ids, len) = (self.ids, self.ids.len());
        match self.shape {
            Shape::Offsets(offsets) => {
                let fits = offsets.len() == queries + 1 && offsets.is_sorted();
                if !fits || offsets.first() != Some(&0) || offsets.last() != Some(&len) {
                    let reason = format!(
                        "{} offsets for {queries} queries; one more than queries that rise from 0 to {len}, the number of ids, are",
                        offsets.len()
                    );
                    return Err(Error::argument("candidates", reason));
                }
                Ok(offsets.windows(2).map(|ends| &ids[ends[0]..ends[1]]).collect())
            }
            Shape::Width(width) if queries.checked_mul(width) != Some(len) => {
                let reason = format!("{len} ids for {queries} queries of {width} each");
                Err(Error::argument("candidates", reason))
            }
            Shape::Width(0) => Ok(vec![&[][..]; queries]),
            Shape::Width(width) => Ok(ids.chunks_exact(width).collect()),
        }
    }
}

/// The distances of queries to rows that the caller names: what a graph that is searched on the host, or any other first stage, asks of the rows on
/// the device.
///
/// With `k` the answer has the `k` nearest of each query's candidates, nearest first and equally near ones in row order, each once however often it
/// is named. Without it has every candidate where it stands, as often as it does, but for [`NO_ID`](Candidates::NO_ID), which is skipped; the distance of
/// a pair that is no hit (see [`Metric`](crate::Metric)) is [`Order::no_hit`](crate::Order::no_hit). Blocks.
///
/// Indexes of any type: [`Flat`], [`BinaryFlat`], [`IvfFlat`], [`BinaryIvf`], [`Graph`] and [`Hnsw`] compare their rows, [`Sq`] and [`Pq`] what their codes stand for,
/// and a [`Refine`] by its second stage. All answers are of one state of the index.
///
/// Cost: looks each id up on the host, brings 4 bytes a candidate there and 4 to 8 bytes back, and reads each candidate's row once for itself. A call takes some 60 us
/// whatever it is asked, which is as long as a processor takes for some thousand rows: it pays from some 10,000 candidates a call, so ask for many queries
/// at a time, as `examples/graph_search.rs` does. Device memory for as many queries at a time as fit, each with room for the longest list among them: lists of
/// like lengths waste none.
///
/// # Errors
/// Before anything is done: `UnknownId` for an id that the index does not have, or no more; `InvalidArgument` for a `k` of 0 and for ids that are not those of the
/// queries; `PartialRow`, `NonFinite`, `InvalidValue`, and `Unsupported` where bits meet others, for queries as in a search; `Unsupported` for other kinds of
/// index; `NotTrained`; `OutOfDeviceMemory` and `LimitExceeded` where one query has more candidates than memory or a binding holds. Later:
/// `DeviceLost`.
///
/// # Accuracy
/// A distance is that which a search reports, to the bit.
///
/// # Example
/// ```no_run
/// use nearfield::{Candidates, Flat, Gpu, Index, Metric, Rows, score_candidates};
/// let index = Flat::new(&Gpu::new()?, 1, Metric::L2)?;
/// index.add(&[0.0, 1.0, 2.0, 3.0])?;
/// let (queries, none) = (Rows::F32(&[0.0, 3.0]), Candidates::NO_ID);
/// let named = [2, 1, 2, 0, none, none];
/// // of each query the nearest of those that are named
/// let best = score_candidates(&index, queries, Candidates::padded(&named, 3), Some(1))?;
/// assert_eq!((best.ids(), best.distances()), (&[1, 0][..], &[1.0, 9.0][..]));
/// // or all, as they are named
/// let all = score_candidates(&index, queries, Candidates::padded(&named, 3), None)?;
/// assert_eq!((all.ids(), all.lims()), (&[2, 1, 2, 0][..], &[0, 3, 4][..]));
/// assert_eq!(all.distances(), [4.0, 1.0, 4.0, 9.0]);
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("rerank", "compute_distance_subset", "refine"))]
pub fn score_candidates(
    index: &dyn Index,
    queries: Rows<'_>,
    candidates: Candidates<'_>,
    k: Option<usize>,
) -> Result<Hits> {
    if k == Some(0) {
        return Err(Error::argument("k", "0 candidates are no answer"));
    }
    if !index.is_trained() {
        return Err(Error::NotTrained);
    }
    let now = now(index)?;
    let dataset = &now.dataset;
    let count = query_count(queries, dataset.compared_dtype(), dataset.dim())?;
    let listed = listed(&now, &candidates.each(count)?, k.is_some())?;
    let queries = Queries::new(dataset, queries)?;
    let options = Options { row_ids: now.row_ids.clone(), ..Options::default() };
    let found = match k {
        Some(k) => submit_listed(dataset, queries, listed, Wanted::Nearest(k), options),
        None => submit_every(dataset, queries, listed, options),
    };
    let RowHits { lims, ids, distances, stats, .. } = found?.wait()?;
    Ok(Hits::new(lims, ids, distances, dataset.metric().order(), stats))
}

/// The rows of an index as a search compares them.
fn now(index: &dyn Index) -> Result<Now> {
    fn of<T: Backed>(index: &dyn Index, dataset: impl FnOnce(&T::Rows) -> Dataset) -> Option<Now> {
        let own = index.as_any()?.downcast_ref::<T>()?;
        Some(Now::of(own.core(), dataset))
    }
    let rows =
        of::<Flat>(index, Dataset::clone).or_else(|| of::<BinaryFlat>(index, Dataset::clone));
    let rows = rows.or_else(|| of::<IvfFlat>(index, IvfRows::dataset));
    let rows = rows.or_else(|| of::<BinaryIvf>(index, IvfRows::dataset));
    let rows = rows.or_else(|| of::<Graph>(index, GraphRows::dataset));
    let rows = rows.or_else(|| of::<Hnsw>(index, HnswRows::dataset));
    let codes =
        || of::<Sq>(index, FlatCodes::dataset).or_else(|| of::<Pq>(index, FlatCodes::dataset));
    let two = || Some(index.as_any()?.downcast_ref::<Refine>()?.compared());
    rows.or_else(codes).or_else(two).ok_or_else(|| {
        let item = "candidates that the caller names: Flat, BinaryFlat, IvfFlat, BinaryIvf, Graph, Hnsw, Sq, Pq and Refine compare them";
        Error::unsupported(index.description(), item)
    })
}

/// The rows of the candidates; `once`: each once for each query, in any order.
fn listed(now: &Now, candidates: &[&[u64]], once: bool) -> Result<Listed> {
    let total: usize = candidates.iter().map(|ids| ids.len()).sum();
    let step = candidates.len().div_ceil(total.div_ceil(PIECE).max(1)).max(1);
    let parts = each(candidates.chunks(step).collect(), |part| {
        let (mut lens, mut rows) = (Vec::with_capacity(part.len()), Vec::new());
        for ids in part {
            let first = rows.len();
            for &id in ids.iter().filter(|&&id| id != Candidates::NO_ID) {
                rows.push(now.names.find(id).ok_or(Error::UnknownId { id })?);
            }
            if once {
                rows[first..].sort_unstable();
                let mut to = first;
                for at in first..rows.len() {
                    if at == first || rows[at] != rows[to - 1] {
                        rows[to] = rows[at];
                        to += 1;
                    }
                }
                rows.truncate(to);
            }
            lens.push(rows.len() - first);
        }
        Ok((lens, rows))
    })?;
    let mut listed = Listed { lims: Vec::with_capacity(candidates.len() + 1), rows: Vec::new() };
    let mut end = 0;
    listed.lims.push(end);
    for (lens, rows) in parts {
        listed.lims.extend(lens.into_iter().map(|len| {
            end += len;
            end
        }));
        listed.rows.extend(rows);
    }
    Ok(listed)
}
