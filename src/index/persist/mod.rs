//! Index files: a header, then sections with checksums. `FORMAT.md` beside `index/mod.rs` has the layout, byte by byte.
//!
//! The checksum of a section stands behind it, so that both directions stream; a reader trusts a length only as far as the
//! file reaches, and nothing that it made of a section before the checksum agreed.

mod describe;
mod foreign;
mod graph;
mod hnsw;
mod ids;
mod info;
mod layout;
mod list_sizes;
mod lists;
mod quantizer;
mod reader;
mod refine;
mod rows;
mod signs;
mod transforms;
mod writer;

pub use describe::IndexInfo;
pub(super) use graph::{has_edges, read_edges, read_graph, write_edges, write_graph};
pub use hnsw::HnswInfo;
pub(super) use hnsw::{read_hnsw, write_hnsw};
pub(super) use ids::{read_ids, write_ids};
pub(super) use info::{IndexReader, Info, has_section, open, open_kind};
pub(super) use layout::{
    BINARY_IVF, GRAPH, HNSW, IVF_FLAT, IVF_PQ, IVF_RABITQ, IVF_SQ, LSH, PQ, PRE_TRANSFORM, RABITQ,
    REFINE, SQ,
};
pub use list_sizes::ListSizes;
pub use lists::IvfInfo;
pub(super) use lists::{Lists, read_labels, read_lists, write_labels, write_lists};
pub(super) use quantizer::{read_codes, read_flat_codes, write_codes};
pub(super) use reader::FileReader;
pub use refine::RefineInfo;
pub(super) use refine::{read_k_factor, write_k_factor};
pub(super) use rows::{ON_HOST, ORIGINALS, ROWS, read_mark, read_rows, write_mark, write_rows};
pub(super) use signs::{read_signs, write_signs};
pub(super) use transforms::{read_transforms, write_transforms};
pub(super) use writer::FileWriter;
