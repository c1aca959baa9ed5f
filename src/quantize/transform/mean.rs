//! Means of rows.

use crate::error::Result;
use crate::parallel::each;

/// Rows that one thread sums at a time.
const BLOCK_ROWS: usize = 4096;

/// The mean of rows of `d` elements, of which there are some: summed in f64 block by block, in one order.
pub(super) fn mean(rows: &[f32], d: usize) -> Result<Vec<f64>> {
    let sums = each(rows.chunks(BLOCK_ROWS * d).collect(), |rows: &[f32]| {
        let mut sum = vec![0f64; d];
        for row in rows.chunks_exact(d) {
            sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
        }
        Ok(sum)
    })?;
    let mut mean = vec![0f64; d];
    for sum in sums {
        mean.iter_mut().zip(sum).for_each(|(mean, x)| *mean += x);
    }
    let count = (rows.len() / d) as f64;
    mean.iter_mut().for_each(|x| *x /= count);
    Ok(mean)
}

/// Rows less their mean.
#[cfg_attr(not(feature = "transforms"), allow(dead_code))]
pub(super) fn centered(rows: &[f32], mean: &[f64]) -> Vec<f64> {
    let rows = rows.chunks_exact(mean.len());
    rows.flat_map(|row| row.iter().zip(mean).map(|(x, mean)| f64::from(*x) - mean)).collect()
}

/// Brings a row to the length 1; one of zeros stays.
pub(super) fn normalize(row: &mut [f32]) {
    let square: f64 = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    if square > 0.0 {
        let scale = 1.0 / square.sqrt();
        row.iter_mut().for_each(|x| *x = (f64::from(*x) * scale) as f32);
    }
}

/// Rows less a mean, of length 1.
pub(super) fn directions(rows: &[f32], mean: &[f32]) -> Vec<f32> {
    let mut out = Vec::with_capacity(rows.len());
    for row in rows.chunks_exact(mean.len()) {
        let start = out.len();
        out.extend(row.iter().zip(mean).map(|(x, mean)| x - mean));
        normalize(&mut out[start..]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_of_all_blocks_and_lengths_are_one() {
        let rows: Vec<f32> = (0..20_001 * 2).map(|i| i as f32).collect();
        assert_eq!(mean(&rows, 2).unwrap(), [20_000.0, 20_001.0]);
        assert_eq!(centered(&[1.0, 5.0], &[0.5, 1.0]), [0.5, 4.0]);
        let mut row = [3.0, 4.0];
        normalize(&mut row);
        assert_eq!(row, [0.6, 0.8]);
        let mut row = [0.0, 0.0];
        normalize(&mut row);
        assert_eq!(row, [0.0, 0.0]);
        // squares of which f32 would know nothing
        let mut row = [3e-30, 4e-30];
        normalize(&mut row);
        assert_eq!(row, [0.6, 0.8]);
    }
}
