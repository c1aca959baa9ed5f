//! Filters and deletions as biases: a row whose bit is 0 gets the sentinel, which no score reaches.

use crate::buffer::{Buffer, Segment};
use crate::call::mask_words;
use crate::device::Gpu;
use crate::error::{Error, Result};
use crate::exact::kernels;
use crate::exact::params::MaskBias;
use crate::kernel::{Encoder, fold};

/// The biases of all segments under a mask of `rows` rows, in fresh buffers.
pub(super) fn masked<'a>(
    gpu: &Gpu,
    rows: u64,
    own: impl Iterator<Item = (&'a Segment, &'a Buffer)>,
    live: &[u32],
) -> Result<Vec<Buffer>> {
    if live.len() < mask_words(rows) {
        return Err(Error::internal(format!("{} words mask {rows} rows", live.len())));
    }
    let mut encoder = Encoder::new(gpu, "mask", false)?;
    let mask = encoder.upload("mask", bytemuck::cast_slice(live))?;
    let mut all = Vec::new();
    for (segment, own) in own {
        let bias = gpu.alloc("bias", own.size())?;
        write(&mut encoder, own, Some(&mask), &bias, segment, 1.0)?;
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
    let params = MaskBias {
        n: segment.rows(),
        first_row: segment.first_row() as u32,
        groups_x: groups[0],
        end: end as u32,
        factor,
    };
    let mut buffers = vec![("own", own), ("bias", bias)];
    buffers.extend(mask.map(|mask| ("mask", mask)));
    let variant = kernels::mask_bias(mask.is_some());
    encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], 1])
}
