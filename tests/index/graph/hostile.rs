//! Rows that lead graphs astray: few, equal, far apart, of one element, of lengths that differ by far. Every row is found all the same.

use super::{Both, made};
use crate::support::{encode, whole_gpu};
use nearfield::{
    DType, Gpu, GraphParams, GraphPath, GraphTraversal, Metric, Rows, Search as _, SearchParams,
};

/// Each row is the nearest to itself, or one that is equal.
fn all_are_found(both: &Both, rows: &[f32], ef: usize) {
    let share = both.check(Rows::F32(rows), 1, ef);
    assert_eq!(share, 1.0, "{} rows, ef {ef}", both.flat.len());
}

#[test]
fn few_rows_are_all_found() {
    let gpu = whole_gpu();
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        for (n, dim) in [(0, 3), (1, 3), (2, 1), (3, 4), (8, 2), (9, 2), (17, 1), (40, 3)] {
            let base = made(n, dim, &metric, 1);
            let both = Both::of(&gpu, dim, &metric, &base, 8);
            let queries = made(5, dim, &metric, 2);
            for k in [1, 3, n, n + 5] {
                let share = both.check(queries.rows(), k.max(1), 64);
                assert_eq!(share, if n == 0 { 0.0 } else { 1.0 }, "{metric}, {n} of {dim}, k {k}");
            }
        }
    }
}

/// One binding holds neither the lists of all queries at once nor what so many new rows set out from.
#[test]
fn small_bindings_cut_batches_and_have_a_graph_made_anew() {
    let gpu = Gpu::builder().poison(true).max_binding_bytes(1 << 16).build().unwrap();
    let few = Both::of(&gpu, 3, &Metric::L2, &made(40, 3, &Metric::L2, 1), 8);
    assert_eq!(few.check(made(500, 3, &Metric::L2, 2).rows(), 5, 48), 1.0);
    let both = Both::of(&gpu, 3, &Metric::L2, &made(300, 3, &Metric::L2, 3), 8);
    let queries = made(20, 3, &Metric::L2, 4);
    for round in 5..7 {
        assert_eq!(both.check(queries.rows(), 5, 64), 1.0);
        both.add(&made(700, 3, &Metric::L2, round).rows().to_f32());
    }
    assert!(both.check(queries.rows(), 5, 64) > 0.95);
}

/// Groups of rows a thousand times as far from each other as they are wide look alike in f16 and in 8 bits, and others do not.
#[test]
fn walks_go_by_the_rows_where_a_copy_blurs_them() {
    let gpu = Gpu::builder().poison(true).setting("kernel.matrix.f16_copy", 1).build().unwrap();
    let dim = 16;
    for (width, by_copy) in [(1e-3, false), (1.0, true)] {
        let mut base = made(600, dim, &Metric::L2, 5).rows().to_f32();
        for (row, values) in base.chunks_exact_mut(dim).enumerate() {
            values.iter_mut().for_each(|x| *x *= width);
            values[row % 6] += 1.0 + (row % 3) as f32;
        }
        let values: Vec<f64> = base.iter().map(|&x| x.into()).collect();
        let owned = encode(&values, dim, DType::F32, &Metric::Cosine);
        let both = Both::of(&gpu, dim, &Metric::Cosine, &owned, 16);
        for traversal in [GraphTraversal::Rows, GraphTraversal::Bytes] {
            let graph = GraphParams::new().path(GraphPath::Graph).ef(64).traversal(traversal);
            let params = SearchParams::new().graph(graph);
            let queries = Rows::F32(&base[..40 * dim]);
            let share = both.check_with(queries, 10, &params);
            assert!(share > 0.97, "{width}, {traversal:?}: {share}");
            let found = both.graph.search_with(queries, 10, &params).unwrap();
            let copies = ["search_f16copy", "search_int8copy"];
            let copy =
                copies.iter().any(|of| found.stats().variants.iter().any(|v| v.contains(of)));
            assert_eq!(copy, by_copy, "{width}, {traversal:?}: {:?}", found.stats().variants);
        }
    }
}

