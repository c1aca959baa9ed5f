//! The scan against all exact distances: the same to the bit.

mod codes;
mod keys;
mod logs;
mod looked_up;
mod operands;
mod resident;
mod staged;
mod stages;
mod table_scores;

use super::dataset::Dataset;
use super::search::submit_search;
use crate::call::{Filter, Options};
use crate::device::Gpu;
use crate::dtype::DType;
use crate::dtype::Rows;
use crate::error::Result;
use crate::format::RowSource;
use crate::kernel::{matrix_error, matrix_tile};
use crate::metric::{Metric, Order};
use crate::space;

const L4: &str =
    "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { let z = q - x; return acc - z * z * z * z; }
    fn finish(acc: f32, d: u32) -> f32 { return acc / f32(d); }";

struct Once<'a>(Option<Rows<'a>>, usize);

impl RowSource for Once<'_> {
    fn dtype(&self) -> DType {
        self.0.map_or(DType::F32, |r| r.dtype())
    }
    fn dim(&self) -> usize {
        self.1
    }
    fn remaining(&self) -> Option<u64> {
        None
    }
    fn next_rows(&mut self, _: usize) -> Result<Option<Rows<'_>>> {
        Ok(self.0.take())
    }
}

fn random(n: usize, seed: u64) -> Vec<f32> {
    let mut s = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..n)
        .map(|_| {
            s ^= s << 13;
            s ^= s >> 7;
            s ^= s << 17;
            (s >> 40) as f32 / 8_388_608.0 - 1.0
        })
        .collect()
}

#[test]
fn scan_equals_exhaustive() {
    check(&[]);
}

#[test]
fn copies_equal_exhaustive() {
    for few in ["0", "1000"] {
        check(&[("matrix", "f16_copy", "1"), ("scan", "max_row_queries", few)]);
    }
    check(&[
        ("matrix", "f16_copy", "1"),
        ("scan", "max_row_queries", "0"),
        ("matrix", "bias", "epilogue"),
    ]);
    check(&[("scan", "int8_copy", "1"), ("scan", "max_row_queries", "1000")]);
}

fn check(settings: &[(&str, &str, &str)]) {
    let mut builder = Gpu::test_builder().poison(true).max_segment_bytes(3000 * 128);
    builder = builder.setting("kernel.scan.min_rows", 0);
    for (section, key, value) in settings {
        builder = builder.setting(format!("{section}.{key}"), value);
    }
    let Ok(gpu) = builder.build() else {
        println!("skipped: no adapter (1)");
        return;
    };
    let gpu = &gpu;
    // some drivers compile for seconds: there each call takes a third of them, and not the same
    let few = std::env::var("NEARFIELD_TEST_SET").is_ok_and(|set| set == "pairwise");
    let cases = [
        (Metric::L2, 31, 1, 1),
        (Metric::L2, 31, 3, 10),
        (Metric::L2, 100, 70, 10),
        (Metric::InnerProduct, 64, 40, 10),
        (Metric::Cosine, 33, 40, 10),
        (Metric::Cosine, 33, 2, 40),
        (Metric::Correlation, 20, 5, 3),
        (Metric::L1, 19, 5, 3),
        (Metric::Canberra, 7, 70, 12),
        (Metric::JensenShannon, 18, 3, 5),
        (Metric::KlDivergence, 18, 30, 5),
        (Metric::wgsl(L4, 1.0, Order::Descending), 9, 6, 7),
        (Metric::Hellinger, 20, 35, 3),
        (Metric::SqrtL2, 1, 35, 20),
    ];
    for (number, (metric, d, nq, k)) in cases.into_iter().enumerate() {
        if few && !(number + settings.len()).is_multiple_of(3) {
            continue;
        }
        // copies change nothing where there is no scan
        if !settings.is_empty() && space::scan_family(&metric).is_none() {
            continue;
        }
        let n = 7_000;
        let mut data = random(n * d, 1);
        if metric.needs_non_negative() {
            data.iter_mut().for_each(|x| *x = x.abs() / d as f32);
        }
        let queries = data[..nq * d].to_vec();
        data[3 * d..4 * d].copy_from_slice(&queries[..d]);
        let dataset = Dataset::new(gpu, &metric, DType::F32, d).unwrap();
        let dataset = dataset.append(&mut Once(Some(Rows::F32(&data[..4321 * d])), d)).unwrap();
        let dataset = dataset.append(&mut Once(Some(Rows::F32(&data[4321 * d..])), d)).unwrap();
        let run = |exhaustive| {
            let options = Options { exhaustive, ..Options::default() };
            submit_search(&dataset, Rows::F32(&queries), k, Filter::default(), options)
                .unwrap()
                .wait()
                .unwrap()
        };
        let (scan, all) = (run(false), run(true));
        println!("{metric} {:?}", scan.stats);
        assert_eq!(scan.stats.exact.scanned, nq as u64);
        assert_eq!(scan.ids, all.ids, "{metric}");
        assert_eq!(scan.distances, all.distances);
        // and against the definition
        for q in 0..nq {
            let mut best: Vec<(f64, u32)> = (0..n)
                .map(|i| {
                    let (a, b) = (&queries[q * d..][..d], &data[i * d..][..d]);
                    let dot = |x: &[f32], y: &[f32]| {
                        x.iter().zip(y).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>()
                    };
                    let v = match metric {
                        Metric::L2 | Metric::SqrtL2 => a
                            .iter()
                            .zip(b)
                            .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
                            .sum::<f64>(),
                        Metric::InnerProduct => -dot(a, b),
                        Metric::Cosine => -dot(a, b) / (dot(a, a) * dot(b, b)).sqrt(),
                        _ => f64::from(all.distances[q * k]),
                    };
                    (v, i as u32)
                })
                .collect();
            best.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            if matches!(metric, Metric::L2 | Metric::InnerProduct | Metric::Cosine) {
                let rows: Vec<u64> = best[..k].iter().map(|b| b.1.into()).collect();
                assert_eq!(&scan.ids[q * k..][..k], rows, "{metric} query {q}");
            }
        }
    }
}

