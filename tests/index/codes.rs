//! Flat indexes of codes: every answer is that of a flat index of the decoded rows, to the bit, and holds against f64.

use crate::common::device::subset;
use crate::support::{Model, check_untrained, gpu, in_order};
use nearfield::{
    DType, Error, Flat, Gpu, Guarantee, Hits, IdFilter, Index, Metric, Pq, ProductQuantizer,
    QueryFilter, Rows, ScalarQuantizer, Search, SearchParams, Sq, SqType, index_factory,
    read_index, write_index,
};
use std::sync::LazyLock;

static GPU: LazyLock<Gpu> = LazyLock::new(gpu);

const METRICS: [Metric; 5] =
    [Metric::L2, Metric::InnerProduct, Metric::Cosine, Metric::SqrtL2, Metric::CosineDistance];

/// What rows become.
#[derive(Clone, Copy, Debug)]
enum As {
    Parts(usize, u32),
    Steps(SqType),
}

/// Whole numbers times a power of two, so that many distances are equal, with rows of zeros and rows that are there again.
fn numbers(n: usize, dim: usize, seed: u64) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut rows: Vec<f32> = (0..n * dim).map(|_| random.i32(-90..=90) as f32 / 8.0).collect();
    for row in (0..n).filter(|row| row % 9 == 5) {
        let from = random.usize(0..=row) * dim;
        rows.copy_within(from..from + dim, row * dim);
    }
    rows.chunks_exact_mut(dim).skip(3).step_by(40).for_each(|row| row.fill(0.0));
    rows
}

/// An index that knows its codes: of pieces of rows for those of parts.
fn made(metric: &Metric, dim: usize, of: As, rows: &[f32]) -> Box<dyn Index> {
    match of {
        As::Parts(parts, bits) => {
            let of_parts: Vec<f32> =
                rows.iter().rev().cycle().take(dim << bits).map(|x| 0.7 * x).collect();
            let quantizer = ProductQuantizer::new(dim, parts, bits).unwrap();
            let quantizer = quantizer.with_centroids(&of_parts).unwrap();
            Box::new(Pq::with_quantizer(&GPU, metric.clone(), &quantizer).unwrap())
        }
        As::Steps(kind) => {
            let index = Sq::new(&GPU, dim, metric.clone(), kind).unwrap();
            index.train(Rows::F32(rows)).unwrap();
            Box::new(index)
        }
    }
}

fn bits(hits: &Hits) -> (Vec<usize>, Vec<u64>, Vec<u32>) {
    let distances = hits.distances().iter().map(|x| x.to_bits());
    (hits.lims().to_vec(), hits.ids().to_vec(), distances.collect())
}

/// Holds an index against a flat one of what it gives back, and against f64.
fn check(index: &dyn Index, queries: &[f32], name: &str) {
    let (dim, metric, ids) = (index.dim(), index.metric(), index.ids());
    let decoded = index.reconstruct_many(&ids).unwrap();
    let flat = Flat::new(&GPU, dim, metric.clone()).unwrap();
    flat.add_with_ids(Rows::F32(&decoded), &ids).unwrap();
    let mut model = Model::new(metric, DType::F32, dim);
    model.add(Rows::F32(&decoded), &ids);
    let asked = Rows::F32(queries);
    let count = queries.len() / dim;
    let third = IdFilter::bitmap(vec![0x9249_2492_4924_9249u64; 9]);
    let each: QueryFilter = (0..count as u64).map(|q| IdFilter::range(3 * q..200 + q)).collect();
    let plain = SearchParams::new();
    for (params, k) in [
        (plain.clone(), 1),
        (plain.clone(), 10),
        (plain.clone(), 1000),
        (plain.clone().filter(third.clone()), 12),
        (plain.clone().query_filter(each), 5),
        (plain.clone().exclude(vec![7; count]), 5),
        (plain.clone().guarantee(Guarantee::Exact), 3),
    ] {
        let found = index.search_with(asked, k, &params).unwrap();
        let expected = flat.search_with(asked, k, &params).unwrap();
        assert!(bits(&found) == bits(&expected), "{name} {metric} {k}: other hits or bits");
        assert!(in_order(&found, metric.order()), "{name} {metric}");
    }
    let found = index.search_with(asked, 10, &plain.clone().filter(third.clone())).unwrap();
    model.check_hits(&found, asked, 10, &|_, row| third.is_member(ids[row]));
    let Some((_, radius)) = (0..found.len()).find_map(|i| found.row(i).next_back()) else { return };
    let within = index.range_search_with(asked, radius, &plain).unwrap();
    let expected = flat.range_search_with(asked, radius, &plain).unwrap();
    assert!(bits(&within) == bits(&expected), "{name} {metric} within {radius}");
    let (hits, rows) = index.search_and_reconstruct(asked, 2, &plain).unwrap();
    assert_eq!(rows, index.reconstruct_many(hits.ids()).unwrap());
}

