//! What a search may be told beside its queries: first what it asks for (`ask`) and what a kind of index has of its own (`ivf`, `graph`, `refine`; `hnsw` of how a graph is made), then
//! all together (`search`), by which of it a search looks at more (`breadth`), and what that means for the engines (`options`); and what
//! training may be told (`train`).

mod ask;
mod breadth;
mod graph;
mod hnsw;
mod ivf;
mod options;
mod refine;
mod search;
mod train;

pub(super) use ask::{Ask, rising};
pub use ask::{Guarantee, Progress};
pub use breadth::Breadth;
pub use graph::{GraphParams, GraphPath, GraphTraversal};
pub use hnsw::HnswParams;
pub use ivf::IvfParams;
pub(super) use options::{Refining, checked_k_factor};
pub use refine::RefineParams;
pub use search::SearchParams;
pub use train::TrainParams;
