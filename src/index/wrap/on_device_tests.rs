//! Candidates that stay on the device are answered as those that come to the host, to the bit, and it is told which did.

use super::candidates::{Way, search_by};
use super::refine::Refine;
use crate::call::CancelToken;
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::Error;
use crate::index::changing::Index;
use crate::index::factory::index_factory;
use crate::index::flat::Flat;
use crate::index::hits::Hits;
use crate::index::ids::{IdFilter, QueryFilter};
use crate::index::ivf::{IvfSq, Originals};
use crate::index::params::{Ask, IvfParams, RefineParams, SearchParams};
use crate::metric::Metric;
use crate::quantize::SqType;
use std::sync::{Arc, Mutex};

const DIM: usize = 8;

fn gpu() -> Option<Gpu> {
    let gpu = Gpu::test_builder().poison(true).build().ok();
    if gpu.is_none() {
        println!("skipped: no adapter (1)");
    }
    gpu
}

/// Whole numbers, of which many rows are equal.
fn numbers(n: usize, seed: u64) -> Vec<f32> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut rows: Vec<f32> = (0..n * DIM).map(|_| f32::from(rng.i8(-9..9))).collect();
    for row in (7..n).step_by(5) {
        rows.copy_within((row - 7) * DIM..(row - 6) * DIM, row * DIM);
    }
    // no row without a direction
    rows.chunks_exact_mut(DIM).for_each(|row| row[0] = row[0].abs() + 1.0);
    rows
}

fn made(gpu: &Gpu, description: &str, metric: &Metric, dtype: DType) -> Box<dyn Index> {
    index_factory(gpu, DIM, description, metric.clone(), dtype).unwrap()
}

/// An index of both stages, with rows whose ids descend and of which a few are removed.
fn refined(gpu: &Gpu, stages: (&str, &str), metric: &Metric, rows: &[f32]) -> Refine {
    let both = [stages.0, stages.1].map(|description| made(gpu, description, metric, DType::F32));
    let [base, second] = both;
    let index = Refine::new(base, second).unwrap();
    index.train(Rows::F32(rows)).unwrap();
    let n = (rows.len() / DIM) as u64;
    let ids: Vec<u64> = (0..n).map(|i| 3 * (n - i)).collect();
    index.add_with_ids(Rows::F32(rows), &ids).unwrap();
    index.remove(&[ids[3], ids[40], ids[41]]).unwrap();
    index.update(ids[9], Rows::F32(&rows[..DIM])).unwrap();
    index
}

type Bits = (Vec<u64>, Vec<usize>, Vec<u32>);

fn bits(hits: &Hits) -> Bits {
    let distances = hits.distances().iter().map(|d| d.to_bits()).collect();
    (hits.ids().to_vec(), hits.lims().to_vec(), distances)
}

/// Asks both ways; `stays` where candidates are to stay on the device.
fn both(index: &Refine, queries: Rows<'_>, k: usize, params: &SearchParams, stays: bool) -> Hits {
    let by = |way| search_by(&index.now(), queries, Ask::Nearest(k), params, way).unwrap();
    let (device, host) = (by(Way::Device), by(Way::Host));
    let name = format!("{index:?}, {k} {params:?}");
    assert_eq!(bits(&device), bits(&host), "{name}");
    let (ours, theirs) = (device.stats(), host.stats());
    assert_eq!(ours.refine.candidates, theirs.refine.candidates, "{name}");
    assert_eq!((ours.flops, ours.bytes), (theirs.flops, theirs.bytes), "{name}");
    assert_eq!((ours.queries, ours.rows, &ours.ivf), (theirs.queries, theirs.rows, &theirs.ivf));
    let on_device = if stays { device.len() as u64 } else { 0 };
    assert_eq!((ours.refine.on_device, theirs.refine.on_device), (on_device, 0), "{name}");
    let ran = ours.variants.iter().any(|name| name.starts_with("candidates"));
    assert_eq!(ran, stays && !device.is_empty(), "{name}: {:?}", ours.variants);
    device
}

fn times(times: f32) -> SearchParams {
    SearchParams::new().refine(RefineParams::new().k_factor(times))
}

