//! Files that are no index of this library: what they are, and the way out.

use crate::format::holds_rows;
use std::path::Path;

/// What the file is by its first bytes or its name, as the rest of a sentence, and what to do.
pub(super) fn described(path: &Path, header: &[u8]) -> &'static str {
    if is_faiss(header) {
        "; it looks like an index of FAISS, which read_index and read_faiss read where it is of a kind that there is here"
    } else if header.starts_with(b"\x93NUMPY") || holds_rows(path) {
        "; it looks like a file of rows, which format::open reads and Index::add_from adds"
    } else if header.starts_with(b"PK\x03\x04") || header.starts_with(b"\x89HDF") {
        "; it looks like an archive: numpy.save makes a file of an array in it, which format::open reads and Index::add_from adds"
    } else {
        "; read_hnswlib reads the indexes of hnswlib; of another library's index, save the vectors as .npy, which format::open reads and Index::add_from adds"
    }
}

/// FAISS begins with four letters for the kind of index, `IxF2` or `IHNf`, and the dimension.
fn is_faiss(header: &[u8]) -> bool {
    let Some((kind, rest)) = header.split_first_chunk::<4>() else { return false };
    let Some(dim) = rest.first_chunk().copied().map(u32::from_le_bytes) else { return false };
    let letters = kind.iter().all(u8::is_ascii_alphanumeric);
    kind[0] == b'I' && letters && (1..1 << 20).contains(&dim)
}
