//! What every kind of index has from this folder, shown with one that is not a flat index of the device: ids, updates, removal,
//! filters, snapshots under concurrent changes, files. Held to a plain list of (id, pair).

use super::Core;
use super::host_flat_tests::{HostFlat, Pairs};
use crate::dtype::Rows;
use crate::error::Error;
use crate::index::changing::Index;
use crate::index::ids::{IdFilter, QueryFilter};
use crate::index::params::SearchParams;
use crate::index::persist;
use crate::index::traits::Search;
use std::sync::atomic::{AtomicBool, Ordering};

type Model = Vec<(u64, [f32; 2])>;

fn empty() -> HostFlat {
    HostFlat(Core::new(Pairs::default()))
}

/// The k nearest by (distance, place in the list), of the ids that pass.
fn nearest(model: &Model, query: [f32; 2], k: usize, filter: &IdFilter) -> Vec<(u64, f32)> {
    let distance = |[x, y]: [f32; 2]| (x - query[0]).powi(2) + (y - query[1]).powi(2);
    let passing = model.iter().filter(|row| filter.is_member(row.0));
    let mut hits: Vec<_> = passing.map(|row| (row.0, distance(row.1))).collect();
    hits.sort_by(|a, b| a.1.total_cmp(&b.1));
    hits.truncate(k);
    hits
}

fn check(index: &dyn Index, model: &Model, step: u64) {
    assert_eq!((index.len(), index.is_empty()), (model.len(), model.is_empty()));
    let queries = [[0.5, 0.5], [step as f32 % 7.0, 3.0]];
    let flat: &[f32] = bytemuck::cast_slice(&queries);
    let even = IdFilter::bitmap(vec![0x5555_5555_5555_5555; 1 + step as usize / 4]);
    let below = IdFilter::range(0..3 * step / 2);
    let each = QueryFilter::Each(vec![!below.clone(), IdFilter::All]);
    let params = SearchParams::new().filter(even.clone()).query_filter(each);
    let hits = index.search_with(Rows::F32(flat), 9, &params).unwrap();
    let filters = [even.clone() & !below, even];
    for ((query, filter), hits) in queries.into_iter().zip(&filters).zip(hits.rows()) {
        assert_eq!(hits, nearest(model, query, 9, filter), "step {step}");
    }
    let hits = index.range_search(flat, 6.0).unwrap();
    for (query, hits) in queries.into_iter().zip(hits.rows()) {
        let mut all = nearest(model, query, usize::MAX, &IdFilter::All);
        all.retain(|hit| hit.1 < 6.0);
        assert_eq!(hits, all, "step {step}");
    }
    for (id, pair) in model.iter().step_by(5) {
        assert!(index.contains(*id));
        assert_eq!(index.reconstruct(*id).unwrap(), pair);
    }
}

/// Changes of a fixed pseudo-random pattern, to an index and to a list.
fn changed(steps: u64) -> (HostFlat, Model) {
    let (index, mut model, mut next_id, mut seed) = (empty(), Model::new(), 0, 7u64);
    for step in 0..steps {
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        let pair = [random(8) as f32, random(8) as f32];
        let some = if model.is_empty() { 0 } else { random(model.len() as u64) as usize };
        match random(5) {
            0 | 1 => {
                let added = index.add(&[pair[0], pair[1], 1.0, 2.0]).unwrap();
                assert_eq!(added, next_id..next_id + 2);
                model.extend([(next_id, pair), (next_id + 1, [1.0, 2.0])]);
                next_id += 2;
            }
            2 => {
                let id = next_id + random(10);
                index.add_with_ids(Rows::F32(&pair), &[id]).unwrap();
                model.push((id, pair));
                next_id = id + 1;
            }
            3 if !model.is_empty() => {
                index.update(model[some].0, Rows::F32(&pair)).unwrap();
                model[some].1 = pair;
            }
            _ => {
                let ids: Vec<u64> = model.iter().skip(some).step_by(3).map(|row| row.0).collect();
                assert_eq!(index.remove(&ids).unwrap(), ids.len());
                assert_eq!(index.remove(&ids).unwrap(), 0);
                model.retain(|row| !ids.contains(&row.0));
            }
        }
        check(&index, &model, step);
    }
    (index, model)
}