/// Whether a copy blurs rows is asked of a graph that nobody searched before it is renewed: of more rows, and of fewer.
#[test]
fn a_graph_that_was_not_searched_is_renewed_by_a_copy() {
    let builder = Gpu::builder().poison(true).setting("kernel.matrix.f16_copy", 1);
    let gpu = builder.build().unwrap();
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        let base = made(300, 16, &metric, 7);
        let queries = made(20, 16, &metric, 8);
        let grown = Both::of(&gpu, 16, &metric, &base, 16);
        grown.graph.build().unwrap();
        grown.add(&made(60, 16, &metric, 9).rows().to_f32());
        let less = Both::of(&gpu, 16, &metric, &base, 16);
        less.graph.build().unwrap();
        less.remove(&Vec::from_iter(0..150));
        less.add(&made(40, 16, &metric, 10).rows().to_f32());
        for both in [grown, less] {
            let share = both.check(queries.rows(), 5, 64);
            assert!(share > 0.95, "{metric}, {} rows: {share}", both.flat.len());
        }
    }
}

#[test]
fn equal_rows_hide_none_behind_them() {
    let (gpu, dim) = (whole_gpu(), 6);
    let mut base = made(400, dim, &Metric::L2, 3).rows().to_f32();
    let one = base[..dim].to_vec();
    base.chunks_exact_mut(dim).skip(50).take(200).for_each(|row| row.copy_from_slice(&one));
    base[300 * dim..310 * dim].fill(0.0);
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        let values: Vec<f64> = base.iter().map(|&x| x.into()).collect();
        let owned = encode(&values, dim, DType::F32, &metric);
        let both = Both::of(&gpu, dim, &metric, &owned, 8);
        both.check(Rows::F32(&base[..60 * dim]), 5, 32);
        if metric == Metric::L2 {
            all_are_found(&both, &base, 32);
        }
    }
    let both = Both::new(&gpu, dim, &Metric::L2, DType::F32, 8);
    both.add(&one.repeat(300));
    assert_eq!(both.check(Rows::F32(&one), 10, 16), 1.0);
}

#[test]
fn clusters_without_an_edge_between_them_are_all_reached() {
    let (gpu, dim) = (whole_gpu(), 8);
    let mut base = made(600, dim, &Metric::L2, 4).rows().to_f32();
    // of 1 row, 2, 3, ... rows, a thousand times as far apart as they are wide
    let (mut row, mut cluster) = (0, 1);
    while row < 600 {
        for _ in 0..cluster.min(600 - row) {
            base[row * dim + cluster % dim] += 1000.0 * cluster as f32;
            row += 1;
        }
        cluster += 1;
    }
    let both = Both::new(&gpu, dim, &Metric::L2, DType::F32, 4);
    both.add(&base);
    all_are_found(&both, &base, 16);
    // more than some clusters have
    assert!(both.check(Rows::F32(&base[..40 * dim]), 20, 32) > 0.9);
}

#[test]
fn rows_in_line_and_rows_of_any_length_are_found() {
    let gpu = whole_gpu();
    let line: Vec<f32> = (0..500).map(|i| i as f32).collect();
    let both = Both::new(&gpu, 1, &Metric::L2, DType::F32, 4);
    both.add(&line);
    all_are_found(&both, &line, 8);
    // of a few rows that are far longer than the others products are the largest
    let dim = 8;
    let mut base = made(500, dim, &Metric::InnerProduct, 5).rows().to_f32();
    base[..10 * dim].iter_mut().for_each(|x| *x *= 1000.0);
    base[10 * dim..20 * dim].iter_mut().for_each(|x| *x *= 1e-6);
    let both = Both::new(&gpu, dim, &Metric::InnerProduct, DType::F32, 16);
    both.add(&base);
    let queries = made(30, dim, &Metric::InnerProduct, 6);
    assert!(both.check(queries.rows(), 10, 64) > 0.9);
    // one-hot rows: all are equally far from each other
    let dim = 64;
    let mut base = vec![0.0; 64 * dim];
    (0..64).for_each(|i| base[i * dim + i] = 1.0);
    let both = Both::new(&gpu, dim, &Metric::L2, DType::F32, 8);
    both.add(&base);
    all_are_found(&both, &base, 16);
}
