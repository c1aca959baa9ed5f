//! Search along the edges of a graph: what is stored (`rows`, and with levels `hnsw_rows`) and how it stands in files (`filed`), what becomes of the graph
//! when rows change (`before`, `renewing`), which filters a search takes (`passing`) and what one that lacks hits goes on with (`completed`), and the public
//! indexes (`index`, `hnsw`). The graph itself is [`graph`](crate::graph)'s.

mod before;
mod completed;
mod filed;
mod hnsw;
mod hnsw_rows;
mod index;
mod passing;
mod renewing;
mod rows;

pub use hnsw::Hnsw;
pub(super) use hnsw_rows::{HnswRows, graph_layers};
pub use index::Graph;
pub(super) use rows::GraphRows;
