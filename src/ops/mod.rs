//! Operations on matrices: what a matrix library would have.

pub(crate) mod gather;
pub(crate) mod kernels;
mod norms;
pub(crate) mod select_k;

pub use norms::{normalize, row_norms};

#[cfg(test)]
mod norms_tests;
