//! One call, whatever is searched: what it is asked, its way through the device in pieces, what it answers and what it did.

mod merge;
mod pending;
mod request;
mod stats;
mod thread;

pub(crate) use merge::Merge;
pub(crate) use pending::Job;
pub use pending::{CancelToken, Pending};
pub(crate) use request::{Filter, Options, RowHits, RowIds, mask_words};
pub use stats::{ExactStats, SearchStats, StageTime, StreamStats};
pub(crate) use thread::start as start_thread;
