//! Random calls on an index and on its model: after each, both hold and find the same.

use crate::common::data::Random;
use crate::common::device::fast_math;
use crate::support::{Model, Trickle, gpu, index, rows};
use nearfield::{AddParams, DType, Error, Gpu, IdFilter, Index, Metric, Order, read_index};

const QUERIES: usize = 3;

fn cases() -> Vec<(Metric, DType, usize)> {
    vec![
        (Metric::L2, DType::F32, 7),
        (Metric::Cosine, DType::F16, 5),
        (Metric::InnerProduct, DType::U8, 9),
        (Metric::L1, DType::I8, 6),
        (Metric::NanEuclidean, DType::Bf16, 6),
        (Metric::Correlation, DType::F32, 8),
        (Metric::Haversine, DType::F32, 2),
        (Metric::Hamming, DType::Bits, 24),
    ]
}

#[test]
fn random_calls_do_to_the_index_what_they_do_to_its_model() {
    let gpu = gpu();
    for (seed, (metric, dtype, dim)) in (1..).zip(cases()) {
        random_calls(&gpu, seed, 50, index(&gpu, dim, &metric, dtype));
    }
}

/// So many calls on an index without rows that finds every neighbour.
pub fn random_calls(gpu: &Gpu, seed: u64, calls: usize, mut index: Box<dyn Index>) {
    let folder = tempfile::tempdir().unwrap();
    let (metric, dtype, dim) = (index.metric().clone(), index.dtype(), index.dim());
    let mut random = Random::new(seed);
    let mut model = Model::new(&metric, dtype, dim);
    let queries = rows(QUERIES, dim, &metric, dtype, 999 + seed);
    for step in 0..calls {
        let before = format!("{metric} {dtype}, step {step}");
        match random.below(12) {
            0..4 => add(&*index, &mut model, &mut random),
            4 => add_refused(&*index, &model, &mut random),
            5 => update(&*index, &mut model, &mut random),
            6..9 => remove(&*index, &mut model, &mut random),
            9 => update_rows(&*index, &mut model, &mut random),
            10 => upsert(&*index, &mut model, &mut random),
            _ => {
                let path = folder.path().join("index");
                index.write(&path).unwrap();
                index = read_index(gpu, &path).unwrap();
            }
        }
        let k = [1, 5, 64, 1000][random.below(4) as usize];
        let filter = filter(&mut random);
        println!("{before}: {} rows, k {k}, {filter:?}", model.rows.len());
        model.check(&*index, queries.rows(), k, &filter);
    }
}

fn add(index: &dyn Index, model: &mut Model, random: &mut Random) {
    let n = random.below(90) as usize;
    let new = rows(n, model.dim, &model.metric, model.dtype, random.next());
    let first = model.next_id;
    match random.below(3) {
        0 => {
            let ids = index.add_rows(new.rows()).unwrap();
            assert_eq!(ids, first..first + n as u64);
            model.add(new.rows(), &ids.collect::<Vec<_>>());
        }
        1 => {
            let ids = index.add_from(&mut Trickle::new(new.rows(), model.dim, 13)).unwrap();
            assert_eq!(ids, first..first + n as u64);
            model.add(new.rows(), &ids.collect::<Vec<_>>());
        }
        _ => {
            // Gaps, in falling order, and some that were removed before.
            let mut ids: Vec<u64> =
                (0..2 * n as u64 + first).filter(|&id| !model.has(id)).collect();
            ids.reverse();
            ids.truncate(n);
            index.add_with_ids(new.rows(), &ids).unwrap();
            model.add(new.rows(), &ids);
        }
    }
}

fn add_refused(index: &dyn Index, model: &Model, random: &mut Random) {
    let new = rows(3, model.dim, &model.metric, model.dtype, random.next());
    let next = model.next_id;
    let there = model.rows.first().map_or(next, |row| row.0);
    for ids in [[next, next + 1, next], [there, next + 1, there], [next, next + 1, 1 << 63]] {
        let error = index.add_with_ids(new.rows(), &ids).unwrap_err();
        match ids[2] == 1 << 63 {
            true => assert!(matches!(error, Error::InvalidArgument { argument: "ids", .. })),
            false => assert!(matches!(error, Error::DuplicateId { id } if id == ids[0])),
        }
    }
    if !model.rows.is_empty() {
        let error = index.add_with_ids(new.rows(), &[next, next + 1, there]).unwrap_err();
        assert!(matches!(error, Error::DuplicateId { id } if id == there), "{error}");
    }
    for ids in [&[next][..], &[next, next + 1, next + 2, next + 3]] {
        let error = index.add_with_ids(new.rows(), ids).unwrap_err();
        assert!(matches!(error, Error::InvalidArgument { argument: "ids", .. }));
        let mut stream = Trickle::new(new.rows(), model.dim, 2);
        let error = index.add_from_with(&mut stream, &AddParams::new().ids(ids)).unwrap_err();
        assert!(matches!(error, Error::InvalidArgument { argument: "ids", .. }));
    }
}

