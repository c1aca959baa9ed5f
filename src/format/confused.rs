//! Files of one family that have the name of the other.

use super::element::Element;
use super::limits::MAX_DIM;

/// What to say of a file that should have been one of the `.fvecs` family.
pub(super) fn with_bin(bytes: &[u8], element: Element) -> &'static str {
    if is_bin(bytes, element) {
        "; it begins with its rows and its dimension, as .fbin, .u8bin and .ibin: rename it"
    } else {
        ""
    }
}

/// Whether it is as long as its first 8 bytes would say.
fn is_bin(bytes: &[u8], element: Element) -> bool {
    let [rows, dim] = [0, 4].map(|at| number(bytes, at));
    let (Some(rows), Some(dim)) = (rows, dim) else { return false };
    let elements = u64::from(rows) * u64::from(dim);
    let length = elements.checked_mul(element.size() as u64).and_then(|data| data.checked_add(8));
    elements > 0 && length == Some(bytes.len() as u64)
}

/// Whether it consists of rows that begin with their dimension, as its first two do.
pub(super) fn is_vecs(bytes: &[u8], element: Element) -> bool {
    let Some(dim) = number(bytes, 0).filter(|&dim| dim > 0) else { return false };
    let stride = 4 + (dim as usize).min(MAX_DIM) * element.size();
    bytes.len().is_multiple_of(stride) && number(bytes, stride) == Some(dim)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}
