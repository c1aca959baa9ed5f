//! How many lists are looked at for a recall: the curve is what searches of so many lists find.

use super::oracle::{Twin, probing};
use crate::support::{gpu, rows, whole_gpu};
use nearfield::{
    Breadth, DType, Error, Flat, Guarantee, IdFilter, Index as _, IvfParams, Metric, Rows, Search,
    SearchParams, TuneParams, tune_search,
};

const DIM: usize = 6;

#[test]
fn a_curve_rises_to_the_recall_that_was_asked_for() {
    for metric in [Metric::L2, Metric::InnerProduct] {
        let base = rows(700, DIM, &metric, DType::F32, 101);
        let twin = Twin::trained(&whole_gpu(), &metric, DIM, 20, base.rows());
        let queries = rows(40, DIM, &metric, DType::F32, 102);
        let few = IdFilter::from_fn(|id| id % 3 != 0);
        for (recall, filter) in [(0.5, &IdFilter::All), (0.9, &few), (1.0, &IdFilter::All)] {
            let search = SearchParams::new().filter(filter.clone());
            let params = TuneParams::new().recall(recall).k(5).search(search);
            let curve = tune_search(&twin.ivf, queries.rows(), &params).unwrap();
            let points = &curve.points;
            for pair in points.windows(2) {
                assert!(pair[0].nprobe < pair[1].nprobe && pair[0].recall <= pair[1].recall);
                assert!(pair[0].rows_probed <= pair[1].rows_probed);
            }
            let exact = SearchParams::new().guarantee(Guarantee::Exact).filter(filter.clone());
            let exact = twin.ivf.search_with(queries.rows(), 5, &exact).unwrap();
            for point in points {
                let params = probing(point.nprobe).filter(filter.clone());
                let found = twin.ivf.search_with(queries.rows(), 5, &params).unwrap();
                let there: usize = (0..40)
                    .map(|query| {
                        let ids: Vec<u64> = found.row(query).map(|hit| hit.0).collect();
                        exact.row(query).filter(|hit| ids.contains(&hit.0)).count()
                    })
                    .sum();
                assert_eq!(point.recall, there as f64 / 200.0, "{metric} {}", point.nprobe);
                assert_eq!(point.rows_probed, found.stats().ivf.rows_probed as f64 / 40.0);
                assert!(point.queries_per_second > 0.0);
            }
            assert_eq!((points[0].nprobe, points[points.len() - 1].recall), (1, 1.0));
            let reached = curve.reached();
            assert!(reached.recall >= recall);
            // one list less finds less than is asked
            let mut before = points.iter().filter(|point| point.nprobe < reached.nprobe);
            let before = before.next_back().copied();
            assert!(curve.breadth == Breadth::Nprobe { most: 20 } && reached.ef == 0);
            assert!(before.is_none_or(|p| p.recall < recall && p.nprobe + 1 == reached.nprobe));
        }
    }
}

#[test]
fn what_cannot_be_tuned_is_refused() {
    let base = rows(100, DIM, &Metric::L2, DType::F32, 103);
    let twin = Twin::trained(&gpu(), &Metric::L2, DIM, 4, base.rows());
    let query = Rows::F32(&[0.5; DIM]);
    let refused = |index: &dyn Search, queries, params: &TuneParams| match tune_search(
        index, queries, params,
    ) {
        Err(Error::InvalidArgument { argument, .. }) => argument,
        other => panic!("{other:?}"),
    };
    let params = TuneParams::new();
    for recall in [0.0, -1.0, 1.5, f64::NAN] {
        assert_eq!(refused(&twin.ivf, query, &params.clone().recall(recall)), "recall");
    }
    assert_eq!(refused(&twin.ivf, Rows::F32(&[]), &params), "queries");
    assert_eq!(refused(&twin.ivf, query, &params.clone().k(0)), "k");
    assert_eq!(refused(&twin.ivf, query, &params.clone().search(probing(3))), "nprobe");
    let exact = SearchParams::new().guarantee(Guarantee::Exact);
    assert_eq!(refused(&twin.ivf, query, &params.clone().search(exact)), "guarantee");
    let empty = Twin::trained(&gpu(), &Metric::L2, DIM, 4, base.rows());
    empty.ivf.remove(&Vec::from_iter(0..100)).unwrap();
    assert_eq!(refused(&empty.ivf, query, &params), "index");
    let flat = Flat::new(&gpu(), DIM, Metric::L2).unwrap();
    flat.add(&[0.5; DIM]).unwrap();
    assert_eq!(refused(&flat, query, &params), "index");
    // what lists are told otherwise stays
    let fill = SearchParams::new().ivf(IvfParams::new().fill(true));
    let curve = tune_search(&twin.ivf, query, &params.search(fill)).unwrap();
    assert_eq!(curve.points[0].nprobe, 1);
}
