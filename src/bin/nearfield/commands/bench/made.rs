//! Rows that lie near to each other, as those that people search do, and queries that come in crowds.

use crate::shell::failure::Result;
use crate::shell::random::{self, SplitMix};
use rayon::prelude::*;

/// Dimensions of the plane that rows of low rank lie near.
const RANK: usize = 32;
/// How far from it they are in each dimension, beside 1 for how far they are spread on it.
const NOISE: f32 = 0.1;
/// The same of rows around a centroid, and of queries around a row.
const NEAR: f32 = 0.02;
/// Numbers of [`random::rows`] spread by a half.
const SPREAD: f32 = 2.0;
/// Seeds of what rows and queries of one base have in common.
const COMMON: u64 = 7;

/// Rows near a plane of [`RANK`] dimensions, which is the same whatever the seed.
pub fn low_rank(n: usize, d: usize, seed: u64) -> Result<Vec<f32>> {
    let mut rows = random::rows(n, d, seed ^ 0xa0_0000)?;
    let places = random::rows(n, RANK, seed)?;
    let scale = SPREAD * SPREAD / (RANK as f32).sqrt();
    let plane: Vec<f32> = random::rows(RANK, d, COMMON)?.iter().map(|x| x * scale).collect();
    rows.par_chunks_mut(d).zip(places.par_chunks(RANK)).for_each(|(row, place)| {
        row.iter_mut().for_each(|x| *x *= SPREAD * NOISE);
        for (axis, at) in plane.chunks_exact(d).zip(place) {
            row.iter_mut().zip(axis).for_each(|(x, axis)| *x += at * axis);
        }
    });
    Ok(rows)
}

/// Rows around centroids, of which the longest list has more than an average one.
pub struct Clusters {
    d: usize,
    /// The centroids, of equal length: none is nearer to all queries than others.
    pub centroids: Vec<f32>,
    /// Of `n` rows, the number behind the last one of each list.
    ends: Vec<usize>,
}

impl Clusters {
    /// `lists` of them; the longest has `largest` times as many rows as an average one.
    pub fn new(n: usize, d: usize, lists: usize, largest: f64) -> Result<Clusters> {
        let mut centroids = random::rows(lists, d, COMMON)?;
        for centroid in centroids.chunks_mut(d) {
            let length = centroid.iter().map(|x| x * x).sum::<f32>().sqrt();
            centroid.iter_mut().for_each(|x| *x *= (d as f32).sqrt() / 2.0 / length);
        }
        Ok(Clusters { d, centroids, ends: ends(n, lists, largest) })
    }

    pub fn rows(&self) -> Result<Vec<f32>> {
        let n = self.ends.last().copied().unwrap_or(0);
        // rows of one list do not follow each other; the first row stays in the longest
        let mut at: Vec<usize> = (0..n).collect();
        let mut random = SplitMix::new(COMMON);
        (2..n).rev().for_each(|i| at.swap(i, 1 + (random.next() % i as u64) as usize));
        self.around(at, 1)
    }

    /// Queries of which each list has as large a part as of the rows.
    pub fn queries(&self, count: usize, seed: u64) -> Result<Vec<f32>> {
        let (mut random, n) = (SplitMix::new(seed), self.ends.last().map_or(1, |&n| n as u64));
        self.around((0..count).map(|_| (random.next() % n) as usize).collect(), seed)
    }

    fn around(&self, at: Vec<usize>, seed: u64) -> Result<Vec<f32>> {
        let mut rows = random::rows(at.len(), self.d, seed)?;
        rows.par_chunks_mut(self.d).zip(at).for_each(|(row, at)| {
            let list = self.ends.partition_point(|&end| end <= at);
            add(row, &self.centroids[list * self.d..][..self.d]);
        });
        Ok(rows)
    }
}

fn add(row: &mut [f32], centre: &[f32]) {
    row.iter_mut().zip(centre).for_each(|(x, centre)| *x = *x * SPREAD * NEAR + centre);
}

