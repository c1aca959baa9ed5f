//! Rows that are codes of a quantizer, in lists or not: their words of the factory (`name`), scalar codes as the device stores them (`stored`),
//! what rows are encoded as (`row_codes`), how codes lie on the device and in files (`layout`), codes of FAISS's files (`foreign`), those
//! beside rows that are kept (`projected`), in how many bits searches read queries (`query_bits`), codes as rows of a type of the device
//! (`unpacked`), and rows on their way (`encoded`).

mod encoded;
mod foreign;
mod layout;
mod name;
mod projected;
mod query_bits;
mod row_codes;
mod stored;
mod unpacked;

pub(super) use encoded::{Encoded, In};
pub(super) use foreign::OfForeign;
pub(super) use name::{CodeName, in_lists};
pub(super) use row_codes::RowCodes;
pub(super) use unpacked::Unpacked;
