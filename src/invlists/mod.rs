//! Inverted lists: rows in groups around centroids, of which a search looks at the nearest.
//!
//! # The algorithm
//!
//! Notation: n rows x, each in the list of its nearest of `nlist` centroids c; queries q, k neighbours, `nprobe` lists a query.
//!
//! ```text
//! append(rows):                                                                 lists.rs
//!   label[x] = the nearest centroid, exactly                                    assign.rs
//! after a change, for the next search:                                          table.rs
//!   sort the rows by label; the rows of a list fill pages of 64 positions
//! search(queries, k, nprobe):                                                   search.rs, probed.rs
//!   for each batch of queries that memory allows, in one submission:
//!     probes[q] = the nprobe nearest centroids, in exact order                  exact/nearest.rs
//!     pairs     = (q, l) for l in probes[q], sorted by list                     scan.rs, score.rs
//!     A  for each list l, all queries that probe it together:                   score.rs
//!          M[q, B] = the best score of each bin B of the list's pages
//!     B  chosen[q] = the bins with M + E at least the k-th largest M - E        as exact/ does it
//!     C  answer[q] = the k rows of these bins with the smallest (key, row number)
//! range(queries, radius, nprobe): those of them within the radius                within.rs
//! fill: queries with fewer than k hits probe 2, 4, 8, ... times as many lists   probed.rs
//! prove: no row x of another list c is nearer, by ||q - c| - |x - c||           proof.rs, reach.rs
//! ```
//!
//! Where the probed lists have most of all rows the flat search goes through all of these, with a bitmap of each query's, which the
//! device makes of the labels (`masked.rs`): the answer is the same.
//!
//! Rows lie in the order in which they were added, as those of every other index; a list is the numbers of its rows. So an index with
//! lists is the rows of a flat one and a label for each, every element type and metric is that of the flat index, and where every list is
//! probed the search is the flat one. What that costs is an indirection: a page names 64 rows that lie anywhere. On an H100 the
//! product of 1M x 128 rows by lists is as fast with the numbers of the rows looked up for each slab as with these held in registers.
//!
//! Why no neighbour within the probed lists is missed: stages B and C are those of the exact search, over the bins of the probed lists
//! alone. The probes are a function of the query and the centroids, and ties in every order fall to the smaller number: no
//! answer depends on the batch.
//!
//! # Where the code departs from it
//!
//! * Stage A has two kernels: matrix units multiply a list by all queries that probe it (`shaders/invlists/scan_matrix.wgsl`, bins of 16
//!   rows), which pays from a few queries a list on; otherwise a workgroup reads the pages of one pair (`scan_row.wgsl`, bins of 64).
//! * Metrics without products, k above 2048 and `exhaustive` compare every row of the probed lists exactly: all their bins are
//!   chosen. So it is of queries whose bins do not fit the room that there is for them, which are asked again; and those whose
//!   centroids could not be told apart by scores are asked again with all distances of the centroids.

mod asked;
mod assign;
mod coarse;
mod compared;
mod device_labels;
mod kernels;
mod labels;
mod lists;
mod masked;
mod originals;
mod params;
mod probed;
mod probing;
mod proof;
mod reach;
mod scan;
mod score;
mod scored;
mod search;
mod table;
mod within;

pub(crate) use kernels::variants;
pub(crate) use lists::InvertedLists;
pub(crate) use originals::{Gap, OriginalRows};
pub(crate) use proof::Proof;
pub(crate) use reach::Reach;
pub(crate) use search::{Look, Probe};

#[cfg(test)]
mod tests;
