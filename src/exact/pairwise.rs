//! Operations on rows for their own sake: all distances, norms, normalisation.

use crate::buffer::Matrix;
use crate::call::Options;
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::dataset::Base;
use crate::exact::distance;
use crate::exact::plan::Plan;
use crate::exact::queries::Queries;
use crate::format::SliceSource;
use crate::kernel::words;
use crate::kernel::{Encoder, fold, registry};
use crate::metric::Metric;
use bytemuck::NoUninit;

fn base_of(gpu: &Gpu, metric: &Metric, rows: Rows<'_>, dim: usize) -> Result<Base> {
    Base::new(gpu, metric, rows.dtype(), dim)?.append(&mut SliceSource::new(rows, dim)?)
}

/// The distance of every query to every row: nq x n, row-major, in host memory.
///
/// Cost: nq n d operations and 4 nq n bytes, brought to the host in blocks. To find neighbours, search an index: it does
/// not bring the matrix to the host.
///
/// # Errors
/// As a search. Where a pair is not a hit (see [`Metric`]) the value is [`Order::no_hit`](crate::Order::no_hit).
///
/// # Accuracy
/// The same numbers, to the bit, as a search reports.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, Metric, Rows, pairwise};
/// let gpu = Gpu::new()?;
/// let d = pairwise(&gpu, &Metric::L1, Rows::F32(&[0.0, 0.0]), Rows::F32(&[1.0, 1.0, 2.0, 0.5]), 2)?;
/// assert_eq!(d, [2.0, 2.5]);
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn pairwise(
    gpu: &Gpu,
    metric: &Metric,
    queries: Rows<'_>,
    rows: Rows<'_>,
    dim: usize,
) -> Result<Vec<f32>> {
    let base = base_of(gpu, metric, rows, dim)?;
    let queries = Queries::new(&base, queries)?;
    let n = base.len() as usize;
    let total = queries.count.checked_mul(n).filter(|&t| t < isize::MAX as usize / 8);
    let total =
        total.ok_or_else(|| Error::argument("rows", "the matrix is too large for this host"))?;
    let mut out = vec![metric.order().no_hit(); total];
    let plan = Plan::new(gpu, &base, &queries, 1, &Options::dense())?;
    for start in (0..queries.count).step_by(plan.dense_queries) {
        let end = (start + plan.dense_queries).min(queries.count);
        let which: Vec<u32> = (start..end).map(|q| q as u32).collect();
        let mut encoder = Encoder::new(gpu, "queries", false)?;
        let upload = queries.upload(&base, &which, false, &mut encoder)?;
        encoder.submit(&[])?;
        let mut row = 0;
        while let Some(block) = distance::block(&base, None, row, plan.dense_rows) {
            let mut encoder = Encoder::new(gpu, "pairwise", false)?;
            let bytes = which.len() as u64 * u64::from(block.rows) * 4;
            let keys = gpu.scratch("distances", bytes)?;
            let target = distance::Out::Keys(&keys, block.rows);
            distance::distances(&mut encoder, &base, &queries.pair, &upload, None, &block, target)?;
            let landed = encoder.submit(&[(&keys, 0, bytes)])?.wait()?;
            let keys = words(landed.parts.first().map_or(&[][..], Vec::as_slice));
            for (i, keys) in keys.chunks_exact(block.rows as usize).enumerate() {
                let at = (start + i) * n + row as usize;
                for (value, &key) in out[at..].iter_mut().zip(keys) {
                    if key != u32::MAX {
                        *value = queries.decoder.distance(key);
                    }
                }
            }
            row += u64::from(block.rows);
        }
    }
    Ok(out)
}

/// The Euclidean norm of each row.
///
/// Cost: one pass over the rows on the device.
///
/// # Errors
/// `NonFinite` and `InvalidValue` (|x|^2 above 2^120) with row and column; what a [`Matrix`] says.
///
/// # Accuracy
/// Relative error at most (d / 64 + 8) 2^-24; rows whose squares all vanish below 2^-126 have norm 0.
pub fn row_norms(gpu: &Gpu, rows: Rows<'_>, dim: usize) -> Result<Vec<f32>> {
    let base = base_of(gpu, &Metric::L2, rows, dim)?;
    let mut norms = Vec::with_capacity(base.len() as usize);
    for (segment, part) in base.segments() {
        let bytes = u64::from(segment.rows()) * 4;
        let landed =
            Encoder::new(gpu, "norms", false)?.submit(&[(&part.bias, 0, bytes)])?.wait()?;
        let bias = words(landed.parts.first().map_or(&[][..], Vec::as_slice));
        norms.extend(bias.iter().map(|&b| (-2.0 * f64::from(f32::from_bits(b))).sqrt() as f32));
    }
    Ok(norms)
}

#[repr(C)]
#[derive(Clone, Copy, NoUninit)]
struct Params {
    n: u32,
    stride4: u32,
    out_stride4: u32,
    groups_x: u32,
    first: u32,
    out_first: u32,
}

/// The rows brought to length 1, as an f32 matrix on the device; zero rows stay zero.
///
/// Cost: two passes over the rows on the device, 4 d bytes a row.
///
/// # Errors
/// As [`row_norms`].
///
/// # Accuracy
/// Each element within a relative (d / 64 + 10) 2^-24.
pub fn normalise(gpu: &Gpu, rows: Rows<'_>, dim: usize) -> Result<Matrix> {
    if rows.dtype() == DType::Bits {
        return Err(Error::unsupported("normalise", "bits"));
    }
    let base = base_of(gpu, &Metric::Cosine, rows, dim)?;
    Matrix::empty(gpu, DType::F32, dim)?.with_rows(base.len(), |to| {
        for (segment, part) in base.segments() {
            // rows that the two segments have in common, numbered within each
            let from = to.first_row().max(segment.first_row());
            let end = |first: u64, rows: u32| first + u64::from(rows);
            let until =
                end(to.first_row(), to.rows()).min(end(segment.first_row(), segment.rows()));
            let (Some(scale), true) = (&part.scale, from < until) else { continue };
            let out_stride4 = to.stride_bytes() / 16;
            let count = until - from;
            let groups = fold(gpu, (count * u64::from(out_stride4)).div_ceil(256))?;
            let params = Params {
                n: count as u32,
                stride4: base.work().dtype().stride4(segment.stride_bytes()),
                out_stride4,
                groups_x: groups[0],
                first: (from - segment.first_row()) as u32,
                out_first: (from - to.first_row()) as u32,
            };
            let mut encoder = Encoder::new(gpu, "normalise", false)?;
            let variant = registry::normalise(base.work().dtype());
            let buffers = [segment.buffer(), scale, to.buffer()];
            encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], 1])?;
            encoder.submit(&[])?;
        }
        Ok(())
    })
}
