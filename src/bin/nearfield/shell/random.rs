//! Rows to time with: sums of three uniform numbers, so near enough to a bell, or bits; seeded, the same on every machine.

use super::failure::{Failure, Result};
use nearfield::DType;
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

/// So many numbers below `count`, ascending, or all where there are no more (Knuth's algorithm S).
pub fn choose(count: u64, most: u64, seed: u64) -> Vec<u64> {
    let mut random = SplitMix::new(seed);
    let mut chosen = Vec::new();
    for number in 0..count {
        let (wanted, left) = (most.min(count) - chosen.len() as u64, count - number);
        if random.next() % left < wanted {
            chosen.push(number);
        }
    }
    chosen
}

/// Fills all values, each block by a seed of its own.
fn fill(values: &mut [f32], seed: u64) {
    let blocks = values.par_chunks_mut(BLOCK).enumerate();
    blocks.for_each(|(i, block)| fill_block(block, seed.wrapping_add(i as u64)));
}

fn fill_block(block: &mut [f32], seed: u64) {
    let mut random = SplitMix::new(seed);
    for value in block {
        let z = random.next();
        // three draws of 21 bits
        let draw = |shift: u32| ((z >> shift) & 0x1f_ffff) as f32 / 2_097_152.0 - 0.5;
        *value = draw(0) + draw(21) + draw(42);
    }
}

/// The bytes of so many packed rows of `dim` bits, each bit a 1 as often as a 0; those behind the last of a row are 0. Eight bytes a
/// draw, the low one first, each [`BLOCK`] of bytes by a seed of its own.
pub fn bits(rows: usize, dim: usize, seed: u64) -> Result<Vec<u8>> {
    let too_many = || Failure::Work(format!("{rows} rows of {dim} bits do not fit in memory"));
    let row = DType::Bits.row_bytes(dim);
    let mut bytes: Vec<u8> = Vec::new();
    let count = rows.checked_mul(row).ok_or_else(too_many)?;
    bytes.try_reserve_exact(count).map_err(|_| too_many())?;
    bytes.resize(count, 0);
    bytes.par_chunks_mut(BLOCK).enumerate().for_each(|(i, block)| {
        let mut random = SplitMix::new(seed.wrapping_add(i as u64));
        for eight in block.chunks_mut(8) {
            eight.copy_from_slice(&random.next().to_le_bytes()[..eight.len()]);
        }
    });
    if !dim.is_multiple_of(8) {
        bytes.par_chunks_mut(row).for_each(|row| row[dim / 8] &= (1 << (dim % 8)) - 1);
    }
    Ok(bytes)
}

/// `count` of so many rows, ascending and spread over all of them: one at random of each of `count` parts of equal length.
pub fn spread(rows: u64, count: u64, seed: u64) -> impl Iterator<Item = u64> {
    let (mut random, count) = (SplitMix::new(seed), count.min(rows));
    let begin = move |part: u64| (u128::from(part) * u128::from(rows) / u128::from(count)) as u64;
    (0..count).map(move |part| {
        let (first, end) = (begin(part), begin(part + 1));
        first + random.next() % (end - first)
    })
}

/// SplitMix64 (Steele, Lea, Flood 2014).
pub struct SplitMix(u64);

impl SplitMix {
    pub fn new(seed: u64) -> SplitMix {
        SplitMix(seed.wrapping_mul(0xd134_2543_de82_ef95))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_chosen_once_and_as_many_as_asked() {
        for (count, most) in [(0, 5), (5, 0), (5, 5), (5, 9), (1000, 10), (1000, 999)] {
            let chosen = choose(count, most, 7);
            assert_eq!(chosen.len() as u64, most.min(count));
            assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(chosen.iter().all(|&number| number < count));
        }
        let some = choose(1000, 100, 7);
        assert!(some[0] < 100 && some[99] > 900 && some != choose(1000, 100, 8));
    }
}
