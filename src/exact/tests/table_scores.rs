//! The scores of codes of a product quantizer by products that are looked up, against sums in f64 of the elements that the codes stand for.

use super::random;
use crate::device::Gpu;
use crate::exact::dataset::Dataset;
use crate::exact::params::TableScan;
use crate::exact::scan::query_tables::{self, Layout};
use crate::exact::table_kernels::{PER, scan_table};
use crate::exact::tables::{Numbers, Tables};
use crate::exact::upload::Upload;
use crate::kernel::{Encoder, Landed, RowMap, words};
use crate::metric::Metric;

/// More than a workgroup has, and no whole bin.
const N: usize = 1100;
const NQ: usize = 3;
const SENTINEL: f64 = -8.507_059_173_023_462e37;

/// Rows of codes, a stream of bits each, the first in the lowest.
fn packed(codes: &[Vec<usize>], bits: u32, row_words: usize) -> Vec<u32> {
    let mut rows = vec![0u32; codes.len() * row_words];
    for (codes, row) in codes.iter().zip(rows.chunks_exact_mut(row_words)) {
        for (part, &code) in codes.iter().enumerate() {
            for bit in 0..bits as usize {
                let at = part * bits as usize + bit;
                row[at / 32] |= ((code >> bit & 1) as u32) << (at % 32);
            }
        }
    }
    rows
}

fn floats(landed: &Landed, part: usize) -> Vec<f64> {
    words(&landed.parts[part]).iter().map(|&bits| f64::from(f32::from_bits(bits))).collect()
}

