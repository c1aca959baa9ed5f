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
use std::time::Instant;

/// Parts that one thread sums up at a time, of which a row has as many neighbouring codes.
const PARTS: usize = 4;

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
    // what a thread sums up lies together: of whole rows it would read a line of the cache here and there
    let columns = each((0..parts).step_by(PARTS).collect(), |first: usize| {
        let (start, end) = (first * shape.part(), (first + PARTS).min(parts) * shape.part());
        Ok(rows.chunks_exact(dim).flat_map(|row| &row[start..end]).copied().collect::<Vec<f32>>())
    })?;
    for iteration in 0..niter {
        let begin = Instant::now();
        params.cancel.as_ref().map_or(Ok(()), |token| token.check())?;
        if all.iter().all(|part| part.done) {
            break;
        }
        let centroids: Vec<f32> = all.iter().flat_map(|part| part.centroids.clone()).collect();
        let codebook = Codebook::new(gpu, &centroids, (parts, shape.part()), bits)?;
        let codes = encode::codes(&codebook, &matrix, None)?.read(0..count)?;
        let coded = begin.elapsed();
        let groups = all.chunks_mut(PARTS).zip(&columns).enumerate().collect();
        each(groups, |(number, (group, columns)): (usize, (&mut [Part], &Vec<f32>))| {
            moved(group, number * PARTS, (columns, &codes), shape, params);
            Ok(())
        })?;
        log::debug!("{parts} parts: codes in {coded:.1?}, all in {:.1?}", begin.elapsed());
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

/// What the rows of neighbouring parts sum up to, by their codes.
struct Sums {
    clusters: Vec<Cluster>,
    elements: Vec<f64>,
    /// Of each part, the squares of what its centroids leave.
    objective: Vec<f64>,
}

impl Sums {
    /// Of parts from number `first` on, whose centroids stand one behind the other.
    fn new(centroids: &[f32], first: usize, of: (&[f32], &[u8]), shape: Shape) -> Sums {
        // lengths that are known make loops of some instructions
        match shape.part() {
            2 => Sums::of(2, centroids, first, of, shape),
            4 => Sums::of(4, centroids, first, of, shape),
            8 => Sums::of(8, centroids, first, of, shape),
            part => Sums::of(part, centroids, first, of, shape),
        }
    }

    #[inline(always)]
    fn of(
        part: usize,
        centroids: &[f32],
        first: usize,
        (columns, codes): (&[f32], &[u8]),
        shape: Shape,
    ) -> Sums {
        let (parts, ksub) = (shape.parts, shape.ksub());
        let places = centroids.len() / part;
        let width = places / ksub;
        let (mut points, mut differs) = (vec![0u32; places], vec![false; places]);
        let (mut elements, mut objective) = (vec![0f64; places * part], vec![0f64; width]);
        // the first row of each cluster
        let mut firsts = vec![0f32; places * part];
        for (own, codes) in columns.chunks_exact(width * part).zip(codes.chunks_exact(parts)) {
            let codes = &codes[first..first + width];
            for (at, (x, &code)) in own.chunks_exact(part).zip(codes).enumerate() {
                let place = at * ksub + usize::from(code);
                let range = place * part..(place + 1) * part;
                let (centroid, sum) = (&centroids[range.clone()], &mut elements[range.clone()]);
                let mut square = 0f32;
                for ((&x, &c), sum) in x.iter().zip(centroid).zip(sum) {
                    *sum += f64::from(x);
                    square += (x - c) * (x - c);
                }
                objective[at] += f64::from(square);
                let seen = &mut points[place];
                if *seen == 0 {
                    firsts[range].copy_from_slice(x);
                } else if !differs[place] {
                    differs[place] = x != &firsts[range];
                }
                *seen += 1;
            }
        }
        let cluster = |(&points, &differs): (&u32, &bool)| {
            let (points, weight) = (u64::from(points), f64::from(points));
            Cluster { points, weight, differs, objective: 0.0 }
        };
        let clusters = points.iter().zip(&differs).map(cluster).collect();
        Sums { clusters, elements, objective }
    }
}

/// Moves the centroids of neighbouring parts, the first of which is number `first`, to the means of what is nearest to them.
fn moved(
    group: &mut [Part],
    first: usize,
    (columns, codes): (&[f32], &[u8]),
    shape: Shape,
    params: &KMeansParams,
) {
    let (parts, part, ksub) = (shape.parts, shape.part(), shape.ksub());
    let width = group.len() * part;
    let centroids: Vec<f32> = group.iter().flat_map(|of| &of.centroids).copied().collect();
    let found = Sums::new(&centroids, first, (columns, codes), shape);
    for (at, of) in group.iter_mut().enumerate().filter(|(_, of)| !of.done) {
        let now = found.objective[at];
        let before = of.objective.replace(now);
        if let (Some(before), false) = (before, of.moved)
            && (now - before).abs() <= params.early_stop_threshold * before.abs()
        {
            of.done = true;
            continue;
        }
        let clusters = &found.clusters[at * ksub..][..ksub];
        let sums = found.elements[at * ksub * part..].chunks_exact(part);
        for ((centroid, sum), cluster) in
            of.centroids.chunks_exact_mut(part).zip(sums).zip(clusters)
        {
            if cluster.points > 0 {
                let inverse = |sum: &f64| (sum / cluster.weight) as f32;
                centroid.iter_mut().zip(sum).for_each(|(c, sum)| *c = inverse(sum));
            }
        }
        let moves = split(clusters, 0, &mut of.random);
        of.moved = !moves.is_empty();
        let rows = columns.chunks_exact(width).map(|row| &row[at * part..][..part]);
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
