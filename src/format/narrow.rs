//! Values from one element type to another: round to nearest, ties to even, and nothing out of range.

use super::block::Block;
use super::element::Element;
use crate::dtype::DType;
use crate::error::{Error, Result};
use half::{bf16, f16};
use std::fmt::Display;

/// Where a slice of elements lies in its file, to name what is refused.
#[derive(Clone, Copy)]
pub(super) struct Origin {
    pub first_row: u64,
    pub columns: usize,
}

impl Origin {
    fn error(self, Refused { index, reason }: Refused) -> Error {
        let row = self.first_row + (index / self.columns) as u64;
        Error::InvalidValue { row, column: index % self.columns, reason }
    }
}

/// A value that has no counterpart in the other type, counted in the slice at hand.
struct Refused {
    index: usize,
    reason: String,
}

/// Elements that pass through f32 at a time: few enough for the stack and for the nearest cache.
const CHUNK: usize = 1024;

/// Appends elements as the block's type. `bytes` are whole elements, at any alignment.
pub(super) fn append(element: Element, bytes: &[u8], to: &mut Block, at: Origin) -> Result<()> {
    if element.stores(to.dtype()) {
        to.extend_from_bytes(bytes);
        return Ok(());
    }
    let narrow = if to.dtype() == DType::F32 { narrow } else { narrow_to_odd };
    let mut values = [0.0; CHUNK];
    for (n, piece) in bytes.chunks(CHUNK * element.size()).enumerate() {
        let values = &mut values[..piece.len() / element.size()];
        to_f32(element, piece, narrow, values).and_then(|()| from_f32(values, to)).map_err(
            |Refused { index, reason }| at.error(Refused { index: n * CHUNK + index, reason }),
        )?;
    }
    Ok(())
}

/// Appends whole numbers as i64.
pub(super) fn append_ids(
    element: Element,
    bytes: &[u8],
    to: &mut Vec<i64>,
    at: Origin,
) -> Result<()> {
    match element {
        Element::I32 => to.extend(pieces(bytes).map(|b| i64::from(i32::from_le_bytes(b)))),
        Element::U32 => to.extend(pieces(bytes).map(|b| i64::from(u32::from_le_bytes(b)))),
        Element::I64 => to.extend(pieces(bytes).map(i64::from_le_bytes)),
        Element::U64 => {
            for (index, value) in pieces(bytes).map(u64::from_le_bytes).enumerate() {
                let reason = || Refused { index, reason: format!("{value} is not below 2^63") };
                to.push(i64::try_from(value).map_err(|_| at.error(reason()))?);
            }
        }
        // Openers ask `Element::is_id` first.
        _ => return Err(Error::internal(format!("{element:?} elements taken for ids"))),
    }
    Ok(())
}

/// One id as the i32 that `.ivecs` and `.ibin` hold.
pub(super) fn narrow_ids(ids: &[i64], to: &mut Vec<i32>, at: Origin) -> Result<()> {
    for (index, &id) in ids.iter().enumerate() {
        let reason = || Refused { index, reason: format!("{id} does not fit i32") };
        to.push(i32::try_from(id).map_err(|_| at.error(reason()))?);
    }
    Ok(())
}

fn pieces<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks::<N>().0.iter().copied()
}

