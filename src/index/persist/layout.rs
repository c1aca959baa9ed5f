//! What both directions of the container agree on.

/// `\x1a` ends a text file where somebody prints it, and no editor leaves it alone.
pub(super) const MAGIC: [u8; 8] = *b"nearfld\x1a";
pub(super) const VERSION: u32 = 1;
/// The kind of index that has codes of a scalar quantizer.
pub(in crate::index) const SQ: &str = "Sq";
/// The kind of index that has codes of a product quantizer.
pub(in crate::index) const PQ: &str = "Pq";
/// The kind of index that has codes of RaBitQ.
pub(in crate::index) const RABITQ: &str = "RaBitQ";
/// The kind of index that has a graph of rows as they are.
pub(in crate::index) const GRAPH: &str = "Graph";
/// The kind of index that has a layered graph of rows as they are.
pub(in crate::index) const HNSW: &str = "Hnsw";
/// The kind of index that has lists of rows as they are.
pub(in crate::index) const IVF_FLAT: &str = "IvfFlat";
/// The kind of index that has lists of rows of bits.
pub(in crate::index) const BINARY_IVF: &str = "BinaryIvf";
/// The kind of index that has lists of codes of a scalar quantizer.
pub(in crate::index) const IVF_SQ: &str = "IvfSq";
/// The kind of index that has lists of codes of a product quantizer.
pub(in crate::index) const IVF_PQ: &str = "IvfPq";
/// The kind of index that has lists of codes of RaBitQ.
pub(in crate::index) const IVF_RABITQ: &str = "IvfRaBitQ";
/// The kind of index that has the signs of rows.
pub(in crate::index) const LSH: &str = "Lsh";
/// The kind of index that is behind transforms of vectors.
pub(in crate::index) const PRE_TRANSFORM: &str = "PreTransform";
/// The kind of index whose candidates are compared again.
pub(in crate::index) const REFINE: &str = "Refine";
pub(super) const HEADER_BYTES: usize = 28;

/// Host memory for one block of rows or ids.
pub(super) const BLOCK_BYTES: usize = 4 << 20;
