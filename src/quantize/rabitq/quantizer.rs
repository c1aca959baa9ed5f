//! The quantizer.

use super::code::Shape;
use super::listed::Listed;
use super::query::QueryBits;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::metric::Metric;
use crate::space::check;
use std::borrow::Cow;
use std::sync::Arc;

/// Rows of a sample that are looked at at a time.
const MEAN_ROWS: usize = 4096;
/// What takes the place of the metrics of directions.
const FOR_COSINE: &str =
    "; for directions normalize the rows (L2norm,RR,...) and ask for inner products";

/// Rows in 1 to 9 bits an element without training: FAISS's `RaBitQuantizer`, whose codes these are.
///
/// What is left of a row x without a center c ([`with_center`](Self::with_center); else 0), r = x - c, becomes the signs of its elements, and of
/// more bits the numbers that point most nearly the way r does; and factors that make the estimate of each distance right in the mean, over
/// all rotations. So rows whose elements are not alike (of images, one-hot, with few large elements) want a random rotation first, as
/// [`VectorTransform::random_rotation`](crate::VectorTransform::random_rotation): nothing here turns them, as in FAISS. Queries are read in f32
/// unless [`QueryBits`] says otherwise.
///
/// # Accuracy
/// An estimate is off by about 2 |q - c| |r| tan / sqrt(d - 1), of inner products by half of it, tan being that of the angle between r and its
/// code: some 0.75 of one bit, 0.36 of 2, 0.1 of 4, 0.006 of 8. [`error_bound`](Self::error_bound) has the number of each row.
///
/// # Example
/// ```
/// use nearfield::{Metric, QueryBits, RaBitQuantizer, Rows};
/// let quantizer = RaBitQuantizer::new(4, &Metric::L2, 1)?;
/// let codes = quantizer.encode(Rows::F32(&[3.0, -1.0, 2.0, 2.0]))?;
/// // a byte for four signs, and two numbers
/// assert_eq!((codes.len(), codes[0], quantizer.code_bytes()), (9, 0b1101, 9));
/// // 18 / 4 of each sign
/// assert_eq!(quantizer.decode(&codes)?, [2.25, -2.25, 2.25, 2.25]);
/// let far = quantizer.estimate(&[1.0, 1.0, 0.0, 0.0], &codes, QueryBits::Exact)?;
/// assert_eq!(far, [20.0]); // |x|^2 + |q|^2 - 2 <q, decoded>; truly it is 16
/// let off = quantizer.error_bound(&[1.0, 1.0, 0.0, 0.0], &codes, 1.9)?;
/// assert!(off[0] > 4.0);
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("RaBitQ", "IndexRaBitQ"))]
#[derive(Clone, Debug, PartialEq)]
pub struct RaBitQuantizer {
    pub(super) shape: Shape,
    center: Center,
    /// Bits that searches of an index round queries to; 0: none does.
    query_bits: u32,
}

/// What is taken off rows.
#[derive(Clone, Debug, PartialEq)]
enum Center {
    /// Nothing yet.
    Unknown,
    Own(Arc<[f32]>),
    /// The centroid of the list of each row.
    OfLists,
}

impl RaBitQuantizer {
    /// A quantizer of rows of `dim` elements in 1 to 9 bits each, for estimates of the squared distance ([`Metric::L2`]) or of the inner product
    /// ([`Metric::InnerProduct`]), which have other factors.
    ///
    /// # Errors
    /// `InvalidArgument` for a `dim` of 0 and other bits; `Unsupported` for other metrics.
    ///
    /// # Example
    /// ```
    /// use nearfield::{Metric, RaBitQuantizer};
    /// let quantizer = RaBitQuantizer::new(128, &Metric::InnerProduct, 4)?;
    /// // 16 of signs and 12 of their factors, 48 of three bits more and 8 of theirs
    /// assert_eq!((quantizer.dim(), quantizer.bits(), quantizer.code_bytes()), (128, 4, 84));
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn new(dim: usize, metric: &Metric, bits: u32) -> Result<RaBitQuantizer> {
        let product = match metric {
            Metric::L2 => false,
            Metric::InnerProduct => true,
            other => {
                let item = format!(
                    "{other}; its metrics are {} and {}{FOR_COSINE}",
                    Metric::L2,
                    Metric::InnerProduct
                );
                return Err(Error::unsupported("RaBitQ", item));
            }
        };
        if dim == 0 {
            return Err(Error::argument("dim", "0 elements are no row"));
        }
        if !(1..=9).contains(&bits) {
            return Err(Error::argument("bits", format!("{bits} is not in 1..=9")));
        }
        let shape = Shape { dim, bits, product, projects: false };
        Ok(RaBitQuantizer { shape, center: Center::Unknown, query_bits: 0 })
    }

