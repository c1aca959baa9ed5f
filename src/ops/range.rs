//! Range search (being written).
use super::base::Base;
use super::pending::Pending;
use super::search::{Filter, Found, Options};
use crate::dtype::Rows;
use crate::error::{Error, Result};

/// Starts a search for all rows within a radius of each query; see `Metric::order` for which side of it.
pub(crate) fn submit_range(
    _base: &Base,
    _queries: Rows<'_>,
    _radius: f32,
    _filter: Filter,
    _options: Options,
) -> Result<Pending<Found>> {
    Err(Error::unsupported("range search", "anything yet"))
}
