//! Graphs that grow and shrink without being built anew: what they find is held against new graphs of the same rows.

use super::{Both, bits, made, walking};
use crate::common::data::Owned;
use crate::common::device::Open as _;
use crate::support::{rows, whole_gpu};
use nearfield::{DType, Error, Gpu, Graph, Index as _, Metric, Rows, Search as _};

const DIM: usize = 16;
const K: usize = 10;
/// A list that leaves room for a graph that is worse.
const EF: usize = 32;

/// A graph of rows of which half came in ten batches.
fn grown(metric: &Metric, n: usize) -> (Both, Vec<f32>) {
    let rows = made(n, DIM, metric, 21).rows().to_f32();
    let both = Both::new(&whole_gpu(), DIM, metric, DType::F32, 16);
    both.add(&rows[..n / 2 * DIM]);
    both.graph.build().unwrap();
    for piece in rows[n / 2 * DIM..].chunks(n / 20 * DIM) {
        both.add(piece);
        both.graph.build().unwrap();
    }
    (both, rows)
}

/// Holds a graph against a new one of the same rows: within two hits of a hundred.
fn as_good_as_new(both: &Both, queries: &Owned, what: &str) {
    let own = both.check(queries.rows(), K, EF);
    let few = || bits(&both.graph.search_with(queries.rows(), K, &walking(K)).unwrap());
    let (memory, found) = (both.graph.memory(), few());
    both.graph.rebuild().unwrap();
    // it is another graph
    assert!(few() != found, "{what}");
    let new = both.check(queries.rows(), K, EF);
    assert!(own >= new - 0.02, "{what}: {own}, {new} of a new one");
    // rows that no edge leads to would be starts
    assert!(memory <= both.graph.memory() * 21 / 20, "{what}");
}

#[test]
fn rows_that_come_in_batches_are_found_as_in_a_new_graph() {
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        let (both, rows) = grown(&metric, 1000);
        // and of a list that leaves no room, where a worse graph shows the most
        let few = made(100, DIM, &metric, 36);
        let old = both.check(few.rows(), K, 12);
        as_good_as_new(&both, &made(60, DIM, &metric, 22), &metric.to_string());
        if metric == Metric::L2 {
            assert_eq!(both.check(Rows::F32(&rows[800 * DIM..900 * DIM]), 1, EF), 1.0);
        }
        let new = both.check(few.rows(), K, 12);
        assert!(old >= new - 0.025, "{metric}, 12 kept: {old}, {new} of a new one");
    }
}

#[test]
fn what_is_left_around_a_hole_is_found_as_in_a_new_graph() {
    for metric in [Metric::L2, Metric::InnerProduct] {
        let rows = made(1500, DIM, &metric, 23);
        let both = Both::of(&whole_gpu(), DIM, &metric, &rows, 16);
        both.graph.build().unwrap();
        let first = rows.rows().slice(DIM, 3..4).to_f32();
        let near = both.flat.search(&first, 1050).unwrap();
        both.remove(near.ids());
        both.graph.build().unwrap();
        as_good_as_new(&both, &made(60, DIM, &metric, 24), &format!("a hole, {metric}"));
        // a few at a time, whose places are left, until they are too many
        for part in 0..4 {
            let some: Vec<u64> = both.flat.ids().into_iter().filter(|id| id % 10 == part).collect();
            both.remove(&some);
            both.check(rows.rows().slice(DIM, 0..10), K, EF);
        }
        as_good_as_new(&both, &made(60, DIM, &metric, 25), &format!("in parts, {metric}"));
    }
}

#[test]
fn changes_that_come_before_a_search_are_made_good_together() {
    let (both, rows) = grown(&Metric::L2, 400);
    let new = made(150, DIM, &Metric::L2, 26).rows().to_f32();
    let other = vec![3.0; DIM];
    for index in both.each() {
        index.add(&new[..50 * DIM]).unwrap();
        index.remove(&(0..150).step_by(2).collect::<Vec<u64>>()).unwrap();
        index.update(333, Rows::F32(&other)).unwrap();
        index.add(&new[50 * DIM..]).unwrap();
        index.remove(&[410, 411]).unwrap();
    }
    assert_eq!(both.check(Rows::F32(&new), 1, EF), 1.0);
    assert_eq!(both.check(Rows::F32(&rows[..150 * DIM]), 3, 64), 1.0);
    let found = both.graph.search_with(Rows::F32(&other), 1, &walking(EF)).unwrap();
    assert_eq!((found.ids(), found.stats().graph.walked), (&[333][..], 1));
    as_good_as_new(&both, &made(40, DIM, &Metric::L2, 27), "together");
}

