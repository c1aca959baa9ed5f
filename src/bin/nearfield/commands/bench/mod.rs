//! `nearfield bench`: checks searches against f64, then times them.
//!
//! Wall times run from the host's slice of queries to its hits, the index resident: the median of 20, the queries other
//! ones each time. Device times are the median of separate, timed runs, since timestamps cost a pass a stage. The host's time
//! is the one less the other.
//!
//! Each file uses only those above it in this list.

mod case;

mod numbers;

mod suite;

mod made;

mod data;

mod truth;

mod lists;

mod roofline;

mod measure;

mod document;

#[cfg(feature = "charts")]
mod row;

#[cfg(feature = "charts")]
pub mod chart;

#[cfg(feature = "charts")]
pub mod svg;

#[cfg(feature = "charts")]
mod draw;

mod run;

pub use run::run;
