//! Codes of a scalar quantizer as the copy that a scan reads of rows, which stay as they are: x'_j = minimum_j + (c_j + 1/2) step_j, where c_j
//! has 8, 6 or 4 bits.
//!
//! On the device they lie as signed bytes y = c - 2^(bits - 1), whatever the bits. Kernels that score multiply the bytes as they are, f16
//! holding each, by queries that the steps are folded into:
//!
//! ```text
//! q.x' = q.(minimum + (2^(bits - 1) + 1/2) step) + unit (q').y      q'_j = q_j step_j / unit
//! ```
//!
//! The first term is the same for all rows of a query, and left out. `unit` is the power of two that is at least the largest step, so that |q'| is at
//! most |q|; it takes the place of the inverse of a copy's factor.
//!
//! What the bound needs: with R = |(|minimum_j| + 2^bits step_j)_j| no |x'| is more than R, and no unit |y| more than unit 2^(bits - 1) sqrt(d).
//! The norm that every row counts with is the larger of both. Then |q| times it bounds the sum of the products' magnitudes, wherever these are
//! taken, and what decoding rounds away of q.x', three units of 2^-24 |q| R, counts as that many more products. How far x' is from the rows
//! is measured as of other copies in fewer bits. Exact distances read the rows.

use crate::buffer::Buffer;
use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernel::Encoder;
use std::sync::Arc;

/// As many products as all roundings of folded queries and decoded rows count for.
pub(super) const ROUNDINGS: usize = 10;
/// Smaller steps, times an element of a query, may be below 2^-126.
const LEAST_STEP: f32 = 7.888_609e-31;
/// No norm is more, so that no sum of squares comes near overflow: as [`check`](crate::space::check) holds rows to.
const MAX_NORM: f64 = 1.152_921_504_606_847e18;

/// How the elements of rows lie, as templates spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Elements {
    name: &'static str,
    /// Whether they are codes, which are looked up.
    pub coded: bool,
    /// Whether exact kernels have a binding for what is looked up, instead of finding it behind the queries.
    pub apart: bool,
    /// Bits that exact kernels round what a list's centroid leaves of a query to, of RaBitQ alone; 0: they read it in full.
    pub query_bits: u32,
}

impl Elements {
    /// Of codes of a scalar quantizer.
    pub const CODES: [Elements; 3] =
        [Elements::codes("sq8"), Elements::codes("sq6"), Elements::codes("sq4")];
    /// Of codes that are looked up ([`tables`](super::tables)): of a product quantizer and of scalar ones, and the same less the centroids
    /// of lists; what these leave in f16 and bf16; and of RaBitQ.
    pub const TABLES: [Elements; 11] = [
        Elements::codes("pq"),
        Elements::codes("rpq"),
        Elements::codes("sq8"),
        Elements::codes("sq6"),
        Elements::codes("sq4"),
        Elements::codes("rsq8"),
        Elements::codes("rsq6"),
        Elements::codes("rsq4"),
        Elements::codes("rf16"),
        Elements::codes("rbf16"),
        Elements::RABITQ,
    ];
    /// Of RaBitQ, whose rows have a number each that is added to distances.
    pub const RABITQ: Elements = Elements::codes("rabitq");

    const fn codes(name: &'static str) -> Elements {
        Elements { name, coded: true, apart: false, query_bits: 0 }
    }

    pub const fn with_binding(self, apart: bool) -> Elements {
        Elements { apart, ..self }
    }

    pub const fn with_query_bits(self, query_bits: u32) -> Elements {
        Elements { query_bits, ..self }
    }

    pub const fn name(self) -> &'static str {
        self.name
    }
}

impl From<DType> for Elements {
    fn from(dtype: DType) -> Elements {
        Elements { name: dtype.name(), coded: false, apart: false, query_bits: 0 }
    }
}

/// The ranges of the elements of a copy.
#[derive(Clone)]
pub(crate) struct Coding(Arc<Ranges>);

/// The copy of 8 bits an element that a scan reads of rows in the place of one in f16.
#[derive(Clone)]
pub(crate) enum Codes {
    /// Numbers of steps of these ranges.
    Of(Coding),
    /// Parts of the largest element of each row: of rows that are divided by their norm, whose elements no range of theirs is for, and of
    /// others where that loses less.
    OfRows,
}

impl Codes {
    /// The ranges, where they are of such.
    pub fn coding(&self) -> Option<&Coding> {
        match self {
            Codes::Of(coding) => Some(coding),
            Codes::OfRows => None,
        }
    }
}

