//! Rows to bench with: sums of three uniform numbers, so near enough to a bell; seeded, the same on every machine and, by
//! benches/peers/data.py, for the libraries that are measured beside this one.

use super::suite::Base;
use crate::uniform;

/// Rows and queries of one base.
pub struct Set {
    pub rows: Vec<f32>,
    pub queries: Vec<f32>,
}

/// Most queries of a case, and as many again to take others each run.
const QUERIES: usize = 20_000;

impl Set {
    pub fn new(base: &Base) -> Set {
        Set { rows: random(base.n * base.d, 1), queries: random(QUERIES * base.d, 0x5eed) }
    }
}

fn random(count: usize, seed: u64) -> Vec<f32> {
    let mut values = vec![0f32; count];
    uniform::fill(&mut values, seed);
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uniform::BLOCK;

    #[test]
    fn rows_are_those_that_the_peers_search() {
        let values = random(BLOCK + 2, 1);
        let some = [values[0], values[1], values[2], values[BLOCK + 1]];
        // the same numbers stand in tests/records.rs, which holds benches/peers/data.py to them
        assert_eq!(some, [0.404_112_34, 0.271_334_17, 0.301_096_44, 0.421_958_45]);
    }
}
