//! In how many bits searches of RaBitQ's codes read queries.

use super::row_codes::RowCodes;
use crate::error::Result;
use crate::index::params::SearchParams;
use crate::quantize::{Quantizer, RaBitQuantizer};

impl RowCodes {
    /// The same whose searches round queries to so many bits, or to 0 read them in full; of anything but RaBitQ nothing changes.
    pub fn with_query_bits(&self, bits: u32) -> Result<RowCodes> {
        match self.quantizer.rabitq().cloned() {
            Some(of) => Ok(self.with(Quantizer::RaBitQ(of.with_query_bits(bits)?))),
            None => Ok(self.clone()),
        }
    }

    /// These bits.
    pub fn query_bits(&self) -> u32 {
        self.quantizer.rabitq().map_or(0, RaBitQuantizer::query_bits)
    }

    /// What they come to for distances.
    pub fn rounded_bits(&self) -> u32 {
        self.quantizer.rabitq().map_or(0, RaBitQuantizer::rounded_bits)
    }

    /// Where a search says how many, what it comes to for distances, and what else it says.
    pub fn asked_bits(&self, params: &SearchParams) -> Result<Option<(u32, SearchParams)>> {
        match (params.query_bits, &self.quantizer) {
            (Some(bits), Quantizer::RaBitQ(_)) => {
                let bits = self.with_query_bits(bits)?.rounded_bits();
                Ok(Some((bits, SearchParams { query_bits: None, ..params.clone() })))
            }
            // whoever searches refuses it
            _ => Ok(None),
        }
    }
}