/// Where each of some lists of `n` rows ends whose lengths fall as the powers of their numbers; the first is `largest` averages long.
fn ends(n: usize, lists: usize, largest: f64) -> Vec<usize> {
    let weights = |power: f64| (1..=lists).map(move |list| (list as f64).powf(-power));
    let (mut low, mut high) = (0.0, 8.0);
    for _ in 0..60 {
        let power = (low + high) / 2.0;
        let first = lists as f64 / weights(power).sum::<f64>();
        if first < largest { low = power } else { high = power }
    }
    let (sum, mut before) = (weights(low).sum::<f64>(), 0.0);
    let mut ends: Vec<usize> = weights(low)
        .map(|weight| {
            before += weight;
            (n as f64 * before / sum).round() as usize
        })
        .collect();
    if let Some(last) = ends.last_mut() {
        *last = n;
    }
    ends
}

/// Queries around one of the rows.
pub fn around_one(rows: &[f32], d: usize, count: usize, seed: u64) -> Result<Vec<f32>> {
    let mut queries = random::rows(count, d, seed)?;
    queries.par_chunks_mut(d).for_each(|query| add(query, &rows[..d]));
    Ok(queries)
}

/// Queries around `places` of the rows, of which the i-th is asked by a share of 1 / i.
pub fn zipf(rows: &[f32], d: usize, places: usize, count: usize, seed: u64) -> Result<Vec<f32>> {
    let mut sum = 0.0;
    let shares: Vec<f64> = (1..=places)
        .map(|place| {
            sum += 1.0 / place as f64;
            sum
        })
        .collect();
    let (mut random, n) = (SplitMix::new(seed), rows.len() / d);
    let at: Vec<usize> = (0..count)
        .map(|_| {
            let drawn = (random.next() >> 11) as f64 / (1u64 << 53) as f64 * sum;
            let place = shares.partition_point(|&share| share <= drawn).min(places - 1);
            place * n / places
        })
        .collect();
    let mut queries = random::rows(count, d, seed ^ 0xb0_0000)?;
    queries.par_chunks_mut(d).zip(at).for_each(|(query, at)| add(query, &rows[at * d..][..d]));
    Ok(queries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_list_is_as_long_as_said() {
        for (lists, largest) in [(64, 1.0), (64, 10.0), (4096, 50.0)] {
            let ends = ends(1_000_000, lists, largest);
            let longest = ends[0] as f64 / 1e6 * lists as f64;
            assert!((longest / largest - 1.0).abs() < 0.01, "{lists}, {largest}: {longest}");
            assert!(ends.is_sorted() && ends.len() == lists && ends[lists - 1] == 1_000_000);
        }
    }

    #[test]
    fn rows_are_nearest_to_their_own_centroid() {
        let clusters = Clusters::new(500, 16, 20, 5.0).unwrap();
        let rows = clusters.rows().unwrap();
        let mut counts = [0; 20];
        for row in rows.chunks(16) {
            let distance = |centroid: &[f32]| -> f32 {
                row.iter().zip(centroid).map(|(x, c)| (x - c) * (x - c)).sum()
            };
            let all: Vec<f32> = clusters.centroids.chunks(16).map(distance).collect();
            let nearest = (0..20).min_by(|&a, &b| all[a].total_cmp(&all[b])).unwrap();
            assert!(all[nearest] < 0.1, "{}", all[nearest]);
            counts[nearest] += 1;
        }
        assert_eq!((counts[0], counts.iter().sum::<usize>()), (125, 500));
        assert_eq!(clusters.queries(30, 3).unwrap().len(), 30 * 16);
    }

    #[test]
    fn rows_of_low_rank_are_spread_as_far_as_independent_ones_and_zipf_asks_the_first_most() {
        let rows = low_rank(2000, 48, 1).unwrap();
        let mean = rows.iter().map(|x| x * x).sum::<f32>() / rows.len() as f32;
        assert!((0.5..2.0).contains(&mean), "{mean}");
        let queries = zipf(&rows, 48, 100, 1000, 5).unwrap();
        let near = |query: &[f32], row: usize| {
            query.iter().zip(&rows[row * 48..]).all(|(q, x)| (q - x).abs() < 0.1)
        };
        let first = queries.chunks(48).filter(|query| near(query, 0)).count();
        let second = queries.chunks(48).filter(|query| near(query, 20)).count();
        assert!((130..260).contains(&first) && (60..140).contains(&second), "{first}, {second}");
        let one = around_one(&rows, 48, 9, 6).unwrap();
        assert!(one.chunks(48).all(|query| near(query, 0)));
    }
}
