//! k-means++ on the device: three dispatches a centroid, and nothing of it comes to the host before the end.

use super::kernels::{self, BLOCK, SeedChoose, SeedCopy, SeedDistances};
use super::params::KMeansParams;
use super::points::Points;
use super::random::Random;
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::kernel::{Encoder, fold, words};

/// Centroids of one submission, between which a call can be cancelled.
const STEP: usize = 64;

/// What one call keeps on the device.
struct Seeds {
    /// k x k4 groups of four elements.
    centroids: Buffer,
    /// The squared distance of each point from the nearest of them, blocks of 256 one after the other, and the sums of the blocks.
    least: Buffer,
    sums: Buffer,
    draws: Buffer,
    chosen: Buffer,
    blocks: u32,
}

/// `k` centroids, row-major: those that are given, then points.
pub(super) fn centroids(
    points: &Points,
    k: usize,
    params: &KMeansParams,
    random: &mut Random,
) -> Result<Vec<f32>> {
    let (gpu, dim) = (points.gpu(), points.rows.dim());
    let given = params.centroids.len() / dim;
    let stride = points.k4() as usize * 4;
    let mut padded = vec![0f32; k * stride];
    for (to, from) in padded.chunks_exact_mut(stride).zip(params.centroids.chunks_exact(dim)) {
        to[..dim].copy_from_slice(from);
    }
    let blocks: u32 = points.blocks().map(|block| block.len().div_ceil(BLOCK)).sum();
    let draws: Vec<[u32; 2]> = (0..k)
        .map(|_| [random.share().to_bits(), place(points, random.below(points.len()))])
        .collect();
    let mut encoder = Encoder::new(gpu, "k-means++", false)?;
    let bytes = u64::from(blocks) * u64::from(BLOCK) * 4;
    let limit = gpu.caps().max_binding_bytes;
    if bytes > limit {
        let what = "bytes of the distances of k-means++".to_owned();
        return Err(Error::LimitExceeded { what, needed: bytes, limit });
    }
    let seeds = Seeds {
        centroids: encoder.upload("centroids", bytemuck::cast_slice(&padded))?,
        least: gpu.scratch("least distances", bytes)?,
        sums: gpu.scratch("sums of distances", u64::from(blocks) * 4)?,
        draws: encoder.upload("draws", bytemuck::cast_slice(&draws))?,
        chosen: gpu.scratch("chosen", k as u64 * 4)?,
        blocks,
    };
    if given == 0 {
        // the first is any point, each as likely as the others
        let first = draws.first().map_or(0, |draw| draw[1]);
        encoder.write(&seeds.chosen, 0, bytemuck::bytes_of(&first))?;
        seeds.copy(&mut encoder, points, 0)?;
    }
    let known = given.max(1);
    for c in 0..known {
        seeds.measure(&mut encoder, points, c as u32, c == 0)?;
    }
    for c in known..k {
        let params_of_choice = SeedChoose { blocks, centroid: c as u32 };
        let buffers = [
            ("least", &seeds.least),
            ("sums", &seeds.sums),
            ("draws", &seeds.draws),
            ("chosen", &seeds.chosen),
        ];
        encoder.dispatch(&kernels::seed_choose(), &buffers, &params_of_choice, [1, 1, 1])?;
        seeds.copy(&mut encoder, points, c as u32)?;
        if c + 1 < k {
            seeds.measure(&mut encoder, points, c as u32, false)?;
        }
        if c % STEP == 0 {
            let next = Encoder::new(gpu, "k-means++", false)?;
            let flight = std::mem::replace(&mut encoder, next).submit(&[])?;
            params.cancel.as_ref().map_or(Ok(()), |token| token.check())?;
            flight.wait()?;
        }
    }
    let all = &seeds.centroids;
    let landed = encoder.submit(&[(all, 0, all.size())])?.wait()?;
    let words = words(landed.parts.first().map_or(&[], |part| &part[..]));
    let mut out = params.centroids.clone();
    for row in words.chunks_exact(stride).skip(given) {
        out.extend(row[..dim].iter().map(|&word| f32::from_bits(word)));
    }
    Ok(out)
}

/// Where a point's distance lies: in blocks of its segment.
fn place(points: &Points, point: u64) -> u32 {
    let mut first_block = 0;
    for block in points.blocks() {
        let begin = block.segment.first_row();
        if point < begin + u64::from(block.len()) {
            return first_block * BLOCK + (point - begin) as u32;
        }
        first_block += block.len().div_ceil(BLOCK);
    }
    0
}

impl Seeds {
    /// Encodes that the chosen point becomes a centroid.
    fn copy(&self, encoder: &mut Encoder, points: &Points, centroid: u32) -> Result<()> {
        let mut first = 0;
        for block in points.blocks() {
            let (n, stride4) = (block.len(), block.stride4);
            let params = SeedCopy { n, k4: points.k4(), stride4, centroid, first };
            let mut buffers = block.bind(false);
            buffers.extend([("chosen", &self.chosen), ("centroids", &self.centroids)]);
            encoder.dispatch(&kernels::seed_copy(points.reading), &buffers, &params, [1, 1, 1])?;
            first += n.next_multiple_of(BLOCK);
        }
        Ok(())
    }

    /// Encodes the distances, one more centroid being there.
    fn measure(
        &self,
        encoder: &mut Encoder,
        points: &Points,
        centroid: u32,
        begin: bool,
    ) -> Result<()> {
        let mut first_block = 0;
        for block in points.blocks() {
            let blocks = block.len().div_ceil(BLOCK);
            let [x, y] = fold(points.gpu(), blocks.into())?;
            let (n, k4, stride4) = (block.len(), points.k4(), block.stride4);
            let params = SeedDistances { n, k4, stride4, centroid, first_block, groups_x: x };
            let mut buffers = block.bind(true);
            buffers.extend([("centroids", &self.centroids), ("least", &self.least)]);
            buffers.push(("sums", &self.sums));
            let variant = kernels::seed_distances(points.reading, begin);
            encoder.dispatch(&variant, &buffers, &params, [x, y, 1])?;
            first_block += blocks;
        }
        debug_assert_eq!(first_block, self.blocks);
        Ok(())
    }
}
