//! Adding that tells its progress, and that somebody ends.

use crate::common::device::Open as _;
use crate::support::{Trickle, gpu};
use nearfield::{
    AddParams, CancelToken, DType, Error, Flat, Gpu, Index, Metric, RowSource, Rows, Search,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

fn told() -> (Arc<Mutex<Vec<f64>>>, impl Fn(f64) + Send + Sync + 'static) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let shares = Arc::clone(&told);
    (told, move |share| shares.lock().unwrap().push(share))
}

#[test]
fn progress_rises_with_the_rows_and_ends_with_one() {
    // of 48 MiB, more than one block
    let gpu = Gpu::builder().open().unwrap();
    let (n, dim) = (3 << 18, 16);
    let rows = vec![0.5; n * dim];
    for metric in [Metric::L1, Metric::Correlation] {
        let index = Flat::new(&gpu, dim, metric).unwrap();
        let (told, tell) = told();
        let params = AddParams::new().progress(tell);
        assert_eq!(index.add_with(Rows::F32(&rows), &params).unwrap(), 0..n as u64);
        let told = told.lock().unwrap();
        assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "{told:?}");
        assert!(told.len() > 1 && told[0] < 1.0 && told.last() == Some(&1.0), "{told:?}");
    }
}

#[test]
fn progress_is_one_at_the_end_of_any_source() {
    let index = Flat::new(&gpu(), 1, Metric::L2).unwrap();
    let values = [1.0; 100];
    // without a length, and without rows
    for (n, step) in [(100, 30), (0, 1)] {
        let (told, tell) = told();
        let mut source = Trickle::new(Rows::F32(&values[..n]), 1, step);
        index.add_from_with(&mut source, &AddParams::new().progress(tell)).unwrap();
        assert_eq!(*told.lock().unwrap(), [1.0]);
    }
    // one that has more rows than it said
    let (told, tell) = told();
    let mut source = Says(Trickle::new(Rows::F32(&values), 1, 10), 40);
    index.add_from_with(&mut source, &AddParams::new().progress(tell)).unwrap();
    assert_eq!(*told.lock().unwrap(), [0.25, 0.5, 0.75, 1.0]);
    // a call that fails does not tell that all is done
    let (told, tell) = self::told();
    let mut source = Says(Trickle::new(Rows::F32(&[f32::NAN]), 1, 1), 1);
    index.add_from_with(&mut source, &AddParams::new().progress(tell)).unwrap_err();
    assert!(told.lock().unwrap().is_empty());
    assert_eq!(index.len(), 200);
}

/// A stream that says how many rows it has, truly or not.
struct Says<'a>(Trickle<'a>, u64);

impl RowSource for Says<'_> {
    fn dtype(&self) -> DType {
        self.0.dtype()
    }

    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn remaining(&self) -> Option<u64> {
        Some(self.1)
    }

    fn next_rows(&mut self, max_rows: usize) -> nearfield::Result<Option<Rows<'_>>> {
        self.0.next_rows(max_rows)
    }
}

#[test]
fn given_ids_go_with_a_stream_and_are_not_returned() {
    let index = Flat::new(&gpu(), 1, Metric::L2).unwrap();
    let mut source = Trickle::new(Rows::F32(&[1.0, 2.0, 3.0]), 1, 2);
    let given = index.add_from_with(&mut source, &AddParams::new().ids(&[9, 4, 6])).unwrap();
    assert!(given.is_empty());
    assert_eq!((index.ids(), index.add(&[4.0]).unwrap()), (vec![9, 4, 6], 10..11));
}

/// Rows without end.
struct Endless {
    block: Vec<f32>,
    blocks: Arc<AtomicUsize>,
}

impl RowSource for Endless {
    fn dtype(&self) -> DType {
        DType::F32
    }

    fn dim(&self) -> usize {
        4
    }

    fn remaining(&self) -> Option<u64> {
        Some(1 << 20)
    }

    fn next_rows(&mut self, _: usize) -> nearfield::Result<Option<Rows<'_>>> {
        self.blocks.fetch_add(1, Ordering::Relaxed);
        Ok(Some(Rows::F32(&self.block)))
    }
}

#[test]
fn another_thread_ends_a_large_add_and_nothing_has_changed() {
    let gpu = Gpu::builder().poison(true).memory_budget(1 << 30).open().unwrap();
    for metric in [Metric::L2, Metric::Correlation] {
        let index = Flat::new(&gpu, 4, metric).unwrap();
        index.add(&[1.0, 2.0, 3.0, 5.0]).unwrap();
        let (memory, before) = (index.memory(), index.search(&[1.0; 4], 2).unwrap());
        let (tell, listen) = mpsc::channel();
        let (cancel, blocks) = (CancelToken::new(), Arc::new(AtomicUsize::new(0)));
        let mut source = Endless { block: vec![0.5, 1.0, 2.0, 3.0], blocks: Arc::clone(&blocks) };
        std::thread::scope(|scope| {
            let (token, index, blocks) = (cancel.clone(), &index, &blocks);
            scope.spawn(move || {
                // the add is under way, and searches go on beside it
                let share: f64 = listen.recv().unwrap();
                assert!(share > 0.0 && share < 1.0);
                assert_eq!(index.search(&[1.0; 4], 2).unwrap().ids(), [0]);
                while blocks.load(Ordering::Relaxed) < 2 {
                    std::thread::yield_now();
                }
                token.cancel();
            });
            let tell = Mutex::new(tell);
            let tell = move |share: f64| {
                if share > 0.0 {
                    let _ = tell.lock().unwrap().send(share);
                }
            };
            let params = AddParams::new().cancel(&cancel).progress(tell);
            let error = index.add_from_with(&mut source, &params).unwrap_err();
            assert!(matches!(error, Error::Cancelled), "{error}");
        });
        assert!(blocks.load(Ordering::Relaxed) > 1);
        assert_eq!((index.len(), index.memory()), (1, memory));
        let after = index.search(&[1.0; 4], 2).unwrap();
        assert_eq!((before.ids(), before.distances()), (after.ids(), after.distances()));
        assert_eq!(index.add(&[1.0, 2.0, 3.0, 6.0]).unwrap(), 1..2);
    }
}

/// A token that was cancelled before ends every call that has it, before the first row and after the last.
#[test]
fn a_cancelled_token_adds_nothing() {
    let index = Flat::new(&gpu(), 1, Metric::L2).unwrap();
    let cancel = CancelToken::new();
    cancel.cancel();
    for rows in [&[][..], &[1.0, 2.0]] {
        let error = index.add_with(Rows::F32(rows), &AddParams::new().cancel(&cancel)).unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error}");
    }
    // cancelled between blocks, and when all rows but not yet the end of the source were there
    for (blocks, said) in [(3, 6), (1, 4)] {
        let cancel = CancelToken::new();
        let token = cancel.clone();
        let params = AddParams::new().cancel(&cancel).progress(move |_| token.cancel());
        let mut source = Says(Trickle::new(Rows::F32(&[1.0; 6][..2 * blocks]), 1, 2), said);
        assert!(matches!(index.add_from_with(&mut source, &params), Err(Error::Cancelled)));
        assert_eq!((index.len(), source.0.at), (0, 2));
    }
}
