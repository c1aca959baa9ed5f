//! Searches along the edges of a graph.

mod answers;
mod bytes;
mod changes;
mod files;
mod filtered;
mod growth;
mod hostile;
mod refused;
mod tuned;

use crate::common::data::Owned;
use crate::support::rows;
use nearfield::{
    DType, Flat, Gpu, Graph, GraphParams, GraphPath, Hits, Index, Metric, Rows, Search,
    SearchParams,
};

/// Along the edges, whatever is faster.
fn walking(ef: usize) -> SearchParams {
    SearchParams::new().graph(GraphParams::new().path(GraphPath::Graph).ef(ef))
}

/// A graph, and a flat index of the same rows.
struct Both {
    graph: Graph,
    flat: Flat,
}

impl Both {
    fn new(gpu: &Gpu, dim: usize, metric: &Metric, dtype: DType, degree: usize) -> Both {
        let graph = Graph::with_degree(gpu, dim, metric.clone(), dtype, degree).unwrap();
        Both { graph, flat: Flat::with_dtype(gpu, dim, metric.clone(), dtype).unwrap() }
    }

    fn of(gpu: &Gpu, dim: usize, metric: &Metric, base: &Owned, degree: usize) -> Both {
        let both = Both::new(gpu, dim, metric, base.rows().dtype(), degree);
        for index in both.each() {
            index.add_rows(base.rows()).unwrap();
        }
        both
    }

    fn add(&self, rows: &[f32]) {
        for index in self.each() {
            index.add(rows).unwrap();
        }
    }

    fn remove(&self, ids: &[u64]) {
        for index in self.each() {
            index.remove(ids).unwrap();
        }
    }

    fn each(&self) -> [&dyn Index; 2] {
        [&self.graph, &self.flat]
    }

    /// Holds an answer along the edges against the flat one: hits that there are, as many as there can be, in order and with the
    /// flat index's distances; and says which share of its hits is as near.
    fn check(&self, queries: Rows<'_>, k: usize, ef: usize) -> f64 {
        self.check_with(queries, k, &walking(ef))
    }

    fn check_with(&self, queries: Rows<'_>, k: usize, params: &SearchParams) -> f64 {
        let (all, dim) = (self.flat.len(), self.flat.dim());
        let ef = params.graph.clone().and_then(|graph| graph.ef).unwrap_or(0);
        let found = self.graph.search_with(queries, k, params).unwrap();
        let exact = self.flat.search_with(queries, all.max(1), &SearchParams::new()).unwrap();
        let (mut near, mut wanted) = (0, 0);
        for q in 0..queries.count(dim).unwrap() {
            let (ours, theirs): (Vec<_>, Vec<_>) = (found.row(q).collect(), exact.row(q).collect());
            assert_eq!(ours.len(), k.min(theirs.len()), "query {q}, k {k}, ef {ef}");
            let places: Vec<usize> = ours
                .iter()
                .map(|(id, distance)| {
                    let place = theirs.iter().position(|hit| hit.0 == *id).unwrap();
                    assert_eq!(theirs[place].1.to_bits(), distance.to_bits());
                    place
                })
                .collect();
            assert!(places.is_sorted_by(|a, b| a < b), "{ours:?}");
            let Some(last) = theirs.get(ours.len().wrapping_sub(1)) else { continue };
            near += places.iter().filter(|&&at| theirs[at].1 == last.1 || at < ours.len()).count();
            wanted += ours.len();
        }
        near as f64 / wanted.max(1) as f64
    }
}

fn made(n: usize, dim: usize, metric: &Metric, seed: u64) -> Owned {
    rows(n, dim, metric, DType::F32, seed)
}

/// Ids and the bits of the distances.
fn bits(hits: &Hits) -> (Vec<usize>, Vec<u64>, Vec<u32>) {
    let distances = hits.distances().iter().map(|d| d.to_bits()).collect();
    (hits.lims().to_vec(), hits.ids().to_vec(), distances)
}
