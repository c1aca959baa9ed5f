//! The kernels of graphs, and what they are passed by value.

use crate::device::Gpu;
use crate::dtype::DType;
use crate::exact::Encoding;
use crate::kernel::{Shader, Variant, params, shader};
use crate::space::Family;

const BLEND: Shader = shader!("graph", "blend");
const CARRY: Shader = shader!("graph", "carry");
const DIFFER: Shader = shader!("graph", "differ");
const EDGE_ENDS: Shader = shader!("graph", "edge_ends");
const HEAL: Shader = shader!("graph", "heal");
const KEEP_MET: Shader = shader!("graph", "keep_met");
const KEEP_NEIGHBORS: Shader = shader!("graph", "keep_neighbors");
const KEEP_PASSING: Shader = shader!("graph", "keep_passing");
const MEET: Shader = shader!("graph", "meet");
const MERGE_LINKS: Shader = shader!("graph", "merge_links");
const MISSED: Shader = shader!("graph", "missed");
const PRUNE: Shader = shader!("graph", "prune");
const REACH: Shader = shader!("graph", "reach");
const REJOIN: Shader = shader!("graph", "rejoin");
const SEARCH: Shader = shader!("graph", "search");
const SEED: Shader = shader!("graph", "seed");

/// The longest list of a search: two of them, what is met and what is remembered have 16 KiB of workgroup memory.
const MOST_EF: u32 = 512;
/// Of a software driver: llvmpipe before Mesa 26 leaves every loop of a thread once these went round 65,535 times in all, and what comes of that is anything.
const MOST_SOFTWARE_EF: u32 = 256;
/// The most edges of a row, and the most neighbours that they are chosen among.
pub(crate) const MOST_DEGREE: u32 = 128;
/// Rows that a step may meet.
pub(super) const ROOM: u32 = 256;

/// What the kernel calls the rows of each segment, and their scales.
pub(super) const SEGMENTS: [(&str, &str); 4] =
    [("rows", "scale"), ("rows1", "scale1"), ("rows2", "scale2"), ("rows3", "scale3")];

/// Slots of the table of what was met: more of them save comparisons and cost workgroups that run at a time, which are worth more.
const SLOTS: u32 = 512;

params! {
    pub(super) struct KeepNeighbors {
        pub k: u32,
        /// Neighbours of a row.
        pub width: u32,
        /// Whether the row of its own number is one of the others.
        pub own: u32,
    }
}

