//! Codes on the device whose rows are on the host: every answer is that of lists of the rows on the device, to the bit, whatever the codes
//! are off by; the device holds what it holds of codes alone.

use super::both::{Both, NLIST, gpu};
use super::oracle::{bits, probing, same, taken};
use crate::common::device::subset;
use nearfield::{
    CancelToken, DType, Error, Exclude, Gpu, Hits, IdFilter, Index, IvfFlat, IvfParams, IvfSq,
    Metric, Originals, QueryFilter, Rows, ScalarQuantizer, Search, SearchParams, SqRange, SqType,
};

const METRICS: [Metric; 5] =
    [Metric::L2, Metric::SqrtL2, Metric::InnerProduct, Metric::Cosine, Metric::CosineDistance];
const HOST: Originals = Originals::Host;

/// The same ids, and distances of the same bits.
fn assert_same(found: &Hits, expected: &Hits, what: &str) {
    // which metric it is tells what the bits may differ by on real hardware, and nothing elsewhere
    let same = same(&Metric::Cosine, found, expected);
    let hits = |hits: &Hits, i: usize| hits.row(i).collect::<Vec<_>>();
    let first = (0..found.len()).find(|&i| hits(found, i) != hits(expected, i));
    let of = |all: &Hits| first.map(|i| hits(all, i));
    assert!(same, "{what}: {:?} and not {:?}, {:?}", of(found), of(expected), found.stats());
}

fn both(gpu: &Gpu, metric: &Metric, kind: SqType, dim: usize, base: &[f32]) -> Both {
    Both::of(gpu, metric, (kind, HOST), dim, base)
}

#[test]
fn distances_are_those_of_the_device_to_the_bit() {
    let gpu = gpu(true);
    for (at, dim) in [1, 7, 16, 33, 128, 768].into_iter().enumerate() {
        for (of, metric) in METRICS.iter().enumerate() {
            if subset() && of % 2 != at % 2 {
                continue;
            }
            let base = taken(90, dim, metric, SqType::Bits8, 3 + at as u64);
            let both = both(&gpu, metric, SqType::Bits8, dim, &base);
            let queries = taken(5, dim, metric, SqType::Bits8, 40);
            for k in [1, 10, 90] {
                let params = probing(NLIST);
                let found = both.index.search_with(Rows::F32(&queries), k, &params).unwrap();
                let expected = both.twin.flat.search(&queries, k).unwrap();
                assert_same(&found, &expected, &format!("{metric}, {dim} elements, k {k}"));
                assert!(found.stats().originals.compared >= 5 * k as u64);
            }
        }
    }
}

#[test]
fn every_type_under_every_metric() {
    let gpus = [true, false].map(gpu);
    for (at, &kind) in SqType::ALL.iter().enumerate() {
        for (of, metric) in METRICS.iter().enumerate() {
            if (at + of) % if subset() { 5 } else { 2 } != 0 {
                continue;
            }
            let dim = [17, 32][at % 2];
            let base = taken(400, dim, metric, kind, 1 + at as u64);
            let both = both(&gpus[at / 2 % 2], metric, kind, dim, &base);
            let queries = taken(9, dim, metric, kind, 50 + of as u64);
            both.check(&queries, &[(2, 10), (1, 1), (3, 12), (NLIST, 4), (2, 400)], at == of);
        }
    }
}

/// What codes cannot tell: rows far outside of their ranges, ranges of one value, equal rows, rows far from the origin, of tiny and huge norms.
#[test]
fn answers_are_exact_whatever_the_codes_lose() {
    let gpus = [true, false].map(gpu);
    for (at, metric) in METRICS.iter().enumerate() {
        for (of, kind) in [SqType::Bits8, SqType::Bits4, SqType::Fp16].into_iter().enumerate() {
            if subset() && (at + of) % 3 != 0 {
                continue;
            }
            let dim = 19;
            let mut base = taken(520, dim, metric, SqType::Bits8, 60 + at as u64);
            for (row, values) in base.chunks_exact_mut(dim).enumerate() {
                values[0] = 2.5;
                values[1] += 100.0;
                let by = match row {
                    0..200 => 1.0,
                    200..240 => 30.0,
                    240..300 => 1e-3,
                    300..320 => 1e-10,
                    320..324 => 400.0,
                    324..326 => 0.0,
                    _ => 1.0,
                };
                values.iter_mut().for_each(|x| *x *= by);
            }
            // many equal rows, and some that differ by less than a step
            let one = base[..dim].to_vec();
            for (row, values) in base.chunks_exact_mut(dim).enumerate().skip(330).take(150) {
                values.copy_from_slice(&one);
                values[3] += (row % 3) as f32 * 1e-6;
            }
            let quantizer = ScalarQuantizer::new(dim, kind).unwrap();
            let quantizer = quantizer.with_range(SqRange::Quantiles(0.05)).unwrap();
            let mut both = Both::new(&gpus[of % 2], metric, (&quantizer, HOST), &base[..200 * dim]);
            both.add(&base);
            let mut queries = taken(4, dim, metric, SqType::Bits8, 90);
            for row in [0, 210, 250, 310, 321, 324, 340] {
                queries.extend_from_slice(&base[row * dim..(row + 1) * dim]);
            }
            both.check(&queries, &[(2, 6), (3, 1), (NLIST, 30), (1, 300)], at == of);
        }
    }
}

