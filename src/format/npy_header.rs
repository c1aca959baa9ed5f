//! The header of an `.npy` file, as `numpy.save` writes it.

use super::element::Element;
use crate::error::{Error, Result};

pub(super) const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Digits that are left for the number of rows, as NumPy leaves them, so that any count can be patched in later.
const COUNT_DIGITS: usize = 21;

/// Where numpy starts the data: a multiple of this.
const ALIGNMENT: usize = 64;

/// Builds the header of version 1 for an array of `rows` by `tail`; its length does not depend on `rows`.
///
/// # Errors
/// `LimitExceeded` for a shape of so many axes that version 1 cannot hold it.
pub(super) fn build(element: Element, rows: u64, tail: &[usize]) -> Result<Vec<u8>> {
    let rows = rows.to_string();
    let shape: Vec<String> = tail.iter().map(usize::to_string).collect();
    let shape = match shape.is_empty() {
        true => format!("({rows},)"),
        false => format!("({rows}, {})", shape.join(", ")),
    };
    let mut text = format!(
        "{{'descr': '{}', 'fortran_order': False, 'shape': {shape}, }}{:spare$}",
        element.descr(),
        "",
        spare = COUNT_DIGITS.saturating_sub(rows.len()),
    );
    let before = MAGIC.len() + 4;
    let padded = (before + text.len() + 1).next_multiple_of(ALIGNMENT) - before;
    text = format!("{text:<width$}\n", width = padded - 1);
    let length = u16::try_from(padded).map_err(|_| Error::LimitExceeded {
        what: "bytes of an .npy header".into(),
        needed: padded as u64,
        limit: u16::MAX.into(),
    })?;

    let mut header = MAGIC.to_vec();
    header.extend([1, 0]);
    header.extend(length.to_le_bytes());
    header.extend(text.into_bytes());
    Ok(header)
}
