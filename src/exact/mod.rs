//! Exact search over rows under a metric.
//!
//! # The algorithm
//!
//! Notation: n rows x, queries q, k neighbours. A *score* s(q, x) is larger where x is nearer; a *key* is a u32 that is smaller
//! where the exact distance is. Rows are taken in *bins* of 64.
//!
//! ```text
//! search(queries, k):
//!   for each batch of queries that memory and time allow:                     plan.rs
//!     A  for each bin B and query q:                                          scan/score.rs
//!          M[q, B] = max over x in B of s(q, x)
//!            L2:              s = q.x - |x|^2 / 2
//!            inner product:   s = q.x        cosine: s = q.x / |x|
//!            Kullback-Leibler: s = q . ln x, which is sum q ln q less the distance
//!            sums over elements that are no products (L1, Linf, Lp of whole p, Canberra, Bray-Curtis, Jaccard, NaN-Euclidean):
//!                             s = the similarity, or the negative distance
//!            bits:            s = a count or a share in whole numbers
//!        a row that is deleted, filtered out or padding has s = -2^126
//!     B  E[q, B] = the most that any score of the bin may be off              scan/bound.rs
//!        L[q]    = the k-th largest of M[q, B] - E[q, B] over all B           scan/rescore.rs
//!        chosen  = the bins with M[q, B] + E[q, B] >= L[q]
//!     C  for each row of the chosen bins: key(q, x), the exact distance
//!        answer  = the k rows with the smallest (key, row number)
//! ```
//!
//! Why no neighbour is missed: at least k rows, one in each of the k bins that reach L, have a true score of L or more. So each of
//! the k nearest has one, too, and its bin has M + E >= L. The exact distance is computed in one way only: by a fixed tree of
//! summation (`shaders/lib/math/tree.wgsl`), or in integers, so an answer does not depend on the kernel of stage A, on the batch
//! or on the segments.
//!
//! # Where the code departs from it
//!
//! * Stage A has three kernels with one signature: matrix units (`scan/matrix.rs`), register tiles in f32 (`scan/tile.rs`), and
//!   rows one by one for few queries (`scan/rows.rs`); sums that are no products have the latter two with another inner step
//!   (`scan/direct.rs`), and stage C of them is `distance.rs`, as of bits, which have such kernels of their own
//!   (`scan/bits.rs`). Where many neighbours are wanted the matrix units keep bins of 16.
//! * Scores may be taken of rows and queries in fewer bits (`rounded/`). What the rounding lost is measured from the stored bits
//!   and is part of E. Queries whose candidates do not fit are asked again: after 8 bits of what loses less, in the end by
//!   `exact_bins.rs`. In the place of the copy in f16 there may be one of a scalar quantizer's codes (`coding.rs`): then scores leave a part of
//!   each product out that is the same for all rows of a query.
//! * Rows may be codes themselves (`tables.rs`), of a scalar or a product quantizer, of rows or of what centroids leave of them. Every kernel
//!   looks them up as it loads them, tiles for a whole tile of queries at a time; what is looked up is the row.
//! * Where all sums are exact (whole numbers below 2^23, whose halves f32 holds, too) E is 0, and of many bins at L the first k are enough.
//!   So it is of bits, but of quotients of more than 4096 bits all bins at L are looked at.
//! * The logarithms of rows are there as a copy in f16 alone; where there is none, none for the device to multiply, or many rows have
//!   elements of 0, Kullback-Leibler is a sum over elements like others. A bin in which some row has a 0 raises no L, since that
//!   row may be no hit (`scan/logs.rs`).
//! * Of very many bins, the best of each 64 come first, where E is by |M| alone.
//! * Metrics without a score of this form, and sums over elements so small that differences might vanish, go through `exact_bins.rs`: their keys are computed for every row, the best of each bin
//!   is kept, and the k best bins hold the answer without a bound. A user's metric has a register tile for the first of these passes,
//!   whose keys are checked against those of the second (`key_tile.rs`).
//! * Few rows, a large k and `exhaustive` compute every key (`distance.rs`). Rows that are listed for each query are compared alone, by stage C or by
//!   what has the keys of every metric (`listed.rs`), or, where another search left them on the device, there (`refined.rs`).
//! * A radius knows how large a score must be: in stage B the chosen bins are those with M + E >= T, T the least that a row within it truly
//!   scores (`scan/threshold.rs`); in stage C all keys below the radius are hits (`range/`). Queries of which more bins pass than there is room
//!   for are asked again with more room, in the end by every key.
//! * `certify = false` takes E for 0 in stage B, but where logarithms or codes are multiplied.
//! * Rows that stay on the host come in chunks that are searched one by one and merged (`stream/`).
//!
//! # What is cut into what
//!
//! *Segment*: rows in one buffer, as many as one binding holds. *Chunk*: rows of a stream that are on the device at a time. *Block*:
//! rows of one dispatch. *Piece*: what one thread of the host takes, or the rows of a segment that one dispatch of stage A takes.

