//! Histories: what was added, updated, removed, compacted, written, read, trained anew and merged is found as if it had been there
//! from the beginning, and no search sees half of a change.

use super::oracle::{Asked, Twin, asked, bits, probing};
use crate::common::data::Random;
use crate::common::device::subset;
use crate::support::{Trickle, gpu, rows};
use nearfield::{
    AddParams, DType, Error, IdFilter, Index, IvfFlat, Matrix, Metric, Rows, Search, SearchParams,
};

fn cases() -> Vec<(Metric, DType, usize)> {
    vec![
        (Metric::L2, DType::F32, 7),
        (Metric::Cosine, DType::F16, 5),
        (Metric::InnerProduct, DType::U8, 9),
        (Metric::L1, DType::I8, 6),
        (Metric::NanEuclidean, DType::Bf16, 6),
        (Metric::Correlation, DType::F32, 8),
    ]
}

#[test]
fn any_history_is_searched_as_the_rows_that_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let all = cases();
    let step = if subset() { 3 } else { 1 };
    for (seed, (metric, dtype, dim)) in (31..).zip(all).step_by(step) {
        let mut random = Random::new(seed);
        let sample = rows(200, dim, &metric, dtype, seed);
        let nlist = 11;
        let mut twin = Twin::trained(&gpu(), &metric, dim, nlist, sample.rows());
        let queries = rows(4, dim, &metric, dtype, 900 + seed);
        for step in 0..16 {
            change(&mut twin, &mut random, &path);
            let nprobe = 1 + random.below(nlist as u64) as usize;
            let k = [1, 5, 64, 1000][random.below(4) as usize];
            let odd = IdFilter::from_fn(|id| id % 2 == 1);
            let filter = if random.below(3) == 0 { &odd } else { &IdFilter::All };
            println!("{metric} {dtype}, step {step}: {} rows", twin.model.rows.len());
            twin.check(queries.rows(), Asked { filter, ..asked(nprobe, k) });
            assert_eq!(twin.ivf.ids(), twin.flat.ids());
        }
    }
}

fn change(twin: &mut Twin, random: &mut Random, path: &std::path::Path) {
    let (metric, dtype, dim) = (twin.model.metric.clone(), twin.model.dtype, twin.model.dim);
    let new = |n: usize, random: &mut Random| rows(n, dim, &metric, dtype, random.next());
    let mut some: Vec<u64> = twin.model.rows.iter().map(|row| row.0).collect();
    match random.below(12) {
        0..3 => twin.add(new(random.below(90) as usize, random).rows()),
        3 => {
            // in pieces, by a stream that does not say how long it is
            let more = new(70, random);
            for index in [&twin.ivf as &dyn Index, &*twin.flat] {
                index.add_from(&mut Trickle::new(more.rows(), dim, 13)).unwrap();
            }
            let first = twin.model.next_id;
            twin.model.add(more.rows(), &Vec::from_iter(first..first + 70));
        }
        4 => {
            // ids with gaps, in falling order
            let more = new(20, random);
            let first = twin.model.next_id;
            let ids: Vec<u64> = (0..20).rev().map(|i| first + 3 * i).collect();
            twin.ivf.add_with_ids(more.rows(), &ids).unwrap();
            twin.flat.add_with_ids(more.rows(), &ids).unwrap();
            twin.model.add(more.rows(), &ids);
        }
        5..7 => {
            let share = [2, 30, 70][random.below(3) as usize];
            some.retain(|_| random.below(100) < share);
            twin.remove(&some);
        }
        7 => {
            // into other lists, most of them
            some.retain(|_| random.below(100) < 25);
            let other = new(some.len(), random);
            twin.ivf.update_rows(other.rows(), &some).unwrap();
            twin.flat.update_rows(other.rows(), &some).unwrap();
            twin.model.put(other.rows(), &some);
        }
        8 => {
            some.retain(|_| random.below(100) < 10);
            let next = twin.model.next_id;
            some.extend([next + 4, next]);
            let other = new(some.len(), random);
            let added = twin.ivf.upsert(other.rows(), &some).unwrap();
            assert_eq!(twin.flat.upsert(other.rows(), &some).unwrap(), added);
            twin.model.put(other.rows(), &some);
        }
        9 => {
            let more = new(30, random);
            let matrix = Matrix::from_rows(&gpu(), dim, more.rows()).unwrap();
            let ids = twin.ivf.add_matrix(&matrix).unwrap();
            assert_eq!(twin.flat.add_matrix(&matrix).unwrap(), ids);
            twin.model.add(more.rows(), &Vec::from_iter(ids));
        }
        10 => {
            // other lists for the same rows
            let sample = new(60, random);
            twin.ivf.train(sample.rows()).unwrap();
        }
        _ => {
            let before = twin.ivf.list_sizes();
            twin.ivf.write(path).unwrap();
            twin.ivf = IvfFlat::read(&gpu(), path).unwrap();
            assert_eq!(twin.ivf.list_sizes(), before);
        }
    }
}

