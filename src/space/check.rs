//! What a metric refuses, found at the door and named by row and column.

use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::metric::Metric;
use crate::space::term::Term;
use std::f32::consts::FRAC_PI_2;

/// Largest |x|^2: far enough from overflow that no sum of the scan can reach it.
const MAX_NORM2: f64 = 1.329_227_995_784_916e36; // 2^120

/// What products of such elements with those of a unit vector lose below 2^-126 is less than 2^-46 of them.
const SHORT: f32 = 8.271_806e-25; // 2^-80

/// How far beyond a pole a latitude in radians may be: what rounding it to a type makes of one at the pole, and a little more. Infinite
/// for metrics that know no latitudes.
fn largest_latitude(metric: &Metric, dtype: DType) -> f32 {
    let beyond = if dtype.is_integer() { 0.5 } else { 1e-3 };
    if *metric == Metric::Haversine { FRAC_PI_2 + beyond } else { f32::INFINITY }
}

/// What the scan's error bound may assume of the rows seen so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RowFacts {
    /// All elements are whole numbers.
    pub whole: bool,
    /// At least the largest |x|.
    pub norm: f64,
    /// At least the largest element's magnitude, NaN aside.
    pub largest: f32,
    /// Some row is so short, but not zero, that products with the elements of a unit vector vanish.
    pub short: bool,
    /// At most the smallest magnitude of an element that is not zero, where the metric is a sum over elements ([`Term`]).
    pub smallest: f32,
    /// At least the rows with an element of 0, where the metric divides by their elements (Kullback-Leibler).
    pub zero_rows: u64,
}

impl RowFacts {
    pub const NONE: RowFacts = RowFacts {
        whole: true,
        norm: 0.0,
        largest: 0.0,
        short: false,
        smallest: f32::MAX,
        zero_rows: 0,
    };

    pub fn and(self, other: RowFacts) -> RowFacts {
        RowFacts {
            whole: self.whole && other.whole,
            norm: self.norm.max(other.norm),
            largest: self.largest.max(other.largest),
            short: self.short || other.short,
            smallest: self.smallest.min(other.smallest),
            zero_rows: self.zero_rows + other.zero_rows,
        }
    }
}

/// Whether rows with an element of 0 are counted: those that may be no hit.
pub(crate) fn counts_zeros(metric: &Metric) -> bool {
    *metric == Metric::KlDivergence
}

/// Checks a block whose first row is number `first_row` of the call.
pub(crate) fn rows(
    metric: &Metric,
    rows: Rows<'_>,
    dim: usize,
    first_row: u64,
) -> Result<RowFacts> {
    rows_with(metric, rows, dim, first_row, &mut |_| ())
}

/// As `rows`; `norm` gets |x| of each row that is not bits, rounded up, NaN aside.
pub(crate) fn rows_with(
    metric: &Metric,
    rows: Rows<'_>,
    dim: usize,
    first_row: u64,
    norm: &mut dyn FnMut(f32),
) -> Result<RowFacts> {
    let latitude = largest_latitude(metric, rows.dtype());
    match rows {
        Rows::Bits(bytes) => bits(bytes, dim, first_row).map(|()| RowFacts::NONE),
        Rows::F32(values) => floats(metric, latitude, values, dim, first_row, norm),
        _ => {
            // A few rows at a time: the copy stays in the cache.
            let count = rows.count(dim)?;
            let step = (4096 / dim).max(1);
            let mut facts = RowFacts::NONE;
            for start in (0..count).step_by(step) {
                let end = (start + step).min(count);
                let part = rows.slice(dim, start..end).to_f32();
                let first = first_row + start as u64;
                facts = facts.and(floats(metric, latitude, &part, dim, first, norm)?);
            }
            Ok(facts)
        }
    }
}

/// Refuses rows with bits set behind their last, which the device would count.
fn bits(bytes: &[u8], dim: usize, first_row: u64) -> Result<()> {
    let used = dim % 8;
    if used == 0 {
        return Ok(());
    }
    for (row, bytes) in (first_row..).zip(bytes.chunks_exact(DType::Bits.row_bytes(dim))) {
        let rest = bytes.last().map_or(0, |last| last >> used);
        if rest != 0 {
            let column = dim + rest.trailing_zeros() as usize;
            let reason = format!("this bit is set, and rows have {dim}");
            return Err(Error::InvalidValue { row, column, reason });
        }
    }
    Ok(())
}

