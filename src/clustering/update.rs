//! Centroids from sums, and those that move.

use super::empty::Move;
use super::group::Groups;
use super::kernels::{self, Means, Split};
use super::points::Points;
use super::sums::{Found, Sums};
use crate::buffer::{Buffer, Matrix};
use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::Result;
use crate::exact::Dataset;
use crate::kernel::{Encoder, fold, words};
use crate::metric::Metric;
use crate::ops::kernels::{Normalize, normalize};
use crate::space::check::RowFacts;
use crate::space::{Family, scan_family};

/// Rows that a workgroup takes that brings them to length 1.
const GROUP_ROWS: u64 = 32;

/// Centroids on the device.
pub(super) struct Centroids {
    gpu: Gpu,
    /// k rows of f32, groups of four elements with zeros behind the last.
    buffer: Buffer,
    k: u32,
    dim: usize,
    /// The first so many stay as they are.
    frozen: u32,
    /// Whether the others are brought to length 1.
    spherical: bool,
    /// The same as rows that are searched.
    dataset: Dataset,
    /// What holds of these whatever the iterations make of them, where they then change where they lie; otherwise they are made anew.
    facts: Option<RowFacts>,
}

impl Centroids {
    /// Of row-major rows, of which the first `frozen` stay as they are.
    pub fn new(
        points: &Points,
        metric: &Metric,
        rows: &[f32],
        frozen: usize,
        spherical: bool,
    ) -> Result<Centroids> {
        let (gpu, dim) = (points.gpu(), points.rows.dim());
        let stride = dim.next_multiple_of(4);
        let mut padded = vec![0f32; rows.len() / dim * stride];
        for (to, from) in padded.chunks_exact_mut(stride).zip(rows.chunks_exact(dim)) {
            to[..dim].copy_from_slice(from);
        }
        let mut encoder = Encoder::new(gpu, "centroids", false)?;
        let buffer = encoder.upload("centroids", bytemuck::cast_slice(&padded))?;
        let k = (rows.len() / dim) as u32;
        let gpu = gpu.clone();
        let dataset = Dataset::new(&gpu, metric, DType::F32, dim)?.for_many();
        let frozen = frozen as u32;
        let mut centroids =
            Centroids { gpu, buffer, k, dim, frozen, spherical, dataset, facts: None };
        centroids.normalize(&mut encoder)?;
        encoder.submit(&[])?;
        centroids.dataset = centroids.made_anew()?;
        let products = matches!(scan_family(metric), Some((Family::L2 | Family::Dot, _)));
        if products && !centroids.dataset.transforms() {
            centroids.facts = Some(centroids.whatever_comes(points));
        }
        Ok(centroids)
    }

    /// What holds of all means of the points: they are no longer than these, and of length 1 where they are brought to it.
    fn whatever_comes(&self, points: &Points) -> RowFacts {
        let given = self.dataset.compared().facts();
        let of = points.dataset.compared().facts();
        let (norm, largest) = if self.spherical { (1.001, 1.001) } else { (of.norm, of.largest) };
        // sums round
        let (norm, largest) = (norm.max(given.norm) * 1.001, largest.max(given.largest) * 1.001);
        let largest = largest.min(f32::MAX);
        RowFacts { whole: false, norm, largest, smallest: 0.0, ..given }
    }

    /// Whether they change where they lie.
    pub fn stay_in_place(&self) -> bool {
        self.facts.is_some()
    }

    pub fn k(&self) -> u32 {
        self.k
    }

    fn k4(&self) -> u32 {
        self.dim.div_ceil(4) as u32
    }

    fn row_bytes(&self) -> u64 {
        u64::from(self.k4()) * 16
    }

