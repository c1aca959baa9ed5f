//! Whether a device runs what a profile names, asked before anything is compiled.

use super::tile::{MatrixTile, Tile};
use crate::device::{Gpu, Profile};
use crate::dtype::DType;
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

/// The tile for rows that can be multiplied in f16 (`half`) or not: of the type that the profile asks for, else of the other.
pub(crate) fn best_matrix_tile(gpu: &Gpu, half: bool) -> Result<Option<MatrixTile>> {
    let asked = MatrixTile::input_of(gpu.profile())?;
    let other = if asked == DType::F16 { DType::F32 } else { DType::F16 };
    for input in [asked, other] {
        let tile = if input == DType::F16 && !half { None } else { matrix_tile(gpu, input)? };
        if tile.is_some() {
            return Ok(tile);
        }
    }
    Ok(None)
}

/// The tile of the profile, where the device has matrices of `input` that WGSL can name and takes it.
pub(crate) fn matrix_tile(gpu: &Gpu, input: DType) -> Result<Option<MatrixTile>> {
    let caps = gpu.caps();
    let (Some(edge), Some(subgroup)) = (caps.matrix_edge(input), caps.subgroup_size) else {
        return Ok(None);
    };
    if gpu.profile().u32("matrix", "use")? == 0 {
        return Ok(None);
    }
    // a driver that announces a range of sizes gives every pipeline the probe's, or the kernel says that it did not
    let tile = MatrixTile::of(gpu.profile(), input, edge, subgroup)?;
    Ok(tile.fits(caps.max_workgroup_threads, caps.max_workgroup_memory).then_some(tile))
}
