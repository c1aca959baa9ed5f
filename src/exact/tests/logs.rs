//! The copy of the rows' logarithms, and what is noted of it, against f64.

use super::{Once, random};
use crate::buffer::BIN;
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::exact::dataset::Dataset;
use crate::kernel::{Encoder, words};
use crate::metric::Metric;
use half::f16;

/// Rows in which bins 1 and 3 have a zero, of elements from subnormal ones to 2^50.
fn rows(n: usize, d: usize) -> Vec<f32> {
    let mut rows: Vec<f32> = random(n * d, 5).iter().map(|x| x.abs() + 1e-9).collect();
    for (i, x) in rows.iter_mut().enumerate() {
        *x *= match i % 11 {
            0 => 1e-41,
            1 => 2f32.powi(50),
            2 => 1e-30,
            _ => 1.0,
        };
    }
    rows[7] = 1.0;
    rows[70 * d + 3] = 0.0;
    rows[255 * d + d - 1] = -0.0;
    rows
}

#[test]
fn logarithms_are_as_near_as_their_residuals_say() {
    let Ok(gpu) = Gpu::test_builder().poison(true).setting("kernel.matrix.f16_copy", 1).build()
    else {
        println!("skipped: no adapter (1)");
        return;
    };
    let (n, d) = (300, 33);
    let rows = rows(n, d);
    let mut dataset = Dataset::new(&gpu, &Metric::KlDivergence, DType::F32, d).unwrap();
    // the second part begins within a bin
    for part in [&rows[..100 * d], &rows[100 * d..]] {
        dataset = dataset.append(&mut Once(Some(Rows::F32(part)), d)).unwrap();
    }
    assert_eq!(dataset.compared().facts().zero_rows, 2);
    let copy = dataset.f16().expect("a copy");
    let part = copy.part(0).unwrap();
    let norms = dataset.compared().bin_norm().unwrap();
    let read = [&part.buffer, copy.bin_residual(), norms].map(|buffer| (buffer, 0, buffer.size()));
    let landed = Encoder::new(&gpu, "logs", false).unwrap().submit(&read).unwrap().wait().unwrap();
    let [halves, residuals, norms] = [0, 1, 2].map(|i| words(&landed.parts[i]).into_owned());
    let stride = part.stride4 as usize * 4;
    let stored = |row: usize, k: usize| {
        let word = halves[(row * stride + k) / 2];
        f64::from(f16::from_bits((word >> (k % 2 * 16)) as u16))
    };
    for (bin, first) in (0..n).step_by(BIN as usize).enumerate() {
        let (mut lost, mut longest, mut zeros) = (0f64, 0f64, false);
        for row in first..(first + BIN as usize).min(n) {
            let (mut square, mut norm) = (0.0, 0.0);
            for k in 0..d {
                let x = rows[row * d + k];
                let log = if x == 0.0 { 0.0 } else { f64::from(x).ln() };
                zeros |= x == 0.0;
                norm += log * log;
                match x == 0.0 {
                    true => assert_eq!(stored(row, k), -32_768.0),
                    false => {
                        square += (log - stored(row, k)).powi(2);
                        let off = (log - stored(row, k)).abs();
                        assert!(off <= log.abs() / 1024.0 + 1e-4, "ln {x:e}: {}", stored(row, k));
                    }
                }
            }
            assert!((d..stride).all(|k| stored(row, k) == 0.0), "row {row}");
            (lost, longest) = (lost.max(square.sqrt()), longest.max(norm.sqrt()));
        }
        let [residual, norm] = [&residuals, &norms].map(|of| f64::from(f32::from_bits(of[bin])));
        // the logarithms themselves are good to some 2^-22
        let room = longest * 2f64.powi(-21);
        assert_eq!(residual < 0.0, zeros, "bin {bin}: {residual}");
        let size = residual.abs();
        assert!(lost <= size + room && size <= 1.01 * lost + room, "bin {bin}: {size}, not {lost}");
        assert!(longest <= norm && norm <= 1.01 * longest, "bin {bin}: {norm}, not {longest}");
    }
    // the padding behind the last row
    assert!((0..stride).all(|k| stored(n, k) == 0.0));
}

#[test]
fn rows_without_a_copy_have_no_logarithms() {
    let Ok(gpu) = Gpu::test_builder().poison(true).setting("kernel.matrix.f16_copy", 0).build()
    else {
        println!("skipped: no adapter (1)");
        return;
    };
    let dataset = Dataset::new(&gpu, &Metric::KlDivergence, DType::F32, 33).unwrap();
    let dataset = dataset.append(&mut Once(Some(Rows::F32(&rows(300, 33))), 33)).unwrap();
    assert!(dataset.f16().is_none() && dataset.compared().scan().is_none());
    // nothing is computed of them that nobody reads
    assert!(dataset.compared().bin_norm().is_none());
}
