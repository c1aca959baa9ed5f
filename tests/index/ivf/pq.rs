//! Lists of codes that are looked up, of product quantizers and of what centroids leave of rows: every answer is that of a flat index of
//! the decoded rows, to the bit, and holds against f64.

use super::coded;
use super::oracle::{ALL, probing, taken};
use crate::common::device::{shared, subset};
use crate::support::gpu;
use nearfield::{
    Gpu, IdFilter, Index, IvfPq, IvfSq, Metric, ProductQuantizer, Rows, ScalarQuantizer, SqType,
    read_index,
};
use std::collections::HashMap;

const NLIST: usize = 9;

const METRICS: [Metric; 5] =
    [Metric::L2, Metric::InnerProduct, Metric::Cosine, Metric::SqrtL2, Metric::CosineDistance];

/// What rows become.
#[derive(Clone, Copy, Debug)]
enum As {
    Parts(usize, u32),
    Steps(SqType),
}

/// An index of codes, and the list of each row, which is that of the row as it was added.
struct Codes {
    index: Box<dyn Index>,
    name: String,
    lists: HashMap<u64, u64>,
}

impl Codes {
    /// Trained, or where that would take its time with rows for centroids and pieces of them for those of the parts.
    fn new(
        metric: &Metric,
        dim: usize,
        of: As,
        (residual, train): (bool, bool),
        rows: &[f32],
    ) -> Codes {
        Codes::on(&gpu(), metric, dim, of, (residual, train), rows)
    }

    fn on(
        gpu: &Gpu,
        metric: &Metric,
        dim: usize,
        of: As,
        (residual, train): (bool, bool),
        rows: &[f32],
    ) -> Codes {
        let metric = metric.clone();
        let lists = &rows[..NLIST * dim];
        let index: Box<dyn Index> = match of {
            As::Parts(parts, bits) if train => {
                let index = IvfPq::new(gpu, dim, metric, NLIST, parts, bits).unwrap();
                Box::new(index.with_residuals(residual).unwrap())
            }
            As::Parts(parts, bits) => {
                let of_parts: Vec<f32> =
                    rows.iter().rev().cycle().take(dim << bits).map(|x| 0.7 * x).collect();
                let quantizer = ProductQuantizer::new(dim, parts, bits).unwrap();
                let quantizer = quantizer.with_centroids(&of_parts).unwrap();
                Box::new(IvfPq::with_centroids(gpu, metric, &quantizer, residual, lists).unwrap())
            }
            As::Steps(kind) if train => {
                let index = IvfSq::new(gpu, dim, metric, NLIST, kind).unwrap();
                Box::new(index.with_residuals(residual).unwrap())
            }
            As::Steps(kind) => {
                let quantizer = ScalarQuantizer::new(dim, kind).unwrap().train(Rows::F32(rows));
                let quantizer = quantizer.unwrap();
                let index = IvfSq::with_centroids(gpu, metric, &quantizer, lists).unwrap();
                Box::new(index.with_residuals(residual).unwrap())
            }
        };
        if train {
            index.train(Rows::F32(rows)).unwrap();
        }
        let name = format!("{of:?}, residuals: {residual}");
        let mut codes = Codes { index, name, lists: HashMap::new() };
        let ids = codes.index.add(rows).unwrap();
        codes.note(rows, ids);
        codes
    }

    fn note(&mut self, rows: &[f32], ids: impl Iterator<Item = u64>) {
        let assigned = self.index.assign(Rows::F32(rows), 1).unwrap();
        let lists = assigned.rows().map(|list| list[0].0);
        self.lists.extend(ids.zip(lists.collect::<Vec<_>>()));
    }

    fn check(&self, queries: &[f32], asked: (usize, usize), filter: &IdFilter) {
        coded::check(&*self.index, &self.lists, &self.name, queries, asked, filter);
    }
}