#[test]
fn searches_that_began_before_a_change_see_the_graph_of_then() {
    let (both, rows) = grown(&Metric::L2, 300);
    let queries = Rows::F32(&rows[..20 * DIM]);
    let before = both.graph.search_with(queries, K, &walking(EF)).unwrap();
    let pending = both.graph.submit(queries, K, &walking(EF)).unwrap();
    both.add(&rows[..20 * DIM]);
    both.remove(&(0..10).collect::<Vec<u64>>());
    both.graph.build().unwrap();
    assert_eq!(bits(&pending.wait().unwrap()), bits(&before));
    let after = both.graph.search_with(queries, 1, &walking(EF)).unwrap();
    assert!((0..10).all(|q| after.row(q).next().unwrap().0 == 300 + q as u64));
}

#[test]
fn a_graph_that_grew_is_written_and_grows_on_when_it_is_read() {
    let (both, rows) = grown(&Metric::Cosine, 300);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph.nf");
    // rows that are removed and stay in their places are not in the file, and neither are edges to them
    both.remove(&[4, 8, 290]);
    both.add(&rows[..20 * DIM]);
    both.graph.write(&path).unwrap();
    let again = Graph::read(&whole_gpu(), &path).unwrap();
    let memory = again.memory();
    again.build().unwrap();
    assert_eq!(memory, again.memory());
    let read = Both { graph: again, flat: both.flat };
    as_good_as_new(&read, &made(40, DIM, &Metric::Cosine, 28), "read");
    let more = made(60, DIM, &Metric::Cosine, 29).rows().to_f32();
    read.add(&more);
    assert_eq!(read.check(Rows::F32(&more), 1, EF), 1.0);
}

#[test]
fn graphs_of_any_floats_and_in_several_segments_grow_too() {
    for dtype in [DType::F16, DType::Bf16] {
        let both = Both::of(&whole_gpu(), DIM, &Metric::L2, &all(200, dtype, 31), 16);
        both.graph.build().unwrap();
        let more = all(60, dtype, 32);
        for index in both.each() {
            index.remove(&(0..100).step_by(2).collect::<Vec<u64>>()).unwrap();
            index.add_rows(more.rows()).unwrap();
        }
        assert_eq!(both.check(more.rows(), 1, EF), 1.0, "{dtype}");
        assert!(both.check(all(20, dtype, 33).rows(), K, EF) > 0.95, "{dtype}");
    }
    let cut = Gpu::builder().poison(true).max_segment_bytes(128 * 64).open().unwrap();
    let (base, more) = (all(150, DType::F32, 34), all(50, DType::F32, 35));
    let answers = [&cut, &whole_gpu()].map(|gpu| {
        let both = Both::of(gpu, DIM, &Metric::L2, &base, 16);
        // of eight storage buffers two are those of rows
        both.graph.build().ok()?;
        both.add(&more.rows().to_f32());
        both.remove(&(0..150).step_by(3).collect::<Vec<u64>>());
        Some(bits(&both.graph.search_with(more.rows(), K, &walking(EF)).unwrap()))
    });
    if let [Some(cut), Some(whole)] = answers {
        assert_eq!(cut, whole);
    }
}

fn all(n: usize, dtype: DType, seed: u64) -> Owned {
    rows(n, DIM, &Metric::L2, dtype, seed)
}

#[test]
fn a_new_graph_is_made_where_there_can_be_one() {
    let graph = Graph::new(&whole_gpu(), DIM, Metric::L2).unwrap();
    graph.build().unwrap();
    graph.rebuild().unwrap();
    graph.add(&made(30, DIM, &Metric::L2, 30).rows().to_f32()).unwrap();
    let rows = graph.memory();
    graph.rebuild().unwrap();
    assert!(graph.memory() > rows);
    let found = graph.search_with(Rows::F32(&[0.5; DIM]), 5, &walking(EF)).unwrap();
    graph.rebuild().unwrap();
    let again = graph.search_with(Rows::F32(&[0.5; DIM]), 5, &walking(EF)).unwrap();
    assert_eq!(bits(&found), bits(&again));
    let none = Graph::new(&whole_gpu(), DIM, Metric::L1).unwrap();
    none.add(&[0.5; DIM]).unwrap();
    for outcome in [none.build(), none.rebuild()] {
        match outcome {
            Err(Error::Unsupported { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}