/// All that a search may be told, of some of the queries.
fn told(index: &Refine, queries: &[f32], lists: bool) {
    let (asked, count) = (Rows::F32(queries), queries.len() / DIM);
    let ids = index.ids();
    let one = Rows::F32(&queries[..DIM]);
    for (queries, k, factor) in [
        (one, 1, 1.0),
        (one, 5, 3.5),
        (asked, 5, 4.0),
        (asked, 30, 1.0),
        (asked, 400, 2.0),
        (asked.slice(DIM, 0..0), 3, 2.0),
    ] {
        let stays = !queries.bytes().is_empty();
        both(index, queries, k, &times(factor), stays);
    }
    let each: QueryFilter = (0..count as u64).map(|q| IdFilter::range(50 + q..400)).collect();
    let mut params = vec![
        times(3.0).filter(IdFilter::range(100..500)),
        // fewer than neighbours, and none
        times(3.0).filter(IdFilter::batch(ids[..3].to_vec())),
        times(3.0).filter(IdFilter::range(1 << 40..1 << 41)),
        times(2.0).query_filter(each),
        times(2.0).exclude(ids[..count].to_vec()),
        times(2.0).exclude(vec![1 << 50; count]),
        times(100.0).exclude(ids[..count].to_vec()),
        times(2.0).exhaustive(true),
    ];
    if lists {
        params.push(times(2.0).ivf(IvfParams::new().nprobe(1)));
        params.push(times(40.0).ivf(IvfParams::new().nprobe(1)).exclude(ids[..count].to_vec()));
    }
    for params in params {
        both(index, asked, 6, &params, true);
    }
}

/// The queries are some rows, whose own ids they may be asked to leave out.
fn first_stages(bases: &[&str], metric: &Metric) {
    let Some(gpu) = gpu() else { return };
    let rows = numbers(230, 1);
    for base in bases {
        let index = refined(&gpu, (base, "Flat"), metric, &rows);
        told(&index, &rows[..7 * DIM], base.starts_with("IVF"));
    }
}

#[test]
fn of_flat_first_stages() {
    first_stages(&["Flat", "SQ8", "PQ4x4", "RaBitQ"], &Metric::L2);
    first_stages(&["SQ8", "PQ4x4"], &Metric::Cosine);
}

#[test]
fn of_lists_as_first_stages() {
    first_stages(&["IVF6,Flat", "IVF6,SQ8", "IVF6,PQ4x4", "IVF6,RaBitQ2"], &Metric::L2);
    first_stages(&["IVF6,PQ4x4"], &Metric::InnerProduct);
}

/// The first stage has other queries than the second there.
#[test]
fn of_first_stages_behind_transforms() {
    first_stages(&["PCA5,Flat", "PCA5,IVF6,Flat"], &Metric::L2);
}

#[test]
fn by_every_second_stage() {
    let Some(gpu) = gpu() else { return };
    let rows = numbers(200, 2);
    for second in ["SQ8", "PQ2x4"] {
        let index = refined(&gpu, ("IVF6,PQ4x4", second), &Metric::L2, &rows);
        told(&index, &rows[..7 * DIM], true);
    }
    let as_i8: Vec<i8> = rows.iter().map(|&x| x as i8).collect();
    let as_f16: Vec<half::f16> = rows.iter().map(|&x| half::f16::from_f32(x)).collect();
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine, Metric::L1] {
        // no short codes by the last
        let base = if metric == Metric::L1 { "Flat" } else { "IVF6,PQ4x4" };
        for of in [Rows::I8(&as_i8), Rows::F16(&as_f16)] {
            let second = made(&gpu, "Flat", &metric, of.dtype());
            let index = Refine::new(made(&gpu, base, &metric, DType::F32), second).unwrap();
            index.train(Rows::F32(&rows)).unwrap();
            index.add_rows(of).unwrap();
            for queries in [of.slice(DIM, 0..9), Rows::F32(&rows[..9 * DIM])] {
                both(&index, queries, 5, &times(4.0), true);
            }
        }
    }
}

/// Rows that stand at other places in the first stage than in the second, and removed ones that only one of them has copied together.
#[test]
fn rows_are_matched_by_their_ids() {
    let Some(gpu) = gpu() else { return };
    let (metric, rows) = (Metric::L2, numbers(150, 3));
    let (ids, own): (Vec<u64>, Vec<u64>) = ((0..150).collect(), (0..150).rev().collect());
    let turned: Vec<f32> = rows.chunks_exact(DIM).rev().flatten().copied().collect();
    let base = made(&gpu, "IVF6,PQ4x4", &metric, DType::F32);
    base.train(Rows::F32(&rows)).unwrap();
    base.add_with_ids(Rows::F32(&rows), &ids).unwrap();
    let second = made(&gpu, "Flat", &metric, DType::F32);
    second.add_with_ids(Rows::F32(&turned), &own).unwrap();
    let index = Refine::new(base, second).unwrap();
    let table = || {
        let now = index.now();
        now.memory() - now.base.memory() - now.rows.index().memory()
    };
    assert_eq!(table(), 0);
    told(&index, &rows[10 * DIM..17 * DIM], true);
    // a row's number, once for all searches, and states of the same rows share it
    assert_eq!(table(), 4 * 150);
    index.set_k_factor(3.0).unwrap();
    assert_eq!(table(), 4 * 150);
    for gone in [&ids[..20], &ids[20..60]] {
        index.remove(gone).unwrap();
        let hits = both(&index, Rows::F32(&rows[..80 * DIM]), 4, &times(5.0), true);
        assert!(hits.ids().iter().all(|id| !gone.contains(id)));
    }
    index.add_with_ids(Rows::F32(&rows[..30 * DIM]), &ids[..30]).unwrap();
    told(&index, &rows[10 * DIM..17 * DIM], true);
    // one has copied its rows together
    let (masked, whole) = (made(&gpu, "Flat", &metric, DType::F32), Flat::new(&gpu, DIM, metric));
    masked.add(&rows).unwrap();
    masked.remove(&ids[100..110]).unwrap();
    let whole = whole.unwrap();
    let left = [&ids[..100], &ids[110..]].concat();
    let rest = [&rows[..100 * DIM], &rows[110 * DIM..]].concat();
    whole.add_with_ids(Rows::F32(&rest), &left).unwrap();
    let index = Refine::new(masked, Box::new(whole)).unwrap();
    both(&index, Rows::F32(&rows), 3, &times(4.0), true);
}

