//! Lists of codes of any quantizer against a flat index of what they stand for.

use super::oracle::{bits, probing};
use crate::support::{Model, gpu};
use nearfield::{DType, Flat, Gpu, IdFilter, Index, QueryFilter, Rows, Search, SearchParams};
use std::collections::HashMap;
use std::sync::LazyLock;

static GPU: LazyLock<Gpu> = LazyLock::new(gpu);

/// Holds searches of an index whose rows are in these lists, by id, against those of the decoded rows: hits and bits, and f64.
pub fn check(
    index: &dyn Index,
    lists: &HashMap<u64, u64>,
    name: &str,
    queries: &[f32],
    (nprobe, k): (usize, usize),
    filter: &IdFilter,
) {
    let (dim, metric) = (index.dim(), index.metric());
    let queries = Rows::F32(queries);
    let ids = index.ids();
    let decoded = index.reconstruct_many(&ids).unwrap();
    let flat = Flat::new(&GPU, dim, metric.clone()).unwrap();
    flat.add_with_ids(Rows::F32(&decoded), &ids).unwrap();
    let mut model = Model::new(metric, DType::F32, dim);
    model.add(Rows::F32(&decoded), &ids);
    let probes = index.assign(queries, nprobe).unwrap();
    let probed: Vec<Vec<u64>> =
        probes.rows().map(|lists| lists.iter().map(|list| list.0).collect()).collect();
    let reached = |query: usize, id: u64| probed[query].contains(&lists[&id]);
    let told = (0..probed.len()).map(|query| {
        IdFilter::batch(ids.iter().copied().filter(|&id| reached(query, id)).collect::<Vec<_>>())
    });
    let told: QueryFilter = told.collect();
    let theirs = SearchParams::new().filter(filter.clone()).query_filter(told);
    let ours = probing(nprobe).filter(filter.clone());
    let what = format!("{metric} {name}, nprobe {nprobe}, k {k}");
    let found = index.search_with(queries, k, &ours).unwrap();
    let expected = flat.search_with(queries, k, &theirs).unwrap();
    assert!(bits(&found) == bits(&expected), "{what}: other hits or bits");
    let eligible =
        |query: usize, row: usize| reached(query, ids[row]) && filter.is_member(ids[row]);
    model.check_hits(&found, queries, k, &eligible);
    if let Some((_, radius)) = (0..found.len()).find_map(|i| found.row(i).next_back()) {
        let within = index.range_search_with(queries, radius, &ours).unwrap();
        let expected = flat.range_search_with(queries, radius, &theirs).unwrap();
        assert!(bits(&within) == bits(&expected), "{what}, within {radius}");
    }
}
