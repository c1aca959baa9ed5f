//! A call that fails leaves the index as it was.

use crate::common::device::Open as _;
use crate::support::{Model, Trickle, gpu, index, rows};
use nearfield::{
    AddParams, CancelToken, DType, Error, Flat, Gpu, IdFilter, Index, Matrix, Metric, RowSource,
    Rows, Search, SearchParams,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn bad_values_in_a_later_block_change_nothing() {
    let gpu = gpu();
    for metric in [Metric::L2, Metric::Cosine, Metric::Hellinger] {
        let (dtype, dim) = (DType::F32, 3);
        let mut model = Model::new(&metric, dtype, dim);
        let index = index(&gpu, dim, &metric, dtype);
        let good = rows(100, dim, &metric, dtype, 1);
        index.add_rows(good.rows()).unwrap();
        model.add(good.rows(), &(0..100).collect::<Vec<_>>());
        let mut bad = rows(90, dim, &metric, dtype, 2).rows().to_f32();
        bad[71 * dim + 2] = f32::NAN;
        let memory = index.memory();
        for _ in 0..3 {
            let mut stream = Trickle::new(Rows::F32(&bad), dim, 20);
            let error = index.add_from(&mut stream).unwrap_err();
            assert!(matches!(error, Error::NonFinite { row: 71, column: 2 }), "{error}");
            let error = index.add_with_ids(Rows::F32(&bad), &vec![500; 90]).unwrap_err();
            assert!(matches!(error, Error::DuplicateId { id: 500 }), "{error}");
            let ids: Vec<u64> = (500..590).collect();
            assert!(index.add_with_ids(Rows::F32(&bad), &ids).is_err());
            assert!(index.update(3, Rows::F32(&bad[71 * dim..72 * dim])).is_err());
            assert!(index.search(&bad, 1).is_err());
        }
        assert_eq!(index.memory(), memory);
        model.check(&*index, good.rows().slice(dim, 0..3), 7, &IdFilter::All);
        // And what is added next has the next ids, in the place that the failed rows had.
        assert_eq!(index.add_rows(good.rows()).unwrap(), 100..200);
        model.add(good.rows(), &(100..200).collect::<Vec<_>>());
        model.check(&*index, good.rows().slice(dim, 0..3), 150, &IdFilter::All);
    }
}

/// Fails after some rows.
struct Breaks<'a>(Trickle<'a>, usize);

impl RowSource for Breaks<'_> {
    fn dtype(&self) -> DType {
        self.0.dtype()
    }

    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn remaining(&self) -> Option<u64> {
        Some(1_000_000)
    }

    fn next_rows(&mut self, max_rows: usize) -> nearfield::Result<Option<Rows<'_>>> {
        if self.0.at >= self.1 { Err(Error::Cancelled) } else { self.0.next_rows(max_rows) }
    }
}

#[test]
fn a_stream_that_breaks_changes_nothing() {
    let index = Flat::new(&gpu(), 2, Metric::L2).unwrap();
    index.add(&[1.0; 20]).unwrap();
    let more = [2.0; 400];
    let mut stream = Breaks(Trickle::new(Rows::F32(&more), 2, 30), 120);
    assert!(matches!(index.add_from(&mut stream), Err(Error::Cancelled)));
    // It said that there would be many rows: as many ids do not match.
    assert!(matches!(
        index.add_from_with(&mut stream, &AddParams::new().ids(&[100, 101])),
        Err(Error::InvalidArgument { .. })
    ));
    assert_eq!((index.len(), index.add(&[3.0; 2]).unwrap()), (10, 10..11));
    let mut other = Trickle::new(Rows::F32(&more), 4, 30);
    assert!(matches!(index.add_from(&mut other), Err(Error::DimensionMismatch { .. })));
    let mut other = Trickle::new(Rows::I8(&[0; 2]), 2, 30);
    assert!(matches!(index.add_from(&mut other), Err(Error::InvalidArgument { .. })));
}

#[test]
fn a_budget_that_is_too_small_changes_nothing() {
    let gpu = Gpu::builder().poison(true).memory_budget(3 << 20).open().unwrap();
    let dim = 64;
    let index = Flat::new(&gpu, dim, Metric::L2).unwrap();
    let rows: Vec<f32> = (0..1000 * dim).map(|i| (i % 65_537) as f32).collect();
    index.add(&rows).unwrap();
    let before = index.search(&rows[..dim * 4], 5).unwrap();
    for _ in 0..3 {
        let error = index.add(&vec![1.0; 20_000 * dim]).unwrap_err();
        assert!(matches!(error, Error::OutOfDeviceMemory { .. }), "{error}");
    }
    assert_eq!(index.len(), 1000);
    let after = index.search(&rows[..dim * 4], 5).unwrap();
    assert_eq!((before.ids(), before.distances()), (after.ids(), after.distances()));
    assert_eq!(index.add(&rows[..dim]).unwrap(), 1000..1001);
    assert_eq!(index.search(&rows[..dim], 2).unwrap().ids(), [0, 1000]);
    drop(index);
    // But for what the device keeps mapped for the next upload.
    assert!(gpu.memory().labels.iter().all(|l| l.label == "staging"), "{}", gpu.memory());
}

#[test]
fn removing_needs_no_room_for_what_is_left() {
    let gpu = Gpu::builder().poison(true).memory_budget(3 << 20).open().unwrap();
    let (n, dim) = (4000, 64);
    let index = Flat::new(&gpu, dim, Metric::L2).unwrap();
    let rows: Vec<f32> = (0..n * dim).map(|i| (i % 65_537) as f32).collect();
    index.add(&rows).unwrap();
    let ids: Vec<u64> = (0..n as u64).collect();
    let mut others = Vec::new();
    while gpu.memory().in_use < (3 << 20) - (250 << 10) {
        others.push(Matrix::from_rows(&gpu, 1024, Rows::U8(&[0; 16 << 10])).unwrap());
    }
    let full = index.memory();
    assert_eq!(index.remove(&ids[..3000]).unwrap(), 3000);
    assert_eq!((index.len(), index.memory()), (1000, full));
    assert_eq!(index.search(&rows[..dim], 1).unwrap().ids().len(), 1);
    drop(others);
    // With room again, the next removal moves the rest together.
    assert_eq!(index.remove(&ids[..3001]).unwrap(), 1);
    assert!(index.memory() < full / 3);
    assert_eq!(index.search(&rows[3500 * dim..3501 * dim], 1).unwrap().ids(), [3500]);
}

#[test]
fn a_search_may_be_cancelled_and_tells_its_progress() {
    let index = Flat::new(&gpu(), 2, Metric::L2).unwrap();
    index.add(&[1.0; 2000]).unwrap();
    let token = CancelToken::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let params = SearchParams::new().cancel(&token).progress(move |share| {
        assert!((0.0..=1.0).contains(&share));
        counter.fetch_add(1, Ordering::Relaxed);
    });
    index.search_with(Rows::F32(&[0.0; 40]), 3, &params).unwrap();
    assert!(calls.load(Ordering::Relaxed) > 0);
    token.cancel();
    let error = index.search_with(Rows::F32(&[0.0; 40]), 3, &params).unwrap_err();
    assert!(matches!(error, Error::Cancelled));
    assert!(matches!(
        index.range_search_with(Rows::F32(&[0.0; 2]), 3.0, &params),
        Err(Error::Cancelled)
    ));
    assert_eq!(index.search(&[0.0; 2], 3).unwrap().ids(), [0, 1, 2]);
}
