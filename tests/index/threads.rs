//! Eight threads search one index while a ninth changes it.

use crate::common::device::Open as _;
use crate::support::gpu;
use nearfield::reference::{Block, search};
use nearfield::{Flat, Gpu, Index, Metric, Rows, Search};
use std::sync::atomic::{AtomicUsize, Ordering};

pub const DIM: usize = 3;
const K: usize = 6;
/// Whole numbers, so that distances are exact and answers unique.
fn row(id: u64) -> [f32; DIM] {
    [id * 37 % 31, id * 11 % 29, id * 53 % 23].map(|v| v as f32)
}

/// Call number `i`: adds a batch, or removes every third id that is there.
fn apply(i: usize, batch: u64, ids: &mut Vec<u64>, index: Option<&dyn Index>) {
    if i % 3 == 2 {
        let gone: Vec<u64> = ids.iter().copied().step_by(3).collect();
        ids.retain(|id| !gone.contains(id));
        if let Some(index) = index {
            assert_eq!(index.remove(&gone).unwrap(), gone.len());
        }
        return;
    }
    let new: Vec<u64> = (i as u64 * batch..(i as u64 + 1) * batch).collect();
    ids.extend(&new);
    if let Some(index) = index {
        let rows: Vec<f32> = new.iter().flat_map(|&id| row(id)).collect();
        index.add_with_ids(Rows::F32(&rows), &new).unwrap();
    }
}

fn answers(ids: &[u64], queries: &[f32]) -> Vec<Vec<(u64, f32)>> {
    let rows: Vec<f32> = ids.iter().flat_map(|&id| row(id)).collect();
    let base = Block::new(Rows::F32(&rows), DIM).unwrap();
    let queries = Block::new(Rows::F32(queries), DIM).unwrap();
    let found = search(&Metric::L2, &queries, &base, K, |_, _| true);
    let hit = |&(row, distance): &(u64, f64)| (ids[row as usize], distance as f32);
    found.iter().map(|hits| hits.iter().map(hit).collect()).collect()
}

#[test]
fn each_result_is_right_for_some_state_between_the_calls() {
    ninth_thread(&Flat::new(&gpu(), DIM, Metric::L2).unwrap(), 40, 40);
}

/// So many rows that the binned scan answers.
#[test]
fn each_scan_is_right_for_some_state_between_the_calls() {
    let gpu = Gpu::builder().poison(true).max_segment_bytes(5000 * 16).open().unwrap();
    let index = Flat::new(&gpu, DIM, Metric::L2).unwrap();
    ninth_thread(&index, 9, 5000);
    assert!(index.len() > 10_000);
    assert!(index.search(&row(500), K).unwrap().stats().exact.scanned > 0);
}

/// Of an index of rows of three elements, without any yet, that finds every neighbour.
pub fn ninth_thread(index: &dyn Index, calls: usize, batch: u64) {
    let queries: Vec<f32> = (500..504).flat_map(row).collect();
    let mut ids = Vec::new();
    let mut states = vec![answers(&ids, &queries)];
    for i in 0..calls {
        apply(i, batch, &mut ids, None);
        states.push(answers(&ids, &queries));
    }

    let (begun, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let searches = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let from = ended.load(Ordering::SeqCst);
                    let hits = index.search(&queries, K).unwrap();
                    let to = begun.load(Ordering::SeqCst);
                    let got: Vec<_> = hits.rows().collect();
                    let right = states[from..=to].contains(&got);
                    assert!(right, "between calls {from} and {to}: {got:?}");
                    searches.fetch_add(usize::from(!hits.ids().is_empty()), Ordering::Relaxed);
                    if from == calls {
                        break;
                    }
                }
            });
        }
        scope.spawn(|| {
            let mut ids = Vec::new();
            for i in 0..calls {
                begun.store(i + 1, Ordering::SeqCst);
                apply(i, batch, &mut ids, Some(index));
                ended.store(i + 1, Ordering::SeqCst);
            }
        });
    });
    println!("{} searches of something", searches.load(Ordering::Relaxed));
    assert!(searches.load(Ordering::Relaxed) >= 8);
}

#[test]
fn changes_of_many_threads_all_arrive() {
    let index = Flat::new(&gpu(), 1, Metric::L2).unwrap();
    std::thread::scope(|scope| {
        for t in 0..4u32 {
            let index = &index;
            scope.spawn(move || {
                for i in 0..10u32 {
                    let ids = index.add(&[(t * 100 + i) as f32; 3]).unwrap();
                    assert_eq!(ids.end - ids.start, 3);
                    assert_eq!(index.remove(&[ids.start]).unwrap(), 1);
                    index.update(ids.end - 1, Rows::F32(&[(t * 100 + i) as f32])).unwrap();
                }
            });
        }
    });
    assert_eq!(index.len(), 80);
    for t in 0..4u32 {
        for i in 0..10u32 {
            let hits = index.range_search(&[(t * 100 + i) as f32], 0.5).unwrap();
            assert_eq!(hits.ids().len(), 2);
        }
    }
}
