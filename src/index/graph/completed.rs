//! Answers along the edges that lack hits, completed by the exact search.

use crate::call::{Filter, Options, RowHits};
use crate::dtype::Rows;
use crate::error::Result;
use crate::exact::{self, Dataset};

/// Queries that may have to be asked again, as they were.
pub(super) enum Kept {
    F32(Vec<f32>),
    I8(Vec<i8>),
    U8(Vec<u8>),
}

impl Kept {
    pub fn of(queries: Rows<'_>) -> Kept {
        match queries {
            Rows::I8(values) => Kept::I8(values.to_vec()),
            Rows::U8(values) => Kept::U8(values.to_vec()),
            floats => Kept::F32(floats.to_f32()),
        }
    }

    fn some(&self, which: &[usize], dim: usize) -> Kept {
        fn of<T: Copy>(values: &[T], which: &[usize], dim: usize) -> Vec<T> {
            which.iter().flat_map(|&q| &values[q * dim..(q + 1) * dim]).copied().collect()
        }
        match self {
            Kept::F32(values) => Kept::F32(of(values, which, dim)),
            Kept::I8(values) => Kept::I8(of(values, which, dim)),
            Kept::U8(values) => Kept::U8(of(values, which, dim)),
        }
    }

    fn rows(&self) -> Rows<'_> {
        match self {
            Kept::F32(values) => Rows::F32(values),
            Kept::I8(values) => Rows::I8(values),
            Kept::U8(values) => Rows::U8(values),
        }
    }
}

/// The answer, in which queries that met fewer than `wanted` of the rows are answered exactly: those that set out on an island.
pub(super) fn completed(
    dataset: &Dataset,
    found: RowHits,
    (queries, dim): (&Kept, usize),
    (k, wanted): (usize, usize),
    (filter, options): (Filter, Options),
) -> Result<RowHits> {
    let short = |ends: &[usize]| ends[1] - ends[0] < wanted;
    let again: Vec<usize> =
        found.lims.windows(2).enumerate().filter(|(_, ends)| short(ends)).map(|(q, _)| q).collect();
    if again.is_empty() {
        return Ok(found);
    }
    let some = queries.some(&again, dim);
    let exact = exact::submit_search(dataset, some.rows(), k, filter, options)?;
    let exact = exact.wait()?;
    let mut all = RowHits { lims: vec![0], stats: found.stats.clone(), ..RowHits::default() };
    let mut next = 0;
    for q in 0..found.lims.len() - 1 {
        let (from, at) = match again.get(next) {
            Some(&own) if own == q => {
                next += 1;
                (&exact, next - 1)
            }
            _ => (&found, q),
        };
        let span = from.lims[at]..from.lims[at + 1];
        all.ids.extend_from_slice(&from.ids[span.clone()]);
        all.distances.extend_from_slice(&from.distances[span]);
        all.lims.push(all.ids.len());
    }
    all.stats.add_work(&exact.stats);
    all.stats.graph.again += again.len() as u64;
    Ok(all)
}
