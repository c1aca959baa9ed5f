//! Rows that the caller names, held against what a search of all rows says of them.

use crate::common::cases::{bit_metrics, float_metrics};
use crate::common::data::{Domain, Kind, Owned, Random};
use crate::common::device::subset;
use crate::support::{gpu, index, own_gpu};
use nearfield::{
    BinaryIvf, Candidates, DType, Error, Flat, Gpu, Graph, Guarantee, Hits, Hnsw, Index, IvfFlat,
    Lsh, Metric, Order, Pq, Refine, Rows, ScalarQuantizer, SearchParams, Sq, SqType,
    score_candidates,
};

fn made(kind: Kind, n: usize, dim: usize, metric: &Metric, dtype: DType, queries: bool) -> Owned {
    let domain = Domain::of(metric);
    let mut values = kind.rows(n, dim, 9, queries, 1.0);
    domain.apply(&mut values, dim, 9 + u64::from(queries));
    Owned::encode(&values, dim, dtype, domain, kind)
}

/// Ids of rows for each of some queries: any number of them, the same ones again, and places without one between them.
fn named(queries: usize, ids: &[u64], seed: u64) -> Vec<Vec<u64>> {
    let mut random = Random::new(seed);
    let one = |random: &mut Random| match random.below(5) {
        0 => Candidates::NO_ID,
        _ => ids[random.below(ids.len() as u64) as usize],
    };
    let lens = |query: usize| if query == 1 { 0 } else { 3 + 17 * query % 90 };
    (0..queries).map(|query| (0..lens(query)).map(|_| one(&mut random)).collect()).collect()
}

fn of_bits(hits: &Hits) -> (Vec<usize>, Vec<u64>, Vec<u32>) {
    let distances = hits.distances().iter().map(|d| d.to_bits()).collect();
    (hits.lims().to_vec(), hits.ids().to_vec(), distances)
}

/// In both forms, which have to agree.
fn scored(index: &dyn Index, queries: Rows<'_>, named: &[Vec<u64>], k: Option<usize>) -> Hits {
    let mut offsets = vec![0];
    named.iter().for_each(|ids| offsets.push(offsets[offsets.len() - 1] + ids.len()));
    let ids = named.concat();
    let lists = score_candidates(index, queries, Candidates::lists(&ids, &offsets), k).unwrap();
    let width = named.iter().map(Vec::len).max().unwrap_or(0);
    let mut all = named.to_vec();
    all.iter_mut().for_each(|ids| ids.resize(width, Candidates::NO_ID));
    let all = all.concat();
    let padded = score_candidates(index, queries, Candidates::padded(&all, width), k).unwrap();
    assert_eq!(of_bits(&lists), of_bits(&padded), "{index:?}, {k:?}");
    lists
}

/// Holds the answers for some candidates against what a search says of all rows.
fn check(index: &dyn Index, queries: Rows<'_>, named: &[Vec<u64>]) {
    let what = format!("{index:?}, queries of {}", queries.dtype());
    let exact = SearchParams::new().guarantee(Guarantee::Exact);
    let ranked = index.search_with(queries, index.len(), &exact).unwrap();
    let bits = |(id, distance): (u64, f32)| (id, distance.to_bits());
    let all = scored(index, queries, named, None);
    assert_eq!(all.len(), named.len());
    for (query, named) in named.iter().enumerate() {
        let there = named.iter().filter(|&&id| id != Candidates::NO_ID);
        let none = index.metric().order().no_hit();
        let distance =
            |id: u64| ranked.row(query).find(|hit| hit.0 == id).map_or(none, |hit| hit.1);
        let expected: Vec<(u64, u32)> = there.map(|&id| bits((id, distance(id)))).collect();
        let found: Vec<(u64, u32)> = all.row(query).map(bits).collect();
        assert_eq!(found, expected, "{what}, query {query}");
    }
    for k in [1, 7, 1000] {
        let best = scored(index, queries, named, Some(k));
        for (query, named) in named.iter().enumerate() {
            let own = ranked.row(query).filter(|hit| named.contains(&hit.0)).take(k);
            let expected: Vec<(u64, u32)> = own.map(bits).collect();
            let found: Vec<(u64, u32)> = best.row(query).map(bits).collect();
            assert_eq!(found, expected, "{what}, query {query}, k = {k}");
        }
    }
}

