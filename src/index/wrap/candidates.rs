//! The search: candidates of the first stage, compared again by their rows.

use super::on_device::next_stage;
use super::rescored::Now;
use super::stages::{Stages, is_of_signs};
use crate::call::{CancelToken, NextStage, Options, Pending, RowHits, start_thread_below};
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::exact::{Listed, Queries, Wanted, query_count, submit_listed};
use crate::index::changing::Index;
use crate::index::hits::Hits;
use crate::index::params::{Ask, Refining, SearchParams, rising};
use crate::metric::Order;
use crate::parallel::each;
use std::sync::Arc;

/// The share of a search that the first stage is said to be.
const BASE_SHARE: f64 = 0.9;
/// Ids that one thread looks up at a time.
const PIECE: usize = 64 << 10;
/// Up to here k and its multiples are whole in f32, in which FAISS multiplies.
const WHOLE_F32: usize = 1 << 24;

/// Where candidates are on their way from one stage to the other.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// On the device, if both stages can be brought together there.
    Device,
    /// On the host, which looks up their ids.
    #[cfg(test)]
    Host,
}

/// What is left to do when the candidates are there.
struct Again {
    now: Now,
    queries: Queries,
    wanted: Wanted,
    options: Options,
    order: Order,
}

/// A search that has begun: what the first stage answers, or, where every row is compared, the answer itself.
struct Begun {
    pending: Pending<Hits>,
    again: Option<Again>,
}

/// So many times as many candidates as neighbours, as FAISS counts them.
fn times_as_many(k: usize, times: f32) -> usize {
    let more = match k < WHOLE_F32 {
        true => (k as f32 * times) as usize,
        false => (k as f64 * f64::from(times)) as usize,
    };
    more.max(k)
}

/// A radius within which rows are candidates for one of `radius`: farther by a factor of at least 1.
fn widened(radius: f32, times: f32, order: Order) -> f32 {
    match (order == Order::Ascending) == (radius >= 0.0) {
        true => radius * times,
        false => radius / times,
    }
}

/// Starts a search of one state.
pub(super) fn submit(
    stages: &Stages,
    queries: Rows<'_>,
    ask: Ask,
    params: &SearchParams,
) -> Result<Pending<Hits>> {
    let stop = CancelToken::below(params.cancel.clone());
    let Begun { pending, again } = begin(stages, queries, ask, params, (Way::Device, &stop))?;
    let Some(again) = again else { return Ok(pending) };
    start_thread_below(stop, move |_| again.answer(pending.wait()?))
}

/// The same, on this thread.
pub(super) fn search(
    stages: &Stages,
    queries: Rows<'_>,
    ask: Ask,
    params: &SearchParams,
) -> Result<Hits> {
    search_by(stages, queries, ask, params, Way::Device)
}

/// The same by one of the ways, which make no difference but in time.
pub(super) fn search_by(
    stages: &Stages,
    queries: Rows<'_>,
    ask: Ask,
    params: &SearchParams,
    way: Way,
) -> Result<Hits> {
    let stop = CancelToken::below(params.cancel.clone());
    let Begun { pending, again } = begin(stages, queries, ask, params, (way, &stop))?;
    let hits = pending.wait()?;
    match again {
        Some(again) => again.answer(hits),
        None => Ok(hits),
    }
}

/// The ids that the queries may not find, by the order of the rows that are compared.
pub(super) fn excluded(
    stages: &Stages,
    queries: Rows<'_>,
    params: &SearchParams,
) -> Result<Option<Vec<u64>>> {
    let Some(exclude) = &params.exclude else { return Ok(None) };
    let index = stages.rows.index();
    let count = query_count(queries, index.dtype(), index.dim())?;
    exclude.ids(count, index.len(), || index.ids()).map(Some)
}

