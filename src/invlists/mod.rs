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
//!   answer    = the k nearest of the rows whose label is one of probes[q]       probed.rs
//! range(queries, radius, nprobe):
//!   answer    = those of them within the radius                                 within.rs
//! fill: queries with fewer than k hits probe 2, 4, 8, ... times as many lists   probed.rs
//! prove: no row x of another list c is nearer, by ||q - c| - |x - c||           proof.rs, reach.rs
//! ```
//!
//! Where the probed lists have most of all rows the flat search goes through all of these, with a bitmap of each query's, which the
//! device makes of the labels (`masked.rs`): the answer is the same.
//!
//! Rows lie in the order in which they were added, as those of every other index; a list is the numbers of its rows. So an index with
//! lists is the rows of a flat one and a label for each, and where every list is probed the search is the flat one.

mod asked;
mod assign;
mod coarse;
mod device_labels;
mod kernels;
mod labels;
mod lists;
mod masked;
mod params;
mod probed;
mod proof;
mod reach;
mod scan;
mod score;
mod search;
mod table;
mod within;

pub(crate) use kernels::variants;
pub(crate) use lists::InvertedLists;
pub(crate) use search::{Look, Probe};

#[cfg(test)]
mod tests;
