//! Search along the edges of a graph: what is stored (`rows`) and how it stands in files (`filed`), what becomes of its graph when they change (`before`), which filters its searches take (`passing`), and the public index (`index`). The graph itself is [`graph`](crate::graph)'s.

mod before;
mod filed;
mod index;
mod passing;
mod rows;

pub use index::Graph;
