//! What belongs to the rows that are compared.

pub(super) mod bias;
pub(super) mod transformed;
