//! Bins in which one query finds nothing, and another its nearest row.

use crate::common::device::subset;
use crate::common::ways::{ROWS, TILES, open};
use nearfield::{Flat, IdFilter, Index, Metric, QueryFilter, Rows, Search, SearchParams};

/// What the first query does not find says nothing about the others.
#[test]
fn what_one_query_does_not_find_another_does() {
    const N: usize = 640;
    for (turn, (way, gpu)) in open(&[ROWS, TILES], 1).into_iter().enumerate() {
        let metrics = [Metric::L1, Metric::Canberra, Metric::NanEuclidean, Metric::KlDivergence];
        for (m, metric) in metrics.into_iter().enumerate() {
            // some drivers compile for seconds: there each metric goes one of the ways
            if subset() && m % 2 != turn {
                continue;
            }
            // every bin of 64 rows lies farther from the queries than the one before
            let rows: Vec<f32> = (0..N * 4).map(|i| 1.0 + (i / 4) as f32).collect();
            let index = Flat::new(&gpu, 4, metric.clone()).unwrap();
            index.add(&rows).unwrap();
            let queries = [1.0f32; 12];
            // the first query may find rows of the last bin alone
            let each: QueryFilter = [IdFilter::range(576..), IdFilter::All, IdFilter::range(64..)]
                .into_iter()
                .collect();
            let params = SearchParams::new().query_filter(each);
            let nearest = |params: &SearchParams| {
                let hits = index.search_with(Rows::F32(&queries), 3, params).unwrap();
                hits.rows().collect::<Vec<_>>()
            };
            let found = nearest(&params);
            assert_eq!(found, nearest(&params.clone().exhaustive(true)), "{} {metric}", way.name);
            let firsts: Vec<u64> = found.iter().map(|hits| hits[0].0).collect();
            // of Kullback-Leibler, whose rows are no distributions, the last is the nearest
            let expected =
                if metric == Metric::KlDivergence { [639, 639, 639] } else { [576, 0, 64] };
            assert_eq!(firsts, expected, "{} {metric}", way.name);
        }
    }
}
