//! Codes as the copy of rows: how far scores may be off is measured, and answers are those of all exact distances.

use super::stages::{Way, gpu, settings};
use super::{Once, random};
use crate::buffer::{BIN, Buffer};
use crate::call::{Filter, Options};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::exact::coding::{Codes, Coding};
use crate::exact::dataset::Dataset;
use crate::exact::queries::Queries;
use crate::exact::range::submit_range;
use crate::exact::scan::method::folding;
use crate::exact::scan::score::Scan;
use crate::exact::search::submit_search;
use crate::kernel::{Encoder, words};
use crate::metric::Metric;

const D: usize = 21;

/// Rows with a dimension of one value, one far from 0, one of small steps; some are longer than those that the ranges are of.
fn data(n: usize, far: f32) -> Vec<f32> {
    let mut data = random(n * D, 17);
    for (row, values) in data.chunks_exact_mut(D).enumerate() {
        values[0] = 0.75;
        values[1] += far;
        values[2] *= 1e-4;
        values[3] *= 20.0;
        if row % 640 > 600 {
            values.iter_mut().for_each(|x| *x *= 1.5);
        }
    }
    data
}

fn dataset(gpu: &Gpu, metric: &Metric, data: &[f32], bits: u32) -> Dataset {
    let (mut low, mut high) = ([f32::MAX; D], [f32::MIN; D]);
    for values in data[..600 * D].chunks_exact(D) {
        for (j, &x) in values.iter().enumerate() {
            (low[j], high[j]) = (low[j].min(x), high[j].max(x));
        }
    }
    let steps: Vec<f32> =
        low.iter().zip(high).map(|(low, high)| (high - low) / ((1 << bits) - 1) as f32).collect();
    let codes = match metric {
        Metric::Cosine => Codes::OfRows,
        _ if bits == 0 => Codes::OfRows,
        _ => Codes::Of(Coding::new(gpu, bits, &low, &steps).unwrap()),
    };
    let empty = Dataset::new(gpu, metric, DType::F32, D).unwrap();
    let empty = empty.copied_as(Some(codes), None).unwrap();
    let some = empty.append(&mut Once(Some(Rows::F32(&data[..700 * D])), D)).unwrap();
    some.append(&mut Once(Some(Rows::F32(&data[700 * D..])), D)).unwrap()
}

const WAYS: [Way; 3] = [
    Way { kernel: "scan_row_i8", profile: &[], max_row_queries: 1000, matrix: None, int8: false },
    Way {
        kernel: "scan_matrix_i8_f16",
        profile: &[("matrix", "use", "1")],
        max_row_queries: 0,
        matrix: Some(DType::F16),
        int8: false,
    },
    Way {
        kernel: "scan_matrix_i8_f32",
        profile: &[("matrix", "use", "1"), ("matrix", "input", "f32")],
        max_row_queries: 0,
        matrix: Some(DType::F32),
        int8: false,
    },
];

fn floats(bytes: &[u8]) -> Vec<f64> {
    words(bytes).iter().map(|&bits| f64::from(f32::from_bits(bits))).collect()
}

