//! All rows within a radius, by the codes within a wider one.

use super::call::{Call, Done};
use super::compare::listed;
use crate::error::Result;
use crate::exact::Wanted;
use crate::invlists::Probe;
use crate::metric::{Metric, Order};
use std::collections::BTreeMap;

/// Queries that are asked together.
const QUERIES: usize = 4096;
/// Where the largest slack is no more than so many times that of the rows that are not listed, the radius is widened for all.
const WIDER: f64 = 1.25;
/// What the way from a radius to the number that rows are ordered by, and back, may round.
const ROUNDING: f64 = 1e-6;

/// A radius as the number that rows are ordered by, and no hit beyond it.
fn raw_of(metric: &Metric, radius: f64) -> f64 {
    match metric {
        Metric::SqrtL2 => radius.max(0.0).powi(2) * (1.0 + ROUNDING),
        Metric::CosineDistance => 1.0 - radius - ROUNDING * (1.0 + radius.abs()),
        _ => radius,
    }
}

/// The reverse, and no hit beyond that.
fn radius_of(metric: &Metric, raw: f64) -> f32 {
    let radius = match metric {
        Metric::SqrtL2 => raw.max(0.0).sqrt() * (1.0 + ROUNDING),
        Metric::CosineDistance => 1.0 - raw + ROUNDING * (1.0 + raw.abs()),
        _ => raw,
    };
    match metric.order() {
        Order::Ascending => (radius as f32).next_up(),
        Order::Descending => (radius as f32).next_down(),
    }
}

impl Call {
    /// The hits of each query.
    pub fn range(&self, radius: f32, nprobe: usize, done: &mut Done<'_>) -> Result<Vec<Vec<u64>>> {
        let queries = self.queries.count;
        let mut hits = vec![Vec::new(); queries];
        if queries == 0 || self.of.rows.len() == 0 {
            return Ok(hits);
        }
        // the rows that are listed can only be looked at here where it is known which of them pass
        let loose = self.loose();
        let apart = self.passes.are_known() && loose.most() > WIDER * loose.rest().max(0.0);
        let slack = if apart { loose.rest().max(0.0) } else { loose.most() };
        // queries of about one length, since by that similarities are widened
        let mut groups: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
        for query in 0..queries as u32 {
            let norm = if self.tree.ascends() { 0.0 } else { self.queries.norm(query) };
            let class = if norm == 0.0 { i32::MIN } else { norm.log2().floor() as i32 };
            groups.entry(class).or_default().push(query);
        }
        for which in groups.values().flat_map(|which| which.chunks(QUERIES)) {
            let norm = which.iter().fold(0f64, |most, &query| most.max(self.queries.norm(query)));
            let wide = self.widened(radius, slack, norm);
            let found = self.ask(which, Probe::Within(wide), nprobe, done)?;
            done.stats.rows = found.stats.rows;
            done.stats.add_work(&found.stats);
            let probes = if apart { self.probes(which, nprobe)? } else { None };
            let all: Vec<usize> = if apart { (0..self.of.lists.nlist()).collect() } else { vec![] };
            let average = found.ids.len() / which.len();
            let items = which.iter().enumerate().collect();
            let own = self.in_pieces(items, average, |(at, &query): (usize, &u32)| {
                let ids = &found.ids[found.lims[at]..found.lims[at + 1]];
                let mut rows: Vec<u32> = ids.iter().map(|&id| id as u32).collect();
                let lists = probes.as_ref().map_or(&all, |probes| &probes[at]);
                let loose = lists.iter().flat_map(|&list| loose.of(list, slack));
                rows.extend(loose.filter(|&row| self.passes.of(query, row) == Some(true)));
                rows.sort_unstable();
                rows.dedup();
                Ok(rows)
            })?;
            let own = self.compared(
                which,
                listed(own.iter().map(Vec::as_slice)),
                Wanted::Within(radius),
                done,
            )?;
            for (&query, own) in which.iter().zip(own) {
                hits[query as usize] = own;
                done.answered += 1;
            }
        }
        Ok(hits)
    }

    /// A radius within which codes are of all rows within `radius` whose slack is at most this.
    fn widened(&self, radius: f32, slack: f64, norm: f64) -> f32 {
        let metric = self.of.lists.dataset().metric();
        let none = metric.order() == Order::Ascending && radius <= 0.0;
        if radius.is_infinite() || none {
            return radius;
        }
        let raw = raw_of(metric, radius.into());
        radius_of(metric, self.of.slack.widened(raw, slack, norm))
    }
}
