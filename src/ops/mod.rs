//! Operations on matrices: what a matrix library would have.

pub(crate) mod gather;
pub(crate) mod kernels;
mod norms;

pub use norms::{normalise, row_norms};
