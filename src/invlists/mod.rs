//! Inverted lists: rows in groups around centroids, of which a search looks at the nearest.
//!
//! # The algorithm
//!
//! Notation: n rows x, each in the list of its nearest of `nlist` centroids c; queries q, k neighbours, `nprobe` lists a query.
//!
//! ```text
//! append(rows):                                                                 lists.rs
//!   label[x] = the nearest centroid, exactly                                    assign.rs
//! search(queries, k, nprobe):                                                   search.rs
//!   probes[q] = the nprobe nearest centroids, in exact order                    assign.rs
//!   answer    = the k nearest of the rows whose label is one of probes[q]
//! ```
//!
//! Rows lie in the order in which they were added, as those of every other index; a list is the numbers of its rows. So an index with
//! lists is the rows of a flat one and a label for each, and where every list is probed the search is the flat one.

mod asked;
mod assign;
mod kernels;
mod labels;
mod lists;
mod masked;
mod params;
mod probed;
mod scan;
mod score;
mod search;
mod table;

pub(crate) use kernels::variants;
pub(crate) use lists::InvertedLists;
pub(crate) use search::Probe;

#[cfg(test)]
mod tests;
