//! The centroids of all parts of a product quantizer at once: k-means in each, of which one alone keeps no device busy.
//!
//! ```text
//! centroids[m] = part m of rows that are picked at random, the same ones for all parts, or those that are given
//! niter times:
//!   code[x][m]   = the nearest of centroids[m], exactly                        on the device (encode.rs)
//!   centroids[m] = the means of those of each code, in f64                     here
//!   centroids without rows move into the clusters of others                    clustering/empty.rs
//! ```
//!
//! A part whose objective no longer falls stays as it is. Sums are taken in the order of the rows, so that two calls with the same seed have
//! the same bits.

use super::encode::{self, Codebook};
use crate::buffer::Matrix;
use crate::clustering::{
    Cluster, KMeansInit, KMeansParams, Move, Random, seed_of_moves, seed_of_start, split,
};
use crate::device::Gpu;
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::parallel::each;

/// Parts that one thread sums up at a time, of which a row has as many neighbouring codes.
const PARTS: usize = 8;

/// Whether these are the parameters of what is learnt here: one trial from random rows or given centroids, no means of length 1 and no
/// balance.
pub(super) fn takes(params: &KMeansParams) -> bool {
    params.nredo <= 1 && params.init == KMeansInit::Random && !params.spherical && !params.balance
}

/// A part while its centroids are learnt.
struct Part {
    centroids: Vec<f32>,
    random: Random,
    objective: Option<f64>,
    /// Whether centroids moved in the last iteration, after which the objective may rise.
    moved: bool,
    done: bool,
}

/// The shape of rows, and of their parts.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub dim: usize,
    pub parts: usize,
    pub bits: u32,
}

impl Shape {
    /// Elements of a part.
    fn part(self) -> usize {
        self.dim / self.parts
    }

    fn ksub(self) -> usize {
        1 << self.bits
    }
}

/// The centroids of each part, from rows of the sample that is trained on; the first are those that are `given`, if some are.
pub(super) fn centroids(
    gpu: &Gpu,
    shape: Shape,
    given: &[f32],
    rows: &[f32],
    params: &KMeansParams,
) -> Result<Vec<f32>> {
    let Shape { dim, parts, bits } = shape;
    let count = rows.len() / dim;
    let mut all = start(given, rows, shape, params)?;
    let niter = if count == shape.ksub() && given.is_empty() { 0 } else { params.niter };
    let matrix = Matrix::from_rows(gpu, dim, Rows::F32(rows))?;
    for iteration in 0..niter {
        params.cancel.as_ref().map_or(Ok(()), |token| token.check())?;
        if all.iter().all(|part| part.done) {
            break;
        }
        let centroids: Vec<f32> = all.iter().flat_map(|part| part.centroids.clone()).collect();
        let codebook = Codebook::new(gpu, &centroids, (parts, shape.part()), bits)?;
        let codes = encode::codes(&codebook, &matrix, None)?.read(0..count)?;
        let groups = all.chunks_mut(PARTS).enumerate().collect();
        each(groups, |(number, group): (usize, &mut [Part])| {
            moved(group, number * PARTS, (rows, &codes), shape, params);
            Ok(())
        })?;
        if let Some(progress) = &params.progress {
            progress((iteration + 1) as f64 / niter as f64);
        }
    }
    Ok(all.into_iter().flat_map(|part| part.centroids).collect())
}

fn start(given: &[f32], rows: &[f32], shape: Shape, params: &KMeansParams) -> Result<Vec<Part>> {
    let (dim, part, ksub) = (shape.dim, shape.part(), shape.ksub());
    let count = u32::try_from(rows.len() / dim).map_err(|_| Error::internal("too many rows"))?;
    let chosen = Random::new(seed_of_start(params, 0)).subset(count, ksub as u32);
    let picked = |at: usize| -> Vec<f32> {
        let row = |&row: &u32| &rows[row as usize * dim + at * part..][..part];
        chosen.iter().flat_map(row).copied().collect()
    };
    let own = |at: usize| given.get(at * ksub * part..(at + 1) * ksub * part);
    let parts = (0..shape.parts).map(|at| Part {
        centroids: own(at).map_or_else(|| picked(at), <[f32]>::to_vec),
        random: Random::new(seed_of_moves(params, 0)),
        objective: None,
        moved: false,
        done: false,
    });
    Ok(parts.collect())
}

