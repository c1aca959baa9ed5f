//! The edges of each row: of its neighbours those that no short detour reaches, and from whom edges come.

use super::kernels::{self, EdgeEnds, MergeLinks, NEIGHBORS, Prune};
use super::neighbors::Neighbors;
use crate::buffer::Buffer;
use crate::call::CancelToken;
use crate::device::Gpu;
use crate::error::Result;
use crate::kernel::{Encoder, fold};
use crate::ops::sort;

/// Pairs of neighbours that a submission looks up.
const LOOKED_UP: u64 = 1 << 31;

/// `degree` edges of each of `n` rows.
pub(super) fn links(
    gpu: &Gpu,
    (n, degree): (u32, u32),
    neighbors: &Neighbors,
    cancel: Option<&CancelToken>,
) -> Result<Buffer> {
    let bytes = u64::from(n) * u64::from(degree) * 4;
    let &Neighbors { ref parts, rows, width } = neighbors;
    let own = gpu.scratch("pruned edges", bytes)?;
    let step = (LOOKED_UP / u64::from(width * width)).clamp(1, n.into()) as u32;
    for first in (0..n).step_by(step as usize) {
        cancel.map_or(Ok(()), CancelToken::check)?;
        let count = step.min(n - first);
        let [x, y] = fold(gpu, count.into())?;
        let mut encoder = Encoder::new(gpu, "prune", false)?;
        let mut buffers: Vec<_> = NEIGHBORS.into_iter().zip(parts).collect();
        buffers.push(("links", &own));
        let params = Prune { first, n: count, degree, groups_x: x, segment_rows: rows };
        let variant = kernels::prune(width, parts.len() as u32);
        encoder.dispatch(&variant, &buffers, &params, [x, y, 1])?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::{DType, Rows};
    use crate::exact::Dataset;
    use crate::format::SliceSource;
    use crate::graph::neighbors::neighbors;
    use crate::kernel::words;
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
            let encoder = Encoder::new(&gpu, "edges", false).unwrap();
            let landed = encoder.submit(&[(&links, 0, links.size())]).unwrap().wait().unwrap();
            words(&landed.parts[0])[..n * degree as usize].to_vec()
        };
        let whole = edges(1000, 1);
        assert!(whole.iter().all(|&row| row < n as u32));
        for (rows, parts) in [(150, 2), (299, 2), (130, 3), (75, 4), (99, 4)] {
            assert!(edges(rows, parts) == whole, "{rows} rows a buffer");
        }
    }
}
