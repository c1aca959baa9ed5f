//! How evenly rows are spread over lists.

/// How many rows inverted lists have: the least, the most, and between them what so many of a hundred lists have at most.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, IvfFlat, ListSizes};
/// let index = IvfFlat::read(&Gpu::new()?, "lists.nf")?;
/// let sizes = ListSizes::of(&index.list_sizes());
/// // a search waits for its longest lists
/// println!("{} lists have no row, half at most {}, one {}", sizes.empty, sizes.median, sizes.max);
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListSizes {
    /// Lists without rows.
    pub empty: u64,
    /// Rows of the shortest list.
    pub min: u64,
    /// What a tenth of the lists have at most.
    pub p10: u64,
    /// What half of the lists have at most.
    pub median: u64,
    /// What nine tenths of the lists have at most.
    pub p90: u64,
    /// Rows of the longest list.
    pub max: u64,
}

impl ListSizes {
    /// Of lists of so many rows; zeros where there are none.
    pub fn of(sizes: &[u64]) -> ListSizes {
        let mut sorted = sizes.to_vec();
        sorted.sort_unstable();
        let Some(&max) = sorted.last() else { return ListSizes::default() };
        let at = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1];
        let empty = sorted.partition_point(|&size| size == 0) as u64;
        ListSizes { empty, min: sorted[0], p10: at(10), median: at(50), p90: at(90), max }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_sizes_that_there_are() {
        assert_eq!(ListSizes::of(&[]), ListSizes::default());
        let one = ListSizes::of(&[7]);
        assert_eq!((one.empty, one.min, one.p10, one.median, one.p90, one.max), (0, 7, 7, 7, 7, 7));
        let sizes: Vec<u64> = (0..20).map(|i| (i * 7 % 20) * 10).collect();
        let all = ListSizes::of(&sizes);
        assert_eq!((all.empty, all.min, all.p10), (1, 0, 10));
        assert_eq!((all.median, all.p90, all.max), (90, 170, 190));
    }
}
