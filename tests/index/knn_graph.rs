//! The k nearest other rows of each row, held against the searches that an index answers, which leave rows out of their own hits, and
//! against the oracle in f64.

use crate::common::cases::{bit_metrics, float_metrics};
use crate::common::data::{Domain, Kind, Owned};
use crate::common::device::{Open as _, shared, subset};
use crate::support::{gpu, index, own_gpu, whole_gpu};
use nearfield::reference::{Block, Problem, check_search};
use nearfield::{
    BinaryIvf, CancelToken, DType, Error, Gpu, GpuBuilder, Index, IvfFlat, IvfParams, KnnGraph,
    KnnGraphParams, Matrix, Metric, Order, Rows, SearchParams, knn_graph,
};
use std::sync::{Arc, Mutex};

/// The edges of each row, without the places that are filled up, which are checked.
fn edges(graph: &KnnGraph, metric: &Metric) -> Vec<Vec<(u64, f32)>> {
    let none = metric.order().no_hit();
    assert_eq!((graph.ids.len(), graph.distances.len()), (graph.rows * graph.k, graph.ids.len()));
    let of = |row: usize| {
        let edges = Vec::from_iter(graph.neighbors(row).map(|(id, d)| (u64::from(id), d)));
        let rest = row * graph.k + edges.len()..(row + 1) * graph.k;
        assert!(graph.ids[rest.clone()].iter().all(|&id| id == KnnGraph::NONE), "{row}");
        assert!(graph.distances[rest].iter().all(|&d| d == none), "{row}");
        edges
    };
    (0..graph.rows).map(of).collect()
}

fn bits(edges: &[Vec<(u64, f32)>]) -> Vec<Vec<(u64, u32)>> {
    edges.iter().map(|row| row.iter().map(|&(id, d)| (id, d.to_bits())).collect()).collect()
}

fn exact(gpu: &Gpu, metric: &Metric, rows: Rows<'_>, dim: usize, k: usize) -> KnnGraph {
    let matrix = Matrix::from_rows(gpu, dim, rows).unwrap();
    knn_graph(&matrix, metric, k, &KnnGraphParams::new()).unwrap()
}

/// Holds the graph of some rows against an index of them and the oracle.
fn check(gpu: &Gpu, metric: &Metric, rows: Rows<'_>, dim: usize, k: usize) -> Vec<Vec<(u64, f32)>> {
    let own = edges(&exact(gpu, metric, rows, dim, k), metric);
    let flat = index(gpu, dim, metric, rows.dtype());
    flat.add_rows(rows).unwrap();
    let hits = flat.search_with(rows, k, &SearchParams::new().exclude_self()).unwrap();
    let what = format!("{metric} of {} x {dim} {}, k = {k}", own.len(), rows.dtype());
    assert_eq!(bits(&own), bits(&Vec::from_iter(hits.rows())), "{what}");
    if matches!(metric, Metric::Custom(_)) {
        return own;
    }
    let block = Block::new(rows, dim).unwrap();
    let others = |query: usize, row: usize| query != row;
    let problem = Problem { measure: metric, queries: &block, base: &block, eligible: &others };
    check_search(&problem, k, &own).unwrap_or_else(|e| panic!("{what}: {e}"));
    own
}

fn made(kind: Kind, n: usize, dim: usize, metric: &Metric, dtype: DType) -> Owned {
    let domain = Domain::of(metric);
    let mut values = kind.rows(n, dim, 5, false, 1.0);
    domain.apply(&mut values, dim, 5);
    Owned::encode(&values, dim, dtype, domain, kind)
}

/// With segments as large as they may be.
fn whole() -> GpuBuilder {
    Gpu::builder().poison(true)
}

/// A metric of one's own.
fn custom() -> Metric {
    let source = "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc + abs(q - x); }\n\
                  fn finish(acc: f32, d: u32) -> f32 { return acc; }";
    Metric::wgsl(source, 0.0, Order::Ascending)
}