/// Moves the centroids of neighbouring parts, the first of which is number `first`, to the means of what is nearest to them.
fn moved(
    group: &mut [Part],
    first: usize,
    (rows, codes): (&[f32], &[u8]),
    shape: Shape,
    params: &KMeansParams,
) {
    let (dim, parts, part, ksub) = (shape.dim, shape.parts, shape.part(), shape.ksub());
    let width = group.len();
    let mut clusters = vec![Cluster::default(); width * ksub];
    let mut sums = vec![0f64; width * ksub * part];
    let mut firsts = vec![u32::MAX; width * ksub];
    for (number, (row, codes)) in rows.chunks_exact(dim).zip(codes.chunks_exact(parts)).enumerate()
    {
        let elements = row[first * part..].chunks_exact(part);
        let coded = codes[first..].iter().zip(elements).zip(&*group).enumerate();
        for (at, ((&code, elements), of)) in coded {
            let code = usize::from(code);
            let centroid = &of.centroids[code * part..][..part];
            let place = at * ksub + code;
            let sum = &mut sums[place * part..][..part];
            let mut square = 0.0;
            for ((&x, &c), sum) in elements.iter().zip(centroid).zip(sum) {
                *sum += f64::from(x);
                square += (f64::from(x) - f64::from(c)).powi(2);
            }
            let cluster = &mut clusters[place];
            if cluster.points == 0 {
                firsts[place] = number as u32;
            } else if !cluster.differs {
                let other = &rows[firsts[place] as usize * dim + (first + at) * part..][..part];
                cluster.differs = elements != other;
            }
            cluster.points += 1;
            cluster.weight += 1.0;
            cluster.objective += square;
        }
    }
    for (at, of) in group.iter_mut().enumerate().filter(|(_, of)| !of.done) {
        let clusters = &clusters[at * ksub..][..ksub];
        let now: f64 = clusters.iter().map(|cluster| cluster.objective).sum();
        let before = of.objective.replace(now);
        if let (Some(before), false) = (before, of.moved)
            && (now - before).abs() <= params.early_stop_threshold * before.abs()
        {
            of.done = true;
            continue;
        }
        let sums = sums[at * ksub * part..].chunks_exact(part);
        for ((centroid, sum), cluster) in
            of.centroids.chunks_exact_mut(part).zip(sums).zip(clusters)
        {
            if cluster.points > 0 {
                let inverse = |sum: &f64| (sum / cluster.points as f64) as f32;
                centroid.iter_mut().zip(sum).for_each(|(c, sum)| *c = inverse(sum));
            }
        }
        let moves = split(clusters, 0, &mut of.random);
        of.moved = !moves.is_empty();
        let rows = rows.chunks_exact(dim).map(|row| &row[(first + at) * part..][..part]);
        let codes = codes.chunks_exact(parts).map(|codes| codes[first + at]);
        apply(&mut of.centroids, &moves, part, rows.zip(codes));
    }
}

/// Moves centroids towards the rows that were drawn of other clusters, known by their number among the rows of these.
fn apply<'a>(
    centroids: &mut [f32],
    moves: &[Move],
    part: usize,
    rows: impl Iterator<Item = (&'a [f32], u8)>,
) {
    if moves.is_empty() {
        return;
    }
    let mut wanted: Vec<Vec<Move>> = vec![Vec::new(); centroids.len() / part];
    moves.iter().for_each(|&m| wanted[m.donor].push(m));
    let mut seen = vec![0u64; wanted.len()];
    for (row, code) in rows {
        let (code, number) = (usize::from(code), seen[usize::from(code)]);
        seen[code] += 1;
        for m in wanted[code].iter().filter(|m| m.point == number) {
            for (at, &x) in row.iter().enumerate() {
                let mean = centroids[m.donor * part + at];
                centroids[m.to * part + at] = mean + (x - mean) * m.share;
            }
        }
    }
}