mod approximate;
mod bin_size;
mod brief;
mod checked_queries;
mod coded;
mod coding;
mod custom;
mod dataset;
mod distance;
mod encoding;
mod exact_bins;
mod f16_factor;
mod filter;
mod fused;
mod hits;
mod kernels;
mod key_tile;
mod listed;
mod lost;
mod nearest;
mod operand;
mod pairwise;
mod params;
mod parts;
mod per_query;
mod plan;
mod positions;
mod queries;
mod range;
mod refined;
mod resident;
mod reusable;
mod rounded;
mod rows;
mod scan;
mod search;
mod staged_queries;
mod stream;
mod table_kernels;
mod tables;
mod upload;
mod variants;

pub(crate) use approximate::{Answers, Approximate};
pub(crate) use coding::{Codes, Coding, Elements};
pub(crate) use dataset::Dataset;
pub(crate) use encoding::Encoding;
pub(crate) use exact_bins::ChosenBins;
pub(crate) use filter::{Bitmap, DeviceFilter, ToPrepare, prepared};
pub(crate) use fused::is_fused;
pub(crate) use hits::{NO_KEY, SearchHits};
pub(crate) use kernels::{BoundOf, MAX_CANDIDATES, WHOLE_SLAB, select_listed};
pub(crate) use listed::{Listed, Wanted, keys as keys_of_rows, submit_every, submit_listed};
pub(crate) use nearest::{Nearest, nearest};
pub(crate) use operand::{Form, ScanRows, SegmentOperand};
pub use pairwise::pairwise;
pub(crate) use params::SelectBins;
pub(crate) use parts::parts_of;
pub(crate) use plan::{Asked, MAX_SCAN_K, Plan, scratch};
pub(crate) use positions::Positions;
pub(crate) use queries::{Queries, query_count};
pub(crate) use range::{HitKeys, KeyRows, Keys, RangePairs, most_pairs, submit_range};
pub(crate) use refined::{Between, Instead, NO_ROW, Refined, RowOf, go_on};
pub(crate) use rounded::copies::Rounded;
pub(crate) use rounded::f16::depth;
pub(crate) use rows::bias::write as write_biases;
pub(crate) use rows::facts;
pub(crate) use scan::matrix::Matrices;
pub(crate) use scan::method::{Method, ScanKernel};
pub(crate) use scan::query_tables::{Layout, encode as encode_products, may_look_up};
pub(crate) use scan::rescore::{Chosen, keys};
pub(crate) use scan::settings::ScanSettings;
pub(crate) use search::{submit_rows, submit_search};
pub(crate) use stream::{ChunkFilter, Stream};
pub(crate) use table_kernels::PER;
pub(crate) use tables::{Numbers, Tables};
pub(crate) use upload::Upload;
pub(crate) use variants::{matrix_tiles, register_tiles, variants};

#[cfg(test)]
mod tests;
