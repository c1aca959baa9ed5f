//! Codes as an index keeps them.

use super::listed::Listed;
use super::quantizer::RaBitQuantizer;
use crate::error::Result;

impl RaBitQuantizer {
    /// Bytes of a row as it is kept.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.shape.bytes()
    }

    /// Numbers in f32 before the code of a row as it is kept.
    pub(crate) fn factors(&self) -> usize {
        self.shape.factors()
    }

    /// The codes of what the centers of their lists leave of rows, as they are kept; the first of them is number `first` of the call.
    pub(crate) fn encode_listed(
        &self,
        residuals: &[f32],
        lists: Listed<'_>,
        first: u64,
    ) -> Result<Vec<u8>> {
        self.shape.encode_listed(residuals, lists, first)
    }

    /// What codes that are kept stand for.
    pub(crate) fn decode_listed(&self, kept: &[u8], lists: Listed<'_>) -> Result<Vec<f32>> {
        self.shape.decode_listed(kept, lists)
    }

    /// Codes that are kept as FAISS has them.
    pub(crate) fn to_faiss(&self, kept: &[u8], lists: Listed<'_>) -> Result<Vec<u8>> {
        self.shape.to_faiss(kept, lists)
    }

    /// The reverse.
    pub(crate) fn of_faiss(&self, codes: &[u8], lists: Listed<'_>) -> Result<Vec<u8>> {
        self.shape.of_faiss(codes, lists)
    }
}
