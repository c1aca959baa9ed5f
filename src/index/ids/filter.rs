//! Which ids a search may find.

use super::list::Ids;
use super::row_set::RowSet;
use crate::call::Filter;
use crate::error::{Error, Result};
use crate::parallel::each;
use std::ops::{BitAnd, BitOr, BitXor, Not, Range};

/// Which ids a search may find: FAISS's `IDSelector` and its family.
///
/// Made by [`IdFilter::range`], [`IdFilter::batch`] and [`IdFilter::bitset`], and of others by `!`, `&`, `|` and `^`.
/// Ids that the index does not have may pass and change nothing.
///
/// Cost: a search evaluates it once on the host, to a bit a row; of sequential ids a word at a time. What it leaves out
/// is skipped, not spared: the device reads the rows as without a filter, and a search is neither slower nor faster by it.
///
/// # Example
/// ```
/// use nearfield::IdFilter;
/// let filter = IdFilter::range(1000, 2000) & !IdFilter::batch([1234, 1999]);
/// assert!(filter.is_member(1233) && !filter.is_member(1234));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum IdFilter {
    /// Every id (`IDSelectorAll`).
    #[default]
    All,
    /// The ids from `min` to below `max` (`IDSelectorRange`).
    Range {
        /// The first.
        min: u64,
        /// One past the last.
        max: u64,
    },
    /// These ids (`IDSelectorBatch`, `IDSelectorArray`); those that are there twice count once.
    Batch(Vec<u64>),
    /// Ids whose bit is 1: bit `id % 64` of word `id / 64`; beyond the last word none (`IDSelectorBitmap`).
    Bitset(Vec<u64>),
    /// The ids that the other lacks (`IDSelectorNot`).
    Not(Box<IdFilter>),
    /// The ids of all of these (`IDSelectorAnd`); of none of them: every id.
    And(Vec<IdFilter>),
    /// The ids of any of these (`IDSelectorOr`).
    Or(Vec<IdFilter>),
    /// The ids of an odd number of these (`IDSelectorXOr`).
    Xor(Vec<IdFilter>),
}

impl IdFilter {
    /// The ids from `min` to below `max`.
    pub fn range(min: u64, max: u64) -> Self {
        IdFilter::Range { min, max }
    }

    /// These ids, in any order.
    pub fn batch(ids: impl Into<Vec<u64>>) -> Self {
        IdFilter::Batch(ids.into())
    }

    /// The ids whose bit is 1: bit `id % 64` of word `id / 64`.
    pub fn bitset(words: impl Into<Vec<u64>>) -> Self {
        IdFilter::Bitset(words.into())
    }

    /// Whether an id passes. For a few ids: a batch is searched from its start.
    pub fn is_member(&self, id: u64) -> bool {
        match self {
            IdFilter::All => true,
            IdFilter::Range { min, max } => *min <= id && id < *max,
            IdFilter::Batch(ids) => ids.contains(&id),
            IdFilter::Bitset(words) => {
                let word = usize::try_from(id / 64).ok().and_then(|at| words.get(at));
                word.is_some_and(|word| word >> (id % 64) & 1 != 0)
            }
            IdFilter::Not(other) => !other.is_member(id),
            IdFilter::And(all) => all.iter().all(|f| f.is_member(id)),
            IdFilter::Or(any) => any.iter().any(|f| f.is_member(id)),
            IdFilter::Xor(odd) => odd.iter().filter(|f| f.is_member(id)).count() % 2 == 1,
        }
    }

    /// The rows whose ids pass.
    pub(super) fn rows(&self, ids: &Ids) -> RowSet {
        let mut set = RowSet::none(ids.len());
        match self {
            IdFilter::All => return RowSet::all(ids.len()),
            IdFilter::Range { min, max } => ids.insert_range(*min, *max, &mut set),
            IdFilter::Batch(batch) => {
                for &id in batch {
                    ids.rows_of(id).for_each(|row| set.insert(row));
                }
            }
            IdFilter::Bitset(words) => ids.insert_bits(words, &mut set),
            IdFilter::Not(other) => {
                set = other.rows(ids);
                set.invert();
            }
            IdFilter::And(all) => {
                set = RowSet::all(ids.len());
                all.iter().for_each(|f| set.combine(&f.rows(ids), |a, b| a & b));
            }
            IdFilter::Or(any) => any.iter().for_each(|f| set.combine(&f.rows(ids), |a, b| a | b)),
            IdFilter::Xor(odd) => odd.iter().for_each(|f| set.combine(&f.rows(ids), |a, b| a ^ b)),
        }
        set
    }
}

// A chain of one operator stays one list, so that a filter put together in a loop does not become deep.

impl BitAnd for IdFilter {
    type Output = IdFilter;

    fn bitand(self, other: IdFilter) -> IdFilter {
        let mut all = if let IdFilter::And(all) = self { all } else { vec![self] };
        all.push(other);
        IdFilter::And(all)
    }
}

