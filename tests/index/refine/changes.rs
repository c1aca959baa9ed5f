//! Changes: both stages together, or neither.

use super::{Base, DIM, NLIST, bits, flat, numbers, refined};
use crate::common::device::{Open as _, subset};
use crate::model::random_calls;
use crate::support::{Model, Trickle, gpu, own_gpu};
use crate::threads::{self, ninth_thread};
use nearfield::{
    AddParams, CancelToken, DType, Error, Flat, Gpu, IdFilter, Index, IvfFlat, IvfSq, Matrix,
    Metric, Refine, RowSource, Rows, ScalarQuantizer, Search, SearchParams, SqType, TrainParams,
    index_factory,
};
use std::sync::Mutex;

/// First stages that find every neighbour.
#[test]
fn random_calls_do_to_both_stages_what_they_do_to_a_model() {
    let gpu = gpu();
    let flat = |metric: &Metric, dtype, dim| -> Box<dyn Index> {
        Box::new(Flat::with_dtype(&gpu, dim, metric.clone(), dtype).unwrap())
    };
    for (seed, (metric, dtype, dim)) in (21..).zip([
        (Metric::L2, DType::F32, 7),
        (Metric::Cosine, DType::F16, 5),
        (Metric::L1, DType::I8, 6),
        (Metric::Hellinger, DType::F32, 8),
    ]) {
        let base = match seed % 2 {
            // f32, whatever the rows are
            0 => flat(&metric, DType::F32, dim),
            _ => {
                let centroids: Vec<f32> = (0..4 * dim).map(|i| (i % 7) as f32 - 2.0).collect();
                let lists =
                    IvfFlat::with_centroids(&gpu, dim, metric.clone(), dtype, &centroids).unwrap();
                lists.set_nprobe(4).unwrap();
                Box::new(lists)
            }
        };
        let index = Refine::new(base, flat(&metric, dtype, dim)).unwrap();
        random_calls(&gpu, seed, if subset() { 20 } else { 40 }, Box::new(index));
    }
}

#[test]
fn searches_during_changes_see_one_state_of_both() {
    let gpu = gpu();
    let lists = [0.0, 0.0, 0.0, 20.0, 20.0, 20.0];
    let base = IvfFlat::with_centroids(&gpu, threads::DIM, Metric::L2, DType::F32, &lists).unwrap();
    base.set_nprobe(2).unwrap();
    let rows = Flat::new(&gpu, threads::DIM, Metric::L2).unwrap();
    let index = Refine::new(Box::new(base), Box::new(rows)).unwrap();
    ninth_thread(&index, 24, 40);
}

/// All rows are replaced at once, over and over: the distances of a search are all of one time.
#[test]
fn no_row_is_compared_that_is_another_by_then() {
    let gpu = gpu();
    let flat = || Box::new(Flat::new(&gpu, 1, Metric::L2).unwrap());
    let index = refined(flat(), flat(), 2.0);
    let ids: Vec<u64> = (0..100).collect();
    let at = |version: u64| -> Vec<f32> { (0..100).map(|i| (1000 * version + i) as f32).collect() };
    index.add(&at(0)).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::SeqCst) {
                    let hits = index.search(&[-1.0], 4).unwrap();
                    assert_eq!(hits.ids(), [0, 1, 2, 3]);
                    let first = hits.distances()[0].sqrt();
                    let expected: Vec<f32> = (0..4).map(|i| (first + i as f32).powi(2)).collect();
                    assert_eq!(hits.distances(), expected);
                    let (hits, rows) = index
                        .search_and_reconstruct(Rows::F32(&[-1.0]), 4, &SearchParams::new())
                        .unwrap();
                    let again: Vec<f32> = rows.iter().map(|x| (x + 1.0).powi(2)).collect();
                    assert_eq!(hits.distances(), again);
                }
            });
        }
        for version in 1..30 {
            index.update_rows(Rows::F32(&at(version)), &ids).unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
    });
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
        if self.0.at >= self.1 {
            return Err(Error::NotTrained);
        }
        self.0.next_rows(max_rows)
    }
}