fn update(index: &dyn Index, model: &mut Model, random: &mut Random) {
    let new = rows(1, model.dim, &model.metric, model.dtype, random.next());
    let error = index.update(model.next_id, new.rows()).unwrap_err();
    assert!(matches!(error, Error::UnknownId { id } if id == model.next_id));
    if model.rows.is_empty() {
        return;
    }
    let at = random.below(model.rows.len() as u64) as usize;
    let id = model.rows[at].0;
    index.update(id, new.rows()).unwrap();
    model.rows[at].1 = new.rows().bytes().to_vec();
    assert_eq!(index.reconstruct_bytes(id).unwrap(), model.rows[at].1);
    let two = rows(2, model.dim, &model.metric, model.dtype, 1);
    assert!(matches!(index.update(id, two.rows()), Err(Error::InvalidArgument { .. })));
}

/// New rows for a share of the ids, in any order.
fn update_rows(index: &dyn Index, model: &mut Model, random: &mut Random) {
    let share = [3, 30, 100][random.below(3) as usize];
    let mut ids: Vec<u64> = model.rows.iter().map(|row| row.0).collect();
    ids.retain(|_| random.below(100) < share);
    shuffle(&mut ids, random);
    let new = rows(ids.len(), model.dim, &model.metric, model.dtype, random.next());
    index.update_rows(new.rows(), &ids).unwrap();
    model.put(new.rows(), &ids);
}

/// As that, with new ids among them: such that were never there, and such that were removed.
fn upsert(index: &dyn Index, model: &mut Model, random: &mut Random) {
    let share = [0, 5, 60][random.below(3) as usize];
    let new = random.below(70);
    let mut ids: Vec<u64> = (0..model.next_id + new).collect();
    ids.retain(|&id| if model.has(id) { random.below(100) < share } else { random.below(2) == 0 });
    shuffle(&mut ids, random);
    let added = ids.iter().filter(|&&id| !model.has(id)).count();
    let new = rows(ids.len(), model.dim, &model.metric, model.dtype, random.next());
    assert_eq!(index.upsert(new.rows(), &ids).unwrap(), added);
    model.put(new.rows(), &ids);
}

fn shuffle(ids: &mut [u64], random: &mut Random) {
    for i in (1..ids.len()).rev() {
        ids.swap(i, random.below(i as u64 + 1) as usize);
    }
}

fn remove(index: &dyn Index, model: &mut Model, random: &mut Random) {
    let share = [0, 2, 30, 60, 100][random.below(5) as usize];
    let mut ids: Vec<u64> = model.rows.iter().map(|row| row.0).collect();
    ids.retain(|_| random.below(100) < share);
    let count = ids.len();
    // Each of them twice, and one that is not there.
    ids.extend(ids.clone());
    ids.push(model.next_id + 5);
    assert_eq!(index.remove(&ids).unwrap(), count);
    assert_eq!(index.remove(&ids).unwrap(), 0);
    model.rows.retain(|row| !ids.contains(&row.0));
    let id = ids[0];
    assert!(!index.contains(id));
    assert!(matches!(index.reconstruct(id), Err(Error::UnknownId { id: i }) if i == id));
}

fn filter(random: &mut Random) -> IdFilter {
    match random.below(5) {
        0..3 => IdFilter::All,
        3 => IdFilter::range(20..150),
        _ => !IdFilter::bitmap(vec![0x5555_0000_ffff_3333; 3]),
    }
}

#[test]
fn a_custom_metric_works_like_any_other() {
    let gpu = gpu();
    let source = "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc + abs(q - x); }
                  fn finish(acc: f32, d: u32) -> f32 { return -acc / f32(d); }";
    let metric = Metric::wgsl(source, 1.0, Order::Descending);
    let index = index(&gpu, 2, &metric, DType::F32);
    index.add(&[0.0, 0.0, 1.0, 0.0, 3.0, 3.0]).unwrap();
    let path = tempfile::NamedTempFile::new().unwrap();
    index.write(path.path()).unwrap();
    let again = read_index(&gpu, path.path()).unwrap();
    assert_eq!(*again.metric(), metric);
    for index in [index, again] {
        let hits = index.search(&[0.0, 1.0], 5).unwrap();
        let found: Vec<_> = hits.row(0).collect();
        let expected = [(0, -1.0), (1, -1.5), (2, -3.0)];
        if !fast_math() {
            assert_eq!(found, expected);
        }
        // Under fast math a division of the user's is as exact as the device's.
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found.0, expected.0);
            assert!((found.1 / expected.1 - 1.0).abs() < 1e-6, "{found:?}");
        }
    }
}
