//! Rows to bench with: sums of three uniform numbers, so near enough to a bell; seeded, the same on every machine and, by
//! benches/peers/data.py, for the libraries that are measured beside this one.

use super::suite::Base;
use rayon::prelude::*;

/// Rows and queries of one base.
pub struct Set {
    pub rows: Vec<f32>,
    pub queries: Vec<f32>,
}

/// Most queries of a case, and as many again to take others each run.
const QUERIES: usize = 20_000;
/// Elements that one seed makes: the same whatever the number of threads.
const BLOCK: usize = 1 << 16;

impl Set {
    pub fn new(base: &Base) -> Set {
        Set { rows: random(base.n * base.d, 1), queries: random(QUERIES * base.d, 0x5eed) }
    }
}

fn random(count: usize, seed: u64) -> Vec<f32> {
    let mut values = vec![0f32; count];
    let blocks = values.par_chunks_mut(BLOCK).enumerate();
    blocks.for_each(|(i, block)| fill(block, seed.wrapping_add(i as u64)));
    values
}

/// SplitMix64 (Steele, Lea, Flood 2014), three draws of 21 bits at a time.
fn fill(block: &mut [f32], seed: u64) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_that_the_peers_search() {
        let values = random(BLOCK + 2, 1);
        let some = [values[0], values[1], values[2], values[BLOCK + 1]];
        // the same numbers stand in tests/records.rs, which holds benches/peers/data.py to them
        assert_eq!(some, [0.404_112_34, 0.271_334_17, 0.301_096_44, 0.421_958_45]);
    }
}
