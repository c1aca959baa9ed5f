//! Bits packed into whole numbers.

use super::block::Block;
use super::conversion::BitOrder;
use super::layout::Layout;
use crate::error::{Error, Result};

/// The bits of a row: those that were said, or all that its elements have.
pub(super) fn width(layout: &Layout, bits: Option<usize>) -> Result<usize, String> {
    let (all, element) = (layout.row_bytes() * 8, layout.element.size() * 8);
    match bits {
        None => Ok(all),
        Some(bits) if bits <= all && bits + element > all => Ok(bits),
        Some(bits) => Err(format!(
            "{bits} bits are not what rows of {} elements of {element} bits hold, which are {} to {all} (--bits, Conversion::bits)",
            layout.width(),
            all - element + 1,
        )),
    }
}

/// Whether rows of so many bits are the bytes of the file's rows, and nothing has to be looked at.
pub(super) fn are_bytes(layout: &Layout, dim: usize, order: BitOrder) -> bool {
    dim == layout.row_bytes() * 8 && order == BitOrder::Little
}

/// Appends rows of `dim` bits, each of which takes `row_bytes` bytes: in our own order, and without the bytes behind the last.
pub(super) fn append(
    first_row: u64,
    bytes: &[u8],
    row_bytes: usize,
    dim: usize,
    order: BitOrder,
    to: &mut Block,
) -> Result<()> {
    if order == BitOrder::Little && dim == row_bytes * 8 {
        to.extend_from_bytes(bytes);
        return Ok(());
    }
    let kept = dim.div_ceil(8);
    let mut turned = vec![0; row_bytes];
    for (row, bytes) in (first_row..).zip(bytes.chunks_exact(row_bytes)) {
        turned.copy_from_slice(bytes);
        if order == BitOrder::Big {
            turned.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        }
        // Bits behind the last are no part of a row, and would count.
        let last = turned.iter().rposition(|&byte| byte != 0);
        let column = last.map(|at| at * 8 + 7 - turned[at].leading_zeros() as usize);
        if let Some(column) = column.filter(|&column| column >= dim) {
            let other = match order {
                BitOrder::Little => {
                    "if the highest bit of a byte is the first, as numpy.packbits has it by default, --bit-order big \
                     (BitOrder::Big) says so"
                }
                BitOrder::Big => "the last byte is not padded with zeros",
            };
            let reason = format!("this bit is set, and rows have {dim}: {other}");
            return Err(Error::InvalidValue { row, column, reason });
        }
        to.extend_from_bytes(&turned[..kept]);
    }
    Ok(())
}
