//! The kernels of inverted lists: every variant that they ask for is made here.

use super::params;
use crate::kernel::{Shader, Variant, shader};

const ALL_BINS: Shader = shader!("invlists", "all_bins");
const LIST_ROWS: Shader = shader!("invlists", "list_rows");
const PAIRS: Shader = shader!("invlists", "pairs");

pub(crate) fn all_bins() -> Variant {
    Variant::new::<params::AllBins>(ALL_BINS)
}

pub(crate) fn list_rows() -> Variant {
    Variant::new::<params::ListRows>(LIST_ROWS)
}

pub(crate) fn pairs() -> Variant {
    Variant::new::<params::Pairs>(PAIRS)
}

/// The list of all variants, for the tests that translate them.
pub(crate) fn variants() -> Vec<Variant> {
    vec![all_bins(), list_rows(), pairs()]
}
