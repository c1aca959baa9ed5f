//! The kernels of operations on matrices and on lists of integers, and what they are passed by value.

use crate::dtype::DType;
use crate::kernel::{RowMap, Shader, Variant, params, shader};

const BLOCK_SUMS: Shader = shader!("ops", "block_sums");
const COUNT_DIGITS: Shader = shader!("ops", "count_digits");
const GATHER_ROWS: Shader = shader!("ops", "gather_rows");
const GATHER_WORDS: Shader = shader!("ops", "gather_words");
const HISTOGRAM: Shader = shader!("ops", "histogram");
const NORMALIZE: Shader = shader!("ops", "normalize");
const PACK_ROWS: Shader = shader!("ops", "pack_rows");
const PLACE_DIGITS: Shader = shader!("ops", "place_digits");
const PREFIX_SUMS: Shader = shader!("ops", "prefix_sums");
const ROW_NORMS: Shader = shader!("ops", "row_norms");
const SCATTER_ROWS: Shader = shader!("ops", "scatter_rows");
const SEGMENT_NUMBERS: Shader = shader!("ops", "segment_numbers");
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

params! {
    pub(crate) struct BlockSums {
        pub n: u32,
        /// Values of a block.
        pub length: u32,
    }
}

params! {
    pub(crate) struct PrefixSums {
        /// Values that count, and sums.
        pub n: u32,
        pub end: u32,
        /// Sums of a row.
        pub length: u32,
    }
}

params! {
    pub(crate) struct Histogram {
        pub n: u32,
        pub bins: u32,
        /// Counters of a bin in a workgroup, a power of two.
        pub copies: u32,
        /// Keys of a workgroup.
        pub length: u32,
        pub groups_x: u32,
    }
}

params! {
    /// One digit of a sort: `key >> shift & mask`.
    pub(crate) struct Digits {
        pub n: u32,
        pub shift: u32,
        pub mask: u32,
        /// Blocks, and one more: from the counts of a digit to those of the next.
        pub stride: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(crate) struct GatherWords {
        pub n: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(crate) struct SegmentNumbers {
        pub n: u32,
        /// Segments.
        pub count: u32,
        pub groups_x: u32,
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

/// Values of which a workgroup makes prefix sums at a time, and where a row has no more than one a thread.
pub(crate) const SUM_TILE: u32 = 2048;
pub(crate) const SHORT_TILE: u32 = 256;

pub(crate) fn block_sums() -> Variant {
    Variant::new::<BlockSums>(BLOCK_SUMS).implied("tile", SUM_TILE)
}

/// `base`: each row goes on from a sum that is given.
pub(crate) fn prefix_sums(tile: u32, base: bool) -> Variant {
    Variant::new::<PrefixSums>(PREFIX_SUMS).int("tile", tile).flag("base", base)
}

/// The most bins of which a workgroup counts all: 16 KiB.
pub(crate) const PRIVATE_BINS: u32 = 4096;
/// The logarithm of the counters that a workgroup has where the bins are more.
const LOG_SLOTS: u32 = 10;

pub(crate) fn histogram(private: bool) -> Variant {
    Variant::new::<Histogram>(HISTOGRAM)
        .flag("private", private)
        .implied("slots", if private { PRIVATE_BINS } else { 1 << LOG_SLOTS })
        .implied("slot_shift", 32 - LOG_SLOTS)
}

/// Keys that a workgroup sorts by a digit: they and what finds their order fit in 16 KiB.
pub(crate) const SORT_BLOCK: u32 = 3072;

pub(crate) fn count_digits() -> Variant {
    Variant::new::<Digits>(COUNT_DIGITS).implied("block", SORT_BLOCK)
}

/// `values`: what goes along is given; else it is the number of each key.
pub(crate) fn place_digits(values: bool) -> Variant {
    Variant::new::<Digits>(PLACE_DIGITS).implied("block", SORT_BLOCK).flag("values", values)
}

pub(crate) fn gather_words() -> Variant {
    Variant::new::<GatherWords>(GATHER_WORDS)
}

pub(crate) fn segment_numbers() -> Variant {
    Variant::new::<SegmentNumbers>(SEGMENT_NUMBERS)
}

/// All variants, for the tests that translate them.
pub(crate) fn variants() -> Vec<Variant> {
    let floats = [DType::F32, DType::F16, DType::Bf16, DType::I8, DType::U8];
    let mut all = vec![gather_rows(), pack_rows(), scatter_rows()];
    all.extend([block_sums(), count_digits(), gather_words(), segment_numbers()]);
    all.extend(
        [(SHORT_TILE, false), (SUM_TILE, false), (SUM_TILE, true)].map(|(t, b)| prefix_sums(t, b)),
    );
    all.extend([false, true].map(histogram));
    all.extend([false, true].map(place_digits));
    all.extend(floats.map(normalize));
    all.extend(floats.map(row_norms));
    for threads in [256, 512] {
        for bin in [None, Some(64), Some(16), Some(1)] {
            all.extend([1, 5000].map(|k| select_k(threads, bin, k, true, RowMap::IDENTITY)));
            let table = bin.is_some().then_some(RowMap::TABLE);
            all.extend(table.map(|table| select_k(threads, bin, 1, true, table)));
        }
    }
    all
}
