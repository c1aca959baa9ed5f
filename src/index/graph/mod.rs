//! Search along the edges of a graph: what a search that lacks hits goes on with (`completed`), what is stored (`rows`, and with levels `hnsw_rows`), and the
//! public indexes (`index`, `hnsw`). The graph itself is [`graph`](crate::graph)'s.

mod completed;
mod hnsw;
mod hnsw_rows;
mod index;
mod rows;

pub use hnsw::Hnsw;
pub(super) use hnsw_rows::{HnswRows, graph_layers};
pub use index::Graph;
pub(super) use rows::GraphRows;
