//! Rows that come and go, and what becomes of the graph.

use super::{DIM, N, file, flat_of, numbers, share, walking};
use crate::support::{rows, whole_gpu};
use nearfield::{
    DType, Hnsw, HnswParams, IdFilter, Index, Metric, Rows, Search, SearchParams, read_hnswlib,
    write_hnswlib,
};

/// The links of a file: of each node on level 0.
fn links(index: &dyn Index) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    write_hnswlib(index, file.path()).unwrap();
    std::fs::read(file.path()).unwrap()
}

#[test]
fn a_graph_of_a_file_stays_until_rows_come() {
    let (gpu, queries) = (whole_gpu(), numbers("queries.npy"));
    let read = || read_hnswlib(&gpu, file("l2.hnswlib"), DIM, &Metric::L2).unwrap();
    let (index, own) =
        (read(), Hnsw::with_params(&gpu, DIM, Metric::L2, &read().params()).unwrap());
    own.add(&numbers("rows.npy")).unwrap();
    assert!(links(&index) != links(&own));
    // removed rows are ways to others, and then gone: at every count what is left is found
    for id in (0..N as u64).filter(|id| id % 3 != 1) {
        assert_eq!(index.remove(&[id]).unwrap(), 1);
        if id % 4 == 0 {
            let flat = flat_of(&gpu, &index);
            assert_eq!(share(&index, &flat, &queries, 5, 60), 1.0, "{id}");
            let again = tempfile::NamedTempFile::new().unwrap();
            index.write(again.path()).unwrap();
            let again = Hnsw::read(&gpu, again.path()).unwrap();
            assert_eq!(again.ids(), index.ids());
            assert_eq!(share(&again, &flat, &queries, 5, 60), 1.0, "{id}");
        }
    }
    // what is added makes a graph of all rows anew
    let index = read();
    index.add(&[0.25; DIM]).unwrap();
    own.add(&[0.25; DIM]).unwrap();
    assert!(links(&index) == links(&own));
    index.update_rows(Rows::F32(&[-0.5; DIM]), &[7]).unwrap();
    let found = index.search_with(Rows::F32(&[-0.5; DIM]), 1, &walking(32)).unwrap();
    assert_eq!((found.ids(), found.distances()), (&[7][..], &[0.0][..]));
}

#[test]
fn all_that_an_index_is_asked_is_answered() {
    let (gpu, metric) = (whole_gpu(), Metric::L2);
    let params = HnswParams::new().max_connections(6).ef_search(40);
    let index = Hnsw::with_params(&gpu, 7, metric.clone(), &params).unwrap();
    let base = rows(400, 7, &metric, DType::F32, 5);
    let ids: Vec<u64> = (0..400).map(|i| 5 * i + 3).collect();
    index.add_with_ids(base.rows(), &ids).unwrap();
    let flat = flat_of(&gpu, &index);
    let queries = rows(6, 7, &metric, DType::F32, 6).rows().to_f32();
    let queries = Rows::F32(&queries);
    let filter = SearchParams::new()
        .filter(IdFilter::batch(ids.iter().copied().step_by(7).collect::<Vec<_>>()));
    for params in [filter, SearchParams::new()] {
        let (ours, theirs) = (
            index.search_with(queries, 9, &params).unwrap(),
            flat.search_with(queries, 9, &params).unwrap(),
        );
        assert_eq!((ours.ids(), ours.distances()), (theirs.ids(), theirs.distances()));
        let (ours, theirs) = (
            index.range_search_with(queries, 4.0, &params).unwrap(),
            flat.range_search_with(queries, 4.0, &params).unwrap(),
        );
        assert_eq!((ours.ids(), ours.lims()), (theirs.ids(), theirs.lims()));
    }
    assert_eq!(index.ef(), 40);
    index.set_ef(9).unwrap();
    assert_eq!((index.ef(), index.params().ef_search), (9, 9));
    assert!(index.set_ef(0).is_err());
    assert!(index.memory() > 0 && index.contains(3) && !index.contains(4));
    let other = Hnsw::with_params(&gpu, 7, metric, &params).unwrap();
    assert_eq!(other.merge_from(&index).unwrap(), 400);
    assert_eq!(other.ids(), index.ids());
}

#[test]
fn rows_that_are_equal_far_apart_or_few_are_found() {
    let gpu = whole_gpu();
    let params = HnswParams::new().max_connections(3);
    let clusters: Vec<f32> = (0..300)
        .flat_map(|i| [(i / 100) as f32 * 1e4 + (i * 37 % 100) as f32 * 0.01, (i % 7) as f32])
        .collect();
    let copies: Vec<f32> = (0..300).flat_map(|i| [(i % 5) as f32, (i % 5) as f32]).collect();
    for values in [&clusters[..], &copies, &clusters[..2], &clusters[..4], &[0.0; 2 * 40], &[]] {
        let index = Hnsw::with_params(&gpu, 2, Metric::L2, &params).unwrap();
        index.add(values).unwrap();
        let flat = flat_of(&gpu, &index);
        let all = tempfile::NamedTempFile::new().unwrap();
        write_hnswlib(&index, all.path()).unwrap();
        let again = read_hnswlib(&gpu, all.path(), 2, &Metric::L2).unwrap();
        if values.is_empty() {
            assert!(again.is_empty() && again.search(&[0.0; 2], 3).unwrap().ids().is_empty());
            continue;
        }
        for index in [&index, &again] {
            let share = share(index, &flat, values, 1, 16);
            assert_eq!(share, 1.0, "{} rows", values.len() / 2);
        }
    }
}

#[test]
fn a_filter_of_all_queries_goes_along_the_links() {
    let gpu = whole_gpu();
    let index = Hnsw::new(&gpu, 7, Metric::L2).unwrap();
    index.add_rows(rows(400, 7, &Metric::L2, DType::F32, 8).rows()).unwrap();
    index.remove(&(0..40).collect::<Vec<u64>>()).unwrap();
    let flat = flat_of(&gpu, &index);
    let queries = rows(20, 7, &Metric::L2, DType::F32, 9).rows().to_f32();
    let third = IdFilter::from_fn(|id| id % 3 == 0);
    let along = walking(48).filter(third.clone());
    let found = index.search_with(Rows::F32(&queries), 5, &along).unwrap();
    let exact = SearchParams::new().filter(third);
    let exact = flat.search_with(Rows::F32(&queries), 5, &exact).unwrap();
    assert_eq!(found.stats().graph.walked, 20);
    let same = found.ids().iter().zip(exact.ids()).filter(|(ours, theirs)| ours == theirs).count();
    assert!(found.lims() == exact.lims() && same >= 95, "{same}");
}
