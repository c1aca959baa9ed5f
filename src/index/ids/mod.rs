//! Who is who: the ids of rows, sets of rows, and filters of both.

mod filter;
mod list;
mod row_set;

pub(super) use filter::of_rows;
pub use filter::{IdFilter, QueryFilter};
pub(super) use list::{Ids, MAX_ID, duplicate};
pub(super) use row_set::RowSet;