#[test]
fn every_kind_of_code_under_every_metric() {
    let kinds = [
        (32, As::Parts(8, 8)),
        (20, As::Parts(5, 4)),
        (21, As::Parts(7, 6)),
        (1, As::Parts(1, 5)),
        (24, As::Steps(SqType::Bits8)),
        (19, As::Steps(SqType::Bits6)),
        (1, As::Steps(SqType::Bits4)),
        (20, As::Steps(SqType::Uniform8)),
        (12, As::Steps(SqType::Fp16)),
        (13, As::Steps(SqType::Bf16)),
        (9, As::Steps(SqType::Direct8Signed)),
    ];
    for (at, &(dim, of)) in kinds.iter().enumerate() {
        for (number, metric) in METRICS.iter().enumerate() {
            // each pair has kernels of its own to compile
            if (at + number) % if subset() { 4 } else { 2 } != 0 {
                continue;
            }
            let whole = matches!(of, As::Steps(SqType::Direct8Signed));
            let round = |rows: Vec<f32>| match whole {
                true => rows.into_iter().map(f32::round).collect(),
                false => rows,
            };
            let base = round(numbers(300, dim, at as u64));
            let index = made(metric, dim, of, &base);
            let name = format!("{of:?}");
            check(&*index, &round(numbers(3, dim, 70)), &name);
            index.add(&base).unwrap();
            assert_eq!(index.len(), 300, "{name}");
            check(&*index, &round(numbers(7, dim, 50 + number as u64)), &name);
            check(&*index, &round(numbers(130, dim, 90)), &name);
        }
    }
}

/// Rows are added, removed, changed, moved together, written and read.
#[test]
fn histories_leave_what_the_codes_stand_for() {
    let dim = 16;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("codes.nf");
    for of in [As::Parts(4, 4), As::Parts(2, 8), As::Steps(SqType::Bits6), As::Steps(SqType::Fp16)]
    {
        let rows = numbers(400, dim, 7);
        let (index, other) = (made(&Metric::L2, dim, of, &rows), made(&Metric::L2, dim, of, &rows));
        let (queries, name) = (numbers(9, dim, 8), format!("{of:?}"));
        assert_eq!(index.add(&rows).unwrap(), 0..400);
        let gone: Vec<u64> = (0..400).step_by(3).collect();
        assert_eq!(index.remove(&gone).unwrap(), gone.len());
        check(&*index, &queries, &name);
        let others = numbers(20, dim, 10);
        index.update_rows(Rows::F32(&others[..5 * dim]), &[1, 2, 4, 5, 7]).unwrap();
        assert_eq!(index.upsert(Rows::F32(&others), &(390..410).collect::<Vec<_>>()).unwrap(), 14);
        check(&*index, &queries, &name);
        other.add_with_ids(Rows::F32(&others), &(1000..1020).collect::<Vec<_>>()).unwrap();
        other.remove(&[1003, 1019]).unwrap();
        assert_eq!(index.merge_from(&*other).unwrap(), 18);
        assert_eq!(index.reconstruct(1018).unwrap(), other.reconstruct(1018).unwrap());
        check(&*index, &queries, &name);
        let left: Vec<u64> = index.ids();
        write_index(&*index, &path).unwrap();
        let again = read_index(&GPU, &path).unwrap();
        assert_eq!((again.ids(), again.description()), (left.clone(), index.description()));
        assert_eq!(
            again.reconstruct_many(&left).unwrap(),
            index.reconstruct_many(&left).unwrap(),
            "{name}"
        );
        check(&*again, &queries, &name);
        // all of it, and it goes on
        assert_eq!(index.remove(&left).unwrap(), left.len());
        check(&*index, &queries, &name);
        let ids = index.add(&others).unwrap();
        assert!(ids.start > *left.last().unwrap());
        check(&*index, &queries, &name);
    }
}

