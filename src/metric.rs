//! Metrics: their names, their order and which data they accept.

use crate::dtype::DType;
use crate::error::{Error, Result};
use std::sync::Arc;

mod names;

/// The most bits of a row: fractions of these are told apart by integers of 32 bits.
const MAX_BITS: usize = 32_760;

/// Which end of the scale is near.
///
/// # Example
/// ```
/// use nearfield::{Metric, Order};
/// /// Whether `a` is nearer than `b`.
/// fn nearer(metric: &Metric, a: f32, b: f32) -> bool {
///     match metric.order() {
///         Order::Ascending => a < b,
///         Order::Descending => a > b,
///     }
/// }
/// assert!(nearer(&Metric::L2, 1.0, 2.0) && nearer(&Metric::Cosine, 0.9, 0.1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// A distance: smaller is nearer. A range search keeps what is below the radius.
    Ascending,
    /// A similarity: larger is nearer. A range search keeps what is above the radius.
    Descending,
}

impl Order {
    /// The value that stands where there is no hit: `f32::MAX` for distances, `f32::MIN` for similarities.
    ///
    /// # Example
    /// ```
    /// use nearfield::Order;
    /// assert_eq!(Order::Descending.no_hit(), f32::MIN);
    /// ```
    pub const fn no_hit(self) -> f32 {
        match self {
            Order::Ascending => f32::MAX,
            Order::Descending => f32::MIN,
        }
    }
}

/// A metric of one's own, as two WGSL functions; see [`Metric::wgsl`].
#[derive(Debug, PartialEq)]
pub struct CustomMetric {
    pub(crate) source: String,
    pub(crate) initial: f32,
    pub(crate) order: Order,
}