fn to_f32(
    element: Element,
    bytes: &[u8],
    narrow: fn(f64) -> Option<f32>,
    out: &mut [f32],
) -> Result<(), Refused> {
    fn each<const N: usize>(bytes: &[u8], out: &mut [f32], read: impl Fn([u8; N]) -> f32) {
        out.iter_mut().zip(pieces(bytes)).for_each(|(value, b)| *value = read(b));
    }
    fn checked<const N: usize, T: Display + Copy>(
        bytes: &[u8],
        out: &mut [f32],
        read: fn([u8; N]) -> T,
        exact: impl Fn(T) -> Option<f32>,
    ) -> Result<(), Refused> {
        for (index, (value, b)) in out.iter_mut().zip(pieces(bytes)).enumerate() {
            let reason = || Refused { index, reason: format!("{} has no f32", read(b)) };
            *value = exact(read(b)).ok_or_else(reason)?;
        }
        Ok(())
    }
    match element {
        Element::F32 => each(bytes, out, f32::from_le_bytes),
        Element::F16 => each(bytes, out, |b| f16::from_le_bytes(b).to_f32()),
        Element::U16 => each(bytes, out, |b| bf16::from_le_bytes(b).to_f32()),
        Element::I8 => each(bytes, out, |b| f32::from(i8::from_le_bytes(b))),
        Element::U8 => each(bytes, out, |[b]| f32::from(b)),
        Element::F64 => checked(bytes, out, f64::from_le_bytes, narrow)?,
        Element::I32 => {
            checked(bytes, out, i32::from_le_bytes, |v| whole(v.unsigned_abs().into(), v as f32))?
        }
        Element::I64 => {
            checked(bytes, out, i64::from_le_bytes, |v| whole(v.unsigned_abs(), v as f32))?
        }
        Element::U32 => checked(bytes, out, u32::from_le_bytes, |v| whole(v.into(), v as f32))?,
        Element::U64 => checked(bytes, out, u64::from_le_bytes, |v| whole(v, v as f32))?,
    }
    Ok(())
}

/// `value` where the magnitude fits f32's 24 bits.
fn whole(magnitude: u64, value: f32) -> Option<f32> {
    let exact = magnitude < 1 << 24 || magnitude >> magnitude.trailing_zeros() < 1 << 24;
    exact.then_some(value)
}

fn narrow(value: f64) -> Option<f32> {
    let narrowed = value as f32;
    (narrowed.is_finite() || !value.is_finite()).then_some(narrowed)
}

/// Towards zero with the last bit set where anything was lost: rounding that to a type with fewer bits gives what rounding
/// the f64 itself would, while rounding to nearest twice does not.
fn narrow_to_odd(value: f64) -> Option<f32> {
    let nearest = value as f32;
    if f64::from(nearest) == value || value.is_nan() {
        return Some(nearest);
    }
    let away = f64::from(nearest.abs()) > value.abs();
    Some(f32::from_bits((nearest.to_bits() - u32::from(away)) | 1))
}

fn from_f32(values: &[f32], to: &mut Block) -> Result<(), Refused> {
    fn push<T>(
        values: &[f32],
        to: &mut Vec<T>,
        dtype: DType,
        convert: impl Fn(f32) -> Option<T>,
    ) -> Result<(), Refused> {
        for (index, &value) in values.iter().enumerate() {
            let reason = || Refused { index, reason: format!("{value} does not fit {dtype}") };
            to.push(convert(value).ok_or_else(reason)?);
        }
        Ok(())
    }
    let dtype = to.dtype();
    match to {
        Block::F32(to) => to.extend_from_slice(values),
        Block::F16(to) => push(values, to, dtype, |v| {
            let h = f16::from_f32(v);
            (h.is_finite() || !v.is_finite()).then_some(h)
        })?,
        Block::Bf16(to) => push(values, to, dtype, |v| {
            let h = bf16::from_f32(v);
            (h.is_finite() || !v.is_finite()).then_some(h)
        })?,
        Block::I8(to) => push(values, to, dtype, |v| {
            let v = v.round_ties_even();
            (-128.0..=127.0).contains(&v).then_some(v as i8)
        })?,
        Block::U8(to) => push(values, to, dtype, |v| {
            let v = v.round_ties_even();
            (0.0..=255.0).contains(&v).then_some(v as u8)
        })?,
        // Openers refuse to make bits of values: there is no rounding to speak of.
        Block::Bits(_) => {
            return Err(Refused { index: 0, reason: "values do not convert to bits".into() });
        }
    }
    Ok(())
}
