//! HNSW: its graph, here and in the files of hnswlib and FAISS.

mod changed;
mod faiss;
mod hnswlib;
mod made;
mod refused;

use crate::common::npy::Npy;
use nearfield::{Flat, Hits, Index, Rows, Search, SearchParams};
use nearfield::{GraphParams, GraphPath};
use std::path::{Path, PathBuf};

const DIM: usize = 5;
const N: usize = 60;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hnsw")
}

fn file(name: &str) -> PathBuf {
    folder().join(name)
}

fn numbers(name: &str) -> Vec<f32> {
    Npy::read(&file(name)).f32()
}

/// Along the links, whatever is faster.
fn walking(ef: usize) -> SearchParams {
    SearchParams::new().graph(GraphParams::new().path(GraphPath::Graph).ef(ef))
}

/// The share of the k nearest rows that a walk finds, whose distances are those of a flat index.
fn share(index: &dyn Search, flat: &Flat, queries: &[f32], k: usize, ef: usize) -> f64 {
    let rows = Rows::F32(queries);
    let found = index.search_with(rows, k, &walking(ef)).unwrap();
    assert_eq!(found.stats().graph.exact, 0);
    shared(&found, &flat.search_with(rows, k, &SearchParams::new()).unwrap())
}

fn shared(found: &Hits, exact: &Hits) -> f64 {
    let mut near = 0;
    for (ours, theirs) in found.rows().zip(exact.rows()) {
        let (ours, theirs) = (ours.to_vec(), theirs.to_vec());
        assert_eq!(ours.len(), theirs.len());
        assert!(ours.is_sorted_by(|a, b| a.0 != b.0));
        for (id, distance) in &ours {
            if let Some(hit) = theirs.iter().find(|hit| hit.0 == *id) {
                assert_eq!(hit.1.to_bits(), distance.to_bits());
            }
            near += usize::from(theirs.iter().any(|hit| hit.1 == *distance));
        }
    }
    near as f64 / exact.ids().len().max(1) as f64
}

/// A flat index of the live rows of another, under its ids.
fn flat_of(gpu: &nearfield::Gpu, index: &dyn Index) -> Flat {
    let flat = Flat::with_dtype(gpu, index.dim(), index.metric().clone(), index.dtype()).unwrap();
    let ids = index.ids();
    let mut bytes = vec![0; ids.len() * index.dtype().row_bytes(index.dim())];
    index.reconstruct_into(&ids, &mut bytes).unwrap();
    let words: Vec<u32> = bytemuck::pod_collect_to_vec(&bytes);
    let rows = Rows::from_bytes(index.dtype(), &bytemuck::cast_slice(&words)[..bytes.len()]);
    flat.add_with_ids(rows.unwrap(), &ids).unwrap();
    flat
}
