//! What searches answer.

use super::{Model, bits_of, index, nearest, numbers};
use crate::common::device::subset;
use futures::TryStreamExt;
use nearfield::{
    Error, Guarantee, Hits, IdFilter, Index, IvfParams, Lsh, Metric, QueryFilter, Rows, Search,
    SearchParams,
};

/// Elements, bits, rotated, with thresholds.
pub const SHAPES: [(usize, usize, bool, bool); 10] = [
    (1, 1, false, false),
    (9, 9, false, false),
    (12, 5, false, true),
    (8, 8, false, true),
    (5, 1, true, false),
    (7, 20, true, false),
    (16, 64, true, true),
    (33, 13, true, true),
    (20, 128, true, false),
    (3, 300, true, true),
];

fn shapes() -> impl Iterator<Item = (usize, usize, bool, bool)> {
    SHAPES.into_iter().step_by(if subset() { 3 } else { 1 })
}

fn hits(hits: &Hits) -> Vec<Vec<(u64, f32)>> {
    hits.rows().map(|row| row.to_vec()).collect()
}

/// Holds all kinds of searches against the bits of the rows.
pub fn check(index: &Lsh, model: &Model, queries: &[f32]) {
    let dim = index.dim();
    let name = format!("{} of {dim}, {} rows", index.description(), model.len());
    let (asked, count) = (bits_of(index, dim, queries), queries.len() / dim);
    let rows = Rows::F32(queries);
    let plain = SearchParams::new();
    let all = |_: u64| true;
    let expected = |query: usize, k: usize, may: &dyn Fn(u64) -> bool| {
        let mut found = nearest(model, &asked[query], may);
        found.truncate(k);
        found
    };
    for k in [1, 10, model.len() + 3] {
        let found = hits(&index.search_with(rows, k, &plain).unwrap());
        for (query, found) in found.iter().enumerate() {
            assert_eq!(*found, expected(query, k, &all), "{name}: query {query}, k = {k}");
        }
    }
    let odd = |id: u64| id % 2 == 1;
    let params = plain.clone().filter(IdFilter::from_fn(odd));
    let found = hits(&index.search_with(rows, 7, &params).unwrap());
    let prepared = index.prepare_filter(IdFilter::from_fn(odd)).unwrap();
    let again = index.search_with(rows, 7, &plain.clone().prepared(&prepared)).unwrap();
    assert_eq!(found, hits(&again), "{name}");
    let each: QueryFilter = (0..count as u64).map(|q| IdFilter::range(q..q + 40)).collect();
    let of_each = hits(&index.search_with(rows, 7, &plain.clone().query_filter(each)).unwrap());
    let first = model.first().map_or(0, |row| row.0);
    let exclude = plain.clone().exclude(vec![first; count]);
    let without = hits(&index.search_with(rows, 7, &exclude).unwrap());
    for query in 0..count {
        assert_eq!(found[query], expected(query, 7, &odd), "{name}");
        let own = |id: u64| (query as u64..query as u64 + 40).contains(&id);
        assert_eq!(of_each[query], expected(query, 7, &own), "{name}");
        let others = |id: u64| id != first;
        assert_eq!(without[query], expected(query, 7, &others), "{name}");
    }
    for radius in [0.0, 1.0, 2.5, index.nbits() as f32, f32::INFINITY] {
        let found = hits(&index.range_search_with(rows, radius, &plain).unwrap());
        for (query, found) in found.iter().enumerate() {
            let mut within = nearest(model, &asked[query], all);
            within.retain(|hit| hit.1 < radius);
            assert_eq!(*found, within, "{name}: radius {radius}");
        }
    }
    let blocks = index.search_stream(rows, 4, 3, &plain).unwrap();
    let blocks: Vec<_> = pollster::block_on(blocks.try_collect()).unwrap();
    let streamed: Vec<_> = blocks.iter().flat_map(|(_, block)| hits(block)).collect();
    assert_eq!(streamed, hits(&index.search_with(rows, 4, &plain).unwrap()), "{name}");
}

