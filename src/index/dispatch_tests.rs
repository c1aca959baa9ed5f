//! What consecutive calls share on the device.

use super::{Flat, Graph, GraphParams, GraphPath, Index, IvfFlat, IvfParams, Search, SearchParams};
use crate::device::{BindGroups, Gpu};
use crate::dtype::Rows;
use crate::metric::Metric;

const DIM: usize = 8;

fn rows(n: usize) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(5);
    (0..n * DIM).map(|_| random.f32() - 0.5).collect()
}

/// An index of each kind that searches in a way of its own, and how it is asked.
fn indexes(gpu: &Gpu) -> [(Box<dyn Index>, SearchParams); 3] {
    let rows = rows(1500);
    let flat = Flat::new(gpu, DIM, Metric::L2).unwrap();
    let lists = IvfFlat::new(gpu, DIM, Metric::L2, 8).unwrap();
    lists.train(Rows::F32(&rows)).unwrap();
    let graph = Graph::new(gpu, DIM, Metric::L2).unwrap();
    let walking = SearchParams::new().graph(GraphParams::new().path(GraphPath::Graph));
    let probing = SearchParams::new().ivf(IvfParams::new().nprobe(2));
    let all: [(Box<dyn Index>, SearchParams); 3] = [
        (Box::new(flat), SearchParams::new()),
        (Box::new(lists), probing),
        (Box::new(graph), walking),
    ];
    for (index, _) in &all {
        index.add(&rows).unwrap();
    }
    all
}

#[test]
fn a_call_binds_what_the_call_before_it_bound_and_an_index_takes_its_groups_with_it() {
    let gpu = Gpu::builder().poison(true).build().unwrap();
    let groups = gpu.state::<BindGroups>().unwrap();
    let queries = rows(3);
    for (index, params) in indexes(&gpu) {
        let ask = |count: usize| {
            let queries = Rows::F32(&queries[..count * DIM]);
            index.search_with(queries, 4, &params).unwrap().ids().to_vec()
        };
        for count in [1, 3] {
            let expected = ask(count);
            ask(count);
            let (made, _) = groups.counts();
            for _ in 0..3 {
                assert_eq!(ask(count), expected, "{index:?}");
            }
            assert_eq!(groups.counts().0, made, "{index:?}, {count} queries");
        }
        let (_, kept) = groups.counts();
        drop(index);
        assert!(groups.counts().1 < kept);
    }
}

#[test]
fn threads_that_ask_at_a_time_bind_what_is_theirs() {
    let gpu = Gpu::builder().poison(true).build().unwrap();
    for (index, params) in indexes(&gpu) {
        let queries = rows(16);
        let all = index.search_with(Rows::F32(&queries), 4, &params).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (gpu, index, params, all, queries) = (&gpu, &index, &params, &all, &queries);
                scope.spawn(move || {
                    for query in (0..16).skip(thread).step_by(2) {
                        let own = Rows::F32(&queries[query * DIM..][..DIM]);
                        let hits = index.search_with(own, 4, params).unwrap();
                        assert_eq!(hits.ids(), &all.ids()[query * 4..][..4], "query {query}");
                        // with buffers that come and go meanwhile
                        let other = Flat::new(gpu, DIM, Metric::L2).unwrap();
                        other.add(queries).unwrap();
                        assert_eq!(
                            other.search_with(own, 1, &SearchParams::new()).unwrap().ids(),
                            [query as u64]
                        );
                    }
                });
            }
        });
    }
}
