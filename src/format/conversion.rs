//! How values of a file become rows of another type.

use crate::dtype::DType;
use crate::error::{Error, Result};
use std::str::FromStr;

/// What the rows of a file are converted to, and how: what [`open`](super::open) and [`convert`](super::convert) take.
///
/// An `Option<DType>` and a `DType` convert into one without a scale.
///
/// # Example
/// ```
/// # fn main() -> nearfield::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let dir = folder.path();
/// use nearfield::format::{self, Conversion, Scale};
/// use nearfield::{DType, Error, Rows};
///
/// let path = dir.join("unit.npy");
/// let mut out = format::create(&path, DType::F32, 2)?;
/// out.write(Rows::F32(&[0.25, 0.125, -0.125, 0.25]))?;
/// out.finish()?;
/// // As they are, all of them would be rounded to 0.
/// let zeros = format::open(&path, DType::I8)?.rows(0..2).map(|_| ());
/// assert!(matches!(zeros, Err(Error::LossyConversion { first_row: 0, .. })));
/// let mut file = format::open(&path, Conversion::to(DType::I8).scale(Scale::Auto))?;
/// assert_eq!(file.scale(), 508.0);
/// assert_eq!(file.rows(0..2)?.to_f32(), [127.0, 64.0, -64.0, 127.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Conversion {
    /// The type of the rows; the file's own where it is `None`, and f32 for f64 and whole numbers.
    pub dtype: Option<DType>,
    /// What values are multiplied by before they are rounded. Default: nothing.
    pub scale: Scale,
    /// Takes rows whatever rounding makes of them. Default: off, so that a file of which more than 1 % of the rows change too much is
    /// [`Error::LossyConversion`].
    ///
    /// Without a scale a row may change by 1 % of its length. With one, whoever gave it has said how to round, and it may
    /// change by 10 %: the 127 steps of i8 change normally distributed values by 1 to 1.3 %.
    pub force: bool,
    /// Takes the u16 of an `.npy` as bfloat16, whatever they become. Default: off, so that they are taken so where
    /// [`DType::Bf16`] is asked for, and refused elsewhere, since a file does not say that it holds no whole numbers. Files of
    /// other elements are refused.
    pub u16_as_bf16: bool,
    /// Reads so many of the first rows, or all where there are fewer. Default: all.
    ///
    /// What lies behind them is neither read nor checked, so that the beginning of a file whose end is missing can be used.
    pub first: Option<u64>,
    /// Skips rows in which an element is NaN or infinite. Default: off, so that most metrics refuse them.
    ///
    /// They keep their numbers, so that answers name rows of the file: [`RowFile`](super::RowFile) gives zeros in their place and
    /// lists them in [`skipped`](super::RowFile::skipped), which a filter leaves out or [`Index::remove`](crate::Index::remove)
    /// takes away; [`convert`](super::convert) leaves them out. Costs a look at each element, and a copy of rows that would be read
    /// without one.
    pub skip_nan: bool,
    /// How many bits a row has, where they are read as [`DType::Bits`] and the last element is not full of them. Default: as many as
    /// the elements hold.
    ///
    /// Bits behind the last have to be 0; one that is not is [`Error::InvalidValue`] when it is read.
    pub bits: Option<usize>,
    /// Which bit of a byte is the first, where they are read as [`DType::Bits`].
    pub bit_order: BitOrder,
}

/// Which bit of a byte is the first of the eight.
///
/// That matters only where the last byte is not full: distances of bits are the same in any order, if it is the same for both. Rows
/// come with the lowest first, whatever the file has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BitOrder {
    /// The lowest: `numpy.packbits(a, axis=1, bitorder='little')`, FAISS.
    #[default]
    Little,
    /// The highest: what `numpy.packbits(a, axis=1)` does by default.
    Big,
}

impl FromStr for BitOrder {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "little" => Ok(BitOrder::Little),
            "big" => Ok(BitOrder::Big),
            _ => Err(Error::argument("bit order", format!("{text:?} is neither little nor big"))),
        }
    }
}

impl Conversion {
    /// To this type.
    pub fn to(dtype: DType) -> Self {
        Conversion { dtype: Some(dtype), ..Conversion::default() }
    }

    /// Sets [`scale`](Self#structfield.scale).
    #[must_use]
    pub fn scale(self, scale: Scale) -> Self {
        Conversion { scale, ..self }
    }

    /// Sets [`force`](Self#structfield.force).
    #[must_use]
    pub fn force(self, force: bool) -> Self {
        Conversion { force, ..self }
    }

    /// Sets [`u16_as_bf16`](Self#structfield.u16_as_bf16).
    #[must_use]
    pub fn u16_as_bf16(self, u16_as_bf16: bool) -> Self {
        Conversion { u16_as_bf16, ..self }
    }

    /// Sets [`first`](Self#structfield.first).
    #[must_use]
    pub fn first(self, first: Option<u64>) -> Self {
        Conversion { first, ..self }
    }

    /// Sets [`skip_nan`](Self#structfield.skip_nan).
    #[must_use]
    pub fn skip_nan(self, skip_nan: bool) -> Self {
        Conversion { skip_nan, ..self }
    }

    /// Sets [`bits`](Self#structfield.bits).
    #[must_use]
    pub fn bits(self, bits: Option<usize>) -> Self {
        Conversion { bits, ..self }
    }

    /// Sets [`bit_order`](Self#structfield.bit_order).
    #[must_use]
    pub fn bit_order(self, bit_order: BitOrder) -> Self {
        Conversion { bit_order, ..self }
    }
}

