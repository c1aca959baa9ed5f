//! What a file holds, and where its rows are.

use super::fast_scan::Blocks;
use crate::dtype::DType;
use crate::graph::Layers;
use crate::metric::Metric;
use crate::quantize::{Quantizer, SignQuantizer, VectorTransform};

/// The most candidates for each neighbour that FAISS reads.
pub(super) const MOST_CANDIDATES: f32 = 1000.0;

/// An index in a file.
pub(super) struct Found {
    pub metric: Metric,
    /// Of the rows, or of the bytes of their codes.
    pub dtype: DType,
    pub dim: usize,
    /// Bytes of a row, or of its code.
    pub row_bytes: u64,
    /// How codes lie in blocks, where they do not lie row by row.
    pub blocks: Option<Blocks>,
    /// Where the rows are.
    pub stretches: Vec<Stretch>,
    /// Rows there are.
    pub rows: u64,
    /// Rows that there are by FAISS's count: those of no list are none of them.
    pub counted: u64,
    /// The id of each row; `None` where they are their numbers.
    pub ids: Option<Vec<u64>>,
    /// What the rows are codes of that are in no lists.
    pub codes: Option<Quantizer>,
    pub lists: Option<ListsFound>,
    /// The graph of the rows, if there is one.
    pub graph: Option<Box<GraphFound>>,
    /// What made bits of rows, where the rows are bits of others.
    pub signs: Option<SignQuantizer>,
    /// What rows went through before they were stored.
    pub transforms: Vec<VectorTransform>,
    /// What compares the rows that this one finds again, if anything does.
    pub refine: Option<Box<Rescoring>>,
}

/// A graph without its rows.
pub(super) struct GraphFound {
    pub layers: Layers,
    /// Rows that a search keeps.
    pub ef_search: usize,
}

/// The second stage of an index.
pub(super) struct Rescoring {
    /// A flat index, whose ids are those of the first stage.
    pub rows: Found,
    pub k_factor: f32,
}

/// Rows that lie one behind the other.
pub(super) struct Stretch {
    pub at: u64,
    pub rows: u64,
    /// The list that they are in, if there are lists.
    pub list: u32,
}

/// Inverted lists without their rows.
pub(super) struct ListsFound {
    pub nlist: u64,
    pub nprobe: u64,
    /// Where the centroids lie, once there are some.
    pub centroids: Option<u64>,
    /// What the rows are codes of, and whether of residuals.
    pub codes: Option<(Quantizer, bool)>,
}

impl Found {
    /// Rows of so many bytes that lie one behind the other, and nothing else.
    pub fn of_rows(
        metric: Metric,
        (dtype, dim): (DType, usize),
        row_bytes: u64,
        stretch: Stretch,
    ) -> Found {
        let rows = stretch.rows;
        Found {
            metric,
            dtype,
            dim,
            row_bytes,
            blocks: None,
            stretches: vec![stretch],
            rows,
            counted: rows,
            ids: None,
            codes: None,
            lists: None,
            graph: None,
            signs: None,
            transforms: Vec::new(),
            refine: None,
        }
    }

    /// Elements of the rows that such an index takes.
    pub fn dim_in(&self) -> usize {
        self.transforms.first().map_or(self.dim, VectorTransform::dim_in)
    }

    /// The metric by the header, which of signs is not that of their distances.
    pub fn header_metric(&self) -> &Metric {
        if self.signs.is_some() { &Metric::L2 } else { &self.metric }
    }

    /// Elements of a row as it lies in the file; of codes bytes.
    pub fn row_dim(&self) -> usize {
        match &self.signs {
            Some(signs) => signs.bits(),
            None if self.dtype == DType::U8 => self.row_bytes as usize,
            None => self.dim,
        }
    }

    /// The id of the next row that is added without one.
    pub fn next_id(&self) -> u64 {
        let ids = self.ids.iter().flatten();
        ids.fold(self.counted, |next, &id| next.max(id.saturating_add(1)))
    }

    /// Where a row lies in the file.
    pub fn place(&self, row: u64) -> u64 {
        let mut before = 0;
        for stretch in &self.stretches {
            if row < before + stretch.rows {
                let within = row - before;
                return stretch.at
                    + match self.blocks {
                        None => within * self.row_bytes,
                        Some(blocks) => within / blocks.rows() * blocks.bytes(),
                    };
            }
            before += stretch.rows;
        }
        0
    }
}