fn begin(
    stages: &Stages,
    queries: Rows<'_>,
    ask: Ask,
    params: &SearchParams,
    (way, stop): (Way, &CancelToken),
) -> Result<Begun> {
    if !stages.base.is_trained() || !stages.rows.index().is_trained() {
        return Err(Error::NotTrained);
    }
    let started = |index: &dyn Index, ask: Ask, params: &SearchParams| match ask {
        Ask::Nearest(k) => index.submit(queries, k, params),
        Ask::Within(radius) => index.submit_range(queries, radius, params),
    };
    let excluded = excluded(stages, queries, params)?;
    let params = SearchParams {
        exclude: excluded.as_ref().map(Into::into),
        progress: params.progress.clone().map(rising),
        cancel: Some(stop.clone()),
        ..params.clone()
    };
    let (mut within, times) = match params.refining(ask, stages.k_factor)? {
        Refining::Every(all) => {
            // who drops the answer cancels nothing here, since nothing else has begun
            let pending = started(stages.rows.index(), ask, &all)?;
            return Ok(Begun { pending, again: None });
        }
        Refining::Candidates(within, times) => (within, times),
    };
    let mut options = params.comparing();
    if matches!(ask, Ask::Within(_)) && is_of_signs(&*stages.base) {
        let item = "a search by radius over a first stage of signs, whose distances are numbers of bits, to which no radius of the rows' metric corresponds; search for neighbours, or give the search the guarantee Exact, by which every row is compared";
        return Err(Error::unsupported("Refine", item));
    }
    // the first stage's may be that of bits
    let order = stages.rows.index().metric().order();
    let (asked, wanted) = match ask {
        Ask::Nearest(k) => (Ask::Nearest(times_as_many(k, times)), Wanted::Nearest(k)),
        Ask::Within(radius) => (Ask::Within(widened(radius, times, order)), Wanted::Within(radius)),
    };
    let now = stages.rows.now();
    let next = match (asked, ask, way) {
        (Ask::Nearest(candidates), Ask::Nearest(k), Way::Device) => {
            next_stage(stages, &now, queries, (candidates, k), excluded.as_deref())?
        }
        _ => None,
    };
    within.next = next.clone().map(|next| next as Arc<dyn NextStage>);
    if let Some(progress) = params.progress.clone() {
        let (behind, next) = (progress.clone(), next.clone());
        within = within.progress(move |share| {
            let all = next.as_ref().is_some_and(|next| next.has_begun());
            progress(if all { share } else { BASE_SHARE * share });
        });
        options.progress = Some(Arc::new(move |share| {
            behind(BASE_SHARE + (1.0 - BASE_SHARE) * share);
        }));
    }
    let pending = started(&*stages.base, asked, &within)?;
    if next.is_some_and(|next| next.has_begun()) {
        return Ok(Begun { pending, again: None });
    }
    // the first stage has found nothing wrong with them
    let queries = Queries::new(&now.dataset, queries)?;
    options.row_ids = now.row_ids.clone();
    Ok(Begun { pending, again: Some(Again { now, queries, wanted, options, order }) })
}

impl Again {
    /// The answer, once the candidates are known.
    fn answer(self, found: Hits) -> Result<Hits> {
        let Again { now, queries, wanted, options, order } = self;
        let mut rows = vec![0; found.ids().len()];
        let pieces = rows.chunks_mut(PIECE).zip(found.ids().chunks(PIECE));
        each(pieces.collect(), |(rows, ids)| {
            for (row, &id) in rows.iter_mut().zip(ids) {
                let missing = || Error::internal(format!("a candidate {id} without a row"));
                *row = now.names.find(id).ok_or_else(missing)?;
            }
            Ok(())
        })?;
        let listed = Listed { lims: found.lims().to_vec(), rows };
        let again = submit_listed(&now.dataset, queries, listed, wanted, options)?.wait()?;
        let RowHits { lims, ids, distances, stats, .. } = again;
        let mut all = found.stats().clone();
        all.add_work(&stats);
        // nothing was scanned here
        all.exact = found.stats().exact.clone();
        Ok(Hits::new(lims, ids, distances, order, all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_as_many_as_faiss_asks_for() {
        for (k, times, more) in [
            (10, 1.0, 10),
            (10, 1.9, 19),
            (10, 1.19, 11),
            (1, 3.7, 3),
            (3, 1.5, 4),
            (100, 64.0, 6400),
            (1 << 24, 1.5, 3 << 23),
            (usize::MAX, 2.0, usize::MAX),
        ] {
            assert_eq!(times_as_many(k, times), more, "{k} x {times}");
        }
    }

    #[test]
    fn a_radius_is_widened_whatever_its_sign() {
        let inf = f32::INFINITY;
        for (radius, order, wide) in [
            (2.0, Order::Ascending, 8.0),
            (0.0, Order::Ascending, 0.0),
            (-2.0, Order::Ascending, -0.5),
            (inf, Order::Ascending, inf),
            (-inf, Order::Ascending, -inf),
            (2.0, Order::Descending, 0.5),
            (0.0, Order::Descending, 0.0),
            (-2.0, Order::Descending, -8.0),
            (-inf, Order::Descending, -inf),
            (inf, Order::Descending, inf),
        ] {
            assert_eq!(widened(radius, 4.0, order), wide, "{radius} {order:?}");
            assert_eq!(widened(radius, 1.0, order), radius);
        }
        assert!(widened(f32::NAN, 4.0, Order::Ascending).is_nan());
    }
}
