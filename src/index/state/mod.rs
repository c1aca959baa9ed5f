//! The state of an index that changes, generic over what is stored.
//!
//! A kind of index says how its rows are stored and searched ([`Stored`]); [`Core`] keeps the snapshot of rows and ids that is
//! current and makes the next one; [`Backed`] gives a public type that holds a core the traits [`Search`](crate::Search) and
//! [`Index`](crate::Index).

mod backed;
mod core;
mod file;
#[cfg(test)]
mod host_flat_tests;
mod snapshot;
mod stored;
#[cfg(test)]
mod tests;

pub(super) use self::core::Core;
pub(super) use backed::Backed;
pub(super) use stored::Stored;