#[test]
fn a_second_kind_has_ids_removal_and_filters() {
    let (_, model) = changed(400);
    assert!(model.len() > 5, "the steps leave {} rows, which are no test", model.len());
}

#[test]
fn a_second_kind_is_refused_what_makes_no_sense() {
    let (index, model) = changed(50);
    let (id, pair) = model[0];
    let refused = [
        index.add(&[0.0; 3]).unwrap_err(),
        index.add_rows(Rows::U8(&[0; 2])).unwrap_err(),
        index.add_with_ids(Rows::F32(&pair), &[id]).unwrap_err(),
        index.add_with_ids(Rows::F32(&[0.0; 4]), &[1 << 40]).unwrap_err(),
        index.add_with_ids(Rows::F32(&pair), &[1 << 63]).unwrap_err(),
        index.update(1 << 40, Rows::F32(&pair)).unwrap_err(),
        index.reconstruct(1 << 40).unwrap_err(),
        index.search(&pair, 0).unwrap_err(),
    ];
    assert!(matches!(refused[0], Error::PartialRow { .. }));
    assert!(matches!(refused[1], Error::InvalidArgument { argument: "rows", .. }));
    assert!(matches!(refused[2], Error::DuplicateId { .. }));
    assert!(matches!(refused[3], Error::InvalidArgument { argument: "ids", .. }));
    assert!(matches!(refused[4], Error::InvalidArgument { argument: "ids", .. }));
    assert!(matches!(refused[5], Error::UnknownId { .. }));
    assert!(matches!(refused[6], Error::UnknownId { .. }));
    assert!(matches!(refused[7], Error::InvalidArgument { argument: "k", .. }));
    check(&index, &model, 50);
}

#[test]
fn a_second_kind_is_written_and_read() {
    let (index, model) = changed(60);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    index.write(&path).unwrap();
    let reader = persist::open_kind(&path, "HostFlat").unwrap();
    let again = HostFlat(reader.whole(|file| Core::read(file, |_| Ok(Pairs::default()))).unwrap());
    check(&again, &model, 60);
    assert_eq!(again.add(&[1.0, 2.0]).unwrap(), index.add(&[1.0, 2.0]).unwrap());
    let other = persist::open_kind(&path, "Flat").map(|_| ()).unwrap_err();
    assert!(matches!(other, Error::Format { .. }), "{other}");
}

/// Rows come and go two at a time, the same pair under an even id and the next one: a search that saw half of a change would
/// find one without the other.
#[test]
fn searches_of_a_second_kind_see_whole_changes() {
    let index = empty();
    index.add(&[0.0; 4]).unwrap();
    let (index, done) = (&index, &AtomicBool::new(false));
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(move || {
                    let mut searches = 0;
                    while !done.load(Ordering::Relaxed) || searches == 0 {
                        let hits = index.search(&[0.0; 2], 1000).unwrap();
                        let mut ids = hits.ids().to_vec();
                        ids.sort_unstable();
                        assert!(!ids.is_empty() && ids.len().is_multiple_of(2), "{ids:?}");
                        assert!(ids.chunks(2).all(|two| two[0] % 2 == 0 && two[1] == two[0] + 1));
                        searches += 1;
                    }
                })
            })
            .collect();
        for step in 1..500u64 {
            let x = step as f32;
            index.add(&[x, x, x, x]).unwrap();
            if step % 3 == 0 {
                index.remove(&[2 * (step / 3), 2 * (step / 3) + 1]).unwrap();
            }
        }
        done.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
    assert_eq!(index.len(), 2 + 2 * (499 - 166));
}