#[test]
fn scores_are_off_by_no_more_than_the_bound_says() {
    let (n, nq) = (1500, 9);
    for (way, far) in WAYS.iter().flat_map(|way| [(way, 0.0), (way, 300.0)]) {
        let Some(gpu) = gpu(way.profile) else { return };
        let data = data(n, far);
        let queries = [&data[..4 * D], &random(5 * D, 3)].concat();
        // 0: parts of the largest element of each row
        for (metric, bits) in [
            (Metric::L2, 8),
            (Metric::L2, 4),
            (Metric::L2, 0),
            (Metric::InnerProduct, 6),
            (Metric::InnerProduct, 0),
            (Metric::Cosine, 8),
        ] {
            let rows = dataset(&gpu, &metric, &data, bits);
            let Some(settings) = settings(&gpu, way, 64) else {
                println!("skipped: no matrices for {} (1)", way.kernel);
                continue;
            };
            let asked = Queries::new(&rows, Rows::F32(&queries)).unwrap();
            let scanned = rows.scan_rows();
            let mut encoder = Encoder::new(&gpu, "codes", false).unwrap();
            let ids: Vec<u32> = (0..nq as u32).collect();
            let upload = asked.upload(&rows, &ids, false, &mut encoder).unwrap();
            let norms = upload.norms.clone().unwrap();
            let mut scan =
                Scan::new(scanned, asked.facts, upload, None, settings, &mut encoder).unwrap();
            while !scan.score(&mut encoder, scanned, None, 40_000).unwrap() {}
            let (method, upload) = (&scan.method, &scan.scores.upload);
            method.selection(&mut encoder, upload, 1).unwrap();
            let lost = method.residuals.as_ref().unwrap();
            let best = &scan.scores.bin_best;
            let all = [best, &norms, &lost.queries, scanned.bin_norm().unwrap(), &lost.bins];
            let ranges = all.map(|buffer: &Buffer| (buffer, 0, buffer.size()));
            let landed = encoder.submit(&ranges).unwrap().wait().unwrap();
            assert!(
                landed.variants.iter().any(|v| v.starts_with(way.kernel)),
                "{:?}",
                landed.variants
            );
            let [best, norms, query_lost, bin_norm, bin_lost] =
                [0, 1, 2, 3, 4].map(|i| floats(&landed.parts[i]));
            let bound = method.bound;
            let [c0, c1, c2, floor, slack, unit] =
                [bound.c0, bound.c1, bound.c2, bound.floor, bound.slack, bound.unit].map(f64::from);
            let (bin, stride) = (scan.scores.bin as usize, scan.scores.bin_stride as usize);
            let coding = folding(scanned, nq as u32, &settings);
            let (mut largest, mut loosest) = (0f64, 0f64);
            for query in 0..nq {
                let q = &queries[query * D..][..D];
                let norm = |v: &[f32]| v.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
                let left_out = coding.map_or(0.0, |coding| coding.left_out(q).0);
                let real = |x: &[f32]| {
                    let dot: f64 =
                        q.iter().zip(x).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
                    match metric {
                        Metric::L2 => dot - norm(x).powi(2) / 2.0 - left_out,
                        Metric::Cosine => dot / norm(x) / norm(q),
                        _ => dot - left_out,
                    }
                };
                for b in 0..n.div_ceil(bin) {
                    let of = &data[b * bin * D..((b + 1) * bin).min(n) * D];
                    let real = of.chunks_exact(D).map(real).fold(f64::MIN, f64::max);
                    let m = best[query * stride + b];
                    let whole = b * bin / BIN as usize;
                    let x = if unit > 0.0 { unit } else { bin_norm[whole] };
                    let (q, rest) = (norms[query], bin_lost[whole]);
                    let rho = query_lost[lost.at as usize + query];
                    let e = c0 * x * x
                        + (q + rho) * rest
                        + rho * x
                        + c1 * (q + rho) * (x + rest)
                        + c2 * q * q
                        + floor
                        + slack * m.abs();
                    let off = (m - real).abs();
                    assert!(off <= e, "{metric} {bits} {} {b}: {off} of {e}", way.kernel);
                    largest = largest.max(off / e);
                    loosest = loosest.max(e / (norms[query] * x));
                }
            }
            println!(
                "{metric} {bits} bits, far {far}, {}: {largest:.3} of E, which is {loosest:.4}",
                way.kernel
            );
        }
    }
}

#[test]
fn answers_are_those_of_all_distances() {
    let n = 9_000;
    for few in ["0", "1000"] {
        let builder = Gpu::test_builder().poison(true).max_segment_bytes(3000 * 128);
        let settings = ["kernel.scan.max_row_queries", "kernel.matrix.max_row_queries"];
        let builder = settings.iter().fold(builder, |b, key| b.setting(*key, few));
        let Ok(gpu) = builder.setting("kernel.matrix.use", 1).build() else {
            println!("skipped: no adapter (1)");
            return;
        };
        let data = data(n, 10.0);
        let queries = [&data[..2 * D], &random(D, 3)].concat();
        for (metric, bits) in
            [(Metric::L2, 8), (Metric::L2, 0), (Metric::InnerProduct, 4), (Metric::Cosine, 8)]
        {
            let rows = dataset(&gpu, &metric, &data, bits);
            let run = |exhaustive, fast| {
                let options = Options { exhaustive, fast, ..Options::default() };
                let asked = Rows::F32(&queries);
                submit_search(&rows, asked, 6, Filter::default(), options).unwrap().wait().unwrap()
            };
            let all = run(true, false);
            for fast in [false, true] {
                let scan = run(false, fast);
                assert_eq!(scan.stats.exact.scanned, 3);
                // a search without a certificate has one all the same where it reads codes
                assert_eq!(
                    (&scan.ids, &scan.distances),
                    (&all.ids, &all.distances),
                    "{metric} {few} {fast}"
                );
            }
            let radius = all.distances[5];
            let within = |exhaustive| {
                let options = Options { exhaustive, ..Options::default() };
                let asked = Rows::F32(&queries);
                submit_range(&rows, asked, radius, Filter::default(), options)
                    .unwrap()
                    .wait()
                    .unwrap()
            };
            let (scan, all) = (within(false), within(true));
            assert!(
                scan.stats.exact.scanned == 3 && scan.stats.exact.bins_passed > 0,
                "{:?}",
                scan.stats
            );
            assert_eq!((scan.lims, scan.ids, scan.distances), (all.lims, all.ids, all.distances));
            println!(
                "{metric} {:?} bins {} rerun {}",
                scan.stats.variants, scan.stats.exact.bins_passed, scan.stats.exact.rerun
            );
        }
    }
}
