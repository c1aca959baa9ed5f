//! Proofs that no list that a query did not look at has a nearer row.
//!
//! A row x of a list around c has |q - x| >= |q - c| - |x - c| and >= |x - c| - |q - c|, and of each list it is known how near and how far
//! its rows are (`reach.rs`). So no row of it is nearer than |q - c| less the largest |x - c|, nor than the least |x - c| less |q - c|. What
//! the device rounds is subtracted.

use super::assign;
use super::lists::InvertedLists;
use super::reach::{Reach, Span};
use crate::call::{Options, RowHits};
use crate::dtype::Rows;
use crate::error::Result;
use crate::metric::Metric;
use crate::space::check;

/// Bytes of distances to centroids that come to the host at a time.
const BYTES: usize = 64 << 20;

/// What is known of the lists that queries do not look at.
pub(crate) struct Proof {
    slack: Option<Slack>,
    /// How near a row of them may be to each query; infinite where they have none.
    least: Vec<f64>,
}

/// How far the device's distances may be off.
#[derive(Clone, Copy, Debug)]
struct Slack {
    /// Whether distances are squares.
    squared: bool,
    /// Of the true one.
    relative: f64,
    /// What squares lose that vanish.
    absolute: f64,
}

impl Slack {
    /// `None` where there is no bound: of a metric that is no distance of points, and of too many elements.
    fn of(metric: &Metric, dim: usize) -> Option<Slack> {
        let squared = match metric {
            Metric::L2 => true,
            Metric::SqrtL2 => false,
            _ => return None,
        };
        // Each of d squares of differences is off by 3 roundings and their sum by d at most, each of 2^-23, whichever way the device rounds;
        // the root halves that. Twice as much covers the products of these, and the host's.
        let relative = (dim as f64 + 8.0) * 2f64.powi(-23);
        // elements and squares below 2^-126 may vanish
        let absolute = (dim as f64).sqrt() * 2f64.powi(-62);
        (relative < 0.25).then_some(Slack { squared, relative, absolute })
    }

    fn root(self, distance: f64) -> f64 {
        if self.squared { distance.max(0.0).sqrt() } else { distance.max(0.0) }
    }

    /// The least that the distance can be truly.
    fn lower(self, distance: f64) -> f64 {
        self.root(distance) * (1.0 - self.relative) - self.absolute
    }

    /// The most.
    fn upper(self, distance: f64) -> f64 {
        self.root(distance) * (1.0 + self.relative) + self.absolute
    }

    /// How near a row of a list can be to a query, whose distance to the centroid this is.
    fn nearest(self, to_centroid: f64, span: Span) -> f64 {
        let ball = self.lower(to_centroid) - self.upper(span.most.into());
        let ring = self.lower(span.least.into()) - self.upper(to_centroid);
        ball.max(ring).max(0.0)
    }
}

impl Proof {
    /// Of a search that looks at every row.
    pub fn of_all(queries: usize) -> Proof {
        Proof { slack: None, least: vec![f64::INFINITY; queries] }
    }

