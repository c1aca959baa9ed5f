//! Operations on matrices: what a matrix library would have; and on lists of integers.

mod from_buffer;
pub(crate) mod gather;
#[cfg_attr(not(test), expect(dead_code, reason = "for lists of rows, which are counted"))]
pub(crate) mod histogram;
pub(crate) mod kernels;
mod norms;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "for lists of rows, which lie one after the other")
)]
pub(crate) mod prefix_sum;
pub(crate) mod scatter;
pub(crate) mod select_k;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "for lists of rows, which are sorted by their list")
)]
pub(crate) mod sort;
mod words;

pub use from_buffer::RowLayout;
pub use norms::{normalize, row_norms};

#[cfg(test)]
mod integer_tests;
#[cfg(test)]
mod norms_tests;