/// What does not go on from candidates on the device answers with them, and the host goes on.
#[test]
fn what_cannot_stay_comes_to_the_host() {
    let Some(gpu) = gpu() else { return };
    let (metric, rows) = (Metric::L2, numbers(1200, 4));
    let queries = Rows::F32(&rows[..5 * DIM]);
    let index = refined(&gpu, ("IVF6,PQ4x4", "Flat"), &metric, &rows);
    // queries go on to more lists by what was found
    let fill = times(3.0).ivf(IvfParams::new().nprobe(1).fill(true));
    both(&index, queries, 100, &fill, false);
    // of so many it is not known which is the last
    let excluding = times(110.0).exclude(index.ids()[..5].to_vec());
    both(&index, queries, 10, &excluding, false);
    both(&index, queries, 10, &times(110.0), true);
    // rows on the host
    let kept = IvfSq::with_originals(
        IvfSq::new(&gpu, DIM, metric.clone(), 6, SqType::Bits8).unwrap(),
        Originals::Host,
    );
    let second = made(&gpu, "Flat", &metric, DType::F32);
    let index = Refine::new(Box::new(kept.unwrap()), second).unwrap();
    index.train(Rows::F32(&rows)).unwrap();
    index.add(&rows).unwrap();
    both(&index, queries, 10, &times(2.0), false);
    // another device
    if let Ok(other) = Gpu::builder().poison(true).build() {
        let base = made(&gpu, "Flat", &metric, DType::F32);
        let index = Refine::new(base, made(&other, "Flat", &metric, DType::F32)).unwrap();
        index.add(&rows).unwrap();
        both(&index, queries, 10, &times(2.0), false);
    }
    // a radius has no candidates to leave anywhere
    let within = search_by(&index.now(), queries, Ask::Within(9.0), &times(2.0), Way::Device);
    assert_eq!(within.unwrap().stats().refine.on_device, 0);
}

/// Calls in several submissions, by what one binding holds, of both stages.
#[test]
fn parts_of_a_call_change_no_answer() {
    let small = Gpu::test_builder().poison(true).max_binding_bytes(16 << 10).build();
    let Ok(small) = small else {
        println!("skipped: no adapter (1)");
        return;
    };
    let rows = numbers(300, 5);
    for base in ["Flat", "IVF6,PQ4x4"] {
        let index = refined(&small, (base, "Flat"), &Metric::L2, &rows);
        for (k, factor) in [(5, 8.0), (200, 1.0)] {
            let hits = both(&index, Rows::F32(&rows), k, &times(factor), true);
            assert!(hits.stats().submissions > 2, "{base}: {}", hits.stats().submissions);
        }
    }
}

#[test]
fn progress_is_told_to_its_end_and_a_call_can_be_cancelled() {
    let Some(gpu) = gpu() else { return };
    let rows = numbers(300, 6);
    let index = refined(&gpu, ("IVF6,PQ4x4", "Flat"), &Metric::L2, &rows);
    for way in [Way::Device, Way::Host] {
        let told = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&told);
        let params = times(4.0).progress(move |share| to.lock().unwrap().push(share));
        let now = index.now();
        search_by(&now, Rows::F32(&rows), Ask::Nearest(5), &params, way).unwrap();
        let told = told.lock().unwrap();
        assert!(told.is_sorted() && told.last() == Some(&1.0), "{told:?}");
        let token = CancelToken::new();
        token.cancel();
        let params = times(4.0).cancel(&token);
        let found = search_by(&now, Rows::F32(&rows), Ask::Nearest(5), &params, way);
        assert!(matches!(found, Err(Error::Cancelled)));
        // what is wrong with queries is said alike
        let bad = [vec![0.0; DIM], vec![f32::NAN; DIM]].concat();
        let found = search_by(&now, Rows::F32(&bad), Ask::Nearest(5), &times(2.0), way);
        assert!(matches!(found, Err(Error::NonFinite { .. })), "{found:?}");
        let none = search_by(&now, Rows::F32(&rows), Ask::Nearest(0), &times(2.0), way);
        assert!(matches!(none, Err(Error::InvalidArgument { .. })), "{none:?}");
    }
}
