//! Filters and deletions as biases: a row whose bit is 0 gets the sentinel.

use crate::buffer::{Buffer, Segment};
use crate::error::{Error, Result};
use crate::exact::dataset::Base;
use crate::kernel::{Encoder, fold, registry};
use bytemuck::NoUninit;

#[repr(C)]
#[derive(Clone, Copy, NoUninit)]
struct Params {
    n: u32,
    first_row: u32,
    groups_x: u32,
    end: u32,
    factor: f32,
}

/// Words that a mask of `rows` rows takes.
pub(crate) fn words(rows: u64) -> usize {
    rows.div_ceil(32) as usize
}

/// The biases of all segments under a mask, in fresh buffers.
pub(crate) fn biases(base: &Base, live: &[u32]) -> Result<Vec<Buffer>> {
    if live.len() < words(base.len()) {
        return Err(Error::internal(format!("{} words mask {} rows", live.len(), base.len())));
    }
    let gpu = base.gpu();
    let mut encoder = Encoder::new(gpu, "mask", false)?;
    let mask = encoder.upload("mask", bytemuck::cast_slice(live))?;
    let mut all = Vec::new();
    for (segment, part) in base.segments() {
        let bias = gpu.alloc("bias", part.bias.size())?;
        write(&mut encoder, &part.bias, Some(&mask), &bias, segment, 1.0)?;
        all.push(bias);
    }
    encoder.submit(&[])?;
    Ok(all)
}

/// Encodes the bias of a segment for one search: masked, scaled, and the sentinel behind the last row.
pub(crate) fn write(
    encoder: &mut Encoder,
    own: &Buffer,
    mask: Option<&Buffer>,
    bias: &Buffer,
    segment: &Segment,
    factor: f32,
) -> Result<()> {
    let end = bias.size() / 4;
    let groups = fold(encoder.gpu(), end.div_ceil(256))?;
    let params = Params {
        n: segment.rows(),
        first_row: segment.first_row() as u32,
        groups_x: groups[0],
        end: end as u32,
        factor,
    };
    let mut buffers = vec![own, bias];
    buffers.extend(mask);
    let variant = registry::mask_bias(mask.is_some());
    encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], 1])
}
