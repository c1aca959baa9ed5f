//! Rows on their way to the device, checked and copied on several threads.

use crate::common::device::{Open as _, subset};
use crate::support::Trickle;
use nearfield::{Error, Flat, Gpu, Index, Metric, Rows, Search};
use rayon::prelude::*;

const DIM: usize = 6;
/// Of several blocks and many pieces, whatever a piece is.
const ROWS: usize = 200_000;

fn gpu(budget: u64) -> Gpu {
    Gpu::builder().poison(true).memory_budget(budget).open().unwrap()
}

fn rows() -> Vec<f32> {
    (0..ROWS * DIM).map(|i| (i % 9973) as f32 + 1.0).collect()
}

#[test]
fn the_first_bad_row_is_named_whichever_thread_meets_it() {
    let gpu = gpu(64 << 20);
    for metric in [Metric::L2, Metric::Correlation] {
        let index = Flat::new(&gpu, DIM, metric.clone()).unwrap();
        for first in [0, 31_337, 150_001] {
            let mut bad = rows();
            for row in [first, first + 1, first + 20_000, ROWS - 1] {
                bad[row * DIM + row % DIM] = if row % 2 == 0 { f32::NAN } else { f32::INFINITY };
            }
            for step in [ROWS, 70_000] {
                let mut stream = Trickle::new(Rows::F32(&bad), DIM, step);
                let error = index.add_from(&mut stream).unwrap_err();
                let named = |row, column| (row, column) == (first as u64, first % DIM);
                assert!(matches!(error, Error::NonFinite { row, column } if named(row, column)));
            }
        }
        assert_eq!(index.len(), 0);
    }
}

#[test]
fn rows_of_many_pieces_come_back_as_they_went() {
    let index = Flat::new(&gpu(64 << 20), DIM, Metric::L2).unwrap();
    let rows = rows();
    assert_eq!(index.add(&rows[..DIM]).unwrap(), 0..1);
    assert_eq!(index.add(&rows).unwrap(), 1..ROWS as u64 + 1);
    for row in (0..ROWS).step_by(9_999).chain([ROWS - 1]) {
        let own = &rows[row * DIM..][..DIM];
        assert_eq!(index.reconstruct(row as u64 + 1).unwrap(), own);
    }
    // Rows repeat, and the first of equal ones is found: the row of id 0 is the first of all.
    assert_eq!(index.search(&rows[..DIM], 3).unwrap().ids()[..2], [0, 1]);
}

/// Neither a worker that waits inside of a change nor one that waits for a change may stop the others.
#[test]
fn workers_and_threads_change_one_index_at_a_time() {
    // room also for what searches and changes hold of the states before
    let index = Flat::new(&gpu(512 << 20), DIM, Metric::L2).unwrap();
    let rows = &rows()[..40_000 * DIM];
    // what the host does is the same on every driver: on those of the subset it is done less often
    let others = if subset() { 4 } else { 16 };
    std::thread::scope(|scope| {
        let workers = scope.spawn(|| {
            (0..others).into_par_iter().for_each(|_| {
                index.add(rows).unwrap();
            });
        });
        for _ in 0..4 {
            index.add(rows).unwrap();
            assert_eq!(index.search(&rows[..DIM], 1).unwrap().ids(), [0]);
        }
        workers.join().unwrap();
    });
    assert_eq!(index.len(), (others + 4) * 40_000);
}
