//! What searches answer.

use super::{METRICS, Model, hits, rows};
use crate::common::device::subset;
use crate::support::gpu;
use nearfield::{
    BinaryFlat, BinaryIvf, Guarantee, Index, IvfParams, Metric, Rows, Search, SearchParams,
};

/// Bits, lists.
const SHAPES: [(usize, usize); 8] =
    [(1, 2), (7, 1), (8, 5), (13, 9), (40, 40), (128, 6), (129, 12), (300, 7)];

#[test]
fn the_nearest_rows_of_the_nearest_lists_are_found() {
    let gpu = gpu();
    for (at, (dim, nlist)) in SHAPES.into_iter().enumerate() {
        for (number, metric) in METRICS.iter().enumerate() {
            if (at + number) % if subset() { 4 } else { 1 } != 0 {
                continue;
            }
            // equal centroids among them, so that some lists have no row
            let centroids = rows(nlist, dim, 3);
            let index = BinaryIvf::with_centroids(&gpu, dim, metric.clone(), &centroids).unwrap();
            let (base, queries) = (rows(150, dim, 1), rows(5, dim, 2));
            let mut model = Model::new(&index);
            model.check(&index, &queries);
            assert_eq!(index.add_rows(Rows::Bits(&base)).unwrap(), 0..150);
            model.add(0..150, &base);
            model.check(&index, &queries);
            // all lists are a flat index, to the bit
            let flat = BinaryFlat::new(&gpu, dim, metric.clone()).unwrap();
            flat.add_rows(Rows::Bits(&base)).unwrap();
            for k in [1, 10, 200] {
                let plain = SearchParams::new();
                let expected = flat.search_with(Rows::Bits(&queries), k, &plain).unwrap();
                let every = plain.clone().ivf(IvfParams::new().nprobe(nlist + 7).prove(true));
                let exact = plain.clone().guarantee(Guarantee::Exact);
                for params in [every, exact] {
                    let found = index.search_with(Rows::Bits(&queries), k, &params).unwrap();
                    assert_eq!(
                        (found.ids(), found.distances()),
                        (expected.ids(), expected.distances())
                    );
                }
            }
        }
    }
}

#[test]
fn many_queries_have_the_answers_of_one() {
    let (gpu, dim) = (gpu(), 64);
    let index = BinaryIvf::with_centroids(&gpu, dim, Metric::Hamming, &rows(30, dim, 4)).unwrap();
    index.add_rows(Rows::Bits(&rows(2000, dim, 5))).unwrap();
    let queries = rows(700, dim, 6);
    let params = SearchParams::new().ivf(IvfParams::new().nprobe(4));
    let all = hits(&index.search_with(Rows::Bits(&queries), 9, &params).unwrap());
    for query in [0, 1, 333, 699] {
        let one = Rows::Bits(&queries[query * 8..query * 8 + 8]);
        assert_eq!(hits(&index.search_with(one, 9, &params).unwrap())[0], all[query]);
    }
    let proved = params.clone().ivf(IvfParams::new().nprobe(4).prove(true));
    let found = index.search_with(Rows::Bits(&queries[..80]), 9, &proved).unwrap();
    assert!((0..10).all(|query| !found.proved(query)));
}
