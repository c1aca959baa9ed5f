//! Rows as the signs of their elements, a bit each, compared by how many of these differ.
//!
//! In the order in which the files use each other: the word of the factory (`name`), what is stored (`rows`), the public index (`signs`).

mod name;
mod rows;
mod signs;

pub(super) use name::signs_of;
pub(super) use rows::LshRows;
pub use signs::Lsh;
