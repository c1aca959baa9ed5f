//! Exact search on whatever adapter the environment names, against the oracle in f64, against all exact distances, and
//! against itself. One program, so that its tests share devices and with them the kernels that a driver compiles.

#[path = "../common/mod.rs"]
mod common;

mod attack;
mod bits;
mod bound;
mod cosine_distance;
mod custom;
#[cfg(target_os = "linux")]
mod dx12;
mod faiss;
mod invariance;
mod kl;
mod large_k;
mod long_rows;
mod no_hits;
mod precision;
mod scales;
mod sentences;
mod sweep;
mod within;
