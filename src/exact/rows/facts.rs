//! What is known of rows that are on the device already: what the check of rows on their way there finds, found by the device.

use crate::buffer::Matrix;
use crate::dtype::{DType, Rows};
use crate::error::Result;
use crate::exact::kernels;
use crate::exact::params::RowFacts as Params;
use crate::format::RowSource;
use crate::kernel::{Encoder, fold, words};
use crate::metric::Metric;
use crate::parallel::each;
use crate::space::check::{self, RowFacts};

/// Rows that a workgroup takes.
const GROUP_ROWS: u64 = 32;
/// What the kernel finds: five words.
const BYTES: u64 = 20;
/// Rows that the host looks at, at a time.
const BLOCK_ROWS: usize = 1 << 16;

// flags of the kernel
const FRACTION: u32 = 1;
const SHORT: u32 = 2;
const DOUBTFUL: u32 = 4;

/// Checks the rows as [`check::rows`] does. Where the device meets one that the metric might refuse, they are read back, and the host decides.
pub(crate) fn of(metric: &Metric, matrix: &Matrix) -> Result<RowFacts> {
    if matrix.dtype() == DType::Bits || matrix.is_empty() {
        return Ok(RowFacts::NONE);
    }
    let (gpu, dim) = (matrix.gpu(), matrix.dim());
    let out = gpu.scratch("row facts", BYTES)?;
    let mut encoder = Encoder::new(gpu, "row facts", false)?;
    encoder.clear(&out);
    for segment in matrix.segments() {
        let groups = fold(gpu, u64::from(segment.rows()).div_ceil(GROUP_ROWS))?;
        let params = Params {
            n: segment.rows(),
            k4: dim.div_ceil(4) as u32,
            stride4: matrix.dtype().stride4(segment.stride_bytes()),
            groups_x: groups[0],
            non_negative: u32::from(metric.needs_non_negative()),
            counted: if check::counts_zeros(metric) { dim as u32 } else { 0 },
        };
        let buffers = [("rows", segment.buffer()), ("facts", &out)];
        let variant = kernels::row_facts(matrix.dtype());
        encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], 1])?;
    }
    let landed = encoder.submit(&[(&out, 0, BYTES)])?.wait()?;
    let found = words(landed.parts.first().map_or(&[], |part| &part[..]));
    let none = [0, 0, DOUBTFUL, 0, 0];
    let [square, largest, flags, least, zero_rows] = found[..].try_into().unwrap_or(none);
    if flags & DOUBTFUL != 0 {
        return on_host(metric, matrix);
    }
    // the sum of d / 32 squares in a row is off by less than d 2^-29, and squares may have vanished
    let up = 1.001 + dim as f64 * 2f64.powi(-28);
    let square = f64::from(f32::from_bits(square)) * up + dim as f64 * 2f64.powi(-120);
    Ok(RowFacts {
        whole: flags & FRACTION == 0,
        norm: square.sqrt(),
        largest: f32::from_bits(largest),
        short: flags & SHORT != 0,
        // none at all has the bits of a NaN
        smallest: f32::from_bits(!least).min(f32::MAX),
        zero_rows: zero_rows.into(),
    })
}

fn on_host(metric: &Metric, matrix: &Matrix) -> Result<RowFacts> {
    let (dim, mut source) = (matrix.dim(), matrix.source());
    let (mut facts, mut first) = (RowFacts::NONE, 0);
    while let Some(block) = source.next_rows(BLOCK_ROWS)? {
        let count = block.count(dim)?;
        let step = (BLOCK_ROWS / dim).max(1);
        let found = each((0..count).step_by(step).collect(), |start: usize| {
            let piece: Rows<'_> = block.slice(dim, start..(start + step).min(count));
            check::rows(metric, piece, dim, first + start as u64)
        })?;
        facts = found.into_iter().fold(facts, RowFacts::and);
        first += count as u64;
    }
    Ok(facts)
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
