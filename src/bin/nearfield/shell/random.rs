//! Sums of three uniform numbers, so near enough to a bell; seeded, the same on every machine.

use rayon::prelude::*;

/// Elements that one seed makes: the same whatever the number of threads.
pub const BLOCK: usize = 1 << 16;

/// Fills all values, each block by a seed of its own.
pub fn fill(values: &mut [f32], seed: u64) {
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
