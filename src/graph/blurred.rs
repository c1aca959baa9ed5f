//! Whether a copy of the rows in fewer bits tells neighbours apart, as a walk has to.
//!
//! Rows that lie close to each other and far from the origin lose more in f16 or 8 bits than they differ by, and a walk among them goes anywhere. So
//! what is lost of some rows is held against how far they are from their neighbours along the edges, once for a graph. A loss of no direction
//! changes a squared distance d^2 by some 2 d loss / sqrt(dim), and a product with a row by |x| loss / sqrt(dim). Directions, which are compared by
//! products, differ by d^2 / 2 only: groups that L2 tells apart cosine may not.

use super::edges::{Blurred, Edges, family};
use super::starts::sample;
use crate::buffer::Buffer;
use crate::dtype::AlignedBlock;
use crate::error::Result;
use crate::exact::Dataset;
use crate::kernel::{Encoder, words};
use crate::ops::gather;
use crate::space::{self, Family};
use half::f16;

/// Rows that are looked at, and edges of each.
const ROWS: u64 = 64;
const EDGES: u32 = 4;
/// What a copy may take of the difference between neighbours; the half of those that are looked at decides.
const MOST: f64 = 0.25;

impl Edges {
    /// Which copies of these rows are no good for walks.
    pub(super) fn blurred(&self, dataset: &Dataset) -> Result<Blurred> {
        self.blurred.get(|| {
            let Some((family, scaled)) = family(dataset) else { return Ok(Blurred::default()) };
            let pairs = neighbors(dataset, (&self.links, self.degree))?;
            let (rows, dim) = (values(dataset, &pairs, scaled)?, dataset.dim());
            let factor = dataset.f16().map_or(1.0, |f16| f16.smallest_factor());
            let in_f16 = |row: &[f32]| {
                let lost = |x: &f32| f64::from(f16::from_f32(x * factor).to_f32() / factor - x);
                row.iter().map(|x| lost(x).powi(2)).sum::<f64>().sqrt()
            };
            let in_bytes = |row: &[f32]| {
                let step = row.iter().fold(0f32, |most, x| most.max(x.abs())) / 127.0;
                // of whatever is rounded to steps
                f64::from(step) * (dim as f64 / 12.0).sqrt()
            };
            let share = |lost: f64, [x, y]: [&[f32]; 2]| {
                let square = x.iter().zip(y).map(|(x, y)| f64::from(x - y).powi(2)).sum::<f64>();
                let along = lost / (dim as f64).sqrt();
                match (family, scaled) {
                    (_, true) => along / (square / 2.0),
                    (Family::Dot, _) => lost / square.sqrt(),
                    _ => 2.0 * along / square.sqrt(),
                }
            };
            let blurs = |loss: &dyn Fn(&[f32]) -> f64| {
                let pairs = rows.chunks_exact(2 * dim).map(|pair| pair.split_at(dim));
                // equal rows are told apart by nothing
                let apart = pairs.filter(|(x, y)| x != y);
                let mut shares: Vec<f64> = apart.map(|(x, y)| share(loss(x), [x, y])).collect();
                shares.sort_by(f64::total_cmp);
                shares.get(shares.len() / 2).is_some_and(|share| *share > MOST)
            };
            let blurred = Blurred { f16: blurs(&in_f16), bytes: blurs(&in_bytes) };
            log::debug!("copies that blur the rows of a graph: {blurred:?}");
            Ok(blurred)
        })
    }
}

/// Rows of a sample, each with one that an edge leads to.
fn neighbors(dataset: &Dataset, (links, degree): (&Buffer, u32)) -> Result<Vec<[u32; 2]>> {
    let n = dataset.len();
    let rows = sample(n, ROWS);
    let (each, bytes) = (EDGES.min(degree), 4 * u64::from(degree));
    let ranges: Vec<_> =
        rows.iter().map(|&row| (links, u64::from(row) * bytes, 4 * u64::from(each))).collect();
    let landed = Encoder::new(dataset.gpu(), "some edges", false)?.submit(&ranges)?.wait()?;
    let mut pairs = Vec::new();
    for (&row, links) in rows.iter().zip(&landed.parts) {
        pairs.extend(words(links).iter().filter(|&&to| u64::from(to) < n).map(|&to| [row, to]));
    }
    Ok(pairs)
}

/// The elements of the rows of pairs, one row after the other; of length 1 where directions are compared.
fn values(dataset: &Dataset, pairs: &[[u32; 2]], scaled: bool) -> Result<Vec<f32>> {
    let mut ids = pairs.concat();
    ids.sort_unstable();
    ids.dedup();
    let rows = gather::rows(dataset.rows(), &ids)?;
    let bytes = rows.read(0..rows.len())?;
    let mut values = AlignedBlock::default().rows(rows.dtype(), &bytes)?.to_f32();
    let dim = dataset.dim();
    if scaled {
        space::normalize(&mut values, dim);
    }
    let at = |id: &u32| ids.binary_search(id).unwrap_or(0) * dim;
    Ok(pairs.iter().flatten().flat_map(|id| &values[at(id)..][..dim]).copied().collect())
}
