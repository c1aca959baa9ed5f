//! The kernels of quantizers, and what they are passed by value.

use crate::kernel::{Shader, Variant, params, shader};

const PQ_ENCODE: Shader = shader!("quantize", "pq_encode");

/// The most groups of four elements of a part that a thread keeps.
pub(super) const MOST_GROUPS: u32 = 4;

params! {
    pub(super) struct PqEncode {
        pub n: u32,
        pub first: u32,
        pub out_first: u32,
        pub first_label: u32,
        pub stride: u32,
        pub list_stride: u32,
        pub words: u32,
        pub subspaces: u32,
        pub dsub: u32,
        pub ksub: u32,
        pub slabs: u32,
        pub groups_x: u32,
    }
}

/// `groups`: of four elements, 1 to 4, of a piece of a part; `residual`: of rows less the centroids of their lists.
pub(super) fn pq_encode(groups: u32, residual: bool) -> Variant {
    let variant = Variant::new::<PqEncode>(PQ_ENCODE).int("groups", groups).int("at_once", 4);
    variant.flag("residual", residual)
}

/// All variants of these kernels.
pub(crate) fn variants() -> Vec<Variant> {
    let each = (1..=MOST_GROUPS).flat_map(|groups| [(groups, false), (groups, true)]);
    each.map(|(groups, residual)| pq_encode(groups, residual)).collect()
}
