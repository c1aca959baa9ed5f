//! The rows in fewer bits, with a record of what was lost.

pub(super) mod codes;
pub(super) mod copies;
pub(super) mod f16;
pub(super) mod int8;
pub(super) mod int8_queries;
pub(super) mod part;
pub(super) mod residual;
