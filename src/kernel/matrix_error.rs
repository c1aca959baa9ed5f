//! How far a sum on the matrix units may be off, of which no maker says anything: measured once a device, by products whose
//! exact sums the host knows.
//!
//! A sum of d products that is rounded to nearest at each step is off by at most d u |q||x| with u = 2^-24; units that cut
//! instead of rounding, or align a few products before they add them, by a small multiple of it. The profile says which
//! multiple the error bound counts on (`kernel.matrix.accumulation`); where twice the measured one is more, that counts. A value of
//! the user's own that is below the measured one is refused: whoever wrote it down meant another device.

use super::encoder::Encoder;
use super::flight::words;
use super::operand::Operand;
use super::params::params;
use super::shader::{Shader, shader};
use super::tile::MatrixTile;
use super::variant::Variant;
use crate::device::{Gpu, Profile};
use crate::dtype::DType;
use crate::error::{Error, Result};
use half::f16;
use std::sync::{Mutex, PoisonError};

const MATRIX_ERROR: Shader = shader!("device", "matrix_error");

const DEPTH: u32 = 512;
/// Rows that differ; a tile has them again and again.
const ROWS: u32 = 8;

params! {
    struct MatrixError {
        pub nq: u32,
        pub n: u32,
        /// Elements of a row, and the groups of four from one row to the next.
        pub k: u32,
        pub stride4: u32,
    }
}

/// What was measured here, by tile, in u an element.
#[derive(Default)]
struct Measured(Mutex<Vec<(MatrixTile, f64)>>);

/// What is farther off is no sum of these products.
const MOST: f64 = 1024.0;

/// Measures a tile, unless that is done. Where there is no room for it, nothing will be known.
pub(crate) fn measure_once(gpu: &Gpu, tile: MatrixTile) -> Result<()> {
    let assumed = gpu.profile().f64("matrix", "accumulation")?;
    let state = gpu.state::<Measured>()?;
    // held meanwhile: who asks at the same time waits for the answer
    let mut known = state.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, measured)) = known.iter().find(|(of, _)| *of == tile) {
        return check(gpu.profile(), *measured);
    }
    let measured = match measure(gpu, tile) {
        Err(Error::OutOfDeviceMemory { .. } | Error::LimitExceeded { .. }) => {
            log::warn!("{}: no room to measure the matrix units", gpu.caps().name);
            return Ok(());
        }
        other => other?,
    };
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
    check(gpu.profile(), measured)
}

/// Refuses a value of the user's own that is less than sums were found to be off by.
fn check(profile: &Profile, measured: f64) -> Result<()> {
    let (section, key) = ("matrix", "accumulation");
    let assumed = profile.f64(section, key)?;
    // what is no sum of products is not used
    if measured <= assumed || measured > MOST || !profile.is_given(section, key) {
        return Ok(());
    }
    let reason = format!(
        "kernel.{section}.{key} = {assumed}, but sums on the matrix units here are off by {measured:.3} x 2^-24 an element"
    );
    Err(profile.fault(section, &[key], reason))
}

/// The multiple of u an element that the error bound has to count on; `None` where the tile was not measured, or does not compute
/// what it should. Runs nothing.
pub(crate) fn factor(gpu: &Gpu, tile: MatrixTile) -> Result<Option<f64>> {
    let assumed = gpu.profile().f64("matrix", "accumulation")?;
    let state = gpu.state::<Measured>()?;
    let known = state.0.lock().unwrap_or_else(PoisonError::into_inner);
    let measured = known.iter().find(|(of, _)| *of == tile).map(|(_, measured)| *measured);
    if measured.is_none() {
        log::debug!("the matrix units were not measured, and are not used");
    }
    Ok(measured.filter(|&measured| measured <= MOST).map(|measured| assumed.max(2.0 * measured)))
}

/// The kernel that multiplies one tile.
fn variant(tile: MatrixTile) -> Variant {
    Variant::new::<MatrixError>(MATRIX_ERROR)
        .operand(&Operand::stored(tile.input))
        .matrix_tile(tile)
        .flag("epilogue_bias", tile.epilogue_bias)
}

