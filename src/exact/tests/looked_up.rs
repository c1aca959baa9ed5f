//! Rows that are codes: every way to scan them gives the answers of all exact distances, to the bit, and so does a radius.

use super::{Once, random};
use crate::call::{Filter, Options};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::exact::dataset::Dataset;
use crate::exact::range::submit_range;
use crate::exact::search::submit_search;
use crate::exact::tables::{Numbers, Tables};
use crate::metric::Metric;

const N: usize = 9_000;
const LISTS: usize = 5;

/// Bytes of any codes, behind the numbers of lists.
fn stored(tables: &Tables, listed: bool) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        random(N * tables.row_bytes(), 5).iter().map(|x| (x * 128.0).floor() as i8 as u8).collect();
    if listed {
        for (row, bytes) in bytes.chunks_exact_mut(tables.row_bytes()).enumerate() {
            bytes[..4].copy_from_slice(&((row * row % LISTS) as u32).to_le_bytes());
        }
    }
    bytes
}

/// Behind these numbers a scale and what is added to distances, of either sign and more than distances are.
fn with_factors(mut bytes: Vec<u8>, width: usize) -> Vec<u8> {
    let factors = random(2 * N, 8);
    for (row, (bytes, of)) in bytes.chunks_exact_mut(width).zip(factors.chunks_exact(2)).enumerate()
    {
        // some rows are their centroid, some are long
        let scale =
            if row % 50 == 0 { 0.0 } else { of[0].abs() * if row % 97 == 0 { 3e4 } else { 0.7 } };
        bytes[4..8].copy_from_slice(&scale.to_le_bytes());
        bytes[8..12].copy_from_slice(&(500.0 * of[1]).to_le_bytes());
    }
    bytes
}

/// Behind these numbers of 16 bits with zeros behind the last element: below 2 in f16 and bf16 alike, and some that are as large as may be.
fn with_halves(mut bytes: Vec<u8>, width: usize, dim: usize, dtype: DType) -> Vec<u8> {
    let large = if dtype == DType::F16 { 0x7bffu16 } else { 0x5800 };
    for (row, bytes) in bytes.chunks_exact_mut(width).enumerate() {
        bytes[4 + 2 * dim..].fill(0);
        for (at, two) in bytes[4..4 + 2 * dim].chunks_exact_mut(2).enumerate() {
            let bits = match row % 97 {
                0 if at % 3 == 0 => large,
                1 => 0,
                _ => u16::from_le_bytes([two[0], two[1]]) & 0xbfff,
            };
            two.copy_from_slice(&bits.to_le_bytes());
        }
    }
    bytes
}

