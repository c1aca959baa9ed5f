//! Search along the edges of a graph: what is stored (`rows`) and how it stands in files (`filed`), and the public index (`index`). The graph itself is [`graph`](crate::graph)'s.

mod filed;
mod index;
mod rows;

pub use index::Graph;
