//! The edges of each row: of its neighbours those that no short detour reaches, and from whom edges come.

use super::kernels::{self, EdgeEnds, MergeLinks, Prune};
use crate::buffer::Buffer;
use crate::call::CancelToken;
use crate::device::Gpu;
use crate::error::Result;
use crate::kernel::{Encoder, fold};
use crate::ops::sort;

/// Pairs of neighbours that a submission looks up.
const LOOKED_UP: u64 = 1 << 31;

/// `degree` edges of each of `n` rows, which have `width` neighbours.
pub(super) fn links(
    gpu: &Gpu,
    (n, degree): (u32, u32),
    neighbors: &Buffer,
    width: u32,
    cancel: Option<&CancelToken>,
) -> Result<Buffer> {
    let bytes = u64::from(n) * u64::from(degree) * 4;
    let own = gpu.scratch("pruned edges", bytes)?;
    let step = (LOOKED_UP / u64::from(width * width)).clamp(1, n.into()) as u32;
    for first in (0..n).step_by(step as usize) {
        cancel.map_or(Ok(()), CancelToken::check)?;
        let count = step.min(n - first);
        let [x, y] = fold(gpu, count.into())?;
        let mut encoder = Encoder::new(gpu, "prune", false)?;
        let buffers = [("neighbors", neighbors), ("links", &own)];
        let params = Prune { first, n: count, degree, groups_x: x };
        encoder.dispatch(&kernels::prune(width), &buffers, &params, [x, y, 1])?;
        encoder.submit(&[])?.wait()?;
    }
    cancel.map_or(Ok(()), CancelToken::check)?;
    let edges = n * degree;
    let ends = gpu.scratch("ends of edges", bytes)?;
    let merged = gpu.alloc("edges", bytes)?;
    let mut encoder = Encoder::new(gpu, "edges", false)?;
    let [x, y] = fold(gpu, u64::from(edges).div_ceil(256))?;
    let buffers = [("links", &own), ("ends", &ends)];
    let params = EdgeEnds { n, degree, groups_x: x };
    encoder.dispatch(&kernels::edge_ends(), &buffers, &params, [x, y, 1])?;
    let bits = u32::BITS - n.leading_zeros();
    let sorted = sort::stable(&mut encoder, &ends, edges, bits)?;
    let [x, y] = fold(gpu, n.into())?;
    let buffers =
        [("links", &own), ("ends", &sorted.keys), ("edges", &sorted.order), ("merged", &merged)];
    let params = MergeLinks { n, groups_x: x };
    encoder.dispatch(&kernels::merge_links(degree), &buffers, &params, [x, y, 1])?;
    encoder.submit(&[])?.wait()?;
    Ok(merged)
}
