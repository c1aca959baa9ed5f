//! Searches of rows that lie as they lie, for every metric and type: by number and by radius, in batches of any size.

use super::oracle::{Asked, Twin, asked, bits, probing};
use crate::common::device::subset;
use crate::support::{gpu, rows};
use nearfield::{
    DType, Guarantee, IdFilter, Index, IvfFlat, Metric, Order, Rows, Search, SearchParams,
};

fn metrics() -> Vec<(Metric, usize)> {
    let plain = Metric::PLAIN.iter().filter(|metric| !metric.is_binary());
    let all = plain.map(|m| (m.clone(), if *m == Metric::Haversine { 2 } else { 9 }));
    let source = "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc + abs(q - x); }
                  fn finish(acc: f32, d: u32) -> f32 { return -acc; }";
    let more = [Metric::Lp(3.0), Metric::wgsl(source, 0.0, Order::Descending)];
    let all: Vec<_> = all.chain(more.map(|metric| (metric, 9))).collect();
    // each has kernels of its own to compile
    let step = if subset() { 4 } else { 1 };
    all.into_iter().step_by(step).collect()
}

#[test]
fn every_metric_looks_at_the_nearest_lists() {
    for (seed, (metric, dim)) in (1..).zip(metrics()) {
        let base = rows(400, dim, &metric, DType::F32, seed);
        let twin = Twin::trained(&gpu(), &metric, dim, 9, base.rows());
        let queries = rows(7, dim, &metric, DType::F32, 100 + seed);
        twin.check_assigned(queries.rows(), 4);
        let third = IdFilter::bitmap(vec![0x9249_2492_4924_9249u64; 7]);
        twin.check(queries.rows(), Asked { filter: &third, ..asked(3, 10) });
        // fewer rows than that lie in the lists
        twin.check(queries.rows(), asked(2, 500));
    }
}

#[test]
fn every_type_of_rows_and_queries_is_compared() {
    let types = [DType::F32, DType::F16, DType::Bf16, DType::I8, DType::U8];
    let metrics = [Metric::L2, Metric::InnerProduct, Metric::Cosine, Metric::L1];
    for (seed, dtype) in (1..).zip(types) {
        for (at, metric) in metrics.iter().enumerate() {
            if subset() && !(seed as usize + at).is_multiple_of(4) {
                continue;
            }
            let base = rows(300, 20, metric, dtype, seed);
            let twin = Twin::trained(&gpu(), metric, 20, 12, base.rows());
            let queries = rows(5, 20, metric, dtype, 50 + seed);
            twin.check(queries.rows(), asked(4, 10));
            // not rounded to the rows' type
            let finer = rows(5, 20, metric, DType::F32, 50 + seed);
            let found = twin.ivf.search_with(finer.rows(), 1, &probing(4)).unwrap();
            assert_eq!(found.ids().len(), 5);
            if at == 0 {
                twin.check(finer.rows(), asked(4, 1));
            }
        }
    }
}

#[test]
fn no_answer_depends_on_the_other_queries_of_its_call() {
    let all = [(Metric::L2, DType::F32, 24), (Metric::InnerProduct, DType::F16, 16)];
    for (metric, dtype, dim) in all.into_iter().take(if subset() { 1 } else { 2 }) {
        let base = rows(900, dim, &metric, dtype, 3);
        let first = base.rows().slice(dim, 0..500);
        let mut twin = Twin::trained(&gpu(), &metric, dim, 24, first);
        twin.add(base.rows().slice(dim, 500..900));
        let queries = rows(300, dim, &metric, dtype, 4);
        for (nprobe, k) in [(6, 10), (1, 1)].into_iter().take(if subset() { 1 } else { 2 }) {
            twin.check(queries.rows().slice(dim, 0..30), asked(nprobe, k));
            let all = twin.ivf.search_with(queries.rows(), k, &probing(nprobe)).unwrap();
            let per_query: Vec<_> = all.rows().collect();
            for batch in [1, 7, 64] {
                let most = if batch == 1 || subset() { 5 * batch.min(16) } else { 300 };
                for first in (0..most).step_by(batch) {
                    let end = (first + batch).min(most);
                    let part = queries.rows().slice(dim, first..end);
                    let found = twin.ivf.search_with(part, k, &probing(nprobe)).unwrap();
                    assert_eq!(found.rows().collect::<Vec<_>>(), per_query[first..end], "{batch}");
                }
            }
        }
    }
}

