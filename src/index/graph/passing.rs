//! Which filters a search along the edges takes: it goes through all rows, and of a longer list keeps those that pass.
//!
//! A list of the L nearest rows has about s L of a share s of all, and what passes among them is the nearest that does. Where that is fewer than k, as
//! far from all rows that pass, the query is answered exactly.

use crate::call::{Filter, SharedFilter};

/// The rows that pass a filter of all queries and are not removed.
pub(super) struct Passing {
    pub words: Vec<u32>,
    pub count: u64,
}

impl Passing {
    /// How long a list of `live` rows is that serves k hits as well as one of `ef` without the filter: with room for the k-th that passes, wherever
    /// chance puts it, and by the root of the share for what is kept beyond it (as cuVS has it for its filters).
    pub fn list(&self, (k, ef): (usize, u64), live: u64) -> u64 {
        let share = self.count as f64 / live as f64;
        let needed = k as f64 + 2.0 * (k as f64).sqrt();
        let rest = (ef as f64 - needed).max(0.0);
        (needed / share + rest / share.sqrt()).ceil() as u64
    }

    /// What a filter leaves of so many rows, of which those in `gone`, so many, are removed; `None` where that is all, or why the search is the exact one.
    pub fn of(
        filter: &Filter,
        rows: u64,
        (gone, removed): (Option<&[u32]>, u64),
    ) -> Result<Option<Passing>, &'static str> {
        let words = match (&filter.shared, &filter.each) {
            (None, None) => return Ok(None),
            (Some(SharedFilter::Words(words)), None) => words,
            (Some(SharedFilter::Biases(_)), None) => return Err("a filter that was prepared"),
            (_, Some(_)) => return Err("filters of single queries"),
        };
        let used = words.iter().zip(0..rows.div_ceil(32)).map(|(&word, at)| {
            let word = word & !gone.map_or(0, |gone| gone[at as usize]);
            match rows - at * 32 {
                over @ 1..32 => word & ((1 << over) - 1),
                _ => word,
            }
        });
        let words: Vec<u32> = used.collect();
        let count: u64 = words.iter().map(|word| u64::from(word.count_ones())).sum();
        let live = rows - removed;
        Ok((count != live).then_some(Passing { words, count }))
    }
}
