//! Inverted lists without their rows, as files of other libraries have them.

use crate::quantize::Quantizer;

/// Inverted lists without their rows.
pub(crate) struct ListsApart {
    pub nlist: usize,
    /// Lists that a search looks at which does not say how many.
    pub nprobe: usize,
    /// The elements of all centroids, once they are known.
    pub centroids: Option<Vec<f32>>,
    /// The bytes of all centroids, once they are known, where rows are bits; there are no others then.
    pub bit_centroids: Option<Vec<u8>>,
    /// The list of each row.
    pub labels: Vec<u32>,
    /// What the rows are codes of, if they are, and whether of what their centroids leave of them.
    pub codes: Option<(Quantizer, bool)>,
}

impl ListsApart {
    /// Whether the centroids are known.
    pub fn is_trained(&self) -> bool {
        self.centroids.is_some() || self.bit_centroids.is_some()
    }
}