impl BitOr for IdFilter {
    type Output = IdFilter;

    fn bitor(self, other: IdFilter) -> IdFilter {
        let mut any = if let IdFilter::Or(any) = self { any } else { vec![self] };
        any.push(other);
        IdFilter::Or(any)
    }
}

impl BitXor for IdFilter {
    type Output = IdFilter;

    fn bitxor(self, other: IdFilter) -> IdFilter {
        let mut odd = if let IdFilter::Xor(odd) = self { odd } else { vec![self] };
        odd.push(other);
        IdFilter::Xor(odd)
    }
}

impl Not for IdFilter {
    type Output = IdFilter;

    fn not(self) -> IdFilter {
        if let IdFilter::Not(other) = self { *other } else { IdFilter::Not(Box::new(self)) }
    }
}

/// A filter for each query of a call.
///
/// Cost: a bit a query and row, on the host and on the device.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum QueryFilter {
    /// Filter i is for query i.
    Each(Vec<IdFilter>),
    /// Query i may find the ids whose bit is 1: bit `id % 64` of word `i * words_per_query + id / 64`; ids beyond its
    /// words it may not.
    Bitmap {
        /// The words of all queries.
        words: Vec<u64>,
        /// How many each has.
        words_per_query: usize,
    },
}

/// What both filters of a call leave of these rows, as a bit a row.
pub(in crate::index) fn of_rows(
    all: Option<&IdFilter>,
    each: Option<&QueryFilter>,
    ids: &Ids,
    queries: impl FnOnce() -> Result<usize>,
) -> Result<Filter> {
    let shared = all.map(|filter| filter.rows(ids));
    Ok(match (each, shared) {
        (None, None) => Filter::All,
        (None, Some(shared)) => Filter::Shared(shared.into_words()),
        (Some(each), shared) => Filter::PerQuery(each.words(ids, queries()?, shared.as_ref())?),
    })
}

/// Words that one thread fills at a time.
const PIECE: usize = 64 << 10;

impl QueryFilter {
    /// Whether it is for so many queries.
    pub(in crate::index) fn fits(&self, queries: usize) -> Result<()> {
        let reason = match self {
            QueryFilter::Each(filters) if filters.len() != queries => {
                format!("{} filters for {queries} queries", filters.len())
            }
            QueryFilter::Bitmap { words, words_per_query: each }
                if queries.checked_mul(*each) != Some(words.len()) =>
            {
                format!("{} words, not {each} for each of {queries} queries", words.len())
            }
            _ => return Ok(()),
        };
        Err(Error::argument("query_filter", reason))
    }

    /// The filter of some of the queries that it is for.
    pub(in crate::index) fn part(&self, queries: &Range<usize>) -> QueryFilter {
        match self {
            QueryFilter::Each(filters) => QueryFilter::Each(filters[queries.clone()].to_vec()),
            QueryFilter::Bitmap { words, words_per_query } => {
                let each = *words_per_query;
                let words = words[queries.start * each..queries.end * each].to_vec();
                QueryFilter::Bitmap { words, words_per_query: each }
            }
        }
    }

    /// The rows that pass, `ids.len().div_ceil(32)` words for each of `queries` queries, where `shared` passes, too.
    pub(super) fn words(
        &self,
        ids: &Ids,
        queries: usize,
        shared: Option<&RowSet>,
    ) -> Result<Vec<u32>> {
        let per_query = ids.len().div_ceil(32);
        let total = queries.checked_mul(per_query);
        let all = total.and_then(|total| bytemuck::try_zeroed_vec::<u32>(total).ok());
        let mut all = all.ok_or_else(|| {
            let reason = format!("{queries} bitmaps of {per_query} words do not fit in memory");
            Error::argument("query_filter", reason)
        })?;
        let set = |query: usize| match self {
            QueryFilter::Each(filters) => filters[query].rows(ids),
            QueryFilter::Bitmap { words, words_per_query } => {
                let mut set = RowSet::none(ids.len());
                ids.insert_bits(&words[query * words_per_query..][..*words_per_query], &mut set);
                set
            }
        };
        self.fits(queries)?;
        // filters of one's own may be nested deeper than the stack of another thread reaches
        let step = match self {
            QueryFilter::Each(_) => queries.max(1),
            QueryFilter::Bitmap { .. } => (PIECE / per_query.max(1)).max(1),
        };
        let pieces = all.chunks_mut(step * per_query.max(1)).enumerate().collect();
        each(pieces, |(piece, out)| {
            for (i, out) in out.chunks_mut(per_query).enumerate() {
                let mut set = set(piece * step + i);
                if let Some(shared) = shared {
                    set.combine(shared, |a, b| a & b);
                }
                out.copy_from_slice(set.words());
            }
            Ok(())
        })?;
        Ok(all)
    }
}
