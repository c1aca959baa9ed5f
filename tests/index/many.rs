//! Changes of many rows, and many rows read: all or none of them, and what is refused.

use crate::common::device::Open as _;
use crate::support::{Model, gpu, index, own_gpu, rows};
use nearfield::{
    DType, Error, Flat, Gpu, IdFilter, Index, Metric, Rows, Search, read_index, write_index,
};

/// Ids and rows of an index, which a call that failed has not changed.
fn state(index: &dyn Index) -> (Vec<u64>, Vec<f32>, u64) {
    let ids = index.ids();
    let rows = index.reconstruct_many(&ids).unwrap();
    (ids, rows, index.memory())
}

#[test]
fn a_refused_change_of_many_rows_names_why_and_changes_nothing() {
    let index = Flat::new(&gpu(), 2, Metric::L2).unwrap();
    let ids: Vec<u64> = (0..300).map(|i| 10 * i).collect();
    index.add_with_ids(Rows::F32(&[1.0; 600]), &ids).unwrap();
    index.remove(&[50]).unwrap();
    let before = state(&index);
    type Change<'a> = &'a dyn Fn(&[f32], &[u64]) -> nearfield::Result<()>;
    let update: Change<'_> = &|rows, ids| index.update_rows(Rows::F32(rows), ids);
    let upsert: Change<'_> = &|rows, ids| index.upsert(Rows::F32(rows), ids).map(|_| ());
    // old and new ids by turns, so that rows of either kind have other numbers than in the call
    let mixed: Vec<u64> =
        (0..200).flat_map(|i| [10 * i, 10 * i + 5]).filter(|&i| i != 50).collect();
    let mut rows = vec![2.0; 2 * mixed.len()];
    for change in [update, upsert] {
        let error = change(&[2.0; 4], &[10, 10]).unwrap_err();
        assert!(matches!(error, Error::DuplicateId { id: 10 }), "{error}");
        for (rows, ids) in [(4, 1), (2, 2), (0, 1), (2, 0)] {
            let error = change(&vec![2.0; rows], &before.0[..ids]).unwrap_err();
            assert!(matches!(error, Error::InvalidArgument { argument: "ids", .. }), "{error}");
        }
        let error = change(&[2.0; 3], &[10]).unwrap_err();
        assert!(matches!(error, Error::PartialRow { .. }), "{error}");
        assert!(change(&[], &[]).is_ok());
    }
    for id in [50, 7] {
        let error = update(&[2.0; 6], &[10, id, 20]).unwrap_err();
        assert!(matches!(error, Error::UnknownId { id: unknown } if unknown == id), "{error}");
    }
    let error = upsert(&[2.0; 4], &[10, 1 << 63]).unwrap_err();
    assert!(matches!(error, Error::InvalidArgument { argument: "ids", .. }), "{error}");
    for bad in [100, 101, 397] {
        rows[2 * bad + 1] = f32::NAN;
        let error = upsert(&rows, &mixed).unwrap_err();
        let named = |row, column| (row, column) == (bad as u64, 1);
        assert!(
            matches!(error, Error::NonFinite { row, column } if named(row, column)),
            "{bad}: {error}"
        );
        rows[2 * bad + 1] = 1e30;
        let error = upsert(&rows, &mixed).unwrap_err();
        let named = |row, column| (row, column) == (bad as u64, 1);
        assert!(
            matches!(error, Error::InvalidValue { row, column, .. } if named(row, column)),
            "{bad}: {error}"
        );
        rows[2 * bad + 1] = 2.0;
    }
    let error = index.update_rows(Rows::I8(&[0; 2]), &[10]).unwrap_err();
    assert!(matches!(error, Error::InvalidArgument { argument: "rows", .. }), "{error}");
    let error = index.upsert(Rows::U8(&[0; 2]), &[10]).unwrap_err();
    assert!(matches!(error, Error::InvalidArgument { argument: "rows", .. }), "{error}");
    assert_eq!(state(&index), before);
    // and the ids that come next are those that would have come
    assert_eq!(index.add(&[1.0; 2]).unwrap(), 2991..2992);
    upsert(&rows, &mixed).unwrap();
    assert_eq!(index.reconstruct_many(&mixed).unwrap(), rows);
}

