//! Which matrix-unit tile a device runs, and queries in its form.

use super::half::{self, Source};
use super::queries::Upload;
use crate::buffer::Buffer;
use crate::device::{Backend, Gpu};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernel::Encoder;
use crate::kernel::registry::MatrixTile;

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
    let usable = caps.coop.iter().filter(|s| {
        let square = s.m == s.n && s.n == s.k;
        square && s.input == DType::F16 && s.accumulator == DType::F32
    });
    let (Some(edge), Some(subgroup)) = (usable.map(|s| s.m).max(), caps.subgroup_size) else {
        return Ok(None);
    };
    if gpu.profile().u32("matrix", "use")? == 0 || !caps.f16 {
        return Ok(None);
    }
    let metal = caps.backend == Backend::Metal;
    // Metal reports one range for all GPUs; elsewhere a range means that a pipeline may get either size.
    if !metal && caps.subgroup_min != caps.subgroup_max {
        return Ok(None);
    }
    let tile = MatrixTile::of(gpu.profile(), edge, subgroup)?;
    Ok(tile.fits(caps.max_workgroup_threads, caps.max_workgroup_memory).then_some(tile))
}

/// Rounds uploaded f32 queries on the device, padded to `depth` and to whole tiles of `bm`.
///
/// `rows` is the smallest factor of the rows' copies: far smaller queries are rounded coarsely rather than scaled beyond
/// what the bias can follow; their bound tells.
pub(crate) fn queries(
    encoder: &mut Encoder,
    upload: &Upload,
    (dim, largest): (usize, f32),
    depth: u32,
    bm: u32,
    rows: f32,
) -> Result<HalfQueries> {
    let floats = upload.floats.as_ref().ok_or_else(|| Error::internal("no f32 queries"))?;
    let gpu = encoder.gpu().clone();
    let end = upload.count.next_multiple_of(bm);
    let factor = half::factor(largest).min(rows * 16_777_216.0);
    let source = Source {
        rows: floats,
        dtype: DType::F32,
        stride4: upload.float_stride4,
        dim,
        scale: None,
        first: 0,
        last: upload.count,
        end,
    };
    let buffer = gpu.scratch("f16 queries", u64::from(end) * u64::from(depth) * 2)?;
    let rests = gpu.scratch("query residuals", u64::from(upload.count) * 4)?;
    half::copy(encoder, &source, &buffer, depth, factor)?;
    half::residuals(encoder, &source, (&buffer, depth, factor), &rests, 0, true)?;
    Ok(HalfQueries { buffer, rests, factor })
}