/// How near two vectors are. `q` is the query, `x` the stored row.
///
/// Names and definitions follow FAISS; each variant says where it or cuVS differs. Names are read by `parse`: `"cosine".parse::<Metric>()`.
///
/// # Order
/// Hits are ordered by (ordering key, row order), always. The key is what the device compares, before a last rounding that can
/// make unequal numbers equal; the distances that are returned never turn back along the hits.
///
/// | metric | ordering key |
/// |---|---|
/// | [`SqrtL2`](Metric::SqrtL2) | the squared distance in f32 |
/// | [`Haversine`](Metric::Haversine) | the squared chord in f32 |
/// | [`Hellinger`](Metric::Hellinger) | sum sqrt(q x) in f32 |
/// | [`Cosine`](Metric::Cosine), [`CosineDistance`](Metric::CosineDistance), [`Correlation`](Metric::Correlation) | the similarity in f32, before it is clamped to [-1, 1] |
/// | bytes of one type, at most 32,768 of them: [`L2`](Metric::L2), [`SqrtL2`](Metric::SqrtL2), [`InnerProduct`](Metric::InnerProduct), [`L1`](Metric::L1), [`Linf`](Metric::Linf) | the sum in integers |
/// | bits | the number, or the fraction as such: 1/3 and 3/9 tie |
/// | all others | the f32 that is returned |
///
/// # Range
/// No distance of the built-in metrics is infinite or NaN: what is above `f32::MAX` counts as `f32::MAX` ([`Lp`](Metric::Lp), [`NanEuclidean`](Metric::NanEuclidean),
/// [`BrayCurtis`](Metric::BrayCurtis)). Vectors shorter than 2^-126 (1.2e-38), the smallest normal f32, count as the zero vector where a
/// metric divides by their length. An element below 2^-126 may count as zero, and so may the square or the
/// product of two elements: some devices know no subnormal numbers.
///
/// # Example
/// ```
/// use nearfield::Metric;
/// assert_eq!("IP".parse::<Metric>()?, Metric::InnerProduct);
/// assert_eq!("lp:1.5".parse::<Metric>()?, Metric::Lp(1.5));
/// assert_eq!(Metric::CosineDistance.to_string(), "cosine-distance");
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Metric {
    /// Squared Euclidean distance, sum (q - x)^2, no root. Range radii are squared too.
    #[doc(alias("sqeuclidean", "squared_euclidean", "METRIC_L2", "L2Expanded", "L2Unexpanded"))]
    L2,
    /// Euclidean distance: the root of [`Metric::L2`].
    #[doc(alias("euclidean", "L2SqrtExpanded", "L2SqrtUnexpanded"))]
    SqrtL2,
    /// Inner product, a similarity.
    #[doc(alias("dot", "dot_product", "ip", "METRIC_INNER_PRODUCT"))]
    InnerProduct,
    /// Cosine similarity q.x / (|q| |x|), within [-1, 1]; 0 where either is the zero vector or shorter than 2^-126.
    #[doc(alias("cosine_similarity"))]
    Cosine,
    /// 1 - [`Cosine`](Metric::Cosine), within [0, 2]; 1 where either is the zero vector or shorter than 2^-126. Its neighbours are
    /// those of the similarity, to the last.
    #[doc(alias("angular", "CosineExpanded"))]
    CosineDistance,
    /// Sum of |q - x|.
    #[doc(alias("manhattan", "cityblock", "taxicab"))]
    L1,
    /// Largest |q - x|.
    #[doc(alias("chebyshev"))]
    Linf,
    /// Sum of |q - x|^p without the root, as FAISS defines it. p > 0.
    #[doc(alias("minkowski"))]
    Lp(f32),
    /// Sum of |q - x| / (|q| + |x|), 0/0 = 0.
    Canberra,
    /// Sum |q - x| / sum |q + x|, 0/0 = 0; a positive sum over 0 is not a hit.
    BrayCurtis,
    /// Jensen-Shannon divergence without the root (cuVS takes the root): half of sum q ln(q / m) + x ln(x / m), m = (q + x) / 2, 0 ln 0 = 0.
    /// At most ln 2 of vectors that sum to 1. Non-negative input.
    #[doc(alias("js"))]
    JensenShannon,
    /// Sum of minima / sum of maxima: a similarity, as in FAISS. 0/0 = 1. Non-negative input.
    #[doc(alias("ruzicka"))]
    Jaccard,
    /// Squared L2 over the dimensions that neither vector has as NaN, scaled by d / their number. No common dimension: not a hit.
    #[doc(alias("nan_euclidean"))]
    NanEuclidean,
    /// FAISS's Gower distance: mean over present dimensions; numbers in [0, 1], negatives are category codes.
    /// A number above 1, or a number against a category: not a hit.
    Gower,
    /// Root of 1 - sum sqrt(q x). Non-negative input.
    Hellinger,
    /// Kullback-Leibler divergence of the row from the query, sum q ln(q / x); q = 0 adds 0. x = 0 < q: not a hit, so that a query may
    /// have fewer than k; smooth the rows, or take [`JensenShannon`](Metric::JensenShannon). cuVS returns half of the sum, to which x = 0 adds
    /// nothing. Non-negative input.
    ///
    /// A search multiplies the logarithms of rows of 16 dimensions or more, as fast as an inner product, where the device has matrix units and its
    /// profile keeps copies in f16 (`kernel.matrix.f16_copy`); elsewhere, and where more than one row in 512 has an element of 0, it goes
    /// element by element.
    #[doc(alias("kullback_leibler", "relative_entropy"))]
    KlDivergence,
    /// 1 - Pearson correlation, within [0, 2]; a vector of zero variance, or shorter than 2^-126 when centred, has
    /// correlation 0 with everything.
    #[doc(alias("pearson", "CorrelationExpanded"))]
    Correlation,
    /// Great-circle distance on the unit sphere; rows are (latitude, longitude) in radians, d = 2. A latitude beyond a pole,
    /// as most are in degrees, is refused.
    #[doc(alias("great_circle"))]
    Haversine,
    /// Number of differing bits. Bits only.
    #[doc(alias("BitwiseHamming"))]
    Hamming,
    /// 1 - |q & x| / |q | x| on bits; both empty: 0.
    #[doc(alias("tanimoto"))]
    BitJaccard,
    /// 1 - 2 |q & x| / (|q| + |x|) on bits; both empty: 0.
    #[doc(alias("sorensen"))]
    Dice,
    /// 1 - |q & x| / d on bits; both empty: 0.
    RusselRao,
    /// Functions of one's own in WGSL; see [`Metric::wgsl`].
    Custom(Arc<CustomMetric>),
}

impl Metric {
    /// The metrics without parameters, for tables and tests.
    pub const PLAIN: &[Metric] = &[
        Metric::L2,
        Metric::SqrtL2,
        Metric::InnerProduct,
        Metric::Cosine,
        Metric::CosineDistance,
        Metric::L1,
        Metric::Linf,
        Metric::Canberra,
        Metric::BrayCurtis,
        Metric::JensenShannon,
        Metric::Jaccard,
        Metric::NanEuclidean,
        Metric::Gower,
        Metric::Hellinger,
        Metric::KlDivergence,
        Metric::Correlation,
        Metric::Haversine,
        Metric::Hamming,
        Metric::BitJaccard,
        Metric::Dice,
        Metric::RusselRao,
    ];