/// Unless they are in lists codes of parts are looked up by few queries, as `tables` says.
fn check(gpu: &Gpu, few: &str, dim: usize, of: (Numbers<'_>, bool)) {
    let (numbers, listed) = of;
    let lists = random(LISTS * dim, 9);
    let tables = Tables::new(gpu, numbers, listed.then_some(&lists[..])).unwrap();
    let (mut bytes, name) = (stored(&tables, listed), tables.elements().name());
    let mut metrics = vec![Metric::L2, Metric::InnerProduct];
    match tables.adds() {
        true => bytes = with_factors(bytes, tables.row_bytes()),
        false => metrics.push(Metric::Cosine),
    }
    if let Numbers::Halves { dim, dtype } = numbers {
        bytes = with_halves(bytes, tables.row_bytes(), dim, dtype);
    }
    for metric in metrics {
        let width = tables.row_bytes();
        let rows = Dataset::looked_up(gpu, &metric, tables.clone()).unwrap();
        let rows = rows.append(&mut Once(Some(Rows::U8(&bytes[..4000 * width])), width)).unwrap();
        let rows = rows.append(&mut Once(Some(Rows::U8(&bytes[4000 * width..])), width)).unwrap();
        let queries: Vec<f32> = random(3 * dim, 6).iter().map(|x| 40.0 * x).collect();
        let queries = Rows::F32(&queries);
        let run = |exhaustive| {
            let options = Options { exhaustive, ..Options::default() };
            submit_search(&rows, queries, 6, Filter::default(), options).unwrap().wait().unwrap()
        };
        let (scan, all) = (run(false), run(true));
        let what = format!("{name}, {metric}, {few}: {:?}", scan.stats.variants);
        assert_eq!(scan.stats.exact.scanned, 3, "{what}");
        let ways: &[&str] = match few {
            "0" => &["scan_tile_", "scan_matrix_"],
            "tables" if !listed && tables.parts().is_some() => &["scan_table_"],
            _ => &["scan_row_"],
        };
        let is_one = |v: &&str| ways.iter().any(|way| v.starts_with(way)) && v.contains(name);
        let scanned = scan.stats.variants.iter().any(|v| is_one(&v.as_ref()));
        assert!(scanned, "{what}");
        assert_eq!((&scan.ids, &scan.distances), (&all.ids, &all.distances), "{what}");
        let radius = scan.distances[5];
        let within = |exhaustive| {
            let options = Options { exhaustive, ..Options::default() };
            let filter = Filter::default();
            submit_range(&rows, queries, radius, filter, options).unwrap().wait().unwrap()
        };
        let (scan, all) = (within(false), within(true));
        assert_eq!((scan.lims, scan.ids, scan.distances), (all.lims, all.ids, all.distances));
    }
}

#[test]
fn every_scan_of_codes_is_all_exact_distances() {
    // a register tile and a matrix tile, if there is one, and rows one by one
    for (few, matrix) in [("0", "0"), ("0", "1"), ("1000", "1")] {
        let builder = Gpu::test_builder().poison(true).setting("kernel.matrix.use", matrix);
        let builder = builder.setting("kernel.codes.max_table_queries", 0);
        let Ok(gpu) = builder.setting("kernel.codes.max_row_queries", few).build() else {
            println!("skipped: no adapter (1)");
            return;
        };
        if (few, matrix) == ("0", "1") && gpu.caps().coop.is_empty() {
            continue; // the register tile again
        }
        // whole groups to a part, and three elements to one
        let centroids = random(32 << 8, 1);
        let whole = Numbers::Parts { centroids: &centroids, parts: 4, bits: 8 };
        let odd = Numbers::Parts { centroids: &centroids[..21 << 5], parts: 7, bits: 5 };
        let (minima, steps): (Vec<f32>, Vec<f32>) =
            (0..21).map(|j| (-3.0 - j as f32, 0.02 + 0.3 * (j % 4) as f32)).unzip();
        let steps = Numbers::Steps { minima: &minima, steps: &steps, bits: 8 };
        check(&gpu, few, 32, (whole, true));
        check(&gpu, few, 21, (odd, false));
        check(&gpu, few, 21, (odd, true));
        check(&gpu, few, 21, (steps, false));
        check(&gpu, few, 21, (steps, true));
        for (dim, dtype) in [(21, DType::F16), (32, DType::Bf16)] {
            check(&gpu, few, dim, (Numbers::Halves { dim, dtype }, true));
        }
        for (dim, bits) in [(21, 1), (32, 3), (21, 9)] {
            let factors = if bits == 1 { 2 } else { 4 };
            check(&gpu, few, dim, (Numbers::Signs { dim, bits, factors, estimates: true }, true));
        }
    }
}

#[test]
fn products_that_are_looked_up_find_what_all_exact_distances_do() {
    let builder = Gpu::test_builder().poison(true).setting("kernel.codes.max_row_queries", 1000);
    let Ok(gpu) = builder.setting("kernel.codes.max_table_queries", 1000).build() else {
        println!("skipped: no adapter (1)");
        return;
    };
    // parts of one element, of whole groups and of none; one part, odd numbers of them, and more than 16 KiB hold
    for (parts, part, bits) in [
        (17, 1, 8),
        (33, 4, 8),
        (1, 64, 8),
        (9, 3, 7),
        (65, 2, 6),
        (7, 3, 5),
        (130, 1, 5),
        (5, 8, 4),
        (300, 1, 4),
    ] {
        let dim = parts * part;
        let mut centroids = random(dim << bits, 1);
        // huge and tiny parts beside each other, and equal ones
        for (at, x) in centroids.iter_mut().enumerate() {
            *x *= [1.0, 1.0, 1e4, 1e-20][(at / (part << bits)) % 4];
        }
        centroids.copy_within(0..part, part);
        check(&gpu, "tables", dim, (Numbers::Parts { centroids: &centroids, parts, bits }, false));
    }
}
