//! Codes as FAISS has them: the signs as bits, then two or three numbers of f32; of more bits the others as a stream, then two more numbers.
//!
//! | | squares of distances | inner products |
//! |---|---|---|
//! | `or_minus_c_l2sqr` | \|r\|^2 | \|r\|^2 - \|x\|^2 |
//! | `dp_multiplier` | \|r\| / cos(r, signs) | the same |
//! | `f_error`, of more bits than one | 2 eps0 \|r\| sqrt((1 / cos^2 - 1) / (d - 1)) | half of it |
//! | `f_add_ex` | \|r\|^2 | <c, r> |
//! | `f_rescale_ex` | -2 \|r\|^2 / <r, y> | \|r\|^2 / <r, y> |

use super::bits;
use super::code::{Factors, Shape};

impl Shape {
    /// Bytes of the code of a row as FAISS has it.
    pub fn faiss_bytes(self) -> usize {
        let signs = self.dim.div_ceil(8);
        match self.bits {
            1 => signs + 8,
            bits => signs + 12 + (self.dim * (bits as usize - 1)).div_ceil(8) + 8,
        }
    }

    /// Writes a row as FAISS has it behind others.
    pub fn put_faiss(self, factors: &Factors, numbers: &[u16], center: &[f32], out: &mut Vec<u8>) {
        let half = 1u16 << (self.bits - 1);
        let signs: Vec<u16> = numbers.iter().map(|&number| u16::from(number >= half)).collect();
        bits::pack(&signs, 1, out);
        let (scale, added) = (f64::from(factors.scale), f64::from(factors.added));
        // of inner products <c, r>
        let beside = added + scale * self.against(numbers, center);
        let square = (added + scale * scale * self.square(numbers)).max(0.0);
        let norm: f64 = center.iter().map(|&c| f64::from(c).powi(2)).sum();
        let first = if self.product { -(2.0 * beside + norm) } else { square };
        let sign = match self.bits {
            1 => (scale * (self.dim as f64).sqrt() / 2.0) as f32,
            _ => factors.sign,
        };
        out.extend((first as f32).to_le_bytes());
        out.extend(sign.to_le_bytes());
        if self.bits == 1 {
            return;
        }
        out.extend(factors.error.to_le_bytes());
        let others: Vec<u16> = numbers.iter().map(|&number| number & (half - 1)).collect();
        bits::pack(&others, self.bits - 1, out);
        let (last, rescale) = match self.product {
            true => (beside, factors.scale),
            false => (square, -2.0 * factors.scale),
        };
        out.extend((last as f32).to_le_bytes());
        out.extend(rescale.to_le_bytes());
    }

    /// Reads a row as FAISS has it, of as many bytes as there have to be.
    pub fn get_faiss(self, row: &[u8], center: &[f32], numbers: &mut Vec<u16>) -> Factors {
        let signs = self.dim.div_ceil(8);
        numbers.clear();
        bits::unpack(row, 1, self.dim, numbers);
        let factor = |at: usize| bits::number(row, signs + at);
        let (first, sign) = (factor(0), factor(4));
        let norm: f64 = center.iter().map(|&c| f64::from(c).powi(2)).sum();
        if self.bits == 1 {
            let scale = (2.0 * f64::from(sign) / (self.dim as f64).sqrt()) as f32;
            let exact = f64::from(scale);
            let added = match self.product {
                true => -(f64::from(first) + norm) / 2.0 - exact * self.against(numbers, center),
                false => f64::from(first) - exact * exact * self.square(numbers),
            };
            return Factors { scale, added: added as f32, sign: 0.0, error: 0.0 };
        }
        let error = factor(8);
        let mut others = Vec::with_capacity(self.dim);
        let (start, own) = (signs + 12, self.bits - 1);
        bits::unpack(&row[start..], own, self.dim, &mut others);
        numbers.iter_mut().zip(others).for_each(|(number, other)| *number = *number << own | other);
        let behind = 12 + (self.dim * own as usize).div_ceil(8);
        let (last, rescale) = (f64::from(factor(behind)), factor(behind + 4));
        let scale = if self.product { rescale } else { -rescale / 2.0 };
        let exact = f64::from(scale);
        let added = match self.product {
            true => last - exact * self.against(numbers, center),
            false => last - exact * exact * self.square(numbers),
        };
        Factors { scale, added: added as f32, sign, error }
    }
}
