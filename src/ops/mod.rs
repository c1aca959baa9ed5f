//! Operations on matrices: what a matrix library would have.

mod from_buffer;
pub(crate) mod gather;
pub(crate) mod kernels;
mod norms;
pub(crate) mod scatter;
pub(crate) mod select_k;

pub use from_buffer::RowLayout;
pub use norms::{normalize, row_norms};

#[cfg(test)]
mod norms_tests;
