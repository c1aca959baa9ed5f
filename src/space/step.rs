//! Metrics that are sums over the elements, but no products of rows as they are: what one element adds.

use crate::metric::Metric;

/// The inner step of the register tile for such a metric (`shaders/exact/scan_direct.wgsl`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Its name in the kernel.
    pub family: &'static str,
    /// The exponent of `lp`, 0 otherwise.
    pub power: u32,
}

/// Exponents of `lp` that the kernel takes by products.
const POWERS: [u32; 5] = [2, 3, 4, 5, 6];

impl Step {
    /// That of a metric which has one.
    pub fn of(metric: &Metric) -> Option<Step> {
        let step = |family| Some(Step { family, power: 0 });
        match metric {
            Metric::L1 => step("l1"),
            Metric::Linf => step("linf"),
            Metric::Lp(1.0) => step("l1"),
            Metric::Lp(p) => {
                let power = POWERS.into_iter().find(|&power| power as f32 == *p)?;
                Some(Step { family: "lp", power })
            }
            Metric::Canberra => step("canberra"),
            Metric::BrayCurtis => step("braycurtis"),
            Metric::Jaccard => step("jaccard"),
            Metric::NanEuclidean => step("naneuclidean"),
            Metric::JensenShannon => step("jensenshannon"),
            Metric::KlDivergence => step("kl"),
            _ => None,
        }
    }

    /// Queries that the kernel for few takes at a time: of two sums a pair the parts of four do not fit in 16 KiB.
    pub fn most_queries(self) -> u32 {
        if matches!(self.family, "braycurtis" | "jaccard" | "naneuclidean") { 2 } else { 4 }
    }

    /// Every one, for the list of variants.
    pub fn all() -> Vec<Step> {
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
        let plain = families.map(|family| Step { family, power: 0 });
        plain.into_iter().chain(POWERS.map(|power| Step { family: "lp", power })).collect()
    }
}
