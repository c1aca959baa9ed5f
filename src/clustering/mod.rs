//! Clustering: k centroids of n points.
//!
//! # The algorithm
//!
//! Lloyd's k-means, with FAISS's parameters. Notation: points x with weights w, centroids c.
//!
//! ```text
//! kmeans(points, k):                                                          kmeans.rs
//!   of more than 256 k points a random choice                                 sample.rs
//!   nredo times, of which the best objective counts:                          lloyd.rs
//!     centroids = points: random ones, or by k-means++                        start.rs, plus_plus.rs
//!     niter times:
//!       label[x] = the nearest centroid                                       assign.rs
//!       order    = the points sorted by their labels                          group.rs
//!       sum[c], size[c], objective[c] = of the points of c                    sums.rs
//!       c        = sum[c] / size[c], brought to length 1 where spherical      update.rs
//!       centroids without points move into the clusters of others             empty.rs
//!     label, size, objective = once more, exactly
//! ```
//!
//! Points, labels and distances stay on the device. Of an iteration four numbers a cluster come to the host, which decides which centroids
//! move. Where scores are products, an iteration takes the nearest row of the best scored bin for the nearest centroid
//! (`exact/approximate.rs`), unless points are so much nearer to their centroids than to the origin that scores say too little of them; of
//! other metrics labels and distances come over the host. The last assignment is exact. There are no float atomics: all sums are taken in one order (`shaders/clustering/sum_pieces.wgsl`), so that two calls with
//! the same seed on one adapter give the same bits.
//!
//! # Where the code departs from FAISS
//!
//! * A centroid without points moves to one eighth of the way from the mean of a large cluster to one of its points, as cuVS moves those
//!   of small clusters, and the mean stays. FAISS has the two share a cluster by multiplying coordinates by 1 +- 1/1024, which leaves
//!   a mean at the origin where it is, and both centroids where f16 takes them for one.
//! * A cluster whose points are all equal has that point for its centroid and is never split, and centroids that find none stay where they are.
//! * Weights count in the objective, too, which otherwise may rise though nothing is wrong.

mod assign;
mod empty;
mod flights;
mod group;
mod kernels;
mod kmeans;
mod lloyd;
mod params;
mod plus_plus;
mod points;
mod random;
mod sample;
mod start;
mod sums;
mod update;

pub(crate) use empty::{Cluster, Move, split};
pub(crate) use kernels::variants;
pub(crate) use kmeans::centroids;
pub use kmeans::{KMeans, kmeans};
pub(crate) use lloyd::seed_of_moves;
pub use params::{KMeansInit, KMeansParams};
pub(crate) use random::Random;
pub(crate) use sample::subset;
pub(crate) use start::seed as seed_of_start;
