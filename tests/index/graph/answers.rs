//! What a graph finds: distances of a flat search to the bit, nearly all neighbours, and the same whatever else is asked.

use super::{Both, bits, made, walking};
use crate::common::device::Open as _;
use crate::support::{rows, whole_gpu};
use nearfield::{DType, Gpu, GraphParams, Metric, Rows, Search, SearchParams};

#[test]
fn distances_are_those_of_a_flat_search_and_few_neighbours_are_missed() {
    let gpu = whole_gpu();
    for metric in [Metric::L2, Metric::SqrtL2, Metric::Cosine, Metric::InnerProduct] {
        for (dtype, dim, n) in [(DType::F32, 16, 900), (DType::F16, 24, 400), (DType::Bf16, 5, 300)]
        {
            let base = rows(n, dim, &metric, dtype, 1);
            let both = Both::of(&gpu, dim, &metric, &base, 16);
            let queries = made(20, dim, &metric, 2);
            for (k, ef) in [(10, 64), (1, 8), (64, 16), (7, 130)] {
                let share = both.check(queries.rows(), k, ef);
                assert!(share > 0.9 || ef < 64, "{metric} {dtype}, k {k}, ef {ef}: {share}");
            }
            let found = both.graph.search_with(queries.rows(), 10, &walking(64)).unwrap();
            let stats = found.stats();
            assert_eq!((stats.graph.walked, stats.graph.exact, stats.graph.capped), (20, 0, 0));
            assert!(stats.variants.iter().any(|name| name.starts_with("search_")), "{stats:?}");
            assert!(stats.graph.steps >= 20 * 16, "{stats:?}");
        }
    }
}

#[test]
fn longer_lists_find_more() {
    let (gpu, metric, dim) = (whole_gpu(), Metric::L2, 12);
    let both = Both::of(&gpu, dim, &metric, &made(500, dim, &metric, 3), 8);
    let queries = made(40, dim, &metric, 4);
    let shares = [4, 16, 64, 256].map(|ef| both.check(queries.rows(), 4, ef));
    assert!(shares.is_sorted() && shares[0] < 1.0 && shares[3] > 0.99, "{shares:?}");
}

#[test]
fn answers_depend_neither_on_the_batch_nor_on_the_threads() {
    let (metric, dim) = (Metric::L2, 20);
    let base = made(600, dim, &metric, 5);
    let queries = made(30, dim, &metric, 6);
    let mut first = [None, None];
    // by the rows, and by their copy
    for (copy, threads) in [(0, 64), (0, 128), (0, 256), (1, 64), (1, 256)] {
        let builder = Gpu::builder().poison(true).setting("kernel.graph.threads", threads);
        let builder = builder.setting("kernel.graph.few_threads", 2 * threads);
        let builder = builder.setting("kernel.graph.few_queries", 16);
        let builder = builder.setting("kernel.matrix.f16_copy", copy);
        let Ok(gpu) = builder.open() else { continue };
        let both = Both::of(&gpu, dim, &metric, &base, 32);
        let together = both.graph.search_with(queries.rows(), 10, &walking(40)).unwrap();
        let name = |of: &String| {
            of.starts_with("search_")
                && of.contains(&format!("threads{threads}"))
                && of.contains("f16copy") == (copy == 1)
        };
        assert!(together.stats().variants.iter().any(name), "{:?}", together.stats().variants);
        let first = first[copy].get_or_insert(bits(&together));
        assert_eq!(&bits(&together), first, "{threads} threads");
        assert!(both.check(queries.rows(), 10, 40) > 0.9);
        for q in [0, 7, 29] {
            let alone = queries.rows().slice(dim, q..q + 1);
            let alone = both.graph.search_with(alone, 10, &walking(40)).unwrap();
            assert!(alone.row(0).eq(together.row(q)), "query {q}");
            let most = (2 * threads).min(1 << gpu.caps().max_workgroup_threads.ilog2());
            let few = |of: &String| of.contains(&format!("threads{most}_")) && of.contains("few");
            assert!(alone.stats().variants.iter().any(few), "{:?}", alone.stats().variants);
        }
    }
    assert!(first.iter().all(Option::is_some));
}

#[test]
fn rows_in_several_segments_are_searched_along_their_edges_too() {
    let (metric, dim) = (Metric::Cosine, 16);
    let base = made(300, dim, &metric, 7);
    let queries = made(10, dim, &metric, 8);
    let whole = Both::of(&whole_gpu(), dim, &metric, &base, 16);
    let expected = whole.graph.search_with(queries.rows(), 5, &walking(32)).unwrap();
    // three segments where the rows have no copy
    let gpu = Gpu::builder().poison(true).max_segment_bytes(128 * 64).open().unwrap();
    let cut = Both::of(&gpu, dim, &metric, &base, 16);
    match cut.graph.search_with(queries.rows(), 5, &walking(32)) {
        Ok(found) => {
            let name = |of: &String| of.starts_with("search_") && !of.contains("segments1");
            assert!(found.stats().variants.iter().any(name), "{:?}", found.stats().variants);
            assert_eq!(bits(&found), bits(&expected));
        }
        // of eight storage buffers two are those of rows
        Err(error) => assert!(error.to_string().contains("buffers"), "{error}"),
    }
    let auto = cut.graph.search_with(queries.rows(), 5, &SearchParams::new()).unwrap();
    assert_eq!(auto.stats().graph.exact, 10);
}

#[test]
fn a_query_that_may_take_few_steps_says_so() {
    let (gpu, metric, dim) = (whole_gpu(), Metric::L2, 16);
    let both = Both::of(&gpu, dim, &metric, &made(800, dim, &metric, 9), 8);
    let queries = made(10, dim, &metric, 10);
    let mut params = walking(64);
    params.graph = params.graph.map(|graph: GraphParams| graph.max_steps(2));
    let found = both.graph.search_with(queries.rows(), 3, &params).unwrap();
    assert_eq!((found.stats().graph.capped, found.stats().graph.steps), (10, 20));
    assert!((0..10).all(|q| found.row(q).count() == 3));
    let none = both.graph.search_with(Rows::F32(&[]), 3, &walking(64)).unwrap();
    assert!(none.is_empty());
}
