//! Queries on their way into the host memory of a call, or into staging memory: checked and transformed piece by piece.

use crate::buffer::StagingPart;
use crate::dtype::{DType, Rows};
use crate::error::Result;
use crate::metric::Metric;
use crate::space::check::{self, RowFacts};
use crate::space::{self, Transform};

/// Elements that one thread checks and transforms at a time.
pub(super) const PIECE: usize = 96 << 10;

/// Elements that are copied while they are still in the cache that their check read them into.
const CACHED: usize = 4 << 10;

/// Whether queries of such elements are compared as they lie.
pub(super) fn is_plain(metric: &Metric, dtype: DType) -> bool {
    dtype == DType::F32 && Transform::of(metric) == Transform::None && !space::is_scaled(metric)
}

/// Checks and transforms some queries, the first of them number `first` of the call. Those that are staged go there, too, or, where
/// they are plain, there alone.
pub(super) fn prepare(
    metric: &Metric,
    queries: Rows<'_>,
    dim: usize,
    first: u64,
    (floats, mut staged): (&mut [f32], Option<StagingPart>),
    norms: &mut [f32],
) -> Result<RowFacts> {
    let transform = Transform::of(metric);
    let plain = is_plain(metric, queries.dtype());
    let work_dim = transform.dim(dim);
    let step = (CACHED / dim).max(1);
    let mut facts = RowFacts::NONE;
    let outs = floats.chunks_mut(step * work_dim).zip(norms.chunks_mut(step));
    for (i, (floats, norms)) in outs.enumerate() {
        let start = i * step;
        let few = queries.slice(dim, start..start + norms.len());
        let mut at = 0;
        let found = check::rows_with(metric, few, dim, first + start as u64, &mut |norm| {
            norms[at] = norm;
            at += 1;
        })?;
        facts = facts.and(found);
        match few {
            Rows::F32(values) if plain && staged.is_some() => {
                if let Some(part) = &mut staged {
                    part.write(start * work_dim * 4, bytemuck::cast_slice(values));
                }
            }
            Rows::F32(values) if transform == Transform::None => floats.copy_from_slice(values),
            _ => {
                let mut out = Vec::with_capacity(floats.len());
                transform.apply(&few.to_f32(), dim, &mut out);
                floats.copy_from_slice(&out);
            }
        }
    }
    let scaled = space::is_scaled(metric);
    if scaled {
        space::normalize(floats, dim);
    }
    if scaled || transform != Transform::None {
        facts.whole = false;
        facts.largest = check::largest(floats);
        for (norm, row) in norms.iter_mut().zip(floats.chunks_exact(work_dim)) {
            *norm = check::norm(row);
        }
    }
    if let Some(part) = staged.as_mut().filter(|_| !plain) {
        part.write(0, bytemuck::cast_slice(floats));
    }
    Ok(facts)
}
