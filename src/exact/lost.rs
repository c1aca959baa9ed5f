//! What copies in fewer bits may lose of rows, as it is measured.

use super::coding::Elements;

/// Whose loss is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// A copy's in f16, of every bin.
    F16Copy,
    /// The same of a copy of the logarithms.
    Logs,
    /// The same of every row.
    Each,
    /// A copy's in 8 bits.
    Int8Copy,
    /// A copy's that is codes.
    Codes(Elements),
    /// Of f16 rows themselves, where subnormals are flushed.
    Own,
    /// Of rows that are looked up, and rounded as tiles do.
    Grid,
}

impl Lost {
    /// As the kernel spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Lost::F16Copy => "f16copy",
            Lost::Logs => "logs",
            Lost::Each => "each",
            Lost::Int8Copy => "int8copy",
            Lost::Codes(elements) => elements.name(),
            Lost::Own => "own",
            Lost::Grid => "grid",
        }
    }
}
