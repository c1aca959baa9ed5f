//! What several test files share. Each uses a part of it, so the rest is dead code there.
#![allow(dead_code)]

pub mod cases;
pub mod data;
pub mod device;
#[cfg(target_os = "linux")]
pub mod dx12;
pub mod faiss;
pub mod hlsl;
pub mod narrow;
pub mod npy;
pub mod open;
pub mod ways;
