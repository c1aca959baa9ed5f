//! Filters and deletions as biases: a row whose bit is 0 gets the sentinel, which no score reaches.

use crate::buffer::{Buffer, Segment};
use crate::call::mask_words;
use crate::device::Gpu;
use crate::error::{Error, Result};
use crate::exact::kernels;
use crate::exact::params::MaskBias;
use crate::kernel::{Encoder, RowMap, fold};

/// The biases of all segments under a mask of `rows` rows, in fresh buffers of this name.
pub(super) fn masked<'a>(
    gpu: &Gpu,
    rows: u64,
    own: impl Iterator<Item = (&'a Segment, &'a Buffer)>,
    live: &[u32],
    label: &str,
) -> Result<Vec<Buffer>> {
    if live.len() < mask_words(rows) {
        return Err(Error::internal(format!("{} words mask {rows} rows", live.len())));
    }
    let mut encoder = Encoder::new(gpu, "mask", false)?;
    let own: Vec<_> = own.collect();
    // of each segment its own part, which fits one binding as the segment does; segments begin at whole words
    let mask = |(segment, _): &(&Segment, &Buffer)| {
        let words = &live[mask_words(segment.first_row())..];
        let words = &words[..mask_words(segment.rows().into())];
        encoder.upload("mask", bytemuck::cast_slice(words))
    };
    let masks = own.iter().map(mask).collect::<Result<Vec<_>>>()?;
    let mut all = Vec::new();
    for ((segment, own), mask) in own.into_iter().zip(&masks) {
        let bias = gpu.alloc(label, own.size())?;
        write(&mut encoder, own, Some(mask), &bias, (segment.rows(), 0), None, 1.0)?;
        all.push(bias);
    }
    encoder.submit(&[])?;
    Ok(all)
}

/// Encodes the biases of `count` rows of a segment for one search, the first of which is row `first_row` of all: masked, scaled, and the
/// sentinel behind the last; through a table, those of its positions, of which there is no mask.
pub(crate) fn write(
    encoder: &mut Encoder,
    own: &Buffer,
    mask: Option<&Buffer>,
    bias: &Buffer,
    (count, first_row): (u32, u32),
    table: Option<&Buffer>,
    factor: f32,
) -> Result<()> {
    let end = bias.size() / 4;
    let groups = fold(encoder.gpu(), end.div_ceil(256))?;
    let params = MaskBias { n: count, first_row, groups_x: groups[0], end: end as u32, factor };
    let mut buffers = vec![("own", own), ("bias", bias)];
    buffers.extend(mask.map(|mask| ("mask", mask)));
    buffers.extend(table.map(|table| ("row_table", table)));
    let map = if table.is_some() { RowMap::TABLE } else { RowMap::IDENTITY };
    let variant = kernels::mask_bias(mask.is_some(), map);
    encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], 1])
}
