//! Rows that are codes, of a product quantizer or of a scalar one, and are looked up: codes of the rows themselves or of what the centroid
//! of each row's list leaves of them; or codes of RaBitQ, which are of the latter.
//!
//! On the device a row is its codes, and before them, where its list's centroid is added, the number of the list: x = c(list) + decoded(codes).
//! Kernels look rows up as they load them (`shaders/lib/load/tables.wgsl`), those that score too, so that nothing but the sum of a row's two
//! parts is rounded, for all alike: what is looked up is the row. Matrix units in f16 multiply it rounded to what f16 has, and how much that
//! is off is measured as of any copy. What is left may also be numbers of 16 bits, as they are.
//!
//! A row of RaBitQ is the number of its list, a scale, a number, perhaps others that no search reads, and a code of as many bits for each
//! element: x = c(list) + scale (code + 1/2 - half of the codes), and the number is added to every distance of x. Squared distances may so come out
//! below 0, where what they estimate is near 0; the host takes them for 0. How long such rows are that are to come nobody knows, nor how long
//! those of numbers of 16 bits: the factor of f16 is chosen by the centroids, with room above, and what is beyond is cut off and measured as lost.
//!
//! The tables, in groups of four numbers:
//!
//! ```text
//! 0   groups of a part (0: parts are of no whole groups), bits of a code, elements of a part (of RaBitQ words before the codes), the first group
//!     of the lists
//! 1   elements of a row, what every element is multiplied by before it is rounded, 0, 0
//! 2.. of whole groups: of each group of a row, what each of its 2^bits codes stands for; else the centroids of the parts, one after the
//!     other; of a scalar quantizer of signed bytes: minima, then steps; of RaBitQ and of numbers of 16 bits nothing
//! ..  the centroids of the lists, a row each
//! ```

use super::coding::Elements;
use super::f16_factor::f16_factor;
use crate::buffer::Buffer;
use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernel::Encoder;
use crate::space::check::RowFacts;
use std::sync::Arc;

/// No norm is more, so that no sum of squares comes near overflow: as [`check`](crate::space::check) holds rows to.
const MAX_NORM: f64 = 1.152_921_504_606_847e18;
/// Rows that nobody knows may be so many times as large as the largest element of a centroid without a loss in f16. Below lie 2^17 times as
/// small ones.
const ROOM: f32 = 1024.0;
/// Fewer storage buffers than this leave no binding for tables in kernels that have eight without them.
const BINDINGS: u32 = 10;
/// Groups of sizes before the codes'.
const SIZES: usize = 2;

/// What the numbers of codes stand for.
#[derive(Clone, Copy)]
pub(crate) enum Numbers<'a> {
    /// Of a product quantizer: the centroids of the first part, one after the other, then those of the second; parts, and bits of a code.
    Parts { centroids: &'a [f32], parts: usize, bits: u32 },
    /// Of a scalar quantizer with so many bits, in signed bytes: the minimum and the step of each dimension.
    Steps { minima: &'a [f32], steps: &'a [f32], bits: u32 },
    /// What lists leave, in f16 or bf16: so many elements, and zeros up to a whole group of four.
    Halves { dim: usize, dtype: DType },
    /// Of RaBitQ: so many elements of so many bits, behind so many numbers of the row, and whether one of these is added to distances, which
    /// else is 0.
    Signs { dim: usize, bits: u32, factors: usize, estimates: bool },
}

/// The tables of the codes of some rows.
#[derive(Clone)]
pub(crate) struct Tables {
    inner: Arc<Inner>,
    query_bits: u32,
}

struct Inner {
    elements: Elements,
    /// Parts and the bits of their codes.
    parts: Option<(usize, u32)>,
    listed: bool,
    dim: usize,
    row_bytes: usize,
    estimates: bool,
    buffer: Buffer,
    factor: f32,
    norm: f32,
    largest: f32,
}

/// The largest magnitude of an element, and of a row, of rows of `dim` elements; no elements are none.
fn reach(rows: &[f32], dim: usize) -> (f64, f64) {
    let square = |row: &[f32]| row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
    let largest = rows.iter().fold(0f64, |most, x| most.max(f64::from(x.abs())));
    (largest, rows.chunks_exact(dim).map(square).fold(0.0, f64::max).sqrt())
}

