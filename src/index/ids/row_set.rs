//! Sets of rows, a bit a row in words of 32: the form in which the device takes filters and deletions.

use std::ops::Range;

/// Some of `len` rows: bit `i % 32` of word `i / 32`. Bits behind the last row are 0.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::index) struct RowSet {
    words: Vec<u32>,
    len: usize,
}

impl RowSet {
    pub fn none(len: usize) -> RowSet {
        RowSet { words: vec![0; len.div_ceil(32)], len }
    }

    pub fn all(len: usize) -> RowSet {
        let mut all = RowSet { words: vec![u32::MAX; len.div_ceil(32)], len };
        all.trim();
        all
    }

    pub fn words(&self) -> &[u32] {
        &self.words
    }

    pub fn into_words(self) -> Vec<u32> {
        self.words
    }

    pub fn has(&self, row: usize) -> bool {
        self.words[row / 32] >> (row % 32) & 1 != 0
    }

    pub fn insert(&mut self, row: usize) {
        self.words[row / 32] |= 1 << (row % 32);
    }

    pub fn remove(&mut self, row: usize) {
        self.words[row / 32] &= !(1 << (row % 32));
    }

    pub fn insert_range(&mut self, rows: Range<usize>) {
        self.insert_pattern(rows, |_| u32::MAX);
    }

    /// Inserts row `rows.start + i` where bit `i % 32` of `pattern(i - i % 32)` is 1, for all i of the range.
    pub fn insert_pattern(&mut self, rows: Range<usize>, pattern: impl Fn(usize) -> u32) {
        let shift = rows.start % 32;
        for i in (0..rows.len()).step_by(32) {
            let left = rows.len() - i;
            let keep = if left < 32 { (1u32 << left) - 1 } else { u32::MAX };
            let bits = u64::from(pattern(i) & keep) << shift;
            let at = (rows.start + i) / 32;
            self.words[at] |= bits as u32;
            if bits >> 32 != 0 {
                self.words[at + 1] |= (bits >> 32) as u32;
            }
        }
    }

    /// With `more` rows behind, all of them in the set.
    pub fn grown(&self, more: usize) -> RowSet {
        let len = self.len + more;
        let mut words = Vec::with_capacity(len.div_ceil(32));
        words.extend_from_slice(&self.words);
        words.resize(len.div_ceil(32), 0);
        let mut grown = RowSet { words, len };
        grown.insert_range(self.len..len);
        grown
    }

    pub fn invert(&mut self) {
        self.words.iter_mut().for_each(|word| *word = !*word);
        self.trim();
    }

    /// Combines with a set of as many rows, word by word; `f(0, 0)` must be 0.
    pub fn combine(&mut self, other: &RowSet, f: impl Fn(u32, u32) -> u32) {
        for (word, &other) in self.words.iter_mut().zip(&other.words) {
            *word = f(*word, other);
        }
    }

    /// How many they are.
    pub fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// The rows of the set, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            let mut word = word;
            std::iter::from_fn(move || {
                let bit = word.trailing_zeros();
                (bit < 32).then(|| {
                    word &= word - 1;
                    at as u32 * 32 + bit
                })
            })
        })
    }

    fn trim(&mut self) {
        let over = self.words.len() * 32 - self.len;
        if let Some(last) = self.words.last_mut() {
            *last &= u32::MAX >> over;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_patterns_land_where_they_should() {
        for start in [0usize, 1, 31, 32, 33, 70] {
            for len in [0usize, 1, 2, 31, 32, 33, 64, 65, 100] {
                let mut set = RowSet::none(200);
                set.insert_range(start..start + len);
                let expected: Vec<u32> = (start as u32..(start + len) as u32).collect();
                assert_eq!(set.iter().collect::<Vec<_>>(), expected);

                let mut set = RowSet::none(start + len);
                set.insert_pattern(start..start + len, |i| 0x5555_5555u32.rotate_left(i as u32));
                let every_other: Vec<u32> = expected.iter().copied().step_by(2).collect();
                assert_eq!(set.iter().collect::<Vec<_>>(), every_other);
            }
        }
    }

    #[test]
    fn nothing_lies_behind_the_last_row() {
        for len in [0usize, 1, 31, 32, 33, 64] {
            let mut set = RowSet::all(len);
            assert_eq!((set.iter().count(), set.count()), (len, len as u64));
            set.invert();
            assert_eq!(set, RowSet::none(len));
            set.invert();
            assert_eq!(set, RowSet::all(len));
            assert_eq!(set.grown(40), RowSet::all(len + 40));
        }
        let mut set = RowSet::all(40);
        set.remove(39);
        assert!(!set.has(39) && set.has(38) && set.grown(1).has(40) && !set.grown(1).has(39));
    }
}