#[test]
fn rows_in_a_thousand_pieces_are_those_at_once() {
    let (metric, dim) = (Metric::L2, 5);
    let all = rows(300, dim, &metric, DType::F32, 41);
    let at_once = Twin::trained(&gpu(), &metric, dim, 7, all.rows());
    let centroids = at_once.ivf.centroids().unwrap();
    let one_by_one = IvfFlat::with_centroids(&gpu(), dim, metric, DType::F32, &centroids).unwrap();
    for row in 0..300 {
        one_by_one.add_rows(all.rows().slice(dim, row..row + 1)).unwrap();
    }
    assert_eq!(one_by_one.list_sizes(), at_once.ivf.list_sizes());
    let queries = all.rows().slice(dim, 0..20);
    for nprobe in [1, 3, 7] {
        let found = one_by_one.search_with(queries, 10, &probing(nprobe)).unwrap();
        let expected = at_once.ivf.search_with(queries, 10, &probing(nprobe)).unwrap();
        assert_eq!(bits(&found), bits(&expected));
    }
}

#[test]
fn removing_everything_and_coming_back_leaves_the_lists() {
    let (metric, dim) = (Metric::L2, 6);
    let all = rows(260, dim, &metric, DType::F32, 42);
    let mut twin = Twin::trained(&gpu(), &metric, dim, 9, all.rows());
    let before = twin.ivf.list_sizes();
    // one list after the other, so that some are empty in the middle
    let labels = twin.labels();
    for list in [4, 0, 8] {
        let ids: Vec<u64> = (0..260).filter(|&id| labels[id as usize] == list).collect();
        twin.remove(&ids);
        assert_eq!(twin.ivf.list_sizes()[list as usize], 0);
        twin.check(all.rows().slice(dim, 0..9), asked(3, 12));
    }
    twin.remove(&Vec::from_iter(0..260));
    assert_eq!(twin.ivf.list_sizes(), [0; 9]);
    twin.check(all.rows().slice(dim, 0..3), asked(3, 12));
    twin.add(all.rows());
    assert_eq!(twin.ivf.list_sizes(), before);
    assert_eq!(twin.ivf.ids(), Vec::from_iter(260..520));
    twin.check(all.rows().slice(dim, 0..9), asked(2, 12));
}