/// Vectors whose squares vanish on some devices and whose lengths count as zero: held against f64, which knows how far these may be off.
#[test]
fn what_vanishes_is_never_missed() {
    let gpu = gpu(true);
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        let dim = 8;
        let mut base = taken(200, dim, &metric, SqType::Bits8, 8);
        let scales = [1.0, 1e-18, 1e-30, 1e15];
        for (row, values) in base.chunks_exact_mut(dim).enumerate() {
            values.iter_mut().for_each(|x| *x *= scales[row % 4]);
        }
        let both = both(&gpu, &metric, SqType::Bits8, dim, &base);
        let queries = Rows::F32(&base[..12 * dim]);
        for k in [1, 9, 60, 200] {
            let found = both.index.search_with(queries, k, &probing(NLIST)).unwrap();
            both.twin.model.check_hits(&found, queries, k, &|_, _| true);
        }
    }
}

/// Of rows as they are learnt from, and a few that are not, hardly a query is asked twice.
#[test]
fn few_queries_are_asked_again() {
    let (dim, n, metric) = (32, 3000, Metric::L2);
    let mut base = taken(n, dim, &metric, SqType::Bits8, 5);
    let quantizer = ScalarQuantizer::new(dim, SqType::Bits8).unwrap();
    let mut both = Both::new(&gpu(false), &metric, (&quantizer, HOST), &base);
    // beyond the ranges, by more than neighbours are apart
    for row in (0..n).step_by(150) {
        base[row * dim + row % dim] += 3.0;
    }
    both.add(&base);
    let queries = taken(60, dim, &metric, SqType::Bits8, 6);
    let ask = |params: &SearchParams| {
        let found = both.index.search_with(Rows::F32(&queries), 10, params).unwrap();
        let expected = both.twin.ivf.search_with(Rows::F32(&queries), 10, params).unwrap();
        assert_same(&found, &expected, "rows beyond their ranges");
        found.stats().clone()
    };
    let stats = ask(&probing(3));
    assert!(stats.originals.again <= 6, "{stats:?}");
    // twice k codes and some, and what is listed
    assert!(stats.originals.compared < 60 * 100, "{stats:?}");
    assert!(stats.queries == 60 && stats.ivf.nprobe == 3 && stats.ivf.rows_probed > 0);
    // codes of four values can tell little
    let coarse = Both::of(&gpu(false), &metric, (SqType::Bits4, HOST), dim, &base);
    let found = coarse.index.search_with(Rows::F32(&queries), 10, &probing(3)).unwrap();
    let expected = coarse.twin.ivf.search_with(Rows::F32(&queries), 10, &probing(3)).unwrap();
    assert_same(&found, &expected, "coarse codes");
    let of = &found.stats().originals;
    assert!(of.again > stats.originals.again && of.compared > stats.originals.compared, "{of:?}");
    // without a proof nobody is asked again
    let params = probing(3).certify(false);
    let found = coarse.index.search_with(Rows::F32(&queries), 10, &params).unwrap();
    assert!(found.len() == 60 && found.stats().originals.again == 0);
}