#[test]
fn every_metric_and_type_has_the_distances_of_a_search() {
    let kinds = [Kind::Duplicates, Kind::ZeroVectors, Kind::Normal, Kind::WideNorms];
    let types = [DType::F32, DType::F16, DType::Bf16, DType::I8, DType::U8];
    let source = "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc + abs(q - x); }\n\
                  fn finish(acc: f32, d: u32) -> f32 { return acc; }";
    let custom = Metric::wgsl(source, 0.0, Order::Ascending);
    let floats = float_metrics().into_iter().chain([custom]);
    let floats = floats.flat_map(|metric| types.map(|dtype| (metric.clone(), dtype)));
    let all = floats.chain(bit_metrics().into_iter().map(|metric| (metric, DType::Bits)));
    for (turn, (metric, dtype)) in all.enumerate() {
        // each metric and each type in turn on a slow driver
        if subset() && dtype != DType::Bits && !turn.is_multiple_of(4) {
            continue;
        }
        let dim = match metric {
            Metric::Haversine => 2,
            _ if dtype == DType::Bits => 70,
            _ => [5, 33, 1, 12][turn / 4 % 4],
        };
        let (n, nq, kind) = (150, 6, kinds[turn / 4 % 4]);
        let rows = made(kind, n, dim, &metric, dtype, false);
        // queries of the rows' type, and of another, which is compared in f32
        let other = if turn.is_multiple_of(8) { dtype } else { DType::F32 };
        let asked = if dtype == DType::Bits { dtype } else { other };
        let queries = made(kind, nq, dim, &metric, asked, true);
        let index = index(&gpu(), dim, &metric, dtype);
        index.add_rows(rows.rows()).unwrap();
        let named = named(nq, &Vec::from_iter(0..n as u64), turn as u64);
        check(&*index, queries.rows(), &named);
    }
}

#[test]
fn rows_are_known_by_their_ids_as_they_are_now() {
    let (n, dim, nq) = (150, 3, 5);
    let rows = made(Kind::Duplicates, n, dim, &Metric::L2, DType::F32, false);
    let index = index(&gpu(), dim, &Metric::L2, DType::F32);
    let ids: Vec<u64> = (0..n as u64).map(|i| i * 91 % 150 + 1000).collect();
    index.add_with_ids(rows.rows(), &ids).unwrap();
    index.remove(&[1003, 1149, 1000]).unwrap();
    index.update(1010, Rows::F32(&[9.0, 9.0, 9.0])).unwrap();
    let queries = made(Kind::Duplicates, nq, dim, &Metric::L2, DType::F32, true);
    let left = index.ids();
    let named = named(nq, &left, 3);
    check(&*index, queries.rows(), &named);
    for gone in [1003, 7, 1 << 63] {
        let ids = [1010, gone];
        let given = Candidates::padded(&ids, 2);
        match score_candidates(&*index, Rows::F32(&[0.0; 3]), given, None) {
            Err(Error::UnknownId { id }) => assert_eq!(id, gone),
            other => panic!("{gone}: {other:?}"),
        }
    }
}

#[test]
fn lists_codes_and_two_stages_have_what_their_searches_find() {
    let (n, dim, nq, metric) = (120, 4, 4, Metric::L2);
    let (gpu, types) = (gpu(), DType::F32);
    let rows = made(Kind::Normal, n, dim, &metric, types, false);
    let queries = made(Kind::Normal, nq, dim, &metric, types, true);
    let floats = rows.rows().to_f32();
    let lists = || IvfFlat::with_centroids(&gpu, dim, Metric::L2, types, &floats[..3 * dim]);
    let steps = ScalarQuantizer::new(dim, SqType::Bits8).unwrap().train(rows.rows()).unwrap();
    let (first, second) = (lists().unwrap(), Flat::new(&gpu, dim, Metric::L2).unwrap());
    let all: Vec<Box<dyn Index>> = vec![
        Box::new(lists().unwrap()),
        Box::new(Graph::new(&gpu, dim, Metric::L2).unwrap()),
        Box::new(Hnsw::new(&gpu, dim, Metric::L2).unwrap()),
        Box::new(Sq::with_quantizer(&gpu, Metric::L2, &steps).unwrap()),
        Box::new(Pq::new(&gpu, dim, Metric::L2, 2, 4).unwrap()),
        Box::new(Refine::new(Box::new(first), Box::new(second)).unwrap()),
    ];
    let named = named(nq, &Vec::from_iter(0..n as u64), 8);
    for index in all {
        if !index.is_trained() {
            let none = Candidates::padded(&[], 0);
            let error = score_candidates(&*index, queries.rows(), none, None);
            assert!(matches!(error, Err(Error::NotTrained)));
            index.train(rows.rows()).unwrap();
        }
        index.add_rows(rows.rows()).unwrap();
        check(&*index, queries.rows(), &named);
    }
    let bits = BinaryIvf::with_centroids(&gpu, 8, Metric::Hamming, &[0, 255]).unwrap();
    bits.add_rows(Rows::Bits(&[1, 3, 7])).unwrap();
    let given = Candidates::padded(&[2, 0], 2);
    let found = score_candidates(&bits, Rows::Bits(&[0]), given, None).unwrap();
    assert_eq!((found.ids(), found.distances()), (&[2, 0][..], &[3.0, 1.0][..]));
    let signs = Lsh::new(&gpu, dim, 4, false, false).unwrap();
    signs.add(&floats).unwrap();
    let error = score_candidates(&signs, queries.rows(), Candidates::padded(&[], 0), None);
    assert!(matches!(error, Err(Error::Unsupported { .. })));
}

