//! The stages of the binned scan.

pub(super) mod bound;
pub(super) mod f16_queries;
pub(super) mod operand;
pub(super) mod rescore;
pub(super) mod score;