#[test]
fn rows_that_are_not_there_are_not_read() {
    let index = Flat::new(&gpu(), 2, Metric::L2).unwrap();
    assert_eq!((index.ids(), index.reconstruct_many(&[]).unwrap()), (vec![], vec![]));
    index.add(&(0..400).map(|i| i as f32).collect::<Vec<_>>()).unwrap();
    index.remove(&[3]).unwrap();
    for id in [3, 200, u64::MAX] {
        let error = index.reconstruct_many(&[5, id, 6]).unwrap_err();
        assert!(matches!(error, Error::UnknownId { id: unknown } if unknown == id), "{error}");
    }
    assert_eq!(index.reconstruct_many(&[4, 5, 4]).unwrap(), [8.0, 9.0, 10.0, 11.0, 8.0, 9.0]);
    for bytes in [0, 15, 17, 24] {
        let error = index.reconstruct_into(&[1, 2], &mut vec![0; bytes]).unwrap_err();
        assert!(matches!(error, Error::InvalidArgument { argument: "out", .. }), "{error}");
    }
    let kept: Vec<u64> = (0..200).filter(|&id| id != 3).collect();
    assert_eq!(index.ids(), kept);
}

#[test]
fn a_change_of_many_rows_without_the_memory_changes_nothing() {
    let gpu = Gpu::builder().poison(true).memory_budget(3 << 20).open().unwrap();
    let (n, dim) = (7000, 64);
    let index = Flat::new(&gpu, dim, Metric::L2).unwrap();
    let values: Vec<f32> = (0..n * dim).map(|i| (i % 4093) as f32).collect();
    index.add(&values).unwrap();
    let before = (index.len(), index.memory());
    // the segment's copy does not fit beside it
    let ids: Vec<u64> = (0..n as u64).rev().collect();
    for ids in [&ids[..], &ids[..2]] {
        let rows = Rows::F32(&values[..ids.len() * dim]);
        for error in
            [index.update_rows(rows, ids).unwrap_err(), index.upsert(rows, ids).unwrap_err()]
        {
            assert!(matches!(error, Error::OutOfDeviceMemory { .. }), "{error}");
        }
    }
    assert_eq!((index.len(), index.memory()), before);
    assert_eq!(index.reconstruct_many(&ids[..3]).unwrap()[..dim], values[(n - 1) * dim..]);
    assert_eq!(index.search(&values[..dim], 1).unwrap().ids(), [0]);
    assert!(gpu.memory().peak <= 3 << 20, "{}", gpu.memory());
}

/// Searches that run on the state before an update find the old rows, those after it the new ones; never a mixture.
#[test]
fn an_update_of_many_rows_is_seen_as_a_whole() {
    let index = Flat::new(&own_gpu(), 1, Metric::L2).unwrap();
    let n = 1000;
    index.add(&vec![0.0; n]).unwrap();
    let ids: Vec<u64> = (0..n as u64).step_by(2).collect();
    std::thread::scope(|scope| {
        let changes = scope.spawn(|| {
            for turn in 1..=30 {
                index.update_rows(Rows::F32(&vec![turn as f32; ids.len()]), &ids).unwrap();
            }
        });
        while !changes.is_finished() {
            let hits = index.search(&[1000.0], n).unwrap();
            let (first, last) = (hits.distances()[0], hits.distances()[ids.len() - 1]);
            assert_eq!(first, last);
        }
    });
}

#[test]
fn files_and_any_kind_of_path() {
    let gpu = gpu();
    let (metric, dtype, dim) = (Metric::L2, DType::F16, 5);
    let index = index(&gpu, dim, &metric, dtype);
    let mut model = Model::new(&metric, dtype, dim);
    let ids: Vec<u64> = (0..150).rev().collect();
    let first = rows(150, dim, &metric, dtype, 3);
    assert_eq!(index.upsert(first.rows(), &ids).unwrap(), 150);
    model.put(first.rows(), &ids);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let text = path.to_str().unwrap().to_owned();
    write_index(&*index, &path).unwrap();
    write_index(&*index, &text).unwrap();
    write_index(&*index, text.as_str()).unwrap();
    let again = read_index(&gpu, &text).unwrap();
    model.check(&*again, first.rows().slice(dim, 0..3), 9, &IdFilter::All);
    let error = write_index(&*index, folder.path().join("none/a")).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
}
