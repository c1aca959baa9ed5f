//! Queries of two times 8 bits, which meet rows of 8 bits in integers.

use super::int8::row_bytes;
use crate::buffer::Buffer;
use crate::error::Result;
use crate::kernel::Encoder;

/// Queries as the kernel multiplies them: q' = scale (h + l / 256) with whole h and l of at most 127.
#[derive(Clone)]
pub(crate) struct Int8Queries {
    pub buffer: Buffer,
    /// From one query to the next, in 16 bytes.
    pub stride: u32,
}

impl Int8Queries {
    /// Brings queries to the device: of each its scale, then all h, then all l, as rows are padded. `residuals` gets |q - q'| of
    /// each, rounded up.
    pub fn upload<'a>(
        queries: impl Iterator<Item = &'a [f32]>,
        dim: usize,
        residuals: &mut [f32],
        encoder: &mut Encoder,
    ) -> Result<Int8Queries> {
        let side = row_bytes(dim) as usize;
        let mut packed = Vec::new();
        for (query, residual) in queries.zip(residuals) {
            *residual = pack(query, side, &mut packed);
        }
        Ok(Int8Queries {
            buffer: encoder.upload("int8 queries", &packed)?,
            stride: (1 + 2 * side / 16) as u32,
        })
    }
}

/// Appends one query, and says what its rounding lost.
fn pack(query: &[f32], side: usize, out: &mut Vec<u8>) -> f32 {
    let largest = query.iter().fold(0f32, |m, q| m.max(q.abs()));
    // what is too small for a scale is all lost
    let scale = if largest > 1e-30 { largest / 127.0 } else { 0.0 };
    let inverse = if scale > 0.0 { 1.0 / f64::from(scale) } else { 0.0 };
    let start = out.len();
    out.resize(start + 16 + 2 * side, 0);
    let (head, tail) = out[start..].split_at_mut(16);
    head[..4].copy_from_slice(&scale.to_le_bytes());
    let (high, low) = tail.split_at_mut(side);
    let mut lost = 0f64;
    for ((&q, high), low) in query.iter().zip(high).zip(low) {
        let units = f64::from(q) * inverse;
        let h = units.round().clamp(-127.0, 127.0);
        let l = ((units - h) * 256.0).round().clamp(-127.0, 127.0);
        lost += (f64::from(q) - f64::from(scale) * (h + l / 256.0)).powi(2);
        (*high, *low) = (h as i8 as u8, l as i8 as u8);
    }
    (lost.sqrt() * 1.001) as f32 + f32::MIN_POSITIVE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_in_two_bytes_is_as_near_as_it_says() {
        for query in [vec![0.3f32, -127.0, 126.999, 1e-3, 0.0], vec![0.0; 5], vec![1e-38; 5]] {
            let mut out = Vec::new();
            let rest = pack(&query, 16, &mut out);
            let scale = f32::from_le_bytes([out[0], out[1], out[2], out[3]]);
            assert_eq!(out.len(), 48);
            let whole = |byte: u8| f64::from(byte as i8);
            let value =
                |i: usize| f64::from(scale) * (whole(out[16 + i]) + whole(out[32 + i]) / 256.0);
            let off = |(i, q): (usize, &f32)| (f64::from(*q) - value(i)).powi(2);
            let lost = query.iter().enumerate().map(off).sum::<f64>().sqrt();
            assert!(
                lost <= f64::from(rest) && rest <= 0.01 * query[1].abs().max(1e-30),
                "{lost} {rest}"
            );
            assert!(out[16 + query.len()..32].iter().all(|&byte| byte == 0));
        }
    }
}
