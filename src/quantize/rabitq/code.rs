//! The code of one row: a number an element, and what distances to it need besides.

use super::bits;
use crate::error::{Error, Result};

/// No row that a code stands for is longer, so that no sum of squares comes near overflow: as [`check`](crate::space::check) holds rows to.
const MAX_NORM: f64 = 1.152_921_504_606_847e18;
/// Smaller scales vanish in products on some devices.
const LEAST_SCALE: f32 = 7.888_609e-31;
/// FAISS's constant of the bound that it stores.
pub(super) const EPS0: f64 = 1.9;
/// Where the best scale is looked for, by bits beyond the sign: from this part of the largest on that is tried (the paper's authors').
const TIGHT_START: [f32; 9] = [0.0, 0.15, 0.20, 0.52, 0.59, 0.71, 0.75, 0.77, 0.81];
/// Steps beyond the last number that the largest element may take.
const BEYOND: f32 = 10.0;
/// Scales that are tried, first over all of that, then around the best of them.
const COARSE: u32 = 32;
const FINE: u32 = 16;
/// Adding and subtracting it rounds to whole numbers, for numbers below 2^22.
const ROUND: f32 = 12_582_912.0;
const LANES: usize = 8;

/// What codes are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub dim: usize,
    /// Of an element.
    pub bits: u32,
    /// Whether inner products are estimated, and not squares of distances.
    pub product: bool,
    /// Whether a code stands for the projection of a row on it, to which nothing is added, and not for an estimate.
    pub projects: bool,
}

/// Of one row x = c + r, with y the numbers of its code less the middle of these.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Factors {
    /// What y is multiplied by: |r|^2 / <r, y>.
    pub scale: f32,
    /// What is added to the distance of c + scale y: |r|^2 - scale^2 |y|^2, of inner products <c, r> - scale <c, y>.
    pub added: f32,
    /// Of more bits than one: FAISS's `dp_multiplier`, |r| over the cosine of r and its signs.
    pub sign: f32,
    /// And its `f_error`.
    pub error: f32,
}

impl Shape {
    /// Numbers beside the code.
    pub fn factors(self) -> usize {
        if self.bits == 1 || self.projects { 2 } else { 4 }
    }

    /// Bytes of a row: its factors, then its numbers as a stream of bits.
    pub fn bytes(self) -> usize {
        4 * self.factors() + (self.dim * self.bits as usize).div_ceil(8)
    }

    /// What a number stands for: y.
    pub fn middle(self, number: u16) -> f32 {
        f32::from(number) + 0.5 - (1u32 << (self.bits - 1)) as f32
    }

    /// |y|^2.
    pub fn square(self, numbers: &[u16]) -> f64 {
        numbers.iter().map(|&number| f64::from(self.middle(number)).powi(2)).sum()
    }

    /// <c, y>.
    pub fn against(self, numbers: &[u16], center: &[f32]) -> f64 {
        let terms = numbers.iter().zip(center);
        terms.map(|(&number, &c)| f64::from(self.middle(number)) * f64::from(c)).sum()
    }

    /// Encodes what is left of a row without its center, which is in `numbers` then.
    pub fn encode(self, residual: &[f32], center: &[f32], numbers: &mut Vec<u16>) -> Factors {
        let (half, most) = (1u16 << (self.bits - 1), (1u16 << (self.bits - 1)) - 1);
        let largest = residual.iter().fold(0f32, |most, r| most.max(r.abs()));
        let inverse = if largest > 0.0 { 1.0 / largest } else { 0.0 };
        // beyond f32 where all elements are subnormal
        let inverse = if inverse.is_finite() { inverse } else { 0.0 };
        let parts: Vec<f32> = residual.iter().map(|r| r.abs() * inverse).collect();
        let scale = best_scale(&parts, self.bits);
        numbers.clear();
        let (mut square, mut signs, mut along) = (0f64, 0f64, 0f64);
        for (&r, &part) in residual.iter().zip(&parts) {
            let level = level(scale * part, most.into());
            // 0 is not positive
            numbers.push(if r > 0.0 { half + level as u16 } else { most - level as u16 });
            let size = f64::from(r.abs());
            square += size * size;
            signs += size;
            along += size * (f64::from(level) + 0.5);
        }
        let d = self.dim as f64;
        let ratio = if along > 0.0 { (square / along) as f32 } else { 0.0 };
        let scale = if ratio < LEAST_SCALE { 0.0 } else { ratio };
        let exact = f64::from(scale);
        let beside: f64 =
            residual.iter().zip(center).map(|(&r, &c)| f64::from(r) * f64::from(c)).sum();
        let added = match self.product {
            true => beside - exact * self.against(numbers, center),
            false => square - exact * exact * self.square(numbers),
        };
        let sign = if signs > 0.0 { d.sqrt() * square / signs } else { 0.0 };
        let lost = ((sign * sign - square).max(0.0) / (d - 1.0).max(1.0)).sqrt();
        let error = EPS0 * lost * if self.product { 1.0 } else { 2.0 };
        let (sign, error) = match self.bits {
            1 => (0.0, 0.0),
            _ => (sign as f32, error as f32),
        };
        Factors { scale, added: normal(added), sign, error }
    }

