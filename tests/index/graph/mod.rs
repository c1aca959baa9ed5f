//! Searches along the edges of a graph.

mod answers;
