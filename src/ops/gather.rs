//! Compaction: a base of some of another's rows, copied on the device.

use super::kernels::{GatherRows, gather_rows};
use crate::buffer::{Buffer, Matrix};
use crate::error::Result;
use crate::kernel::{Encoder, fold};

/// Rows copied by one dispatch.
const STEP: u64 = 1 << 20;

/// The rows of `from` with these numbers, which ascend.
pub(crate) fn rows(from: &Matrix, keep: &[u32]) -> Result<Matrix> {
    from.with_rows(keep.len() as u64, |to_segment| {
        let start = to_segment.first_row() as usize;
        let wanted = &keep[start..start + to_segment.rows() as usize];
        let step = (from.gpu().caps().max_binding_bytes / 4).min(STEP);
        for source in from.segments() {
            let first = source.first_row();
            let end = first + u64::from(source.rows());
            let a = wanted.partition_point(|&row| u64::from(row) < first);
            let b = wanted.partition_point(|&row| u64::from(row) < end);
            for at in (a..b).step_by(step as usize) {
                let part = &wanted[at..(at + step as usize).min(b)];
                let local: Vec<u32> = part.iter().map(|&row| row - first as u32).collect();
                copy(source.buffer(), &local, to_segment.buffer(), from, at)?;
            }
        }
        Ok(())
    })
}

/// Bytes of rows that are brought to the host at a time.
const READ_BYTES: usize = 32 << 20;

/// The bytes of the rows with these numbers, in any order, without padding: brought together on the device.
pub(crate) fn read(from: &Matrix, numbers: &[u32], out: &mut [u8]) -> Result<()> {
    let row_bytes = from.dtype().row_bytes(from.dim());
    let step = (READ_BYTES / from.stride_bytes() as usize).max(1);
    for (numbers, out) in numbers.chunks(step).zip(out.chunks_mut(step * row_bytes)) {
        let (first, last) = (numbers[0] as usize, numbers[numbers.len() - 1] as usize);
        if numbers.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1])) {
            out.copy_from_slice(&from.read(first..last + 1)?);
            continue;
        }
        let mut order: Vec<usize> = (0..numbers.len()).collect();
        order.sort_unstable_by_key(|&place| numbers[place]);
        let ascending: Vec<u32> = order.iter().map(|&place| numbers[place]).collect();
        let found = rows(from, &ascending)?;
        let found = found.read(0..found.len())?;
        for (row, place) in found.chunks_exact(row_bytes).zip(order) {
            out[place * row_bytes..][..row_bytes].copy_from_slice(row);
        }
    }
    Ok(())
}

fn copy(source: &Buffer, numbers: &[u32], out: &Buffer, like: &Matrix, at: usize) -> Result<()> {
    let count = numbers.len();
    let words = like.stride_bytes() / 16;
    let groups = fold(like.gpu(), (count as u64 * u64::from(words)).div_ceil(256))?;
    let params = GatherRows {
        count: count as u32,
        words,
        first: 0,
        out_first: at as u32,
        groups_x: groups[0],
    };
    let mut encoder = Encoder::new(like.gpu(), "gather", false)?;
    let numbers = encoder.upload("row numbers", bytemuck::cast_slice(numbers))?;
    let buffers = [("rows", source), ("source", &numbers), ("out", out)];
    encoder.dispatch(&gather_rows(), &buffers, &params, [groups[0], groups[1], 1])?;
    encoder.submit(&[])?;
    Ok(())
}
