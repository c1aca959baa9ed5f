//! What the points of each cluster sum up to.

use super::assign::Assigned;
use super::empty::Cluster;
use super::flights::Flights;
use super::group::Groups;
use super::kernels::{self, BLOCK, SumClusters, SumPieces, columns};
use super::points::{Block, Points};
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::kernel::{Encoder, fold, words};

/// Bytes of what is found of a cluster.
const FACT_BYTES: u64 = 16;

/// The sums of all clusters.
pub(super) struct Sums {
    /// k x k4 groups of four elements.
    pub points: Buffer,
    /// Of each block of points, four words a cluster.
    pub facts: Buffer,
    k: u32,
}

/// What came to the host of them.
pub(super) struct Found {
    /// Of all points.
    pub clusters: Vec<Cluster>,
    /// How many points of each block are in a cluster, block by block.
    pub points: Vec<Vec<u32>>,
}

impl Sums {
    pub fn new(points: &Points, k: u32) -> Result<Sums> {
        let (gpu, blocks) = (points.gpu(), points.blocks().count() as u64);
        let bytes = u64::from(k) * u64::from(points.k4()) * 16;
        Ok(Sums {
            points: gpu.scratch("cluster sums", bytes)?,
            facts: gpu.scratch("clusters", u64::from(k) * blocks * FACT_BYTES)?,
            k,
        })
    }

    /// Encodes the sums of block `number`, which join those of the blocks before.
    pub fn add(
        &self,
        encoder: &mut Encoder,
        points: &Points,
        (number, block): (usize, Block<'_>),
        groups: &Groups,
        assigned: &Assigned,
    ) -> Result<()> {
        let (gpu, k, k4) = (points.gpu(), self.k, points.k4());
        let cols = columns(k4);
        let slices = k4.div_ceil(cols);
        let slots = u64::from(k) + u64::from(block.len().div_ceil(BLOCK));
        check(slots, k4.max(slices))?;
        let sums = gpu.scratch("piece sums", slots * u64::from(k4) * 16)?;
        let facts = gpu.scratch("piece facts", slots * u64::from(slices) * 16)?;
        let groups_of = |count: u64| fold(gpu, count);
        let [x, y] = groups_of(slots)?;
        let stride4 = block.stride4;
        let params = SumPieces { clusters: k, k4, stride4, groups_x: x, slices };
        let mut buffers = block.bind(true);
        buffers.extend([("order", &groups.order), ("first", &groups.first)]);
        buffers.extend([("distances", &assigned.distances), ("sums", &sums), ("facts", &facts)]);
        let variant = kernels::sum_pieces(points.reading, cols);
        encoder.dispatch(&variant, &buffers, &params, [x, y, slices])?;
        let [x, y] = groups_of(k.into())?;
        let facts_at = number as u32 * k;
        let params = SumClusters { clusters: k, k4, groups_x: x, slices, facts_at };
        let buffers = [
            ("sums", &sums),
            ("facts", &facts),
            ("first", &groups.first),
            ("out", &self.points),
            ("out_facts", &self.facts),
        ];
        let variant = kernels::sum_clusters(cols, number > 0);
        encoder.dispatch(&variant, &buffers, &params, [x, y, slices])
    }

    /// Submits, and brings to the host what was found of each cluster.
    pub fn found(&self, encoder: Encoder, flights: &mut Flights) -> Result<Found> {
        let landed = encoder.submit(&[(&self.facts, 0, self.facts.size())])?.wait()?;
        flights.note(&landed);
        let all = words(landed.parts.first().map_or(&[], |part| &part[..]));
        let (mut clusters, mut points) = (vec![Cluster::default(); self.k as usize], Vec::new());
        for block in all.chunks(self.k as usize * 4) {
            for (cluster, fact) in clusters.iter_mut().zip(block.chunks_exact(4)) {
                let value = |word: u32| f64::from(f32::from_bits(word));
                cluster.objective += value(fact[0]);
                cluster.weight += value(fact[1]);
                // of points in two blocks nobody has seen that they are equal
                cluster.differs |= fact[2] != 0 || cluster.points > 0 && fact[3] > 0;
                cluster.points += u64::from(fact[3]);
            }
            points.push(block.chunks_exact(4).map(|fact| fact[3]).collect());
        }
        Ok(Found { clusters, points })
    }
}

/// Refuses more pieces than their numbers have bits for.
fn check(slots: u64, width: u32) -> Result<()> {
    let (needed, limit) = (slots * u64::from(width), u64::from(u32::MAX));
    if needed <= limit {
        return Ok(());
    }
    Err(Error::LimitExceeded { what: "sums of pieces of clusters".into(), needed, limit })
}