/// All variants, for the tests that translate them: one with each shape of matrices that a built-in profile is used with.
pub(crate) fn variants() -> Result<Vec<Variant>> {
    let mut tiles = Vec::new();
    for profile in Profile::built_in()? {
        for (edge, subgroup) in MatrixTile::SHAPES {
            for input in [DType::F16, DType::F32] {
                // only matrices of 8 come in f32
                let tile = MatrixTile::of(&profile, input, edge, subgroup)?;
                if (input == DType::F16 || edge == 8) && !tiles.contains(&tile) {
                    tiles.push(tile);
                }
            }
        }
    }
    Ok(tiles.into_iter().map(variant).collect())
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

/// The largest error of any sum, in u an element and of |q||x| + |b|.
pub(crate) fn measure(gpu: &Gpu, tile: MatrixTile) -> Result<f64> {
    let depth = DEPTH.next_multiple_of(tile.bk);
    let (nq, n) = (tile.bm(), tile.bn());
    // as f16, whatever is multiplied: exact in f32, too
    let halves = |count: u32, vector: &dyn Fn(u32) -> u32| -> Vec<f16> {
        let element = |at: u32| match at % depth {
            i if i < DEPTH => f16::from_f32(value(vector(at / depth), i)),
            _ => f16::ZERO,
        };
        (0..count * depth).map(element).collect()
    };
    let rows = halves(n, &|row| row % ROWS);
    let queries = halves(nq, &|query| query);
    let bias: Vec<f32> = (0..n).map(|row| -((row % ROWS) as f32) / 3.0).collect();

    let mut encoder = Encoder::new(gpu, "matrix error", false)?;
    let mut there = |label: &str, values: &[f16]| match tile.input {
        DType::F32 => {
            let floats: Vec<f32> = values.iter().map(|x| x.to_f32()).collect();
            encoder.upload(label, bytemuck::cast_slice(&floats))
        }
        _ => encoder.upload(label, bytemuck::cast_slice(values)),
    };
    let (rows_there, queries_there) = (there("rows", &rows)?, there("queries", &queries)?);
    let bias_there = encoder.upload("bias", bytemuck::cast_slice(&bias))?;
    let out = gpu.scratch("sums", u64::from(nq * n) * 4)?;
    let params = MatrixError { nq, n, k: depth, stride4: depth / 4 };
    let buffers =
        [("rows", &rows_there), ("queries", &queries_there), ("bias", &bias_there), ("out", &out)];
    encoder.dispatch(&variant(tile), &buffers, &params, [1, 1, 1])?;
    let landed = encoder.submit(&[(&out, 0, u64::from(nq * n) * 4)])?.wait()?;
    let sums = landed.parts.first().map(|bytes| words(bytes).into_owned());
    let sums = sums.ok_or_else(|| Error::internal("no sums came back"))?;

    let vector = |of: &[f16], at: u32| -> Vec<f64> {
        of[(at * depth) as usize..][..depth as usize].iter().map(|x| x.to_f64()).collect()
    };
    let norm = |x: &[f64]| x.iter().map(|v| v * v).sum::<f64>().sqrt();
    let rows: Vec<Vec<f64>> = (0..ROWS).map(|row| vector(&rows, row)).collect();
    let mut worst = 0f64;
    for query in 0..nq {
        let q = vector(&queries, query);
        for (row, x) in (0..).zip(&rows) {
            let b = f64::from(bias[row as usize]);
            let exact = q.iter().zip(x).map(|(q, x)| q * x).sum::<f64>() + b;
            let scale = (norm(&q) * norm(x) + b.abs()) * f64::from(depth) / 16_777_216.0;
            for again in (row..n).step_by(ROWS as usize) {
                let sum = f32::from_bits(sums[(query * n + again) as usize]);
                let off = (f64::from(sum) - exact).abs() / scale;
                // a sum that is no number is off by more than anything
                worst = worst.max(if off.is_nan() { f64::INFINITY } else { off });
            }
        }
    }
    Ok(worst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_value_of_the_users_own_below_what_is_measured_is_refused() {
        let built_in = Profile::baseline().unwrap();
        let given = built_in.with("kernel.matrix.accumulation", 2).unwrap();
        assert!(!built_in.is_given("matrix", "accumulation"));
        for (measured, refused) in [(0.7, false), (2.0, false), (2.0625, true), (MOST * 2.0, false)]
        {
            check(&built_in, measured).unwrap();
            let error = check(&given, measured).err().map(|e| e.to_string());
            assert_eq!(error.is_some(), refused, "{measured}: {error:?}");
            let both = |text: &str| text.contains("= 2,") && text.contains("2.062");
            assert!(error.is_none_or(|text| both(&text)));
        }
    }
}
