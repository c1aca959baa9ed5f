//! Rows as codes of a scalar quantizer, and queries as these multiply them: `exact/coding.rs` says what they stand for.

use super::part::{RoundedPart, Source};
use crate::buffer::Buffer;
use crate::error::Result;
use crate::exact::coding::Coding;
use crate::exact::kernels;
use crate::exact::params::{CodesCopy, FoldQueries};
use crate::kernel::{Encoder, fold};

/// Encodes the codes of rows into `out`.
pub(crate) fn copy(
    encoder: &mut Encoder,
    source: &Source<'_>,
    out: &RoundedPart,
    coding: &Coding,
) -> Result<()> {
    let words = u64::from(source.last - source.first) * u64::from(out.stride4);
    let groups = fold(encoder.gpu(), words.div_ceil(256))?;
    let params = CodesCopy {
        first: source.first,
        last: source.last,
        k4: source.dim.div_ceil(4) as u32,
        stride4: source.stride4,
        out_stride4: out.stride4,
        groups_x: groups[0],
        levels: coding.levels() as f32,
    };
    let buffers = [("rows", source.rows), ("ranges", coding.buffer()), ("copy", &out.buffer)];
    let variant = kernels::codes_copy(source.dtype);
    encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], 1])
}

/// Encodes queries that the steps are folded into, of `count` in rows of whole groups of four.
pub(crate) fn folded(
    encoder: &mut Encoder,
    queries: &Buffer,
    count: u32,
    coding: &Coding,
) -> Result<Buffer> {
    let (gpu, k4) = (encoder.gpu().clone(), coding.dim().div_ceil(4) as u32);
    let n = u64::from(count) * u64::from(k4);
    let folded = gpu.scratch("folded queries", (n * 16).max(16))?;
    let groups = fold(&gpu, n.div_ceil(256))?;
    let params = FoldQueries { n: n as u32, k4, groups_x: groups[0] };
    let buffers = [("queries", queries), ("ranges", coding.buffer()), ("folded", &folded)];
    let variant = kernels::fold_queries();
    encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], 1])?;
    Ok(folded)
}
