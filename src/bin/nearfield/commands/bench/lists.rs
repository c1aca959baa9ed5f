//! An index of lists, or of codes: how long it took to build, that it answers as a flat one where it looks at all lists, and which rows are in
//! the lists of a query, that its answers be held against those in f64.

use super::case::{Base, Case};
use super::data::Set;
use crate::shell::failure::{Failure, Result};
use crate::shell::stop;
use nearfield::reference::{Block, Problem, check_search};
use nearfield::{
    Flat, Gpu, Graph, Guarantee, Hits, Index, IvfFlat, IvfParams, IvfPq, IvfRaBitQ, IvfSq,
    Originals, Pq, Rows, Search, SearchParams, Sq, index_factory,
};
use std::time::Instant;

/// Queries whose answers are held against a flat index, to the bit.
const COMPARED: usize = 256;
/// Queries, and rows, whose lists are held against f64.
const ASSIGNED: usize = 16;

/// What is told of the lists of an index beside its searches.
pub struct Lists {
    pub count: usize,
    /// From the host's rows to the centroids, and from the host's rows to those that lie in lists.
    pub train_s: f64,
    pub add_s: f64,
    /// Rows of each list, ascending.
    sizes: Vec<u64>,
    /// The list of each row.
    labels: Vec<u32>,
    centroids: Vec<f32>,
}

/// Which lists the checked queries of a case look at, a bool each.
pub struct Probed {
    step: usize,
    lists: Vec<Vec<bool>>,
}

fn once(base: &Base, set: &Set, gpu: &Gpu) -> Result<(Box<dyn Index>, f64, f64)> {
    let (d, metric, dtype) = (base.d, base.metric.clone(), base.dtype);
    let start = Instant::now();
    let index: Box<dyn Index> = match (&set.centroids, base.described()) {
        (Some(centroids), None) => {
            Box::new(IvfFlat::with_centroids(gpu, d, metric, dtype, centroids)?)
        }
        (_, Some((codes, false))) => index_factory(gpu, d, codes, metric, dtype)?,
        (_, Some((codes, true))) => {
            let index = IvfRaBitQ::from_description(gpu, d, codes, metric)?;
            Box::new(index.with_originals(Originals::Device)?)
        }
        (None, None) => {
            Box::new(IvfFlat::with_dtype(gpu, d, metric, dtype, base.lists.unwrap_or(1))?)
        }
    };
    if !index.is_trained() {
        index.train(set.rows())?;
    }
    let train_s = start.elapsed().as_secs_f64();
    let start = Instant::now();
    index.add_rows(set.rows())?;
    if base.walks
        && let Some(graph) = index.as_any().and_then(|any| any.downcast_ref::<Graph>())
    {
        graph.build()?;
    }
    // the lists are made when they are first asked for
    index.search_with(set.batch(Default::default(), 0, 1), 1, &SearchParams::new())?;
    Ok((index, train_s, start.elapsed().as_secs_f64()))
}

/// An index of lists, or of codes.
pub struct Built {
    pub index: Box<dyn Index>,
    pub lists: Lists,
    /// What its codes stand for, if they are codes and that is known.
    pub decoded: Option<Set>,
    /// The rows as they were, whose answers recall is held against, of codes.
    pub exact: Option<Flat>,
}

/// The centroids of lists, and how many rows each has, of an index that tells.
fn told(index: &dyn Index) -> Option<nearfield::Result<(Vec<f32>, Vec<u64>)>> {
    let any = index.as_any()?;
    if let Some(index) = any.downcast_ref::<IvfFlat>() {
        return Some(index.centroids().map(|all| (all, index.list_sizes())));
    }
    if let Some(index) = any.downcast_ref::<IvfSq>() {
        return Some(index.centroids().map(|all| (all, index.list_sizes())));
    }
    if let Some(index) = any.downcast_ref::<IvfRaBitQ>() {
        return Some(index.centroids().map(|all| (all, index.list_sizes())));
    }
    let index = any.downcast_ref::<IvfPq>()?;
    Some(index.centroids().map(|all| (all, index.list_sizes())))
}

/// Builds an index twice, so that no kernel is compiled while the second is timed, and checks that.
pub fn build(base: &Base, set: &Set, gpu: &Gpu) -> Result<Built> {
    drop(once(base, set, gpu)?);
    stop::check()?;
    let (index, train_s, add_s) = once(base, set, gpu)?;
    let wrong = |why: String| Failure::Work(format!("{}: {why}", index.description()));
    let (decoded, exact) = match base.is_coded() {
        false => (None, None),
        true => {
            let exact = Flat::with_dtype(gpu, base.d, base.metric.clone(), base.dtype)?;
            exact.add_rows(set.rows())?;
            (decoded(&*index, set)?, Some(exact))
        }
    };
    if !base.is_coded() || decoded.is_some() {
        let stored = decoded.as_ref().unwrap_or(set);
        equals_flat(base, stored, gpu, &*index).map_err(wrong)?;
    }
    let count = base.lists.unwrap_or(0);
    let (sizes, labels, centroids) = (Vec::new(), Vec::new(), Vec::new());
    let mut lists = Lists { count, train_s, add_s, sizes, labels, centroids };
    if let Some(told) = told(&*index) {
        let (centroids, mut sizes) = told?;
        let own = index.assign(set.rows(), 1)?;
        let labels: Vec<u32> =
            (0..base.n).map(|row| own.row(row).next().map_or(0, |(list, _)| list as u32)).collect();
        let mut counts = vec![0; count];
        labels.iter().for_each(|&list| counts[list as usize] += 1);
        if sizes != counts {
            return Err(wrong(
                "rows are in other lists than those that are nearest to them".into(),
            ));
        }
        sizes.sort_unstable();
        lists = Lists { sizes, labels, centroids, ..lists };
        let step = (base.n / ASSIGNED).max(1);
        let some = (0..base.n).step_by(step).map(|row| (set.row(row), row));
        lists
            .check_assigned(base, some, &own, 1)
            .map_err(|why| wrong(format!("lists of rows: {why}")))?;
    }
    Ok(Built { index, lists, decoded, exact })
}

