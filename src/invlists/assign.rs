//! Which centroids are nearest: to a row, whose list it names, and to a query, whose probes they are.

use crate::call::{Filter, Options, RowHits};
use crate::dtype::{DType, Rows};
use crate::error::Result;
use crate::exact::{self, Dataset};
use crate::format::RowSource;
use crate::space::is_scaled;
use std::ops::Range;

/// The `count` nearest centroids of each query in their order, those of query i in `lims[i]..lims[i + 1]`.
pub(super) struct Nearest {
    pub lims: Vec<usize>,
    pub centroids: Vec<u32>,
}

/// The nearest centroids of each of some queries.
pub(super) fn nearest(
    centroids: &Dataset,
    queries: Rows<'_>,
    count: usize,
    options: Options,
) -> Result<Nearest> {
    let found = nearest_hits(centroids, queries, count, options)?;
    let nearest = found.ids.iter().map(|&id| id as u32).collect();
    Ok(Nearest { lims: found.lims, centroids: nearest })
}

/// The same as a search answers it.
pub(super) fn nearest_hits(
    centroids: &Dataset,
    queries: Rows<'_>,
    count: usize,
    options: Options,
) -> Result<RowHits> {
    exact::submit_search(centroids, queries, count, Filter::default(), options)?.wait()
}

/// The nearest centroid of each of some rows in host memory; 0 where none is at a finite distance.
pub(super) fn nearest_labels(centroids: &Dataset, rows: Rows<'_>) -> Result<Vec<u32>> {
    let Nearest { lims, centroids } = nearest(centroids, rows, 1, Options::default())?;
    let first = |at: &[usize]| centroids[at[0]..at[1]].first().copied().unwrap_or(0);
    Ok(lims.windows(2).map(first).collect())
}

/// The list of each of some rows.
#[derive(Default)]
pub(super) struct Assigned {
    /// The nearest centroid; 0 where none is at a finite distance.
    pub labels: Vec<u32>,
    /// How far it is; infinite where none is.
    pub distances: Vec<f32>,
}

/// The nearest centroid of each of some rows.
///
/// Where the metric divides by lengths, the host does that for queries and the device for rows, and their last bits differ. A row must be
/// found in the lists that it names as a query, so that such rows are asked for as queries are. So are bits, which no kernel reads as queries where
/// they lie.
pub(super) fn labels(centroids: &Dataset, dataset: &Dataset, rows: Range<u64>) -> Result<Assigned> {
    // of codes nobody asks which list they are in, but only how far they are from its centroid
    let bits = dataset.compared_dtype() == DType::Bits;
    if !bits && (!is_scaled(dataset.metric()) || dataset.compared().is_coded()) {
        let found = exact::submit_rows(centroids, (dataset, rows), 1, Options::default())?;
        return Ok(of_hits(&found.wait()?));
    }
    let mut blocks = dataset.rows().source_of(rows.start as usize..rows.end as usize);
    let mut all = Assigned::default();
    while let Some(queries) = blocks.next_rows(usize::MAX)? {
        let found = of_hits(&nearest_hits(centroids, queries, 1, Options::default())?);
        all.labels.extend(found.labels);
        all.distances.extend(found.distances);
    }
    Ok(all)
}

fn of_hits(found: &RowHits) -> Assigned {
    let first = |at: &[usize]| {
        let hit = found.ids[at[0]..at[1]].first().zip(found.distances[at[0]..at[1]].first());
        hit.map_or((0, f32::INFINITY), |(&id, &distance)| (id as u32, distance))
    };
    let (labels, distances) = found.lims.windows(2).map(first).unzip();
    Assigned { labels, distances }
}

/// The nearest centroid of each of some numbered rows, each of which is there once: of all in one search.
pub(super) fn labels_of(centroids: &Dataset, dataset: &Dataset, rows: &[u32]) -> Result<Assigned> {
    let Some(&first) = rows.first() else { return Ok(Assigned::default()) };
    if rows.windows(2).all(|two| two[0].checked_add(1) == Some(two[1])) {
        let first = u64::from(first);
        return labels(centroids, dataset, first..first + rows.len() as u64);
    }
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_unstable_by_key(|&place| rows[place]);
    let ascending: Vec<u32> = order.iter().map(|&place| rows[place]).collect();
    let found = labels(centroids, &dataset.gather(&ascending)?, 0..rows.len() as u64)?;
    let mut assigned = Assigned { labels: vec![0; rows.len()], distances: vec![0.0; rows.len()] };
    for (i, place) in order.into_iter().enumerate() {
        assigned.labels[place] = found.labels[i];
        assigned.distances[place] = found.distances[i];
    }
    Ok(assigned)
}
