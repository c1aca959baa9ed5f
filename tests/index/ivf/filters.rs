//! Filters beside lists: for all queries, for each, prepared, and the row that a query may not find.

use super::oracle::{Asked, Twin, asked, bits, probing};
use crate::support::{gpu, rows};
use nearfield::{DType, IdFilter, Index, Metric, QueryFilter, Rows, Search, SearchParams};

const DIM: usize = 10;

fn twin(n: usize, nlist: usize) -> Twin {
    let base = rows(n, DIM, &Metric::L2, DType::F32, 21);
    Twin::trained(&gpu(), &Metric::L2, DIM, nlist, base.rows())
}

#[test]
fn filters_leave_of_the_lists_what_they_leave() {
    let mut twin = twin(600, 16);
    // ids are no row numbers any more
    twin.remove(&(0..600).step_by(3).collect::<Vec<_>>());
    twin.add(rows(100, DIM, &Metric::L2, DType::F32, 22).rows());
    let queries = rows(9, DIM, &Metric::L2, DType::F32, 23);
    let own: Vec<IdFilter> =
        (0..9).map(|query| IdFilter::from_fn(move |id| id % 5 != query % 5)).collect();
    let nothing = vec![IdFilter::batch(Vec::new()); 9];
    let listed = IdFilter::batch((0..700).filter(|id| id % 7 < 3).collect::<Vec<_>>());
    let shared = [
        IdFilter::All,
        IdFilter::batch([301]),
        IdFilter::batch(Vec::new()),
        IdFilter::range(100..500),
        listed,
    ];
    for (at, filter) in shared.iter().enumerate() {
        for each in [None, Some(&own[..]), Some(&nothing[..])] {
            let (nprobe, k) = [(1, 5), (4, 20), (15, 700), (16, 3), (2, 1)][at];
            twin.check(queries.rows(), Asked { nprobe, k, filter, each });
        }
    }
}

#[test]
fn a_filter_of_lists_that_are_not_looked_at_leaves_nothing() {
    let twin = twin(400, 8);
    let queries = rows(6, DIM, &Metric::L2, DType::F32, 24);
    let labels = twin.labels();
    for query in 0..6 {
        let query = queries.rows().slice(DIM, query..query + 1);
        let nearest = twin.probes(query, 1)[0][0];
        let others: Vec<u64> = (0..400).filter(|&id| labels[id as usize] != nearest).collect();
        let others = IdFilter::batch(others);
        let found = twin.check(query, Asked { filter: &others, ..asked(1, 10) });
        assert!(found.ids().is_empty());
        // the next list has some of them
        assert!(!twin.check(query, Asked { filter: &others, ..asked(8, 10) }).ids().is_empty());
    }
}

#[test]
fn prepared_filters_are_the_same_filters() {
    let twin = twin(900, 12);
    let queries = rows(30, DIM, &Metric::L2, DType::F32, 25);
    let third = IdFilter::from_fn(|id| id % 3 == 1);
    let each = || -> QueryFilter { (0..30).map(|query| query * 10..600 + query * 10).collect() };
    let shared = twin.ivf.prepare_filter(third.clone()).unwrap();
    let own = twin.ivf.prepare_query_filter(each()).unwrap();
    for nprobe in [1, 5, 12] {
        let cases = [
            (probing(nprobe).prepared(&shared), probing(nprobe).filter(third.clone())),
            (
                probing(nprobe).prepared(&shared).query_filter(each()),
                probing(nprobe).filter(third.clone()).query_filter(each()),
            ),
            (probing(nprobe).prepared(&own), probing(nprobe).query_filter(each())),
            (
                probing(nprobe).prepared(&own).filter(third.clone()),
                probing(nprobe).query_filter(each()).filter(third.clone()),
            ),
        ];
        for (at, (ours, theirs)) in cases.into_iter().enumerate() {
            let expected = twin.ivf.search_with(queries.rows(), 8, &theirs).unwrap();
            let found = twin.ivf.search_with(queries.rows(), 8, &ours).unwrap();
            assert_eq!(bits(&found), bits(&expected), "{nprobe}, case {at}");
            assert!(!found.ids().is_empty());
            let radius = found.distances()[found.distances().len() / 2];
            let expected = twin.ivf.range_search_with(queries.rows(), radius, &theirs).unwrap();
            let found = twin.ivf.range_search_with(queries.rows(), radius, &ours).unwrap();
            assert_eq!(bits(&found), bits(&expected), "{nprobe}, case {at}, within {radius}");
            assert!(!found.ids().is_empty());
        }
    }
}

#[test]
fn a_row_is_left_out_of_its_own_hits() {
    let twin = twin(120, 9);
    let all = rows(120, DIM, &Metric::L2, DType::F32, 21);
    let own: QueryFilter = (0..120u64).map(|id| !IdFilter::batch([id])).collect();
    for nprobe in [1, 3, 9] {
        for k in [1, 6, 150] {
            let expected = probing(nprobe).query_filter(own.clone());
            let expected = twin.ivf.search_with(all.rows(), k, &expected).unwrap();
            let found = twin.ivf.search_with(all.rows(), k, &probing(nprobe).exclude_self());
            assert_eq!(bits(&found.unwrap()), bits(&expected), "{nprobe}, k {k}");
        }
        let expected = probing(nprobe).query_filter(own.clone());
        let expected = twin.ivf.range_search_with(all.rows(), 9.0, &expected).unwrap();
        let found = probing(nprobe).exclude(Vec::from_iter(0..120));
        let found = twin.ivf.range_search_with(all.rows(), 9.0, &found).unwrap();
        assert_eq!(bits(&found), bits(&expected), "{nprobe}");
    }
}

#[test]
fn a_stream_of_blocks_is_one_search() {
    use futures::StreamExt;
    let twin = twin(700, 10);
    let queries = rows(50, DIM, &Metric::L2, DType::F32, 26);
    let own: QueryFilter = (0..50u64).map(|query| query..600).collect();
    let params = probing(4).query_filter(own);
    let whole = twin.ivf.search_with(queries.rows(), 5, &params).unwrap();
    let stream = twin.ivf.search_stream(queries.rows(), 5, 8, &params).unwrap();
    // answered from the rows that were there
    twin.ivf.remove(&Vec::from_iter(0..500)).unwrap();
    let blocks: Vec<_> = pollster::block_on(stream.collect());
    let mut found = Vec::new();
    for block in blocks {
        let (_, hits) = block.unwrap();
        found.extend(hits.rows());
    }
    assert_eq!(found, whole.rows().collect::<Vec<_>>());
    let within = twin.ivf.range_stream(queries.rows(), 4.0, 7, &probing(4)).unwrap();
    let blocks: Vec<_> = pollster::block_on(within.collect());
    let found: Vec<_> =
        blocks.into_iter().flat_map(|block| block.unwrap().1.rows().collect::<Vec<_>>()).collect();
    let whole = twin.ivf.range_search_with(queries.rows(), 4.0, &probing(4)).unwrap();
    assert_eq!(found, whole.rows().collect::<Vec<_>>());
    let none = SearchParams::new();
    assert!(twin.ivf.search_stream(Rows::F32(&[]), 5, 8, &none).is_ok());
}
