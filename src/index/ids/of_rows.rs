//! Filters of ids, as filters of rows.

use super::filter::IdFilter;
use super::list::Ids;
use super::query_filter::QueryFilter;
use crate::call::{EachFilter, Filter, SharedFilter};
use crate::error::Result;

/// What both filters of a call leave of these rows, as a bit a row.
pub(in crate::index) fn of_rows(
    all: Option<&IdFilter>,
    each: Option<&QueryFilter>,
    ids: &Ids,
    queries: impl FnOnce() -> Result<usize>,
) -> Result<Filter> {
    let shared = all.map(|filter| filter.rows(ids));
    let Some(each) = each else {
        let shared = shared.map(|rows| SharedFilter::Words(rows.into_words()));
        return Ok(Filter { shared, each: None });
    };
    let queries = queries()?;
    each.check(queries)?;
    let words = each.words(ids, 0..queries, ids.len().div_ceil(32), shared.as_ref())?;
    Ok(Filter { shared: None, each: Some(EachFilter::Words(words)) })
}

/// The rows whose ids pass, as a bit a row.
pub(in crate::index) fn shared_rows(filter: &IdFilter, ids: &Ids) -> Vec<u32> {
    filter.rows(ids).into_words()
}