#[test]
fn every_kind_of_code_under_every_metric() {
    // whole groups of four to a part, and two, one, three elements to one
    let kinds = [
        (32, As::Parts(8, 8)),
        (20, As::Parts(5, 4)),
        (20, As::Parts(10, 5)),
        (21, As::Parts(7, 6)),
        (7, As::Parts(7, 7)),
        (24, As::Steps(SqType::Bits8)),
        (19, As::Steps(SqType::Bits6)),
        (24, As::Steps(SqType::Bits4)),
        (20, As::Steps(SqType::Uniform8)),
        // two elements behind whole groups of four, and three
        (22, As::Steps(SqType::Fp16)),
        (7, As::Steps(SqType::Bf16)),
    ];
    for (at, &(dim, of)) in kinds.iter().enumerate() {
        for residual in [true, false] {
            if matches!(of, As::Steps(_)) && !residual {
                continue;
            }
            for (number, metric) in METRICS.iter().enumerate() {
                // each pair has kernels of its own to compile
                if (at + number + usize::from(residual)) % if subset() { 5 } else { 2 } != 0 {
                    continue;
                }
                let base = taken(300, dim, metric, SqType::Bits8, 1 + at as u64);
                let codes = Codes::new(metric, dim, of, (residual, false), &base);
                let queries = taken(7, dim, metric, SqType::Bits8, 50 + number as u64);
                let third = IdFilter::bitmap(vec![0x9249_2492_4924_9249u64; 7]);
                codes.check(&queries, (3, 10), &third);
                codes.check(&queries, (NLIST, 12), ALL);
                codes.check(&queries, (2, 500), ALL);
                let many = taken(130, dim, metric, SqType::Bits8, 90 + number as u64);
                codes.check(&many, (3, 10), ALL);
            }
        }
    }
}

/// Products that are looked up, in short lists and in long ones, find what a flat index of the decoded rows does.
#[test]
fn products_are_looked_up_in_lists() {
    let builder = || {
        let builder = Gpu::builder().poison(true).setting("kernel.scan.min_rows", 0);
        let builder = builder.setting("kernel.codes.max_list_queries", 1000);
        builder.setting("kernel.codes.table_rows", 1)
    };
    let gpu = shared("products in lists", builder).unwrap();
    for (dim, parts, bits, residual, metric, n) in [
        (32, 8, 8, true, Metric::L2, 300),
        (20, 5, 4, true, Metric::InnerProduct, 300),
        (20, 10, 5, true, Metric::SqrtL2, 300),
        (21, 7, 6, false, Metric::Cosine, 300),
        (17, 17, 7, true, Metric::L2, 300),
        (19, 19, 8, false, Metric::L2, 9400),
    ] {
        let base = taken(n, dim, &metric, SqType::Bits8, 3);
        let codes = Codes::on(&gpu, &metric, dim, As::Parts(parts, bits), (residual, false), &base);
        let queries = taken(7, dim, &metric, SqType::Bits8, 4);
        let third = IdFilter::bitmap(vec![0x9249_2492_4924_9249u64; 150]);
        codes.check(&queries, (3, 10), &third);
        codes.check(&queries, (NLIST - 1, 12), ALL);
        codes.check(&queries, (2, 500), ALL);
        let found = codes.index.search_with(Rows::F32(&queries), 5, &probing(3)).unwrap();
        let ran = &found.stats().variants;
        assert!(ran.iter().any(|name| name.starts_with("scan_table_")), "{ran:?}");
    }
}

/// Rows are added, removed, changed, moved together, written and read.
#[test]
fn histories_leave_what_the_codes_stand_for() {
    let dim = 16;
    for (of, residual) in [
        (As::Parts(4, 4), true),
        (As::Parts(4, 6), false),
        (As::Steps(SqType::Bits8), true),
        (As::Steps(SqType::Fp16), true),
    ] {
        let rows = taken(500, dim, &Metric::L2, SqType::Bits8, 7);
        let mut codes = Codes::new(&Metric::L2, dim, of, (residual, true), &rows);
        let queries = taken(9, dim, &Metric::L2, SqType::Bits8, 8);
        let more = taken(40, dim, &Metric::L2, SqType::Bits8, 9);
        let ids = codes.index.add(&more).unwrap();
        codes.note(&more, ids);
        let gone: Vec<u64> = (0..540).step_by(3).collect();
        codes.index.remove(&gone).unwrap();
        gone.iter().for_each(|id| {
            codes.lists.remove(id);
        });
        codes.check(&queries, (4, 10), ALL);
        let others = taken(20, dim, &Metric::L2, SqType::Bits8, 10);
        let changed: Vec<u64> = (1..540).filter(|id| id % 3 != 0).take(20).collect();
        codes.index.update_rows(Rows::F32(&others), &changed).unwrap();
        codes.note(&others, changed.iter().copied());
        codes.check(&queries, (4, 10), ALL);
        let path = std::env::temp_dir().join(format!("nearfield-pq-{}.nf", std::process::id()));
        codes.index.write(&path).unwrap();
        let before = codes.index.reconstruct_many(&codes.index.ids()).unwrap();
        codes.index = read_index(&gpu(), &path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(codes.index.reconstruct_many(&codes.index.ids()).unwrap(), before);
        codes.check(&queries, (4, 10), ALL);
    }
}
