//! Rows that are codes of a quantizer, in lists or not: their words of the factory (`name`), what they are encoded as (`row_codes`), codes as rows of a type of the device
//! (`block`), and rows on their way (`encoded`).

mod block;
mod encoded;
mod name;
mod row_codes;

pub(super) use block::{Block, Unpacked};
pub(super) use encoded::{Encoded, In};
pub(super) use name::CodeName;
pub(super) use row_codes::RowCodes;
