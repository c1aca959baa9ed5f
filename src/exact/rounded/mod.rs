//! The rows in fewer bits, with a record of what was lost.

pub(super) mod copies;
pub(super) mod f16;
pub(super) mod int8;
