//! The hits of a search by radius in host memory.

use crate::call::{Options, RowHits, SearchStats};
use crate::error::{Error, Result};
use crate::space::Decoder;

/// Pairs of key and row that came back for each query, in any order.
pub(crate) struct RangePairs(Vec<Vec<u64>>);

impl RangePairs {
    pub fn new(queries: usize) -> RangePairs {
        RangePairs(vec![Vec::new(); queries])
    }

    /// Adds pairs of these queries, one after the other with so many each.
    pub fn add(&mut self, of: &[(u32, u32)], words: &[u32]) -> Result<()> {
        let mut rest = words;
        for &(query, count) in of {
            let own = rest.split_at_checked(2 * count as usize);
            let (own, behind) = own.ok_or_else(|| Error::internal("fewer hits than counted"))?;
            rest = behind;
            let pairs = own.chunks_exact(2).map(|p| u64::from(p[0]) << 32 | u64::from(p[1]));
            self.0[query as usize].extend(pairs);
        }
        Ok(())
    }

    /// All that are within the radius, nearest first and equals in the order of their rows.
    pub fn finish(
        &mut self,
        decoder: &Decoder,
        radius: f32,
        options: &Options,
        stats: SearchStats,
    ) -> Result<RowHits> {
        let mut found = RowHits { stats, lims: vec![0], ..RowHits::default() };
        let mut rows = Vec::new();
        for pairs in &mut self.0 {
            pairs.sort_unstable();
            for &mut pair in pairs {
                let distance = decoder.distance((pair >> 32) as u32);
                // the device's limit may be a rounding too wide
                if decoder.within(distance, radius) {
                    rows.push(pair as u32);
                    found.distances.push(distance);
                }
            }
            found.lims.push(rows.len());
        }
        found.ids = options.row_ids.of(&rows)?;
        Ok(found)
    }
}
