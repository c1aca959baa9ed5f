//! The names of metrics, those of FAISS, cuVS, SciPy, usearch and hnswlib among them.

use super::{Metric, Order};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::names::{folded, nearest};
use std::fmt;
use std::str::FromStr;

/// Each metric without parameters, what it prints as, and what else it is read from: [`folded`], and apart from all others.
static NAMES: [(Metric, &str, &[&str]); 21] = [
    (
        Metric::L2,
        "l2",
        &[
            "l2sq",
            "sqeuclidean",
            "sql2",
            "l2-squared",
            "squared-l2",
            "squared-euclidean",
            "l2-expanded",
            "l2-unexpanded",
        ],
    ),
    (Metric::SqrtL2, "sqrtl2", &["euclidean", "l2sqrt", "l2-sqrt-expanded", "l2-sqrt-unexpanded"]),
    (Metric::InnerProduct, "ip", &["dot", "inner-product", "dot-product"]),
    (Metric::Cosine, "cosine", &["cos", "cosine-similarity"]),
    (Metric::CosineDistance, "cosine-distance", &["cos-distance", "angular", "cosine-expanded"]),
    (Metric::L1, "l1", &["manhattan", "cityblock", "taxicab"]),
    (Metric::Linf, "linf", &["chebyshev"]),
    (Metric::Canberra, "canberra", &[]),
    (Metric::BrayCurtis, "braycurtis", &[]),
    (Metric::JensenShannon, "jensenshannon", &["js", "jsd"]),
    (Metric::Jaccard, "jaccard", &["ruzicka"]),
    (Metric::NanEuclidean, "naneuclidean", &[]),
    (Metric::Gower, "gower", &[]),
    (Metric::Hellinger, "hellinger", &["hellinger-expanded"]),
    (Metric::KlDivergence, "kl", &["kl-divergence", "kullback-leibler"]),
    (Metric::Correlation, "correlation", &["pearson", "correlation-expanded"]),
    (Metric::Haversine, "haversine", &["great-circle"]),
    (Metric::Hamming, "hamming", &["bitwise-hamming"]),
    (Metric::BitJaccard, "bit-jaccard", &["jaccard(bits)", "tanimoto"]),
    (Metric::Dice, "dice", &["sorensen"]),
    (Metric::RusselRao, "russelrao", &["russellrao"]),
];

impl Metric {
    /// Reads a name of a metric on elements of `dtype`: as [`FromStr`] does, but that on bits `jaccard` is
    /// [`Metric::BitJaccard`], as `bit-jaccard` is everywhere.
    ///
    /// # Errors
    /// As [`FromStr`]. Whether the metric is defined on the type is [`Metric::check`]'s to say.
    ///
    /// # Example
    /// ```
    /// use nearfield::{DType, Metric};
    /// assert_eq!(Metric::from_name("jaccard", DType::F32)?, Metric::Jaccard);
    /// assert_eq!(Metric::from_name("jaccard", DType::Bits)?, Metric::BitJaccard);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn from_name(name: &str, dtype: DType) -> Result<Metric> {
        match name.parse()? {
            Metric::Jaccard if dtype == DType::Bits => Ok(Metric::BitJaccard),
            metric => Ok(metric),
        }
    }
}

