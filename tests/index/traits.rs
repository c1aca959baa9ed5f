//! One function for whatever can be searched, and what parameters are refused.

use crate::common::device::Open as _;
use crate::support::{gpu, index, rows};
use nearfield::format::HostRows;
use nearfield::{
    DType, Error, Flat, Guarantee, Hits, IdFilter, Index, Metric, QueryFilter, Rows, Search,
    SearchParams, StreamedFlat,
};

const DIM: usize = 5;

/// What any search answers, and says of itself.
fn ask(rows: &dyn Search, queries: &[f32]) -> (Hits, Hits) {
    assert_eq!((rows.dim(), rows.dtype(), rows.metric()), (DIM, DType::F32, &Metric::L2));
    assert_eq!((rows.len(), rows.is_empty()), (300, false));
    let params = SearchParams::new().filter(IdFilter::range(7..290));
    let nearest = rows.search_with(Rows::F32(queries), 9, &params).unwrap();
    (nearest, rows.range_search(queries, 2.0).unwrap())
}

#[test]
fn one_function_asks_whatever_can_be_searched() {
    let all = rows(300, DIM, &Metric::L2, DType::F32, 1).rows().to_f32();
    let queries = rows(4, DIM, &Metric::L2, DType::F32, 2).rows().to_f32();
    let resident: Box<dyn Index> = index(&gpu(), DIM, &Metric::L2, DType::F32);
    resident.add(&all).unwrap();
    let gpu = nearfield::Gpu::builder().poison(true).open().unwrap();
    let store = HostRows::f32(all, DIM).unwrap();
    let streamed = StreamedFlat::new(&gpu, store, Metric::L2).unwrap().with_chunk_rows(128);

    // an index is a search by reference and by box
    let (nearest, within) = ask(&*resident, &queries);
    let resident: Box<dyn Search> = resident;
    assert!(resident.memory() > 0 && streamed.memory() == 0);
    for search in [&*resident, &streamed] {
        let (again, within_again) = ask(search, &queries);
        for (ours, theirs) in [(&again, &nearest), (&within_again, &within)] {
            assert_eq!((ours.ids(), ours.lims()), (theirs.ids(), theirs.lims()), "{search:?}");
            assert_eq!(ours.distances(), theirs.distances(), "{search:?}");
        }
    }
    assert!(nearest.ids().len() == 4 * 9 && !within.ids().is_empty());
}

#[test]
fn searches_go_to_other_threads() {
    fn shared<T: Send + Sync + std::fmt::Debug + ?Sized>() {}
    shared::<dyn Search>();
    shared::<dyn Index>();
}

/// The argument that an error names.
fn refused<T: std::fmt::Debug>(answer: nearfield::Result<T>) -> &'static str {
    match answer {
        Err(Error::InvalidArgument { argument, .. }) => argument,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_call_has_no_use_for_is_refused() {
    let gpu = gpu();
    let resident = Flat::new(&gpu, DIM, Metric::L2).unwrap();
    resident.add(&[1.0; DIM]).unwrap();
    let streamed = StreamedFlat::from_f32(&gpu, vec![1.0; DIM], DIM, Metric::L2).unwrap();
    let uncertified = SearchParams::new().certify(false);
    let exact = SearchParams::new().guarantee(Guarantee::Exact);
    let query = Rows::F32(&[0.0; DIM]);
    for search in [&resident as &dyn Search, &streamed] {
        let nearest = |params: &SearchParams| search.search_with(query, 1, params);
        let within = |params: &SearchParams| search.range_search_with(query, 9.0, params);
        assert_eq!(nearest(&uncertified).unwrap().ids(), [0]);
        assert_eq!(nearest(&exact).unwrap().ids(), [0]);
        assert_eq!(within(&exact).unwrap().ids(), [0]);
        assert_eq!(within(&exact.clone().exhaustive(true)).unwrap().ids(), [0]);
        assert_eq!(refused(within(&uncertified)), "certify");
        assert_eq!(refused(nearest(&exact.clone().certify(false))), "certify");
        assert_eq!(refused(nearest(&uncertified.clone().exhaustive(true))), "certify");
    }
    let new = SearchParams::new;
    for (field, params) in [
        ("filter", new().filter(IdFilter::All)),
        ("query_filter", new().query_filter(QueryFilter::Each(vec![]))),
        ("timed", new().timed(true)),
        ("exhaustive", new().exhaustive(true)),
        ("guarantee", exact.clone()),
        ("certify", uncertified.clone()),
    ] {
        assert_eq!(refused(streamed.read_through(&params)), field);
    }
    let (token, params) = (nearfield::CancelToken::new(), new().progress(|_| {}));
    assert_eq!(streamed.read_through(&params.cancel(&token)).unwrap().stream.chunks, 1);
}
