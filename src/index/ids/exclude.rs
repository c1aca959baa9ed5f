//! One id that each query may not find.

use crate::call::RowHits;
use crate::error::{Error, Result};

/// An id for each query of a call that it may not find, as [`SearchParams::exclude`](crate::SearchParams::exclude) takes it.
///
/// # Example
/// ```
/// use nearfield::{Exclude, SearchParams};
/// let params = SearchParams::new().exclude(vec![7, 3]);
/// assert_eq!(params.exclude, Some(Exclude::Ids(vec![7, 3])));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Exclude {
    /// Query i may not find id i of these. An id that the index does not have leaves nothing out, and one may come again.
    Ids(Vec<u64>),
    /// The queries are the rows of the index in their order, and none may find its own row: a join of the rows with themselves.
    Own,
}

impl From<Vec<u64>> for Exclude {
    /// Query i may not find id i of these.
    fn from(ids: Vec<u64>) -> Exclude {
        Exclude::Ids(ids)
    }
}

impl Exclude {
    /// An id for each of `queries` queries; `own` are those of the `rows` rows.
    pub(in crate::index) fn ids(
        &self,
        queries: usize,
        rows: usize,
        own: impl FnOnce() -> Vec<u64>,
    ) -> Result<Vec<u64>> {
        match self {
            Exclude::Ids(ids) if ids.len() == queries => Ok(ids.clone()),
            Exclude::Ids(ids) => {
                let reason = format!("{} ids for {queries} queries", ids.len());
                Err(Error::argument("exclude", reason))
            }
            Exclude::Own if rows == queries => Ok(own()),
            Exclude::Own => {
                let reason = format!(
                    "{queries} queries are not the {rows} rows of the index; of other queries name the ids"
                );
                Err(Error::argument("exclude", reason))
            }
        }
    }
}

/// Takes from the hits of query i the one with id i of these, and where there is none keeps only `k`: of a search for one more than
/// k. So the hits are the k nearest without the id, also where rows as near as it stand before it.
pub(in crate::index) fn leave_out(found: &mut RowHits, ids: &[u64], k: Option<usize>) {
    let mut to = 0;
    for (query, &id) in ids.iter().enumerate() {
        let hits = found.lims[query]..found.lims[query + 1];
        found.lims[query] = to;
        let own = found.ids[hits.clone()].iter().position(|&found| found == id);
        let place = own.unwrap_or(hits.len());
        let most = k.unwrap_or(usize::MAX);
        let before = hits.start..hits.start + place.min(most);
        let behind = (hits.start + place + 1).min(hits.end)..hits.end;
        for part in [before, behind] {
            found.ids.copy_within(part.clone(), to);
            found.distances.copy_within(part.clone(), to);
            to += part.len();
        }
    }
    if let Some(end) = found.lims.last_mut() {
        *end = to;
    }
    found.ids.truncate(to);
    found.distances.truncate(to);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_hit_goes_or_the_last() {
        let ids = vec![5, 6, 7, 6, 8, 9, 1, 2, 3, 4];
        let distances = ids.iter().map(|&id| id as f32).collect();
        // three a query, of the last but one none and of the last one
        let lims = vec![0, 3, 6, 9, 9, 10];
        let mut found = RowHits { lims, ids, distances, ..RowHits::default() };
        leave_out(&mut found, &[5, 9, 100, 1, 4], Some(2));
        assert_eq!(found.lims, [0, 2, 4, 6, 6, 6]);
        assert_eq!(found.ids, [6, 7, 6, 8, 1, 2]);
        assert_eq!(found.distances, [6.0, 7.0, 6.0, 8.0, 1.0, 2.0]);
        leave_out(&mut found, &[7, 7, 1, 0, 0], None);
        assert_eq!((found.lims, found.ids), (vec![0, 1, 3, 4, 4, 4], vec![6, 6, 8, 2]));
    }
}
