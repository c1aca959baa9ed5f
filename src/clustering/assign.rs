//! The nearest centroid of each point, and how far it is.

use super::flights::Flights;
use super::points::{Block, Points};
use crate::buffer::Buffer;
use crate::call::{CancelToken, Options};
use crate::error::Result;
use crate::exact::{self, Answers, Approximate, Dataset};
use crate::kernel::Encoder;
use crate::metric::Metric;

/// A label and a distance for each point of a block, on the device.
pub(super) struct Assigned {
    pub labels: Buffer,
    pub distances: Buffer,
}

/// How sure an assignment is.
#[derive(Clone, Copy)]
pub(super) enum How<'a> {
    /// No centroid is nearer.
    Exact,
    /// By scores that decide nearly always alike.
    Fast,
    /// The same, of which nothing comes to the host.
    Resident(&'a Approximate),
}

/// The metric that assigns: the same neighbours and order, without roots and complements, of which means know nothing.
pub(super) fn metric(metric: &Metric) -> Metric {
    match metric {
        Metric::SqrtL2 => Metric::L2,
        Metric::CosineDistance => Metric::Cosine,
        other => other.clone(),
    }
}

/// The nearest of the centroids to each point of a block, ties to the first. A point that is no hit of any counts to the first, at
/// distance 0.
pub(super) fn assign(
    points: &Points,
    block: Block<'_>,
    centroids: &Dataset,
    how: How<'_>,
    flights: &mut Flights,
    cancel: Option<&CancelToken>,
) -> Result<Assigned> {
    match how {
        How::Resident(way) => resident(points, block, centroids, way, flights, cancel),
        How::Exact => over_the_host(points, block, centroids, true, cancel),
        How::Fast => over_the_host(points, block, centroids, false, cancel),
    }
}

fn resident(
    points: &Points,
    block: Block<'_>,
    centroids: &Dataset,
    way: &Approximate,
    flights: &mut Flights,
    cancel: Option<&CancelToken>,
) -> Result<Assigned> {
    let (gpu, count) = (points.gpu(), u64::from(block.len()));
    let assigned = Assigned {
        labels: gpu.scratch("labels", count * 4)?,
        distances: gpu.scratch("distances", count * 4)?,
    };
    let (labels, distances) = (&assigned.labels, &assigned.distances);
    let (begin, step) = (block.segment.first_row(), way.step(count));
    let mut first = 0;
    while first < count {
        cancel.map_or(Ok(()), CancelToken::check)?;
        let end = (first + step).min(count);
        let mut encoder = Encoder::new(gpu, "assign", flights.timed())?;
        let answers = Answers { labels, distances, first: first as u32 };
        way.encode(&mut encoder, centroids, begin + first..begin + end, answers)?;
        flights.submit(encoder)?;
        first = end;
    }
    Ok(assigned)
}

fn over_the_host(
    points: &Points,
    block: Block<'_>,
    centroids: &Dataset,
    exact: bool,
    cancel: Option<&CancelToken>,
) -> Result<Assigned> {
    let first = block.segment.first_row();
    let rows = first..first + u64::from(block.len());
    let options = Options { fast: !exact, cancel: cancel.cloned(), ..Options::default() };
    let found = exact::submit_rows(centroids, (&points.dataset, rows), 1, options)?.wait()?;
    let hits = found.lims.windows(2).map(|at| (at[0] < at[1]).then_some(at[0]));
    let labels: Vec<u32> = hits.clone().map(|at| at.map_or(0, |at| found.ids[at] as u32)).collect();
    let distances: Vec<f32> = hits.map(|at| at.map_or(0.0, |at| found.distances[at])).collect();
    let mut encoder = Encoder::new(points.gpu(), "assign", false)?;
    let labels = encoder.upload("labels", bytemuck::cast_slice(&labels))?;
    let distances = encoder.upload("distances", bytemuck::cast_slice(&distances))?;
    encoder.submit(&[])?;
    Ok(Assigned { labels, distances })
}
