//! The edges of each row: of its neighbours those that no short detour reaches, and from whom edges come.

use super::kernels::{self, EdgeEnds, MergeLinks, NEIGHBORS, Prune};
use super::neighbors::Neighbors;
use crate::buffer::Buffer;
use crate::call::CancelToken;
use crate::device::Gpu;
use crate::error::Result;
use crate::kernel::{Bind, Encoder, fold, words};
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

/// `degree` edges of each of `n` rows.
pub(super) fn links(
    gpu: &Gpu,
    of: (u32, u32),
    neighbors: &Neighbors,
    cancel: Option<&CancelToken>,
) -> Result<Buffer> {
    relinked(gpu, of, neighbors, None, cancel)
}

/// The same where only some of the rows have neighbours, which lead from them and back; the others keep at least half of their edges.
pub(super) fn relinked(
    gpu: &Gpu,
    (n, degree): (u32, u32),
    neighbors: &Neighbors,
    some: Option<Fresh<'_>>,
    cancel: Option<&CancelToken>,
) -> Result<Buffer> {
    let items = some.as_ref().map_or(n, |some| some.count);
    let own = pruned(gpu, (items, degree), neighbors, some.as_ref(), cancel)?;
    cancel.map_or(Ok(()), CancelToken::check)?;
    merged(gpu, (n, degree), &own, some)
}

/// Of what rows are to lead to, the best first, and of where edges come from one list each; of all rows, or some where the others keep at least half of theirs.
pub(super) fn merged(
    gpu: &Gpu,
    (n, degree): (u32, u32),
    own: &Buffer,
    some: Option<Fresh<'_>>,
) -> Result<Buffer> {
    let items = some.as_ref().map_or(n, |some| some.count);
    let bytes = u64::from(items) * u64::from(degree) * 4;
    let others: Vec<Bind<'_>> =
        some.iter().flat_map(|some| [("items", some.items), ("there", some.there)]).collect();
    let edges = items * degree;
    let ends = gpu.scratch("ends of edges", bytes)?;
    let merged = gpu.alloc("edges", u64::from(n) * u64::from(degree) * 4)?;
    let mut encoder = Encoder::new(gpu, "edges", false)?;
    let [x, y] = fold(gpu, u64::from(edges).div_ceil(256))?;
    let buffers = [("links", own), ("ends", &ends)];
    let params = EdgeEnds { n: items, degree, none: n, groups_x: x };
    encoder.dispatch(&kernels::edge_ends(), &buffers, &params, [x, y, 1])?;
    let bits = u32::BITS - n.leading_zeros();
    let sorted = sort::stable(&mut encoder, &ends, edges, bits)?;
    let [x, y] = fold(gpu, n.into())?;
    let mut buffers =
        vec![("links", own), ("ends", &sorted.keys), ("edges", &sorted.order), ("merged", &merged)];
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
    neighbors: &Neighbors,
    some: Option<&Fresh<'_>>,
    cancel: Option<&CancelToken>,
) -> Result<Buffer> {
    let &Neighbors { ref parts, rows, width } = neighbors;
    let own = gpu.scratch("pruned edges", u64::from(items) * u64::from(degree) * 4)?;
    let others: Vec<Bind<'_>> =
        some.iter().flat_map(|some| [("items", some.items), ("there", some.there)]).collect();
    let step = (LOOKED_UP / u64::from(width * width)).clamp(1, items.into()) as u32;
    for first in (0..items).step_by(step as usize) {
        cancel.map_or(Ok(()), CancelToken::check)?;
        let count = step.min(items - first);
        let [x, y] = fold(gpu, count.into())?;
        let mut encoder = Encoder::new(gpu, "prune", false)?;
        let mut buffers: Vec<Bind<'_>> = NEIGHBORS.into_iter().zip(parts).collect();
        buffers.push(("links", &own));
        buffers.extend(&others);
        let params = Prune { first, n: count, degree, items, groups_x: x, segment_rows: rows };
        let variant = kernels::prune(width, parts.len() as u32, some.is_some());
        encoder.dispatch(&variant, &buffers, &params, [x, y, 1])?;
        encoder.submit(&[])?.wait()?;
    }
    Ok(own)
}

/// Some words of a buffer.
pub(super) fn read(gpu: &Gpu, buffer: &Buffer, first: u64, count: u64) -> Result<Vec<u32>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let encoder = Encoder::new(gpu, "edges", false)?;
    let landed = encoder.submit(&[(buffer, first * 4, count * 4)])?.wait()?;
    Ok(landed.parts.first().map_or_else(Vec::new, |part| words(part).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::{DType, Rows};
    use crate::exact::Dataset;
    use crate::format::SliceSource;
    use crate::graph::neighbors::neighbors;
    use crate::metric::Metric;

    #[test]
    fn neighbours_in_several_buffers_make_the_same_edges() {
        let Ok(gpu) = Gpu::test_builder().poison(true).build() else {
            println!("skipped: no adapter (1)");
            return;
        };
        let (n, dim, width, degree) = (300, 3, 32, 16);
        let values: Vec<f32> = (0..n * dim).map(|i| ((i * 7919) % 1009) as f32).collect();
        let empty = Dataset::new(&gpu, &Metric::L2, DType::F32, dim).unwrap();
        let rows = &mut SliceSource::new(Rows::F32(&values), dim).unwrap();
        let dataset = empty.append(rows).unwrap();
        let edges = |rows_of_part: u64, parts: usize| {
            let most = rows_of_part * u64::from(width) * 4;
            let near = neighbors(&dataset, (width, most), None).unwrap();
            assert_eq!(near.parts.len(), parts);
            let links = links(&gpu, (n as u32, degree), &near, None).unwrap();
            read(&gpu, &links, 0, n as u64 * u64::from(degree)).unwrap()
        };
        let whole = edges(1000, 1);
        assert!(whole.iter().all(|&row| row < n as u32));
        for (rows, parts) in [(150, 2), (299, 2), (130, 3), (75, 4), (99, 4)] {
            assert!(edges(rows, parts) == whole, "{rows} rows a buffer");
        }
    }
}
