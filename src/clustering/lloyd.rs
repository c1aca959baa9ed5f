//! Lloyd's iterations.

use super::assign::{Assigned, assign};
use super::empty::{self, Cluster};
use super::group::{self, Groups};
use super::params::KMeansParams;
use super::points::Points;
use super::random::Random;
use super::start;
use super::sums::{Found, Sums};
use super::update::Centroids;
use crate::error::Result;
use crate::kernel::Encoder;
use crate::metric::Metric;

/// Of the steps that move the centroids of small clusters each other adds an iteration (cuVS: 2).
const PULLBACK: usize = 2;
/// What the random numbers of the moves differ by from those of the start.
const MOVES: u64 = 0x6d6f_7665;

/// What a trial is made of.
pub(super) struct Lloyd<'a> {
    pub points: &'a Points,
    pub metric: &'a Metric,
    pub params: &'a KMeansParams,
    /// Told the share of the trial that is done.
    pub tell: &'a dyn Fn(f64),
}

/// What came of a trial.
pub(super) struct Trial {
    pub centroids: Centroids,
    /// Of each iteration, and last of the centroids.
    pub objective: Vec<f64>,
    /// Of each iteration.
    pub splits: Vec<usize>,
    pub clusters: Vec<Cluster>,
}

/// One assignment of all points, and what it sums up to.
struct Pass {
    sums: Sums,
    groups: Vec<Groups>,
    found: Found,
}

impl Lloyd<'_> {
    /// Iterates from `centroids`, of which the first `frozen` stay.
    pub fn run(&self, mut centroids: Centroids, frozen: usize, trial: usize) -> Result<Trial> {
        let (params, mut random) = (self.params, self.random(trial));
        let (mut objective, mut splits) = (Vec::new(), Vec::new());
        let (mut iterations, mut small) = (params.niter, 0);
        let mut iteration = 0;
        while iteration < iterations {
            self.check()?;
            let pass = self.pass(&centroids, false)?;
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
            moves.extend(empty::equal(clusters, frozen));
            centroids.update(self.points, (&pass.sums, &pass.found), &pass.groups, &moves)?;
            iteration += 1;
            (self.tell)(iteration as f64 / (iterations + 1) as f64);
        }
        self.check()?;
        let clusters = self.pass(&centroids, true)?.found.clusters;
        objective.push(clusters.iter().map(|c| c.objective).sum());
        Ok(Trial { centroids, objective, splits, clusters })
    }

    fn random(&self, trial: usize) -> Random {
        Random::new(start::seed(self.params, trial).wrapping_add(MOVES))
    }

    fn check(&self) -> Result<()> {
        self.params.cancel.as_ref().map_or(Ok(()), |token| token.check())
    }

    fn pass(&self, centroids: &Centroids, exact: bool) -> Result<Pass> {
        let (points, k) = (self.points, centroids.k());
        let dataset = centroids.dataset(self.metric)?;
        let cancel = self.params.cancel.as_ref();
        let blocks = points.blocks().map(|block| assign(points, block, &dataset, exact, cancel));
        let assigned: Vec<Assigned> = blocks.collect::<Result<_>>()?;
        let sums = Sums::new(points, k)?;
        let mut encoder = Encoder::new(points.gpu(), "k-means", false)?;
        let mut groups = Vec::with_capacity(assigned.len());
        for (number, (block, assigned)) in points.blocks().zip(&assigned).enumerate() {
            let of_block = group::by_label(&mut encoder, &assigned.labels, block.len(), k)?;
            sums.add(&mut encoder, points, (number, block), &of_block, assigned)?;
            groups.push(of_block);
        }
        let found = sums.found(encoder)?;
        Ok(Pass { sums, groups, found })
    }
}
