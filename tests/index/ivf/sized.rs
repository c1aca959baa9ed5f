//! What tests need that run at two sizes: a small one that a software driver does in a moment, and, with `NEARFIELD_TEST_CARD=1`, the
//! one that they are there for, which takes a GPU.

use super::oracle::probing;
use crate::common::data::Random;
use crate::common::device::{Open as _, shared};
use crate::support;
use nearfield::reference::{Block, Problem, check_search};
use nearfield::{DType, Gpu, GpuBuilder, Hits, Index, IvfFlat, Metric, Rows, Search, SearchParams};
use std::time::{Duration, Instant};

pub fn at_size() -> bool {
    std::env::var("NEARFIELD_TEST_CARD").is_ok_and(|value| value == "1")
}

/// The first on a card, else the second.
pub fn sized<T>(card: T, small: T) -> T {
    if at_size() { card } else { small }
}

/// The device of these tests: as an application has it where they are timed, else in segments of 64 rows.
pub fn gpu() -> Gpu {
    if at_size() { shared("card", Gpu::builder).unwrap() } else { support::gpu() }
}

/// One for one test alone, changed by it.
pub fn own_gpu(change: impl FnOnce(GpuBuilder) -> GpuBuilder) -> Gpu {
    change(sized(Gpu::builder(), Gpu::builder().poison(true))).open().unwrap()
}

/// Rows around as many centres as there are lists, and the centres.
pub struct Made {
    pub dim: usize,
    pub centres: Vec<f32>,
    pub rows: Vec<f32>,
}

/// Numbers from -1 to 1.
fn uniform(count: usize, random: &mut Random) -> impl Iterator<Item = f32> + '_ {
    (0..count).map(move |_| ((random.next() >> 40) as f32 / (1 << 23) as f32) - 1.0)
}

impl Made {
    /// `share` says how many rows a list has: its number and the number of all lists decide.
    pub fn new(sizes: &[usize], dim: usize, spread: f32) -> Made {
        let mut random = Random::new(77);
        let centres: Vec<f32> = uniform(sizes.len() * dim, &mut random).collect();
        let lists = sizes.iter().enumerate().flat_map(|(list, &size)| vec![list; size]);
        let mut lists: Vec<usize> = lists.collect();
        for i in (1..lists.len()).rev() {
            lists.swap(i, random.below(i as u64 + 1) as usize);
        }
        let mut made = Made { dim, centres, rows: Vec::with_capacity(lists.len() * dim) };
        for list in lists {
            made.rows.extend(made.near(list, spread, &mut random));
        }
        made
    }

    fn near(&self, list: usize, spread: f32, random: &mut Random) -> Vec<f32> {
        let centre = &self.centres[list * self.dim..][..self.dim];
        centre.iter().zip(uniform(self.dim, random)).map(|(c, x)| c + spread * x).collect()
    }

    /// Queries around these lists, taken in turns.
    pub fn queries(&self, count: usize, spread: f32, lists: &[usize]) -> Vec<f32> {
        let mut random = Random::new(78);
        (0..count).flat_map(|i| self.near(lists[i % lists.len()], spread, &mut random)).collect()
    }

    /// An index of the rows in the lists of the centres.
    pub fn index(&self, gpu: &Gpu) -> IvfFlat {
        let (dim, dtype) = (self.dim, DType::F32);
        let index = IvfFlat::with_centroids(gpu, dim, Metric::L2, dtype, &self.centres).unwrap();
        index.add(&self.rows).unwrap();
        index
    }
}

/// So many lists of equal length.
pub fn equal(rows: usize, lists: usize) -> Vec<usize> {
    (0..lists).map(|list| (list + 1) * rows / lists - list * rows / lists).collect()
}

/// The list of each row, by where the index says that its row would be looked for first.
pub fn labels(index: &IvfFlat, rows: &[f32]) -> Vec<u64> {
    let found = index.assign(Rows::F32(rows), 1).unwrap();
    let mut sizes = vec![0; index.nlist()];
    found.ids().iter().for_each(|&list| sizes[list as usize] += 1);
    assert_eq!(index.list_sizes(), sizes);
    found.ids().to_vec()
}

/// Holds the hits of `count` of the queries against f64, to the rows of the lists that they look at for which `eligible` holds.
pub fn check_some(
    (index, rows, labels): (&IvfFlat, &[f32], &[u64]),
    (queries, nprobe, k): (&[f32], usize, usize),
    hits: &Hits,
    count: usize,
    eligible: &dyn Fn(usize, u64) -> bool,
) {
    let dim = index.dim();
    let all = queries.len() / dim;
    assert_eq!(hits.len(), all);
    for query in (0..all).step_by((all / count).max(1)) {
        let own = &queries[query * dim..][..dim];
        let lists = index.assign(Rows::F32(own), nprobe).unwrap();
        let mut probed = vec![false; index.nlist()];
        lists.ids().iter().for_each(|&list| probed[list as usize] = true);
        // the rows that it may find, so that the oracle goes over no others
        let ids: Vec<u64> = (0..)
            .zip(labels)
            .filter(|(id, label)| probed[**label as usize] && eligible(query, *id))
            .map(|(id, _)| id)
            .collect();
        let near: Vec<f32> =
            ids.iter().flat_map(|&id| rows[id as usize * dim..][..dim].iter().copied()).collect();
        let found: Vec<(u64, f32)> = hits
            .row(query)
            .map(|(id, distance)| {
                let place = ids.binary_search(&id);
                (place.unwrap_or_else(|_| panic!("query {query} found {id}")) as u64, distance)
            })
            .collect();
        let problem = Problem {
            measure: &Metric::L2,
            queries: &Block::new(Rows::F32(own), dim).unwrap(),
            base: &Block::new(Rows::F32(&near), dim).unwrap(),
            eligible: &|_, _| true,
        };
        check_search(&problem, k, &[found]).unwrap_or_else(|why| panic!("query {query}: {why}"));
    }
}

/// The median time of a search that has run before.
pub fn time(index: &dyn Search, queries: &[f32], k: usize, params: &SearchParams) -> Duration {
    let mut times: Vec<Duration> = (0..sized(10, 2))
        .map(|_| {
            let start = Instant::now();
            index.search_with(Rows::F32(queries), k, params).unwrap();
            start.elapsed()
        })
        .skip(1)
        .collect();
    times.sort();
    times[times.len() / 2]
}

/// The answer from `nprobe` lists, what it took, and how many pairs of a query and a row there were.
pub fn ask(index: &IvfFlat, queries: &[f32], k: usize, nprobe: usize) -> (Hits, Duration, u64) {
    let hits = index.search_with(Rows::F32(queries), k, &probing(nprobe)).unwrap();
    let time = time(index, queries, k, &probing(nprobe));
    let pairs = hits.stats().ivf.rows_probed;
    (hits, time, pairs)
}
