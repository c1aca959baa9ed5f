//! The kinds of scalar quantizers, and the statistics that their ranges are learnt by.

use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// What the elements of a row become: FAISS's `QuantizerType`. Displayed and read as the factory spells it, `SQ8`, `SQfp16`...
///
/// # Example
/// ```
/// use nearfield::SqType;
/// assert_eq!("SQ8".parse::<SqType>()?, SqType::Bits8);
/// assert_eq!((SqType::Bits4.code_bytes(10), SqType::Fp16.code_bytes(10)), (5, 20));
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SqType {
    /// 8 bits, each dimension with a range of its own (`QT_8bit`, `SQ8`).
    Bits8,
    /// 6 bits, each dimension with a range of its own (`QT_6bit`, `SQ6`).
    Bits6,
    /// 4 bits, each dimension with a range of its own (`QT_4bit`, `SQ4`).
    Bits4,
    /// 8 bits, one range for all (`QT_8bit_uniform`; `SQ8_uniform`, which FAISS's factory does not know).
    Uniform8,
    /// 6 bits, one range for all (`SQ6_uniform`; FAISS has no such type).
    Uniform6,
    /// 4 bits, one range for all (`QT_4bit_uniform`; `SQ4_uniform`, which FAISS's factory does not know).
    Uniform4,
    /// Half floats (`QT_fp16`, `SQfp16`).
    Fp16,
    /// bfloat16 (`QT_bf16`, `SQbf16`).
    Bf16,
    /// Whole numbers 0 to 255 as they are (`QT_8bit_direct`, `SQ8_direct`).
    Direct8,
    /// Whole numbers -128 to 127, stored 128 larger (`QT_8bit_direct_signed`, `SQ8_direct_signed`).
    Direct8Signed,
}

impl SqType {
    /// Every type, for tables and tests.
    pub const ALL: &[SqType] = &[
        SqType::Bits8,
        SqType::Bits6,
        SqType::Bits4,
        SqType::Uniform8,
        SqType::Uniform6,
        SqType::Uniform4,
        SqType::Fp16,
        SqType::Bf16,
        SqType::Direct8,
        SqType::Direct8Signed,
    ];

    /// The factory's name.
    ///
    /// # Example
    /// ```
    /// use nearfield::SqType;
    /// assert_eq!(SqType::Direct8.name(), "SQ8_direct");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            SqType::Bits8 => "SQ8",
            SqType::Bits6 => "SQ6",
            SqType::Bits4 => "SQ4",
            SqType::Uniform8 => "SQ8_uniform",
            SqType::Uniform6 => "SQ6_uniform",
            SqType::Uniform4 => "SQ4_uniform",
            SqType::Fp16 => "SQfp16",
            SqType::Bf16 => "SQbf16",
            SqType::Direct8 => "SQ8_direct",
            SqType::Direct8Signed => "SQ8_direct_signed",
        }
    }

    /// Bits of an element whose range is learnt; `None` of the other types.
    pub(crate) const fn ranged_bits(self) -> Option<u32> {
        match self {
            SqType::Bits8 | SqType::Uniform8 => Some(8),
            SqType::Bits6 | SqType::Uniform6 => Some(6),
            SqType::Bits4 | SqType::Uniform4 => Some(4),
            _ => None,
        }
    }

    /// Whether all dimensions have one range.
    pub(crate) const fn is_uniform(self) -> bool {
        matches!(self, SqType::Uniform8 | SqType::Uniform6 | SqType::Uniform4)
    }

    /// Bytes of the code of a row of `dim` elements.
    ///
    /// # Example
    /// ```
    /// use nearfield::SqType;
    /// assert_eq!(SqType::Bits6.code_bytes(5), 4); // 30 bits
    /// ```
    pub const fn code_bytes(self, dim: usize) -> usize {
        match self {
            SqType::Fp16 | SqType::Bf16 => dim * 2,
            SqType::Direct8 | SqType::Direct8Signed => dim,
            _ => match self.ranged_bits() {
                Some(bits) => (dim * bits as usize).div_ceil(8),
                None => dim,
            },
        }
    }
}

impl fmt::Display for SqType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SqType {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        SqType::ALL.iter().copied().find(|kind| kind.name() == name).ok_or_else(|| {
            let known: Vec<_> = SqType::ALL.iter().map(|kind| kind.name()).collect();
            Error::argument("type", format!("{name:?} is none of {}", known.join(", ")))
        })
    }
}

/// By which statistic of a sample the range of its elements is learnt: FAISS's `RangeStat`, with its argument.
///
/// # Example
/// ```
/// use nearfield::{Rows, ScalarQuantizer, SqRange, SqType};
/// let sample = Rows::F32(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 100.0]);
/// // the outlier is left out
/// let quantizer = ScalarQuantizer::new(1, SqType::Bits8)?.with_range(SqRange::Quantiles(0.1))?;
/// assert_eq!(quantizer.range(), SqRange::Quantiles(0.1));
/// assert_eq!(quantizer.train(sample)?.trained(), [1.0, 7.0]);
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum SqRange {
    /// From the least to the largest, and this share of their distance more on either side. The default, with 0.
    MinMax(f32),
    /// The mean, and so many standard deviations on either side; of elements that are all equal the deviation counts as 1.
    MeanStd(f32),
    /// From the element behind this share of all in their order to that as far from the end.
    Quantiles(f32),
    /// That which makes the sum of squared errors least: lines through the sample by least squares, until that stays what it is.
    Optim,
}

impl Default for SqRange {
    fn default() -> Self {
        SqRange::MinMax(0.0)
    }
}

impl SqRange {
    pub(super) fn check(self) -> Result<SqRange> {
        match self {
            SqRange::MinMax(arg) | SqRange::MeanStd(arg) | SqRange::Quantiles(arg)
                if !arg.is_finite() =>
            {
                Err(Error::argument("range", format!("{arg} of {self:?} is no number")))
            }
            SqRange::Quantiles(arg) if !(0.0..0.5).contains(&arg) => {
                let reason = format!("of {arg} of all on either side nothing is left");
                Err(Error::argument("range", reason))
            }
            _ => Ok(self),
        }
    }
}
