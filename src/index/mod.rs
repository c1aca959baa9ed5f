//! Indexes: what is added once and searched many times.
//!
//! In the order in which the files use each other: what a search is told and what it answers (`ids`, `params`, `hits`),
//! answers block by block (`stream`), what indexes can do (`traits`), their files (`persist`), what all that change have in common (`state`), the kinds
//! (`flat`), and the table of kinds (`factory`). A kind says how its rows are stored and searched
//! (`state::Stored`); ids, filters, removal, snapshots, concurrent changes and files are the same code for all.

mod factory;
mod flat;
mod hits;
mod ids;
mod params;
mod persist;
mod state;
mod stream;
mod traits;
mod variants;

pub use factory::{index_factory, read_index};
pub use flat::{BinaryFlat, Flat, StreamedFlat};
pub use hits::{Hits, RangeHits};
pub use ids::{IdFilter, QueryFilter};
pub use params::{Guarantee, Progress, SearchParams};
pub use stream::HitStream;
pub use traits::{Index, Search};
pub use variants::kernel_variants;
