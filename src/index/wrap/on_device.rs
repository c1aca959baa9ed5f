//! The second stage as the one behind the first on the device, where both can be brought together there.

use super::pre_transform::PreTransform;
use super::rescored::Now;
use super::stages::{Stages, is_of_signs};
use crate::dtype::{DType, Rows};
use crate::error::Result;
use crate::exact::{NO_ROW, Queries, Refined};
use crate::index::kinds;
use std::any::Any;
use std::sync::Arc;

/// What compares `candidates` rows of each query and keeps `k`, none of which has the id that is excluded for it; `None` where candidates come to the
/// host: of an index of somebody else's kind, of rows that no table fits, of more candidates than there is room for.
pub(super) fn next_stage(
    stages: &Stages,
    now: &Now,
    queries: Rows<'_>,
    (candidates, k): (usize, usize),
    excluded: Option<&[u64]>,
) -> Result<Option<Arc<Refined>>> {
    let base = &*stages.base;
    let of = base.as_any().and_then(|any| any.downcast_ref::<PreTransform>());
    let first = || kinds::names(of.map_or(base, PreTransform::index));
    let Some(row_of) = stages.row_of(now, first)? else { return Ok(None) };
    let Ok(unread) = Queries::unread(&now.dataset, queries) else { return Ok(None) };
    let shared = takes_queries(stages) && unread.reads_floats(&now.dataset);
    let queries = match shared {
        true => unread,
        // what is wrong with them the first stage says
        false => match Queries::new(&now.dataset, queries) {
            Ok(queries) => queries,
            Err(_) => return Ok(None),
        },
    };
    let of = (candidates, k);
    let next = Refined::new(&now.dataset, (queries, shared), row_of, of, now.row_ids.clone())?;
    let row = |&id: &u64| now.names.find(id).unwrap_or(NO_ROW);
    let excluded = excluded.map(|ids| ids.iter().map(row).collect());
    Ok(next.map(|next| Arc::new(next.excluding(excluded))))
}

/// Whether queries reach the first stage's kernels as they are, in f32.
fn takes_queries(stages: &Stages) -> bool {
    let same = |any: &dyn Any| !any.is::<PreTransform>();
    let base = &*stages.base;
    base.dtype() != DType::Bits && !is_of_signs(base) && base.as_any().is_some_and(same)
}
