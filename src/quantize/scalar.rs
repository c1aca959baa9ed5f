//! The scalar quantizer.

use super::kinds::{SqRange, SqType};
use super::pack::{pack, unpack};
use super::ranges;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::parallel::each;
use half::{bf16, f16};

/// The most rows of a sample that ranges are learnt from: FAISS's number.
const MOST_ROWS: usize = 100_000;
/// Elements that one thread takes at a time.
const PIECE: usize = 64 << 10;

/// Rows in fewer bits, element by element: FAISS's `ScalarQuantizer`, whose codes these are.
///
/// # Example
/// ```
/// use nearfield::{Rows, ScalarQuantizer, SqType};
/// let quantizer = ScalarQuantizer::new(2, SqType::Bits8)?.train(Rows::F32(&[0.0, -1.0, 51.0, 1.0]))?;
/// assert_eq!((quantizer.kind(), quantizer.dim(), quantizer.code_bytes()), (SqType::Bits8, 2, 2));
/// // floor(255 (x - minimum) / width), no more and no less than there is
/// let codes = quantizer.encode(Rows::F32(&[10.0, 0.0, 60.0, -2.0]))?;
/// assert_eq!(codes, [50, 127, 255, 0]);
/// let decoded = quantizer.decode(&codes)?; // the middle of each step
/// assert!((decoded[0] - 10.1).abs() < 1e-5);
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("IndexScalarQuantizer", "SQ"))]
#[derive(Clone, Debug, PartialEq)]
pub struct ScalarQuantizer {
    dim: usize,
    kind: SqType,
    range: SqRange,
    /// Where each dimension's range begins, and then how wide it is; of a uniform type one of both. Empty before training, and of types
    /// that have no ranges.
    trained: Vec<f32>,
}

