//! The kernels of k-means, and what they are passed by value.

use crate::dtype::DType;
use crate::kernel::{Shader, Variant, params, shader};

const MEANS: Shader = shader!("clustering", "means");
const SEED_CHOOSE: Shader = shader!("clustering", "seed_choose");
const SEED_COPY: Shader = shader!("clustering", "seed_copy");
const SEED_DISTANCES: Shader = shader!("clustering", "seed_distances");
const SPLIT: Shader = shader!("clustering", "split");
const SUM_CLUSTERS: Shader = shader!("clustering", "sum_clusters");
const SUM_PIECES: Shader = shader!("clustering", "sum_pieces");

/// Places of a block of the order, and points of a block of k-means++.
pub(super) const BLOCK: u32 = 256;
/// The most groups of four elements of a slice: 512 bytes of f32, so that a row is read in whole lines.
const MOST_COLUMNS: u32 = 32;

params! {
    pub(super) struct SumPieces {
        pub clusters: u32,
        pub k4: u32,
        pub stride4: u32,
        pub groups_x: u32,
        pub slices: u32,
    }
}

params! {
    pub(super) struct SumClusters {
        pub clusters: u32,
        pub k4: u32,
        pub groups_x: u32,
        pub slices: u32,
        /// Where the facts of these points begin.
        pub facts_at: u32,
    }
}

params! {
    pub(super) struct Means {
        pub clusters: u32,
        pub k4: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(super) struct Split {
        pub splits: u32,
        pub k4: u32,
        pub stride4: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(super) struct SeedDistances {
        pub n: u32,
        pub k4: u32,
        pub stride4: u32,
        /// Which centroid is new.
        pub centroid: u32,
        /// The number of the first block.
        pub first_block: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(super) struct SeedChoose {
        pub blocks: u32,
        pub centroid: u32,
    }
}

params! {
    pub(super) struct SeedCopy {
        pub n: u32,
        pub k4: u32,
        pub stride4: u32,
        pub centroid: u32,
        /// The place of the first of these points.
        pub first: u32,
    }
}

/// How the kernels read points: their type, and whether each has a weight and a length that it is divided by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub dtype: DType,
    pub weighted: bool,
    pub scaled: bool,
}

/// Groups of four elements of a slice of rows that have `k4`.
pub(super) fn columns(k4: u32) -> u32 {
    k4.next_power_of_two().min(MOST_COLUMNS)
}

pub(super) fn sum_pieces(points: Reading, cols: u32) -> Variant {
    read::<SumPieces>(SUM_PIECES, points).flag("weighted", points.weighted).int("cols", cols)
}

pub(super) fn sum_clusters(cols: u32, add: bool) -> Variant {
    Variant::new::<SumClusters>(SUM_CLUSTERS).int("cols", cols).flag("add", add)
}

pub(super) fn means() -> Variant {
    Variant::new::<Means>(MEANS)
}

pub(super) fn split(points: Reading) -> Variant {
    read::<Split>(SPLIT, points)
}

/// `begin`: it is the first centroid.
pub(super) fn seed_distances(points: Reading, begin: bool) -> Variant {
    let variant = read::<SeedDistances>(SEED_DISTANCES, points);
    variant.flag("weighted", points.weighted).flag("begin", begin)
}

pub(super) fn seed_choose() -> Variant {
    Variant::new::<SeedChoose>(SEED_CHOOSE)
}

pub(super) fn seed_copy(points: Reading) -> Variant {
    read::<SeedCopy>(SEED_COPY, points)
}

fn read<P: crate::kernel::Params>(shader: Shader, points: Reading) -> Variant {
    Variant::new::<P>(shader).word("dtype", points.dtype.name()).flag("scaled", points.scaled)
}

/// All variants, for the tests that translate them.
pub(crate) fn variants() -> Vec<Variant> {
    let mut all = vec![means(), seed_choose()];
    let columns = [1, 2, 4, 8, 16, 32];
    all.extend(columns.iter().flat_map(|&cols| [false, true].map(|add| sum_clusters(cols, add))));
    for dtype in [DType::F32, DType::F16, DType::Bf16, DType::I8, DType::U8] {
        for scaled in [false, true] {
            for weighted in [false, true] {
                let points = Reading { dtype, weighted, scaled };
                let own = if dtype == DType::F32 { &columns[..] } else { &columns[5..] };
                all.extend(own.iter().map(|&cols| sum_pieces(points, cols)));
                all.extend([false, true].map(|begin| seed_distances(points, begin)));
                if !weighted {
                    all.extend([split(points), seed_copy(points)]);
                }
            }
        }
    }
    all
}