#[test]
fn filters_of_every_kind_leave_what_they_leave_of_lists_of_rows() {
    let (dim, metric) = (16, Metric::L2);
    let mut base = taken(700, dim, &metric, SqType::Bits8, 12);
    let quantizer = ScalarQuantizer::new(dim, SqType::Bits6).unwrap();
    let mut both = Both::new(&gpu(true), &metric, (&quantizer, HOST), &base);
    for row in (0..700).step_by(23) {
        base[row * dim + 5] *= 9.0;
    }
    both.add(&base);
    both.remove(&(0..700).step_by(31).collect::<Vec<u64>>());
    let mut queries = taken(20, dim, &metric, SqType::Bits8, 13);
    queries.extend_from_slice(&base[23 * dim..24 * dim]);
    let count = (queries.len() / dim) as u64;
    let own = |q: u64| IdFilter::from_fn(move |id| id % 5 != q % 5);
    let each = || (0..count).map(own).collect::<QueryFilter>();
    let (ours, theirs) = (&both.index, &both.twin.ivf);
    let half = || IdFilter::from_fn(|id| id % 2 == 0);
    for nprobe in [1, 3, NLIST] {
        let prepared = |index: &dyn Search| {
            let shared = index.prepare_filter(half()).unwrap();
            let own = index.prepare_query_filter(each()).unwrap();
            [
                probing(nprobe).prepared(&shared),
                probing(nprobe).prepared(&own),
                probing(nprobe).prepared(&own).filter(half()),
                probing(nprobe).prepared(&shared).query_filter(each()),
                probing(nprobe).filter(half()).query_filter(each()),
                probing(nprobe).filter(100..130),
                probing(nprobe).filter(9000..),
                probing(nprobe).exclude((0..count).collect::<Vec<u64>>()),
                probing(nprobe).filter(half()).exhaustive(true).timed(true),
            ]
        };
        for (at, (own, other)) in prepared(ours).iter().zip(&prepared(theirs)).enumerate() {
            let what = format!("filter {at}, nprobe {nprobe}");
            for k in [1, 20, 700] {
                let found = ours.search_with(Rows::F32(&queries), k, own).unwrap();
                let expected = theirs.search_with(Rows::F32(&queries), k, other).unwrap();
                assert_same(&found, &expected, &what);
            }
            let found = ours.range_search_with(Rows::F32(&queries), 18.0, own).unwrap();
            let expected = theirs.range_search_with(Rows::F32(&queries), 18.0, other).unwrap();
            assert_same(&found, &expected, &what);
        }
    }
    // of rows that are not there, and of none
    for radius in [f32::INFINITY, f32::NEG_INFINITY, 0.0, -1.0, f32::MAX] {
        let found = ours.range_search_with(Rows::F32(&queries), radius, &probing(2)).unwrap();
        let expected = theirs.range_search_with(Rows::F32(&queries), radius, &probing(2)).unwrap();
        assert_same(&found, &expected, &format!("within {radius}"));
    }
    let radius = ours.range_search(&queries, f32::NAN);
    assert!(matches!(radius, Err(Error::InvalidArgument { argument: "radius", .. })));
    let own = ours.search_with(Rows::F32(&base), 3, &SearchParams::new().exclude(Exclude::Own));
    assert!(own.is_err(), "rows that were removed are no queries of their own");
}

#[test]
fn more_lists_are_looked_at_and_proofs_hold_as_of_lists_of_rows() {
    let (dim, metric) = (12, Metric::SqrtL2);
    let mut base = taken(500, dim, &metric, SqType::Bits8, 21);
    for (row, values) in base.chunks_exact_mut(dim).enumerate() {
        // clusters that stand apart, as far as there are lists
        values[row % NLIST] += 60.0 * (1 + row % NLIST) as f32;
    }
    let mut both = both(&gpu(true), &metric, SqType::Bits8, dim, &base);
    let queries: Vec<f32> = base[..20 * dim].iter().map(|x| x + 0.01).collect();
    for round in 0..2 {
        for (k, ids) in [(5, 0..500), (150, 0..500), (40, 100..180), (600, 0..500), (3, 7..8)] {
            let ivf = IvfParams::new().nprobe(1).fill(true).prove(true);
            let params = SearchParams::new().ivf(ivf).filter(ids);
            let found = both.index.search_with(Rows::F32(&queries), k, &params).unwrap();
            let expected = both.twin.ivf.search_with(Rows::F32(&queries), k, &params).unwrap();
            assert_same(&found, &expected, &format!("k {k}"));
            let proved = |hits: &Hits| (0..20).map(|i| hits.proved(i)).collect::<Vec<_>>();
            assert_eq!(proved(&found), proved(&expected));
            let (ours, theirs) = (&found.stats().ivf, &expected.stats().ivf);
            assert_eq!((ours.filled, ours.proved), (theirs.filled, theirs.proved));
            assert!(k != 5 || ours.proved > 0);
        }
        let ivf = IvfParams::new().nprobe(2).prove(true);
        let params = SearchParams::new().ivf(ivf);
        let found = both.index.range_search_with(Rows::F32(&queries), 6.0, &params).unwrap();
        let expected = both.twin.ivf.range_search_with(Rows::F32(&queries), 6.0, &params).unwrap();
        assert_same(&found, &expected, "proofs of a range");
        assert_eq!(found.stats().ivf.proved, expected.stats().ivf.proved);
        if round == 0 {
            let path = tempfile::tempdir().unwrap();
            let file = path.path().join("host.nf");
            both.index.write(&file).unwrap();
            both.index = IvfSq::read(&gpu(true), &file).unwrap();
        }
    }
}

