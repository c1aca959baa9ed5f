//! Kullback-Leibler as products with the rows' logarithms, from their copy in f16.
//!
//! sum q ln(q / x) is sum q ln q, which is the same for all rows of a query, less q . ln x. So the score is q . ln x, and a row whose
//! distance d^ is off by so much has a score that is off by as much. With u = 2^-24, w the largest |ln q_i|, and x for the
//! logarithms ln x_i in the norms, E is that of inner products and
//!
//! * g(d + 24) (|q||x| + sqrt(d) |q| w): the sum of d terms q_i ln(q_i / x_i) that decides, in the order of the dimensions;
//! * 24 u sqrt(d) |q|: its quotients and logarithms, and those of the copy; sum q_i is at most sqrt(d) |q|;
//! * d 2^-114: products that vanish below 2^-126, with logarithms of at most 104.
//!
//! **Elements of 0.** A row with x_i = 0 is no hit of a query with q_i > 0, and one like others where q_i = 0, since 0 ln 0 = 0. There
//! the copy has a number far below every logarithm, which says nothing of a hit: its product with 0 is 0. That number is no part
//! of the norms and residuals, so M + E holds for hits; and the residual of the bin is negative, so that no L is taken of
//! M - E, which may be that of a row that is no hit (`shaders/exact/select_bins.wgsl`).

use super::bound::{Bound, U};
use super::direct::{gamma, up};
use crate::space::check::RowFacts;

/// At most one bin of so many may have rows with zeros: then the others give a bound that lets few bins pass.
const CLEAN_SHARE: u64 = 8;

/// Whether rows of so many bins are such as the products are for.
pub(crate) fn fit(rows: RowFacts, bins: u64) -> bool {
    rows.zero_rows.saturating_mul(CLEAN_SHARE) <= bins
}

/// The bound of products, to which is added what the distances that decide are off. Its `c2` is that of |q| (`BoundOf::Logs`).
pub(super) fn bound(products: Bound, dim: usize, queries: RowFacts) -> Bound {
    let d = dim as f64;
    let size = |element: f32| f64::from(element).ln().abs();
    // without any element there is no term
    let none = queries.largest == 0.0;
    let logs = if none { 0.0 } else { size(queries.smallest).max(size(queries.largest)) };
    let sums = gamma(d + 24.0);
    let mass = d.sqrt() * (sums * logs + 24.0 * U);
    // as the bound itself, which is computed in f32
    let room = 1.0 + 16.0 * U;
    Bound {
        c1: up((f64::from(products.c1) + sums) * room),
        c2: up(mass * room),
        floor: up((f64::from(products.floor) + d * 2f64.powi(-114)) * room),
        ..products
    }
}