struct Ranges {
    bits: u32,
    dim: usize,
    /// The minima, zeros up to a whole group of four, and the steps likewise.
    words: Vec<f32>,
    /// The same on the device, and behind them what folding multiplies queries by.
    buffer: Buffer,
    unit: f32,
    norm: f32,
    largest: f32,
}

impl Coding {
    /// Of elements of 8, 6 or 4 bits, with the minimum and the step of each dimension. Steps so small that they vanish in products are none:
    /// a copy need not tell them apart.
    ///
    /// # Errors
    /// `InvalidArgument` for ranges of which some row would be longer than rows may be.
    pub fn new(gpu: &Gpu, bits: u32, minima: &[f32], steps: &[f32]) -> Result<Coding> {
        let steps = steps.iter().map(|&step| if step < LEAST_STEP { 0.0 } else { step });
        let steps = &steps.collect::<Vec<_>>()[..];
        let (dim, levels) = (minima.len(), f64::from(1u32 << bits));
        let reach = minima
            .iter()
            .zip(steps)
            .map(|(minimum, step)| f64::from(minimum.abs()) + levels * f64::from(*step));
        let (largest, square) =
            reach.fold((0f64, 0f64), |(most, square), r| (most.max(r), square + r * r));
        let step = steps.iter().copied().fold(0.0, f32::max);
        let unit =
            if step > 0.0 { f64::from(step).log2().ceil().clamp(-120.0, 120.0) } else { 0.0 };
        let unit = 2f64.powf(unit);
        let bytes = unit * levels / 2.0 * (dim as f64).sqrt();
        let norm = square.sqrt().max(bytes) * 1.001;
        if norm > MAX_NORM {
            let reason =
                format!("rows as long as {norm:e} might be decoded; {MAX_NORM:e} is the most");
            return Err(Error::argument("ranges", reason));
        }
        let padded = dim.next_multiple_of(4);
        let mut words = vec![0.0; 2 * padded];
        words[..dim].copy_from_slice(minima);
        words[padded..padded + dim].copy_from_slice(steps);
        let unit = unit as f32;
        let factors: Vec<f32> = words[padded..].iter().map(|step| step / unit).collect();
        let all = [&words[..], &factors].concat();
        let mut encoder = Encoder::new(gpu, "ranges", false)?;
        let buffer = gpu.alloc("ranges", all.len() as u64 * 4)?;
        let upload = encoder.upload("ranges", bytemuck::cast_slice(&all))?;
        encoder.copy(&upload, 0, &buffer, 0, buffer.size());
        encoder.submit(&[])?;
        let (norm, largest) = (norm as f32, largest as f32 * 1.001);
        Ok(Coding(Arc::new(Ranges { bits, dim, words, buffer, unit, norm, largest })))
    }

    pub fn elements(&self) -> Elements {
        let [eight, six, four] = Elements::CODES;
        match self.0.bits {
            8 => eight,
            6 => six,
            _ => four,
        }
    }

    pub fn dim(&self) -> usize {
        self.0.dim
    }

    /// Minima and steps on the device.
    pub fn buffer(&self) -> &Buffer {
        &self.0.buffer
    }

    /// What all scores of a query leave out that is multiplied with codes, and at most the sum of its terms' magnitudes.
    pub fn left_out(&self, query: &[f32]) -> (f64, f64) {
        let (minima, steps) = self.0.words.split_at(self.0.words.len() / 2);
        let middle = f64::from(1u32 << (self.0.bits - 1)) + 0.5;
        let ranges = minima.iter().zip(steps);
        let ranges = ranges.map(|(&low, &step)| (f64::from(low), middle * f64::from(step)));
        let terms = query.iter().map(|&q| f64::from(q)).zip(ranges);
        terms.fold((0.0, 0.0), |(sum, size), (q, (low, middle))| {
            (sum + q * (low + middle), size + q.abs() * (low.abs() + middle))
        })
    }

    /// Values that an element may have.
    pub fn levels(&self) -> u32 {
        1 << self.0.bits
    }

    /// What the rows that are multiplied count as being multiplied by.
    pub fn factor(&self) -> f32 {
        1.0 / self.0.unit
    }

    /// At least the norm of every row, and of its bytes times the unit.
    pub fn norm(&self) -> f32 {
        self.0.norm
    }

    /// At least the magnitude of every element.
    pub fn largest(&self) -> f32 {
        self.0.largest
    }
}