    /// Of the lists behind the nearest `nprobe`, whose rows reach so far.
    pub fn new(
        lists: &InvertedLists,
        reach: impl FnOnce() -> Result<Reach>,
        queries: Rows<'_>,
        nprobe: usize,
        options: &Options,
    ) -> Result<Proof> {
        let (metric, dim) = (lists.dataset().metric(), lists.dataset().dim());
        let (count, nlist) = (queries.count(dim)?, lists.nlist());
        // of estimates nothing is known by how far rows are
        let slack = Slack::of(metric, dim).filter(|_| !lists.dataset().estimates());
        let Some(slack) = slack else {
            return Ok(Proof { slack: None, least: vec![0.0; count] });
        };
        // here, where the queries still have their numbers
        check::rows(metric, queries, dim, 0)?;
        let reach = reach()?;
        let step = (BYTES / (nlist * 16)).max(1);
        let mut least = Vec::with_capacity(count);
        let mut told = vec![false; nlist];
        for start in (0..count).step_by(step) {
            let part = queries.slice(dim, start..(start + step).min(count));
            let options = Options { cancel: options.cancel.clone(), ..Options::default() };
            let found = assign::nearest_hits(lists.centroids()?, part, nlist, options)?;
            for ends in found.lims.windows(2) {
                let all =
                    found.ids[ends[0]..ends[1]].iter().zip(&found.distances[ends[0]..ends[1]]);
                let mut nearest = f64::INFINITY;
                told.fill(false);
                for (place, (&list, &distance)) in all.enumerate() {
                    told[list as usize] = true;
                    let span = reach.of(list as usize);
                    if place >= nprobe && !span.is_empty() {
                        nearest = nearest.min(slack.nearest(distance.into(), span));
                    }
                }
                // of lists at no finite distance nothing is known
                let untold = |list: usize| !told[list] && !reach.of(list).is_empty();
                if (ends[1] - ends[0] < nlist) && (0..nlist).any(untold) {
                    nearest = 0.0;
                }
                least.push(nearest);
            }
        }
        Ok(Proof { slack: Some(slack), least })
    }

    /// Says of which queries of an answer that is so.
    pub fn tell(&self, found: &mut RowHits, k: Option<usize>, radius: Option<f32>) {
        found.proved = self.proved(found, k, radius);
        found.stats.ivf.proved = found.proved.iter().filter(|&&proved| proved).count() as u64;
    }

    /// Which queries have all that is nearer than the farthest of their k hits, or all within a radius.
    fn proved(&self, found: &RowHits, k: Option<usize>, radius: Option<f32>) -> Vec<bool> {
        let of = |(&least, ends): (&f64, &[usize])| {
            if least == f64::INFINITY {
                return true;
            }
            let full = k.is_some_and(|k| ends[1] - ends[0] >= k);
            let last = found.distances[ends[0]..ends[1]].last().copied();
            let reached = radius.or(last.filter(|_| full));
            match (self.slack, reached) {
                (Some(slack), Some(distance)) => least > slack.upper(distance.into()),
                _ => false,
            }
        };
        self.least.iter().zip(found.lims.windows(2)).map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balls_and_rings_leave_a_distance() {
        let slack = Slack::of(&Metric::L2, 16).unwrap();
        let span = Span { least: 4.0, most: 9.0 };
        // 10 from a ball of 3, and 1 from a ring of 2
        let (far, near) = (slack.nearest(100.0, span), slack.nearest(1.0, span));
        assert!(far < 7.0 && far > 6.999, "{far}");
        assert!(near < 1.0 && near > 0.999, "{near}");
        assert_eq!(slack.nearest(6.25, span), 0.0);
        assert_eq!(slack.nearest(f64::MAX, Span { least: 0.0, most: f32::INFINITY }), 0.0);
        assert!(Slack::of(&Metric::Cosine, 16).is_none());
        assert!(Slack::of(&Metric::SqrtL2, 1 << 22).is_none());
    }

    #[test]
    fn what_is_near_enough_is_proved() {
        let found = RowHits {
            lims: vec![0, 2, 3, 5],
            ids: vec![0; 5],
            distances: vec![1.0, 4.0, 1.0, 1.0, 9.0],
            ..RowHits::default()
        };
        let slack = Slack::of(&Metric::L2, 4);
        let proof = Proof { slack, least: vec![2.5, 2.5, 2.5] };
        // three, one that has too few, and one whose last is too far
        assert_eq!(proof.proved(&found, Some(2), None), [true, false, false]);
        assert_eq!(proof.proved(&found, None, Some(6.0)), [true; 3]);
        assert_eq!(proof.proved(&found, None, Some(6.25)), [false; 3]);
        let nothing = Proof { slack: None, least: vec![0.0; 3] };
        assert_eq!(nothing.proved(&found, Some(1), None), [false; 3]);
        assert_eq!(Proof::of_all(3).proved(&found, Some(9), None), [true; 3]);
    }
}
