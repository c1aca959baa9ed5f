//! The state of an index that changes, generic over what is stored.
//!
//! A kind of index says how its rows are stored and searched ([`Stored`]); [`Core`] keeps the snapshot of rows and ids that is
//! current and makes the next one; [`Backed`] gives a public type that holds a core the traits [`Search`](crate::Search) and
//! [`Index`](crate::Index).
//!
//! # A new kind of index
//!
//! Beside its rows and its public type it needs: its name in `kinds.rs`, its words in `factory.rs`, a re-export
//! in `lib.rs`, what it can be asked in `params.rs`, what it did in `call/stats.rs`, its sections in FORMAT.md, and a line in
//! the tests that go through all kinds (`tests/index`).

mod backed;
mod core;
mod file;
mod filters;
#[cfg(test)]
mod host_flat_tests;
mod names;
mod put;
mod snapshot;
mod stored;
mod stored_rows;
#[cfg(test)]
mod tests;

pub(super) use self::core::Core;
pub(super) use backed::Backed;
pub(super) use names::Names;
pub(super) use stored::Stored;
pub(super) use stored_rows::{StoredRows, copied};
