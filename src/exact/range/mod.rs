//! The search for all rows within a radius: by the scan where it applies (`scanned`), by all exact distances where it does not and for queries
//! that have more within reach than the scan has room for (`dense`). Either way the device counts the keys within the radius, then writes
//! them, so that only hits come to the host (`within`).

mod dense;
mod hits;
mod scanned;
mod search;
mod within;

pub(crate) use hits::RangePairs;
pub(crate) use search::submit_range;
pub(crate) use within::{HitKeys, KeyRows, Keys, most_pairs};
