//! Queries as matrix units multiply them: rounded to f16 on the device.

use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::exact::f16_factor::f16_factor;
use crate::exact::lost::Lost;
use crate::exact::rounded::part::{RoundedPart, Source};
use crate::exact::rounded::{f16, residual};
use crate::exact::upload::Upload;
use crate::kernel::Encoder;

/// Scaled f16 queries.
pub(crate) struct F16Queries {
    pub part: RoundedPart,
    /// |q - q'| of each query, rounded up.
    pub residuals: Buffer,
    dim: usize,
}

impl F16Queries {
    /// Rounds uploaded f32 queries, padded as copies of rows are and to whole tiles of `bm`. What they lose is measured by
    /// [`F16Queries::measure`].
    ///
    /// `rows` is the smallest factor of the rows' copies: far smaller queries are rounded coarsely rather than scaled beyond
    /// what the bias can follow; their bound tells.
    pub fn new(
        encoder: &mut Encoder,
        upload: &Upload,
        (dim, largest): (usize, f32),
        bm: u32,
        rows: f32,
    ) -> Result<F16Queries> {
        let gpu = encoder.gpu().clone();
        let capacity = upload.count.next_multiple_of(bm);
        let factor = f16_factor(largest).min(rows * 16_777_216.0);
        let buffer = gpu.scratch("f16 queries", u64::from(capacity) * f16::row_bytes(dim))?;
        let residuals = gpu.scratch("query residuals", u64::from(upload.count) * 4)?;
        let stride4 = f16::depth(dim) / 4;
        let part = RoundedPart { buffer, stride4, factor, scale: None, capacity };
        f16::copy(encoder, &source(upload, dim, capacity)?, &part)?;
        Ok(F16Queries { part, residuals, dim })
    }

    /// Encodes how much the queries lost: behind the scan, which need not wait for it.
    pub fn measure(&self, encoder: &mut Encoder, upload: &Upload) -> Result<()> {
        let source = source(upload, self.dim, upload.count)?;
        residual::measure(encoder, &source, &self.part, &self.residuals, 0, None, Lost::Each)
    }
}

fn source(upload: &Upload, dim: usize, end: u32) -> Result<Source<'_>> {
    Ok(Source {
        rows: upload.floats.as_ref().ok_or_else(|| Error::internal("no f32 queries"))?,
        dtype: DType::F32,
        stride4: upload.float_stride4,
        dim,
        scale: None,
        logs: false,
        coding: None,
        tables: None,
        first: 0,
        last: upload.count,
        end,
    })
}