#[test]
fn the_device_holds_codes_alone() {
    let (dim, metric) = (64, Metric::Cosine);
    let gpu = gpu(true);
    let base = taken(600, dim, &metric, SqType::Bits8, 31);
    let index = IvfSq::new(&gpu, dim, metric.clone(), NLIST, SqType::Bits8).unwrap();
    index.train(Rows::F32(&base)).unwrap();
    let (quantizer, centroids) = (index.quantizer(), index.centroids().unwrap());
    let made = |originals| {
        let new = IvfSq::with_centroids(&gpu, metric.clone(), &quantizer, &centroids).unwrap();
        let new = new.with_originals(originals).unwrap();
        new.add(&base).unwrap();
        new.remove(&[5, 9, 300]).unwrap();
        new
    };
    let [codes, device, host] = [Originals::None, Originals::Device, HOST].map(made);
    assert!(host.memory() == codes.memory() && device.memory() > 2 * host.memory());
    let (queries, ids) = (taken(6, dim, &metric, SqType::Bits8, 32), host.ids());
    let rows = |index: &IvfSq| index.reconstruct_many(&ids).unwrap();
    let find =
        |index: &IvfSq| bits(&index.search_with(Rows::F32(&queries), 9, &probing(3)).unwrap());
    let (exact, coded) = (find(&device), find(&codes));
    assert!(find(&host) == exact && exact != coded && rows(&host) == rows(&device));
    // and on to the device and back, and to codes alone, without a change of what is found
    let there = host.with_originals(Originals::Device).unwrap();
    assert!(there.originals() == Originals::Device && find(&there) == exact);
    let back = there.with_originals(HOST).unwrap();
    assert!(find(&back) == exact && rows(&back) == rows(&device));
    // with what searches made, as of the other
    assert_eq!(back.memory(), codes.memory());
    assert_eq!((back.ids(), back.list_sizes()), (codes.ids(), codes.list_sizes()));
    let alone = back.with_originals(Originals::None).unwrap();
    assert!(find(&alone) == coded && rows(&alone) == rows(&codes));
    let error = alone.with_originals(HOST).unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    // merged: rows of the host into the others, and theirs into these
    let more = taken(40, dim, &metric, SqType::Bits8, 33);
    let with_more = |originals, first: u64| {
        let new = IvfSq::with_centroids(&gpu, metric.clone(), &quantizer, &centroids).unwrap();
        let new = new.with_originals(originals).unwrap();
        new.add_with_ids(Rows::F32(&more), &(first..first + 40).collect::<Vec<_>>()).unwrap();
        new.remove(&[first + 1]).unwrap();
        new
    };
    let [codes, device, host] = [Originals::None, Originals::Device, HOST].map(made);
    for (into, from) in [(&device, HOST), (&host, Originals::Device), (&codes, HOST)] {
        assert_eq!(into.merge_from(&with_more(from, 5000)).unwrap(), 39);
    }
    assert_eq!(find(&host), find(&device));
    let refused = host.merge_from(&with_more(Originals::None, 6000)).unwrap_err();
    assert!(matches!(refused, Error::InvalidArgument { argument: "other", .. }), "{refused}");
}

