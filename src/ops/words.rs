//! What operations on lists of u32 ask of the buffers that hold them.

use crate::buffer::Buffer;
use crate::error::{Error, Result};

/// The most elements of a list: numbers of elements and of those behind them, up to the end of a block, are u32.
const MOST: u32 = 1 << 31;

/// Refuses a buffer that has no room for `n` words.
pub(super) fn check(words: &Buffer, n: u32) -> Result<()> {
    if n > MOST {
        let what = format!("elements of {}", words.label());
        return Err(Error::LimitExceeded { what, needed: n.into(), limit: MOST.into() });
    }
    if words.size() < u64::from(n) * 4 {
        let reason = format!("{n} elements in {} bytes of {}", words.size(), words.label());
        return Err(Error::internal(reason));
    }
    Ok(())
}
