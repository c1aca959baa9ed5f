//! Lloyd's iterations.

use super::assign::{Assigned, How, assign};
use super::empty::{self, Cluster};
use super::flights::Flights;
use super::group::{self, Groups};
use super::params::KMeansParams;
use super::points::Points;
use super::random::Random;
use super::start;
use super::sums::{Found, Sums};
use super::update::Centroids;
use crate::error::Result;
use crate::exact::Approximate;
use crate::kernel::Encoder;
use crate::metric::Metric;

/// Of the steps that move the centroids of small clusters each other adds an iteration (cuVS: 2).
const PULLBACK: usize = 2;
/// What the random numbers of the moves differ by from those of the start.
const MOVES: u64 = 0x6d6f_7665;

/// The share of the squared length of the longest point below which a mean distance is too small to be told by scores in f16, of 11 bits
/// an element, whose errors are of both signs.
const LEAST_DISTANCE: f64 = 1.0 / 1024.0;

/// What a trial is made of.
pub(super) struct Lloyd<'a> {
    pub points: &'a Points,
    pub metric: &'a Metric,
    pub params: &'a KMeansParams,
    /// Whether all points are assigned to the last centroids, too.
    pub last: bool,
    /// Told the share of the trial that is done.
    pub tell: &'a dyn Fn(f64),
}

/// What came of a trial.
pub(super) struct Trial {
    pub centroids: Centroids,
    /// Of each iteration, and last of the centroids, where that was asked for.
    pub objective: Vec<f64>,
    /// Of each iteration.
    pub splits: Vec<usize>,
    /// Of the last assignment, where that was asked for.
    pub clusters: Vec<Cluster>,
}

/// One assignment of all points, and what it sums up to.
struct Pass {
    sums: Sums,
    groups: Vec<Groups>,
    found: Found,
}

/// What the random numbers of the moves of a trial come from.
pub(crate) fn seed_of_moves(params: &KMeansParams, trial: usize) -> u64 {
    start::seed(params, trial).wrapping_add(MOVES)
}

fn how(way: Option<&Approximate>, rough: bool) -> How<'_> {
    match way {
        Some(way) => How::Resident(way),
        None if rough => How::Exact,
        None => How::Fast,
    }
}

impl Lloyd<'_> {
    /// Iterates from `centroids`, of which the first `frozen` stay.
    pub fn run(&self, mut centroids: Centroids, frozen: usize, trial: usize) -> Result<Trial> {
        let (params, mut random) = (self.params, self.random(trial));
        let (mut objective, mut splits) = (Vec::new(), Vec::new());
        let (mut iterations, mut small) = (params.niter, 0);
        let mut way = match centroids.stay_in_place() && self.points.lie_alike() {
            true => Approximate::new(centroids.dataset(), &self.points.dataset)?,
            false => None,
        };
        let mut rough = false;
        let mut iteration = 0;
        while iteration < iterations {
            self.check()?;
            let mut pass = self.pass(&centroids, how(way.as_ref(), rough))?;
            if way.is_some() && self.is_rough(&pass.found.clusters) {
                log::debug!("points are near to each other: they are assigned exactly");
                (way, rough) = (None, true);
                pass = self.pass(&centroids, How::Exact)?;
            }
            let clusters = &pass.found.clusters;
            let now: f64 = clusters.iter().map(|c| c.objective).sum();
            let before = objective.last().copied();
            objective.push(now);
            let moved = splits.last().is_some_and(|&moved| moved > 0);
            if let (Some(before), false) = (before, moved)
                && (now - before).abs() <= params.early_stop_threshold * f64::abs(before)
            {
                splits.push(0);
                break;
            }
            let last = iteration + 1 == iterations;
            let mut moves = match params.balance && !last {
                true => empty::balance(clusters, frozen, &mut random),
                false => empty::split(clusters, frozen, &mut random),
            };
            if params.balance && !moves.is_empty() && !last {
                small += 1;
                iterations += usize::from(small % PULLBACK == 0);
            }
            splits.push(moves.len());
            moves.extend(empty::equal(clusters, frozen, &moves));
            centroids.update(self.points, (&pass.sums, &pass.found), &pass.groups, &moves)?;
            iteration += 1;
            (self.tell)(iteration as f64 / (iterations + 1) as f64);
        }
        self.check()?;
        let mut clusters = Vec::new();
        if self.last {
            clusters = self.pass(&centroids, How::Exact)?.found.clusters;
            objective.push(clusters.iter().map(|c| c.objective).sum());
        }
        Ok(Trial { centroids, objective, splits, clusters })
    }

    fn random(&self, trial: usize) -> Random {
        Random::new(seed_of_moves(self.params, trial))
    }

    fn check(&self) -> Result<()> {
        self.params.cancel.as_ref().map_or(Ok(()), |token| token.check())
    }

    fn pass(&self, centroids: &Centroids, how: How<'_>) -> Result<Pass> {
        let (points, k) = (self.points, centroids.k());
        let (dataset, cancel) = (centroids.dataset(), self.params.cancel.as_ref());
        let mut flights = Flights::new();
        let blocks = points.blocks();
        let assigned =
            blocks.map(|block| assign(points, block, dataset, how, &mut flights, cancel));
        let assigned: Vec<Assigned> = assigned.collect::<Result<_>>()?;
        let sums = Sums::new(points, k)?;
        let mut encoder = Encoder::new(points.gpu(), "k-means", flights.timed())?;
        let mut groups = Vec::with_capacity(assigned.len());
        for (number, (block, assigned)) in points.blocks().zip(&assigned).enumerate() {
            encoder.stage("group");
            let of_block = group::by_label(&mut encoder, &assigned.labels, block.len(), k)?;
            encoder.stage("sums");
            sums.add(&mut encoder, points, (number, block), &of_block, assigned)?;
            groups.push(of_block);
        }
        let found = sums.found(encoder, &mut flights)?;
        flights.finish()?;
        Ok(Pass { sums, groups, found })
    }

    /// Whether points are so much nearer to their centroids than to the origin that scores in f16 say little of which is the nearest.
    fn is_rough(&self, clusters: &[Cluster]) -> bool {
        let sum = |of: fn(&Cluster) -> f64| clusters.iter().map(of).sum::<f64>();
        let mean = sum(|c| c.objective) / sum(|c| c.weight);
        match self.metric {
            Metric::L2 => {
                mean < self.points.dataset.compared().facts().norm.powi(2) * LEAST_DISTANCE
            }
            Metric::Cosine => 1.0 - mean < LEAST_DISTANCE,
            _ => false,
        }
    }
}
