//! The list of all variants of this layer's kernels, for the tests that translate them.

use super::kernels;
use crate::kernel::Variant;

pub(crate) fn variants() -> Vec<Variant> {
    [kernels::variants(), kernels::renewed::variants()].concat()
}