#[test]
fn training_learns_what_the_quantizer_does() {
    let dim = 8;
    let rows = numbers(700, dim, 3);
    for description in ["PQ4x5", "PQ2", "SQ8", "SQ4", "SQfp16", "SQ8_uniform"] {
        let index = index_factory(&GPU, dim, description, Metric::L2, DType::F32).unwrap();
        assert_eq!(index.description(), description);
        let ranged = description != "SQfp16";
        assert_eq!(index.is_trained(), !ranged);
        if ranged {
            check_untrained(&GPU, &*index, &rows);
        }
        index.train(Rows::F32(&rows)).unwrap();
        index.add(&rows).unwrap();
        // as the quantizer alone would have it
        let decoded = index.reconstruct_many(&index.ids()).unwrap();
        let any = index.as_any().unwrap();
        let expected = if let Some(index) = any.downcast_ref::<Pq>() {
            let of = index.quantizer();
            of.decode(&of.encode(&GPU, Rows::F32(&rows)).unwrap()).unwrap()
        } else {
            let of = any.downcast_ref::<Sq>().unwrap().quantizer();
            of.decode(&of.encode(Rows::F32(&rows)).unwrap()).unwrap()
        };
        assert_eq!(decoded, expected, "{description}");
        let again = index.train(Rows::F32(&rows));
        assert_eq!(again.is_err(), ranged, "{description}");
        assert_eq!(index.len(), 700);
    }
    let same = ["PQ4x5fs", "PQ4x5np"]
        .map(|text| index_factory(&GPU, dim, text, Metric::L2, DType::F32).unwrap().description());
    assert_eq!(same, ["PQ4x5", "PQ4x5"]);
}

#[test]
fn what_is_refused_changes_nothing() {
    let (dim, rows) = (8, numbers(100, 8, 4));
    let refused = |index: nearfield::Result<Box<dyn Index>>, part: &str| {
        let said = index.unwrap_err().to_string();
        assert!(said.contains(part), "{said}");
    };
    let make = |text: &str, metric, dtype| index_factory(&GPU, dim, text, metric, dtype);
    refused(make("PQ3", Metric::L2, DType::F32), "3");
    refused(make("PQ4x9", Metric::L2, DType::F32), "9");
    refused(make("SQ8", Metric::L1, DType::F32), "l1");
    refused(make("PQ4", Metric::L2, DType::F16), "f16");
    refused(make("SQ9", Metric::L2, DType::F32), "SQ9");
    let untrained = ProductQuantizer::new(dim, 2, 4).unwrap();
    let error = Pq::with_quantizer(&GPU, Metric::L2, &untrained).unwrap_err();
    assert!(matches!(error, Error::NotTrained));

    let index = made(&Metric::L2, dim, As::Parts(4, 4), &rows);
    index.add(&rows).unwrap();
    let mut bad = rows.clone();
    bad[3 * dim + 1] = f32::NAN;
    assert!(matches!(index.add(&bad), Err(Error::NonFinite { row: 3, .. })));
    assert!(matches!(index.add(&rows[..dim + 1]), Err(Error::PartialRow { .. })));
    let halves = vec![nearfield::half::f16::ZERO; dim];
    assert!(index.add_rows(Rows::F16(&halves)).is_err());
    let others = made(&Metric::L2, dim, As::Parts(4, 4), &numbers(100, dim, 5));
    others.add_with_ids(Rows::F32(&rows[..dim]), &[900]).unwrap();
    assert!(matches!(index.merge_from(&*others), Err(Error::InvalidArgument { .. })));
    let scalar = made(&Metric::L2, dim, As::Steps(SqType::Bits8), &rows);
    assert!(matches!(index.merge_from(&*scalar), Err(Error::InvalidArgument { .. })));
    let wide = ScalarQuantizer::new(dim, SqType::Uniform8).unwrap();
    let wide = wide.with_trained(&[0.0, 1e30]).unwrap();
    assert!(Sq::with_quantizer(&GPU, Metric::L2, &wide).is_err());
    let half = Sq::new(&GPU, dim, Metric::L2, SqType::Fp16).unwrap();
    assert!(matches!(half.add(&vec![1e6; dim]), Err(Error::InvalidValue { row: 0, .. })));
    assert_eq!((index.len(), half.len()), (100, 0));
    check(&*index, &numbers(5, dim, 6), "after what was refused");
}
