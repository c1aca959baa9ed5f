//! Which ids each query of a call may find.

use super::filter::IdFilter;
use super::list::Ids;
use super::row_set::RowSet;
use crate::error::{Error, Result};
use crate::parallel::each;
use std::ops::Range;

/// A filter for each query of a call.
///
/// Cost: a bit a query and row, made on the host and brought to the device in every search: 1,000 bitmaps of a million bits
/// are 125 MB and took 23 ms of the host of an H100, whose search takes 2. Prepared
/// ([`Search::prepare_query_filter`](crate::Search::prepare_query_filter)) they are made once, and the whole call took 2.7 ms. To leave out one id for each query
/// there is [`SearchParams::exclude`](crate::SearchParams::exclude), which has no bitmap.
///
/// # Example
/// ```
/// use nearfield::{IdFilter, QueryFilter};
/// // three queries, of which each may find ten ids
/// let each: QueryFilter = (0..3).map(|query| query * 10..(query + 1) * 10).collect();
/// let filters = vec![IdFilter::from(0..10), IdFilter::from(10..20), IdFilter::from(20..30)];
/// assert_eq!(each, QueryFilter::from(filters));
/// ```
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

/// Words that one thread fills at a time.
const PIECE: usize = 64 << 10;

impl QueryFilter {
    /// A bitmap for each query, one after the other, of so many words each: as [`QueryFilter::Bitmap`].
    ///
    /// # Example
    /// ```
    /// use nearfield::QueryFilter;
    /// // query 0 may find ids 0 and 2, query 1 id 64
    /// let filter = QueryFilter::bitmap([0b101, 0, 0, 1], 2);
    /// assert!(matches!(filter, QueryFilter::Bitmap { words_per_query: 2, .. }));
    /// ```
    pub fn bitmap(words: impl Into<Vec<u64>>, words_per_query: usize) -> QueryFilter {
        QueryFilter::Bitmap { words: words.into(), words_per_query }
    }

    /// Refuses what is not for so many queries.
    pub(in crate::index) fn check(&self, queries: usize) -> Result<()> {
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
            QueryFilter::Bitmap { words, words_per_query: each } => {
                let words = &words[queries.start * each..queries.end * each];
                QueryFilter::bitmap(words, *each)
            }
        }
    }

    /// How many queries it is for.
    pub(in crate::index) fn queries(&self) -> Result<usize> {
        match self {
            QueryFilter::Each(filters) => Ok(filters.len()),
            QueryFilter::Bitmap { words, words_per_query: each } => {
                match words.len().checked_div(*each) {
                    Some(queries) if queries * each == words.len() => Ok(queries),
                    _ => {
                        let reason = format!("{} words, not {each} a query", words.len());
                        Err(Error::argument("query_filter", reason))
                    }
                }
            }
        }
    }

    /// For each of some queries, in `stride` words, the rows that pass, where `shared` passes, too.
    pub(in crate::index) fn words(
        &self,
        ids: &Ids,
        queries: Range<usize>,
        stride: usize,
        shared: Option<&RowSet>,
    ) -> Result<Vec<u32>> {
        let (first, count, used) = (queries.start, queries.len(), ids.len().div_ceil(32));
        let total = count.checked_mul(stride);
        let all = total.and_then(|total| bytemuck::try_zeroed_vec::<u32>(total).ok());
        let mut all = all.ok_or_else(|| {
            let reason = format!("{count} bitmaps of {stride} words do not fit in memory");
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
        // filters of one's own may be nested deeper than the stack of another thread reaches
        let step = match self {
            QueryFilter::Each(_) => count.max(1),
            QueryFilter::Bitmap { .. } => (PIECE / stride.max(1)).max(1),
        };
        let pieces = all.chunks_mut(step * stride.max(1)).enumerate().collect();
        each(pieces, |(piece, out)| {
            for (i, out) in out.chunks_mut(stride).enumerate() {
                let mut set = set(first + piece * step + i);
                if let Some(shared) = shared {
                    set.combine(shared, |a, b| a & b);
                }
                out[..used].copy_from_slice(set.words());
            }
            Ok(())
        })?;
        Ok(all)
    }
}

impl From<Vec<IdFilter>> for QueryFilter {
    /// Filter i is for query i.
    fn from(filters: Vec<IdFilter>) -> QueryFilter {
        QueryFilter::Each(filters)
    }
}

impl<F: Into<IdFilter>> FromIterator<F> for QueryFilter {
    /// Filter i is for query i.
    fn from_iter<I: IntoIterator<Item = F>>(filters: I) -> QueryFilter {
        QueryFilter::Each(filters.into_iter().map(Into::into).collect())
    }
}
