//! Values from one element type to another: round to nearest, ties to even, and nothing out of range.

use super::block::Block;
use super::conversion::Scale;
use super::element::Element;
use super::losses::Seen;
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

/// Whether values of a file can change by rounding alone when they become another type: only then is it looked for.
pub(super) fn may_lose(element: Element, dtype: DType) -> bool {
    !element.stores(dtype) && (dtype != DType::F32 || element == Element::F64)
}

/// Appends elements, times `scale`, which is what was `asked` for, as the block's type; `seen` is told what became of them, where
/// that is looked for. `bytes` are whole elements, at any alignment.
pub(super) fn append(
    element: Element,
    bytes: &[u8],
    to: &mut Block,
    at: Origin,
    (scale, asked): (f32, Scale),
    mut seen: Option<&mut Seen>,
) -> Result<()> {
    if element.stores(to.dtype()) && scale == 1.0 {
        to.extend_from_bytes(bytes);
        return Ok(());
    }
    let narrow = if to.dtype() == DType::F32 { narrow } else { narrow_to_odd };
    let (mut values, mut before, mut after) = ([0.0; CHUNK], [0.0; CHUNK], [0.0; CHUNK]);
    for (n, piece) in bytes.chunks(CHUNK * element.size()).enumerate() {
        let count = piece.len() / element.size();
        let (values, after) = (&mut values[..count], &mut after[..count]);
        let converted = to_f32(element, piece, narrow, values).and_then(|()| {
            multiply(values, scale).and_then(|()| from_f32(values, to, after)).map_err(|index| {
                let own = &piece[index * element.size()..][..element.size()];
                Refused { index, reason: unfit(element, own, (scale, asked), to.dtype()) }
            })
        });
        converted.map_err(|Refused { index, reason }| {
            at.error(Refused { index: n * CHUNK + index, reason })
        })?;
        if let Some(seen) = &mut seen {
            if element == Element::F64 {
                let before = &mut before[..count];
                let wide = pieces(piece).map(f64::from_le_bytes);
                before.iter_mut().zip(wide).for_each(|(to, x)| *to = x * f64::from(scale));
                seen.add(before, after);
            } else {
                seen.add(values, after);
            }
        }
    }
    Ok(())
}

/// The largest magnitude among elements, apart from what is missing or infinite.
pub(super) fn largest(element: Element, bytes: &[u8], at: Origin) -> Result<f32> {
    let (mut values, mut largest) = ([0.0; CHUNK], 0f32);
    for (n, piece) in bytes.chunks(CHUNK * element.size()).enumerate() {
        let values = &mut values[..piece.len() / element.size()];
        to_f32(element, piece, narrow, values).map_err(|Refused { index, reason }| {
            at.error(Refused { index: n * CHUNK + index, reason })
        })?;
        let finite = values.iter().map(|value| value.abs()).filter(|value| value.is_finite());
        largest = finite.fold(largest, f32::max);
    }
    Ok(largest)
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
        Element::U8 | Element::Bool => each(bytes, out, |[b]| f32::from(b)),
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

/// Multiplies values, or tells which of them then leaves f32.
fn multiply(values: &mut [f32], scale: f32) -> Result<(), usize> {
    if scale == 1.0 {
        return Ok(());
    }
    for (index, value) in values.iter_mut().enumerate() {
        let product = *value * scale;
        if product.is_infinite() && value.is_finite() {
            return Err(index);
        }
        *value = product;
    }
    Ok(())
}

/// Why an element has no counterpart: its value in the file, what it is multiplied by, and what to choose.
fn unfit(element: Element, own: &[u8], (scale, asked): (f32, Scale), dtype: DType) -> String {
    let mut value = [0.0];
    // It has been read once without an error.
    let _ = to_f32(element, own, narrow, &mut value);
    let [value] = value;
    let times = if scale == 1.0 { String::new() } else { format!(" times the scale {scale}") };
    let whole = matches!(dtype, DType::I8 | DType::U8);
    let instead = match asked {
        _ if whole && !value.is_finite() => "only f32, f16 and bf16 have NaN and infinity",
        _ if dtype == DType::U8 && value < 0.0 => "i8 has negative values (--dtype i8)",
        Scale::By(_) => "a smaller scale is needed, such as --scale auto finds (Scale::Auto)",
        Scale::None if whole || dtype == DType::F16 => {
            "--scale auto (Scale::Auto) brings the largest into its range"
        }
        _ => "f32 has it (--dtype f32)",
    };
    format!("{value}{times} does not fit {dtype}: {instead}")
}

/// Appends values, and tells what they are then, or which of them the type does not have.
fn from_f32(values: &[f32], to: &mut Block, after: &mut [f32]) -> Result<(), usize> {
    fn push<T: Copy>(
        values: &[f32],
        to: &mut Vec<T>,
        (after, back): (&mut [f32], impl Fn(T) -> f32),
        convert: impl Fn(f32) -> Option<T>,
    ) -> Result<(), usize> {
        for (index, (&value, after)) in values.iter().zip(after).enumerate() {
            let converted = convert(value).ok_or(index)?;
            *after = back(converted);
            to.push(converted);
        }
        Ok(())
    }
    match to {
        Block::F32(to) => {
            after.copy_from_slice(values);
            to.extend_from_slice(values);
        }
        Block::F16(to) => push(values, to, (after, f16::to_f32), |v| {
            let h = f16::from_f32(v);
            (h.is_finite() || !v.is_finite()).then_some(h)
        })?,
        Block::Bf16(to) => push(values, to, (after, bf16::to_f32), |v| {
            let h = bf16::from_f32(v);
            (h.is_finite() || !v.is_finite()).then_some(h)
        })?,
        Block::I8(to) => push(values, to, (after, f32::from), |v| {
            let v = v.round_ties_even();
            (-128.0..=127.0).contains(&v).then_some(v as i8)
        })?,
        Block::U8(to) => push(values, to, (after, f32::from), |v| {
            let v = v.round_ties_even();
            (0.0..=255.0).contains(&v).then_some(v as u8)
        })?,
        // Openers refuse to make bits of values: there is no rounding to speak of.
        Block::Bits(_) => return Err(0),
    }
    Ok(())
}
