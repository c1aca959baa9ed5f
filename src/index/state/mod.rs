//! The state of an index: snapshots that never change, and the one that is current.

mod core;
mod snapshot;

pub(super) use self::core::{FlatCore, flat_index};
pub(super) use snapshot::Snapshot;