#[test]
fn every_metric_and_type_finds_what_an_index_of_the_rows_does() {
    let kinds = [Kind::Duplicates, Kind::ZeroVectors, Kind::Normal, Kind::Integers];
    let types = [DType::F32, DType::F16, DType::Bf16, DType::I8, DType::U8];
    let mut turn = 0;
    for (m, metric) in float_metrics().into_iter().chain([custom()]).enumerate() {
        for (t, dtype) in types.into_iter().enumerate() {
            // each metric meets floats and bytes on a slow driver, and each type some metrics
            if subset() && !(m + t).is_multiple_of(4) && dtype != DType::F32 {
                continue;
            }
            turn += 1;
            let dim = if metric == Metric::Haversine { 2 } else { [5, 33, 1, 12][turn % 4] };
            let (n, k) = ([150, 70, 65][turn % 3], [4, 7, 1, 20][turn / 2 % 4]);
            let rows = made(kinds[turn % 4], n, dim, &metric, dtype);
            check(&gpu(), &metric, rows.rows(), dim, k);
        }
    }
    for (metric, kind) in bit_metrics().into_iter().zip(kinds.into_iter().cycle()) {
        let rows = made(kind, 150, 70, &metric, DType::Bits);
        check(&gpu(), &metric, rows.rows(), 70, 6);
    }
}

#[test]
fn the_scan_finds_what_all_distances_do() {
    let settings = || whole().setting("scan.min_rows", 64).setting("scan.max_row_queries", 5);
    let gpu = shared("scans of few rows", settings).unwrap();
    // fewer rows are not scanned
    let (n, dim, k) = (8256, 4, 5);
    let types =
        [(Metric::L2, DType::F32), (Metric::L2, DType::U8), (Metric::InnerProduct, DType::F16)];
    for (metric, dtype) in types.into_iter().take(if subset() { 1 } else { 3 }) {
        let rows = made(Kind::Normal, n, dim, &metric, dtype);
        let graph = exact(&gpu, &metric, rows.rows(), dim, k);
        assert!(graph.stats.exact.scanned >= n as u64, "{metric} {dtype}: {:?}", graph.stats);
        let flat = index(&gpu, dim, &metric, dtype);
        flat.add_rows(rows.rows()).unwrap();
        let params = SearchParams::new().exclude(Vec::from_iter(0..40));
        let few = rows.rows().slice(dim, 0..40);
        let hits = flat.search_with(few, k, &params.exhaustive(true)).unwrap();
        let own = edges(&graph, &metric);
        assert_eq!(bits(&own[..40]), bits(&Vec::from_iter(hits.rows())), "{metric} {dtype}");
    }
}

#[test]
fn of_equal_rows_each_is_a_neighbour_of_the_others() {
    for metric in [Metric::L2, Metric::Cosine, Metric::L1, Metric::InnerProduct] {
        // 40 copies of a row around 20 others, and 4 neighbours: most rows are not among their own 5 nearest
        let mut rows = [1.0, 2.0, 2.0].repeat(60);
        for row in 20..40 {
            rows[row * 3] = row as f32;
        }
        let own = check(&gpu(), &metric, Rows::F32(&rows), 3, 4);
        if metric != Metric::InnerProduct {
            assert_eq!(own[59].iter().map(|e| e.0).collect::<Vec<_>>(), [0, 1, 2, 3], "{metric}");
            assert_eq!(own[2].iter().map(|e| e.0).collect::<Vec<_>>(), [0, 1, 3, 4], "{metric}");
        }
    }
    let zeros = vec![0.0; 2 * 90];
    for metric in [Metric::L2, Metric::Cosine, Metric::CosineDistance, Metric::Correlation] {
        let own = check(&gpu(), &metric, Rows::F32(&zeros), 2, 3);
        assert_eq!(own[80].iter().map(|e| e.0).collect::<Vec<_>>(), [0, 1, 2], "{metric}");
    }
    let same = vec![7u8; 8 * 90];
    check(&gpu(), &Metric::L2, Rows::U8(&same), 8, 3);
    check(&gpu(), &Metric::Hamming, Rows::Bits(&same), 64, 3);
    // the row of largest norm is the nearest to all, and to itself
    let long = check(&gpu(), &Metric::InnerProduct, Rows::F32(&[1.0, 2.0, 3.0, -4.0]), 1, 2);
    assert_eq!(long[0], [(2, 3.0), (1, 2.0)]);
    assert_eq!(long[3], [(0, -4.0), (1, -8.0)]);
    // and here no row is the nearest to itself but the last
    assert_eq!(long[2], [(1, 6.0), (0, 3.0)]);
}

