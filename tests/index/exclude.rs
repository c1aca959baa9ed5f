//! One id that each query may not find: the nearest of the rows but itself, by row and not by place.

use crate::common::device::{Open as _, subset};
use crate::support::{gpu, index, rows};
use nearfield::format::HostRows;
use nearfield::{
    DType, Error, Exclude, Flat, Gpu, Hits, IdFilter, Index, Metric, QueryFilter, Rows, Search,
    SearchParams, StreamedFlat,
};

fn bits(hits: &Hits) -> (Vec<u64>, Vec<usize>, Vec<u32>) {
    let distances = hits.distances().iter().map(|d| d.to_bits()).collect();
    (hits.ids().to_vec(), hits.lims().to_vec(), distances)
}

/// Values of few kinds, so that most rows have their equals.
fn repeated(n: usize, dim: usize) -> Vec<f32> {
    (0..n * dim).map(|i| ((i / dim * 7919) % 13 * (i % dim + 1)) as f32).collect()
}

/// Holds the exclusion of `ids` against a filter that each query has for it.
fn same(index: &dyn Search, queries: Rows<'_>, ids: &[u64], ours: SearchParams, with: &IdFilter) {
    let each: QueryFilter = ids.iter().map(|&id| !IdFilter::batch([id]) & with.clone()).collect();
    let theirs = SearchParams::new().query_filter(each);
    // what differs is on the host alone: less of it on the slow drivers
    let few = |all: usize| if subset() { 1 } else { all };
    for k in [7, 1, 2, 40, 1000].into_iter().take(few(5)) {
        let expected = index.search_with(queries, k, &theirs).unwrap();
        let found = index.search_with(queries, k, &ours).unwrap();
        assert_eq!(bits(&found), bits(&expected), "{index:?}, k = {k}");
    }
    for radius in [400.0, 0.5, f32::INFINITY].into_iter().take(few(3)) {
        let expected = index.range_search_with(queries, radius, &theirs).unwrap();
        let found = index.range_search_with(queries, radius, &ours).unwrap();
        assert_eq!(bits(&found), bits(&expected), "{index:?}, within {radius}");
    }
}

#[test]
fn each_row_finds_its_equals_and_not_itself() {
    let (n, dim) = (150, 3);
    let all = repeated(n, dim);
    let index = index(&gpu(), dim, &Metric::L2, DType::F32);
    index.add(&all).unwrap();
    let store = HostRows::f32(all.clone(), dim).unwrap();
    let own = Gpu::builder().poison(true).open().unwrap();
    let streamed = StreamedFlat::new(&own, store, Metric::L2).unwrap().with_chunk_rows(64);
    let ids = Vec::from_iter(0..n as u64);
    let new = SearchParams::new;
    for search in [&*index as &dyn Search, &streamed] {
        let hits = search.search_with(Rows::F32(&all), 5, &new().exclude_self()).unwrap();
        // 150 rows of 13 kinds: eleven or twelve of each, the row 0 among its equals
        assert!(hits.distances().iter().all(|&distance| distance == 0.0));
        assert!((0..n).all(|row| hits.row(row).all(|hit| hit.0 != row as u64)));
        let equals = [13, 26, 39, 52, 65];
        assert_eq!(hits.row(0).map(|hit| hit.0).collect::<Vec<_>>(), equals);
        // of the last of its kind the five before it are not in the way
        assert_eq!(hits.row(143).map(|hit| hit.0).collect::<Vec<_>>(), [0, 13, 26, 39, 52]);
        same(search, Rows::F32(&all), &ids, new().exclude_self(), &IdFilter::All);
        let odd = IdFilter::from_fn(|id| id % 2 == 1);
        same(search, Rows::F32(&all), &ids, new().exclude_self().filter(odd.clone()), &odd);
        // any ids: of other rows, of none, the same again
        let some: Vec<u64> = (0..20).map(|i| [3, 3, 149, 99_999][i % 4]).collect();
        let queries = Rows::F32(&all[..20 * dim]);
        same(search, queries, &some, new().exclude(some.clone()), &IdFilter::All);
    }
    let prepared = index.prepare_filter(IdFilter::range(9..)).unwrap();
    let params = new().exclude_self().prepared(&prepared);
    same(&*index, Rows::F32(&all), &ids, params, &IdFilter::range(9..));
}

