//! Random numbers that a seed decides.

/// SplitMix64 (Steele, Lea, Flood 2014).
pub(crate) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0xd134_2543_de82_ef95))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`, or 0 where that is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    /// In [0, 1), of 24 bits.
    pub fn share(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u32 << 24) as f32
    }

    /// `count` different numbers below `n`, ascending, each set of them as likely as any other (Floyd). None where there are fewer.
    pub fn subset(&mut self, n: u32, count: u32) -> Vec<u32> {
        let mut taken = vec![0u64; (n as usize).div_ceil(64)];
        let mut take = |x: u32| {
            let (word, bit) = ((x / 64) as usize, 1u64 << (x % 64));
            let free = taken[word] & bit == 0;
            taken[word] |= bit;
            free
        };
        for last in n.saturating_sub(count)..n {
            if !take(self.below(u64::from(last) + 1) as u32) {
                take(last);
            }
        }
        let bits = |(word, &bits): (usize, &u64)| {
            let mut rest = bits;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                let next = (rest != 0).then_some(word as u32 * 64 + bit);
                rest &= rest.wrapping_sub(1);
                next
            })
        };
        taken.iter().enumerate().flat_map(bits).collect()
    }
}

/// Draws numbers with probabilities in proportion to weights that change: a tree of sums (Fenwick).
pub(super) struct Urn {
    sums: Vec<u64>,
    total: u64,
}

impl Urn {
    pub fn new(weights: impl ExactSizeIterator<Item = u64>) -> Urn {
        let mut urn = Urn { sums: vec![0; weights.len() + 1], total: 0 };
        weights.enumerate().for_each(|(at, weight)| urn.put(at, weight));
        urn
    }

    /// Adds to the weight of a number.
    pub fn put(&mut self, number: usize, more: u64) {
        self.change(number, more, u64::wrapping_add);
    }

    /// Takes from the weight of a number, which has as much.
    pub fn take(&mut self, number: usize, less: u64) {
        self.change(number, less, u64::wrapping_sub);
    }

    fn change(&mut self, number: usize, by: u64, how: fn(u64, u64) -> u64) {
        self.total = how(self.total, by);
        let mut at = number + 1;
        while at < self.sums.len() {
            self.sums[at] = how(self.sums[at], by);
            at += at & at.wrapping_neg();
        }
    }

    /// A number, or none where no weight is left.
    pub fn draw(&self, random: &mut Random) -> Option<usize> {
        if self.total == 0 {
            return None;
        }
        let mut rest = random.below(self.total);
        let (mut at, mut step) =
            (0, (self.sums.len() - 1).checked_ilog2().map_or(0, |log| 1 << log));
        while step > 0 {
            if at + step < self.sums.len() && self.sums[at + step] <= rest {
                at += step;
                rest -= self.sums[at];
            }
            step /= 2;
        }
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsets_have_what_was_asked_for_and_every_number_as_often() {
        let mut random = Random::new(7);
        let mut often = [0u32; 10];
        for _ in 0..3000 {
            let subset = random.subset(10, 3);
            assert!(subset.len() == 3 && subset.windows(2).all(|pair| pair[0] < pair[1]));
            subset.iter().for_each(|&x| often[x as usize] += 1);
        }
        assert!(often.iter().all(|&n| (750..1050).contains(&n)), "{often:?}");
        assert_eq!(random.subset(70, 70), (0..70).collect::<Vec<_>>());
        assert!(random.subset(70, 0).is_empty() && random.subset(0, 0).is_empty());
    }

    #[test]
    fn an_urn_draws_by_weight_and_nothing_without() {
        let weights = [0, 3, 0, 1, 6, 0, 0];
        let (mut urn, mut random) = (Urn::new(weights.into_iter()), Random::new(1));
        let mut often = [0u32; 7];
        for _ in 0..2000 {
            often[urn.draw(&mut random).unwrap()] += 1;
        }
        let expected = weights.map(|w| w as u32 * 200);
        assert!(often.iter().zip(expected).all(|(&a, b)| a.abs_diff(b) < 100), "{often:?}");
        urn.take(4, 6);
        urn.take(1, 3);
        assert!((0..20).all(|_| urn.draw(&mut random) == Some(3)));
        urn.take(3, 1);
        assert_eq!(urn.draw(&mut random), None);
        assert_eq!(Urn::new([].into_iter()).draw(&mut random), None);
    }
}
