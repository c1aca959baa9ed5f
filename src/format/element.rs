//! The types of elements as files store them: more than the library computes with.

use crate::dtype::DType;

/// The type of the elements in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    F64,
    F32,
    F16,
    /// bfloat16, if anything: the file does not say.
    U16,
    I8,
    U8,
    /// 0 or 1 in a byte: a mask, or bits that are not packed.
    Bool,
    I32,
    I64,
    U32,
    U64,
}

impl Element {
    const ALL: [Element; 11] = [
        Element::F64,
        Element::F32,
        Element::F16,
        Element::U16,
        Element::I8,
        Element::U8,
        Element::Bool,
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
            Element::I8 | Element::U8 | Element::Bool => 1,
        }
    }

    /// Whether the file may hold ids. Bytes may not: they are a mask.
    pub fn is_id(self) -> bool {
        matches!(self, Element::I32 | Element::I64 | Element::U32 | Element::U64)
    }

    /// Whether its elements may be packed bits.
    pub fn packs_bits(self) -> bool {
        self.is_id() || matches!(self, Element::I8 | Element::U8)
    }

    /// Whether the file may be a mask: a byte for each row, 0 or 1.
    pub fn is_mask(self) -> bool {
        matches!(self, Element::Bool | Element::U8 | Element::I8)
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
            Element::Bool => "bool",
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
            Element::Bool => "|b1",
            Element::I32 => "<i4",
            Element::I64 => "<i8",
            Element::U32 => "<u4",
            Element::U64 => "<u8",
        }
    }

    /// Understands NumPy's name of a type, and whether its bytes come in the order of big-endian machines; or says why not.
    pub fn from_descr(descr: &str) -> Result<(Self, bool), String> {
        // The extension types of Python's ml_dtypes go by their size alone; bfloat16 is the one of two bytes.
        let descr = if matches!(descr, "<V2" | "|V2") { "<u2" } else { descr };
        let found = Element::ALL.into_iter().find(|e| match descr.split_at_checked(1) {
            // The order of a single byte is written as "not applicable", but any will do.
            Some(("<" | "|" | ">" | "=", name)) if e.size() == 1 => name == &e.descr()[1..],
            // "=" is the machine's own order, which is this one wherever the crate is built.
            Some(("<" | ">" | "=", name)) => name == &e.descr()[1..],
            _ => false,
        });
        let big_endian = |e: Element| e.size() > 1 && descr.starts_with('>');
        let unknown = || {
            let name = descr.trim_start_matches(['<', '>', '|', '=']);
            let instead = match name.as_bytes().first() {
                Some(b'O') => {
                    ", they are Python objects, such as rows of different lengths: save numpy.stack(list(a)).astype(numpy.float32)"
                }
                Some(b'f' | b'i' | b'u') => ": save a.astype(numpy.float32)",
                Some(b'c') => ": save their parts, numpy.hstack([a.real, a.imag])",
                Some(b'U' | b'S') => {
                    ", they are texts: save a.astype(numpy.float32) if they are numbers"
                }
                _ => "",
            };
            format!("elements of type {descr:?} are not supported{instead}")
        };
        found.map(|element| (element, big_endian(element))).ok_or_else(unknown)
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
