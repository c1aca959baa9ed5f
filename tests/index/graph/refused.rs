//! What is asked of a graph and cannot be, by name.

use super::{Both, made, walking};
use crate::support::{rows, whole_gpu};
use nearfield::{
    DType, Error, Flat, Gpu, Graph, GraphParams, GraphPath, Guarantee, Index, Metric, Rows, Search,
    SearchParams, index_factory,
};

fn refused(index: &dyn Index, params: &SearchParams, argument: &str) {
    match index.search_with(Rows::F32(&[0.5; 4]), 3, params) {
        Err(Error::InvalidArgument { argument: named, .. }) => assert_eq!(named, argument),
        other => panic!("{argument}: {other:?}"),
    }
}

#[test]
fn what_a_graph_has_no_use_for_is_named() {
    let gpu = whole_gpu();
    let both = Both::of(&gpu, 4, &Metric::L2, &made(100, 4, &Metric::L2, 1), 16);
    let along = || GraphParams::new().path(GraphPath::Graph);
    let told = |graph: GraphParams| SearchParams::new().graph(graph);
    refused(&both.graph, &told(along().ef(0)), "ef");
    refused(&both.graph, &told(along().max_steps(0)), "max_steps");
    refused(&both.graph, &told(along().ef(513)), "path");
    refused(&both.graph, &told(along()).filter(0..3), "path");
    refused(&both.graph, &told(along()).exhaustive(true), "path");
    refused(&both.graph, &told(along()).guarantee(Guarantee::Exact), "path");
    let exact = SearchParams::new().guarantee(Guarantee::Exact);
    refused(&both.graph, &exact.clone().graph(GraphParams::new().ef(9)), "ef");
    assert_eq!(
        both.graph.search_with(Rows::F32(&[0.5; 4]), 3, &exact).unwrap().stats().graph.exact,
        1
    );
    refused(&both.flat, &told(along()), "graph");
    let range = both.graph.range_search_with(Rows::F32(&[0.5; 4]), 1.0, &told(along()));
    assert!(matches!(range, Err(Error::InvalidArgument { argument: "path", .. })));
    let kept = told(GraphParams::new().ef(9));
    let range = both.graph.range_search_with(Rows::F32(&[0.5; 4]), 1.0, &kept);
    assert!(matches!(range, Err(Error::InvalidArgument { argument: "ef", .. })));
    let error = both.graph.search_with(Rows::F32(&[0.5; 4]), 1, &told(along().ef(513)));
    assert!(error.unwrap_err().to_string().contains("513 rows kept"));
    let some = told(along().ef(64)).filter(0..3);
    let error = both.graph.search_with(Rows::F32(&[0.5; 4]), 1, &some).unwrap_err().to_string();
    assert!(error.contains("a filter"), "{error}");
    assert!(matches!(both.graph.set_ef(0), Err(Error::InvalidArgument { argument: "ef", .. })));
    assert!(matches!(both.graph.search(&[0.0; 4], 0), Err(Error::InvalidArgument { .. })));
    assert!(matches!(both.graph.search(&[0.0; 3], 1), Err(Error::PartialRow { .. })));
    assert!(matches!(
        both.graph.search_with(Rows::F32(&[f32::NAN; 4]), 1, &walking(8)),
        Err(Error::NonFinite { .. })
    ));
}

#[test]
fn graphs_that_cannot_be_are_refused() {
    let gpu = whole_gpu();
    for degree in [0, 1, 129, usize::MAX] {
        let made = Graph::with_degree(&gpu, 4, Metric::L2, DType::F32, degree);
        assert!(matches!(made, Err(Error::InvalidArgument { argument: "degree", .. })));
    }
    let bits = Graph::with_dtype(&gpu, 8, Metric::Hamming, DType::Bits);
    assert!(matches!(bits, Err(Error::Unsupported { .. })));
    assert!(index_factory(&gpu, 4, "CAGRA", Metric::L2, DType::F32).is_err());
    assert!(index_factory(&gpu, 4, "CAGRA1", Metric::L2, DType::F32).is_err());
    for (metric, dtype) in [(Metric::L1, DType::F32), (Metric::Linf, DType::I8)] {
        let index = Graph::with_dtype(&gpu, 4, metric.clone(), dtype).unwrap();
        index.add_rows(rows(50, 4, &metric, dtype, 2).rows()).unwrap();
        let along = index.search_with(Rows::F32(&[0.5; 4]), 3, &walking(8));
        assert!(matches!(along, Err(Error::Unsupported { .. })), "{metric} {dtype}");
    }
    let small = Gpu::builder().memory_budget(1 << 20).build();
    if let Ok(small) = small {
        let index = Graph::new(&small, 4, Metric::L2).unwrap();
        index.add(&made(20_000, 4, &Metric::L2, 3).rows().to_f32()).unwrap();
        assert!(matches!(index.build(), Err(Error::OutOfDeviceMemory { .. })));
        // the rows are there all the same
        assert_eq!(index.search(&[0.0; 4], 2).unwrap().row(0).count(), 2);
    }
    let flat = Flat::new(&gpu, 4, Metric::L2).unwrap();
    assert!(Graph::new(&gpu, 4, Metric::L2).unwrap().merge_from(&flat).is_err());
}
