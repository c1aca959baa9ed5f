//! Queries as FAISS rounds them for codes of one bit.

/// How [`RaBitQuantizer::estimate`](crate::RaBitQuantizer::estimate) reads a query: FAISS's `qb` and `centered`.
///
/// FAISS rounds what is left of a query without the center to so many bits, to count bits instead of multiplying; by default to 4. That makes
/// it faster on a processor, and its estimates coarser. Of codes of more than one bit it reads the query as it is, and so does this.
/// Elements go to the steps that FAISS takes with AVX-512; its other builds differ by one step where an element is in the middle of two, some one in
/// 100,000 at 8 bits, and so does a device whose fused products are not, as llvmpipe's.
///
/// # Example
/// ```
/// use nearfield::QueryBits;
/// assert_eq!(QueryBits::default(), QueryBits::Exact);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QueryBits {
    /// In f32: `qb` of 0.
    #[default]
    Exact,
    /// In so many bits, 1 to 8, of the range from its least element to its largest.
    Range(u32),
    /// In so many bits, 1 to 8, of a range around 0 that fits normal numbers best: `centered`.
    Centered(u32),
}

/// Half the widths of these ranges, in standard deviations, by bits.
const WIDTHS: [f32; 8] = [0.79688, 1.49375, 2.05078, 2.50938, 2.91250, 3.26406, 3.59844, 3.91016];

/// Elements that FAISS rounds together, by a fused product, on processors with AVX-512; those that are left over by a difference and a product. An
/// element in the middle of two steps may go to one by the one and to the other by the other.
const TOGETHER: usize = 16;

/// The number of a step, as FAISS rounds.
fn step(x: f32, most: f32) -> f32 {
    if x <= 0.0 {
        0.0
    } else if x >= most {
        most
    } else {
        (x + 0.5).trunc()
    }
}

impl QueryBits {
    /// The bits, where there are some.
    pub(super) fn bits(self) -> Option<u32> {
        match self {
            QueryBits::Exact => None,
            QueryBits::Range(bits) | QueryBits::Centered(bits) => Some(bits),
        }
    }

    /// What is left of a query, as it is multiplied with codes.
    pub(super) fn rounded(self, residual: &[f32]) -> Vec<f64> {
        let square: f64 = residual.iter().map(|&x| f64::from(x).powi(2)).sum();
        let most = match self.bits() {
            Some(bits) => ((1u32 << bits) - 1) as f32,
            None => return residual.iter().map(|&x| f64::from(x)).collect(),
        };
        let (low, high) = match self {
            QueryBits::Centered(bits) => {
                let width = WIDTHS[bits as usize - 1];
                let radius = width * ((square as f32) / residual.len() as f32).sqrt();
                (-radius, radius)
            }
            _ => residual
                .iter()
                .fold((f32::MAX, f32::MIN), |(low, high), &x| (low.min(x), high.max(x))),
        };
        let delta = (high - low) / most;
        let inverse = 1.0 / delta;
        let fused = residual.len() / TOGETHER * TOGETHER;
        let number = |(at, &x): (usize, &f32)| match () {
            // elements that are all alike are their range's end
            _ if !inverse.is_finite() => 0.0,
            _ if at < fused => step(x.mul_add(inverse, -(low * inverse)), most),
            _ => step((x - low) * inverse, most),
        };
        let numbers: Vec<f32> = residual.iter().enumerate().map(number).collect();
        if matches!(self, QueryBits::Centered(_)) {
            // odd numbers, brought to the length of the query
            let odd = |number: f32| f64::from(2.0 * number - most);
            let all: f64 = numbers.iter().map(|&number| odd(number).powi(2)).sum();
            let unit = (square / all).sqrt();
            return numbers.iter().map(|&number| odd(number) * unit).collect();
        }
        let (low, delta) = (f64::from(low), f64::from(delta));
        numbers.iter().map(|&number| low + delta * f64::from(number)).collect()
    }
}
