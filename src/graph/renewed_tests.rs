//! Graphs that are renewed: every row that is somebody's hit is reached, every edge leads to another row, and twice the same makes the same.

use super::*;
use crate::dtype::{DType, Rows};
use crate::format::SliceSource;
use crate::metric::Metric;

const DEGREE: u32 = 8;
const DIM: usize = 3;

fn gpu() -> Option<Gpu> {
    let gpu = Gpu::builder().poison(true).build().ok();
    if gpu.is_none() {
        println!("skipped: no adapter (1)");
    }
    gpu
}

/// Rows in clumps, some of which are of one row many times.
fn values(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32
    };
    let row = |i: usize| -> [f32; DIM] {
        let far = 50.0 * (i % 4) as f32;
        match i % 7 {
            0 => [far, 1.0, 0.0],
            _ => [far + next(), next(), next()],
        }
    };
    (0..n).flat_map(row).collect()
}

fn with(dataset: &Dataset, values: &[f32]) -> Dataset {
    dataset.append(&mut SliceSource::new(Rows::F32(values), DIM).unwrap()).unwrap()
}

fn dataset(gpu: &Gpu, metric: &Metric, n: usize) -> Dataset {
    let empty = Dataset::new(gpu, metric, DType::F32, DIM).unwrap();
    if n == 0 { empty } else { with(&empty, &values(n, 1)) }
}

fn built(dataset: &Dataset) -> Edges {
    assert_eq!(Edges::refused(dataset, Shape { degree: DEGREE }), None);
    Edges::build(dataset, Shape { degree: DEGREE }, None, None, None).unwrap()
}

/// Links and starts.
fn all(gpu: &Gpu, graph: &Edges, n: u32) -> (Vec<u32>, Vec<u32>) {
    let links = graph.links(gpu, 0, u64::from(n * DEGREE)).unwrap();
    (links, graph.start_rows(gpu).unwrap())
}

fn renew(graph: &Edges, dataset: &Dataset, origin: Origin<'_>, gone: Option<&[u32]>) -> Edges {
    let (gpu, n) = (dataset.gpu(), dataset.len() as u32);
    let of = || graph.renewed(dataset, origin, gone, None).unwrap();
    let renewed = of();
    let (links, starts) = all(gpu, &renewed, n);
    assert!((links.clone(), starts.clone()) == all(gpu, &of(), n), "twice the same");
    let mut reached = vec![false; n as usize];
    for (row, own) in links.chunks_exact(DEGREE as usize).enumerate() {
        let end = own.iter().position(|&link| link == NO_ROW).unwrap_or(own.len());
        assert!(own[end..].iter().all(|&link| link == NO_ROW), "{row}: {own:?}");
        let mut own: Vec<u32> = own.iter().copied().filter(|&link| link != NO_ROW).collect();
        assert!(own.iter().all(|&link| link < n && link != row as u32), "{row}: {own:?}");
        own.sort_unstable();
        assert!(own.windows(2).all(|two| two[0] != two[1]), "{row}: {own:?}");
    }
    assert!(starts.is_sorted_by(|a, b| a < b));
    let mut todo = starts;
    while let Some(row) = todo.pop() {
        if !std::mem::replace(&mut reached[row as usize], true) {
            let own = &links[(row * DEGREE) as usize..][..DEGREE as usize];
            todo.extend(own.iter().filter(|&&link| link != NO_ROW));
        }
    }
    let missed = (0..n).filter(|&row| !reached[row as usize] && !has(gone, row)).count();
    assert_eq!(missed, 0, "of {n} rows");
    renewed
}

#[test]
fn rows_that_are_added_are_reached() {
    let Some(gpu) = gpu() else { return };
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        let mut rows = dataset(&gpu, &metric, 400);
        let mut graph = built(&rows);
        for (seed, more) in [(2, 1), (3, 70), (4, 200)] {
            let old = rows.len() as u32;
            rows = with(&rows, &values(more, seed));
            graph = renew(&graph, &rows, Origin { rows: old, of: None }, None);
            let (links, _) = all(&gpu, &graph, rows.len() as u32);
            // rows that came lead somewhere
            let of = |row: u32| &links[(row * DEGREE) as usize..][..DEGREE as usize];
            let led = |row: u32| of(row).iter().any(|&link| link != NO_ROW);
            assert!((old..rows.len() as u32).all(led), "{metric}");
        }
    }
    // few rows, which lead to all others
    for n in [1, 2, 5, 9] {
        let rows = dataset(&gpu, &Metric::L2, n);
        let more = with(&rows, &values(n.div_ceil(2), 5));
        renew(&built(&rows), &more, Origin { rows: n as u32, of: None }, None);
    }
}

#[test]
fn neighbours_in_several_buffers_renew_a_graph_alike() {
    let Some(gpu) = gpu() else { return };
    let rows = dataset(&gpu, &Metric::L2, 300);
    let graph = built(&rows);
    let keep: Vec<u32> = (0..300).filter(|row| row % 3 != 1).collect();
    let more = with(&rows.gather(&keep).unwrap(), &values(90, 7));
    let mut of = keep;
    of.resize(more.len() as usize, NO_ROW);
    let origin = Origin { rows: 300, of: Some(&of) };
    let width = u64::from(Shape { degree: DEGREE }.width());
    let renewed = |most: u64| {
        let renewed = graph.renewed_in_parts(&more, origin, None, (most * width * 4, None));
        all(&gpu, &renewed.unwrap(), more.len() as u32)
    };
    let whole = renewed(1000);
    // of 90 new rows, and of some 200 that lost neighbours
    for rows_of_part in [89, 70] {
        assert!(renewed(rows_of_part) == whole, "{rows_of_part} rows a buffer");
    }
}

#[test]
fn rows_that_are_left_are_reached_without_the_lost_ones() {
    let Some(gpu) = gpu() else { return };
    let n = 600u32;
    for metric in [Metric::L2, Metric::InnerProduct] {
        let rows = dataset(&gpu, &metric, n as usize);
        let graph = built(&rows);
        let clump = |row: &u32| row % 4 == 1 || row.is_multiple_of(50);
        let (few, most) = (|row: &u32| !row.is_multiple_of(3), |row: &u32| row.is_multiple_of(5));
        for keep in [
            (0..n).filter(few).collect::<Vec<u32>>(),
            (0..n).filter(most).collect(),
            (0..n).filter(clump).collect(),
            vec![17],
        ] {
            let left = rows.gather(&keep).unwrap();
            let origin = Origin { rows: n, of: Some(&keep) };
            let healed = renew(&graph, &left, origin, None);
            // and more of them, with a row in the place of another and one that nobody looks for
            let count = left.len() as u32;
            let more = with(&left, &values(count.div_ceil(4) as usize, 6));
            let mut of: Vec<u32> = (0..count).collect();
            of[count as usize / 2] = NO_ROW;
            of.resize(more.len() as usize, NO_ROW);
            let mut gone = vec![0u32; (more.len() as usize).div_ceil(32)];
            gone[0] = 1;
            renew(&healed, &more, Origin { rows: count, of: Some(&of) }, Some(&gone));
        }
    }
}
