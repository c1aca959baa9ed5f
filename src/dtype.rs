//! Element types, and rows of them in host memory.

use crate::error::{Error, Result};
use crate::names::{folded, suggestion};
use half::{bf16, f16};
use serde::Serialize;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// The largest dimension of bytes whose sums are taken in integers: those of every metric then fit 32 bits.
pub(crate) const MAX_INTEGER_DIM: usize = 32_768;

/// The type of a vector's elements as they are stored.
///
/// `Serialize` writes its [`name`](Self::name).
///
/// # Example
/// ```
/// use nearfield::{DType, Rows};
/// assert_eq!(Rows::Bits(&[0b101]).dtype(), DType::Bits);
/// assert_eq!(DType::Bf16.to_string(), "bf16");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "lowercase")]
pub enum DType {
    /// 32-bit floating point.
    F32,
    /// IEEE 16-bit floating point.
    F16,
    /// bfloat16: the upper half of an f32.
    Bf16,
    /// Signed bytes.
    I8,
    /// Unsigned bytes.
    U8,
    /// Packed bits, eight to a byte. A dimension of `Bits` data counts bits; each row begins a byte, and the bits behind its last are 0.
    Bits,
}

impl DType {
    /// Every type, for tables and tests.
    pub const ALL: &[DType] =
        &[DType::F32, DType::F16, DType::Bf16, DType::I8, DType::U8, DType::Bits];

    /// Bits an element.
    ///
    /// # Example
    /// ```
    /// use nearfield::DType;
    /// assert_eq!((DType::F16.bits(), DType::Bits.bits()), (16, 1));
    /// ```
    pub const fn bits(self) -> usize {
        match self {
            DType::F32 => 32,
            DType::F16 | DType::Bf16 => 16,
            DType::I8 | DType::U8 => 8,
            DType::Bits => 1,
        }
    }

    /// Bytes of one row of `dim` elements, without padding but for the bits of its last byte.
    ///
    /// # Example
    /// ```
    /// use nearfield::DType;
    /// assert_eq!((DType::F16.row_bytes(10), DType::Bits.row_bytes(10)), (20, 2));
    /// ```
    pub const fn row_bytes(self, dim: usize) -> usize {
        match self {
            DType::Bits => dim.div_ceil(8),
            _ => dim * (self.bits() / 8),
        }
    }

    /// Bytes from one row to the next, counted as shaders count: in groups of four elements, of bits in groups of 128.
    /// Kernels step through rows by such groups because a group of any type of element is one load.
    pub(crate) const fn stride4(self, stride_bytes: u32) -> u32 {
        match self {
            DType::Bits => stride_bytes / 16,
            _ => stride_bytes / (self.bits() as u32 / 2),
        }
    }

    /// Whether values are whole numbers, so that sums are taken in integers.
    ///
    /// # Example
    /// ```
    /// use nearfield::DType;
    /// // bits are counted, not summed
    /// assert!(DType::I8.is_integer() && !DType::Bits.is_integer());
    /// ```
    pub const fn is_integer(self) -> bool {
        matches!(self, DType::I8 | DType::U8)
    }

