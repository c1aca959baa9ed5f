//! The kernels of operations on matrices, and what they are passed by value.

use crate::dtype::DType;
use crate::kernel::{RowMap, Shader, Variant, params, shader};

const GATHER_ROWS: Shader = shader!("ops", "gather_rows");
const NORMALIZE: Shader = shader!("ops", "normalize");
const PACK_ROWS: Shader = shader!("ops", "pack_rows");
const ROW_NORMS: Shader = shader!("ops", "row_norms");
const SCATTER_ROWS: Shader = shader!("ops", "scatter_rows");
const SELECT_K: Shader = shader!("ops", "select_k");

params! {
    pub(crate) struct GatherRows {
        pub count: u32,
        /// Words of 16 bytes a row.
        pub words: u32,
        pub first: u32,
        pub out_first: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(crate) struct PackRows {
        pub n: u32,
        /// Words of 4 bytes a row of the output.
        pub words: u32,
        /// Bytes of a row in the source, at which of its bytes the first begins, and from there to the next.
        pub row_bytes: u32,
        pub start: u32,
        pub stride: u32,
        pub out_first: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(crate) struct ScatterRows {
        pub count: u32,
        /// Words of 16 bytes a row.
        pub words: u32,
        pub groups_x: u32,
    }
}

params! {
    /// Rows in groups of four elements: `k4` of them hold elements, `stride4` lie from one row to the next.
    pub(crate) struct RowNorms {
        pub n: u32,
        pub k4: u32,
        pub stride4: u32,
        /// Workgroups in the first dimension of the dispatch.
        pub groups_x: u32,
    }
}

params! {
    pub(crate) struct Normalize {
        pub n: u32,
        pub k4: u32,
        pub stride4: u32,
        pub out_stride4: u32,
        pub groups_x: u32,
        /// Where the rows begin in the input and in the output.
        pub first: u32,
        pub out_first: u32,
    }
}

params! {
    pub(crate) struct SelectK {
        pub k: u32,
        /// From one query's keys to the next one's; of chosen bins: how many there is room for.
        pub stride: u32,
        /// Pairs that are best so far, 0 or k.
        pub best: u32,
        pub n: u32,
        pub first_row: u32,
    }
}

pub(crate) fn gather_rows() -> Variant {
    Variant::new::<GatherRows>(GATHER_ROWS)
}

pub(crate) fn pack_rows() -> Variant {
    Variant::new::<PackRows>(PACK_ROWS)
}

pub(crate) fn scatter_rows() -> Variant {
    Variant::new::<ScatterRows>(SCATTER_ROWS)
}

pub(crate) fn row_norms(dtype: DType) -> Variant {
    Variant::new::<RowNorms>(ROW_NORMS).word("dtype", dtype.name())
}

pub(crate) fn normalize(dtype: DType) -> Variant {
    Variant::new::<Normalize>(NORMALIZE).word("dtype", dtype.name())
}

/// The largest k whose result is sorted on the device.
pub(crate) const MAX_SORT: u32 = 1024;

/// The keys of chosen bins of `bin` rows, whose numbers `map` gives, or of consecutive rows. A result above `MAX_SORT` comes
/// unsorted.
pub(crate) fn select_k(
    threads: u32,
    bin: Option<u32>,
    k: u32,
    sorted: bool,
    map: RowMap,
) -> Variant {
    let sort = if sorted && k <= MAX_SORT { MAX_SORT } else { 0 };
    Variant::new::<SelectK>(SELECT_K)
        .int("threads", threads)
        .word("source", if bin.is_some() { "bins" } else { "dense" })
        .int("bin", bin.unwrap_or(0))
        .int("sort", sort)
        .row_map(map)
}

/// All variants, for the tests that translate them.
pub(crate) fn variants() -> Vec<Variant> {
    let floats = [DType::F32, DType::F16, DType::Bf16, DType::I8, DType::U8];
    let mut all = vec![gather_rows(), pack_rows(), scatter_rows()];
    all.extend(floats.map(normalize));
    all.extend(floats.map(row_norms));
    for threads in [256, 512] {
        for bin in [None, Some(64), Some(16)] {
            all.extend([1, 5000].map(|k| select_k(threads, bin, k, true, RowMap::IDENTITY)));
            let table = bin.is_some().then_some(RowMap::TABLE);
            all.extend(table.map(|table| select_k(threads, bin, 1, true, table)));
        }
    }
    all
}
