//! The error bound of the scan in its f32 form.
//!
//! A score is s = q.x + b with b = -|x|^2 / 2 for L2, 0 for inner products, and s times 1 / |x| for cosine. With u = 2^-24
//! its computed value differs from the real one by at most
//!
//! * (d + 2) u (|q||x| + |b|): a sum of d products and b in any order, each step rounding once;
//! * (d / 32 + 10) u |b|: b itself, through the summation tree;
//! * R: the error of the exact distance d^ that decides in the end, as a score: tau / 2 for L2 and tau for inner products,
//!   tau the stated error (crate::reference). Without it a row could be left out whose d^ is smaller than its distance;
//! * eta: products that vanish below 2^-126, and the squares among them.
//!
//! Over a bin every |x| is replaced by the bin's largest, which makes E = c0 |x|^2 + c1 |q||x| + c2 |q|^2 + floor. The
//! comparison M + E >= L itself rounds: `slack` |M| more on each side.
//!
//! Where the products are taken of rounded copies q', x' with residuals rho_q >= |q - q'|, rho_x >= |x - x'|, there is
//! q.x - q'.x' = (q - q').x + q'.(x - x'), so rho_q |x| + (|q| + rho_q) rho_x more; and the sum runs over |q'||x'|, which
//! is at most (|q| + rho_q)(|x| + rho_x). The residuals are measured from the stored bits (shaders/exact/residual.wgsl).
//!
//! Rows of RaBitQ have a number z each that is added to distances, which is within b: -(|x|^2 + z) / 2, and z for inner products. Their norms
//! are taken so that |x|^2 is at least the square of the row and |z| together (shaders/exact/row_stats.wgsl), for then all of the above is the
//! same for L2; for inner products |b| is at most |x|^2, of which then the errors of b, of the sum and of d^ are parts.
//!
//! Copies in 8 bits are the same with larger residuals: x' = s i, q' = t (h + l / 256) with whole i, h, l. The sums of h i and
//! l i are exact in integers; turning them into one number, the two scales and the eight parts of a row take some twelve
//! roundings, which (d + 2) u covers from d = 16 on, where such copies begin. Rows of f16 are their own copy, x' being x
//! without the subnormals that a unit may flush.

use crate::space::Family;
use crate::space::check::RowFacts;

/// Half a unit in the last place, relative.
pub(super) const U: f64 = 1.0 / 16_777_216.0;

/// Coefficients of E, rounded up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bound {
    pub c0: f32,
    pub c1: f32,
    pub c2: f32,
    pub floor: f32,
    pub slack: f32,
    /// 0, or |x| of every row where the rows are normalized.
    pub unit: f32,
}

impl Bound {
    /// No sum rounds: the scores are exact.
    pub const EXACT: Bound = Bound { c0: 0.0, c1: 0.0, c2: 0.0, floor: 0.0, slack: 0.0, unit: 0.0 };

    /// `a` bounds the error of a sum of products and bias, relative to |q||x| + |b|.
    fn new(family: Family, scaled: bool, dim: usize, a: f64) -> Bound {
        let d = dim as f64;
        let tree = ((d / 32.0).ceil() + 12.0) * U;
        let own = (d / 32.0 + 10.0) * U;
        let tiny = (2.0 * d + 8.0) * 2f64.powi(-120);
        let (c0, c1, c2) = match family {
            // |b| = |x|^2 / 2; R = tree (|q| + |x|)^2 / 2
            Family::L2 => (a / 2.0 + own / 2.0 + tree / 2.0, a + tree, tree / 2.0),
            // (q.x) / |x|: two more roundings, and |x| of the row in another sum than the reference's
            Family::Dot if scaled => (0.0, a + 2.0 * tree + own + 8.0 * U, 0.0),
            Family::Dot | Family::Log => (0.0, a + tree, 0.0),
        };
        // The bound is itself computed in f32, in five steps.
        let up = |v: f64| (v * (1.0 + 16.0 * U)) as f32 * (1.0 + f32::EPSILON);
        Bound {
            c0: up(c0),
            c1: up(c1),
            c2: up(c2),
            floor: up(tiny),
            slack: 1.0 / 1_048_576.0,
            unit: if scaled { 1.002 } else { 0.0 },
        }
    }

    /// The same of rows that have something each which is added to their distances.
    pub fn added(self, family: Family, dim: usize, adds: bool) -> Bound {
        if !adds || family != Family::Dot {
            return self;
        }
        // b, and d^, each once more than what c1 has of the sum
        let more = ((dim as f64 / 32.0 + 24.0) * U) as f32;
        Bound { c0: self.c1 + more, ..self }
    }

    /// The bound for these rows and queries: none where whole numbers stay below 2^23, so that even halves are exact.
    pub fn choose(
        family: Family,
        scaled: bool,
        dim: usize,
        rows: RowFacts,
        queries: RowFacts,
    ) -> Bound {
        let whole = rows.whole && queries.whole && !scaled;
        if whole && (rows.norm + queries.norm).powi(2) <= 8_388_608.0 {
            return Bound::EXACT;
        }
        Bound::f32(family, scaled, dim)
    }

    /// Sums that are taken of scaled numbers and multiplied by `inverse`, which magnifies what vanishes in them.
    pub fn magnified(self, inverse: f32) -> Bound {
        Bound { floor: self.floor * inverse.max(1.0), ..self }
    }

    /// Sums in f32, in any order.
    pub fn f32(family: Family, scaled: bool, dim: usize) -> Bound {
        Bound::new(family, scaled, dim, (dim as f64 + 2.0) * U)
    }

    /// Sums on matrix units, each product off by up to `factor` u (see `kernel::matrix_error`).
    pub fn matrix(family: Family, scaled: bool, dim: usize, factor: f64) -> Bound {
        Bound::new(family, scaled, dim, dim as f64 * factor * U)
    }
}
