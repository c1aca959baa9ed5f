//! Metrics that are sums over the elements, but no products of rows as they are: what one element adds.

use crate::metric::Metric;

/// What such a metric adds for each pair of elements: the inner step of its kernels (`shaders/lib/metric/step.wgsl`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    /// Its name in the kernel.
    pub family: &'static str,
    /// The exponent of `lp`, 0 otherwise.
    pub power: u32,
}

/// Exponents of `lp` that the kernel takes by products.
const POWERS: [u32; 5] = [2, 3, 4, 5, 6];

impl Term {
    /// That of a metric which has one.
    pub fn of(metric: &Metric) -> Option<Term> {
        let term = |family| Some(Term { family, power: 0 });
        match metric {
            Metric::L1 => term("l1"),
            Metric::Linf => term("linf"),
            Metric::Lp(1.0) => term("l1"),
            Metric::Lp(p) => {
                let power = POWERS.into_iter().find(|&power| power as f32 == *p)?;
                Some(Term { family: "lp", power })
            }
            Metric::Canberra => term("canberra"),
            Metric::BrayCurtis => term("braycurtis"),
            Metric::Jaccard => term("jaccard"),
            Metric::NanEuclidean => term("naneuclidean"),
            Metric::JensenShannon => term("jensenshannon"),
            Metric::KlDivergence => term("kl"),
            _ => None,
        }
    }

    /// Queries that the kernel for few takes at a time: of two sums a pair the parts of four do not fit in 16 KiB.
    pub fn most_queries(self) -> u32 {
        if matches!(self.family, "braycurtis" | "jaccard" | "naneuclidean") { 2 } else { 4 }
    }

    /// Groups of four elements that the register tile writes out in one turn of its loop. Of long steps a whole slab is more code than a
    /// multiprocessor's cache holds: on an H100 that costs canberra and braycurtis more than half of their rate, and l1 3 %.
    pub fn unrolled(self) -> u32 {
        match self.family {
            "kl" => 8,
            "l1" | "linf" => 4,
            _ => 2,
        }
    }

    /// Every one, for the list of variants.
    pub fn all() -> Vec<Term> {
        let families = [
            "l1",
            "linf",
            "canberra",
            "braycurtis",
            "jaccard",
            "naneuclidean",
            "jensenshannon",
            "kl",
        ];
        let plain = families.map(|family| Term { family, power: 0 });
        plain.into_iter().chain(POWERS.map(|power| Term { family: "lp", power })).collect()
    }
}
