//! One call: what it searches, what it asks the device, and what it computes here.

use super::loose::Loose;
use super::place::{Kept, Place};
use super::queries::{Passes, Queries, is_all};
use super::slack::Slack;
use crate::call::{
    self, CancelToken, Filter, Options, Pending, RowHits, RowIds, SearchStats, mask_words,
};
use crate::dtype::{DType, Rows};
use crate::error::Result;
use crate::exact::{self, Dataset, Listed, Wanted, submit_listed};
use crate::invlists::{InvertedLists, Look, OriginalRows, Probe, Reach};
use crate::parallel::each;
use crate::space::{Decoder, Tree};
use std::sync::{Arc, OnceLock};

/// Multiplications that one thread takes at a time.
const PIECE: usize = 1 << 18;
/// The share of a call's work that is done when the device is through with the first pass.
const DEVICE_SHARE: f64 = 0.95;

/// What is made of a snapshot when the first search asks for it.
#[derive(Default)]
pub(in crate::index::ivf) struct Made {
    loose: OnceLock<Loose>,
    reach: OnceLock<Reach>,
    originals: call::Made<OriginalRows>,
}

impl Made {
    /// Device memory.
    pub fn bytes(&self) -> u64 {
        self.originals.known().map_or(0, |originals| originals.bytes())
    }
}

/// What is searched.
#[derive(Clone)]
pub(in crate::index::ivf) struct Searched {
    pub lists: InvertedLists,
    pub rows: Kept,
    pub slack: Slack,
    /// So many codes are asked for as neighbours, and some, until it is known how many are needed.
    pub times: usize,
    pub made: Arc<Made>,
}

impl Searched {
    /// Starts the search of the device by itself, which is one of neighbours whose rows it has; `None` of others.
    pub fn on_device(
        &self,
        queries: Rows<'_>,
        look: Look,
        filter: &Filter,
        options: &Options,
    ) -> Result<Option<Pending<RowHits>>> {
        let Searched { lists, rows, slack, made, .. } = self;
        let (Place::Device(dataset), Probe::Nearest(_)) = (rows.place(), look.probe) else {
            return Ok(None);
        };
        let originals = made.originals.get(|| {
            let slacks: Vec<f32> = rows.slacks().collect();
            OriginalRows::new(lists, dataset, &slacks, slack.roundings())
        })?;
        lists.submit_originals(&originals, queries, look, filter.clone(), options.clone())
    }
}

/// One call.
pub(super) struct Call {
    pub of: Searched,
    pub queries: Queries,
    pub passes: Passes,
    pub tree: Tree,
    pub decoder: Decoder,
    pub options: Options,
    pub filter: Filter,
    pub look: Look,
}

/// What was done so far.
pub(super) struct Done<'a> {
    pub stats: SearchStats,
    /// Queries whose answers are known.
    pub answered: usize,
    pub stop: &'a CancelToken,
}

/// A hit of a key and a row, in the order of hits.
pub(super) fn hit(key: u32, row: u32) -> u64 {
    u64::from(key) << 32 | u64::from(row)
}

/// How far the rows of each list are from its centroid, the centroids being the queries.
fn reach_on_device(rows: &Dataset, centroids: &[f32], labels: &[u32]) -> Result<Reach> {
    let nlist = centroids.len() / rows.dim();
    let mut lims = vec![0; nlist + 1];
    labels.iter().for_each(|&label| lims[label as usize + 1] += 1);
    (0..nlist).for_each(|list| lims[list + 1] += lims[list]);
    let (mut next, mut numbers) = (lims.clone(), vec![0; labels.len()]);
    for (row, &label) in (0u32..).zip(labels) {
        numbers[next[label as usize]] = row;
        next[label as usize] += 1;
    }
    let queries = exact::Queries::new(rows, Rows::F32(centroids))?;
    let (listed, all) = (Listed { lims, rows: numbers }, Wanted::Within(f32::INFINITY));
    let found = submit_listed(rows, queries, listed, all, Options::default())?.wait()?;
    let lists = found.lims.windows(2).zip(0u32..);
    let labels: Vec<u32> =
        lists.flat_map(|(ends, list)| std::iter::repeat_n(list, ends[1] - ends[0])).collect();
    Ok(Reach::of_rows(nlist, &labels, found.distances))
}

