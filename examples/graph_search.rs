//! A graph that is searched on the processor, with its distances from the GPU: `knn_graph` makes the graph, and in each step of the search
//! `score_candidates` compares what all queries look at next, in one call.
//!
//! usage: cargo run --release --example graph_search [ROWS] [QUERIES]
//!
//! Each query keeps the best rows that it has seen, and looks at the neighbours of the nearest of these whose neighbours it has not looked at yet
//! (best-first search, as HNSW does it in its lowest layer), until it has looked at those of all that it keeps. One query has some 20 new
//! candidates a step, which are not worth a call; a thousand queries side by side have 20,000.

use nearfield::{
    Candidates, Flat, Gpu, Index, KnnGraph, KnnGraphParams, Matrix, Metric, Rows, Search,
    knn_graph, score_candidates,
};
use std::collections::HashSet;
use std::time::Instant;

const DIM: usize = 16;
/// Neighbours of each row in the graph.
const DEGREE: usize = 24;
/// Rows that a query keeps, and begins at.
const KEPT: usize = 48;
/// Rows that are wanted.
const K: usize = 10;

/// A row that a query has seen.
#[derive(Clone, Copy)]
struct Seen {
    row: u32,
    distance: f32,
    /// Whether its neighbours were looked at.
    expanded: bool,
}

/// One query on its way through the graph.
struct Walk {
    /// The nearest that it has seen, the nearest first.
    kept: Vec<Seen>,
    seen: HashSet<u32>,
}

impl Walk {
    /// What it looks at next: nothing at the end.
    fn next(&mut self, edges: &[Vec<u32>], starts: &[u32]) -> Vec<u64> {
        let begins = self.kept.is_empty();
        let near: &[u32] = match self.kept.iter_mut().find(|seen| !seen.expanded) {
            Some(seen) => {
                seen.expanded = true;
                &edges[seen.row as usize]
            }
            None if begins => starts,
            None => &[],
        };
        let new = near.iter().filter(|&&row| self.seen.insert(row));
        new.map(|&row| u64::from(row)).collect()
    }

    /// Takes what these are away.
    fn take(&mut self, hits: impl Iterator<Item = (u64, f32)>) {
        let new = |(id, distance)| Seen { row: id as u32, distance, expanded: false };
        self.kept.extend(hits.map(new));
        self.kept.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.row.cmp(&b.row)));
        self.kept.truncate(KEPT);
    }

    fn is_over(&self) -> bool {
        !self.kept.is_empty() && self.kept.iter().all(|seen| seen.expanded)
    }
}

/// Edges both ways: a row that is among nobody's nearest is found from its own.
fn both_ways(graph: &KnnGraph) -> Vec<Vec<u32>> {
    let mut edges = vec![Vec::new(); graph.rows];
    for row in 0..graph.rows {
        for (other, _) in graph.neighbors(row) {
            edges[row].push(other);
            if edges[other as usize].len() < 2 * DEGREE {
                edges[other as usize].push(row as u32);
            }
        }
    }
    edges
}

/// Numbers that look random.
fn numbers(count: usize, mut state: u64) -> Vec<f32> {
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1 << 24) as f32
    };
    // sums of some, of which most lie in the middle
    (0..count).map(|_| (0..4).map(|_| next() - 0.5).sum()).collect()
}

fn main() -> nearfield::Result<()> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse().unwrap_or(0));
    let n: usize = arguments.next().unwrap_or(4000).max(KEPT);
    let asked: usize = arguments.next().unwrap_or(200).max(1);
    let gpu = Gpu::new()?;
    let (rows, queries) = (numbers(n * DIM, 1), numbers(asked * DIM, 2));
    let matrix = Matrix::from_rows(&gpu, DIM, Rows::F32(&rows))?;
    let index = Flat::new(&gpu, DIM, Metric::L2)?;
    index.add_matrix(&matrix)?;

    let begin = Instant::now();
    let graph = knn_graph(&matrix, &Metric::L2, DEGREE, &KnnGraphParams::new())?;
    let edges = both_ways(&graph);
    println!("{graph:?} in {:.2} s", begin.elapsed().as_secs_f64());

    // rows spread over all, from which every query begins
    let starts: Vec<u32> = (0..KEPT).map(|i| (i * n / KEPT) as u32).collect();
    let begin = Instant::now();
    let mut walks: Vec<Walk> =
        (0..asked).map(|_| Walk { kept: Vec::new(), seen: HashSet::new() }).collect();
    let (mut calls, mut compared) = (0, 0);
    loop {
        // those that are not at their end, and what they look at
        let active: Vec<usize> = (0..asked).filter(|&query| !walks[query].is_over()).collect();
        let (mut ids, mut offsets, mut own) = (Vec::new(), vec![0], Vec::new());
        for &query in &active {
            ids.extend(walks[query].next(&edges, &starts));
            offsets.push(ids.len());
            own.extend_from_slice(&queries[query * DIM..][..DIM]);
        }
        if active.is_empty() {
            break;
        }
        if ids.is_empty() {
            continue;
        }
        let lists = Candidates::lists(&ids, &offsets);
        let hits = score_candidates(&index, Rows::F32(&own), lists, Some(KEPT))?;
        for (at, &query) in active.iter().enumerate() {
            walks[query].take(hits.row(at));
        }
        (calls, compared) = (calls + 1, compared + ids.len());
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "{asked} queries in {seconds:.2} s: {calls} calls of {} candidates, {:.1} % of all pairs",
        compared / calls.max(1),
        100.0 * compared as f64 / (n * asked) as f64
    );

    let exact = index.search(&queries, K)?;
    let found: usize = (0..asked)
        .map(|query| {
            let own: HashSet<u64> =
                walks[query].kept.iter().take(K).map(|seen| seen.row.into()).collect();
            exact.row(query).filter(|hit| own.contains(&hit.0)).count()
        })
        .sum();
    let recall = found as f64 / exact.ids().len() as f64;
    println!("recall@{K} {recall:.4}");
    assert!(recall > 0.9, "the graph leads nowhere");
    Ok(())
}