    /// One for rows of an index, whose metric may be the root of what is estimated.
    pub(crate) fn for_metric(dim: usize, metric: &Metric, bits: u32) -> Result<RaBitQuantizer> {
        match metric {
            Metric::SqrtL2 => RaBitQuantizer::new(dim, &Metric::L2, bits),
            Metric::L2 | Metric::InnerProduct => RaBitQuantizer::new(dim, metric, bits),
            other => {
                let [l2, root, product] = [Metric::L2, Metric::SqrtL2, Metric::InnerProduct];
                let item =
                    format!("{other}; its metrics are {l2}, {root} and {product}{FOR_COSINE}");
                Err(Error::unsupported("RaBitQ", item))
            }
        }
    }

    /// One of one bit without a center, for the place of another.
    pub(crate) fn of_bits(dim: usize) -> RaBitQuantizer {
        let shape = Shape { dim, bits: 1, product: false, projects: false };
        RaBitQuantizer { shape, center: Center::Unknown, query_bits: 0 }
    }

    /// The same in so many bits.
    pub(crate) fn with_bits(self, bits: u32) -> Result<RaBitQuantizer> {
        let metric = if self.shape.product { Metric::InnerProduct } else { Metric::L2 };
        let shape = RaBitQuantizer::new(self.dim(), &metric, bits)?.shape;
        Ok(RaBitQuantizer { shape: Shape { projects: self.projects(), ..shape }, ..self })
    }

    /// The same whose codes stand for projections of rows, which is what distances to the rows are concluded from, or for estimates.
    pub(crate) fn projecting(self, projects: bool) -> RaBitQuantizer {
        RaBitQuantizer { shape: Shape { projects, ..self.shape }, ..self }
    }

    /// Whether codes stand for projections.
    pub(crate) fn projects(&self) -> bool {
        self.shape.projects
    }

    /// The same whose index has searches round queries to so many bits, or to 0 read them in full.
    ///
    /// # Errors
    /// `InvalidArgument` for more than 8.
    pub(crate) fn with_query_bits(self, query_bits: u32) -> Result<RaBitQuantizer> {
        if query_bits > 8 {
            let reason = format!("{query_bits} bits; 1 to 8 are right, and 0 for queries in f32");
            return Err(Error::argument("query_bits", reason));
        }
        Ok(RaBitQuantizer { query_bits, ..self })
    }

    /// The same of no index.
    pub(crate) fn without_query_bits(self) -> RaBitQuantizer {
        RaBitQuantizer { query_bits: 0, ..self }
    }

    /// Bits that searches round queries to; 0: they read them in full.
    pub(crate) fn query_bits(&self) -> u32 {
        self.query_bits
    }

    /// The same of the distances that they find: those of more bits than one are of the whole query.
    pub(crate) fn rounded_bits(&self) -> u32 {
        if self.bits() == 1 { self.query_bits } else { 0 }
    }

    /// Whether it is for such a metric.
    pub(crate) fn is_for(&self, metric: &Metric) -> bool {
        self.shape.product == (*metric == Metric::InnerProduct)
    }

