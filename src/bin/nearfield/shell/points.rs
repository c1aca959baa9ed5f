//! The rows of a file as a matrix, for calls that take one.

use super::base::Base;
use super::failure::{Failure, Result};
use super::progress::Progress;
use super::{random, stop};
use nearfield::{Gpu, Matrix, RowSource, Rows};

/// Bytes of rows that are brought to the device at a time.
const BLOCK_BYTES: usize = 32 << 20;

/// The rows of the file on the device, but for those that are skipped; of `some`, so many that are spread over the file at random, by a seed.
pub fn of(
    gpu: &Gpu,
    base: &mut Base<'_>,
    some: Option<(u64, u64)>,
    progress: &Progress,
) -> Result<Matrix> {
    let path = base.path();
    let about = |e| Failure::about(path, 0, e);
    let (dtype, dim, all) = (base.rows.dtype(), base.rows.dim(), base.rows.row_count());
    let mut points = Matrix::empty(gpu, dtype, dim)?;
    let block = (BLOCK_BYTES / dtype.row_bytes(dim)).max(1);
    if let Some((count, seed)) = some.filter(|&(count, _)| count < all) {
        progress.phase("reading rows", count);
        let (mut bytes, mut done) = (Vec::new(), 0);
        let mut numbers = random::spread(all, count, seed).peekable();
        while let Some(row) = numbers.next() {
            bytes.extend_from_slice(base.rows.rows(row..row + 1).map_err(about)?.bytes());
            done += 1;
            if bytes.len() / dtype.row_bytes(dim) == block || numbers.peek().is_none() {
                stop::check()?;
                progress.set(done);
                // for the alignment of every type
                let words: Vec<u64> = bytemuck::pod_collect_to_vec(&bytes);
                let aligned: &[u8] = bytemuck::cast_slice(&words);
                points = points.append(Rows::from_bytes(dtype, &aligned[..bytes.len()])?)?;
                bytes.clear();
            }
        }
        return Ok(points);
    }
    progress.phase("reading rows", all);
    for start in (0..all).step_by(block) {
        stop::check()?;
        progress.set(start);
        let end = all.min(start + block as u64);
        let mut at = start;
        // those that are skipped are known once they are read
        base.rows.rows(start..end).map_err(about)?;
        let skipped = base.rows.skipped();
        let first = skipped.partition_point(|&row| row < start);
        let ends = skipped[first..].iter().copied().take_while(|&row| row < end);
        let rows = base.rows.rows(start..end).map_err(about)?;
        base.watch.look(start, rows, dim);
        for stop in ends.chain([end]) {
            let part = (at - start) as usize..(stop - start) as usize;
            if !part.is_empty() {
                points = points.append(rows.slice(dim, part))?;
            }
            at = stop + 1;
        }
    }
    base.watch.losses(&base.rows.losses());
    Ok(points)
}

#[cfg(test)]
mod tests {
    use crate::shell::random;

    #[test]
    fn rows_are_spread_over_the_file() {
        for (rows, count) in [(10, 10), (1000, 7), (7, 100), (1_000_000, 1000)] {
            let all: Vec<u64> = random::spread(rows, count, 1).collect();
            assert_eq!(all.len() as u64, count.min(rows), "{rows} {count}");
            assert!(all.windows(2).all(|pair| pair[0] < pair[1]) && all.iter().all(|&r| r < rows));
        }
    }
}
