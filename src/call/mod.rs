//! One call, whatever is searched: what it is asked, its way through the device in pieces, what it answers and what it did.

mod cancel;
mod crew;
mod driver;
mod filter;
mod made;
mod merge;
mod next_stage;
mod pending;
mod request;
mod row_ids;
mod stats;
mod thread;

pub use cancel::CancelToken;
pub(crate) use driver::Job;
pub(crate) use filter::{Bitmaps, EachFilter, Filter, MakeBitmaps, SharedFilter, mask_words};
pub(crate) use made::Made;
pub(crate) use merge::Merge;
pub(crate) use next_stage::{Candidates, Left, NextStage};
pub use pending::Pending;
pub(crate) use request::{Options, RowHits};
pub(crate) use row_ids::RowIds;
pub use stats::{
    ExactStats, GraphStats, IvfStats, OriginalsStats, RefineStats, SearchStats, StageTime,
    StreamStats,
};
pub(crate) use thread::{start as start_thread, start_below as start_thread_below};
