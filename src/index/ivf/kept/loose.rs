//! The rows whose codes are off by most: what a proof for all others leaves to look at one by one.

use super::place::Kept;
use crate::invlists::InvertedLists;

/// One in so many rows is listed, those whose slack is largest: of a few hundred candidates some ten.
const LISTED: usize = 64;

/// Slacks of the rows that were not removed.
#[derive(Default)]
pub(super) struct Loose {
    /// The largest.
    most: f32,
    /// The largest of a row that is not listed; negative where all are.
    rest: f32,
    /// Those that are listed, of list l from `starts[l]` to `starts[l + 1]`, the largest first.
    starts: Vec<usize>,
    listed: Vec<(f32, u32)>,
}

impl Loose {
    pub fn new(lists: &InvertedLists, rows: &Kept) -> Loose {
        let live = lists.live();
        let is_live = |row: u32| live.is_none_or(|l| l[row as usize / 32] >> (row % 32) & 1 != 0);
        let mut all: Vec<(f32, u32)> =
            rows.slacks().zip(0u32..).filter(|&(_, row)| is_live(row)).collect();
        let count = all.len().div_ceil(LISTED).min(all.len());
        if all.len() > count {
            all.select_nth_unstable_by(count, |a, b| b.0.total_cmp(&a.0));
        }
        let rest = all.get(count).map_or(-1.0, |&(slack, _)| slack);
        all.truncate(count);
        let labels = lists.labels(0..rows.len());
        let label = |row: u32| labels[row as usize] as usize;
        all.sort_unstable_by(|a, b| label(a.1).cmp(&label(b.1)).then(b.0.total_cmp(&a.0)));
        let mut starts = vec![0; lists.nlist() + 1];
        all.iter().for_each(|&(_, row)| starts[label(row) + 1] += 1);
        for list in 0..lists.nlist() {
            starts[list + 1] += starts[list];
        }
        let most = all.iter().fold(rest, |most, &(slack, _)| most.max(slack));
        all.shrink_to_fit();
        Loose { most, rest, starts, listed: all }
    }

    /// The slack that no row has more of.
    pub fn most(&self) -> f64 {
        self.most.into()
    }

    /// The same of the rows that are not listed.
    pub fn rest(&self) -> f64 {
        self.rest.into()
    }

    /// The listed rows of a list with a slack of at least `gap`.
    pub fn of(&self, list: usize, gap: f64) -> impl Iterator<Item = u32> {
        let own = &self.listed[self.starts[list]..self.starts[list + 1]];
        own.iter().take_while(move |(slack, _)| f64::from(*slack) >= gap).map(|&(_, row)| row)
    }
}
