//! Lists that have most of all rows: the flat scan goes through all of them, each query's others masked, and answers as the lists do.

use super::oracle::{Asked, Twin, asked, bits, probing};
use crate::common::device::shared;
use crate::support::rows;
use nearfield::{DType, Gpu, IdFilter, Metric, QueryFilter, Rows, Search};

const DIM: usize = 6;

fn gpu(share: &'static str) -> Gpu {
    let builder = || Gpu::builder().poison(true).max_segment_bytes(1);
    shared(share, || builder().setting("kernel.lists.flat_share", share)).unwrap()
}

#[test]
fn both_ways_answer_alike_and_say_which_it_was() {
    for metric in [Metric::Cosine, Metric::L1] {
        let base = rows(330, DIM, &metric, DType::F32, 41);
        let queries = rows(17, DIM, &metric, DType::F32, 42);
        let mut twins = ["0", "0.5", "1"]
            .map(|share| Twin::trained(&gpu(share), &metric, DIM, 10, base.rows()));
        let third = IdFilter::from_fn(|id| id % 3 != 1);
        let each: Vec<IdFilter> =
            (0..17).map(|query| IdFilter::from_fn(move |id| id % 4 != query % 4)).collect();
        for round in 0..2usize {
            for (at, (nprobe, k)) in [(1, 3), (4, 10), (9, 600), (10, 2)].into_iter().enumerate() {
                let filters = [(&IdFilter::All, None), (&third, None), (&third, Some(&each[..]))];
                // each number of lists with two of them, in turn
                for at in [at, at + 1 + round] {
                    let (filter, each) = filters[at % 3];
                    let asked = Asked { nprobe, k, filter, each };
                    let found = twins.each_ref().map(|twin| twin.check(queries.rows(), asked));
                    assert_eq!(bits(&found[0]), bits(&found[1]));
                    assert_eq!(bits(&found[0]), bits(&found[2]));
                    // scales and bitmaps leave no binding for tables where there are eight
                    let bound = gpu("1").caps().max_storage_buffers < 9;
                    if bound && each.is_some() && metric == Metric::Cosine {
                        assert!(found.iter().all(|found| found.stats().ivf.flat == 17));
                        continue;
                    }
                    let flat = found.each_ref().map(|found| found.stats().ivf.flat);
                    let all = if nprobe == 10 { 17 } else { 0 };
                    assert_eq!((flat[0], flat[2]), (17, all), "{metric}, {nprobe}, {round}");
                    // of ten lists
                    assert!(nprobe != 1 || flat[1] == 0 && nprobe != 9 || flat[1] == 17);
                    let probed = found.each_ref().map(|found| found.stats().ivf.rows_probed);
                    assert_eq!((probed[0], probed[1]), (probed[2], probed[2]));
                    let made = |at: usize| {
                        let mut names = found[at].stats().variants.iter();
                        names.any(|name| name.starts_with("probed_rows"))
                    };
                    assert!(made(0) == (nprobe < 10) && !made(2));
                }
            }
            // the labels that lie on the device are those of the rows there are
            for twin in &mut twins {
                twin.remove(&(0..330).step_by(5).collect::<Vec<_>>());
                twin.add(rows(90, DIM, &metric, DType::F32, 43).rows());
            }
        }
    }
}

#[test]
fn prepared_filters_stand_beside_the_lists_that_are_masked() {
    let twin = Twin::trained(
        &gpu("0"),
        &Metric::L2,
        DIM,
        12,
        rows(900, DIM, &Metric::L2, DType::F32, 44).rows(),
    );
    let queries = rows(30, DIM, &Metric::L2, DType::F32, 45);
    let each = || -> QueryFilter { (0..30).map(|query| query * 10..600 + query * 10).collect() };
    let own = twin.ivf.prepare_query_filter(each()).unwrap();
    let third = IdFilter::from_fn(|id| id % 3 == 1);
    for nprobe in [1, 5, 11] {
        let told = probing(nprobe).query_filter(each()).filter(third.clone());
        let prepared = probing(nprobe).prepared(&own).filter(third.clone());
        let expected = twin.ivf.search_with(queries.rows(), 8, &told).unwrap();
        let found = twin.ivf.search_with(queries.rows(), 8, &prepared).unwrap();
        assert_eq!(bits(&found), bits(&expected));
        assert_eq!(found.stats().ivf.flat, 30);
        let within = twin.ivf.range_search_with(queries.rows(), 6.0, &prepared).unwrap();
        let expected = twin.ivf.range_search_with(queries.rows(), 6.0, &told).unwrap();
        assert_eq!(bits(&within), bits(&expected));
        let whole = twin.check(queries.rows(), asked(nprobe, 8));
        assert!(!whole.ids().is_empty() && !found.ids().is_empty());
    }
}

#[test]
fn a_query_that_is_refused_has_its_number_both_ways() {
    for share in ["0", "1"] {
        let base = rows(200, DIM, &Metric::L2, DType::F32, 46);
        let twin = Twin::trained(&gpu(share), &Metric::L2, DIM, 8, base.rows());
        let mut queries = vec![0.5; 100 * DIM];
        queries[93 * DIM + 2] = f32::NAN;
        let said = twin.ivf.search_with(Rows::F32(&queries), 3, &probing(7)).unwrap_err();
        assert_eq!(said.to_string(), "row 93, column 2 is not finite");
    }
}
