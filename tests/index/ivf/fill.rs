//! Queries that have too few hits in their lists, and go on to more.

use super::oracle::{Twin, bits, probing};
use crate::support::{gpu, rows};
use nearfield::{
    DType, Hits, IdFilter, Index, IvfFlat, IvfParams, Metric, Rows, Search, SearchParams,
};

const DIM: usize = 5;

fn filling(nprobe: usize) -> SearchParams {
    SearchParams::new().ivf(IvfParams::new().nprobe(nprobe).fill(true))
}

fn counts(hits: &Hits) -> Vec<usize> {
    hits.lims().windows(2).map(|at| at[1] - at[0]).collect()
}

/// Each query has the hits of the first of these numbers of lists in which it has k, or of the last.
fn check(twin: &Twin, queries: Rows<'_>, k: usize, nprobe: usize, filter: &IdFilter) -> Hits {
    let nlist = twin.ivf.nlist();
    let told = |params: SearchParams| {
        let params = params.filter(filter.clone());
        twin.ivf.search_with(queries, k, &params).unwrap()
    };
    let found = told(filling(nprobe));
    let mut some = nprobe;
    let mut expected: Vec<Option<Vec<(u64, u32)>>> = vec![None; found.len()];
    let mut filled = 0;
    loop {
        let by_lists = told(probing(some));
        for (query, expected) in expected.iter_mut().enumerate() {
            let hits: Vec<_> = by_lists.row(query).map(|(id, d)| (id, d.to_bits())).collect();
            if expected.is_none() && (hits.len() == k || some >= nlist) {
                *expected = Some(hits);
            }
        }
        if some == nprobe {
            filled = expected.iter().filter(|hits| hits.is_none()).count() as u64;
        }
        if some >= nlist {
            break;
        }
        some = (2 * some).min(nlist);
    }
    for (query, expected) in expected.into_iter().enumerate() {
        let hits: Vec<_> = found.row(query).map(|(id, d)| (id, d.to_bits())).collect();
        assert_eq!(hits, expected.unwrap(), "query {query}, k {k}, {nprobe} lists");
    }
    assert_eq!(found.stats().ivf.filled, filled, "k {k}, {nprobe} lists");
    found
}

#[test]
fn filters_and_short_lists_are_filled_up() {
    for metric in [Metric::InnerProduct, Metric::L1] {
        let base = rows(200, DIM, &metric, DType::F32, 51);
        let mut twin = Twin::trained(&gpu(), &metric, DIM, 12, base.rows());
        let queries = rows(21, DIM, &metric, DType::F32, 52);
        for round in 0..2 {
            let few = IdFilter::from_fn(|id| id % 19 == 3);
            for (k, nprobe, filter) in [
                (3, 2, &few),
                (20, 1, &IdFilter::All),
                (40, 5, &few),
                (1, 3, &IdFilter::batch([7])),
                (5, 4, &IdFilter::batch(Vec::new())),
                (10_000, 9, &IdFilter::All),
                (3, 12, &few),
            ] {
                let found = check(&twin, queries.rows(), k, nprobe, filter);
                let eligible = twin.model.rows.iter().filter(|row| filter.is_member(row.0));
                let most = eligible.count().min(k);
                assert!(counts(&found).iter().all(|&count| count == most), "{metric} {round}");
            }
            twin.remove(&(0..200).step_by(3).collect::<Vec<_>>());
        }
    }
}

#[test]
fn who_has_enough_stays_as_it_is() {
    let base = rows(900, DIM, &Metric::L2, DType::F32, 53);
    let twin = Twin::trained(&gpu(), &Metric::L2, DIM, 16, base.rows());
    let queries = rows(40, DIM, &Metric::L2, DType::F32, 54);
    let plain = twin.ivf.search_with(queries.rows(), 4, &probing(3)).unwrap();
    let filled = twin.ivf.search_with(queries.rows(), 4, &filling(3)).unwrap();
    assert_eq!(bits(&plain), bits(&filled));
    assert_eq!(filled.stats().ivf.filled, 0);
    assert_eq!(plain.stats().ivf.rows_probed, filled.stats().ivf.rows_probed);
    // all of them that have fewer
    let k = 40;
    let few = IdFilter::from_fn(|id| id % 5 == 0);
    let found = check(&twin, queries.rows(), k, 3, &few);
    assert!(found.stats().ivf.filled > 0);
    let own = (0..40).map(|query| IdFilter::from_fn(move |id| id % 9 != query % 9));
    let params = filling(2).query_filter(own.clone().collect::<nearfield::QueryFilter>());
    let found = twin.ivf.search_with(queries.rows(), 150, &params).unwrap();
    assert!(counts(&found).iter().all(|&count| count == 150));
}

#[test]
fn who_leaves_one_out_has_enough_with_the_others() {
    let gpu = gpu();
    let index =
        IvfFlat::with_centroids(&gpu, 1, Metric::L2, DType::F32, &[0.0, 10.0, 20.0]).unwrap();
    index.add(&[0.0, 1.0, 2.0, 11.0, 21.0]).unwrap();
    let asked =
        |params: SearchParams| index.search_with(Rows::F32(&[4.0, 1.0]), 3, &params).unwrap();
    let plain = asked(filling(1));
    // nobody has that id, and both have three hits in their first list
    let other = asked(filling(1).exclude(vec![99, 99]));
    assert_eq!(bits(&plain), bits(&other));
    assert_eq!((other.stats().ivf.filled, other.stats().ivf.rows_probed), (0, 6));
    // the second has two besides, and goes on
    let own = asked(filling(1).exclude(vec![99, 1]));
    assert_eq!(own.ids(), [2, 1, 0, 0, 2, 3]);
    assert_eq!(own.stats().ivf.filled, 1);
}