#[test]
fn what_fails_in_one_stage_changes_neither() {
    let gpu = own_gpu();
    let metric = Metric::L2;
    let base = numbers(150, &metric, 1);
    for stage in Base::ALL {
        let index = refined(
            stage.index(&gpu, &metric, &base, NLIST),
            flat(&gpu, &metric, DType::F32),
            20.0,
        );
        let mut model = Model::new(&metric, DType::F32, DIM);
        index.add(&base[..100 * DIM]).unwrap();
        model.add(Rows::F32(&base[..100 * DIM]), &(0..100).collect::<Vec<_>>());
        index.remove(&[5]).unwrap();
        model.rows.remove(5);
        let before = index.base();
        let (memory, found) = (index.memory(), index.search(&base[..DIM], 30).unwrap());
        let mut bad = base[..90 * DIM].to_vec();
        bad[71 * DIM + 2] = f32::NAN;
        let ids: Vec<u64> = (500..590).collect();
        let cancel = CancelToken::new();
        cancel.cancel();
        for _ in 0..2 {
            let mut stream = Trickle::new(Rows::F32(&bad), DIM, 20);
            let error = index.add_from(&mut stream).unwrap_err();
            assert!(matches!(error, Error::NonFinite { row: 71, column: 2 }), "{stage:?}: {error}");
            let error = index.add(&bad).unwrap_err();
            assert!(matches!(error, Error::NonFinite { row: 71, column: 2 }), "{error}");
            let mut breaks = Breaks(Trickle::new(Rows::F32(&base), DIM, 20), 60);
            assert!(matches!(index.add_from(&mut breaks), Err(Error::NotTrained)));
            assert!(matches!(
                index.add_with_ids(Rows::F32(&base[..90 * DIM]), &[7; 90]),
                Err(Error::DuplicateId { id: 7 })
            ));
            assert!(index.add_with_ids(Rows::F32(&bad), &ids).is_err());
            assert!(index.update(3, Rows::F32(&bad[71 * DIM..72 * DIM])).is_err());
            assert!(matches!(
                index.update(5, Rows::F32(&base[..DIM])),
                Err(Error::UnknownId { .. })
            ));
            assert!(index.upsert(Rows::F32(&bad), &ids).is_err());
            let narrow = Trickle::new(Rows::F32(&base), 5, 20);
            let error = index.add_from(&mut { narrow }).unwrap_err();
            assert!(matches!(error, Error::DimensionMismatch { expected: DIM, actual: 5 }));
            assert!(index.add_rows(Rows::U8(&[1; DIM])).unwrap_err().to_string().contains("u8"));
            let params = AddParams::new().cancel(&cancel);
            assert!(matches!(index.add_with(Rows::F32(&base), &params), Err(Error::Cancelled)));
            let mut stream = Trickle::new(Rows::F32(&base), DIM, 20);
            assert!(matches!(index.add_from_with(&mut stream, &params), Err(Error::Cancelled)));
        }
        assert_eq!(index.memory(), memory, "{stage:?}");
        assert_eq!(index.base().len(), 99);
        assert_eq!(bits(&index.search(&base[..DIM], 30).unwrap()), bits(&found));
        if !matches!(stage, Base::Rotated) {
            model.check(&index, Rows::F32(&base[..3 * DIM]), 7, &IdFilter::All);
        }
        // what is added next has the next ids
        assert_eq!(index.add(&base[100 * DIM..]).unwrap(), 100..150);
        assert_eq!((index.len(), index.base().len(), before.len()), (149, 149, 99));
        assert_eq!(index.reconstruct(120).unwrap(), base[120 * DIM..121 * DIM]);
    }
}

