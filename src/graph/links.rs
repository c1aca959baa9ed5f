//! The edges of each row: of its neighbours those that no short detour reaches, and from whom edges come.

use super::kernels::{self, EdgeEnds, MergeLinks, Prune};
use crate::buffer::Buffer;
use crate::call::CancelToken;
use crate::device::Gpu;
use crate::error::Result;
use crate::kernel::{Bind, Encoder, fold};
use crate::ops::sort;

/// Pairs of neighbours that a submission looks up.
const LOOKED_UP: u64 = 1 << 31;

/// Rows whose edges are new, where others keep theirs.
pub(super) struct Fresh<'a> {
    /// Which they are, ascending.
    pub items: &'a Buffer,
    pub count: u32,
    /// The edges of all rows, as far as they have any.
    pub there: &'a Buffer,
}

/// `degree` edges of each of `n` rows, which have `width` neighbours.
pub(super) fn links(
    gpu: &Gpu,
    of: (u32, u32),
    neighbors: &Buffer,
    width: u32,
    cancel: Option<&CancelToken>,
) -> Result<Buffer> {
    relinked(gpu, of, (neighbors, width), None, cancel)
}

/// The same where only some of the rows have neighbours, which lead from them and back; the others keep at least half of their edges.
pub(super) fn relinked(
    gpu: &Gpu,
    (n, degree): (u32, u32),
    (neighbors, width): (&Buffer, u32),
    some: Option<Fresh<'_>>,
    cancel: Option<&CancelToken>,
) -> Result<Buffer> {
    let items = some.as_ref().map_or(n, |some| some.count);
    let own = pruned(gpu, (items, degree), (neighbors, width), some.as_ref(), cancel)?;
    cancel.map_or(Ok(()), CancelToken::check)?;
    let bytes = u64::from(items) * u64::from(degree) * 4;
    let others: Vec<Bind<'_>> =
        some.iter().flat_map(|some| [("items", some.items), ("there", some.there)]).collect();
    let edges = items * degree;
    let ends = gpu.scratch("ends of edges", bytes)?;
    let merged = gpu.alloc("edges", u64::from(n) * u64::from(degree) * 4)?;
    let mut encoder = Encoder::new(gpu, "edges", false)?;
    let [x, y] = fold(gpu, u64::from(edges).div_ceil(256))?;
    let buffers = [("links", &own), ("ends", &ends)];
    let params = EdgeEnds { n: items, degree, none: n, groups_x: x };
    encoder.dispatch(&kernels::edge_ends(), &buffers, &params, [x, y, 1])?;
    let bits = u32::BITS - n.leading_zeros();
    let sorted = sort::stable(&mut encoder, &ends, edges, bits)?;
    let [x, y] = fold(gpu, n.into())?;
    let mut buffers = vec![
        ("links", &own),
        ("ends", &sorted.keys),
        ("edges", &sorted.order),
        ("merged", &merged),
    ];
    buffers.extend(&others);
    let params = MergeLinks { n, items, groups_x: x };
    let merge = kernels::merge_links(degree, some.is_some());
    encoder.dispatch(&merge, &buffers, &params, [x, y, 1])?;
    encoder.submit(&[])?.wait()?;
    Ok(merged)
}

/// Of the neighbours of some rows, or all, those that no short detour reaches.
pub(super) fn pruned(
    gpu: &Gpu,
    (items, degree): (u32, u32),
    (neighbors, width): (&Buffer, u32),
    some: Option<&Fresh<'_>>,
    cancel: Option<&CancelToken>,
) -> Result<Buffer> {
    let own = gpu.scratch("pruned edges", u64::from(items) * u64::from(degree) * 4)?;
    let others: Vec<Bind<'_>> =
        some.iter().flat_map(|some| [("items", some.items), ("there", some.there)]).collect();
    let step = (LOOKED_UP / u64::from(width * width)).clamp(1, items.into()) as u32;
    for first in (0..items).step_by(step as usize) {
        cancel.map_or(Ok(()), CancelToken::check)?;
        let count = step.min(items - first);
        let [x, y] = fold(gpu, count.into())?;
        let mut encoder = Encoder::new(gpu, "prune", false)?;
        let mut buffers = vec![("neighbors", neighbors), ("links", &own)];
        buffers.extend(&others);
        let params = Prune { first, n: count, degree, items, groups_x: x };
        encoder.dispatch(&kernels::prune(width, some.is_some()), &buffers, &params, [x, y, 1])?;
        encoder.submit(&[])?.wait()?;
    }
    Ok(own)
}