#[test]
fn all_lists_are_the_flat_search_and_one_less_is_not() {
    for metric in [Metric::L2, Metric::InnerProduct] {
        let (n, dim, nlist) = (300, 8, 13);
        let base = rows(n, dim, &metric, DType::F32, 5);
        let twin = Twin::trained(&gpu(), &metric, dim, nlist, base.rows());
        let queries = rows(11, dim, &metric, DType::F32, 6);
        let exact = SearchParams::new().guarantee(Guarantee::Exact);
        let filter = IdFilter::range(50..250);
        for k in [1, 10, n] {
            for filter in [None, Some(&filter)] {
                let with = |params: SearchParams| match filter {
                    Some(filter) => params.filter(filter.clone()),
                    None => params,
                };
                let flat = twin.flat.search_with(queries.rows(), k, &with(SearchParams::new()));
                let flat = flat.unwrap();
                for params in [probing(nlist), probing(nlist + 1), probing(1 << 40), exact.clone()]
                {
                    let found = twin.ivf.search_with(queries.rows(), k, &with(params)).unwrap();
                    assert_eq!(bits(&found), bits(&flat), "{metric}, k {k}");
                    let stats = &found.stats().ivf;
                    assert_eq!((stats.nprobe, stats.rows_probed), (13, 11 * n as u64));
                }
                let radius = flat.row(0).last().map_or(1.0, |hit| hit.1);
                let flat =
                    twin.flat.range_search_with(queries.rows(), radius, &with(SearchParams::new()));
                let found =
                    twin.ivf.range_search_with(queries.rows(), radius, &with(exact.clone()));
                assert_eq!(bits(&found.unwrap()), bits(&flat.unwrap()));
            }
            twin.check(queries.rows(), asked(nlist - 1, k));
        }
        // the last list holds something of somebody
        let all = twin.ivf.search_with(queries.rows(), n, &probing(nlist)).unwrap();
        let most = twin.ivf.search_with(queries.rows(), n, &probing(nlist - 1)).unwrap();
        assert!(most.ids().len() < all.ids().len());
    }
}

#[test]
fn the_parameters_of_an_exact_search_keep_their_meaning() {
    let (metric, dim) = (Metric::L2, 16);
    let base = rows(900, dim, &metric, DType::F32, 7);
    let twin = Twin::trained(&gpu(), &metric, dim, 10, base.rows());
    let queries = rows(33, dim, &metric, DType::F32, 8);
    let plain = twin.ivf.search_with(queries.rows(), 12, &probing(3)).unwrap();
    let every = probing(3).exhaustive(true);
    let every = twin.ivf.search_with(queries.rows(), 12, &every).unwrap();
    assert_eq!(bits(&every), bits(&plain));
    let fast = twin.ivf.search_with(queries.rows(), 12, &probing(3).certify(false)).unwrap();
    assert_eq!(bits(&fast), bits(&plain));
    // the rows of the lists, counted by hand
    let sizes = twin.ivf.list_sizes();
    let lists = twin.probes(queries.rows(), 3);
    let probed: u64 = lists.iter().flatten().map(|&list| sizes[list as usize]).sum();
    assert_eq!(plain.stats().ivf.rows_probed, probed);
    // of several calls the rows add up
    let mut total = nearfield::SearchStats::default();
    total.add_work(plain.stats());
    total.add_work(every.stats());
    assert_eq!((total.ivf.nprobe, total.ivf.rows_probed), (3, 2 * probed));
    // the flat index counts no lists
    let flat = twin.flat.search_with(queries.rows(), 12, &SearchParams::new()).unwrap();
    assert_eq!(flat.stats().ivf, nearfield::IvfStats::default());
    // without queries there is nothing, whatever is asked
    assert!(twin.ivf.search_with(Rows::F32(&[]), 3, &probing(3)).unwrap().is_empty());
}

#[test]
fn hits_come_with_their_rows() {
    let (metric, dim) = (Metric::L2, 6);
    let base = rows(300, dim, &metric, DType::F16, 9);
    let mut twin = Twin::trained(&gpu(), &metric, dim, 8, base.rows());
    twin.remove(&(0..300).step_by(4).collect::<Vec<_>>());
    let queries = rows(9, dim, &metric, DType::F16, 10);
    for index in [&twin.ivf as &dyn Index, &*twin.flat] {
        let params = SearchParams::new().exclude(vec![1; 9]);
        let (hits, rows) = index.search_and_reconstruct(queries.rows(), 7, &params).unwrap();
        let alone = index.search_with(queries.rows(), 7, &params).unwrap();
        assert_eq!(bits(&hits), bits(&alone));
        assert_eq!(rows, index.reconstruct_many(hits.ids()).unwrap());
        assert_eq!(rows.len(), 9 * 7 * dim);
    }
    let far = rows(1, dim, &metric, DType::F32, 11);
    let (hits, rows) = twin.ivf.search_and_reconstruct(far.rows(), 1000, &probing(1)).unwrap();
    assert!(hits.ids().len() < 225 && rows.len() == hits.ids().len() * dim);
}

#[test]
fn a_row_is_in_the_list_that_it_looks_at_as_a_query() {
    for metric in [Metric::Cosine, Metric::CosineDistance, Metric::L2, Metric::Correlation] {
        for (dim, offset, scale) in [(2, 100.0, 1.0), (3, 1e4, 0.01), (24, 100.0, 1.0)] {
            let numbers = rows(300, dim, &Metric::L2, DType::F32, 71).rows().to_f32();
            // all nearly of one direction, so that rounding decides
            let base: Vec<f32> = numbers.iter().map(|x| offset + x * scale).collect();
            let lists = &base[..16 * dim];
            let index =
                IvfFlat::with_centroids(&gpu(), dim, metric.clone(), DType::F32, lists).unwrap();
            index.add(&base).unwrap();
            let near = index.assign(Rows::F32(&base), 1).unwrap();
            let mut sizes = vec![0; 16];
            near.ids().iter().for_each(|&list| sizes[list as usize] += 1);
            assert_eq!(index.list_sizes(), sizes, "{metric}, {dim}");
        }
    }
}