params! {
    pub(super) struct Prune {
        /// Of the first row.
        pub first: u32,
        pub n: u32,
        pub degree: u32,
        /// Of some of the rows: how many they are.
        pub items: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(super) struct EdgeEnds {
        pub n: u32,
        pub degree: u32,
        /// Above every row.
        pub none: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(super) struct MergeLinks {
        pub n: u32,
        /// Rows whose edges are new: all, or some.
        pub items: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(super) struct Reach {
        pub n: u32,
        pub degree: u32,
        pub level: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(super) struct Carry {
        pub old_n: u32,
        pub n: u32,
        pub degree: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(super) struct Heal {
        /// Of the first of the rows.
        pub first: u32,
        pub count: u32,
        pub degree: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(super) struct Blend {
        pub n: u32,
        pub items: u32,
        /// So many of the new edges are the first.
        pub first: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(super) struct Rejoin {
        /// Of the first of the rows.
        pub first: u32,
        pub count: u32,
        pub degree: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(super) struct Differ {
        pub n: u32,
        pub degree: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(super) struct Meet {
        /// Of the first of the rows.
        pub first: u32,
        pub count: u32,
        pub starts: u32,
        /// Places for the nearest new rows.
        pub width: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(super) struct KeepMet {
        /// Of the first of the rows.
        pub first: u32,
        pub count: u32,
        pub ef: u32,
        /// Neighbours of a row.
        pub width: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(super) struct KeepPassing {
        pub ef: u32,
    }
}

params! {
    pub(super) struct Seed {
        pub count: u32,
        pub level: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(super) struct Missed {
        pub n: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(super) struct SearchGraph {
        pub k4: u32,
        pub stride4: u32,
        pub q_stride4: u32,
        pub degree: u32,
        pub starts: u32,
        pub ef: u32,
        pub most_steps: u32,
        /// Of every segment but the last.
        pub segment_rows: u32,
        /// What the rows are multiplied by.
        pub factor: f32,
    }
}

pub(super) fn keep_neighbors() -> Variant {
    Variant::new::<KeepNeighbors>(KEEP_NEIGHBORS)
}

/// Of so many neighbours a row; of `some` of the rows, or all.
pub(super) fn prune(width: u32, some: bool) -> Variant {
    let slots = (2 * width).next_power_of_two();
    Variant::new::<Prune>(PRUNE).int("width", width).flag("some", some).implied("slots", slots)
}

pub(super) fn edge_ends() -> Variant {
    Variant::new::<EdgeEnds>(EDGE_ENDS)
}

/// Of new edges of `some` of the rows, or all.
pub(super) fn merge_links(degree: u32, some: bool) -> Variant {
    Variant::new::<MergeLinks>(MERGE_LINKS).int("degree", degree).flag("some", some)
}

/// To rows that have other numbers, or to more rows.
pub(super) fn carry(mapped: bool) -> Variant {
    Variant::new::<Carry>(CARRY).flag("mapped", mapped)
}

pub(super) fn heal() -> Variant {
    Variant::new::<Heal>(HEAL).implied("room", ROOM)
}

pub(super) fn differ() -> Variant {
    Variant::new::<Differ>(DIFFER)
}

pub(super) fn blend(degree: u32) -> Variant {
    Variant::new::<Blend>(BLEND).int("degree", degree)
}

pub(super) fn rejoin() -> Variant {
    Variant::new::<Rejoin>(REJOIN)
}

pub(super) fn meet() -> Variant {
    Variant::new::<Meet>(MEET)
}

pub(super) fn keep_met() -> Variant {
    Variant::new::<KeepMet>(KEEP_MET)
}

pub(super) fn reach() -> Variant {
    Variant::new::<Reach>(REACH)
}

pub(super) fn keep_passing() -> Variant {
    Variant::new::<KeepPassing>(KEEP_PASSING)
}

pub(super) fn seed() -> Variant {
    Variant::new::<Seed>(SEED)
}

pub(super) fn missed() -> Variant {
    Variant::new::<Missed>(MISSED)
}

/// The most rows that a search on this device keeps.
pub(crate) fn most_ef(gpu: &Gpu) -> u32 {
    if gpu.caps().software { MOST_SOFTWARE_EF } else { MOST_EF }
}

/// Places of the list of a search that keeps `ef` rows.
fn places(ef: u32) -> u32 {
    ef.next_power_of_two().clamp(64, MOST_EF)
}

/// What a search of a graph is compiled for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walker {
    pub rows: Encoding,
    pub segments: u32,
    pub family: Family,
    /// Products are multiplied by the scale of their row.
    pub scaled: bool,
    /// Rows that are kept.
    pub ef: u32,
    /// Rows whose edges are followed in a step.
    pub width: u32,
    pub threads: u32,
}

pub(super) fn search(walker: Walker) -> Variant {
    let Walker { rows, segments, family, scaled, ef, width, threads } = walker;
    let list = places(ef);
    Variant::new::<SearchGraph>(SEARCH)
        .word("dtype", rows.name())
        .word("family", family.name())
        .flag("scaled", scaled)
        .int("list", list)
        .int("width", width)
        .int("threads", threads)
        .int("segments", segments)
        .implied("unroll", 512 / threads)
        .implied("room", ROOM)
        .implied("slots", SLOTS)
}

/// The list of all variants, for the tests that translate them.
pub(crate) fn variants() -> Vec<Variant> {
    let mut all = vec![keep_neighbors(), edge_ends(), reach(), seed(), missed()];
    all.extend([
        heal(),
        differ(),
        rejoin(),
        meet(),
        keep_met(),
        keep_passing(),
        carry(false),
        carry(true),
    ]);
    for some in [false, true] {
        all.extend([32, 64, 96, 128].map(|width| prune(width, some)));
        all.extend([2, 3, 16, 32, 64, 128].map(|degree| merge_links(degree, some)));
    }
    all.extend([3, 64].map(blend));
    let walker = Walker {
        rows: Encoding::F16Copy,
        segments: 1,
        family: Family::L2,
        scaled: false,
        ef: 64,
        width: 4,
        threads: 64,
    };
    let rows = [DType::F32, DType::F16, DType::Bf16].map(Encoding::Rows);
    for rows in rows.into_iter().chain([Encoding::F16Copy]) {
        for of in [(Family::L2, false), (Family::Dot, false), (Family::Dot, true)] {
            if of.1 && rows == Encoding::F16Copy {
                continue;
            }
            for segments in [1, 2] {
                all.push(search(Walker { rows, segments, family: of.0, scaled: of.1, ..walker }));
            }
        }
    }
    all.extend([128, 256, 512].map(|ef| search(Walker { ef, ..walker })));
    all.extend([2, 3].map(|width| search(Walker { width, ..walker })));
    all.extend([128, 256].map(|threads| search(Walker { threads, ..walker })));
    all
}
