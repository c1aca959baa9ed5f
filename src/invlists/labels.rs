//! The list of each row.

use std::ops::Range;
use std::sync::Arc;

/// Labels of a piece. Adding copies the last, unfinished one.
const PIECE: usize = 1 << 14;

/// The label of each row. A copy shares all whole pieces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels {
    whole: Vec<Arc<[u32]>>,
    rest: Arc<Vec<u32>>,
}

impl Labels {
    pub fn len(&self) -> usize {
        self.whole.len() * PIECE + self.rest.len()
    }

    pub fn get(&self, row: usize) -> Option<u32> {
        match self.whole.get(row / PIECE) {
            Some(piece) => piece.get(row % PIECE),
            None => self.rest.get(row.checked_sub(self.whole.len() * PIECE)?),
        }
        .copied()
    }

    /// With more behind.
    pub fn extended(&self, more: &[u32]) -> Labels {
        let mut labels = self.clone();
        let rest = Arc::make_mut(&mut labels.rest);
        rest.extend_from_slice(more);
        let whole = rest.len() / PIECE * PIECE;
        labels.whole.extend(rest[..whole].chunks(PIECE).map(Arc::from));
        rest.drain(..whole);
        labels
    }

    /// With others for some rows.
    pub fn replaced(&self, rows: &[u32], others: &[u32]) -> Labels {
        let mut all = self.read(0..self.len());
        for (&row, &label) in rows.iter().zip(others) {
            all[row as usize] = label;
        }
        Labels::default().extended(&all)
    }

    /// Those of the numbered rows alone.
    pub fn gather(&self, keep: &[u32]) -> Labels {
        let kept: Vec<u32> = keep.iter().filter_map(|&row| self.get(row as usize)).collect();
        Labels::default().extended(&kept)
    }

    /// Those of some rows that there are.
    pub fn read(&self, rows: Range<usize>) -> Vec<u32> {
        let mut out = Vec::with_capacity(rows.len());
        for (at, piece) in self.pieces() {
            let from = rows.start.clamp(at, at + piece.len()) - at;
            let to = rows.end.clamp(at, at + piece.len()) - at;
            out.extend_from_slice(&piece[from..to.max(from)]);
        }
        out
    }

    /// The pieces, and where each begins.
    pub fn pieces(&self) -> impl Iterator<Item = (usize, &[u32])> {
        let whole = self.whole.iter().map(|piece| &**piece);
        let all = whole.chain(std::iter::once(self.rest.as_slice()));
        all.enumerate().map(|(at, piece)| (at * PIECE, piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_those_that_were_put_in_whatever_the_pieces() {
        let all: Vec<u32> = (0..3 * PIECE as u32 + 7).map(|i| i * 7 % 1000).collect();
        for step in [1000, PIECE, PIECE + 1, all.len()] {
            let labels =
                all.chunks(step).fold(Labels::default(), |labels, more| labels.extended(more));
            assert_eq!(labels.len(), all.len());
            assert_eq!(labels.read(0..all.len()), all);
            assert_eq!(labels.read(PIECE - 3..2 * PIECE + 5), all[PIECE - 3..2 * PIECE + 5]);
            assert!(labels.read(5..5).is_empty());
            for row in [0, PIECE - 1, PIECE, all.len() - 1] {
                assert_eq!(labels.get(row), Some(all[row]));
            }
            assert_eq!(labels.get(all.len()), None);
            let other = labels.replaced(&[0, PIECE as u32 + 1], &[5000, 6000]);
            assert_eq!((other.get(0), other.get(PIECE + 1)), (Some(5000), Some(6000)));
            assert_eq!(labels.get(0), Some(all[0]));
            let kept = labels.gather(&[1, PIECE as u32, all.len() as u32 - 1]);
            assert_eq!(kept.read(0..3), [all[1], all[PIECE], all[all.len() - 1]]);
        }
    }
}
