//! How a metric compares one query with one row, given the types of their elements.

use crate::dtype::{DType, MAX_INTEGER_DIM};
use crate::metric::{CustomMetric, Metric};
use std::sync::Arc;

/// What the rows are multiplied by and how: the families of the scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Family {
    L2,
    Dot,
    /// The logarithms of the rows are multiplied; the exact distance is no product.
    Log,
}

impl Family {
    /// Its name in kernels.
    pub const fn name(self) -> &'static str {
        match self {
            Family::L2 => "l2",
            Family::Dot => "dot",
            Family::Log => "log",
        }
    }
}

/// How one pair is computed in the last instance.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Pair {
    /// f32 through the summation tree; `scaled` multiplies by the row's scale (cosine).
    Tree { family: Family, scaled: bool },
    /// i8 or u8 on both sides, in integers: l2, dot, l1 or linf.
    Integer { family: &'static str },
    /// In order, one element after the other.
    Direct { family: &'static str, descending: bool },
    /// Bits.
    Bits { family: &'static str },
    /// A user's functions.
    Custom(Arc<CustomMetric>),
}

/// The way to compute one pair of a query of type `query` and a row of type `row`.
pub(crate) fn pair(metric: &Metric, row: DType, query: DType, dim: usize) -> Pair {
    let integers = row.is_integer() && row == query && dim <= MAX_INTEGER_DIM;
    let tree = |family, scaled| Pair::Tree { family, scaled };
    let direct = |family| Pair::Direct { family, descending: false };
    match metric {
        Metric::L2 | Metric::SqrtL2 if integers => Pair::Integer { family: "l2" },
        Metric::InnerProduct if integers => Pair::Integer { family: "dot" },
        Metric::L1 if integers => Pair::Integer { family: "l1" },
        Metric::Linf if integers => Pair::Integer { family: "linf" },
        Metric::L2 | Metric::SqrtL2 | Metric::Haversine => tree(Family::L2, false),
        Metric::InnerProduct | Metric::Correlation | Metric::Hellinger => tree(Family::Dot, false),
        Metric::Cosine | Metric::CosineDistance => tree(Family::Dot, true),
        Metric::L1 => direct("l1"),
        Metric::Linf => direct("linf"),
        Metric::Lp(_) => direct("lp"),
        Metric::Canberra => direct("canberra"),
        Metric::BrayCurtis => direct("braycurtis"),
        Metric::JensenShannon => direct("jensenshannon"),
        Metric::Jaccard => Pair::Direct { family: "jaccard", descending: true },
        Metric::NanEuclidean => direct("naneuclidean"),
        Metric::Gower => direct("gower"),
        Metric::KlDivergence => direct("kl"),
        Metric::Hamming => Pair::Bits { family: "hamming" },
        Metric::BitJaccard => Pair::Bits { family: "bitjaccard" },
        Metric::Dice => Pair::Bits { family: "dice" },
        Metric::RusselRao => Pair::Bits { family: "russelrao" },
        Metric::Custom(custom) => Pair::Custom(custom.clone()),
    }
}

/// The family and scaling of stage A, for the metrics that have one.
pub(crate) fn scan_family(metric: &Metric) -> Option<(Family, bool)> {
    match metric {
        Metric::L2 | Metric::SqrtL2 | Metric::Haversine => Some((Family::L2, false)),
        Metric::InnerProduct | Metric::Correlation | Metric::Hellinger => {
            Some((Family::Dot, false))
        }
        Metric::Cosine | Metric::CosineDistance => Some((Family::Dot, true)),
        Metric::KlDivergence => Some((Family::Log, false)),
        _ => None,
    }
}

/// Whether queries are brought to length 1 and rows are multiplied by 1 / |x|, as for both forms of cosine.
pub(crate) fn is_scaled(metric: &Metric) -> bool {
    scan_family(metric).is_some_and(|(_, scaled)| scaled)
}

/// Parameter of a direct metric.
pub(crate) fn argument(metric: &Metric) -> f32 {
    if let Metric::Lp(p) = metric { *p } else { 0.0 }
}
