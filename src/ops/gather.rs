//! Compaction (being written).
use super::base::Base;
use crate::error::{Error, Result};

impl Base {
    /// With the numbered rows alone, in ascending order of their numbers.
    pub fn gather(&self, _keep: &[u32]) -> Result<Base> {
        Err(Error::unsupported("compaction", "anything yet"))
    }
}