fn check(gpu: &Gpu, (parts, part, bits): (usize, usize, u32), scaled: bool, filtered: bool) {
    let (dim, ksub) = (parts * part, 1usize << bits);
    let mut centroids = random(dim * ksub, 1);
    // parts of other sizes beside each other, none so small that a device may take it for zero
    for (at, x) in centroids.iter_mut().enumerate() {
        *x *= [1.0, 3.0, 1e4, 1e-6][(at / (part * ksub)) % 4];
    }
    let tables = Tables::new(gpu, Numbers::Parts { centroids: &centroids, parts, bits }, None);
    let tables = tables.unwrap();
    let row_words = tables.row_bytes().next_multiple_of(16) / 4;
    let dataset = Dataset::looked_up(gpu, &Metric::L2, tables).unwrap();
    let layout = Layout::of(dataset.compared(), 0).unwrap();
    let codes: Vec<Vec<usize>> = (0..N)
        .map(|row| (0..parts).map(|m| (row * 37 + m * 101 + row * m * 13) % ksub).collect())
        .collect();
    let q_stride4 = dim.div_ceil(4);
    let mut queries = vec![0.0f32; NQ * q_stride4 * 4];
    for (query, values) in queries.chunks_exact_mut(q_stride4 * 4).enumerate() {
        values[..dim].copy_from_slice(&random(dim, 20 + query as u64));
    }
    let (bias, scale) = (random(N, 3), random(N, 4));
    let mask: Vec<u32> = (0..NQ * N.div_ceil(32)).map(|w| 0x9249_2492 << (w % 3)).collect();

    let mut encoder = Encoder::new(gpu, "looked up", false).unwrap();
    let mut up = |bytes: &[u8]| encoder.upload("side", bytes).unwrap();
    let rows = up(bytemuck::cast_slice(&packed(&codes, bits, row_words)));
    let [asked, biases, scales] =
        [&queries, &bias, &scale].map(|values| up(bytemuck::cast_slice(values)));
    let bitmap = up(bytemuck::cast_slice(&mask));
    let upload = Upload {
        count: NQ as u32,
        floats: Some(asked.clone()),
        float_stride4: q_stride4 as u32,
        exact: asked,
        exact_stride4: q_stride4 as u32,
        norms: None,
        int8: None,
        ranges: None,
    };
    let compared = dataset.compared();
    let products =
        query_tables::encode(&mut encoder, compared, &upload, (layout, None, 0, 0)).unwrap();
    let bins = N.div_ceil(64);
    let best = gpu.scratch("bin best", (NQ * bins * 4) as u64).unwrap();
    let params = TableScan {
        n: N as u32,
        stride4: row_words as u32,
        first_bin: 0,
        bin_stride: bins as u32,
        tiles_y: (N as u32).div_ceil(256 * PER),
        words: N.div_ceil(32) as u32,
        first_tile: 0,
        inverse: 0.5,
        parts: layout.parts,
        table_stride: layout.stride,
    };
    let mut buffers =
        vec![("rows", &rows), ("products", &products), ("bias", &biases), ("bin_best", &best)];
    buffers.extend(scaled.then_some(("scale", &scales)));
    buffers.extend(filtered.then_some(("bitmap", &bitmap)));
    let variant = scan_table(bits, scaled, filtered, RowMap::IDENTITY);
    let groups = [NQ as u32, params.tiles_y, 1];
    encoder.dispatch(&variant, &buffers, &params, groups).unwrap();
    let ranges = [(&products, 0, products.size()), (&best, 0, (NQ * bins * 4) as u64)];
    let landed = encoder.submit(&ranges).unwrap().wait().unwrap();
    let (products, best) = (floats(&landed, 0), floats(&landed, 1));

    let name = format!("{parts} parts of {part}, {bits} bits, {scaled} {filtered}");
    let unit = 2f64.powi(-24);
    for query in 0..NQ {
        let q = &queries[query * q_stride4 * 4..][..dim];
        // of a part and what a code of it stands for: the product, and that of the magnitudes
        let product = |m: usize, code: usize| {
            let y = &centroids[(m * ksub + code) * part..][..part];
            let terms = q[m * part..].iter().zip(y).map(|(q, y)| f64::from(*q) * f64::from(*y));
            terms.fold((0.0, 0.0), |(sum, all), x| (sum + x, all + x.abs()))
        };
        let own = &products[query * layout.stride as usize..][..layout.stride as usize];
        for (at, found) in own.iter().enumerate() {
            let (m, code) = (at / ksub, at % ksub);
            let (sum, all) = if m < parts { product(m, code) } else { (0.0, 0.0) };
            let slack = (2 * part + 2) as f64 * unit * all;
            assert!((found - sum).abs() <= slack, "{name}: {found} for {sum}");
        }
        for bin in 0..bins {
            let (mut expected, mut slack) = (SENTINEL, 0f64);
            for row in bin * 64..(bin * 64 + 64).min(N) {
                let word = mask[query * N.div_ceil(32) + row / 32];
                if filtered && word >> (row % 32) & 1 == 0 {
                    continue;
                }
                let terms = codes[row].iter().enumerate().map(|(m, &code)| product(m, code));
                let (sum, all) = terms.fold((0.0, 0.0), |(s, a), (x, y)| (s + x, a + y));
                let by = if scaled { f64::from(scale[row]) } else { 0.5 };
                let bias = f64::from(bias[row]);
                expected = expected.max(sum * by + bias);
                let roundings = (2 * dim + 2 * parts + 8) as f64;
                slack = slack.max(roundings * unit * (all * by.abs() + bias.abs()));
            }
            let found = best[query * bins + bin];
            let near = (found - expected).abs() <= slack || (found == SENTINEL && slack == 0.0);
            assert!(near, "{name}, query {query}, bin {bin}: {found} for {expected}, {slack}");
        }
    }
}

#[test]
fn looked_up_scores_are_the_sums_of_what_codes_stand_for() {
    let Ok(gpu) = Gpu::test_builder().poison(true).build() else {
        println!("skipped: no adapter (1)");
        return;
    };
    // whole groups of elements and none, one part, more than 16 KiB hold, codes across words
    for (at, shape) in [
        (17, 1, 8),
        (6, 8, 8),
        (1, 64, 8),
        (9, 3, 7),
        (65, 2, 6),
        (7, 3, 5),
        (5, 8, 4),
        (300, 1, 4),
    ]
    .into_iter()
    .enumerate()
    {
        check(&gpu, shape, at % 3 == 1, at % 2 == 1);
    }
}
