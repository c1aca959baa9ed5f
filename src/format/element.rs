//! The types of elements as files store them: more than the library computes with.

use crate::dtype::DType;

/// The type of the elements in a file, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    F64,
    F32,
    F16,
    /// bfloat16, if anything: the file does not say.
    U16,
    I8,
    U8,
    I32,
    I64,
    U32,
    U64,
}

impl Element {
    const ALL: [Element; 10] = [
        Element::F64,
        Element::F32,
        Element::F16,
        Element::U16,
        Element::I8,
        Element::U8,
        Element::I32,
        Element::I64,
        Element::U32,
        Element::U64,
    ];

    pub fn size(self) -> usize {
        match self {
            Element::F64 | Element::I64 | Element::U64 => 8,
            Element::F32 | Element::I32 | Element::U32 => 4,
            Element::F16 | Element::U16 => 2,
            Element::I8 | Element::U8 => 1,
        }
    }

    /// Whether the file may hold ids. Bytes may not: they are a mask as often as numbers.
    pub fn is_id(self) -> bool {
        matches!(self, Element::I32 | Element::I64 | Element::U32 | Element::U64)
    }

    /// Its name as that of a [`DType`], where there is one.
    pub fn name(self) -> &'static str {
        match self {
            Element::F64 => "f64",
            Element::F32 => "f32",
            Element::F16 => "f16",
            Element::U16 => "u16",
            Element::I8 => "i8",
            Element::U8 => "u8",
            Element::I32 => "i32",
            Element::I64 => "i64",
            Element::U32 => "u32",
            Element::U64 => "u64",
        }
    }

    /// NumPy's name of the type, as `numpy.save` writes it.
    pub fn descr(self) -> &'static str {
        match self {
            Element::F64 => "<f8",
            Element::F32 => "<f4",
            Element::F16 => "<f2",
            Element::U16 => "<u2",
            Element::I8 => "|i1",
            Element::U8 => "|u1",
            Element::I32 => "<i4",
            Element::I64 => "<i8",
            Element::U32 => "<u4",
            Element::U64 => "<u8",
        }
    }

    /// Understands NumPy's name of a type, or says why not.
    pub fn from_descr(descr: &str) -> Result<Self, String> {
        // The extension types of Python's ml_dtypes go by their size alone; bfloat16 is the one of two bytes.
        let descr = if matches!(descr, "<V2" | "|V2") { "<u2" } else { descr };
        let found = Element::ALL.into_iter().find(|e| match descr.split_at_checked(1) {
            // The order of a single byte is written as "not applicable", but any will do.
            Some(("<" | "|" | ">" | "=", name)) if e.size() == 1 => name == &e.descr()[1..],
            _ => descr == e.descr(),
        });
        match found {
            Some(element) => Ok(element),
            None if descr.starts_with('>') => {
                Err(format!("{descr:?} is big-endian, only little-endian files are read"))
            }
            None => Err(format!("elements of type {descr:?} are not supported")),
        }
    }

    /// The type whose rows are the file's bytes, unless only the caller can tell.
    pub fn dtype(self) -> Option<DType> {
        match self {
            Element::F32 => Some(DType::F32),
            Element::F16 => Some(DType::F16),
            Element::I8 => Some(DType::I8),
            Element::U8 => Some(DType::U8),
            _ => None,
        }
    }

    /// How `dtype` is written.
    pub fn of(dtype: DType) -> Self {
        match dtype {
            DType::F32 => Element::F32,
            DType::F16 => Element::F16,
            DType::Bf16 => Element::U16,
            DType::I8 => Element::I8,
            DType::U8 | DType::Bits => Element::U8,
        }
    }

    /// Whether rows of `dtype` are the file's bytes, unchanged.
    pub fn stores(self, dtype: DType) -> bool {
        Element::of(dtype) == self
    }
}