    /// The factors of the row on the line through c along y that is nearest to x: c + <r, y> / |y|^2 y, which leaves nothing of r along y. No
    /// other row of that line tells as much of x by itself.
    pub fn projected(self, residual: &[f32], numbers: &[u16]) -> Factors {
        let scale = (self.against(numbers, residual) / self.square(numbers)) as f32;
        Factors { scale: if scale < LEAST_SCALE { 0.0 } else { scale }, ..Factors::default() }
    }

    /// Refuses what stands for longer rows than there may be, or for no numbers.
    pub fn check(self, factors: &Factors, numbers: &[u16], center: &[f32], row: u64) -> Result<()> {
        let Factors { scale, added, sign, error } = *factors;
        let norm = center.iter().map(|&c| f64::from(c).powi(2)).sum::<f64>().sqrt();
        let length = norm + f64::from(scale.abs()) * self.square(numbers).sqrt();
        let sizes = [added.abs().sqrt(), sign, error].map(f64::from);
        let fits = |size: f64| size.is_finite() && size <= MAX_NORM;
        if fits(length) && sizes.into_iter().all(fits) {
            return Ok(());
        }
        let reason = format!(
            "row {row} would be decoded to one of length {length:e}, or have factors beyond it; {MAX_NORM:e} is the most"
        );
        Err(Error::argument("rows", reason))
    }

    /// Writes a row behind others.
    pub fn put(self, factors: &Factors, numbers: &[u16], out: &mut Vec<u8>) {
        let Factors { scale, added, sign, error } = *factors;
        let all = [scale, added, sign, error];
        all[..self.factors()].iter().for_each(|factor| out.extend(factor.to_le_bytes()));
        bits::pack(numbers, self.bits, out);
    }

    /// Reads a row of as many bytes as there have to be.
    pub fn get(self, row: &[u8], numbers: &mut Vec<u16>) -> Factors {
        let factor = |i: usize| bits::number(row, 4 * i);
        let (sign, error) = if self.factors() == 2 { (0.0, 0.0) } else { (factor(2), factor(3)) };
        numbers.clear();
        bits::unpack(&row[4 * self.factors()..], self.bits, self.dim, numbers);
        Factors { scale: factor(0), added: factor(1), sign, error }
    }

    /// |r|^2 of a row; `None` where nothing says it.
    pub fn square_of(self, factors: &Factors, numbers: &[u16]) -> Option<f64> {
        let [scale, added, sign, error] =
            [factors.scale, factors.added, factors.sign, factors.error].map(f64::from);
        match (self.product, self.bits) {
            (false, _) => Some((added + scale * scale * self.square(numbers)).max(0.0)),
            (true, 1) => None,
            (true, _) => {
                let lost = error / EPS0;
                Some((sign * sign - lost * lost * (self.dim as f64 - 1.0)).max(0.0))
            }
        }
    }
}

/// In f32, where subnormal numbers count as none.
fn normal(value: f64) -> f32 {
    let near = value as f32;
    if near.abs() < f32::MIN_POSITIVE { 0.0 } else { near }
}

/// floor(x) within [0, most]; of whole x it may be one less.
fn level(x: f32, most: f32) -> f32 {
    ((x - 0.5 + ROUND) - ROUND).clamp(0.0, most)
}

/// How well the numbers of a scale fit: <r, y>^2 / |y|^2, of magnitudes of which the largest is 1.
fn fit(parts: &[f32], scale: f32, most: f32) -> f32 {
    let (mut along, mut square) = ([0f32; LANES], [0f32; LANES]);
    let (whole, rest) = parts.as_chunks::<LANES>();
    let mut add = |lane: usize, part: f32| {
        let y = level(scale * part, most) + 0.5;
        along[lane] += y * part;
        square[lane] += y * y;
    };
    // of a length that compilers know
    for chunk in whole {
        (0..LANES).for_each(|lane| add(lane, chunk[lane]));
    }
    rest.iter().enumerate().for_each(|(lane, &part)| add(lane, part));
    let (along, square) = (along.iter().sum::<f32>(), square.iter().sum::<f32>());
    along * (along / square)
}

/// The scale whose numbers fit best, of those that are tried.
fn best_scale(parts: &[f32], bits: u32) -> f32 {
    if bits == 1 {
        return 0.0;
    }
    let most = ((1u32 << (bits - 1)) - 1) as f32;
    let end = most + BEYOND;
    let start = TIGHT_START[bits as usize - 1] * end;
    let (mut best, mut scale) = (f32::MIN, start);
    let mut attempt = |t: f32, scale: &mut f32| {
        let fits = fit(parts, t, most);
        if fits > best {
            (best, *scale) = (fits, t);
        }
    };
    let step = (end - start) / COARSE as f32;
    (0..=COARSE).for_each(|i| attempt(start + step * i as f32, &mut scale));
    let around = scale;
    for i in 1..FINE {
        let t = around + step * (2.0 * i as f32 / FINE as f32 - 1.0);
        attempt(t, &mut scale);
    }
    scale
}
