//! What a graph finds: distances of a flat search to the bit, nearly all neighbours, and every row by itself.

use crate::support::{rows, whole_gpu};
use nearfield::{
    DType, Flat, Graph, GraphParams, GraphPath, Hits, Index, Metric, Rows, Search, SearchParams,
};

pub fn walking(ef: usize) -> SearchParams {
    SearchParams::new().graph(GraphParams::new().path(GraphPath::Graph).ef(ef))
}

/// The share of the hits that are as near as the last of the exact ones.
fn recall(found: &Hits, exact: &Hits) -> f64 {
    let (mut hits, mut all) = (0, 0);
    for q in 0..exact.len() {
        let ids: Vec<u64> = exact.row(q).map(|(id, _)| id).collect();
        hits += found.row(q).filter(|(id, _)| ids.contains(id)).count();
        all += ids.len();
    }
    hits as f64 / all as f64
}

#[test]
fn distances_are_those_of_a_flat_search_and_few_neighbours_are_missed() {
    let gpu = whole_gpu();
    for metric in [Metric::L2, Metric::SqrtL2, Metric::Cosine, Metric::InnerProduct] {
        for (dtype, dim, n) in [(DType::F32, 16, 2000), (DType::F16, 40, 1000), (DType::Bf16, 5, 700)] {
            let base = rows(n, dim, &metric, dtype, 1);
            let graph = Graph::with_degree(&gpu, dim, metric.clone(), dtype, 32).unwrap();
            let flat = Flat::with_dtype(&gpu, dim, metric.clone(), dtype).unwrap();
            graph.add_rows(base.rows()).unwrap();
            flat.add_rows(base.rows()).unwrap();
            let queries = rows(50, dim, &metric, DType::F32, 2);
            let exact = flat.search_with(queries.rows(), 10, &SearchParams::new()).unwrap();
            let found = graph.search_with(queries.rows(), 10, &walking(64)).unwrap();
            println!("{metric} {dtype} {dim}: {} {:?}", recall(&found, &exact), found.stats());
            assert_eq!(found.stats().graph.walked, 50);
            assert!(recall(&found, &exact) > 0.95);
            for q in 0..50 {
                let all = flat.search_with(queries.rows().slice(dim, q..q + 1), n, &SearchParams::new()).unwrap();
                for (id, distance) in found.row(q) {
                    let own = all.row(0).find(|hit| hit.0 == id).unwrap();
                    assert_eq!(own.1.to_bits(), distance.to_bits());
                }
            }
            let _ = Rows::F32(&[]);
        }
    }
}