/// Reads what [`Display`](fmt::Display) prints, and other names of the same metrics, in any case and with or without hyphens,
/// underscores, and the `METRIC_` of FAISS:
///
/// | metric | names |
/// |---|---|
/// | [`L2`](Metric::L2) (squared) | `l2`, `l2sq`, `l2-squared`, `squared-l2`, `sqeuclidean`, `squared-euclidean`, `sql2`, `L2Expanded`, `L2Unexpanded` |
/// | [`SqrtL2`](Metric::SqrtL2) | `sqrtl2`, `euclidean`, `l2sqrt`, `L2SqrtExpanded`, `L2SqrtUnexpanded` |
/// | [`InnerProduct`](Metric::InnerProduct) | `ip`, `dot`, `inner-product`, `dot-product` |
/// | [`Cosine`](Metric::Cosine) (the similarity) | `cosine`, `cos`, `cosine-similarity` |
/// | [`CosineDistance`](Metric::CosineDistance), which cuVS, SciPy, usearch and hnswlib call `cosine` | `cosine-distance`, `cos-distance`, `CosineExpanded`; `angular`, as ann-benchmarks calls it: no angle, but in the order of angles |
/// | [`L1`](Metric::L1) | `l1`, `manhattan`, `cityblock`, `taxicab` |
/// | [`Linf`](Metric::Linf) | `linf`, `chebyshev` |
/// | [`Lp`](Metric::Lp) | `lp:3`, `lp:0.5`, ... |
/// | [`JensenShannon`](Metric::JensenShannon) | `jensenshannon`, `js`, `jsd` |
/// | [`Jaccard`](Metric::Jaccard) | `jaccard`, `ruzicka` |
/// | [`KlDivergence`](Metric::KlDivergence) | `kl`, `kl-divergence`, `kullback-leibler` |
/// | [`Correlation`](Metric::Correlation) | `correlation`, `pearson`, `CorrelationExpanded` |
/// | [`Haversine`](Metric::Haversine) | `haversine`, `great-circle` |
/// | [`Hellinger`](Metric::Hellinger) | `hellinger`, `HellingerExpanded` |
/// | [`Hamming`](Metric::Hamming) | `hamming`, `BitwiseHamming` |
/// | [`BitJaccard`](Metric::BitJaccard) | `bit-jaccard`, `tanimoto`; on bits `jaccard`, see [`Metric::from_name`] |
/// | [`Dice`](Metric::Dice) | `dice`, `sorensen` |
/// | [`RusselRao`](Metric::RusselRao) | `russelrao`, `russellrao` |
/// | `Canberra`, `BrayCurtis`, `NanEuclidean`, `Gower` | their own |
///
/// Names of others that mean something else are errors that say what there is instead: `minkowski:3` and `LpUnexpanded`, which
/// take a root, and `ip-distance`, since [`InnerProduct`](Metric::InnerProduct) is a similarity. `JensenShannon` is read, and is
/// without the root that cuVS and SciPy take.
///
/// A [`Custom`](Metric::Custom) metric has no name that could be read: it prints as `wgsl`.
///
/// # Errors
/// `InvalidArgument` with the names that are known, and the nearest where one is near.
///
/// # Example
/// ```
/// use nearfield::Metric;
/// assert_eq!("Manhattan".parse::<Metric>()?, Metric::L1);
/// assert_eq!("INNER_PRODUCT".parse::<Metric>()?, Metric::InnerProduct);
/// assert_eq!("lp:3".parse::<Metric>()?, Metric::Lp(3.0));
/// let error = "manhatten".parse::<Metric>().unwrap_err().to_string();
/// assert!(error.ends_with("did you mean manhattan, which is l1?"));
/// # Ok::<(), nearfield::Error>(())
/// ```
impl FromStr for Metric {
    type Err = Error;

    fn from_str(name: &str) -> Result<Metric> {
        if let Some((_, p)) = name
            .split_once(':')
            .filter(|(lp, _)| matches!(folded(lp.trim()).as_str(), "lp" | "metriclp"))
        {
            return match p.trim().parse::<f32>() {
                Ok(p) if p > 0.0 && p.is_finite() => Ok(Metric::Lp(p)),
                _ => Err(Error::argument(
                    "metric",
                    format!("lp:P needs a P above 0 that f32 holds, got {p:?}"),
                )),
            };
        }
        let word = folded(name.trim());
        let word = word.strip_prefix("metric").unwrap_or(&word);
        let all = |(_, own, others): &(_, &'static str, &'static [&'static str])| {
            std::iter::once(*own).chain(others.iter().copied())
        };
        if let Some((metric, ..)) = NAMES.iter().find(|row| all(row).any(|n| folded(n) == *word)) {
            return Ok(metric.clone());
        }
        if let Some(why) = meant_otherwise(word) {
            return Err(Error::argument("metric", format!("{name:?} {why}")));
        }
        let known: Vec<_> = NAMES.iter().map(|(_, own, _)| *own).collect();
        // Of another name the list has the metric's own.
        let near = match nearest(word, NAMES.iter().flat_map(all)) {
            Some(near) if known.contains(&near) => format!("; did you mean {near}?"),
            Some(near) => {
                let own = near.parse::<Metric>()?;
                format!("; did you mean {near}, which is {own}?")
            }
            None => String::new(),
        };
        let known = known.join(", ");
        Err(Error::argument(
            "metric",
            format!("{name:?} is none of {known}, lp:P, wgsl:FILE{near}"),
        ))
    }
}

/// Why a folded name of other libraries is not read, and what to take instead.
fn meant_otherwise(word: &str) -> Option<&'static str> {
    let (base, _) = word.split_once(':').unwrap_or((word, ""));
    match base {
        "lp" => Some("needs its power: lp:3"),
        "minkowski" | "minkowskidistance" | "lpunexpanded" => Some(
            "takes a root, which there is not here: lp:3, or another power, has the same neighbours, and its distances are \
             those before the root",
        ),
        "ipdistance" | "dotdistance" | "innerproductdistance" | "dotproductdistance" => Some(
            "is no distance here: ip is the inner product itself, a similarity, of which larger is nearer; cosine-distance is one",
        ),
        _ => None,
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Metric::Lp(p) => write!(f, "lp:{p}"),
            metric => {
                let named = NAMES.iter().find(|(of, ..)| of == metric);
                f.write_str(named.map_or("wgsl", |(_, name, _)| name))
            }
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Order::Ascending => "ascending",
            Order::Descending => "descending",
        })
    }
}