    /// The same of what rows leave behind this center.
    ///
    /// # Errors
    /// `InvalidArgument` for one of another dimension; `NonFinite`; `InvalidValue` for one longer than 2^60.
    ///
    /// # Example
    /// ```
    /// use nearfield::{Metric, RaBitQuantizer, Rows};
    /// let quantizer = RaBitQuantizer::new(2, &Metric::L2, 1)?.with_center(&[10.0, 10.0])?;
    /// assert_eq!(quantizer.center(), Some(&[10.0, 10.0][..]));
    /// let codes = quantizer.encode(Rows::F32(&[11.0, 9.0]))?;
    /// assert_eq!(quantizer.decode(&codes)?, [11.0, 9.0]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn with_center(self, center: &[f32]) -> Result<RaBitQuantizer> {
        if center.len() != self.dim() {
            let reason = format!("{} elements for rows of {}", center.len(), self.dim());
            return Err(Error::argument("center", reason));
        }
        check::rows(&Metric::L2, Rows::F32(center), self.dim(), 0)?;
        Ok(RaBitQuantizer { center: Center::Own(center.into()), ..self })
    }

    /// The same around the mean of a sample.
    ///
    /// # Errors
    /// `InvalidArgument` for no row; `PartialRow`; `NonFinite`; `InvalidValue`; `Unsupported` for bits.
    ///
    /// # Example
    /// ```
    /// use nearfield::{Metric, RaBitQuantizer, Rows};
    /// let quantizer = RaBitQuantizer::new(2, &Metric::L2, 4)?;
    /// let quantizer = quantizer.train(Rows::F32(&[1.0, 8.0, 3.0, 6.0]))?;
    /// assert_eq!(quantizer.center(), Some(&[2.0, 7.0][..]));
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn train(&self, sample: Rows<'_>) -> Result<RaBitQuantizer> {
        let (dim, count) = (self.dim(), sample.count(self.dim())?);
        if sample.dtype() == DType::Bits {
            return Err(Error::unsupported("RaBitQ", "rows of bits"));
        }
        if count == 0 {
            return Err(Error::argument("sample", "no row, and the center is the mean of some"));
        }
        let mut sums = vec![0f64; dim];
        for start in (0..count).step_by(MEAN_ROWS) {
            let block = sample.slice(dim, start..(start + MEAN_ROWS).min(count));
            check::rows(&Metric::L2, block, dim, start as u64)?;
            for row in block.to_f32().chunks_exact(dim) {
                sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
            }
        }
        let mean: Vec<f32> = sums.iter().map(|sum| (sum / count as f64) as f32).collect();
        self.clone().with_center(&mean)
    }

    /// The same of rows in lists, whose centroids are their centers.
    pub(crate) fn of_lists(self) -> RaBitQuantizer {
        RaBitQuantizer { center: Center::OfLists, ..self }
    }

    /// Whether the centers are centroids of lists.
    pub(crate) fn is_of_lists(&self) -> bool {
        self.center == Center::OfLists
    }

    /// The center, if there is one.
    pub fn center(&self) -> Option<&[f32]> {
        match &self.center {
            Center::Own(center) => Some(center),
            _ => None,
        }
    }

    /// Whether it is known what is taken off rows.
    pub(crate) fn is_trained(&self) -> bool {
        self.center != Center::Unknown
    }

    /// The center, or 0.
    fn origin(&self) -> Cow<'_, [f32]> {
        self.center().map_or_else(|| vec![0.0; self.dim()].into(), Cow::from)
    }

    /// Elements of a row.
    pub fn dim(&self) -> usize {
        self.shape.dim
    }

    /// Bits of an element.
    pub fn bits(&self) -> u32 {
        self.shape.bits
    }

    /// Bytes of the code of a row, factors included, as FAISS counts them: a bit an element and 8, of more bits than one as many as there are
    /// and 20.
    pub fn code_bytes(&self) -> usize {
        self.shape.faiss_bytes()
    }

    /// The codes of rows, one after the other: FAISS's, signs to the bit and factors but for what f32
    /// rounds. Of more bits than one the other bits may be another's that point as nearly the way the row does.
    ///
    /// # Errors
    /// `PartialRow`; `NonFinite`; `Unsupported` for bits; `InvalidArgument` for rows whose code would stand for one longer than 2^60,
    /// which it is up to sqrt(d) times.
    pub fn encode(&self, rows: Rows<'_>) -> Result<Vec<u8>> {
        let dim = self.dim();
        rows.count(dim)?;
        if rows.dtype() == DType::Bits {
            return Err(Error::unsupported("RaBitQ", "rows of bits"));
        }
        let center = self.origin();
        check::rows(&Metric::L2, rows, dim, 0)?;
        let mut residual = rows.to_f32();
        for row in residual.chunks_exact_mut(dim) {
            row.iter_mut().zip(&*center).for_each(|(x, c)| *x -= c);
        }
        let lists = Listed::one(&center);
        let kept = self.shape.encode_listed(&residual, lists, 0)?;
        self.shape.to_faiss(&kept, lists)
    }

    /// What codes stand for: the center and on it the numbers of the code, so long that its product with a row is right, to the bits that
    /// kernels look up. That is further from the center than the row was. Of one bit it is FAISS's; of more, FAISS's signs alone are
    /// coarser.
    ///
    /// # Errors
    /// `InvalidArgument` for a part of a code, and for factors that are no numbers or stand for rows longer than 2^60.
    pub fn decode(&self, codes: &[u8]) -> Result<Vec<f32>> {
        let center = self.origin();
        let lists = Listed::one(&center);
        self.shape.decode_listed(&self.shape.of_faiss(codes, lists)?, lists)
    }

    /// The estimated distance of a query to each code: of [`Metric::L2`] squared and at least 0, as FAISS's. The query is without the center
    /// what `by` makes of it, where codes are of one bit.
    ///
    /// # Errors
    /// As [`decode`](Self::decode); `DimensionMismatch`, `NonFinite` of the query; `InvalidArgument` for other bits than 1 to 8.
    pub fn estimate(&self, query: &[f32], codes: &[u8], by: QueryBits) -> Result<Vec<f32>> {
        if let Some(bits) = by.bits().filter(|bits| !(1..=8).contains(bits)) {
            return Err(Error::argument("by", format!("{bits} bits; 1 to 8 are right")));
        }
        let by = if self.bits() == 1 { by } else { QueryBits::Exact };
        let (center, shape) = (self.origin(), self.shape);
        let residual = self.residual(query, &center)?;
        let rounded = by.rounded(&residual);
        let square = norm2(&residual);
        let base: f64 =
            query.iter().zip(&*center).map(|(&q, &c)| f64::from(q) * f64::from(c)).sum();
        shape.of_each(codes, &center, |factors, numbers| {
            let (scale, added) = (f64::from(factors.scale), f64::from(factors.added));
            let terms = numbers.iter().zip(&rounded);
            let along: f64 = terms.map(|(&n, q)| f64::from(shape.middle(n)) * q).sum();
            match shape.product {
                true => base + added + scale * (shape.against(numbers, &center) + along),
                false => {
                    let own = added + scale * scale * shape.square(numbers);
                    (own + square - 2.0 * scale * along).max(0.0)
                }
            }
        })
    }

    /// How far each of these estimates, of a query in f32, is off at most, in all but few cases: eps0 times the standard deviation over all
    /// rotations, and more than that in some six of a hundred cases with FAISS's 1.9. It is no certificate, and says nothing of data that
    /// wants a rotation and has had none.
    ///
    /// # Errors
    /// As [`estimate`](Self::estimate); `InvalidArgument` for an eps0 that is no number or negative; `Unsupported` for inner products in one bit,
    /// whose codes do not say how long a row was.
    pub fn error_bound(&self, query: &[f32], codes: &[u8], eps0: f32) -> Result<Vec<f32>> {
        if !(eps0 >= 0.0 && eps0.is_finite()) {
            return Err(Error::argument("eps0", format!("{eps0} is not in 0..")));
        }
        if self.shape.product && self.bits() == 1 {
            return Err(Error::unsupported("RaBitQ", "bounds of inner products in one bit"));
        }
        let (center, shape) = (self.origin(), self.shape);
        let residual = self.residual(query, &center)?;
        let free = (shape.dim as f64 - 1.0).max(1.0);
        let times = f64::from(eps0) * if shape.product { 1.0 } else { 2.0 };
        let length = norm2(&residual).sqrt() / free.sqrt();
        shape.of_each(codes, &center, |factors, numbers| {
            let scale = f64::from(factors.scale);
            let own = shape.square_of(factors, numbers).unwrap_or(0.0);
            let lost = (scale * scale * shape.square(numbers) - own).max(0.0);
            times * length * lost.sqrt()
        })
    }

    /// What the center leaves of a query.
    fn residual(&self, query: &[f32], center: &[f32]) -> Result<Vec<f32>> {
        if query.len() != self.dim() {
            let (expected, actual) = (self.dim(), query.len());
            return Err(Error::DimensionMismatch { expected, actual });
        }
        check::rows(&Metric::L2, Rows::F32(query), self.dim(), 0)?;
        Ok(query.iter().zip(center).map(|(q, c)| q - c).collect())
    }
}

fn norm2(row: &[f32]) -> f64 {
    row.iter().map(|&x| f64::from(x).powi(2)).sum()
}

#[cfg(test)]
#[path = "rabitq_tests.rs"]
mod tests;