impl Numbers<'_> {
    fn dim(&self) -> usize {
        match *self {
            Numbers::Parts { centroids, bits, .. } => centroids.len() >> bits,
            Numbers::Steps { minima, .. } => minima.len(),
            Numbers::Halves { dim, .. } | Numbers::Signs { dim, .. } => dim,
        }
    }

    fn bits(&self) -> u32 {
        match *self {
            Numbers::Parts { bits, .. }
            | Numbers::Steps { bits, .. }
            | Numbers::Signs { bits, .. } => bits,
            Numbers::Halves { .. } => 16,
        }
    }

    /// Bytes of the codes of a row.
    fn bytes(&self) -> usize {
        match *self {
            Numbers::Parts { parts, bits, .. } => (parts * bits as usize).div_ceil(8),
            Numbers::Steps { minima, .. } => minima.len(),
            Numbers::Halves { dim, .. } => 2 * dim.next_multiple_of(4),
            Numbers::Signs { dim, bits, factors, .. } => {
                4 * factors + (dim * bits as usize).div_ceil(8)
            }
        }
    }

    /// As kernels know them, less the centroids of lists or not.
    fn elements(&self, listed: bool) -> Result<Elements> {
        let [parts, of_lists, own @ .., eight, six, four, half, brain, _] = Elements::TABLES;
        let of_steps: [Elements; 3] = if listed { [eight, six, four] } else { own };
        match (self, self.bits()) {
            (Numbers::Parts { .. }, _) => Ok(if listed { of_lists } else { parts }),
            (Numbers::Signs { .. }, _) if listed => Ok(Elements::RABITQ),
            (Numbers::Halves { dtype: DType::F16, .. }, _) if listed => Ok(half),
            (Numbers::Halves { dtype: DType::Bf16, .. }, _) if listed => Ok(brain),
            (Numbers::Signs { .. } | Numbers::Halves { .. }, _) => {
                Err(Error::internal("what lists leave, of no lists"))
            }
            (_, 8) => Ok(of_steps[0]),
            (_, 6) => Ok(of_steps[1]),
            (_, 4) => Ok(of_steps[2]),
            (_, bits) => Err(Error::internal(format!("steps of {bits} bits"))),
        }
    }

    /// The largest magnitude of an element, and of a row.
    fn reach(&self) -> (f64, f64) {
        match *self {
            Numbers::Parts { centroids, parts, .. } => {
                let of_part = centroids.len() / parts;
                let part = self.dim() / parts;
                let all = centroids.chunks_exact(of_part).map(|part_of| reach(part_of, part));
                let (largest, square) = all.fold((0f64, 0f64), |(largest, square), (l, n)| {
                    (largest.max(l), square + n * n)
                });
                (largest, square.sqrt())
            }
            Numbers::Steps { minima, steps, bits } => {
                let levels = f64::from(1u32 << bits);
                let each = minima.iter().zip(steps);
                let each = each.map(|(low, step)| f64::from(low.abs()) + levels * f64::from(*step));
                let (largest, square) = each.fold((0f64, 0f64), |(l, s), r| (l.max(r), s + r * r));
                (largest, square.sqrt())
            }
            Numbers::Halves { .. } | Numbers::Signs { .. } => (0.0, 0.0),
        }
    }

    /// Groups to a part, if parts are of whole ones.
    fn whole_groups(&self) -> usize {
        match *self {
            Numbers::Parts { parts, .. } if (self.dim() / parts).is_multiple_of(4) => {
                self.dim() / parts / 4
            }
            _ => 0,
        }
    }

    /// The numbers as kernels look them up, in whole groups of four.
    fn table(&self) -> Vec<f32> {
        let dim = self.dim();
        match *self {
            Numbers::Halves { .. } | Numbers::Signs { .. } => Vec::new(),
            Numbers::Steps { minima, steps, .. } => {
                let padded = dim.next_multiple_of(4);
                let mut table = vec![0.0; 2 * padded];
                table[..dim].copy_from_slice(minima);
                table[padded..padded + dim].copy_from_slice(steps);
                table
            }
            Numbers::Parts { centroids, parts, bits } => {
                let (part, groups) = (dim / parts, self.whole_groups());
                if groups == 0 {
                    let mut table = centroids.to_vec();
                    table.resize(centroids.len().next_multiple_of(4), 0.0);
                    return table;
                }
                let mut table = Vec::with_capacity(centroids.len());
                for of_part in centroids.chunks_exact(part << bits) {
                    for group in 0..groups {
                        let codes = of_part.chunks_exact(part);
                        codes.for_each(|c| table.extend_from_slice(&c[group * 4..group * 4 + 4]));
                    }
                }
                table
            }
        }
    }
}