impl From<Option<DType>> for Conversion {
    fn from(dtype: Option<DType>) -> Self {
        Conversion { dtype, ..Conversion::default() }
    }
}

impl From<DType> for Conversion {
    fn from(dtype: DType) -> Self {
        Conversion::to(dtype)
    }
}

/// What values are multiplied by, in f32, before they are rounded to another type.
///
/// Queries of such rows have to be multiplied by the same number s, [`RowFile::scale`](super::RowFile::scale). Distances are then
/// those of the file's values times a power of it, which the program divides by:
///
/// | metric | times |
/// |---|---|
/// | `L2`, `InnerProduct`, `NanEuclidean` | s^2 |
/// | `SqrtL2`, `L1`, `Linf`, `JensenShannon`, `KlDivergence` | s |
/// | `Lp(p)` | s^p |
/// | `Cosine`, `CosineDistance`, `Correlation`, `Canberra`, `BrayCurtis`, `Jaccard` | 1 |
/// | `Hellinger`, `Haversine`, `Gower`, metrics of one's own, those of bits | no power: do not scale their rows |
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Scale {
    /// 1.
    #[default]
    None,
    /// The number that brings the largest magnitude of the file to 127 for i8 and to 255 for u8; for f16 the power of two that
    /// brings it to at least 2^14 and below 2^15; 1 for every other type, and where the file has the type already. It is found
    /// by one more pass over the file when that is opened.
    Auto,
    /// This number, which is finite and above 0.
    By(f32),
}

impl Scale {
    /// How much of its length a row may change, in percent.
    pub(super) fn tolerated_percent(self) -> u32 {
        if self == Scale::None { 1 } else { 10 }
    }

    /// What to choose where this one changes rows too much.
    pub(super) fn instead(self, dtype: DType) -> &'static str {
        match (dtype, self) {
            (DType::F16, Scale::Auto) => "bf16 and f32 (--dtype) reach further down",
            (DType::F16, Scale::By(_)) => "a larger scale, such as auto finds, keeps more of them",
            (DType::F16, Scale::None) => {
                "a scale brings them into its range (--dtype f16 --scale auto, Scale::Auto)"
            }
            (DType::I8, Scale::None) => {
                "a scale brings them into its range (--dtype i8 --scale auto, Scale::Auto)"
            }
            (DType::U8, Scale::None) => {
                "a scale brings them into its range (--dtype u8 --scale auto, Scale::Auto)"
            }
            (DType::I8 | DType::U8, Scale::By(_)) => {
                "a larger scale, such as auto finds, or f16 (--dtype f16) keeps more of them"
            }
            (DType::I8 | DType::U8, Scale::Auto) => {
                "the largest value takes all steps of the type and leaves them too few; f16 has more (--dtype f16 --scale auto)"
            }
            _ => "they are smaller than the smallest numbers of the type",
        }
    }

    pub(super) fn check(self) -> Result<()> {
        match self {
            Scale::By(by) if !(by > 0.0 && by.is_finite()) => {
                Err(Error::argument("scale", format!("{by} is no finite number above 0")))
            }
            _ => Ok(()),
        }
    }

    /// The number for values of which this is the largest magnitude.
    pub(super) fn fitting(dtype: DType, largest: f32) -> f32 {
        let exact = |most: f64| (most / f64::from(largest)).min(f32::MAX.into()) as f32;
        match dtype {
            _ if largest == 0.0 => 1.0,
            DType::I8 => exact(127.0),
            DType::U8 => exact(255.0),
            DType::F16 => {
                let exponent = 14.0 - f64::from(largest).log2().floor();
                exponent.clamp(-126.0, 127.0).exp2() as f32
            }
            _ => 1.0,
        }
    }
}

impl FromStr for Scale {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "auto" {
            return Ok(Scale::Auto);
        }
        let scale = text.parse().map(Scale::By).map_err(|_| {
            Error::argument("scale", format!("{text:?} is neither auto nor a number above 0"))
        })?;
        scale.check().map(|()| scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_magnitude_just_fits() {
        for largest in [1.0f32, 0.1, 3.7, 1e-30, 254.9, 1e30, 0.999_999] {
            let (i8, u8) = (Scale::fitting(DType::I8, largest), Scale::fitting(DType::U8, largest));
            assert_eq!(
                ((largest * i8).round(), (largest * u8).round()),
                (127.0, 255.0),
                "{largest}"
            );
            let f16 = largest * Scale::fitting(DType::F16, largest);
            assert!((16384.0..32768.0).contains(&f16), "{largest}: {f16}");
            assert_eq!(Scale::fitting(DType::Bf16, largest), 1.0);
        }
        assert_eq!(Scale::fitting(DType::I8, 0.0), 1.0);
        assert!(Scale::fitting(DType::I8, 1e-45).is_finite());
    }

    #[test]
    fn what_to_choose_instead_is_not_what_was_chosen() {
        for &dtype in DType::ALL {
            assert!(!Scale::Auto.instead(dtype).contains(&format!("--dtype {dtype}")), "{dtype}");
            assert!(
                !Scale::By(1.0).instead(dtype).contains(&format!("--dtype {dtype}")),
                "{dtype}"
            );
        }
    }

    #[test]
    fn a_scale_is_auto_or_a_number_above_0() {
        assert_eq!(
            ("auto".parse::<Scale>().unwrap(), "0.5".parse::<Scale>().unwrap()),
            (Scale::Auto, Scale::By(0.5))
        );
        for bad in ["", "0", "-0.0", "-1", "nan", "inf", "1e39", "1e-60", "big"] {
            assert!(matches!(bad.parse::<Scale>(), Err(Error::InvalidArgument { .. })), "{bad}");
        }
    }
}
