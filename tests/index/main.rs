//! Indexes through their public face, on whatever adapter the environment names, in segments of 64 rows and with
//! poisoned buffers.

#[path = "../common/mod.rs"]
mod common;

mod added;
mod bad_files;
mod bit_lists;
mod bits;
mod code_errors;
mod codes;
mod edges;
mod exclude;
mod failures;
mod faiss;
mod faiss_written;
mod files;
mod filters;
mod flights;
mod graph;
mod hnsw;
mod ivf;
mod knn_graph;
mod limits;
mod lsh;
mod many;
mod matrix;
mod model;
mod parts;
mod prepared;
mod rabitq;
mod radii;
mod refine;
mod scans;
mod scored;
mod stream;
mod streamed;
mod support;
mod threads;
mod traits;
mod transform_files;
mod transforms;
mod uploads;