    /// Encodes the means of all clusters that have one, and then the moves, whose donors are known by `found` and `groups`, one a block of
    /// the points.
    pub fn update(
        &mut self,
        points: &Points,
        (sums, found): (&Sums, &Found),
        groups: &[Groups],
        moves: &[Move],
    ) -> Result<()> {
        let mut encoder = Encoder::new(&self.gpu, "update", false)?;
        let frozen = self.frozen as usize;
        let inverse = |(c, cluster): (usize, &super::empty::Cluster)| {
            if c < frozen || cluster.is_empty() { 0.0 } else { 1.0 / cluster.weight as f32 }
        };
        let inverse: Vec<f32> = found.clusters.iter().enumerate().map(inverse).collect();
        let inverse = encoder.upload("inverse sizes", bytemuck::cast_slice(&inverse))?;
        let moves = by_block(moves, found, groups.len());
        let uploaded: Vec<Option<Buffer>> = moves
            .iter()
            .map(|moves| {
                let moves = (!moves.is_empty()).then_some(moves);
                let upload = |m: &Vec<[u32; 4]>| encoder.upload("moves", bytemuck::cast_slice(m));
                moves.map(upload).transpose()
            })
            .collect::<Result<_>>()?;
        let k4 = self.k4();
        let [x, y] = fold(&self.gpu, (u64::from(self.k) * u64::from(k4)).div_ceil(256))?;
        let params = Means { clusters: self.k, k4, groups_x: x };
        let buffers = [("sums", &sums.points), ("inverse", &inverse), ("centroids", &self.buffer)];
        encoder.dispatch(&kernels::means(), &buffers, &params, [x, y, 1])?;
        for ((block, groups), (moves, uploaded)) in
            points.blocks().zip(groups).zip(moves.iter().zip(&uploaded))
        {
            let Some(uploaded) = uploaded else { continue };
            let [x, y] = fold(&self.gpu, moves.len() as u64)?;
            let (splits, stride4) = (moves.len() as u32, block.stride4);
            let params = Split { splits, k4, stride4, groups_x: x };
            let mut buffers = block.bind(false);
            buffers.extend([("order", &groups.order), ("first", &groups.first)]);
            buffers.extend([("splits", uploaded), ("centroids", &self.buffer)]);
            let variant = kernels::split(points.reading);
            encoder.dispatch(&variant, &buffers, &params, [x, y, 1])?;
        }
        self.normalize(&mut encoder)?;
        if self.facts.is_some() {
            for segment in self.dataset.rows().segments() {
                let from = segment.first_row() * self.row_bytes();
                encoder.copy(&self.buffer, from, segment.buffer(), 0, segment.bytes());
            }
        }
        encoder.submit(&[])?;
        self.dataset = match self.facts {
            Some(facts) => self.dataset.renewed(facts)?,
            None => self.made_anew()?,
        };
        Ok(())
    }

    /// Encodes that those which do not stay as they are get length 1, where all are to have it; a zero stays zero.
    fn normalize(&mut self, encoder: &mut Encoder) -> Result<()> {
        if !self.spherical {
            return Ok(());
        }
        let out = self.gpu.scratch("centroids", self.buffer.size())?;
        let [x, y] = fold(&self.gpu, u64::from(self.k).div_ceil(GROUP_ROWS))?;
        let (n, k4) = (self.k, self.k4());
        let params =
            Normalize { n, k4, stride4: k4, out_stride4: k4, groups_x: x, first: 0, out_first: 0 };
        let buffers = [("rows", &self.buffer), ("out", &out)];
        encoder.dispatch(&normalize(DType::F32), &buffers, &params, [x, y, 1])?;
        if self.frozen > 0 {
            let bytes = u64::from(self.frozen) * self.row_bytes();
            encoder.copy(&self.buffer, 0, &out, 0, bytes);
        }
        self.buffer = out;
        Ok(())
    }

    /// The centroids as rows that are searched.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    fn made_anew(&self) -> Result<Dataset> {
        let rows = Matrix::empty(&self.gpu, DType::F32, self.dim)?;
        let rows = rows.with_rows(self.k.into(), |segment| {
            let mut encoder = Encoder::new(&self.gpu, "centroids", false)?;
            let from = segment.first_row() * self.row_bytes();
            encoder.copy(&self.buffer, from, segment.buffer(), 0, segment.bytes());
            encoder.submit(&[])?;
            Ok(())
        })?;
        let none = Dataset::new(&self.gpu, self.dataset.metric(), DType::F32, self.dim)?;
        none.for_many().append_matrix(&rows)
    }

    /// All of them in host memory, row-major.
    pub fn read(&self) -> Result<Vec<f32>> {
        let encoder = Encoder::new(&self.gpu, "centroids", false)?;
        let bytes = u64::from(self.k) * self.row_bytes();
        let landed = encoder.submit(&[(&self.buffer, 0, bytes)])?.wait()?;
        let words = words(landed.parts.first().map_or(&[], |part| &part[..]));
        let rows = words.chunks_exact(self.k4() as usize * 4);
        Ok(rows.flat_map(|row| row[..self.dim].iter().map(|&w| f32::from_bits(w))).collect())
    }
}

/// The moves as the kernel reads them, those of each block of points: the point that was drawn of all that the donor has is one of these.
fn by_block(moves: &[Move], found: &Found, blocks: usize) -> Vec<Vec<[u32; 4]>> {
    let mut all = vec![Vec::new(); blocks];
    for m in moves {
        let mut point = m.point;
        for (of_block, counts) in all.iter_mut().zip(&found.points) {
            let own = u64::from(counts[m.donor]);
            if point < own {
                of_block.push([m.to as u32, m.donor as u32, point as u32, m.share.to_bits()]);
                break;
            }
            point -= own;
        }
    }
    all
}
