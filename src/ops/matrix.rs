//! Which matrix-unit tile a device runs, and queries in its form.

use super::check;
use super::half::factor;
use crate::buffer::Buffer;
use crate::device::{Backend, Gpu};
use crate::dtype::DType;
use crate::error::Result;
use crate::kernel::Encoder;
use crate::kernel::registry::MatrixTile;
use half::f16;

/// Scaled f16 queries.
pub(crate) struct HalfQueries {
    pub buffer: Buffer,
    /// |q - q'| of each query, rounded up.
    pub rests: Buffer,
    pub factor: f32,
}

/// The tile of the profile, where the device has matrices that WGSL can name and takes it.
pub(crate) fn tile(gpu: &Gpu) -> Result<Option<MatrixTile>> {
    let caps = gpu.caps();
    let get = |key| gpu.profile().u32("matrix", key);
    let usable = caps.coop.iter().filter(|s| {
        let square = s.m == s.n && s.n == s.k;
        square && s.input == DType::F16 && s.accumulator == DType::F32
    });
    let (Some(edge), Some(subgroup)) = (usable.map(|s| s.m).max(), caps.subgroup_size) else {
        return Ok(None);
    };
    if get("use")? == 0 || !caps.f16 {
        return Ok(None);
    }
    let metal = caps.backend == Backend::Metal;
    // Metal reports one range for all GPUs; elsewhere a range means that a pipeline may get either size.
    if !metal && caps.subgroup_min != caps.subgroup_max {
        return Ok(None);
    }
    let tile = MatrixTile {
        edge,
        sm: get("sm")?,
        sgm: get("sgm")?,
        sgn: get("sgn")?,
        bk: get("bk")?,
        pad: get("pad")?,
        subgroup,
        scalar: metal || get("scalar")? != 0,
        epilogue_bias: gpu.profile().str("matrix", "bias")? == "epilogue",
    };
    Ok(tile.fits(caps.max_workgroup_threads, caps.max_workgroup_memory).then_some(tile))
}

/// Uploads f32 queries of `dim` elements, rounded and padded to `depth` and to whole tiles of `bm`.
///
/// `rows` is the smallest factor of the rows' copies: far smaller queries are rounded coarsely rather than scaled beyond
/// what the bias can follow; their bound tells.
pub(crate) fn queries(
    encoder: &mut Encoder,
    floats: &[f32],
    dim: usize,
    depth: usize,
    bm: usize,
    rows: f32,
) -> Result<HalfQueries> {
    let count = floats.len() / dim;
    let scale = factor(check::largest(floats)).min(rows * 16_777_216.0);
    let mut padded = vec![f16::ZERO; count.next_multiple_of(bm) * depth];
    let mut rests = Vec::with_capacity(count);
    for (to, query) in padded.chunks_exact_mut(depth).zip(floats.chunks_exact(dim)) {
        let mut lost = 0.0;
        for (h, &q) in to.iter_mut().zip(query) {
            let scaled = q * scale;
            if scaled.abs() >= 6.103_515_625e-5 {
                *h = f16::from_f32(scaled);
            }
            lost += (f64::from(q) - f64::from(h.to_f32()) / f64::from(scale)).powi(2);
        }
        rests.push(
            (lost.sqrt() * (1.0 + 1.0 / 1024.0)) as f32 + if lost > 0.0 { 1e-37 } else { 0.0 },
        );
    }
    Ok(HalfQueries {
        buffer: encoder.upload("f16 queries", bytemuck::cast_slice(&padded))?,
        rests: encoder.upload("query residuals", bytemuck::cast_slice(&rests))?,
        factor: scale,
    })
}
