//! From where a search sets out: a sample of the rows, and a row of whatever the edges of the others do not lead to.

use super::kernels::{self, Reach};
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
fn sample(n: u64, count: u64) -> Vec<u32> {
    let count = count.min(n);
    let of = |i: u64| {
        let (first, end) = (i * n / count, (i + 1) * n / count);
        let hash = (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % (end - first);
        (first + hash) as u32
    };
    (0..count).map(of).collect()
}

fn sample_size(n: u64) -> u64 {
    ((4.0 * (n as f64).sqrt()) as u64).clamp(FEWEST, MOST)
}

impl Starts {
    /// Of a dataset with these edges; rows in `gone`, a bit each, are nobody's hits and need not be reached. Nodes of the levels above are starts too.
    pub fn new(
        dataset: &Dataset,
        (links, degree): (&Buffer, u32),
        gone: Option<&[u32]>,
        upper: Option<&Upper>,
    ) -> Result<Starts> {
        let n = dataset.len();
        let is_gone =
            |row: u32| gone.is_some_and(|gone| gone[row as usize / 32] >> (row % 32) & 1 != 0);
        let mut rows = sample(n, sample_size(n));
        if let Some(upper) = upper {
            rows.extend(upper.at_most(2 * sample_size(n) as usize));
            rows.sort_unstable();
            rows.dedup();
        }
        rows.retain(|&row| !is_gone(row));
        let sampled = rows.len();
        let of = (n as u32, links, degree);
        rows.extend(unreached(dataset.gpu(), of, &rows, is_gone)?);
        rows.sort_unstable();
        log::debug!("{sampled} starts, and {} where no edge leads", rows.len() - sampled);
        let starts = dataset.gather(&rows)?;
        let mut encoder = Encoder::new(dataset.gpu(), "starts", false)?;
        let table = dataset.gpu().alloc("starts", rows.len() as u64 * 4)?;
        encoder.write(&table, 0, bytemuck::cast_slice(&rows))?;
        encoder.submit(&[])?;
        Ok(Starts { dataset: starts, rows: table })
    }
}

/// Rows that no edge leads to from those in `from`, some of them, from which all others are reached that are not gone.
pub(super) fn unreached(
    gpu: &Gpu,
    (n, links, degree): (u32, &Buffer, u32),
    from: &[u32],
    is_gone: impl Fn(u32) -> bool,
) -> Result<Vec<u32>> {
    let mut levels = vec![0u32; n as usize];
    let (mut from, mut more) = (from.to_vec(), Vec::new());
    // a level for each round of each search: none is used twice
    let mut level = 1;
    loop {
        from.iter().for_each(|&row| levels[row as usize] = level);
        level = spread(gpu, (links, degree), &mut levels, level)?;
        let missed = (0..n).filter(|&row| levels[row as usize] == 0 && !is_gone(row));
        let missed: Vec<u32> = missed.collect();
        if missed.is_empty() {
            return Ok(more);
        }
        from = missed.iter().step_by(ONE_IN).copied().collect();
        more.extend_from_slice(&from);
    }
}

/// Goes on from the rows of a level until it reaches no more, and says which level comes next.
fn spread(
    gpu: &Gpu,
    (links, degree): (&Buffer, u32),
    levels: &mut Vec<u32>,
    mut level: u32,
) -> Result<u32> {
    let n = levels.len() as u32;
    let [x, y] = fold(gpu, u64::from(n).div_ceil(256))?;
    let on_device = gpu.scratch("levels", u64::from(n) * 4)?;
    let mut first = Encoder::new(gpu, "reach", false)?;
    first.write(&on_device, 0, bytemuck::cast_slice(levels))?;
    first.submit(&[])?;
    loop {
        let mut encoder = Encoder::new(gpu, "reach", false)?;
        let reached = gpu.scratch("reached", 4)?;
        for _ in 0..LEVELS {
            // of the last level of a submission alone
            encoder.clear(&reached);
            let buffers = [("links", links), ("levels", &on_device), ("reached", &reached)];
            let params = Reach { n, degree, level, groups_x: x };
            encoder.dispatch(&kernels::reach(), &buffers, &params, [x, y, 1])?;
            level += 1;
        }
        let landed = encoder.submit(&[(&reached, 0, 4)])?.wait()?;
        let more = landed.parts.first().map(|part| words(part)[0]);
        if more != Some(1) {
            break;
        }
    }
    let encoder = Encoder::new(gpu, "reach", false)?;
    let landed = encoder.submit(&[(&on_device, 0, u64::from(n) * 4)])?.wait()?;
    if let Some(part) = landed.parts.first() {
        *levels = words(part).into_owned();
    }
    Ok(level + 1)
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
