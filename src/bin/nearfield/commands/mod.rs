//! One module a command: each has a function `run`, which takes the command's arguments and those of every command.

pub mod bench;
pub mod build;
pub mod completions;
pub mod convert;
pub mod curve;
pub mod devices;
pub mod info;
pub mod kmeans;
pub mod knn_graph;
pub mod range;
pub mod search;
pub mod tune;
