//! Rows that are stored in any type, as f32.

use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};

/// `count` rows of `dim` elements, which `fill` writes as they are stored, as f32; of bits, a 0 or 1 for each.
pub(super) fn rows_as_f32(
    (dtype, dim): (DType, usize),
    count: usize,
    fill: impl FnOnce(&mut [u8]) -> Result<()>,
) -> Result<Vec<f32>> {
    let row_bytes = dtype.row_bytes(dim);
    let words = count.checked_mul(row_bytes).map(|bytes| bytes.div_ceil(4));
    // of words, so that it is aligned for every type
    let words = words.and_then(|words| bytemuck::try_zeroed_vec::<f32>(words).ok());
    let mut words = words.ok_or_else(|| {
        let reason = format!("{count} rows of {row_bytes} bytes do not fit in memory");
        Error::argument("ids", reason)
    })?;
    let bytes = &mut bytemuck::cast_slice_mut(&mut words)[..count * row_bytes];
    fill(bytes)?;
    match dtype {
        DType::F32 => Ok(words),
        _ => Ok(Rows::from_bytes(dtype, bytes)?.elements(dim)),
    }
}
