//! Rows of one matrix over numbered rows of another.

use super::kernels::{ScatterRows, scatter_rows};
use crate::buffer::{Matrix, Segment};
use crate::error::Result;
use crate::kernel::{Encoder, fold};

/// Rows copied by one dispatch.
const STEP: u64 = 1 << 20;

/// Copies row i of `from` over row `to[i]` of `into`, whose buffers nobody else reads yet; each row is there at most once. Both
/// have the same type and dimension.
pub(crate) fn rows(from: &Matrix, to: &[u32], into: &Matrix) -> Result<()> {
    for source in from.segments() {
        let first = source.first_row() as usize;
        let mut places = vec![Vec::new(); into.segments().len()];
        for (row, &place) in (0..).zip(&to[first..first + source.rows() as usize]) {
            let at = into.segment_of(place.into());
            let local = place - into.segments()[at].first_row() as u32;
            places[at].push([row, local]);
        }
        for (segment, places) in into.segments().iter().zip(places) {
            copy(source, &places, segment, into)?;
        }
    }
    Ok(())
}

fn copy(source: &Segment, places: &[[u32; 2]], out: &Segment, like: &Matrix) -> Result<()> {
    let gpu = like.gpu();
    let words = like.stride_bytes() / 16;
    let step = (gpu.caps().max_binding_bytes / 8).min(STEP);
    for part in places.chunks(step as usize) {
        let groups = fold(gpu, (part.len() as u64 * u64::from(words)).div_ceil(256))?;
        let params = ScatterRows { count: part.len() as u32, words, groups_x: groups[0] };
        let mut encoder = Encoder::new(gpu, "scatter", false)?;
        let places = encoder.upload("places", bytemuck::cast_slice(part))?;
        let buffers = [("rows", source.buffer()), ("places", &places), ("out", out.buffer())];
        encoder.dispatch(&scatter_rows(), &buffers, &params, [groups[0], groups[1], 1])?;
        encoder.submit(&[])?;
    }
    Ok(())
}
