//! How many queries a submission takes: a call is cut so that the host and the device work side by side.

/// A call is cut for the host's sake only into parts of so many queries and so long on the device, so that what a submission
/// costs beside its work, some 0.05 ms, does not count.
const MIN_PART_QUERIES: u64 = 1024;
pub(crate) const MIN_PART_MS: f64 = 0.25;

/// Queries of the first submission and of every other, `most` at most, whole tiles of `bm`, in about equal parts: a small last
/// one would go another, slower way.
///
/// Many queries are cut into `parts` even where one submission could take them: while the device has the first, the host
/// checks and stages the next, and it decodes what came back while the device has the last. The first is half as large as the
/// others, for nothing hides what the host does before it. None has less than `least`.
pub(crate) fn parts_of(count: u64, most: u64, bm: u64, parts: u64, least: u64) -> (u64, u64) {
    let equal = |count: u64, parts: u64| count.div_ceil(parts).next_multiple_of(bm).min(most);
    let needed = count.div_ceil(most);
    // halves: one for the first part, two for each other
    let halves = count / least.max(MIN_PART_QUERIES);
    let parts = parts.min(halves.div_ceil(2));
    if parts <= needed || parts < 2 {
        let step = equal(count, needed);
        return (step, step);
    }
    let first = equal(count, 2 * parts - 1);
    (first, equal(count.saturating_sub(first).max(1), parts - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sizes of all parts.
    fn cut(count: u64, most: u64, bm: u64, parts: u64, least: u64) -> Vec<u64> {
        let (first, step) = parts_of(count, most, bm, parts, least);
        let mut sizes = vec![first.min(count)];
        let mut left = count - sizes[0];
        while left > 0 {
            sizes.push(step.min(left));
            left -= step.min(left);
        }
        sizes
    }

    #[test]
    fn large_calls_are_cut_and_small_ones_are_not() {
        assert_eq!(cut(10_000, 20_000, 64, 3, 500), [2048, 4032, 3920]);
        assert_eq!(cut(10_000, 5120, 64, 3, 500), [2048, 4032, 3920]);
        // as memory asks
        assert_eq!(cut(10_000, 1024, 64, 3, 500).len(), 10);
        assert_eq!(cut(10_000, 5120, 64, 1, 500), [5056, 4944]);
        assert_eq!(cut(10_000, 20_000, 64, 1, 500), [10_000]);
        // too little work in a part
        assert_eq!(cut(10_000, 20_000, 64, 3, 3000), [3392, 6608]);
        assert_eq!(cut(10_000, 20_000, 64, 3, 4000), [10_000]);
        for count in [1, 10, 100, 1000, 3000] {
            assert_eq!(cut(count, 20_000, 64, 3, 0), [count]);
        }
        assert_eq!(cut(3072, 20_000, 64, 3, 0), [1024, 2048]);
    }

    #[test]
    fn no_part_is_small_or_too_large() {
        for count in 1..300 {
            for parts in 1..6 {
                let count = count * 97;
                let sizes = cut(count, 4096, 64, parts, 0);
                assert_eq!(sizes.iter().sum::<u64>(), count);
                assert!(sizes.iter().all(|&size| size <= 4096), "{count}: {sizes:?}");
                let whole = sizes[..sizes.len() - 1].iter().all(|size| size.is_multiple_of(64));
                assert!(whole && sizes.len() as u64 <= parts.max(count.div_ceil(4096)));
            }
        }
    }
}