/// What codes stand for, of kinds whose distances are those to it.
fn decoded(index: &dyn Index, set: &Set) -> Result<Option<Set>> {
    let any = index.as_any();
    let known = any.is_some_and(|any| {
        any.is::<IvfSq>() || any.is::<IvfPq>() || any.is::<Sq>() || any.is::<Pq>()
    });
    if !known {
        return Ok(None);
    }
    let ids: Vec<u64> = (0..index.len() as u64).collect();
    Ok(Some(set.with_rows(index.reconstruct_many(&ids)?)))
}

/// Holds answers from all lists, and those that are exact, against a flat index's, to the bit.
fn equals_flat(base: &Base, set: &Set, gpu: &Gpu, index: &dyn Index) -> Result<(), String> {
    let words = |e: nearfield::Error| e.to_string();
    let stored = set.rows();
    let flat = Flat::with_dtype(gpu, base.d, base.metric.clone(), stored.dtype()).map_err(words)?;
    flat.add_rows(stored).map_err(words)?;
    let queries = set.batch(Default::default(), 0, COMPARED);
    let search = |index: &dyn Search, params: &SearchParams| {
        index.search_with(queries, 10, params).map_err(words)
    };
    let expected = search(&flat, &SearchParams::new())?;
    let all = match base.lists {
        Some(lists) => SearchParams::new().ivf(IvfParams::new().nprobe(lists)),
        None => SearchParams::new(),
    };
    for params in [all, SearchParams::new().guarantee(Guarantee::Exact)] {
        let found = search(index, &params)?;
        let bits = |hits: &Hits| hits.distances().iter().map(|d| d.to_bits()).collect::<Vec<_>>();
        if found.lims() != expected.lims()
            || found.ids() != expected.ids()
            || bits(&found) != bits(&expected)
        {
            return Err("all lists do not have the answers of a flat index".into());
        }
    }
    Ok(())
}

impl Lists {
    /// Holds the nearest `nprobe` lists of some vectors, each with its place among the hits, against f64.
    fn check_assigned(
        &self,
        base: &Base,
        vectors: impl Iterator<Item = (Vec<f64>, usize)>,
        lists: &Hits,
        nprobe: usize,
    ) -> Result<(), String> {
        let words = |e: nearfield::Error| e.to_string();
        let (vectors, places): (Vec<_>, Vec<_>) = vectors.unzip();
        let flat: Vec<f32> = vectors.iter().flatten().map(|&x| x as f32).collect();
        let queries = Block::new(Rows::F32(&flat), base.d).map_err(words)?;
        let centroids = Block::new(Rows::F32(&self.centroids), base.d).map_err(words)?;
        let all = |_: usize, _: usize| true;
        let problem =
            Problem { measure: &base.truth, queries: &queries, base: &centroids, eligible: &all };
        let found: Vec<Vec<_>> = places.iter().map(|&at| lists.row(at).collect()).collect();
        check_search(&problem, nprobe, &found).map(|_| ())
    }

    /// The lists that each so many-th query of the first batch of a case looks at, checked.
    pub fn probed(&self, case: &Case, set: &Set, index: &dyn Index, step: usize) -> Result<Probed> {
        let nprobe = case.nprobe.unwrap_or(1).min(self.count);
        let hits = index.assign(set.batch(case.asked, 0, case.queries), nprobe)?;
        let first = set.first(case.asked);
        let some = (0..case.queries).step_by((case.queries / ASSIGNED).max(1));
        let some = some.map(|query| (set.query(first + query), query));
        self.check_assigned(&case.base, some, &hits, nprobe)
            .map_err(|why| Failure::Work(format!("{case}: lists of queries: {why}")))?;
        let of_query = |query: usize| {
            let mut lists = vec![false; self.count];
            hits.row(query).for_each(|(list, _)| lists[list as usize] = true);
            lists
        };
        Ok(Probed { step, lists: (0..case.queries).step_by(step).map(of_query).collect() })
    }

    /// Whether rows are in lists whose centroids are known.
    pub fn are_known(&self) -> bool {
        !self.centroids.is_empty()
    }

    /// Whether a row is in one of the lists of a checked query.
    pub fn reaches(&self, probed: &Probed, query: usize, row: usize) -> bool {
        probed.lists[query / probed.step][self.labels[row] as usize]
    }

    /// How many rows the list has of which a share of all are no longer.
    pub fn size(&self, share: f64) -> u64 {
        let last = self.sizes.len().saturating_sub(1);
        self.sizes.get((share * last as f64).round() as usize).copied().unwrap_or(0)
    }

    /// Rows of the longest list beside those of an average one.
    pub fn largest(&self) -> f64 {
        let all: u64 = self.sizes.iter().sum();
        self.size(1.0) as f64 * self.count as f64 / all.max(1) as f64
    }
}

/// The share of the nearest rows that were found.
pub fn recall(found: &Hits, exact: &Hits) -> f64 {
    let mut hit = 0;
    for (found, exact) in found.rows().zip(exact.rows()) {
        let mut ids: Vec<u64> = exact.iter().map(|hit| hit.0).collect();
        ids.sort_unstable();
        hit += found.iter().filter(|hit| ids.binary_search(&hit.0).is_ok()).count();
    }
    hit as f64 / exact.ids().len().max(1) as f64
}
