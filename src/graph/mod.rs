//! Graphs whose edges lead from each row to rows near it.
//!
//! # The k-NN graph
//!
//! Notation: n rows x, k neighbours of each.
//!
//! ```text
//! neighbors(k):                                                                 knn.rs
//!   for each block of rows, two of which are on their way at a time:
//!     found[x] = the k + 1 nearest rows of x, x among them or not               exact/, invlists/
//!     edges[x] = found[x] without x, or its first k where x is not among them
//! ```
//!
//! A row is told from its equals by its number. Where more than k rows are equal to x and stand before it, x is not among the k + 1, and the
//! last of them goes: it is the one that x would have pushed out.

mod knn;

pub use knn::KnnGraph;
pub(crate) use knn::{Among, block_rows, check, neighbors};
