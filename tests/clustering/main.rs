//! K-means through its public face, on whatever adapter the environment names, with poisoned buffers: in segments of 64 rows, and in
//! one.

#[path = "../common/mod.rs"]
mod common;

mod empty;
mod lloyd;
mod metrics;
mod params;
mod refusals;
mod scores;
mod start;
mod support;
