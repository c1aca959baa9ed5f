//! Which ids a search may find.

use super::list::Ids;
use super::row_set::RowSet;
use std::fmt;
use std::ops::{
    BitAnd, BitOr, BitXor, Bound, Not, Range, RangeBounds, RangeFrom, RangeFull, RangeInclusive,
    RangeTo, RangeToInclusive,
};
use std::sync::Arc;

/// Which ids a search may find: FAISS's `IDSelector` and its family.
///
/// Made by [`IdFilter::range`], [`IdFilter::batch`], [`IdFilter::bitmap`] and [`IdFilter::from_fn`], from a range of ids
/// (`(10..20).into()`), by collecting ids, and of other filters by `!`, `&`, `|` and `^`. Ids that the index does not have may
/// pass and change nothing.
///
/// Cost: every search evaluates it once on the host, to a bit a row; of sequential ids a word at a time, but for
/// [`IdFilter::from_fn`], which is called for every row. Then the device writes 4 bytes a row. A filter that serves many searches
/// pays that once when it is prepared: [`Search::prepare_filter`](crate::Search::prepare_filter). What a filter leaves out is
/// skipped, not spared: the device reads the rows as without a filter, and a search is neither slower nor faster by it.
///
/// # Example
/// ```
/// use nearfield::IdFilter;
/// let filter = IdFilter::range(1000..2000) & !IdFilter::batch([1234, 1999]);
/// assert!(filter.is_member(1233) && !filter.is_member(1234));
/// let even: IdFilter = (0..100).step_by(2).collect();
/// assert!(even.is_member(98) && !even.is_member(99) && !even.is_member(100));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum IdFilter {
    /// Every id (`IDSelectorAll`).
    #[default]
    All,
    /// The ids of a range (`IDSelectorRange`).
    Range(Range<u64>),
    /// These ids (`IDSelectorBatch`, `IDSelectorArray`); those that are there twice count once.
    Batch(Vec<u64>),
    /// Ids whose bit is 1: bit `id % 64` of word `id / 64`; beyond the last word none (`IDSelectorBitmap`).
    Bitmap(Vec<u64>),
    /// The ids for which a function says so.
    Fn(IdPredicate),
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
    /// The ids of a range of any kind: `0..10`, `5..`, `..=9`; `..` is [`IdFilter::All`].
    ///
    /// # Example
    /// ```
    /// use nearfield::IdFilter;
    /// assert_eq!(IdFilter::range(3..=9), IdFilter::range(3..10));
    /// assert_eq!(IdFilter::range(3..10), IdFilter::from(3..10));
    /// assert!(IdFilter::range(7..).is_member(1 << 40));
    /// ```
    pub fn range(ids: impl RangeBounds<u64>) -> Self {
        let start = match ids.start_bound() {
            Bound::Included(&first) => first,
            Bound::Excluded(&before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        // ids lie below 2^63, so the end of all numbers may be left out
        let end = match ids.end_bound() {
            Bound::Included(&last) => last.saturating_add(1),
            Bound::Excluded(&end) => end,
            Bound::Unbounded if start == 0 => return IdFilter::All,
            Bound::Unbounded => u64::MAX,
        };
        IdFilter::Range(start..end)
    }

    /// The ids for which `passes` says so.
    ///
    /// Cost: a call for every row of the index, and of a [`StreamedFlat`](crate::StreamedFlat) for every row of each chunk, in
    /// every search, on the thread that starts the search or brings the chunk: 1 to 10 ns a row for a look into an array.
    /// Where that is too much, prepare it ([`Search::prepare_filter`](crate::Search::prepare_filter)). If it panics, so does the
    /// call that starts the search, or the answer of a `StreamedFlat` is [`Error::Internal`](crate::Error::Internal). Two such filters are
    /// equal where they are clones of one.
    ///
    /// # Example
    /// ```
    /// use nearfield::IdFilter;
    /// let prices = vec![3.0, 12.0, 7.5];
    /// let cheap = IdFilter::from_fn(move |id| prices.get(id as usize).is_some_and(|&p| p < 10.0));
    /// assert!(cheap.is_member(2) && !cheap.is_member(1) && !cheap.is_member(3));
    /// ```
    pub fn from_fn(passes: impl Fn(u64) -> bool + Send + Sync + 'static) -> Self {
        IdFilter::Fn(IdPredicate(Arc::new(passes)))
    }

    /// These ids, in any order.
    ///
    /// # Example
    /// ```
    /// use nearfield::IdFilter;
    /// assert_eq!(IdFilter::batch([7, 3]), [7, 3].into_iter().collect());
    /// ```
    pub fn batch(ids: impl Into<Vec<u64>>) -> Self {
        IdFilter::Batch(ids.into())
    }

    /// The ids whose bit is 1: bit `id % 64` of word `id / 64`.
    ///
    /// # Example
    /// ```
    /// use nearfield::IdFilter;
    /// assert!(IdFilter::bitmap([0b100]).is_member(2));
    /// ```
    pub fn bitmap(words: impl Into<Vec<u64>>) -> Self {
        IdFilter::Bitmap(words.into())
    }

    /// Whether an id passes. Meant for a few ids: a batch is searched from its start.
    pub fn is_member(&self, id: u64) -> bool {
        match self {
            IdFilter::All => true,
            IdFilter::Range(ids) => ids.contains(&id),
            IdFilter::Batch(ids) => ids.contains(&id),
            IdFilter::Fn(passes) => (passes.0)(id),
            IdFilter::Bitmap(words) => {
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
            IdFilter::Range(range) => ids.insert_range(range.start, range.end, &mut set),
            IdFilter::Batch(batch) => {
                for &id in batch {
                    ids.rows_of(id).for_each(|row| set.insert(row));
                }
            }
            IdFilter::Bitmap(words) => ids.insert_bits(words, &mut set),
            IdFilter::Fn(passes) => ids.insert_where(&*passes.0, &mut set),
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

/// The function of [`IdFilter::from_fn`].
#[derive(Clone)]
pub struct IdPredicate(Arc<dyn Fn(u64) -> bool + Send + Sync>);

impl fmt::Debug for IdPredicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a function")
    }
}

impl PartialEq for IdPredicate {
    fn eq(&self, other: &IdPredicate) -> bool {
        std::ptr::addr_eq(Arc::as_ptr(&self.0), Arc::as_ptr(&other.0))
    }
}

impl FromIterator<u64> for IdFilter {
    /// These ids: a [`Batch`](IdFilter::Batch).
    fn from_iter<I: IntoIterator<Item = u64>>(ids: I) -> IdFilter {
        IdFilter::Batch(ids.into_iter().collect())
    }
}

macro_rules! from_ranges {
    ($($range:ty),*) => {$(
        impl From<$range> for IdFilter {
            /// The ids of the range.
            fn from(ids: $range) -> IdFilter {
                IdFilter::range(ids)
            }
        }
    )*};
}

from_ranges!(
    Range<u64>,
    RangeInclusive<u64>,
    RangeFrom<u64>,
    RangeTo<u64>,
    RangeToInclusive<u64>,
    RangeFull
);
