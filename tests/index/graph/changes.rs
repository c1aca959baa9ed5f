//! Graphs of rows that change: what was removed is never found, what was added is, and a file is as good as the index.

use super::{Both, bits, made, walking};
use crate::support::whole_gpu;
use nearfield::{
    DType, Error, Graph, IdFilter, Index, IndexInfo, Metric, Rows, Search, SearchParams,
    index_factory, read_index,
};

const DIM: usize = 8;

fn both(metric: &Metric, n: usize, seed: u64) -> (Both, Vec<f32>) {
    let base = made(n, DIM, metric, seed);
    let rows = base.rows().to_f32();
    (Both::of(&whole_gpu(), DIM, metric, &base, 16), rows)
}

#[test]
fn rows_that_were_removed_are_not_found_and_the_others_are() {
    for metric in [Metric::L2, Metric::InnerProduct] {
        let (both, rows) = both(&metric, 500, 1);
        both.check(Rows::F32(&rows[..20 * DIM]), 5, 32);
        // a few, whose places in the graph are left, and most of them around one row, of which there is another graph
        let some: Vec<u64> = (0..40).map(|i| i * 7).collect();
        both.remove(&some);
        assert!(both.check(Rows::F32(&rows[..60 * DIM]), 5, 64) > 0.95);
        let near = both.flat.search(&rows[3 * DIM..4 * DIM], 300).unwrap();
        both.remove(near.ids());
        assert!(both.check(Rows::F32(&rows[..60 * DIM]), 5, 64) > 0.95);
        let left = both.flat.ids();
        both.remove(&left);
        let none = both.graph.search_with(Rows::F32(&rows[..DIM]), 3, &walking(8)).unwrap();
        assert_eq!(none.row(0).count(), 0);
    }
}

#[test]
fn rows_that_were_added_or_replaced_are_found() {
    let (both, _) = both(&Metric::L2, 300, 2);
    let more = made(200, DIM, &Metric::L2, 3).rows().to_f32();
    for (at, piece) in more.chunks(50 * DIM).enumerate() {
        both.add(piece);
        assert_eq!(both.check(Rows::F32(piece), 1, 32), 1.0, "{at}");
    }
    let new = vec![9.0; DIM];
    for index in both.each() {
        index.update(123, Rows::F32(&new)).unwrap();
    }
    let found = both.graph.search_with(Rows::F32(&new), 1, &walking(16)).unwrap();
    assert_eq!(found.ids(), [123]);
    let other = made(100, DIM, &Metric::L2, 4);
    let theirs = Both::of(&whole_gpu(), DIM, &Metric::L2, &other, 16);
    let ids: Vec<u64> = (1000..1100).collect();
    let again = Both::new(&whole_gpu(), DIM, &Metric::L2, DType::F32, 16);
    for (index, from) in again.each().iter().zip(theirs.each()) {
        let rows = from.reconstruct_many(&from.ids()).unwrap();
        index.add_with_ids(Rows::F32(&rows), &ids).unwrap();
    }
    both.graph.merge_from(&again.graph).unwrap();
    both.flat.merge_from(&again.flat).unwrap();
    assert_eq!(both.check(other.rows(), 1, 32), 1.0);
}

#[test]
fn rows_are_added_behind_those_that_were_removed() {
    let (both, rows) = both(&Metric::L2, 64, 8);
    both.graph.build().unwrap();
    both.remove(&[0, 63]);
    let more = made(70, DIM, &Metric::L2, 9).rows().to_f32();
    both.add(&more);
    assert_eq!(both.check(Rows::F32(&more), 1, 32), 1.0);
    both.remove(&[5, 100]);
    both.check(Rows::F32(&rows[..20 * DIM]), 4, 32);
}

#[test]
fn files_keep_rows_edges_and_what_a_search_keeps() {
    let (both, rows) = both(&Metric::Cosine, 200, 5);
    both.graph.set_ef(48).unwrap();
    both.graph.remove(&[3, 5, 8]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph.nf");
    both.graph.write(&path).unwrap();
    assert_eq!(IndexInfo::read(&path).unwrap().kind, "Graph");
    let again = Graph::read(&whole_gpu(), &path).unwrap();
    assert_eq!((again.degree(), again.ef(), again.len()), (16, 48, 197));
    assert_eq!(again.ids(), both.graph.ids());
    again.build().unwrap();
    let found = again.search_with(Rows::F32(&rows[..90 * DIM]), 3, &walking(64)).unwrap();
    assert!(!found.ids().iter().any(|id| [3, 5, 8].contains(id)));
    let any = read_index(&whole_gpu(), &path).unwrap();
    assert_eq!(any.description(), "CAGRA16");
    let bytes = std::fs::read(&path).unwrap();
    for at in (0..bytes.len()).step_by(41) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        std::fs::write(&path, &damaged).unwrap();
        assert!(Graph::read(&whole_gpu(), &path).is_err(), "byte {at}");
    }
}

#[test]
fn what_the_graph_does_not_answer_the_exact_search_does() {
    let (both, rows) = both(&Metric::L2, 300, 6);
    let queries = Rows::F32(&rows[..7 * DIM]);
    let third = SearchParams::new().filter(IdFilter::from_fn(|id| id % 3 == 0));
    for params in [SearchParams::new(), third, SearchParams::new().exclude_self()] {
        if params.exclude.is_some() {
            continue;
        }
        let [ours, theirs] =
            both.each().map(|index| index.search_with(queries, 9, &params).unwrap());
        assert_eq!(bits(&ours), bits(&theirs));
        assert_eq!((ours.stats().graph.exact, ours.stats().graph.walked), (7, 0));
    }
    let [ours, theirs] = both.each().map(|index| index.range_search(&rows[..DIM], 4.0).unwrap());
    assert_eq!(ours.ids(), theirs.ids());
    // of every metric and type that a flat index has
    let gpu = whole_gpu();
    for (metric, dtype) in [(Metric::L1, DType::F32), (Metric::L2, DType::U8)] {
        let base = crate::support::rows(80, DIM, &metric, dtype, 7);
        let both = Both::of(&gpu, DIM, &metric, &base, 16);
        let [ours, theirs] = both
            .each()
            .map(|index| index.search_with(base.rows(), 3, &SearchParams::new()).unwrap());
        assert_eq!(bits(&ours), bits(&theirs), "{metric} {dtype}");
        for made in [both.graph.build(), both.graph.rebuild()] {
            match made {
                Err(Error::Unsupported { .. }) => assert_eq!(metric, Metric::L1),
                other => assert!(other.is_ok() && metric == Metric::L2, "{dtype}: {other:?}"),
            }
        }
    }
    // a query that may not find itself
    let mut params = walking(32);
    params = params.exclude(vec![0]);
    let found = both.graph.search_with(Rows::F32(&rows[..DIM]), 4, &params).unwrap();
    assert!(found.row(0).count() == 4 && found.row(0).all(|(id, _)| id != 0));
    assert_eq!(found.stats().graph.walked, 1);
    let index = index_factory(&gpu, DIM, "CAGRA32", Metric::L2, DType::F32).unwrap();
    assert_eq!(index.description(), "CAGRA32");
}
