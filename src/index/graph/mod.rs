//! Search along the edges of a graph: what is stored (`rows`) and how it stands in files (`filed`), what becomes of its graph when they change (`before`), and the public index (`index`). The graph itself is [`graph`](crate::graph)'s.

mod before;
mod filed;
mod index;
mod rows;

pub use index::Graph;
