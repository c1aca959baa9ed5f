//! Graphs whose edges lead from each row to rows near it: the k-NN graph, for whoever asks for it, and the graph of a search, which follows them.
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
//!
//! # The graph of a search
//!
//! Notation: n rows x, each with `degree` edges; queries q, k neighbours, a list of the `ef` best rows that were met.
//!
//! ```text
//! build:
//!   near[x]   = the 1.5 degree nearest other rows                                    neighbors.rs
//!   links[x]  = of these the `degree` that the fewest detours of two edges reach      links.rs
//!   links[x]  = half of them, then the rows whose edges end at x, then the rest
//!   starts    = a sample of the rows, and one row of whatever no edge of these reaches    starts.rs
//! search(queries, k, ef), in one submission:                                          search.rs
//!   list[q]   = the nearest starts, by the exact search
//!   repeat: follow the edges of the best rows on the list that have not been followed, and put what is better than its last on it
//!   answer[q] = the k rows of the list with the smallest (key, row number), by exact distances
//! renew(old graph, what became of its rows):                                          renewed.rs
//!   links[x]  = the old edges, without those to rows that were lost
//!   near[x]   = of x that lost some: the nearest of the neighbours that are left and of those of the lost ones
//!   links[x]  = of these as above, and the way back
//!   near[x]   = of new x, and of the longest x where rows are lifted: the nearest that a walk meets from the starts, and from the nearest of the new ones
//!   links[x]  = of these as above, and the way back; rows that these end at choose again of their old edges and the new ones
//!   starts    = as above
//! ```
//!
//! Why all rows can be found: a breadth-first search on the device from the starts meets every row; where it does not, one of those that
//! it did not meet becomes a start, and it goes on from there until none is left. Starts are searched exactly, so that an island of rows without an edge to
//! it costs a start and nothing else.
//!
//! Why an answer depends on nothing but the graph, the query and `ef`: see `shaders/graph/search.wgsl`. The graph is a function of the rows: no step
//! of its construction depends on the order in which threads run (edges that end at a row are sorted by rank and row).
//!
//! # Layers
//!
//! A graph of HNSW is that of level 0, which a search follows, and above it levels of ever fewer nodes, over which the searches of other libraries
//! descend (`layers.rs`; made by `levels.rs`, with the links of `heuristic.rs`). Here the nodes of these levels are starts, and nobody descends: the exact search of the starts finds the
//! nearest of them at once. So a graph of a file is searched over the links that the file has, and needs nothing of what is above them.
//!
//! # Where the code departs from it
//!
//! * Rows are compared as the scan reads them: where there is a copy in f16, by that; and where a search asks for it, by one in 8 bits; by neither
//!   where it blurs neighbours (`blurred.rs`). The distances of the answer are exact all the same, and equal
//!   to those of the flat search to the bit, since the list's rows are compared again as every candidate is.
//! * A graph is of rows under a metric whose distances are sums of squares or products; inner products have the graph of rows
//!   that are lifted to one length by another element (`lifted.rs`). All else is searched exactly.

mod blurred;
mod edges;
mod heuristic;
mod kernels;
mod knn;
mod layers;
mod levels;
mod lifted;
mod links;
mod neighbors;
mod renewed;
mod search;
mod starts;
mod stored;
mod variants;

pub(crate) use edges::{Edges, Shape};
pub(crate) use kernels::{MOST_DEGREE, most_ef};
pub use knn::KnnGraph;
pub(crate) use knn::{Among, block_rows, check, neighbors};
pub(crate) use layers::{Broken, Layers, MOST_LEVEL, MOST_PLACES, Upper};
pub(crate) use levels::Levels;
pub(crate) use renewed::Origin;
pub(crate) use search::Walk;
pub(crate) use stored::Arriving;
pub(crate) use variants::variants;
