//! Search along the edges of a graph: what is stored (`rows`), and the public index (`graph`). The graph itself is [`graph`](crate::graph)'s.

mod graph;
mod rows;

pub use graph::Graph;