#[test]
fn a_call_that_fails_changes_nothing() {
    let (gpu, dim) = (gpu(true), 4);
    let index = IvfSq::new(&gpu, dim, Metric::L2, 2, SqType::Direct8).unwrap();
    let index = index.with_originals(HOST).unwrap();
    assert!(matches!(index.add(&[1.0; 4]), Err(Error::NotTrained)));
    assert!(matches!(index.search(&[1.0; 4], 1), Err(Error::NotTrained)));
    index.train(Rows::F32(&[1.0, 2.0, 3.0, 4.0, 9.0, 8.0, 7.0, 6.0])).unwrap();
    assert!(index.search(&[1.0; 4], 1).unwrap().ids().is_empty());
    index.add(&[1.0, 2.0, 3.0, 4.0]).unwrap();
    let error = index.add(&[1.0, 2.0, 3.0, 4.0, 5.0, 0.5, 1.0, 1.0]).unwrap_err();
    assert!(matches!(error, Error::InvalidValue { row: 1, column: 1, .. }), "{error}");
    assert!(index.update(0, Rows::F32(&[0.5; 4])).is_err());
    assert!(matches!(index.add(&[f32::NAN; 4]), Err(Error::NonFinite { row: 0, .. })));
    assert_eq!((index.len(), index.reconstruct(0).unwrap()), (1, vec![1.0, 2.0, 3.0, 4.0]));
    let bad = [[1.0; 4], [f32::INFINITY; 4]].concat();
    assert!(matches!(index.search(&bad, 1), Err(Error::NonFinite { row: 1, column: 0 })));
    assert!(index.search(&[1.0; 5], 1).is_err());
    let params = SearchParams::new().ivf(IvfParams::new().nprobe(0));
    assert!(index.search_with(Rows::F32(&[1.0; 4]), 1, &params).is_err());
    // whole numbers are what their codes stand for, and rows are asked for as other types, too
    let found = index.search_with(Rows::U8(&[1, 2, 3, 5]), 3, &probing(2)).unwrap();
    assert_eq!((found.ids(), found.distances()), (&[0][..], &[1.0][..]));
    assert_eq!(found.stats().originals.compared, 0);
}

#[test]
fn calls_are_cancelled_and_tell_how_far_they_are() {
    let (dim, metric) = (16, Metric::L2);
    let base = taken(300, dim, &metric, SqType::Bits4, 41);
    let both = both(&gpu(true), &metric, SqType::Bits4, dim, &base);
    let token = CancelToken::new();
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let own = told.clone();
    let params = probing(2).cancel(&token).progress(move |share| own.lock().unwrap().push(share));
    let pending = both.index.submit(Rows::F32(&base), 7, &params).unwrap();
    let expected = both.twin.ivf.search_with(Rows::F32(&base), 7, &probing(2)).unwrap();
    assert_same(&pollster::block_on(pending).unwrap(), &expected, "awaited");
    let told = told.lock().unwrap();
    assert!(told.is_sorted() && told.last() == Some(&1.0), "{told:?}");
    token.cancel();
    let cancelled = both.index.search_with(Rows::F32(&base), 7, &params);
    assert!(matches!(cancelled, Err(Error::Cancelled)));
    // several at once, of one snapshot each
    let first = both.index.submit(Rows::F32(&base), 3, &probing(2)).unwrap();
    both.index.remove(&(0..300).collect::<Vec<_>>()).unwrap();
    let second = both.index.submit(Rows::F32(&base), 3, &probing(2)).unwrap();
    assert_eq!(first.wait().unwrap().ids().len(), 900);
    assert!(second.wait().unwrap().ids().is_empty());
}

#[test]
fn an_index_that_is_empty_or_has_one_row_answers() {
    let gpu = gpu(true);
    for metric in METRICS {
        let quantizer = ScalarQuantizer::new(2, SqType::Uniform8).unwrap();
        let quantizer = quantizer.with_trained(&[0.0, 10.0]).unwrap();
        let centroids = [0.1, 0.0, 10.0, 10.0];
        let index = IvfSq::with_centroids(&gpu, metric.clone(), &quantizer, &centroids).unwrap();
        let index = index.with_originals(HOST).unwrap();
        let flat = IvfFlat::with_centroids(&gpu, 2, metric, DType::F32, &centroids).unwrap();
        for index in [&index as &dyn Index, &flat] {
            index.add(&[]).unwrap();
            assert!(index.search(&[1.0, 1.0], 4).unwrap().ids().is_empty());
            index.add(&[3.3, 4.1]).unwrap();
        }
        let queries = [1.0, 1.0, 0.0, 0.0, 9.0, -1.0];
        let found = index.search_with(Rows::F32(&queries), 4, &probing(2)).unwrap();
        let expected = flat.search_with(Rows::F32(&queries), 4, &probing(2)).unwrap();
        assert_same(&found, &expected, "one row");
        assert_eq!(index.search(&[], 4).unwrap().len(), 0);
    }
}