/// A value that the codes of the first stage do not hold, and too little memory for the second.
#[test]
fn either_stage_may_be_the_one_that_fails() {
    let gpu = own_gpu();
    let quantizer = ScalarQuantizer::new(DIM, SqType::Fp16).unwrap();
    let codes = IvfSq::with_centroids(&gpu, Metric::L2, &quantizer, &[0.0; 2 * DIM]).unwrap();
    let index = refined(Box::new(codes), flat(&gpu, &Metric::L2, DType::F32), 1.0);
    let mut rows = numbers(40, &Metric::L2, 2);
    index.add(&rows).unwrap();
    rows[30 * DIM] = 1e9;
    for error in [
        index.add(&rows).unwrap_err(),
        index.add_from(&mut Trickle::new(Rows::F32(&rows), DIM, 7)).unwrap_err(),
        index.update_rows(Rows::F32(&rows), &(0..40).collect::<Vec<_>>()).unwrap_err(),
        index.upsert(Rows::F32(&rows), &(10..50).collect::<Vec<_>>()).unwrap_err(),
    ] {
        assert!(matches!(error, Error::InvalidValue { row: 30, .. }), "{error}");
    }
    assert_eq!((index.len(), index.base().len()), (40, 40));
    assert_eq!(index.search(&rows[..DIM], 1).unwrap().ids(), [0]);

    let gpu = Gpu::builder().memory_budget(24 << 20).open().unwrap();
    let dim = 1 << 12;
    let text = "IVF1,PQ8x4,RFlat";
    let index = index_factory(&gpu, dim, text, Metric::L2, DType::F32).unwrap();
    let rows: Vec<f32> = (0..100 * dim).map(|i| (i % 1009) as f32).collect();
    index.train(Rows::F32(&rows)).unwrap();
    index.add(&rows).unwrap();
    let many: Vec<f32> = rows.iter().copied().cycle().take(1500 * dim).collect();
    let any = index.as_any().unwrap().downcast_ref::<Refine>().unwrap();
    for error in [
        index.add(&many).unwrap_err(),
        index.add_from(&mut Trickle::new(Rows::F32(&many), dim, 100)).unwrap_err(),
    ] {
        assert!(matches!(error, Error::OutOfDeviceMemory { .. }), "{error}");
        assert_eq!((index.len(), any.base().len()), (100, 100));
    }
    assert_eq!(index.search(&rows[..dim], 1).unwrap().distances(), [0.0]);
}

