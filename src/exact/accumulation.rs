//! How far a sum on the matrix units may be off, of which no maker says anything: measured once a device, by products whose
//! exact sums the host knows.
//!
//! A sum of d products that is rounded to nearest at each step is off by at most d u |q||x| with u = 2^-24; units that cut
//! instead of rounding, or align a few products before they add them, by a small multiple of it. The profile says which
//! multiple the error bound counts on (`kernel.matrix.accumulation`); where twice the measured one is more, that counts.

use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::exact::kernels;
use crate::exact::params::ScanMatrix;
use crate::exact::stored::Stored;
use crate::kernel::RowMap;
use crate::kernel::words;
use crate::kernel::{Encoder, MatrixTile, fold};
use half::f16;
use std::sync::{Mutex, PoisonError};

const DEPTH: u32 = 512;
const BINS: u32 = 8;
const BIN: u32 = crate::buffer::BIN as u32;
/// Of a row that takes no part.
const SENTINEL: f32 = -85_070_591_730_234_615_865_843_651_857_942_052_864.0;

/// What was measured here, by tile, in u an element.
#[derive(Default)]
struct Measured(Mutex<Vec<(MatrixTile, f64)>>);

/// What is farther off is no sum of these products.
const MOST: f64 = 1024.0;

/// The multiple of u an element that the error bound has to count on; `None` where the tile does not compute what it should.
pub(super) fn factor(gpu: &Gpu, tile: MatrixTile) -> Result<Option<f64>> {
    let assumed = gpu.profile().f64("matrix", "accumulation")?;
    let state = gpu.state::<Measured>()?;
    let mut known = state.0.lock().unwrap_or_else(PoisonError::into_inner);
    let measured = match known.iter().find(|(of, _)| *of == tile) {
        Some(&(_, measured)) => measured,
        None => {
            let measured = measure(gpu, tile)?;
            log::debug!("matrix units: sums are off by at most {measured:.3} x 2^-24 an element");
            if measured > MOST {
                log::warn!(
                    "{}: the matrix units do not give sums of products, and are not used",
                    gpu.caps().name
                );
            } else if 2.0 * measured > assumed {
                log::warn!(
                    "{}: sums on the matrix units are off by {measured:.1} x 2^-24 an element, more than the {assumed} of its \
                     profile leave room for; the error bound is widened",
                    gpu.caps().name
                );
            }
            known.push((tile, measured));
            measured
        }
    };
    Ok((measured <= MOST).then_some(assumed.max(2.0 * measured)))
}

/// Numbers whose sums suffer in different ways when a unit rounds: of both signs, of one sign, many small ones behind a
/// large one, large ones that cancel.
fn value(vector: u32, i: u32) -> f32 {
    let hash = (vector * DEPTH + i).wrapping_mul(2_654_435_761) ^ vector.wrapping_mul(40_503);
    let uniform = (hash >> 8) as f32 / 16_777_216.0;
    match vector % 4 {
        0 => 2.0 * uniform - 1.0,
        1 => uniform,
        2 if i == 0 => 1.0,
        // products of two of them are three quarters of half a unit of 1
        2 => 0.866 / 4096.0,
        _ if i.is_multiple_of(2) => 1.0 + uniform / 64.0,
        _ => -1.0 - uniform / 64.0,
    }
}

/// The largest error of any score, in u an element and of |q||x| + |b|.
pub(super) fn measure(gpu: &Gpu, tile: MatrixTile) -> Result<f64> {
    let depth = DEPTH.next_multiple_of(tile.bk);
    let n = BINS * BIN;
    // as f16, whatever is multiplied: exact in f32, too
    let halves = |count: u32, live: &dyn Fn(u32) -> Option<u32>| -> Vec<f16> {
        let element = |at: u32| {
            let vector = live(at / depth).filter(|_| at % depth < DEPTH);
            f16::from_f32(vector.map_or(0.0, |v| value(v, at % depth)))
        };
        (0..count * depth).map(element).collect()
    };
    // one row a bin, so that a bin's best is that row's score
    let rows = halves(n, &|row| row.is_multiple_of(BIN).then_some(row / BIN));
    let queries = halves(tile.bm(), &Some);
    let bias: Vec<f32> = (0..n)
        .map(|row| if row.is_multiple_of(BIN) { -((row / BIN) as f32) / 3.0 } else { SENTINEL })
        .collect();

    let mut encoder = Encoder::new(gpu, "accumulation", false)?;
    let mut there = |label: &str, values: &[f16]| match tile.input {
        DType::F32 => {
            let floats: Vec<f32> = values.iter().map(|x| x.to_f32()).collect();
            encoder.upload(label, bytemuck::cast_slice(&floats))
        }
        _ => encoder.upload(label, bytemuck::cast_slice(values)),
    };
    let (rows_there, queries_there) = (there("rows", &rows)?, there("queries", &queries)?);
    let bias_there = encoder.upload("bias", bytemuck::cast_slice(&bias))?;
    let best = gpu.scratch("bin best", u64::from(tile.bm() * BINS) * 4)?;
    let groups = fold(gpu, n.div_ceil(tile.bn()).into())?;
    let params = ScanMatrix {
        nq: tile.bm(),
        n,
        k: depth,
        k4: depth / 4,
        stride4: depth / 4,
        q_stride4: depth / 4,
        first_bin: 0,
        bin_stride: BINS,
        tiles_y: groups[0],
        first_tile: 0,
        inverse: 1.0,
        tiles: 1,
        words: 0,
    };
    let buffers = [
        ("rows", &rows_there),
        ("queries", &queries_there),
        ("bias", &bias_there),
        ("bin_best", &best),
    ];
    let operand = if tile.input == DType::F32 { Stored::Rows(DType::F32) } else { Stored::F16Copy };
    let variant =
        kernels::scan_matrix(tile, &operand.operand(), false, BIN, false, RowMap::IDENTITY);
    encoder.dispatch(&variant, &buffers, &params, [1, groups[0], groups[1]])?;
    let landed = encoder.submit(&[(&best, 0, best.size())])?.wait()?;
    let scores = landed.parts.first().map(|bytes| words(bytes).into_owned());
    let scores = scores.ok_or_else(|| Error::internal("no scores came back"))?;

    let vector = |of: &[f16], at: u32| -> Vec<f64> {
        of[(at * depth) as usize..][..depth as usize].iter().map(|x| x.to_f64()).collect()
    };
    let norm = |x: &[f64]| x.iter().map(|v| v * v).sum::<f64>().sqrt();
    let rows: Vec<Vec<f64>> = (0..BINS).map(|bin| vector(&rows, bin * BIN)).collect();
    let mut worst = 0f64;
    for query in 0..tile.bm() {
        let q = vector(&queries, query);
        for (bin, x) in rows.iter().enumerate() {
            let b = f64::from(bias[bin * BIN as usize]);
            let exact = q.iter().zip(x).map(|(q, x)| q * x).sum::<f64>() + b;
            let score = f32::from_bits(scores[query as usize * BINS as usize + bin]);
            let scale = (norm(&q) * norm(x) + b.abs()) * f64::from(depth) / 16_777_216.0;
            let off = (f64::from(score) - exact).abs() / scale;
            // a score that is no number is off by more than anything
            worst = worst.max(if off.is_nan() { f64::INFINITY } else { off });
        }
    }
    Ok(worst)
}