#[test]
fn what_8_bits_do_not_tell_is_asked_again() {
    let builder = Gpu::test_builder().poison(true).setting("kernel.scan.int8_copy", 1);
    let Ok(gpu) = builder.setting("kernel.matrix.f16_copy", 1).build() else {
        println!("skipped: no adapter (1)");
        return;
    };
    // rows so near to each other that 8 bits see one
    let (n, d, k) = (20_000, 24, 5);
    let near: Vec<f32> = random(n * d, 3).iter().map(|x| 1.0 + x / 2_000.0).collect();
    let spread = random(n * d, 4);
    for (data, again) in [(near, 2), (spread, 0)] {
        let dataset = Dataset::new(&gpu, &Metric::L2, DType::F32, d).unwrap();
        let dataset = dataset.append(&mut Once(Some(Rows::F32(&data)), d)).unwrap();
        let run = |exhaustive| {
            let options = Options { exhaustive, ..Options::default() };
            let queries = Rows::F32(&data[..2 * d]);
            submit_search(&dataset, queries, k, Filter::default(), options).unwrap().wait().unwrap()
        };
        let (scan, all) = (run(false), run(true));
        assert_eq!((scan.ids, scan.distances), (all.ids, all.distances));
        let stats = scan.stats;
        assert_eq!((stats.exact.scanned, stats.exact.rerun), (2, again), "{stats:?}");
        let ran = |kernel: &str| stats.variants.iter().any(|v| v.starts_with(kernel));
        assert!(ran("scan_row_int8copy") && ran("scan_row_f16copy") == (again > 0), "{stats:?}");
    }
}

#[test]
fn a_tile_for_other_subgroups_is_noticed() {
    let Ok(gpu) = Gpu::test_builder().poison(true).setting("kernel.matrix.use", 1).build() else {
        println!("skipped: no adapter (1)");
        return;
    };
    for input in [DType::F16, DType::F32] {
        let Some(tile) = matrix_tile(&gpu, input).unwrap() else {
            println!("skipped: no matrices of {input} (1)");
            continue;
        };
        let off = matrix_error::measure(&gpu, tile).unwrap();
        assert!(off <= 8.0, "{tile:?}: {off}");
        let other = crate::kernel::MatrixTile { subgroup: tile.subgroup * 2, ..tile };
        let off = matrix_error::measure(&gpu, other).unwrap();
        // every result tells
        assert!(off > 1e20, "{other:?}: {off}");
    }
}

mod cost_tests;

#[test]
fn matrix_units_are_measured_when_rows_come_that_may_be_scanned() {
    let builder = Gpu::test_builder().poison(true).setting("kernel.matrix.use", 1);
    let Ok(gpu) = builder.setting("kernel.matrix.input", "f32").build() else {
        println!("skipped: no adapter (1)");
        return;
    };
    let Some(tile) = matrix_tile(&gpu, DType::F32).unwrap() else {
        println!("skipped: no matrices of f32 (1)");
        return;
    };
    let known = || matrix_error::factor(&gpu, tile).unwrap().is_some();
    let data = random(100 * 16, 1);
    let rows = || Once(Some(Rows::F32(&data)), 16);
    let unscanned = Dataset::unscanned(&gpu, &Metric::Cosine, DType::F32, 16).unwrap();
    unscanned.append(&mut rows()).unwrap();
    let empty = Dataset::new(&gpu, &Metric::Cosine, DType::F32, 16).unwrap();
    assert!(!known(), "nothing is asked of the units yet");
    empty.append(&mut rows()).unwrap();
    assert!(known());
}