    /// A metric given as WGSL.
    ///
    /// `source` defines `fn accumulate(acc: f32, q: f32, x: f32) -> f32` and `fn finish(acc: f32, d: u32) -> f32`, and
    /// any helper functions, constants and types under names that WGSL does not have itself: no bindings, entry points, directives or module variables. For each pair `acc` starts at
    /// `initial` and takes the dimensions in order, padding excluded. A NaN result is not a hit. An infinite
    /// one is returned as it is, the farthest (or the nearest) there is, and within a radius only where that is infinite, too. The text is checked when an index is
    /// made with it, and it always runs with every runtime check of the shader compiler on.
    ///
    /// Cost: `accumulate` runs once for each dimension of every pair. Many queries (above the profile's
    /// `kernel.scan.max_row_queries`, 32 as a rule) go through the register tiles of [`Metric::L1`] if both functions are brief and one
    /// straight line: no `if`, loop, `&&` or index, but `select`, `min` and `max`, and at most 20 operations in `accumulate`, of which a
    /// quotient or a transcendental function counts as 8. With `acc + abs(q - x)` they take about as long as L1. Other
    /// texts, fewer queries, few rows, searches by radius and [`pairwise`](crate::pairwise) have a slower kernel. Which one ran stands in
    /// [`SearchStats::variants`](crate::SearchStats::variants): `scan_key` is the tiles'.
    ///
    /// That kernel also gives every distance that is returned, and each search by tiles checks on the device that both round alike. Where a
    /// driver does not let them, as it may for a product of `q` alone or `x` alone that something is added to, the queries run again
    /// by the slower one, as does every later search on that device: [`ExactStats::rerun`](crate::ExactStats::rerun) counts them.
    ///
    /// `initial` and `order` are said here alone: the lines `// initial:` and `// order:` of a file for the program are comments
    /// in `source`, and nothing reads them.
    ///
    /// ```
    /// use nearfield::{Metric, Order};
    /// let weighted = Metric::wgsl(
    ///     "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc + abs(q - x) / (1.0 + abs(q)); }
    ///      fn finish(acc: f32, d: u32) -> f32 { return acc / f32(d); }",
    ///     0.0,
    ///     Order::Ascending,
    /// );
    /// assert_eq!(weighted.order(), Order::Ascending);
    /// ```
    pub fn wgsl(source: impl Into<String>, initial: f32, order: Order) -> Metric {
        Metric::Custom(Arc::new(CustomMetric { source: source.into(), initial, order }))
    }

    /// Whether smaller or larger is nearer.
    ///
    /// ```
    /// use nearfield::{Metric, Order};
    /// assert_eq!(Metric::Cosine.order(), Order::Descending);
    /// assert_eq!(Metric::CosineDistance.order(), Order::Ascending);
    /// ```
    pub fn order(&self) -> Order {
        match self {
            Metric::InnerProduct | Metric::Cosine | Metric::Jaccard => Order::Descending,
            Metric::Custom(c) => c.order,
            _ => Order::Ascending,
        }
    }

    /// Whether the metric is defined on bits; all others are defined on every other type.
    ///
    /// # Example
    /// ```
    /// use nearfield::Metric;
    /// assert!(Metric::BitJaccard.is_binary() && !Metric::Jaccard.is_binary());
    /// ```
    pub fn is_binary(&self) -> bool {
        matches!(self, Metric::Hamming | Metric::BitJaccard | Metric::Dice | Metric::RusselRao)
    }

    /// Whether NaN is a missing value rather than an error.
    ///
    /// # Example
    /// ```
    /// use nearfield::Metric;
    /// assert!(Metric::NanEuclidean.allows_nan() && !Metric::L2.allows_nan());
    /// ```
    pub fn allows_nan(&self) -> bool {
        matches!(self, Metric::NanEuclidean | Metric::Gower)
    }

    /// Whether negative elements are refused.
    ///
    /// # Example
    /// ```
    /// use nearfield::Metric;
    /// assert!(Metric::Hellinger.needs_non_negative() && !Metric::L1.needs_non_negative());
    /// ```
    pub fn needs_non_negative(&self) -> bool {
        use Metric::*;
        matches!(self, JensenShannon | Jaccard | Hellinger | KlDivergence)
    }

    /// Checks that the metric is defined for `dim` elements of `dtype`.
    ///
    /// # Errors
    /// `Unsupported` or `InvalidArgument`.
    ///
    /// # Example
    /// ```
    /// use nearfield::{DType, Metric};
    /// assert!(Metric::L2.check(DType::I8, 100).is_ok());
    /// assert!(Metric::Hamming.check(DType::F32, 100).is_err());
    /// assert!(Metric::Haversine.check(DType::F32, 3).is_err());
    /// ```
    pub fn check(&self, dtype: DType, dim: usize) -> Result<()> {
        if self.is_binary() != (dtype == DType::Bits) {
            let instead = match dtype {
                DType::Bits => {
                    "it compares numbers, which Flat holds; of bits there are hamming, bit-jaccard, dice, russelrao"
                }
                _ => "it compares bits, which BinaryFlat holds (DType::Bits, Rows::Bits)",
            };
            let what = format!("metric {self}");
            return Err(Error::unsupported(what, format!("{dtype} elements: {instead}")));
        }
        if dim == 0 {
            return Err(Error::argument("dim", "0 is no dimension"));
        }
        if dtype == DType::Bits && dim > MAX_BITS {
            return Err(Error::argument("dim", format!("{dim} bits are more than {MAX_BITS}")));
        }
        if let Metric::Lp(p) = self
            && !(*p > 0.0 && p.is_finite())
        {
            return Err(Error::argument("metric", format!("lp needs a finite p > 0, not {p}")));
        }
        if *self == Metric::Haversine && dim != 2 {
            return Err(Error::argument(
                "dim",
                format!("haversine needs (lat, lon), so 2, not {dim}"),
            ));
        }
        Ok(())
    }
}