#[test]
fn a_search_that_has_begun_answers_from_the_rows_it_began_with() {
    let (metric, dim) = (Metric::L2, 6);
    let all = rows(500, dim, &metric, DType::F32, 43);
    let twin = Twin::trained(&gpu(), &metric, dim, 9, all.rows());
    let queries = all.rows().slice(dim, 0..40);
    let expected = twin.ivf.search_with(queries, 8, &probing(2)).unwrap();
    let begun: Vec<_> = (0..3).map(|_| twin.ivf.submit(queries, 8, &probing(2)).unwrap()).collect();
    twin.ivf.remove(&Vec::from_iter(0..400)).unwrap();
    twin.ivf.train(rows(50, dim, &metric, DType::F32, 44).rows()).unwrap();
    twin.ivf.add_rows(all.rows()).unwrap();
    for begun in begun {
        assert_eq!(bits(&begun.wait().unwrap()), bits(&expected));
    }
}

#[test]
fn threads_search_while_the_lists_change() {
    let (metric, dim) = (Metric::L2, 4);
    let all = rows(300, dim, &metric, DType::F32, 45);
    let twin = Twin::trained(&gpu(), &metric, dim, 6, all.rows());
    // never removed, so always found
    let kept = all.rows().slice(dim, 0..20);
    let (ivf, done) = (&twin.ivf, &std::sync::atomic::AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(move || {
                let mut searches = 0;
                while !done.load(std::sync::atomic::Ordering::Relaxed) || searches == 0 {
                    // a row is in the list that is nearest to it, whatever the lists are just now
                    let hits = ivf.search_with(kept, 1, &probing(1)).unwrap();
                    assert!(hits.distances().iter().all(|&distance| distance == 0.0));
                    assert!(hits.ids().iter().copied().eq(0..20), "{:?}", hits.ids());
                    searches += 1;
                }
            });
        }
        for step in 0..6 {
            let more = rows(50, dim, &metric, DType::F32, 100 + step);
            let ids = ivf.add_rows(more.rows()).unwrap();
            if step % 3 == 0 {
                ivf.train(more.rows()).unwrap();
            }
            ivf.remove(&Vec::from_iter(ids)).unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(ivf.len(), 300);
}

#[test]
fn a_change_that_fails_leaves_the_lists_as_they_were() {
    let (metric, dim) = (Metric::L2, 3);
    let all = rows(200, dim, &metric, DType::F32, 46);
    let twin = Twin::trained(&gpu(), &metric, dim, 5, all.rows());
    let (sizes, centroids) = (twin.ivf.list_sizes(), twin.ivf.centroids().unwrap());
    let memory = twin.ivf.memory();
    let mut bad = all.rows().to_f32();
    bad[150 * dim + 1] = f32::NAN;
    for error in [
        twin.ivf.add(&bad).map(|_| ()),
        twin.ivf.train(Rows::F32(&bad)),
        twin.ivf.add_from(&mut Trickle::new(Rows::F32(&bad), dim, 40)).map(|_| ()),
        twin.ivf.update_rows(Rows::F32(&bad), &Vec::from_iter(0..200)),
    ] {
        let error = error.unwrap_err();
        assert!(matches!(error, Error::NonFinite { row: 150, column: 1 }), "{error}");
    }
    let error = twin.ivf.set_centroids(&bad[148 * dim..153 * dim]).unwrap_err();
    assert!(matches!(error, Error::NonFinite { row: 2, column: 1 }), "{error}");
    assert!(twin.ivf.train(Rows::F32(&bad[..4 * dim])).is_err());
    assert!(twin.ivf.set_centroids(&bad[..4 * dim]).is_err());
    assert!(twin.ivf.set_nprobe(0).is_err());
    let duplicate = AddParams::new().ids(&[7; 200]);
    assert!(matches!(twin.ivf.add_with(all.rows(), &duplicate), Err(Error::DuplicateId { id: 7 })));
    assert_eq!((twin.ivf.list_sizes(), twin.ivf.memory()), (sizes, memory));
    assert_eq!(twin.ivf.centroids().unwrap(), centroids);
    assert_eq!(twin.ivf.nprobe(), 20);
    twin.check(all.rows().slice(dim, 0..7), asked(2, 9));
    assert!(twin.ivf.search_with(all.rows(), 0, &SearchParams::new()).is_err());
}
