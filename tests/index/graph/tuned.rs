//! How many rows a search of a graph keeps for a recall.

use super::{Both, made, walking};
use crate::support::whole_gpu;
use nearfield::{
    Breadth, Error, GraphParams, GraphPath, Guarantee, IdFilter, Metric, Refine, Rows, Search,
    SearchParams, TuneParams, tune_search,
};

const DIM: usize = 12;

fn both() -> Both {
    Both::of(&whole_gpu(), DIM, &Metric::L2, &made(500, DIM, &Metric::L2, 3), 8)
}

#[test]
fn a_curve_of_a_graph_is_what_searches_find_that_keep_so_many_rows() {
    let (both, queries) = (both(), made(40, DIM, &Metric::L2, 4));
    let curve = |recall, k| {
        let params = TuneParams::new().recall(recall).k(k);
        tune_search(&both.graph, queries.rows(), &params).unwrap()
    };
    let found = curve(0.9, 4);
    let Breadth::Ef { most } = found.breadth else { panic!("{:?}", found.breadth) };
    assert!(most >= 256 && both.graph.breadth() == Some(Breadth::Ef { most }));
    assert_eq!(found.breadth.to_string(), "ef");
    assert!(found.points.windows(2).all(|pair| pair[0].ef < pair[1].ef));
    for point in &found.points {
        let share = both.check(queries.rows(), 4, point.ef);
        assert!((point.recall - share).abs() < 1e-9, "{point:?} {share}");
        let hits = both.graph.search_with(queries.rows(), 4, &walking(point.ef)).unwrap();
        assert_eq!(point.steps, hits.stats().graph.steps as f64 / 40.0);
        assert_eq!((point.nprobe, point.rows_probed), (0, 0.0));
    }
    let (first, reached) = (found.points[0], found.reached());
    assert_eq!(first.number(), 4);
    // one less finds less than is asked
    let before = found.points.iter().rfind(|point| point.ef < reached.ef);
    assert!(before.is_none_or(|p| p.recall < 0.9 && p.ef + 1 == reached.ef));
    assert!(first.recall < 0.9 && reached.recall >= 0.9);
    let params = found.breadth.set(SearchParams::new(), reached.number());
    assert_eq!(params.graph, Some(GraphParams::new().ef(reached.ef)));
    // as many as there can be find what is asked, or nothing does
    let all = curve(1.0, 60);
    let last = all.points[all.points.len() - 1];
    assert!(all.points[0].ef == 60 && (last.recall == 1.0 || last.ef == most), "{last:?}");
    assert!(last.ef <= most);
}

#[test]
fn what_can_be_told_of_no_graph_is_refused() {
    let both = both();
    let query = Rows::F32(&[0.5; DIM]);
    let refused = |search: SearchParams, k| {
        let params = TuneParams::new().k(k).search(search);
        match tune_search(&both.graph, query, &params) {
            Err(Error::InvalidArgument { argument, .. }) => argument,
            other => panic!("{other:?}"),
        }
    };
    let exact = GraphParams::new().path(GraphPath::Exact);
    assert_eq!(refused(SearchParams::new().graph(GraphParams::new().ef(9)), 2), "ef");
    assert_eq!(refused(SearchParams::new().graph(exact), 2), "path");
    assert_eq!(refused(SearchParams::new().guarantee(Guarantee::Exact), 2), "guarantee");
    // no walk answers these
    if both.graph.breadth() == Some(Breadth::Ef { most: 256 }) {
        // where the longest list has all rows a walk does
        let few = IdFilter::from_fn(|id| id % 100 == 0);
        assert_eq!(refused(SearchParams::new().filter(few), 2), "path");
    }
    assert_eq!(refused(SearchParams::new(), 513), "path");
}

#[test]
fn a_curve_beside_a_filter_ends_where_there_is_no_room_for_its_list() {
    let (both, queries) = (both(), made(40, DIM, &Metric::L2, 5));
    let Some(Breadth::Ef { most }) = both.graph.breadth() else { panic!() };
    let third = || IdFilter::from_fn(|id| id % 3 == 0);
    let of =
        |k: usize| TuneParams::new().recall(1.0).k(k).search(SearchParams::new().filter(third()));
    let few = tune_search(&both.graph, queries.rows(), &of(3)).unwrap();
    assert!(few.reached().recall == 1.0 && few.reached().ef <= most / 2);
    let curve = tune_search(&both.graph, queries.rows(), &of(40)).unwrap();
    let last = curve.points[curve.points.len() - 1];
    assert!(last.ef >= 40 && last.ef <= most);
    let searched = |ef: usize| {
        let params = walking(ef).filter(third());
        both.graph.search_with(queries.rows(), 40, &params).is_ok()
    };
    assert!(searched(last.ef) && (last.recall == 1.0 || !searched(2 * last.ef)));
}

#[test]
fn removed_rows_shorten_the_longest_list_and_wrappers_have_what_is_within() {
    let both = both();
    both.graph.build().unwrap();
    let Some(Breadth::Ef { most }) = both.graph.breadth() else { panic!() };
    both.remove(&Vec::from_iter(0..50));
    let Some(Breadth::Ef { most: fewer }) = both.graph.breadth() else { panic!() };
    assert_eq!(fewer, most * 450 / 500);
    let query = [0.5; DIM];
    both.graph.search_with(Rows::F32(&query), 1, &walking(fewer)).unwrap();
    assert!(both.graph.search_with(Rows::F32(&query), 1, &walking(fewer + 1)).is_err());
    assert_eq!(both.flat.breadth(), None);
    let refined = Refine::new(Box::new(both.graph), Box::new(both.flat)).unwrap();
    assert_eq!(refined.breadth(), Some(Breadth::Ef { most: fewer }));
    let curve = tune_search(&refined, Rows::F32(&query), &TuneParams::new().k(3)).unwrap();
    assert!(curve.points[0].ef == 3 && curve.points[0].steps > 0.0);
}