fn floats(
    metric: &Metric,
    latitude: f32,
    values: &[f32],
    dim: usize,
    first_row: u64,
    norm: &mut dyn FnMut(f32),
) -> Result<RowFacts> {
    let mut facts = RowFacts::NONE;
    if Term::of(metric).is_some() {
        facts.smallest = smallest(values);
    }
    if counts_zeros(metric) {
        // without a way out, of which the compiler makes vectors
        let zero = |row: &&[f32]| row.iter().fold(false, |zero, &x| zero | (x == 0.0));
        facts.zero_rows = values.chunks_exact(dim).filter(zero).count() as u64;
    }
    for (i, row) in values.chunks_exact(dim).enumerate() {
        let row_number = first_row + i as u64;
        let sums = sums(row);
        facts.whole &= sums.whole;
        facts.largest = facts.largest.max(sums.largest);
        facts.short |= sums.largest > 0.0 && sums.largest < SHORT;
        // NaN fails the comparison, too
        let quick = sums.square <= MAX_NORM2
            && row[0].abs() <= latitude
            && !(sums.negative && metric.needs_non_negative());
        let square =
            if quick { sums.square } else { slowly(metric, latitude, row, row_number)? * 1.001 };
        norm(up(square, dim));
        facts.norm = facts.norm.max(square);
    }
    // squares that vanish in f32 still count
    facts.norm = (facts.norm + dim as f64 * 2f64.powi(-120)).sqrt();
    Ok(facts)
}

/// |x| of a row that has passed, rounded up.
pub(crate) fn norm(row: &[f32]) -> f32 {
    up(sums(row).square, row.len())
}

/// The root of a square that was rounded up, with room for the squares that vanished in it.
fn up(square: f64, dim: usize) -> f32 {
    (square + dim as f64 * 2f64.powi(-120)).sqrt() as f32 * (1.0 + f32::EPSILON)
}

/// The largest magnitude of all elements.
pub(crate) fn largest(values: &[f32]) -> f32 {
    sums(values).largest
}

/// The smallest magnitude of all elements that are not zero; `f32::MAX` where there is none.
fn smallest(values: &[f32]) -> f32 {
    // of bits, less one: zeros become the largest
    let mut least = [u32::MAX; LANES];
    let mut add = |x: &[f32; LANES]| {
        for lane in 0..LANES {
            least[lane] = least[lane].min((x[lane].to_bits() & 0x7fff_ffff).wrapping_sub(1));
        }
    };
    let (chunks, rest) = values.as_chunks::<LANES>();
    chunks.iter().for_each(&mut add);
    let mut padded = [0.0; LANES];
    padded[..rest.len()].copy_from_slice(rest);
    add(&padded);
    let least = least.into_iter().fold(u32::MAX, u32::min).saturating_add(1);
    f32::from_bits(least.min(f32::MAX.to_bits()))
}

struct Sums {
    largest: f32,
    /// Rounded up, but for squares that vanish in f32.
    square: f64,
    whole: bool,
    negative: bool,
}

/// Elements that one step of the pass takes: each lane has sums of its own, and the compiler makes vectors of them.
const LANES: usize = 8;

/// Squares that a lane sums in f32, in which they are off by less than 2^-13 of their sum: far less than the thousandth that
/// is added, however long the row is.
const IN_F32: usize = 1024;

/// The sums of a row in the making.
struct Lanes {
    square: [f32; LANES],
    /// Bits of what rounding to whole numbers changed; 0 where that was nothing.
    fraction: [u32; LANES],
    least: [f32; LANES],
    most: [f32; LANES],
}

impl Lanes {
    /// A loop of known length for each sum: of one loop over all of them, or of zipped iterators that are not inlined, the
    /// compiler makes no vectors.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)]
    fn add(&mut self, x: &[f32; LANES]) {
        // adding and taking away 1.5 x 2^23 rounds to a whole number
        const ROUND: f32 = 12_582_912.0;
        for lane in 0..LANES {
            self.square[lane] += x[lane] * x[lane];
        }
        for lane in 0..LANES {
            self.fraction[lane] |= ((x[lane] + ROUND) - ROUND - x[lane]).to_bits();
        }
        for lane in 0..LANES {
            self.least[lane] = if x[lane] < self.least[lane] { x[lane] } else { self.least[lane] };
        }
        for lane in 0..LANES {
            let size = x[lane].abs();
            self.most[lane] = if size > self.most[lane] { size } else { self.most[lane] };
        }
    }
}

impl Lanes {
    /// The squares so far; the next are summed anew.
    fn take_square(&mut self) -> f64 {
        std::mem::take(&mut self.square).into_iter().map(f64::from).sum()
    }
}

/// One pass over a row.
fn sums(row: &[f32]) -> Sums {
    let mut lanes = Lanes {
        square: [0.0; LANES],
        fraction: [0; LANES],
        least: [0.0; LANES],
        most: [0.0; LANES],
    };
    let (chunks, rest) = row.as_chunks::<LANES>();
    if !rest.is_empty() {
        let mut padded = [0.0; LANES];
        padded[..rest.len()].copy_from_slice(rest);
        lanes.add(&padded);
    }
    let mut square = 0.0;
    for few in chunks.chunks(IN_F32) {
        for chunk in few {
            lanes.add(chunk);
        }
        square += lanes.take_square();
    }
    square += lanes.take_square();
    Sums {
        largest: lanes.most.into_iter().fold(0.0, f32::max),
        square: square * 1.001,
        whole: lanes.fraction.iter().all(|&bits| bits == 0),
        negative: lanes.least.iter().any(|&x| x < 0.0),
    }
}