impl ScalarQuantizer {
    /// A quantizer of rows of `dim` elements, which has yet to be trained if its type has ranges.
    ///
    /// # Errors
    /// `InvalidArgument` for a `dim` of 0.
    ///
    /// # Example
    /// ```
    /// use nearfield::{ScalarQuantizer, SqType};
    /// assert!(!ScalarQuantizer::new(128, SqType::Bits8)?.is_trained());
    /// assert!(ScalarQuantizer::new(128, SqType::Fp16)?.is_trained());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn new(dim: usize, kind: SqType) -> Result<ScalarQuantizer> {
        if dim == 0 {
            return Err(Error::argument("dim", "0 elements are no row"));
        }
        Ok(ScalarQuantizer { dim, kind, range: SqRange::default(), trained: Vec::new() })
    }

    /// One that is not trained, for the place of another.
    pub(crate) fn of_bytes(dim: usize) -> ScalarQuantizer {
        let (kind, range) = (SqType::Bits8, SqRange::default());
        ScalarQuantizer { dim, kind, range, trained: Vec::new() }
    }

    /// The same whose ranges are learnt by another statistic.
    ///
    /// # Errors
    /// `InvalidArgument` for an argument that is no number, or quantiles that leave nothing.
    pub fn with_range(self, range: SqRange) -> Result<ScalarQuantizer> {
        Ok(ScalarQuantizer { range: range.check()?, ..self })
    }

    /// The same with these ranges, as [`trained`](Self::trained) has them.
    ///
    /// # Errors
    /// `InvalidArgument` where they are not as many as the type has, not finite, or a width is negative.
    ///
    /// # Example
    /// ```
    /// use nearfield::{Rows, ScalarQuantizer, SqType};
    /// let quantizer = ScalarQuantizer::new(2, SqType::Uniform4)?.with_trained(&[0.0, 15.0])?;
    /// assert_eq!(quantizer.encode(Rows::F32(&[3.5, 14.0]))?, [0xe3]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn with_trained(self, trained: &[f32]) -> Result<ScalarQuantizer> {
        let (expected, refused) =
            (self.numbers(), |reason: String| Err(Error::argument("trained", reason)));
        if trained.len() != expected {
            return refused(format!("{} numbers; {expected} are expected", trained.len()));
        }
        if let Some(at) = trained.iter().position(|x| !x.is_finite()) {
            return refused(format!("number {at} is {}", trained[at]));
        }
        if let Some(width) = trained[expected / 2..].iter().find(|width| **width < 0.0) {
            return refused(format!("a range has the width {width}"));
        }
        Ok(ScalarQuantizer { trained: trained.to_vec(), ..self })
    }

    /// Elements of a row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// What they become.
    pub fn kind(&self) -> SqType {
        self.kind
    }

    /// The statistic by which ranges are learnt.
    pub fn range(&self) -> SqRange {
        self.range
    }

    /// Bytes of the code of a row.
    pub fn code_bytes(&self) -> usize {
        self.kind.code_bytes(self.dim)
    }

    /// Where the ranges begin, then how wide they are: FAISS's `trained`. Empty where there are none.
    pub fn trained(&self) -> &[f32] {
        &self.trained
    }

    /// Whether rows can be encoded.
    pub fn is_trained(&self) -> bool {
        self.trained.len() == self.numbers()
    }

    /// Numbers that are learnt.
    fn numbers(&self) -> usize {
        match self.kind.ranged_bits() {
            None => 0,
            Some(_) if self.kind.is_uniform() => 2,
            Some(_) => 2 * self.dim,
        }
    }

    /// The same with ranges learnt from a sample, of which 100,000 rows are looked at, at equal distances.
    ///
    /// # Errors
    /// `PartialRow`; `InvalidArgument` for no row, or a range beyond f32; `NonFinite` for one of the rows that are looked at.
    pub fn train(&self, sample: Rows<'_>) -> Result<ScalarQuantizer> {
        let (dim, count) = (self.dim, sample.count(self.dim)?);
        let Some(bits) = self.kind.ranged_bits() else { return Ok(self.clone()) };
        if count == 0 {
            return Err(Error::argument("sample", "no row, and ranges are learnt of some"));
        }
        let step = count.div_ceil(MOST_ROWS);
        let chosen: Vec<usize> = (0..count).step_by(step).collect();
        let mut rows = Vec::with_capacity(chosen.len() * dim);
        for row in chosen {
            let one = sample.slice(dim, row..row + 1).to_f32();
            finite(&one, dim, row as u64)?;
            rows.extend(one);
        }
        let (by, levels) = (self.range, 1 << bits);
        let found = if self.kind.is_uniform() {
            vec![ranges::range(by, &mut rows, levels)]
        } else {
            each((0..dim).collect(), |column| {
                let mut column: Vec<f32> = rows.iter().skip(column).step_by(dim).copied().collect();
                Ok(ranges::range(by, &mut column, levels))
            })?
        };
        if let Some((low, width)) = found.iter().find(|(l, w)| !(l.is_finite() && w.is_finite())) {
            let reason = format!("a range from {low} on with the width {width} is beyond f32");
            return Err(Error::argument("sample", reason));
        }
        let low = found.iter().map(|range| range.0);
        // a negative argument may turn a range over
        let width = found.iter().map(|range| range.1.max(0.0));
        Ok(ScalarQuantizer { trained: low.chain(width).collect(), ..self.clone() })
    }

    /// The codes of rows, one after the other.
    ///
    /// # Errors
    /// `NotTrained`; `PartialRow`; `NonFinite`; `InvalidValue` for what the type cannot hold; `Unsupported` for bits.
    pub fn encode(&self, rows: Rows<'_>) -> Result<Vec<u8>> {
        Ok(self.packed(&self.elements(rows, 0)?))
    }

    /// The codes of what [`elements`](Self::elements) made.
    pub(crate) fn packed(&self, elements: &[u8]) -> Vec<u8> {
        let Some(bits @ (4 | 6)) = self.kind.ranged_bits() else { return elements.to_vec() };
        let mut out = Vec::with_capacity(elements.len() / self.dim * self.code_bytes());
        elements.chunks_exact(self.dim).for_each(|row| pack(row, bits, &mut out));
        out
    }

    /// As `encode` of rows from number `first` of a call on, but with a byte for each element that has a range.
    pub(crate) fn elements(&self, rows: Rows<'_>, first: u64) -> Result<Vec<u8>> {
        if rows.dtype() == DType::Bits {
            return Err(Error::unsupported("a scalar quantizer", "rows of bits"));
        }
        let (dim, count) = (self.dim, rows.count(self.dim)?);
        if !self.is_trained() {
            return Err(Error::NotTrained);
        }
        let step = (PIECE / dim).max(1);
        let parts = each((0..count).step_by(step).collect(), |start: usize| {
            let piece = rows.slice(dim, start..(start + step).min(count)).to_f32();
            self.piece(&piece, first + start as u64)
        })?;
        Ok(parts.concat())
    }

    fn piece(&self, values: &[f32], first: u64) -> Result<Vec<u8>> {
        finite(values, self.dim, first)?;
        let at = |i: usize| (first + (i / self.dim) as u64, i % self.dim);
        let refused = |i: usize, reason: &str| {
            let (row, column) = at(i);
            let reason = format!("{} {reason}", values[i]);
            Err(Error::InvalidValue { row, column, reason })
        };
        let whole = |low: f32, high: f32, plus: f32| {
            let fits = |x: &f32| x.fract() == 0.0 && (low..=high).contains(x);
            match values.iter().position(|x| !fits(x)) {
                Some(i) => refused(i, &format!("is no whole number from {low} to {high}")),
                None => Ok(values.iter().map(|x| (x + plus) as u8).collect()),
            }
        };
        match self.kind {
            SqType::Direct8 => whole(0.0, 255.0, 0.0),
            SqType::Direct8Signed => whole(-128.0, 127.0, 128.0),
            SqType::Fp16 => {
                let all: Vec<f16> = values.iter().map(|&x| f16::from_f32(x)).collect();
                match all.iter().position(|x| !x.is_finite()) {
                    Some(i) => refused(i, "is more than an f16 holds"),
                    None => Ok(all.iter().flat_map(|x| x.to_le_bytes()).collect()),
                }
            }
            SqType::Bf16 => {
                // halves away from zero, as FAISS rounds
                let rounded =
                    |x: &f32| bf16::from_bits((x.to_bits().wrapping_add(1 << 15) >> 16) as u16);
                let all: Vec<bf16> = values.iter().map(rounded).collect();
                match all.iter().position(|x| !x.is_finite()) {
                    Some(i) => refused(i, "is more than a bfloat16 holds"),
                    None => Ok(all.iter().flat_map(|x| x.to_le_bytes()).collect()),
                }
            }
            _ => Ok(self.ranged(values)),
        }
    }

    /// Of each element the number of its step.
    fn ranged(&self, values: &[f32]) -> Vec<u8> {
        let (minima, widths) = self.trained.split_at(self.trained.len() / 2);
        let bits = self.kind.ranged_bits().unwrap_or(8);
        // FAISS multiplies by 255 in f32, by 63 and 15 in f64
        let number = |share: f32| match bits {
            8 => (255.0 * share) as u8,
            _ => (f64::from(share) * f64::from((1u32 << bits) - 1)) as u8,
        };
        let encoded = |(i, &x): (usize, &f32)| {
            let (minimum, width) = (minima[i % minima.len()], widths[i % widths.len()]);
            if width == 0.0 { 0 } else { number(((x - minimum) / width).clamp(0.0, 1.0)) }
        };
        values.iter().enumerate().map(encoded).collect()
    }

    /// Where the range of each dimension begins, and how wide a step is; `None` of types without ranges.
    pub(crate) fn steps(&self) -> Option<(Vec<f32>, Vec<f32>)> {
        let most = f64::from((1u32 << self.kind.ranged_bits()?) - 1);
        let (minima, widths) = self.trained.split_at(self.trained.len() / 2);
        let of = |all: &[f32], i: usize| all.get(i).or(all.first()).copied().unwrap_or(0.0);
        let step = |i| (f64::from(of(widths, i)) / most) as f32;
        let dims = 0..self.dim;
        Some((dims.clone().map(|i| of(minima, i)).collect(), dims.map(step).collect()))
    }

    /// The numbers of codes whose elements have ranges, a byte each; of other types the codes.
    pub(crate) fn unpacked(&self, codes: &[u8]) -> Result<Vec<u8>> {
        let bytes = self.code_bytes();
        if !codes.len().is_multiple_of(bytes) {
            let reason = format!("{} bytes are no codes of {bytes} bytes each", codes.len());
            return Err(Error::argument("codes", reason));
        }
        let Some(bits) = self.kind.ranged_bits() else { return Ok(codes.to_vec()) };
        let mut numbers = Vec::with_capacity(codes.len() / bytes * self.dim);
        codes.chunks_exact(bytes).for_each(|row| unpack(row, bits, self.dim, &mut numbers));
        Ok(numbers)
    }

    /// The rows that codes stand for, as f32.
    ///
    /// # Errors
    /// `NotTrained`; `InvalidArgument` for a part of a code.
    pub fn decode(&self, codes: &[u8]) -> Result<Vec<f32>> {
        let numbers = self.unpacked(codes)?;
        self.decode_elements(&numbers)
    }

    /// The same of what [`elements`](Self::elements) made.
    pub(crate) fn decode_elements(&self, codes: &[u8]) -> Result<Vec<f32>> {
        if !self.is_trained() {
            return Err(Error::NotTrained);
        }
        let two = codes.chunks_exact(2).map(|two| [two[0], two[1]]);
        Ok(match self.kind {
            SqType::Direct8 => codes.iter().map(|&c| f32::from(c)).collect(),
            SqType::Direct8Signed => codes.iter().map(|&c| f32::from(c) - 128.0).collect(),
            SqType::Fp16 => two.map(|bytes| f16::from_le_bytes(bytes).to_f32()).collect(),
            SqType::Bf16 => two.map(|bytes| bf16::from_le_bytes(bytes).to_f32()).collect(),
            _ => {
                let (minima, steps) = self.steps().unwrap_or_default();
                let of =
                    |(i, &c): (usize, &u8)| decoded(c, minima[i % self.dim], steps[i % self.dim]);
                codes.iter().enumerate().map(of).collect()
            }
        })
    }
}

/// An element with a range from its number, as `shaders/lib/load/decoded.wgsl` computes it: the step in two parts, so that its products with
/// half numbers of nine bits are exact, and fused sums the same as others.
fn decoded(number: u8, minimum: f32, step: f32) -> f32 {
    let middle = f32::from(number) + 0.5;
    let upper = f32::from_bits(step.to_bits() & 0xffff_fe00);
    let lower = step - upper;
    middle.mul_add(lower, middle.mul_add(upper, minimum))
}

fn finite(values: &[f32], dim: usize, first: u64) -> Result<()> {
    match values.iter().position(|x| !x.is_finite()) {
        Some(i) => Err(Error::NonFinite { row: first + (i / dim) as u64, column: i % dim }),
        None => Ok(()),
    }
}

#[cfg(test)]
#[path = "scalar_tests.rs"]
mod tests;
