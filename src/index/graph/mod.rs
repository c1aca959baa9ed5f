//! Search along the edges of a graph: what is stored (`rows`) and how it stands in files (`filed`), what becomes of the graph when rows change (`before`,
//! `renewing`), which filters a search takes (`passing`), and the public index (`index`). The graph itself is [`graph`](crate::graph)'s.

mod before;
mod filed;
mod index;
mod passing;
mod renewing;
mod rows;

pub use index::Graph;
