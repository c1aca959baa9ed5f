//! Searches in flight: awaited, waited for, dropped, many at once.

use crate::support::{gpu, own_gpu};
use nearfield::{Flat, Gpu, Index, Metric, Rows, Search, SearchParams};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

fn index(gpu: &Gpu, n: usize) -> (Flat, Vec<f32>) {
    let rows: Vec<f32> = (0..n * 2).map(|i| (i % 173) as f32).collect();
    let index = Flat::new(gpu, 2, Metric::L2).unwrap();
    index.add(&rows).unwrap();
    (index, rows)
}

/// Device memory that is neither pooled nor staging, which the device keeps for the next call.
pub fn held(gpu: &Gpu) -> u64 {
    let labels = gpu.memory().labels;
    labels.iter().filter(|l| l.label != "staging").map(|l| l.bytes).sum()
}

#[test]
fn a_future_and_a_wait_bring_the_same() {
    let (index, rows) = index(&gpu(), 700);
    let queries = Rows::F32(&rows[..80]);
    let params = SearchParams::new();
    let waited = index.search_with(queries, 9, &params).unwrap();
    let awaited = pollster::block_on(index.submit(queries, 9, &params).unwrap()).unwrap();
    assert_eq!((waited.ids(), waited.distances()), (awaited.ids(), awaited.distances()));
    let waited = index.range_search_with(queries, 50.0, &params).unwrap();
    let awaited = index.submit_range(queries, 50.0, &params).unwrap();
    let awaited = pollster::block_on(awaited).unwrap();
    assert_eq!((waited.ids(), waited.lims()), (awaited.ids(), awaited.lims()));
    assert!(!waited.ids().is_empty());
}

#[test]
fn several_are_in_flight_and_end_in_any_order() {
    let (index, rows) = index(&gpu(), 700);
    let params = SearchParams::new();
    let pending: Vec<_> = (0..12)
        .map(|i| (i, index.submit(Rows::F32(&rows[i * 2..i * 2 + 2]), 1 + i, &params).unwrap()))
        .collect();
    for (i, pending) in pending.into_iter().rev() {
        let hits = match i % 2 {
            0 => pending.wait().unwrap(),
            _ => pollster::block_on(pending).unwrap(),
        };
        assert_eq!((hits.ids().len(), hits.ids()[0], hits.distances()[0]), (1 + i, i as u64, 0.0));
    }
    let all = (0..20).map(|_| index.submit(Rows::F32(&rows[..2]), 1, &params).unwrap());
    let all = pollster::block_on(futures::future::try_join_all(all)).unwrap();
    assert!(all.iter().all(|hits| hits.ids() == [0]));
}

#[test]
fn a_pending_search_sees_the_index_as_it_was() {
    let (index, rows) = index(&gpu(), 200);
    let search = || index.submit(Rows::F32(&rows[..2]), 500, &SearchParams::new()).unwrap();
    let first = search();
    index.remove(&[0]).unwrap();
    let second = search();
    index.add(&rows[..2]).unwrap();
    let third = search();
    index.update(1, Rows::F32(&rows[..2])).unwrap();
    let fourth = search();
    index.remove(&(0..200).collect::<Vec<_>>()).unwrap();
    let counts = [first, second, third, fourth, search()].map(|pending| {
        let hits = pending.wait().unwrap();
        (hits.ids().len(), hits.ids()[0])
    });
    // Row 173 equals row 0: the pattern repeats.
    assert_eq!(counts, [(200, 0), (199, 173), (200, 173), (200, 1), (1, 200)]);
}

#[test]
fn a_dropped_search_frees_what_it_held() {
    let gpu = own_gpu();
    let (index, rows) = index(&gpu, 700);
    let params = SearchParams::new();
    for gone in [600, 1] {
        let kept = held(&gpu);
        let before = index.memory();
        drop(index.submit(Rows::F32(&rows), 100, &params).unwrap());
        let mut polled = index.submit(Rows::F32(&rows), 3, &params).unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let _ = Pin::new(&mut polled).poll(&mut context);
        let _ = Pin::new(&mut polled).poll(&mut context);
        drop(polled);
        assert_eq!((held(&gpu), index.memory()), (kept, before));
        // A search in flight keeps the snapshot that it runs on, and nothing keeps it longer.
        let pending = index.submit(Rows::F32(&rows[..2]), 1, &params).unwrap();
        index.remove(&(0..gone).collect::<Vec<_>>()).unwrap();
        drop(pending);
    }
    assert_eq!(index.search(&rows[..2], 1).unwrap().ids().len(), 1);
}
