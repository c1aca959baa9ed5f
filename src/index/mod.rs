//! Indexes: what is added once and searched many times.
//!
//! In the order in which the files use each other: what a search is told and what it answers (`ids`, `params`, `add`,
//! `hits`, `as_f32`, `other_type`), answers block by block (`stream`), what indexes can do (`traits`, `changing`), their files
//! (`persist`), what all that change
//! have in common (`state`), rows that are codes (`codes`), the kinds
//! (`flat`, `ivf`, `lsh`) and their names in files (`kinds`), indexes around these (`wrap`), rows that the caller names (`scored`), descriptions (`factory`), graphs of rows (`knn_graph`), and kinds taken apart for files of other libraries (`lists_apart`, `apart`). A kind says how its rows are stored and searched
//! (`state::Stored`); ids, filters, removal, snapshots, concurrent changes and files are the same code for all.

mod add;
mod apart;
mod as_f32;
mod changing;
mod codes;
#[cfg(test)]
mod dispatch_tests;
mod factory;
mod flat;
mod graph;
mod hits;
mod ids;
mod ivf;
mod kinds;
mod knn_graph;
mod lists_apart;
mod lsh;
mod other_type;
mod params;
mod persist;
mod scored;
mod state;
mod stream;
mod traits;
mod tune;
mod variants;
mod wrap;

pub use add::AddParams;
pub(crate) use apart::{
    Apart, GraphApart, RowNames, codes_of, flat_of, hnsw_of_rows, lists_of_rows, refined_by_rows,
    signs_of_rows,
};
pub use changing::Index;
pub(crate) use factory::read_own;
pub use factory::{index_factory, write_index};
pub use flat::{BinaryFlat, Flat, Pq, RaBitQ, Sq, StreamedFlat};
pub use graph::{Graph, Hnsw};
pub use hits::{HitRows, Hits, RangeHits};
pub use ids::{Exclude, IdFilter, IdPredicate, PreparedFilter, QueryFilter};
pub use ivf::{BinaryIvf, IvfFlat, IvfPq, IvfRaBitQ, IvfSq, Originals};
pub use knn_graph::{KnnGraphParams, knn_graph};
pub(crate) use lists_apart::ListsApart;
pub use lsh::Lsh;
pub use params::{
    Breadth, GraphParams, GraphPath, GraphTraversal, Guarantee, HnswParams, IvfParams, Progress,
    RefineParams, SearchParams, TrainParams,
};
pub use persist::{HnswInfo, IndexInfo, IvfInfo, ListSizes, RefineInfo};
pub use scored::{Candidates, score_candidates};
pub use stream::HitStream;
pub use traits::Search;
pub use tune::{TuneCurve, TuneParams, TunePoint, tune_search};
pub use variants::kernel_variants;
pub use wrap::{PreTransform, Refine};