/// Reads `ascending` and `descending`, in any case.
///
/// ```
/// assert_eq!("Descending".parse::<nearfield::Order>()?, nearfield::Order::Descending);
/// # Ok::<(), nearfield::Error>(())
/// ```
impl FromStr for Order {
    type Err = Error;

    fn from_str(word: &str) -> Result<Order> {
        let known = [Order::Ascending, Order::Descending];
        known.into_iter().find(|order| order.to_string() == folded(word.trim())).ok_or_else(|| {
            Error::argument("order", format!("{word:?} is neither ascending nor descending"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_prints_a_name_that_is_read_back() {
        let all = Metric::PLAIN.iter().cloned().chain([Metric::Lp(3.0), Metric::Lp(0.5)]);
        for metric in all {
            assert_eq!(metric.to_string().parse::<Metric>().unwrap(), metric);
            assert_eq!(metric.to_string().to_uppercase().parse::<Metric>().unwrap(), metric);
        }
        assert!(NAMES.iter().map(|(metric, ..)| metric).eq(Metric::PLAIN));
    }

    #[test]
    fn no_two_metrics_have_a_name_in_common() {
        let mut seen = std::collections::HashSet::new();
        for (metric, own, others) in &NAMES {
            for name in std::iter::once(own).chain(*others) {
                assert!(seen.insert(folded(name)), "{name} of {metric}");
                assert_eq!(name.parse::<Metric>().unwrap(), *metric);
            }
        }
    }

    #[test]
    fn names_of_other_libraries_are_read() {
        use Metric::*;
        for (name, metric) in [
            ("L2SQ", L2),
            (" sqeuclidean ", L2),
            ("Euclidean", SqrtL2),
            ("inner_product", InnerProduct),
            ("METRIC_INNER_PRODUCT", InnerProduct),
            ("METRIC_NaNEuclidean", NanEuclidean),
            ("Dot", InnerProduct),
            ("cos", Cosine),
            ("cosine_distance", CosineDistance),
            ("CosineDistance", CosineDistance),
            ("kl_divergence", KlDivergence),
            ("Kullback-Leibler", KlDivergence),
            ("russellrao", RusselRao),
            ("l2-squared", L2),
            ("squared_l2", L2),
            ("L2Expanded", L2),
            ("L2Unexpanded", L2),
            ("L2SqrtExpanded", SqrtL2),
            ("InnerProduct", InnerProduct),
            ("CosineExpanded", CosineDistance),
            ("angular", CosineDistance),
            ("CorrelationExpanded", Correlation),
            ("HellingerExpanded", Hellinger),
            ("bitwise_hamming", Hamming),
            ("JSD", JensenShannon),
            ("tanimoto", BitJaccard),
            ("bit_jaccard", BitJaccard),
            ("LP:2.5", Lp(2.5)),
            ("lp:1e-5", Lp(1e-5)),
        ] {
            assert_eq!(name.parse::<Metric>().unwrap(), metric, "{name}");
        }
        for name in ["Jaccard", "bit-jaccard"] {
            assert_eq!(Metric::from_name(name, DType::Bits).unwrap(), BitJaccard);
        }
    }

    #[test]
    fn what_is_no_name_is_an_error_that_says_what_is() {
        let why = |name: &str| name.parse::<Metric>().unwrap_err().to_string();
        for (name, near) in [
            ("cosin", "cosine"),
            ("chebychev", "chebyshev, which is linf"),
            ("euclid", "euclidean, which is sqrtl2"),
            ("jss", "js, which is jensenshannon"),
            ("l3", "l2"),
        ] {
            assert!(why(name).ends_with(&format!("did you mean {near}?")), "{}", why(name));
        }
        for name in ["", "nothing-like-it", "wgsl"] {
            assert!(why(name).contains("cosine-distance"), "{}", why(name));
            assert!(!why(name).contains("did you mean"), "{}", why(name));
        }
        assert!(why("lp").contains("needs its power: lp:3"));
        assert_eq!("METRIC_Lp:3".parse::<Metric>().unwrap(), Metric::Lp(3.0));
        for root in ["minkowski", "Minkowski:3", "METRIC_minkowski", "LpUnexpanded"] {
            assert!(why(root).contains("takes a root") && why(root).contains("lp:3"), "{root}");
        }
        for distance in ["ip-distance", "dot_distance", "InnerProductDistance"] {
            assert!(
                why(distance).contains("a similarity, of which larger is nearer"),
                "{distance}"
            );
        }
        // of floats what bits have here, the share of elements that differ, and 1 - what there is
        for other in ["HammingUnexpanded", "JaccardExpanded", "DiceExpanded"] {
            assert!(why(other).contains("is none of"), "{other}");
        }
        for bad in ["lp:", "lp:0", "lp:-1", "lp:inf", "lp:nan", "lp:x"] {
            assert!(why(bad).contains("P above 0"), "{}", why(bad));
        }
    }
}