#[test]
fn few_rows_leave_places() {
    let gpu = gpu();
    for (metric, rows) in [
        (Metric::L2, Rows::F32(&[1.0, 4.0, 2.0])),
        (Metric::InnerProduct, Rows::I8(&[1, 4, -2])),
        (Metric::Cosine, Rows::F32(&[1.0, 4.0, -2.0])),
        (Metric::Hamming, Rows::Bits(&[1, 0, 1])),
    ] {
        for n in 0..=3 {
            for k in [1, 2, 3, 100] {
                let own = check(&gpu, &metric, rows.slice(1, 0..n), 1, k);
                assert!(own.iter().all(|row| row.len() == k.min(n - 1)), "{metric} {n} {k}");
            }
        }
    }
    // rows that are no hits of any are those of none, and of themselves no more than of others
    let (nan, metric) = (f32::NAN, Metric::NanEuclidean);
    let own = check(&gpu, &metric, Rows::F32(&[nan, nan, 1.0, nan, 3.0, 4.0, 5.0, 6.0]), 2, 3);
    assert_eq!(own.iter().map(Vec::len).collect::<Vec<_>>(), [0, 2, 2, 2]);
    let empty = Matrix::empty(&gpu, DType::F32, 3).unwrap();
    let params = KnnGraphParams::new().approximate(4, 2);
    let graph = knn_graph(&empty, &Metric::L2, 3, &params).unwrap();
    assert_eq!((graph.rows, graph.k, graph.ids.len()), (0, 3, 0));
}

#[test]
fn little_memory_changes_nothing() {
    let small = Gpu::builder().poison(true).memory_budget(2 << 20).open().unwrap();
    let types = [(Metric::L2, DType::F32), (Metric::Cosine, DType::F16)];
    for (metric, dtype) in types.into_iter().take(if subset() { 1 } else { 2 }) {
        let rows = made(Kind::Duplicates, 1200, 8, &metric, dtype);
        let of = |gpu: &Gpu| exact(gpu, &metric, rows.rows(), 8, 9);
        let (cut, whole) = (of(&small), of(&whole_gpu()));
        assert_eq!(bits(&edges(&cut, &metric)), bits(&edges(&whole, &metric)), "{metric}");
        assert!(cut.stats.submissions > whole.stats.submissions, "{:?}", cut.stats);
    }
}

/// What an index of such lists, which learns them from all of the rows, says of its own rows.
fn through_lists(
    index: &dyn Index,
    rows: Rows<'_>,
    k: usize,
    nprobe: usize,
) -> Vec<Vec<(u64, f32)>> {
    index.train(rows).unwrap();
    index.add_rows(rows).unwrap();
    let ivf = IvfParams::new().nprobe(nprobe).fill(true);
    let hits = index.search_with(rows, k, &SearchParams::new().exclude_self().ivf(ivf));
    hits.unwrap().rows().collect()
}

#[test]
fn lists_find_what_an_index_of_lists_does() {
    let types = [
        (Metric::Cosine, DType::F32),
        (Metric::Hamming, DType::Bits),
        (Metric::NanEuclidean, DType::F32),
        (Metric::L2, DType::U8),
        (Metric::InnerProduct, DType::F16),
        (Metric::Correlation, DType::F32),
    ];
    let (n, dim, nlist, k) = (200, 8, 9, 5);
    // kernels are slow to compile for some drivers
    for (metric, dtype) in types.into_iter().take(if subset() { 2 } else { 6 }) {
        let rows = made(Kind::Normal, n, dim, &metric, dtype);
        let matrix = Matrix::from_rows(&gpu(), dim, rows.rows()).unwrap();
        let through = |nprobe| {
            let params = KnnGraphParams::new().approximate(nlist, nprobe);
            edges(&knn_graph(&matrix, &metric, k, &params).unwrap(), &metric)
        };
        let own = through(3);
        let index: Box<dyn Index> = match dtype {
            DType::Bits => Box::new(BinaryIvf::new(&gpu(), dim, metric.clone(), nlist).unwrap()),
            _ => Box::new(IvfFlat::with_dtype(&gpu(), dim, metric.clone(), dtype, nlist).unwrap()),
        };
        let what = format!("{metric} {dtype}");
        assert_eq!(bits(&own), bits(&through_lists(&*index, rows.rows(), k, 3)), "{what}");
        let all = edges(&exact(&gpu(), &metric, rows.rows(), dim, k), &metric);
        assert_eq!(bits(&through(nlist)), bits(&all), "{what}");
        // rows that are hits have as many neighbours as there are, however few its lists have
        let one = through(1);
        assert_eq!(
            one.iter().map(Vec::len).collect::<Vec<_>>(),
            all.iter().map(Vec::len).collect::<Vec<_>>(),
            "{what}"
        );
    }
}

