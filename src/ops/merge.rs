//! The best of several chunks of rows: lists of (key, row) in one order, which is that of one search over all of them.

use super::request::Found;
use super::space::Decoder;
use super::stats::SearchStats;
use rayon::prelude::*;

/// Below so many hits threads cost more than they save.
const PARALLEL: usize = 1 << 16;

/// Hits of every query so far, as `key << 32 | row`.
pub(super) struct Merge {
    /// How many are kept; all where `None`.
    k: Option<usize>,
    hits: Vec<Vec<u64>>,
    pub stats: SearchStats,
}

impl Merge {
    pub fn new(queries: usize, k: Option<usize>, stats: SearchStats) -> Merge {
        Merge { k, hits: vec![Vec::new(); queries], stats }
    }

    /// Takes what was found, with keys for distances, in the chunk that begins at row `first`.
    pub fn add(&mut self, first: u64, found: &Found) {
        self.stats.add_chunk(&found.stats);
        let (k, keys) = (self.k, bytemuck::cast_slice::<f32, u32>(&found.distances));
        let merge = |(query, best): (usize, &mut Vec<u64>)| {
            let at = found.lims[query]..found.lims[query + 1];
            let new = keys[at.clone()].iter().zip(&found.rows[at]);
            let new = new.map(|(&key, &row)| u64::from(key) << 32 | (first + u64::from(row)));
            match k {
                None => best.extend(new),
                Some(k) => merge(best, new, k),
            }
        };
        if found.rows.len() < PARALLEL {
            self.hits.iter_mut().enumerate().for_each(merge);
        } else {
            self.hits.par_iter_mut().enumerate().for_each(merge);
        }
    }

    /// The answer, in distances.
    pub fn finish(mut self, decoder: &Decoder) -> Found {
        if self.k.is_none() {
            self.hits.par_iter_mut().for_each(|hits| hits.sort_unstable());
        }
        let mut found = Found { stats: self.stats, ..Found::default() };
        let total = self.hits.iter().map(Vec::len).sum();
        found.lims.reserve_exact(self.hits.len() + 1);
        found.rows.reserve_exact(total);
        found.distances.reserve_exact(total);
        found.lims.push(0);
        for hits in self.hits {
            found.rows.extend(hits.iter().map(|&hit| hit as u32));
            found.distances.extend(hits.iter().map(|hit| decoder.distance((hit >> 32) as u32)));
            found.lims.push(found.rows.len());
        }
        found
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
