//! Filters along the edges: the search goes through all rows and keeps those that pass, as many as there are.

use super::{Both, bits, made, walking};
use crate::support::whole_gpu;
use nearfield::{Error, Hits, IdFilter, Metric, QueryFilter, Rows, Search as _, SearchParams};

const DIM: usize = 8;
const EF: usize = 48;

fn both(metric: &Metric) -> (Both, Vec<f32>) {
    let base = made(600, DIM, metric, 41);
    (Both::of(&whole_gpu(), DIM, metric, &base, 16), base.rows().to_f32())
}

/// The hits of a filtered search along the edges, held against the flat index's: as many, with those distances; and the share of them that is as near.
fn check(both: &Both, queries: &[f32], k: usize, filter: &IdFilter) -> (f64, Hits) {
    let queries = Rows::F32(queries);
    let found = both.graph.search_with(queries, k, &walking(EF).filter(filter.clone())).unwrap();
    let params = SearchParams::new().filter(filter.clone());
    let exact = both.flat.search_with(queries, both.flat.len(), &params).unwrap();
    let (mut near, mut wanted) = (0, 0);
    for q in 0..found.lims().len() - 1 {
        let (ours, theirs): (Vec<_>, Vec<_>) = (found.row(q).collect(), exact.row(q).collect());
        assert_eq!(ours.len(), k.min(theirs.len()), "query {q}");
        let places = ours.iter().map(|hit| theirs.iter().position(|of| of == hit).unwrap());
        let places: Vec<usize> = places.collect();
        assert!(places.is_sorted_by(|a, b| a < b), "{ours:?}");
        near += places.iter().filter(|&&place| place < ours.len()).count();
        wanted += ours.len();
    }
    (near as f64 / wanted as f64, found)
}

#[test]
fn rows_that_pass_are_found_and_no_others() {
    for metric in [Metric::L2, Metric::InnerProduct] {
        let (both, rows) = both(&metric);
        let queries = made(30, DIM, &metric, 42).rows().to_f32();
        for of in [2, 3, 6] {
            let filter = IdFilter::from_fn(move |id| id % of == 0);
            let (share, found) = check(&both, &queries, 5, &filter);
            assert!(share > 0.95, "{metric}, one in {of}: {share}");
            assert_eq!((found.stats().graph.walked, found.stats().graph.exact), (30, 0));
        }
        // what all pass is no filter
        let all = IdFilter::from_fn(|_| true);
        let [with, without] = [walking(EF).filter(all), walking(EF)]
            .map(|params| both.graph.search_with(Rows::F32(&queries), 5, &params).unwrap());
        assert_eq!(bits(&with), bits(&without));
        assert_eq!(with.stats().graph, without.stats().graph);
        // beside rows that were removed, in their places and for good
        let third = IdFilter::from_fn(|id| id % 3 != 1);
        both.remove(&(0..60).collect::<Vec<u64>>());
        assert!(check(&both, &rows[..30 * DIM], 5, &third).0 > 0.95);
        both.remove(&(60..200).collect::<Vec<u64>>());
        assert!(check(&both, &rows[..30 * DIM], 5, &third).0 > 0.95);
    }
}

#[test]
fn a_filter_of_rows_that_are_far_from_a_query_leaves_it_no_hit_less() {
    let (both, rows) = both(&Metric::L2);
    // the half that is farther from a row, searched from around it
    let order = both.flat.search(&rows[..DIM], 600).unwrap();
    let far: Vec<u64> = order.ids()[300..].to_vec();
    let near: Vec<f32> = order.ids()[..20]
        .iter()
        .flat_map(|&id| rows[id as usize * DIM..(id as usize + 1) * DIM].to_vec())
        .collect();
    let (share, found) = check(&both, &near, 5, &IdFilter::batch(far));
    assert!(share > 0.95, "{share}");
    assert!(found.stats().graph.again > 0, "{:?}", found.stats().graph);
    // more than pass
    let few = Both::of(&whole_gpu(), DIM, &Metric::L2, &made(60, DIM, &Metric::L2, 43), 16);
    let (share, found) = check(&few, &near[..3 * DIM], 40, &IdFilter::from_fn(|id| id % 2 == 1));
    assert_eq!((share, found.row(0).count(), found.stats().graph.walked), (1.0, 30, 3));
}

#[test]
fn what_the_edges_have_no_answer_to_is_answered_exactly() {
    let (both, rows) = both(&Metric::L2);
    let queries = Rows::F32(&rows[..4 * DIM]);
    let few = IdFilter::from_fn(|id| id % 100 == 0);
    let half = || IdFilter::from_fn(|id| id % 2 == 0);
    let prepared = both.graph.prepare_filter(half()).unwrap();
    let each: QueryFilter = (0..4).map(|_| half()).collect();
    let set = |params: SearchParams| {
        [
            params.clone().filter(few.clone()),
            params.clone().filter(IdFilter::from_fn(|_| false)),
            params.clone().prepared(&prepared),
            params.clone().query_filter(each.clone()),
            params.filter(IdFilter::from_fn(|id| id % 10 < 3)),
        ]
    };
    for (at, params) in set(walking(EF)).into_iter().enumerate() {
        // three in ten pass, and a list that holds enough of them
        match both.graph.search_with(queries, 3, &params) {
            Err(Error::InvalidArgument { argument: "path", .. }) if at < 4 && at != 1 => {}
            Ok(found) if at == 1 => assert!(found.ids().is_empty()),
            Ok(found) if at == 4 => assert_eq!(found.stats().graph.walked, 4),
            other => panic!("{at}: {other:?}"),
        }
    }
    for params in set(SearchParams::new()) {
        let found = both.graph.search_with(queries, 3, &params).unwrap();
        assert_eq!(found.stats().graph.exact, 4);
        if params.prepared.is_none() {
            let exact = both.flat.search_with(queries, 3, &params).unwrap();
            assert_eq!(bits(&found), bits(&exact));
        }
    }
    // a list that would be longer than there is room for
    let long = walking(200).filter(half());
    let refused = both.graph.search_with(queries, 3, &long);
    match refused {
        Err(Error::InvalidArgument { argument: "path", .. }) => {}
        Ok(found) => assert_eq!(found.stats().graph.walked, 4),
        other => panic!("{other:?}"),
    }
}
