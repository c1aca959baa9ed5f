//! From where a search sets out: a sample of the rows, and a row of whatever the edges of the others do not lead to.

use super::kernels::{self, Missed, Reach, Seed};
use super::layers::Upper;
use crate::buffer::Buffer;
use crate::device::Gpu;
use crate::error::Result;
use crate::exact::Dataset;
use crate::kernel::{Encoder, fold, words};

/// The least and the most rows of the sample; between them it is four times the root of the number of rows.
const FEWEST: u64 = 256;
const MOST: u64 = 65_536;
/// Levels of a submission: where the last reaches nothing, there are no more.
const LEVELS: u32 = 4;
/// Of rows that are not reached, one in so many becomes a start at a time.
const ONE_IN: usize = 8;

/// The rows that a search may set out from.
#[derive(Clone)]
pub(super) struct Starts {
    /// A copy of them, which is searched exactly.
    pub dataset: Dataset,
    /// Which rows they are.
    pub rows: Buffer,
}

/// A sample of about `count` numbers below `n`: one of each of so many stretches, by a hash of the stretch's number.
pub(super) fn sample(n: u64, count: u64) -> Vec<u32> {
    let count = count.min(n);
    let of = |i: u64| {
        let (first, end) = (i * n / count, (i + 1) * n / count);
        let hash = (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % (end - first);
        (first + hash) as u32
    };
    (0..count).map(of).collect()
}

pub(super) fn sample_size(n: u64) -> u64 {
    ((4.0 * (n as f64).sqrt()) as u64).clamp(FEWEST, MOST)
}

impl Starts {
    /// Of a dataset with these edges; rows in `gone`, a bit each, are nobody's hits and need not be reached. Nodes of the levels above are starts too.
    pub fn new(
        dataset: &Dataset,
        links: (&Buffer, u32),
        gone: Option<&[u32]>,
        upper: Option<&Upper>,
    ) -> Result<Starts> {
        let n = dataset.len();
        let mut rows = sample(n, sample_size(n));
        if let Some(upper) = upper {
            rows.extend(upper.at_most(2 * sample_size(n) as usize));
            rows.sort_unstable();
            rows.dedup();
        }
        rows.retain(|&row| !has(gone, row));
        let sampled = rows.len();
        rows.extend(unreached(dataset.gpu(), (n as u32, links), &rows, gone)?);
        rows.sort_unstable();
        log::debug!("{sampled} starts, and {} where no edge leads", rows.len() - sampled);
        Starts::of(dataset, &rows)
    }

    /// These rows of a dataset, which ascend.
    pub fn of(dataset: &Dataset, rows: &[u32]) -> Result<Starts> {
        let starts = dataset.gather(rows)?;
        let mut encoder = Encoder::new(dataset.gpu(), "starts", false)?;
        let table = dataset.gpu().alloc("starts", rows.len() as u64 * 4)?;
        encoder.write(&table, 0, bytemuck::cast_slice(rows))?;
        encoder.submit(&[])?;
        Ok(Starts { dataset: starts, rows: table })
    }
}

/// Whether a row has a bit.
pub(super) fn has(bits: Option<&[u32]>, row: u32) -> bool {
    bits.is_some_and(|bits| bits[row as usize / 32] >> (row % 32) & 1 != 0)
}

/// Rows that no edge leads to from those in `from`, some of them, from which all others are reached that are not gone.
pub(super) fn unreached(
    gpu: &Gpu,
    (n, links): (u32, (&Buffer, u32)),
    from: &[u32],
    gone: Option<&[u32]>,
) -> Result<Vec<u32>> {
    let mut reach = Reached::new(gpu, n, links, gone)?;
    let (mut from, mut more) = (from.to_vec(), Vec::new());
    loop {
        reach.go_on(&from)?;
        let missed = reach.missed()?;
        if missed.is_empty() {
            return Ok(more);
        }
        from = missed.iter().step_by(ONE_IN).copied().collect();
        more.extend_from_slice(&from);
    }
}

/// A breadth-first search, which stays on the device: the host learns which rows are missed, a bit each.
struct Reached<'a> {
    gpu: &'a Gpu,
    n: u32,
    links: (&'a Buffer, u32),
    levels: Buffer,
    gone: Buffer,
    /// Of the rows that it goes on from; none is used twice.
    level: u32,
}

impl<'a> Reached<'a> {
    /// Before it sets out.
    fn new(
        gpu: &'a Gpu,
        n: u32,
        links: (&'a Buffer, u32),
        gone: Option<&[u32]>,
    ) -> Result<Reached<'a>> {
        let levels = gpu.scratch("levels", u64::from(n) * 4)?;
        let words = n.div_ceil(32) as usize;
        let gone = gone.map_or_else(|| vec![0; words], |gone| gone[..words].to_vec());
        let mut encoder = Encoder::new(gpu, "reach", false)?;
        encoder.clear(&levels);
        let gone = encoder.upload("rows that are gone", bytemuck::cast_slice(&gone))?;
        encoder.submit(&[])?;
        Ok(Reached { gpu, n, links, levels, gone, level: 1 })
    }

    /// Goes on from some rows until no edge leads any further.
    fn go_on(&mut self, from: &[u32]) -> Result<()> {
        if from.is_empty() {
            return Ok(());
        }
        let (gpu, (links, degree)) = (self.gpu, self.links);
        let mut encoder = Encoder::new(gpu, "reach", false)?;
        let count = from.len() as u32;
        let [x, y] = fold(gpu, u64::from(count).div_ceil(256))?;
        let rows_from = encoder.upload("rows to set out from", bytemuck::cast_slice(from))?;
        let buffers = [("rows_from", &rows_from), ("levels", &self.levels)];
        let params = Seed { count, level: self.level, groups_x: x };
        encoder.dispatch(&kernels::seed(), &buffers, &params, [x, y, 1])?;
        let [x, y] = fold(gpu, u64::from(self.n).div_ceil(256))?;
        loop {
            let reached = gpu.scratch("reached", 4)?;
            for _ in 0..LEVELS {
                // of the last level of a submission alone
                encoder.clear(&reached);
                let buffers = [("links", links), ("levels", &self.levels), ("reached", &reached)];
                let params = Reach { n: self.n, degree, level: self.level, groups_x: x };
                encoder.dispatch(&kernels::reach(), &buffers, &params, [x, y, 1])?;
                self.level += 1;
            }
            let landed = encoder.submit(&[(&reached, 0, 4)])?.wait()?;
            if landed.parts.first().map(|part| words(part)[0]) != Some(1) {
                break;
            }
            encoder = Encoder::new(gpu, "reach", false)?;
        }
        self.level += 1;
        Ok(())
    }

    /// The rows that were not reached.
    fn missed(&self) -> Result<Vec<u32>> {
        let (gpu, n) = (self.gpu, self.n);
        let bytes = u64::from(n.div_ceil(32)) * 4;
        let missed = gpu.scratch("rows that are missed", bytes)?;
        let mut encoder = Encoder::new(gpu, "reach", false)?;
        let [x, y] = fold(gpu, u64::from(n).div_ceil(32 * 256))?;
        let buffers = [("levels", &self.levels), ("gone", &self.gone), ("missed", &missed)];
        encoder.dispatch(&kernels::missed(), &buffers, &Missed { n, groups_x: x }, [x, y, 1])?;
        let landed = encoder.submit(&[(&missed, 0, bytes)])?.wait()?;
        let Some(part) = landed.parts.first() else { return Ok(Vec::new()) };
        let of = |(at, &word): (usize, &u32)| {
            (0..32).filter(move |bit| word >> bit & 1 != 0).map(move |bit| at as u32 * 32 + bit)
        };
        Ok(words(part).iter().enumerate().flat_map(of).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_each_row_once_and_all_where_it_is_as_large() {
        for n in [1u64, 2, 255, 256, 257, 1000, 100_000] {
            let rows = sample(n, sample_size(n));
            assert_eq!(rows.len() as u64, sample_size(n).min(n));
            assert!(rows.is_sorted_by(|a, b| a < b) && rows.iter().all(|&row| u64::from(row) < n));
        }
        assert_eq!(sample(3, 256), [0, 1, 2]);
    }
}