    /// The name used on the command line and in variant names.
    ///
    /// # Example
    /// ```
    /// use nearfield::DType;
    /// let names: Vec<&str> = DType::ALL.iter().map(|dtype| dtype.name()).collect();
    /// assert_eq!(names, ["f32", "f16", "bf16", "i8", "u8", "bits"]);
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            DType::F32 => "f32",
            DType::F16 => "f16",
            DType::Bf16 => "bf16",
            DType::I8 => "i8",
            DType::U8 => "u8",
            DType::Bits => "bits",
        }
    }

    /// What NumPy and other libraries call it, in small letters.
    const fn other_names(self) -> &'static [&'static str] {
        match self {
            DType::F32 => &["float32", "float"],
            DType::F16 => &["float16", "half"],
            DType::Bf16 => &["bfloat16"],
            DType::I8 => &["int8"],
            DType::U8 => &["uint8"],
            DType::Bits => &["bit", "binary", "b1"],
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Reads `f32`, `float32`, `float`; `f16`, `float16`, `half`; `bf16`, `bfloat16`; `i8`, `int8`; `u8`, `uint8`; `bits`, `bit`,
/// `binary`, `b1`; in any case.
///
/// # Errors
/// `InvalidArgument` with the types that are known.
///
/// # Example
/// ```
/// use nearfield::DType;
/// assert_eq!("Float16".parse::<DType>()?, DType::F16);
/// # Ok::<(), nearfield::Error>(())
/// ```
impl FromStr for DType {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self> {
        let word = folded(s.trim());
        let all = DType::ALL.iter().copied().flat_map(|dtype| {
            std::iter::once(dtype.name())
                .chain(dtype.other_names().iter().copied())
                .map(move |n| (n, dtype))
        });
        let all: Vec<(&str, DType)> = all.collect();
        let found = all.iter().find(|(name, _)| *name == word);
        found.map(|(_, dtype)| *dtype).ok_or_else(|| {
            // of wider numbers the nearest name would be a guess
            let near = suggestion(&word, all.iter().map(|(name, _)| *name));
            let near = if word.ends_with("64") {
                "; f32 is the widest that is stored".into()
            } else {
                near
            };
            let why = format!("{s:?} is none of f32, f16, bf16, i8, u8, bits{near}");
            Error::argument("dtype", why)
        })
    }
}

/// Borrowed row-major vectors in host memory: row `i` of an n x dim block starts at element `i * dim`.
///
/// `Bits` rows are bytes; their dimension counts bits.
///
/// A slice has no shape: of `n * dim` elements it is n rows, also where one longer row was meant, and only a length that is no
/// multiple of `dim` is an error.
///
/// # Example
/// ```
/// use nearfield::Rows;
/// let rows = Rows::F32(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
/// assert_eq!(rows.count(3)?, 2);
/// let error = rows.count(4).unwrap_err().to_string();
/// assert_eq!(error, "6 elements are no whole number of rows: 6 is no multiple of 4");
/// let error = Rows::Bits(&[0; 3]).count(9).unwrap_err().to_string();
/// assert_eq!(error, "3 bytes are no whole number of rows: a row of 9 bits takes 2 bytes");
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Rows<'a> {
    /// 32-bit floats.
    F32(&'a [f32]),
    /// 16-bit floats.
    F16(&'a [f16]),
    /// bfloat16.
    Bf16(&'a [bf16]),
    /// Signed bytes.
    I8(&'a [i8]),
    /// Unsigned bytes.
    U8(&'a [u8]),
    /// Packed bits; bit 0 of a row is the lowest bit of its first byte, and those behind its last are 0.
    Bits(&'a [u8]),
}

impl<'a> Rows<'a> {
    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        match self {
            Rows::F32(_) => DType::F32,
            Rows::F16(_) => DType::F16,
            Rows::Bf16(_) => DType::Bf16,
            Rows::I8(_) => DType::I8,
            Rows::U8(_) => DType::U8,
            Rows::Bits(_) => DType::Bits,
        }
    }

    /// The bytes as they lie in memory.
    ///
    /// # Example
    /// ```
    /// use nearfield::Rows;
    /// assert_eq!(Rows::I8(&[1, -1]).bytes(), [1, 255]);
    /// ```
    pub fn bytes(&self) -> &'a [u8] {
        match self {
            Rows::F32(v) => bytemuck::cast_slice(v),
            Rows::F16(v) => bytemuck::cast_slice(v),
            Rows::Bf16(v) => bytemuck::cast_slice(v),
            Rows::I8(v) => bytemuck::cast_slice(v),
            Rows::U8(v) | Rows::Bits(v) => v,
        }
    }

    /// Views bytes as rows of `dtype`, without a copy.
    ///
    /// # Errors
    /// `InvalidArgument` where they end in the middle of an element, or lie where no element of that type may begin.
    ///
    /// # Example
    /// ```
    /// use nearfield::{DType, Rows};
    /// let pixels = [0, 127, 255];
    /// assert_eq!(Rows::from_bytes(DType::U8, &pixels)?.to_f32(), [0.0, 127.0, 255.0]);
    /// // three bytes are no f16
    /// assert!(Rows::from_bytes(DType::F16, &pixels).is_err());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn from_bytes(dtype: DType, bytes: &'a [u8]) -> Result<Self> {
        let bad = |e| Error::argument("bytes", format!("not a slice of {dtype}: {e}"));
        Ok(match dtype {
            DType::F32 => Rows::F32(bytemuck::try_cast_slice(bytes).map_err(bad)?),
            DType::F16 => Rows::F16(bytemuck::try_cast_slice(bytes).map_err(bad)?),
            DType::Bf16 => Rows::Bf16(bytemuck::try_cast_slice(bytes).map_err(bad)?),
            DType::I8 => Rows::I8(bytemuck::cast_slice(bytes)),
            DType::U8 => Rows::U8(bytes),
            DType::Bits => Rows::Bits(bytes),
        })
    }

    /// Number of rows of `dim` elements.
    ///
    /// # Errors
    /// `PartialRow` when the length is no multiple of a row's, or `dim` is 0.
    pub fn count(&self, dim: usize) -> Result<usize> {
        let (len, per_row) = (self.bytes().len(), self.dtype().row_bytes(dim));
        if per_row == 0 || !len.is_multiple_of(per_row) {
            let packed = self.dtype() == DType::Bits;
            let len = if packed { len } else { len * 8 / self.dtype().bits() };
            return Err(Error::PartialRow { len, dim, packed });
        }
        Ok(len / per_row)
    }

    /// Some of the rows of a block of dimension `dim`.
    ///
    /// # Panics
    /// When the range lies outside of the block, as slicing does.
    ///
    /// # Example
    /// ```
    /// use nearfield::Rows;
    /// let rows = Rows::I8(&[1, 2, 3, 4, 5, 6]);
    /// assert_eq!(rows.slice(2, 1..3).to_f32(), [3.0, 4.0, 5.0, 6.0]);
    /// ```
    pub fn slice(&self, dim: usize, rows: Range<usize>) -> Rows<'a> {
        let (a, b) = match self {
            Rows::Bits(_) => (rows.start * dim.div_ceil(8), rows.end * dim.div_ceil(8)),
            _ => (rows.start * dim, rows.end * dim),
        };
        match self {
            Rows::F32(v) => Rows::F32(&v[a..b]),
            Rows::F16(v) => Rows::F16(&v[a..b]),
            Rows::Bf16(v) => Rows::Bf16(&v[a..b]),
            Rows::I8(v) => Rows::I8(&v[a..b]),
            Rows::U8(v) => Rows::U8(&v[a..b]),
            Rows::Bits(v) => Rows::Bits(&v[a..b]),
        }
    }

    /// Element `i` as f32 (exact for every type); of bits, bit `i` of the bytes as 0 or 1, those behind the last of a row included.
    ///
    /// # Example
    /// ```
    /// use nearfield::Rows;
    /// assert_eq!(Rows::I8(&[7, -7]).get(1), -7.0);
    /// assert_eq!(Rows::Bits(&[0b100]).get(2), 1.0);
    /// ```
    pub fn get(&self, i: usize) -> f32 {
        match self {
            Rows::F32(v) => v[i],
            Rows::F16(v) => v[i].to_f32(),
            Rows::Bf16(v) => v[i].to_f32(),
            Rows::I8(v) => f32::from(v[i]),
            Rows::U8(v) => f32::from(v[i]),
            Rows::Bits(v) => f32::from(v[i / 8] >> (i % 8) & 1),
        }
    }

    /// All elements as f32 (exact for every type); of bits, those behind the last of a row included.
    ///
    /// # Example
    /// ```
    /// use nearfield::{Rows, half::bf16};
    /// assert_eq!(Rows::Bf16(&[bf16::ONE, bf16::NEG_ONE]).to_f32(), [1.0, -1.0]);
    /// ```
    pub fn to_f32(&self) -> Vec<f32> {
        match self {
            Rows::F32(v) => v.to_vec(),
            Rows::F16(v) => v.iter().map(|x| x.to_f32()).collect(),
            Rows::Bf16(v) => v.iter().map(|x| x.to_f32()).collect(),
            Rows::I8(v) => v.iter().map(|&x| f32::from(x)).collect(),
            Rows::U8(v) => v.iter().map(|&x| f32::from(x)).collect(),
            Rows::Bits(v) => (0..v.len() * 8).map(|i| self.get(i)).collect(),
        }
    }

    /// All elements of rows of dimension `dim` as f32, of bits without those behind the last of a row.
    pub(crate) fn elements(&self, dim: usize) -> Vec<f32> {
        match self {
            Rows::Bits(bytes) if !dim.is_multiple_of(8) => {
                let rows = bytes.chunks_exact(dim.div_ceil(8));
                rows.flat_map(|row| (0..dim).map(|i| Rows::Bits(row).get(i))).collect()
            }
            other => other.to_f32(),
        }
    }
}

/// Room for a block of rows whose bytes may lie anywhere, aligned for every type.
#[derive(Default)]
pub(crate) struct AlignedBlock {
    words: Vec<u32>,
}

impl AlignedBlock {
    /// A copy of bytes as rows of `dtype`, in the place of those before.
    pub fn rows(&mut self, dtype: DType, bytes: &[u8]) -> Result<Rows<'_>> {
        self.words.resize(bytes.len().div_ceil(4), 0);
        let aligned: &mut [u8] = bytemuck::cast_slice_mut(&mut self.words);
        aligned[..bytes.len()].copy_from_slice(bytes);
        Rows::from_bytes(dtype, &aligned[..bytes.len()])
    }
}
