//! Search of the nearest of many lists of rows.
//!
//! In the order in which the files use each other: the words of the factory (`name`), centroids that are learnt (`centroids`), what is
//! stored (`rows`), and the public index (`flat`). The lists themselves are [`invlists`](crate::invlists)', their sections of a file
//! `persist`'s.

mod centroids;
mod flat;
mod name;
mod rows;

pub use flat::IvfFlat;
pub(super) use name::nlist_of;
