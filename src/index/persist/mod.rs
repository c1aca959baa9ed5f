//! Index files: a header, then sections with checksums. `FORMAT.md` beside `index/mod.rs` has the layout, byte by byte.
//!
//! The checksum of a section stands behind it, so that both directions stream; a reader trusts a length only as far as the
//! file reaches, and nothing that it made of a section before the checksum agreed.

mod flat;
mod info;
mod reader;
mod writer;

pub(super) use flat::{read_flat, write_flat};
pub(super) use info::{IndexReader, open, open_kind};

/// `\x1a` ends a text file where somebody prints it, and no editor leaves it alone.
const MAGIC: [u8; 8] = *b"nearfld\x1a";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 28;

/// Host memory for one block of rows or ids.
const BLOCK_BYTES: usize = 4 << 20;