#[test]
fn what_cannot_be_is_refused_before_the_work() {
    let gpu = own_gpu();
    let matrix = Matrix::from_rows(&gpu, 2, Rows::F32(&[0.5; 40])).unwrap();
    let used = gpu.memory().in_use;
    let new = KnnGraphParams::new;
    let refused = |metric: &Metric, k: usize, params: &KnnGraphParams| {
        knn_graph(&matrix, metric, k, params).unwrap_err()
    };
    for (k, params, name) in [
        (0, new(), "k"),
        (usize::MAX, new(), "k"),
        (usize::MAX / 64, new(), "k"),
        (3, new().approximate(0, 1), "approximate"),
        (3, new().approximate(4, 0), "approximate"),
        (3, new().approximate(21, 1), "approximate"),
    ] {
        match refused(&Metric::L2, k, &params) {
            Error::InvalidArgument { argument, .. } => assert_eq!(argument, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    assert!(matches!(refused(&Metric::Hamming, 3, &new()), Error::Unsupported { .. }));
    let bad = Matrix::from_rows(&gpu, 2, Rows::F32(&[0.5, 0.5, 0.5, f32::NAN])).unwrap();
    for params in [new(), new().approximate(1, 1)] {
        let error = knn_graph(&bad, &Metric::L2, 1, &params).unwrap_err();
        assert!(matches!(error, Error::NonFinite { row: 1, column: 1 }), "{error}");
    }
    drop(bad);
    assert_eq!(gpu.memory().in_use, used);
    // room for the rows and not for a single query of so many neighbours
    let small = Gpu::builder().poison(true).memory_budget(1 << 20).open().unwrap();
    let rows = vec![0.5; 30_000];
    let matrix = Matrix::from_rows(&small, 1, Rows::F32(&rows)).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    for params in [new(), new().approximate(8, 2)] {
        let shares = told.clone();
        let params = params.progress(move |share| shares.lock().unwrap().push(share));
        let error = knn_graph(&matrix, &Metric::L2, 29_000, &params).unwrap_err();
        assert!(matches!(error, Error::OutOfDeviceMemory { .. }), "{error}");
    }
    assert_eq!(*told.lock().unwrap(), []);
}

#[test]
fn progress_rises_and_calls_can_be_cancelled() {
    let rows = made(Kind::Normal, 700, 4, &Metric::L2, DType::F32);
    let matrix = Matrix::from_rows(&gpu(), 4, rows.rows()).unwrap();
    for base in [KnnGraphParams::new(), KnnGraphParams::new().approximate(8, 2)] {
        let told = Arc::new(Mutex::new(Vec::new()));
        let shares = told.clone();
        let params = base.clone().progress(move |share| shares.lock().unwrap().push(share));
        let graph = knn_graph(&matrix, &Metric::L2, 3, &params).unwrap();
        assert_eq!((graph.rows, graph.stats.queries), (700, 700));
        let told = told.lock().unwrap().clone();
        assert!(told.is_sorted() && told.windows(2).all(|two| two[0] < two[1]), "{told:?}");
        assert_eq!(told.last(), Some(&1.0));
        let token = CancelToken::new();
        token.cancel();
        let error = knn_graph(&matrix, &Metric::L2, 3, &base.cancel(&token)).unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error}");
    }
    // in the middle, while lists are learnt
    let (token, own) = (CancelToken::new(), CancelToken::new());
    let cancelling = (token.clone(), own.clone());
    let params = KnnGraphParams::new().approximate(8, 2).cancel(&token).progress(move |_| {
        cancelling.0.cancel();
        cancelling.1.cancel();
    });
    assert!(matches!(knn_graph(&matrix, &Metric::L2, 3, &params), Err(Error::Cancelled)));
    assert!(own.is_cancelled());
}
