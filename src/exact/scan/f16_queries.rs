//! Which matrix-unit tile a device runs, and queries in its form.

use crate::buffer::Buffer;
use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::exact::queries::Upload;
use crate::exact::rounded::copies::RoundedPart;
use crate::exact::rounded::f16::{self, Source};
use crate::kernel::Encoder;
use crate::kernel::registry::{Lost, MatrixTile};

/// Scaled f16 queries.
pub(crate) struct HalfQueries {
    pub part: RoundedPart,
    /// |q - q'| of each query, rounded up.
    pub rests: Buffer,
}

/// The tile for rows that there are `half`s of, or not: of the type that the profile asks for, else of the other.
pub(crate) fn tile(gpu: &Gpu, half: bool) -> Result<Option<MatrixTile>> {
    let asked = MatrixTile::input_of(gpu.profile())?;
    let other = if asked == DType::F16 { DType::F32 } else { DType::F16 };
    for input in [asked, other] {
        let tile = if input == DType::F16 && !half { None } else { of(gpu, input)? };
        if tile.is_some() {
            return Ok(tile);
        }
    }
    Ok(None)
}

/// The tile of the profile, where the device has matrices of `input` that WGSL can name and takes it.
pub(crate) fn of(gpu: &Gpu, input: DType) -> Result<Option<MatrixTile>> {
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

/// Rounds uploaded f32 queries on the device, padded as copies of rows are and to whole tiles of `bm`. What they lose is
/// measured by [`HalfQueries::lost`].
///
/// `rows` is the smallest factor of the rows' copies: far smaller queries are rounded coarsely rather than scaled beyond
/// what the bias can follow; their bound tells.
pub(crate) fn queries(
    encoder: &mut Encoder,
    upload: &Upload,
    (dim, largest): (usize, f32),
    bm: u32,
    rows: f32,
) -> Result<HalfQueries> {
    let gpu = encoder.gpu().clone();
    let end = upload.count.next_multiple_of(bm);
    let factor = f16::factor(largest).min(rows * 16_777_216.0);
    let buffer = gpu.scratch("f16 queries", u64::from(end) * f16::row_bytes(dim))?;
    let rests = gpu.scratch("query residuals", u64::from(upload.count) * 4)?;
    let part = RoundedPart::of_queries(buffer, f16::depth(dim), factor, end);
    f16::copy(encoder, &source(upload, dim, end)?, &part)?;
    Ok(HalfQueries { part, rests })
}

fn source(upload: &Upload, dim: usize, end: u32) -> Result<Source<'_>> {
    Ok(Source {
        rows: upload.floats.as_ref().ok_or_else(|| Error::internal("no f32 queries"))?,
        dtype: DType::F32,
        stride4: upload.float_stride4,
        dim,
        scale: None,
        first: 0,
        last: upload.count,
        end,
    })
}

impl HalfQueries {
    /// Encodes what the queries lost: behind the scan, which need not wait for it.
    pub fn lost(&self, encoder: &mut Encoder, upload: &Upload, dim: usize) -> Result<()> {
        let source = source(upload, dim, upload.count)?;
        f16::residuals(encoder, &source, &self.part, &self.rests, 0, Lost::Each)
    }
}
