//! Norms and rows of length 1 against f64, over the whole range of rows that are taken, as accurate as they say.

use super::{normalize, row_norms};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::kernel::{Encoder, words};

const U: f64 = 1.0 / 16_777_216.0;
const TINY: f64 = f32::MIN_POSITIVE as f64;

/// Rows of every magnitude from subnormal to 2^60, with elements far smaller than the largest; the last is zero.
fn rows(dim: usize) -> Vec<f32> {
    let value = |row: i32, column: usize| {
        let mantissa = 1.0 + ((row as usize * 31 + column * 17) % 97) as f64 / 97.0;
        let less = if column % 5 == 4 { 30 } else { 0 };
        let most = 58.0 - (dim as f64).log2() / 2.0;
        mantissa * 2f64.powf((f64::from(row) - 149.0).min(most) - f64::from(less))
    };
    let signed = |row: i32, column: usize| {
        let value = value(row, column) as f32;
        if column % 3 == 1 { -value } else { value }
    };
    let all = (0..208).flat_map(|row| (0..dim).map(move |column| signed(row, column)));
    all.chain((0..dim).map(|_| 0.0)).collect()
}

#[test]
fn norms_and_unit_rows_are_as_accurate_as_they_say() {
    let Ok(gpu) = Gpu::test_builder().poison(true).build() else {
        println!("skipped: no adapter (1)");
        return;
    };
    for dim in [1usize, 7, 64, 700] {
        let all = rows(dim);
        let d = dim as f64;
        let norms = row_norms(&gpu, Rows::F32(&all), dim).unwrap();
        let unit = normalize(&gpu, Rows::F32(&all), dim).unwrap();
        let mut stored = Vec::new();
        for segment in unit.segments() {
            let encoder = Encoder::new(&gpu, "read", false).unwrap();
            let bytes = u64::from(segment.rows()) * u64::from(segment.stride_bytes());
            let landed = encoder.submit(&[(segment.buffer(), 0, bytes)]).unwrap().wait().unwrap();
            stored.extend(words(&landed.parts[0]).iter().map(|&word| f32::from_bits(word)));
        }
        let stride = dim.next_multiple_of(4);
        assert_eq!(unit.dtype(), DType::F32);
        for (i, row) in all.chunks_exact(dim).enumerate() {
            let norm = row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
            let got = f64::from(norms[i]);
            let what = format!("{dim} elements, row {i} of length {norm:e}");
            let relative = (d / 64.0 + 18.0) * U;
            // of subnormal elements anything between them and zero may be taken
            let subnormal = row.iter().filter(|x| x.is_subnormal()).count() as f64;
            let lost = subnormal.sqrt() * TINY;
            let allowed =
                if norm < TINY * (1.0 + relative) { norm } else { norm * relative + lost };
            assert!((got - norm).abs() <= allowed, "{what}: {got:e}");
            assert!(got == 0.0 || got >= TINY * (1.0 - relative), "{what}: {got:e} is no norm");
            let shorter = norm < TINY * (1.0 - relative);
            for (j, &x) in row.iter().enumerate() {
                let got = f64::from(stored[i * stride + j]);
                let right = if norm == 0.0 || shorter { 0.0 } else { f64::from(x) / norm };
                let allowed = (d / 64.0 + 20.0) * U * right.abs() + TINY + lost / norm.max(TINY);
                let near = (norm / TINY - 1.0).abs() <= relative + lost / TINY;
                assert!(near || (got - right).abs() <= allowed, "{what}: element {j} is {got:e}");
                assert!(got.abs() <= 1.0 + relative, "{what}: element {j} is {got:e}");
            }
        }
    }
}
