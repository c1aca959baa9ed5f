//! The best of several chunks of rows: lists of (key, row) in one order, which is that of one search over all of them.

use super::request::RowHits;
use super::stats::SearchStats;
use crate::error::Result;
use crate::parallel::each;
use crate::space::Decoder;

/// Hits that one thread takes at a time.
const PIECE_HITS: usize = 1 << 16;

/// Hits of every query so far, as `key << 32 | row`.
pub(crate) struct Merge {
    /// How many are kept; all where `None`.
    k: Option<usize>,
    hits: Vec<Vec<u64>>,
    pub stats: SearchStats,
}

impl Merge {
    pub fn new(queries: usize, k: Option<usize>, stats: SearchStats) -> Merge {
        Merge { k, hits: vec![Vec::new(); queries], stats }
    }

    /// Takes what was found, with keys for distances and rows for ids, in the chunk that begins at row `first`.
    pub fn add(&mut self, first: u64, found: &RowHits) -> Result<()> {
        self.stats.add_work(&found.stats);
        let (k, keys) = (self.k, bytemuck::cast_slice::<f32, u32>(&found.distances));
        let parts = self.parts(found.ids.len());
        each(parts, |(start, hits)| {
            for (best, ends) in hits.iter_mut().zip(found.lims[start..].windows(2)) {
                let at = ends[0]..ends[1];
                let new = keys[at.clone()].iter().zip(&found.ids[at]);
                let new = new.map(|(&key, &row)| u64::from(key) << 32 | (first + row));
                match k {
                    None => best.extend(new),
                    Some(k) => merge(best, new, k),
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    /// The answer, in distances.
    pub fn finish(mut self, decoder: &Decoder) -> Result<RowHits> {
        let total = self.hits.iter().map(Vec::len).sum();
        if self.k.is_none() {
            each(self.parts(total), |(_, hits)| {
                hits.iter_mut().for_each(|hits| hits.sort_unstable());
                Ok(())
            })?;
        }
        let mut found = RowHits { stats: self.stats, ..RowHits::default() };
        found.lims.reserve_exact(self.hits.len() + 1);
        found.ids.reserve_exact(total);
        found.distances.reserve_exact(total);
        found.lims.push(0);
        for hits in self.hits {
            found.ids.extend(hits.iter().map(|&hit| hit & u64::from(u32::MAX)));
            found.distances.extend(hits.iter().map(|hit| decoder.distance((hit >> 32) as u32)));
            found.lims.push(found.ids.len());
        }
        Ok(found)
    }

    /// The lists in parts of about as many of `hits` each, with the number of the first query.
    fn parts(&mut self, hits: usize) -> Vec<(usize, &mut [Vec<u64>])> {
        let queries = self.hits.len();
        let step = queries.div_ceil(hits.div_ceil(PIECE_HITS).max(1)).max(1);
        let parts = self.hits.chunks_mut(step).enumerate();
        parts.map(|(at, part)| (at * step, part)).collect()
    }
}

/// Keeps the first k of two lists that ascend.
fn merge(best: &mut Vec<u64>, new: impl ExactSizeIterator<Item = u64>, k: usize) {
    let mut new = new.peekable();
    let Some(&first) = new.peek() else { return };
    if best.len() >= k && best.last().is_some_and(|&last| last < first) {
        return;
    }
    let mut merged = Vec::with_capacity((best.len() + new.len()).min(k));
    let mut old = best.iter().copied().peekable();
    while merged.len() < k {
        let next = match (old.peek(), new.peek()) {
            (Some(a), Some(b)) if b < a => new.next(),
            (Some(_), _) => old.next(),
            (None, _) => new.next(),
        };
        let Some(next) = next else { break };
        merged.push(next);
    }
    *best = merged;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_lists_become_one() {
        for (old, new, k) in [
            (vec![], vec![], 3),
            (vec![1, 4, 9], vec![], 3),
            (vec![], vec![2, 3], 3),
            (vec![1, 4, 9], vec![10, 11], 3),
            (vec![1, 4, 9], vec![0, 5, 8], 3),
            (vec![1, 4, 9], vec![0, 5, 8], 100),
            (vec![5], vec![1, 2, 3], 2),
        ] {
            let mut expected = [old.clone(), new.clone()].concat();
            expected.sort_unstable();
            expected.truncate(k);
            let mut best = old;
            merge(&mut best, new.into_iter(), k);
            assert_eq!(best, expected);
        }
    }
}
