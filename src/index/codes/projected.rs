//! Codes of RaBitQ beside rows that are kept: what proofs about these want of them is not what estimates want.
//!
//! An estimate is right in the mean because what a code stands for is farther from the centroid than the row, and a number is added to each
//! distance. A proof asks how far the row may be from what its code stands for, and the projection of the row on the code's line is the
//! nearest there is. So an index that keeps rows has such codes on the device. Files have the codes that estimate, whatever is kept beside
//! them: one index is one file to whoever reads no rows, FAISS among them.

use super::row_codes::RowCodes;
use crate::quantize::RaBitQuantizer;

impl RowCodes {
    /// The same whose codes of RaBitQ stand for projections of rows or for estimates; of others there is one kind.
    pub fn projecting(&self, projects: bool) -> RowCodes {
        if self.projects() == projects {
            return self.clone();
        }
        self.with(self.quantizer.clone().projecting(projects))
    }

    /// Whether codes stand for projections of rows.
    pub fn projects(&self) -> bool {
        self.quantizer.rabitq().is_some_and(RaBitQuantizer::projects)
    }
}
