//! Indexes through their public face, on whatever adapter the environment names, in segments of 64 rows and with
//! poisoned buffers.

#[path = "../common/mod.rs"]
mod common;

mod bad_files;
mod edges;
mod failures;
mod files;
mod filters;
mod flights;
mod limits;
mod model;
mod parts;
mod radii;
mod scans;
mod stream;
mod streamed;
mod support;
mod threads;
mod traits;
mod uploads;
