//! The kinds of rows that a scan reads, and how its tiles load them.

use super::coding::Elements;
use crate::dtype::DType;
use crate::kernel::Operand;

/// What a scan reads of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Their copy in f16, scaled and padded to whole tiles.
    F16Copy,
    /// Their copy in 8 bits, each row with a scale.
    Int8Copy,
    /// Their copy as codes of a scalar quantizer, or where rows are normalized in 8 bits, each row with a scale: bytes as those of i8 rows.
    Codes,
    /// The rows as they are stored.
    Rows(DType),
    /// The rows, which are codes, looked up.
    Tables(Elements),
}

impl Encoding {
    pub const fn name(self) -> &'static str {
        match self {
            Encoding::F16Copy => "f16copy",
            Encoding::Int8Copy => "int8copy",
            Encoding::Codes => DType::I8.name(),
            Encoding::Rows(dtype) => dtype.name(),
            Encoding::Tables(elements) => elements.name(),
        }
    }

    /// Whether it is the rows themselves, and no copy of them.
    pub const fn is_stored(self) -> bool {
        matches!(self, Encoding::Rows(_) | Encoding::Tables(_))
    }

    /// As a tile loads them.
    pub fn operand(self) -> Operand {
        match self {
            Encoding::F16Copy => Operand::elements(self.name(), self.name(), true),
            // its scales are multiplied to the products, as those of cosine are
            Encoding::Int8Copy => Operand::elements(self.name(), DType::I8.name(), false),
            Encoding::Codes => Operand::stored(DType::I8),
            Encoding::Rows(dtype) => Operand::stored(dtype),
            Encoding::Tables(elements) => {
                let stored = Operand::elements(elements.name(), elements.name(), false);
                Operand { bindings: &["tables"], ..stored }
            }
        }
    }
}
