//! Search along the edges of a graph: what a search that lacks hits goes on with (`completed`), what is stored (`rows`), and the public index (`index`).
//! The graph itself is [`graph`](crate::graph)'s.

mod completed;
mod index;
mod rows;

pub use index::Graph;
