//! Whether a device runs what a profile names, asked before anything is compiled.

use super::tile::Tile;
use crate::device::{Gpu, Profile};
use crate::error::{Error, Result};

/// Whether `gpu` runs the f32 tile that `profile` names; a search with a tile that is too large runs the baseline's.
///
/// # Errors
/// `Profile` for a shape that the kernel does not have; `LimitExceeded` for one that the adapter has no room for.
pub fn check_scan_tile(gpu: &Gpu, profile: &Profile) -> Result<()> {
    let (tile, caps) = (Tile::of(profile)?, gpu.caps());
    let rules = [
        ("threads of the scan's tile", tile.threads(), caps.max_workgroup_threads),
        ("bytes of workgroup memory", tile.workgroup_bytes(), caps.max_workgroup_memory),
    ];
    match rules.iter().find(|(_, needed, limit)| needed > limit) {
        None => Ok(()),
        Some(&(what, needed, limit)) => Err(Error::LimitExceeded {
            what: what.to_owned(),
            needed: needed.into(),
            limit: limit.into(),
        }),
    }
}