#[test]
fn rows_are_known_by_their_ids_and_those_removed_are_none() {
    let (n, dim) = (150, 3);
    let all = repeated(n, dim);
    let index = index(&gpu(), dim, &Metric::L2, DType::F32);
    let ids: Vec<u64> = (0..n as u64).map(|i| i * 91 % 150 + 1000).collect();
    index.add_with_ids(Rows::F32(&all), &ids).unwrap();
    for removed in [30, 100] {
        index.remove(&Vec::from_iter(1000..1000 + removed)).unwrap();
        let left: Vec<usize> = (0..n).filter(|&row| ids[row] >= 1000 + removed).collect();
        let queries: Vec<f32> =
            left.iter().flat_map(|&row| all[row * dim..][..dim].to_vec()).collect();
        let own: Vec<u64> = left.iter().map(|&row| ids[row]).collect();
        let params = SearchParams::new().exclude_self();
        same(&*index, Rows::F32(&queries), &own, params, &IdFilter::All);
    }
}

/// Through the scan, the bins and the exact distances, also where one more neighbour is another way.
#[test]
fn one_more_neighbour_changes_no_answer() {
    let gpu = Gpu::builder().poison(true).setting("kernel.scan.min_rows", 0).open().unwrap();
    let (n, dim, nq) = (3_000, 6, 25);
    let metrics = [Metric::L2, Metric::Linf, Metric::InnerProduct, Metric::Cosine];
    for metric in metrics.into_iter().take(if subset() { 1 } else { 4 }) {
        let index = Flat::new(&gpu, dim, metric.clone()).unwrap();
        let all = rows(n, dim, &metric, DType::F32, 61).rows().to_f32();
        index.add(&all).unwrap();
        let queries = Rows::F32(&all[..nq * dim]);
        let each: QueryFilter = (0..nq as u64).map(|id| !IdFilter::batch([id])).collect();
        let (ours, theirs) = (
            SearchParams::new().exclude(Vec::from_iter(0..25)),
            SearchParams::new().query_filter(each),
        );
        let ks = [10, 2047, 2048, 2999, 3000, usize::MAX];
        for k in ks.into_iter().take(if subset() { 1 } else { 6 }) {
            let expected = index.search_with(queries, k, &theirs).unwrap();
            let found = index.search_with(queries, k, &ours).unwrap();
            assert_eq!(bits(&found), bits(&expected), "{metric}, k = {k}");
        }
    }
}

#[test]
fn exclusions_that_do_not_fit_the_queries_are_refused() {
    let values = [0.0, 1.0, 2.0, 3.0];
    let resident = Flat::new(&gpu(), 2, Metric::L2).unwrap();
    resident.add(&values).unwrap();
    let streamed = StreamedFlat::from_f32(&gpu(), values.to_vec(), 2, Metric::L2).unwrap();
    let refused = |answer: nearfield::Result<Hits>| match answer {
        Err(Error::InvalidArgument { argument, reason }) => (argument, reason),
        other => panic!("{other:?}"),
    };
    for search in [&resident as &dyn Search, &streamed] {
        for exclude in [Exclude::Own, Exclude::Ids(vec![1, 2]), Exclude::Ids(vec![])] {
            let params = SearchParams::new().exclude(exclude);
            let query = Rows::F32(&values[..2]);
            let (argument, reason) = refused(search.search_with(query, 1, &params));
            assert!(argument == "exclude" && reason.contains("1 queries"), "{reason}");
            assert_eq!(refused(search.range_search_with(query, 1.0, &params)).0, "exclude");
        }
        // 0 neighbours and one more are not one
        let own = SearchParams::new().exclude_self();
        assert_eq!(refused(search.search_with(Rows::F32(&values), 0, &own)).0, "k");
        let hits = search.search_with(Rows::F32(&values), 9, &own).unwrap();
        assert_eq!((hits.ids(), hits.lims()), (&[1, 0][..], &[0, 1, 2][..]));
    }
    let error = streamed.read_through(&SearchParams::new().exclude_self()).unwrap_err();
    assert!(matches!(error, Error::InvalidArgument { argument: "exclude", .. }), "{error}");
}