#[test]
fn both_learn_grow_and_are_merged_together() {
    let gpu = gpu();
    let metric = Metric::L2;
    let base = numbers(500, &metric, 3);
    let made = || index_factory(&gpu, DIM, "IVF8,PQ4x4,RFlat", Metric::L2, DType::F32).unwrap();
    let index = made();
    assert!(!index.is_trained() && index.training_rows() >= 8 * 256);
    assert!(matches!(index.add(&base), Err(Error::NotTrained)));
    assert!(matches!(index.search(&base[..DIM], 1), Err(Error::NotTrained)));
    let cancel = CancelToken::new();
    cancel.cancel();
    let params = TrainParams::new().cancel(&cancel);
    assert!(matches!(index.train_with(Rows::F32(&base), &params), Err(Error::Cancelled)));
    assert!(!index.is_trained());
    index.train(Rows::F32(&base)).unwrap();
    assert!(index.is_trained());

    let told = std::sync::Arc::new(Mutex::new(Vec::new()));
    let shares = || {
        let told = told.clone();
        move |share: f64| told.lock().unwrap().push(share)
    };
    let rising = || {
        let told = std::mem::take(&mut *told.lock().unwrap());
        assert!(told.windows(2).all(|pair| pair[0] <= pair[1]), "{told:?}");
        assert_eq!(told.last(), Some(&1.0));
        assert_eq!(told.iter().filter(|share| **share == 1.0).count(), 1);
    };
    let params = AddParams::new().progress(shares());
    assert_eq!(index.add_with(Rows::F32(&base[..100 * DIM]), &params).unwrap(), 0..100);
    rising();
    let mut stream = Trickle::new(Rows::F32(&base[100 * DIM..200 * DIM]), DIM, 9);
    assert_eq!(index.add_from_with(&mut stream, &params).unwrap(), 100..200);
    rising();
    let matrix = Matrix::from_rows(&gpu, DIM, Rows::F32(&base[200 * DIM..300 * DIM])).unwrap();
    assert_eq!(index.add_matrix_with(&matrix, &params).unwrap(), 200..300);
    rising();
    let params = SearchParams::new().progress(shares());
    index.search_with(Rows::F32(&base[..20 * DIM]), 5, &params).unwrap();
    rising();
    assert_eq!(
        index.reconstruct_many(&[250, 3]).unwrap(),
        [&base[250 * DIM..251 * DIM], &base[3 * DIM..4 * DIM]].concat()
    );
    // rows are there that the codes are of
    assert!(index.train(Rows::F32(&base)).is_err());

    let path = tempfile::NamedTempFile::new().unwrap();
    index.write(path.path()).unwrap();
    let other = nearfield::read_index(&gpu, path.path()).unwrap();
    other.remove(&(0..300).collect::<Vec<_>>()).unwrap();
    let ids: Vec<u64> = (900..1100).collect();
    other.add_with_ids(Rows::F32(&base[300 * DIM..]), &ids).unwrap();
    assert_eq!(index.merge_from(&*other).unwrap(), 200);
    assert_eq!((index.len(), other.len()), (500, 200));
    assert_eq!(index.reconstruct(1099).unwrap(), base[499 * DIM..]);
    assert!(matches!(index.merge_from(&*other), Err(Error::DuplicateId { .. })));
    assert_eq!(index.len(), 500);
    let every = numbers(6, &metric, 4);
    let all = index.search(&every, 500).unwrap();
    assert!(all.lims().iter().all(|at| at % 500 == 0) || all.ids().len() > 6);
    let plain = flat(&gpu, &metric, DType::F32);
    let trained = made();
    trained.train(Rows::F32(&base[..300 * DIM])).unwrap();
    for (other, word) in [(&*plain, "Flat into"), (&*trained, "centroids")] {
        let error = index.merge_from(other).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

/// A filter that is prepared follows the index through changes, which are made on copies.
#[test]
fn prepared_filters_follow_changes() {
    let gpu = gpu();
    let metric = Metric::L2;
    let base = numbers(300, &metric, 5);
    let index = refined(
        Base::Lists.index(&gpu, &metric, &base, NLIST),
        flat(&gpu, &metric, DType::F32),
        2.0,
    );
    index.add(&base[..200 * DIM]).unwrap();
    let filter = IdFilter::range(20..250);
    let prepared = index.prepare_filter(filter.clone()).unwrap();
    let each = index.prepare_query_filter((0..4).map(|q| 10 * q..260).collect()).unwrap();
    let queries = Rows::F32(&base[..4 * DIM]);
    let check = || {
        for (ready, plain) in [
            (SearchParams::new().prepared(&prepared), SearchParams::new().filter(filter.clone())),
            (
                SearchParams::new().prepared(&each),
                SearchParams::new()
                    .query_filter((0..4).map(|q| 10 * q..260).collect::<nearfield::QueryFilter>()),
            ),
        ] {
            let hits = index.search_with(queries, 9, &ready).unwrap();
            assert_eq!(bits(&hits), bits(&index.search_with(queries, 9, &plain).unwrap()));
        }
    };
    check();
    index.add(&base[200 * DIM..]).unwrap();
    check();
    index.remove(&(30..200).collect::<Vec<_>>()).unwrap();
    check();
    index.set_k_factor(5.0).unwrap();
    check();
    let other = refined(
        Base::Lists.index(&gpu, &metric, &base, NLIST),
        flat(&gpu, &metric, DType::F32),
        2.0,
    );
    let params = SearchParams::new().prepared(&prepared);
    assert!(other.search_with(queries, 9, &params).is_err());
}