impl Call {
    /// Hits of all queries as the caller gets them.
    pub fn found(&self, hits: &[Vec<u64>], stats: SearchStats) -> Result<RowHits> {
        let total = hits.iter().map(Vec::len).sum();
        let mut found = RowHits { stats, lims: vec![0], ..RowHits::default() };
        let mut rows = Vec::with_capacity(total);
        found.distances.reserve_exact(total);
        for hits in hits {
            rows.extend(hits.iter().map(|&hit| hit as u32));
            let distance = |&hit: &u64| self.decoder.distance((hit >> 32) as u32);
            found.distances.extend(hits.iter().map(distance));
            found.lims.push(rows.len());
        }
        found.ids = self.options.row_ids.of(&rows)?;
        Ok(found)
    }

    /// Asks the codes for some queries, which ascend; keys for distances and rows for ids.
    pub fn ask(
        &self,
        which: &[u32],
        probe: Probe,
        nprobe: usize,
        done: &mut Done<'_>,
    ) -> Result<RowHits> {
        done.stop.check()?;
        let (all, count) = (self.queries.count, which.len());
        let filter = match is_all(which, all) {
            true => self.filter.clone(),
            false => self.filter.of_queries(which, mask_words(self.of.rows.len() as u64))?,
        };
        let before = done.answered as f64;
        let progress = self.options.progress.clone().map(|tell| {
            let told = move |share: f64| {
                tell(DEVICE_SHARE * (before + share * count as f64) / all as f64);
            };
            Arc::new(told) as Arc<dyn Fn(f64) + Send + Sync>
        });
        let options = Options {
            cancel: Some(done.stop.clone()),
            progress,
            keys: true,
            row_ids: RowIds::default(),
            ..self.options.clone()
        };
        let look = Look { probe, nprobe, fill: false, prove: false };
        let queries = self.queries.some(which);
        let found = self.of.lists.submit(Rows::F32(&queries), look, filter, options)?.wait()?;
        done.stop.check()?;
        Ok(found)
    }

    /// The lists that each of some queries looks at; `None` where these are all.
    pub fn probes(&self, which: &[u32], nprobe: usize) -> Result<Option<Vec<Vec<usize>>>> {
        if nprobe >= self.of.lists.nlist() {
            return Ok(None);
        }
        let found = self.of.lists.assign(Rows::F32(&self.queries.some(which)), nprobe)?;
        let lists = found.lims.windows(2).map(|ends| &found.ids[ends[0]..ends[1]]);
        Ok(Some(lists.map(|ids| ids.iter().map(|&id| id as usize).collect()).collect()))
    }

    /// What `work` makes of each of some items, each of which compares about so many rows, on several threads.
    pub fn in_pieces<T: Send, R: Send>(
        &self,
        items: Vec<T>,
        rows: usize,
        work: impl Fn(T) -> Result<R> + Send + Sync,
    ) -> Result<Vec<R>> {
        let step = (PIECE / (rows.max(1) * self.of.rows.dim())).max(1);
        let mut items = items.into_iter();
        let mut pieces = Vec::new();
        while items.len() > 0 {
            pieces.push(items.by_ref().take(step).collect::<Vec<T>>());
        }
        let made = each(pieces, |piece| piece.into_iter().map(&work).collect::<Result<Vec<R>>>())?;
        Ok(made.into_iter().flatten().collect())
    }

    /// The rows with most slack.
    pub fn loose(&self) -> &Loose {
        let Searched { lists, rows, made, .. } = &self.of;
        made.loose.get_or_init(|| Loose::new(lists, rows))
    }

    /// How far the rows of each list are from its centroid.
    pub fn reach(&self) -> Result<Reach> {
        let Searched { lists, rows, made, .. } = &self.of;
        if let Some(reach) = made.reach.get() {
            return Ok(reach.clone());
        }
        let bytes = lists.centroids()?.rows().read(0..lists.nlist())?;
        let centroids = Rows::from_bytes(DType::F32, &bytes)?.to_f32();
        let (labels, dim) = (lists.labels(0..rows.len()), rows.dim());
        let reach = match rows.place() {
            Place::Device(rows) => reach_on_device(rows, &centroids, &labels)?,
            Place::Host(rows) => {
                let numbered = labels.iter().copied().enumerate().collect();
                let distances = self.in_pieces(numbered, 1, |(row, label): (usize, u32)| {
                    let at = label as usize * dim;
                    let value = self.tree.value(rows.row(row), &centroids[at..at + dim]);
                    Ok(self.decoder.distance(self.decoder.key(value)))
                })?;
                Reach::of_rows(lists.nlist(), &labels, distances)
            }
        };
        Ok(made.reach.get_or_init(|| reach).clone())
    }
}