impl Tables {
    /// Of rows less the centroids of their lists, `dim` elements each, where `lists` has some.
    ///
    /// # Errors
    /// `InvalidArgument` where a row that these numbers stand for would be longer than rows may be; `LimitExceeded`, `OutOfDeviceMemory`.
    pub fn new(gpu: &Gpu, numbers: Numbers<'_>, lists: Option<&[f32]>) -> Result<Tables> {
        let (dim, bits) = (numbers.dim(), numbers.bits());
        let elements = numbers.elements(lists.is_some())?;
        let (mut largest, mut norm) = numbers.reach();
        if let Some(lists) = lists {
            let (of_lists, longest) = reach(lists, dim);
            (largest, norm) = (largest + of_lists, norm + longest);
        }
        // sums are rounded
        (largest, norm) = (largest * 1.001, norm * 1.001);
        if norm > MAX_NORM {
            let reason =
                format!("rows as long as {norm:e} might be decoded; {MAX_NORM:e} is the most");
            return Err(Error::argument("codes", reason));
        }
        let table = numbers.table();
        let part = match numbers {
            Numbers::Parts { parts, .. } => dim / parts,
            Numbers::Steps { .. } | Numbers::Halves { .. } => 1,
            Numbers::Signs { factors, .. } => factors + 1,
        };
        let factor = match numbers {
            Numbers::Halves { .. } | Numbers::Signs { .. } => {
                let factor = f16_factor(largest as f32 * ROOM);
                (largest, norm) = (MAX_NORM, MAX_NORM);
                factor
            }
            _ => f16_factor(largest as f32),
        };
        let first_list = SIZES + table.len() / 4;
        if first_list >= 1 << 24 {
            let (what, limit) = ("numbers of a quantizer".to_owned(), 1 << 26);
            return Err(Error::LimitExceeded { what, needed: table.len() as u64, limit });
        }
        let sizes = [numbers.whole_groups(), bits as usize, part, first_list, dim];
        let mut words: Vec<f32> = sizes.iter().map(|&size| size as f32).collect();
        words.extend([factor, 0.0, 0.0]);
        words.extend(table);
        for list in lists.unwrap_or_default().chunks_exact(dim) {
            words.extend_from_slice(list);
            words.resize(words.len().next_multiple_of(4), 0.0);
        }
        let (bytes, limit) = (words.len() as u64 * 4, gpu.caps().max_binding_bytes);
        if bytes > limit {
            let what = "bytes of what codes stand for, with the centroids of lists".to_owned();
            return Err(Error::LimitExceeded { what, needed: bytes, limit });
        }
        let mut encoder = Encoder::new(gpu, "tables", false)?;
        let buffer = gpu.alloc("tables", bytes)?;
        let upload = encoder.upload("tables", bytemuck::cast_slice(&words))?;
        encoder.copy(&upload, 0, &buffer, 0, buffer.size());
        encoder.submit(&[])?;
        let row_bytes = numbers.bytes() + if lists.is_some() { 4 } else { 0 };
        // where kernels find them is a part of their names
        let elements = elements.with_binding(gpu.caps().max_storage_buffers >= BINDINGS);
        let (norm, largest) = (norm as f32, largest as f32);
        let parts = match numbers {
            Numbers::Parts { parts, bits, .. } => Some((parts, bits)),
            _ => None,
        };
        let estimates = matches!(numbers, Numbers::Signs { estimates: true, .. });
        let inner = Inner {
            elements,
            parts,
            listed: lists.is_some(),
            dim,
            row_bytes,
            estimates,
            buffer,
            factor,
            norm,
            largest,
        };
        Ok(Tables { inner: Arc::new(inner), query_bits: 0 })
    }

    pub fn elements(&self) -> Elements {
        self.inner.elements.with_query_bits(self.query_bits)
    }

    /// The same whose exact distances are of queries that are rounded to so many bits, as FAISS does; 0: of queries as they are. Only
    /// RaBitQ has such.
    pub fn with_query_bits(self, query_bits: u32) -> Tables {
        let query_bits = if self.adds() { query_bits } else { 0 };
        Tables { query_bits, ..self }
    }

    /// Whether rows have a number each that is added to distances.
    pub fn adds(&self) -> bool {
        self.inner.estimates
    }

    /// Parts and the bits of their codes, of a product quantizer.
    pub fn parts(&self) -> Option<(usize, u32)> {
        self.inner.parts
    }

    /// Whether centroids of lists are added to what codes stand for.
    pub fn listed(&self) -> bool {
        self.inner.listed
    }

    /// At least the length of the longest centroid and of the longest that codes stand for, together.
    pub fn norm(&self) -> f32 {
        self.inner.norm
    }

    /// Elements of a row that is looked up.
    pub fn dim(&self) -> usize {
        self.inner.dim
    }

    /// Bytes of a row on the device.
    pub fn row_bytes(&self) -> usize {
        self.inner.row_bytes
    }

    /// On the device.
    pub fn buffer(&self) -> &Buffer {
        &self.inner.buffer
    }

    /// What matrix units multiply is multiplied by this before it is rounded.
    pub fn factor(&self) -> f32 {
        self.inner.factor
    }

    /// Queries on the device as kernels read them that have no binding for the tables: with these behind them.
    pub fn behind(&self, queries: &[f32], encoder: &mut Encoder) -> Result<Buffer> {
        let (own, tables) = (queries.len() as u64 * 4, self.inner.buffer.size());
        let buffer = encoder.gpu().scratch("queries", own + tables)?;
        encoder.write(&buffer, 0, bytemuck::cast_slice(queries))?;
        encoder.copy(&self.inner.buffer, 0, &buffer, own, tables);
        Ok(buffer)
    }

    /// What is known of all rows that there may be.
    pub fn facts(&self) -> RowFacts {
        let (norm, largest) = (f64::from(self.inner.norm), self.inner.largest);
        RowFacts { whole: false, norm, largest, ..RowFacts::NONE }
    }
}