/// The exact verdict on a row that the quick pass did not let through; |x|^2 of what it does allow.
fn slowly(metric: &Metric, latitude: f32, row: &[f32], number: u64) -> Result<f64> {
    let mut square = 0.0;
    let mut largest = 0;
    for (column, &x) in row.iter().enumerate() {
        if x.is_infinite() || (x.is_nan() && !metric.allows_nan()) {
            return Err(Error::NonFinite { row: number, column });
        }
        if x < 0.0 && metric.needs_non_negative() {
            let reason = format!("{x} is negative, which {metric} does not allow");
            return Err(Error::InvalidValue { row: number, column, reason });
        }
        if !x.is_nan() {
            square += f64::from(x) * f64::from(x);
        }
        if x.abs() > row[largest].abs() {
            largest = column;
        }
    }
    if row[0].abs() > latitude {
        let reason = format!(
            "{} is no latitude in radians, which {metric} takes: multiply degrees by pi / 180",
            row[0]
        );
        return Err(Error::InvalidValue { row: number, column: 0, reason });
    }
    if square > MAX_NORM2 {
        let reason = format!("|x|^2 is {square:e}, above 2^120");
        return Err(Error::InvalidValue { row: number, column: largest, reason });
    }
    Ok(square)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(metric: Metric, values: &[f32]) -> Result<RowFacts> {
        rows(&metric, Rows::F32(values), 3, 10)
    }

    #[test]
    fn refusals_name_row_and_column() {
        let nan = [1.0, 2.0, 3.0, 4.0, f32::NAN, 6.0];
        assert!(matches!(check(Metric::L2, &nan), Err(Error::NonFinite { row: 11, column: 1 })));
        assert!(check(Metric::NanEuclidean, &nan).is_ok());
        let infinite = [1.0, 2.0, f32::INFINITY];
        for metric in [Metric::L2, Metric::Gower] {
            assert!(matches!(
                check(metric, &infinite),
                Err(Error::NonFinite { row: 10, column: 2 })
            ));
        }
        let negative = [0.5, -0.5, 1.0];
        assert!(matches!(
            check(Metric::KlDivergence, &negative),
            Err(Error::InvalidValue { row: 10, column: 1, .. })
        ));
        let huge = [0.0, 0.0, 1e19];
        assert!(matches!(check(Metric::L2, &huge), Err(Error::InvalidValue { column: 2, .. })));
    }

    #[test]
    fn facts_bound_the_rows() {
        let facts = check(Metric::L2, &[3.0, 4.0, 0.0]).unwrap();
        assert!(facts.whole && facts.norm >= 5.0 && facts.norm < 5.01);
        assert!(!check(Metric::L2, &[0.5, 4.0, 0.0]).unwrap().whole);
        assert!(!check(Metric::L2, &[1e-20, 0.0, 0.0]).unwrap().whole);
    }

    #[test]
    fn the_smallest_magnitude_is_that_of_what_is_not_zero() {
        for (values, expected) in [
            (&[0.0, -0.0, 0.0][..], f32::MAX),
            (&[3.0, -0.25, 0.0, 1e30, 0.0, 5.0, 6.0, 7.0, -8.0], 0.25),
            (&[1.0; 8], 1.0),
            (&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, -1e-45], 1e-45),
            (&[f32::NAN, 2.0, 0.0], 2.0),
        ] {
            assert_eq!(smallest(values), expected, "{values:?}");
        }
        assert_eq!(check(Metric::L1, &[0.0, 0.5, -4.0]).unwrap().smallest, 0.5);
    }

    #[test]
    fn rows_with_a_zero_are_counted_where_it_matters() {
        let rows = [1.0, 0.0, 2.0, 1.0, 1.0, 1e-45, 0.0, 0.0, 0.0, 3.0, 3.0, -0.0];
        let (kl, l1) = (check(Metric::KlDivergence, &rows), check(Metric::L1, &rows));
        assert_eq!((kl.unwrap().zero_rows, l1.unwrap().zero_rows), (3, 0));
        let both = check(Metric::KlDivergence, &rows).unwrap().and(RowFacts::NONE);
        assert_eq!(both.and(both).zero_rows, 6);
    }

    #[test]
    fn norms_are_rounded_up_however_long_the_row() {
        // each square is a little more than half a unit of the sum's last place, or a little less, once that is large
        for (dim, element) in [(300_000, 0.1f32), (1 << 20, 1.0), (3_000_001, 0.7)] {
            let row = vec![element; dim];
            let real = f64::from(element) * (dim as f64).sqrt();
            let up = f64::from(norm(&row));
            assert!(up >= real && up <= real * 1.001, "{dim}: {up}, not {real}");
        }
    }
}