#[test]
fn hits_are_those_of_which_the_fewest_bits_differ() {
    for (dim, bits, rotated, thresholds) in shapes() {
        let index = index(dim, bits, rotated, thresholds);
        assert_eq!((index.metric(), index.dim(), index.nbits()), (&Metric::Hamming, dim, bits));
        let (base, queries) = (numbers(150, dim, 1), numbers(6, dim, 2));
        check(&index, &Vec::new(), &queries);
        assert_eq!(index.add(&base).unwrap(), 0..150);
        let model: Model = (0..).zip(bits_of(&index, dim, &base)).collect();
        check(&index, &model, &queries);
        // of the rows themselves, and of fewer rows than neighbours that are asked for
        check(&index, &model, &base[..5 * dim]);
        let few = super::index(dim, bits, rotated, thresholds);
        few.add(&base[..3 * dim]).unwrap();
        check(&few, &model[..3].to_vec(), &queries);
        // the bits are those that the index tells
        let told = index.encode(Rows::F32(&base)).unwrap();
        for (code, (_, own)) in told.chunks_exact(bits.div_ceil(8)).zip(&model) {
            let set = |at: usize| code[at / 8] >> (at % 8) & 1 == 1;
            assert_eq!((0..bits).map(set).collect::<Vec<_>>(), *own);
        }
    }
}

#[test]
fn an_answer_does_not_depend_on_the_other_queries_of_a_call() {
    let (dim, index) = (24, index(24, 100, true, true));
    index.add(&numbers(1000, dim, 3)).unwrap();
    let queries = numbers(200, dim, 4);
    let all = hits(&index.search(&queries, 9).unwrap());
    for query in [0, 7, 199] {
        let one = index.search(&queries[query * dim..][..dim], 9).unwrap();
        assert_eq!(hits(&one)[0], all[query]);
    }
}

#[test]
fn queries_may_be_of_any_type_of_numbers() {
    let index = index(3, 16, true, false);
    let bytes: Vec<i8> = (0..90).map(|x| (x * 37 % 101 - 50) as i8).collect();
    let numbers: Vec<f32> = bytes.iter().map(|&x| f32::from(x)).collect();
    index.add(&numbers).unwrap();
    let plain = SearchParams::new();
    let found = index.search_with(Rows::I8(&bytes), 4, &plain).unwrap();
    assert_eq!(hits(&found), hits(&index.search(&numbers, 4).unwrap()));
    let half: Vec<_> = numbers.iter().map(|&x| nearfield::half::f16::from_f32(x)).collect();
    let found = index.search_with(Rows::F16(&half), 4, &plain).unwrap();
    assert_eq!(hits(&found), hits(&index.search(&numbers, 4).unwrap()));
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let index = index(3, 8, true, false);
    index.add(&numbers(10, 3, 5)).unwrap();
    let (query, plain) = (Rows::F32(&[1.0, 2.0, 3.0]), SearchParams::new());
    let refused = |params: SearchParams, field: &str| {
        let error = index.search_with(query, 1, &params).unwrap_err();
        assert!(
            matches!(&error, Error::InvalidArgument { argument, .. } if *argument == field),
            "{error}"
        );
    };
    refused(plain.clone().ivf(IvfParams::new()), "ivf");
    refused(plain.clone().certify(false).guarantee(Guarantee::Exact), "certify");
    let exact = plain.clone().guarantee(Guarantee::Exact);
    assert_eq!(index.search_with(query, 1, &exact).unwrap().len(), 1);
    assert!(matches!(
        index.search_with(Rows::Bits(&[1, 2]), 1, &plain),
        Err(Error::Unsupported { .. } | Error::PartialRow { .. })
    ));
    assert!(matches!(index.search(&[1.0; 4], 1), Err(Error::PartialRow { .. })));
    assert!(matches!(
        index.search(&[1.0, 2.0, 3.0, 4.0, f32::NAN, 6.0], 1),
        Err(Error::NonFinite { row: 1, column: 1 })
    ));
    assert!(matches!(index.search(&[1.0, 2.0, 3.0], 0), Err(Error::InvalidArgument { .. })));
    assert!(matches!(index.assign(query, 1), Err(Error::Unsupported { .. })));
    let mut rows = numbers(2000, 3, 6);
    rows[5999] = f32::INFINITY;
    assert!(matches!(index.add(&rows), Err(Error::NonFinite { row: 1999, column: 2 })));
    rows[5999] = 1e30;
    assert!(matches!(index.add(&rows), Err(Error::InvalidValue { row: 1999, .. })));
    assert!(matches!(index.add_rows(Rows::Bits(&[1])), Err(Error::InvalidArgument { .. })));
    assert!(matches!(index.add(&rows[..4]), Err(Error::PartialRow { .. })));
    assert_eq!((index.len(), index.ids()), (10, (0..10).collect::<Vec<u64>>()));
}
