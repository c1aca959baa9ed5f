//! Exact nearest-neighbour search, and the dense linear algebra around it, on every GPU: Metal, Vulkan and DX12 through
//! [wgpu](https://docs.rs/wgpu), from one set of WGSL shaders.
//!
//! # Overview
//!
//! A [`Gpu`] is one opened adapter. An index, [`Flat`] for numbers and [`BinaryFlat`] for bits, holds vectors in its memory
//! and answers through the trait [`Search`]: `search`, `range_search`, and both as futures and as streams. Through the trait [`Index`] its
//! rows are added, replaced, removed, read back and written to a file. [`StreamedFlat`] is a [`Search`] over rows that stay on the host,
//! however many they are. [`Metric`] has FAISS's metrics, those of cuVS, and your own in WGSL. Searches are exact, ties fall to the row that was
//! added first, and [`SearchStats`] says which kernels answered. Two kinds of index may miss a neighbour, and are faster: those of inverted
//! lists, an [`IvfFlat`] (of bits a [`BinaryIvf`]), or an [`IvfSq`], [`IvfPq`] or [`IvfRaBitQ`] of rows in fewer bits, look at the nearest of
//! many lists of rows; a [`Graph`], of the class of cuVS's CAGRA, and an [`Hnsw`], which hnswlib's and FAISS's files hold, follow the edges of
//! a graph of neighbours. Without lists, an [`Sq`], [`Pq`] or [`RaBitQ`] compares codes of all rows, and an [`Lsh`] signs of their elements.
//! [`kmeans`] finds the centroids of lists, and of anything else, and [`knn_graph`] the nearest rows of each row. A [`PreTransform`] is an
//! index behind transforms of vectors, such as principal components ([`VectorTransform`]); a [`Refine`] compares what another index finds
//! again, by the rows.
//!
//! # Example
//!
//! ```no_run
//! use nearfield::{Flat, Gpu, Index, Metric, Search};
//!
//! let gpu = Gpu::new()?;
//! let index = Flat::new(&gpu, 2, Metric::L2)?;
//! index.add(&[0.0, 0.0, 3.0, 4.0])?;
//! let hits = index.search(&[3.0, 3.0], 1)?;
//! assert_eq!((hits.ids(), hits.distances()), (&[1][..], &[1.0][..]));
//! # Ok::<(), nearfield::Error>(())
//! ```
//!
//! # Memory convention
//!
//! Vectors are row-major: element j of row i of an n x d block is at `i * d + j`. Bits are packed eight to a byte, the lowest
//! first, and their dimension counts bits. Distances are f32, as FAISS defines them: L2 is squared, similarities descend.
//!
//! # Pages
//!
//! * [Coming from FAISS, usearch or hnswlib](guide::coming_from): names, distances, ids, files.
//! * [Accuracy](guide::accuracy): each metric states how far a distance may be from the one in real arithmetic, the answer is the first
//!   k rows by (ordering key, row order), and on one adapter it is the same to the bit whatever the batch, the threads and the kernel.
//! * [Memory](guide::memory): what lies where, how much it is, and what to do when it does not fit.
//!
//! # Features
//!
//! `transforms` brings what PCA, OPQ and ITQ are trained with ([`VectorTransform::train`]); applying them needs no feature.
//! `cli` builds the program `nearfield`, and `charts` has it draw what `nearfield bench --svg` asks for.
//!
//! # wgpu and half
//!
//! [`wgpu`] and [`half`], whose types are arguments here, are handed on: an application that gives its own device to [`Gpu::adopt`]
//! names `nearfield::wgpu`, or depends on the same major version of wgpu, and has the types that this crate takes. Its features of wgpu
//! join those that are asked for here.
//!
//! Another major version of wgpu or half means another type for the compiler, and so a breaking change: nearfield takes it with a version that
//! may break, 0.2 after 0.1 and 2.0 after 1.0, and never with one that is compatible. Such a version follows each major one of wgpu, so that
//! applications are not held back. The minor versions of both are taken without one.

mod buffer;
mod call;
mod clustering;
mod device;
mod dtype;
mod error;
mod exact;
pub mod format;
mod graph;
pub mod guide;
mod index;
mod invlists;
mod io;
mod kernel;
mod metric;
mod names;
mod ops;
mod parallel;
mod quantize;
pub mod reference;
mod size;
mod space;

pub use buffer::Matrix;
pub use call::{
    CancelToken, ExactStats, GraphStats, IvfStats, OriginalsStats, Pending, RefineStats,
    SearchStats, StageTime, StreamStats,
};
pub use clustering::{KMeans, KMeansInit, KMeansParams, kmeans};
pub use device::{
    AdapterSummary, Backend, Caps, CoopShape, DeviceType, Gpu, GpuBuilder, LabelUse, MemoryReport,
    Profile,
};
pub use dtype::{DType, Rows};
pub use error::{Error, Result};
pub use exact::pairwise;
pub use format::RowSource;
pub use graph::KnnGraph;
pub use index::{
    AddParams, BinaryFlat, BinaryIvf, Breadth, Candidates, Exclude, Flat, Graph, GraphParams,
    GraphPath, GraphTraversal, Guarantee, HitRows, HitStream, Hits, Hnsw, HnswInfo, HnswParams,
    IdFilter, IdPredicate, Index, IndexInfo, IvfFlat, IvfInfo, IvfParams, IvfPq, IvfRaBitQ, IvfSq,
    KnnGraphParams, ListSizes, Lsh, Originals, Pq, PreTransform, PreparedFilter, Progress,
    QueryFilter, RaBitQ, RangeHits, Refine, RefineInfo, RefineParams, Search, SearchParams, Sq,
    StreamedFlat, TrainParams, TuneCurve, TuneParams, TunePoint, index_factory, knn_graph,
    score_candidates, tune_search, write_index,
};
pub use io::{
    faiss_info, hnswlib_info, is_faiss, is_hnswlib, read_faiss, read_hnswlib, read_index,
    verify_faiss, verify_hnswlib, write_faiss, write_faiss_unnamed, write_hnswlib,
    write_hnswlib_unnamed,
};
pub use metric::{CustomMetric, Metric, Order};
pub use ops::{RowLayout, normalize, row_norms};
pub use quantize::{
    PcaParams, ProductQuantizer, QueryBits, RaBitQuantizer, ScalarQuantizer, SqRange, SqType,
    VectorTransform,
};
pub use size::parse_bytes;
pub use {half, wgpu};

// For the crate's own tests and its program, which are other crates; no part of what it promises.
#[doc(hidden)]
pub use index::kernel_variants;
#[doc(hidden)]
pub use kernel::{KernelVariant, check_scan_tile};

/// Runs the README's example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
