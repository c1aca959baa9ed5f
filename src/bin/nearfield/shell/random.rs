//! Rows to time with: sums of three uniform numbers, so near enough to a bell; seeded, the same on every machine.

use super::failure::{Failure, Result};
use rayon::prelude::*;

/// Elements that one seed makes: the same whatever the number of threads.
pub const BLOCK: usize = 1 << 16;

/// The elements of so many rows, one row after the other.
pub fn rows(rows: usize, dim: usize, seed: u64) -> Result<Vec<f32>> {
    let too_many = || Failure::Work(format!("{rows} rows of {dim} do not fit in memory"));
    let mut values: Vec<f32> = Vec::new();
    let count = rows.checked_mul(dim).ok_or_else(too_many)?;
    values.try_reserve_exact(count).map_err(|_| too_many())?;
    values.resize(count, 0.0);
    fill(&mut values, seed);
    Ok(values)
}

/// Fills all values, each block by a seed of its own.
fn fill(values: &mut [f32], seed: u64) {
    let blocks = values.par_chunks_mut(BLOCK).enumerate();
    blocks.for_each(|(i, block)| fill_block(block, seed.wrapping_add(i as u64)));
}

/// SplitMix64 (Steele, Lea, Flood 2014), three draws of 21 bits at a time.
fn fill_block(block: &mut [f32], seed: u64) {
    let mut state = seed.wrapping_mul(0xd134_2543_de82_ef95);
    for value in block {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let draw = |shift: u32| ((z >> shift) & 0x1f_ffff) as f32 / 2_097_152.0 - 0.5;
        *value = draw(0) + draw(21) + draw(42);
    }
}
