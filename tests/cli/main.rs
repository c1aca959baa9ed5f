//! The program itself, started as scripts start it, on small data: outputs against the oracle and FAISS's answers.
#![cfg(feature = "cli")]

#[path = "../common/mod.rs"]
mod common;

mod bench;
mod blocks;
mod cache;
mod convert;
mod devices;
mod failing;
mod faiss_files;
mod filters;
mod graph;
mod hnsw;
mod kmeans;
mod knn_graph;
mod lists;
mod outputs;
mod printed;
mod range;
mod reading;
mod rounding;
mod saved;
mod search;
mod streamed;
mod support;
mod terminal;
mod tune;
mod usage;
mod warnings;
