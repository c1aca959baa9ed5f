//! Who is who: the ids of rows, sets of rows, and filters of both.

mod exclude;
mod filter;
mod list;
mod of_rows;
mod prepared;
mod query_filter;
mod row_set;

pub use exclude::Exclude;
pub(super) use exclude::leave_out;
pub use filter::{IdFilter, IdPredicate};
pub(super) use list::{Ids, MAX_ID, duplicate};
pub(super) use of_rows::{of_rows, shared_rows};
pub use prepared::PreparedFilter;
pub(super) use prepared::{Now, Prepare};
pub use query_filter::QueryFilter;
pub(super) use row_set::RowSet;
