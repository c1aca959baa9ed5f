//! The rows that are compared, and the numbers that belong to each.

pub(super) mod bias;
pub(crate) mod facts;
pub(super) mod measured;
pub(super) mod stats;
pub(super) mod transformed;