#[test]
fn none_are_none_and_few_are_few() {
    let index = index(&gpu(), 1, &Metric::InnerProduct, DType::F32);
    let of = |queries: &[f32], ids: &[u64], width, k| {
        score_candidates(&*index, Rows::F32(queries), Candidates::padded(ids, width), k).unwrap()
    };
    let none = Candidates::NO_ID;
    for k in [None, Some(3)] {
        assert!(of(&[], &[], 5, k).is_empty());
        assert_eq!(of(&[1.0, 2.0], &[], 0, k).lims(), [0, 0, 0]);
        // of an index without rows
        assert_eq!(of(&[1.0, 2.0], &[none; 4], 2, k).lims(), [0, 0, 0]);
    }
    index.add(&[2.0, -1.0, 2.0]).unwrap();
    let found = of(&[3.0, -3.0], &[2, 0, 2, 1, none, none], 3, Some(2));
    assert_eq!((found.lims(), found.ids()), (&[0, 2, 3][..], &[0, 2, 1][..]));
    assert_eq!(found.distances(), [6.0, 6.0, 3.0]);
    assert_eq!(found.stats().queries, 2);
    assert_eq!(found.stats().refine.candidates, 3);
    // pairs that are no hits keep their places, and are among no nearest
    let (nan, metric) = (f32::NAN, Metric::NanEuclidean);
    let index = Flat::new(&gpu(), 1, metric).unwrap();
    index.add(&[nan, 1.0]).unwrap();
    let given = Candidates::padded(&[0, 1, 0], 3);
    let all = score_candidates(&index, Rows::F32(&[3.0]), given, None).unwrap();
    assert_eq!(all.distances(), [f32::MAX, 4.0, f32::MAX]);
    let best = score_candidates(&index, Rows::F32(&[3.0]), given, Some(3)).unwrap();
    assert_eq!((best.ids(), best.distances()), (&[1][..], &[4.0][..]));
}

#[test]
fn what_cannot_be_is_refused() {
    let gpu = own_gpu();
    let index = Flat::new(&gpu, 2, Metric::L2).unwrap();
    index.add(&[0.0; 20]).unwrap();
    let used = gpu.memory().in_use;
    let two = Rows::F32(&[1.0; 4]);
    let refused =
        |queries, candidates, k| score_candidates(&index, queries, candidates, k).unwrap_err();
    for (candidates, k, name) in [
        (Candidates::padded(&[1, 2], 1), Some(0), "k"),
        (Candidates::padded(&[1, 2, 3], 1), None, "candidates"),
        (Candidates::padded(&[1, 2, 3], 2), None, "candidates"),
        (Candidates::padded(&[1, 2], usize::MAX), None, "candidates"),
        (Candidates::padded(&[1], 0), None, "candidates"),
        (Candidates::lists(&[1, 2], &[0, 1]), None, "candidates"),
        (Candidates::lists(&[1, 2], &[]), None, "candidates"),
        (Candidates::lists(&[1, 2], &[0, 1, 3]), None, "candidates"),
        (Candidates::lists(&[1, 2], &[0, 1, 1]), None, "candidates"),
        (Candidates::lists(&[1, 2], &[1, 1, 2]), None, "candidates"),
        (Candidates::lists(&[1, 2], &[0, 3, 2]), None, "candidates"),
    ] {
        match refused(two, candidates, k) {
            Error::InvalidArgument { argument, .. } => assert_eq!(argument, name),
            other => panic!("{candidates:?}: {other:?}"),
        }
    }
    let fine = Candidates::padded(&[1, 2], 1);
    let error = refused(Rows::F32(&[1.0; 3]), fine, None);
    assert!(matches!(error, Error::PartialRow { .. }), "{error}");
    let error = refused(Rows::F32(&[1.0, 1.0, f32::NAN, 1.0]), fine, None);
    assert!(matches!(error, Error::NonFinite { row: 1, column: 0 }), "{error}");
    let error = refused(Rows::Bits(&[1; 4]), fine, None);
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    assert_eq!(gpu.memory().in_use, used);
}

#[test]
fn many_at_once_are_cut_into_what_fits() {
    let small = Gpu::builder().poison(true).memory_budget(1 << 20);
    let small = crate::common::device::Open::open(small).unwrap();
    let rows = made(Kind::Duplicates, 500, 3, &Metric::L2, DType::F32, false);
    let queries = made(Kind::Duplicates, 300, 3, &Metric::L2, DType::F32, true);
    let all: Vec<Vec<u64>> =
        (0..300u64).map(|q| (0..500).map(|i| (i * 7 + q) % 500).collect()).collect();
    let of = |gpu: &Gpu, k| {
        let index = Flat::new(gpu, 3, Metric::L2).unwrap();
        index.add_rows(rows.rows()).unwrap();
        scored(&index, queries.rows(), &all, k)
    };
    for k in [None, Some(5)] {
        let (cut, whole) = (of(&small, k), of(&gpu(), k));
        assert_eq!(of_bits(&cut), of_bits(&whole));
        assert!(cut.stats().submissions > whole.stats().submissions, "{:?}", cut.stats());
    }
}
