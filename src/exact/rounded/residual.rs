//! How far rounded rows are from the rows: measured from the stored bits by a dispatch of its own, because a compiler that sees
//! the rounding may leave it out.

use super::part::{RoundedPart, Source};
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::exact::kernels;
use crate::exact::lost::Lost;
use crate::exact::params::Residual;
use crate::exact::tables::Tables;
use crate::kernel::{Encoder, RowMap};

/// Encodes what a copy lost, or rows themselves may lose: of each bin from `first_bin` on, or of each row; where positions are listed
/// in a table, of their bins.
pub(crate) fn measure(
    encoder: &mut Encoder,
    source: &Source<'_>,
    copy: &RoundedPart,
    out: &Buffer,
    first_bin: u32,
    table: Option<&Buffer>,
    lost: Lost,
) -> Result<()> {
    let bins = source.by_bin(encoder.gpu())?;
    let params = Residual {
        first: source.first,
        n: source.last,
        k4: bins.k4,
        stride4: source.stride4,
        out_stride4: copy.stride4,
        groups_x: bins.groups[0],
        first_bin,
        inverse: 1.0 / copy.factor,
        dim: source.dim as u32,
    };
    let mut buffers = vec![("rows", source.rows), ("residual_out", out)];
    if !matches!(lost, Lost::Own | Lost::Grid) {
        buffers.push(("copy", &copy.buffer));
    }
    if let Lost::Codes(_) = lost {
        let missing = || Error::internal("codes without ranges");
        buffers.push(("ranges", source.coding.ok_or_else(missing)?.buffer()));
    }
    buffers.extend(source.tables.map(|tables| ("ranges", tables.buffer())));
    buffers.extend(copy.scale.as_ref().map(|scale| ("copy_scale", scale)));
    buffers.extend(source.scale.map(|scale| ("scale", scale)));
    buffers.extend(table.map(|table| ("row_table", table)));
    let map = if table.is_some() { RowMap::TABLE } else { RowMap::IDENTITY };
    let elements = source.tables.map_or(source.dtype.into(), Tables::elements);
    let variant = kernels::residual(elements, source.scale.is_some(), lost, map);
    encoder.dispatch(&variant, &buffers, &params, bins.groups)
}
