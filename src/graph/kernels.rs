//! The kernels of graphs, and what they are passed by value.

pub(super) mod renewed;

use crate::device::Gpu;
use crate::dtype::DType;
use crate::exact::Encoding;
use crate::kernel::{Shader, Variant, params, shader};
use crate::space::Family;

const EDGE_ENDS: Shader = shader!("graph", "edge_ends");
const KEEP_NEIGHBORS: Shader = shader!("graph", "keep_neighbors");
const KEEP_PASSING: Shader = shader!("graph", "keep_passing");
const MERGE_LINKS: Shader = shader!("graph", "merge_links");
const MISSED: Shader = shader!("graph", "missed");
const PRUNE: Shader = shader!("graph", "prune");
const REACH: Shader = shader!("graph", "reach");
const SEARCH: Shader = shader!("graph", "search");
const SEED: Shader = shader!("graph", "seed");

/// The longest list of a search: two of them, what is met and what is remembered have 16 KiB of workgroup memory.
const MOST_EF: u32 = 512;
/// Of a software driver: llvmpipe before Mesa 26 leaves every loop of a thread once these went round 65,535 times in all, and what comes of that is anything.
const MOST_SOFTWARE_EF: u32 = 256;
/// The most edges of a row, and the most neighbours that they are chosen among.
pub(crate) const MOST_DEGREE: u32 = 128;
/// Rows whose edges are followed in a step, as far as there is room for what they lead to: four take a quarter of the steps of one, for a few per
/// cent more rows that are compared. Of eight a query alone is as fast, and many are a third slower.
const WIDTH: u32 = 4;
/// Rows that a step may meet.
pub(super) const ROOM: u32 = 256;

/// What the kernel calls the rows of each segment, and their scales.
pub(super) const SEGMENTS: [(&str, &str); 4] =
    [("rows", "scale"), ("rows1", "scale1"), ("rows2", "scale2"), ("rows3", "scale3")];

/// What a kernel calls the neighbours of rows in each buffer.
pub(super) const NEIGHBORS: [&str; 4] = ["neighbors", "neighbors1", "neighbors2", "neighbors3"];

/// Slots of the table of what was met: more of them save comparisons and cost workgroups that run at a time, which are worth more.
const SLOTS: u32 = 512;
/// Rows whose parts there is room for, at least.
const CHUNK: u32 = 64;

params! {
    pub(super) struct KeepNeighbors {
        pub k: u32,
        /// Neighbours of a row.
        pub width: u32,
        /// Whether the row of its own number is one of the others.
        pub own: u32,
        /// The rows whose lists a buffer has.
        pub first: u32,
        pub count: u32,
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
        /// Of every buffer of neighbours but the last.
        pub segment_rows: u32,
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

/// Of so many neighbours a row, in so many buffers; of `some` of the rows, or all.
pub(super) fn prune(width: u32, segments: u32, some: bool) -> Variant {
    let slots = (2 * width).next_power_of_two();
    let variant = Variant::new::<Prune>(PRUNE).int("width", width).int("segments", segments);
    variant.flag("some", some).implied("slots", slots)
}

pub(super) fn edge_ends() -> Variant {
    Variant::new::<EdgeEnds>(EDGE_ENDS)
}

/// Of new edges of `some` of the rows, or all.
pub(super) fn merge_links(degree: u32, some: bool) -> Variant {
    Variant::new::<MergeLinks>(MERGE_LINKS).int("degree", degree).flag("some", some)
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
    /// Queries are integers of the rows' type, and products exact.
    pub whole: bool,
    /// Rows that are kept.
    pub ef: u32,
    /// Rows whose edges are followed in a step.
    pub width: u32,
    pub threads: u32,
    /// Of few queries, whose steps take as long as what waits for one another in them.
    pub few: bool,
    /// Bytes of workgroup memory.
    pub memory: u32,
}

/// Rows whose edges are followed in a step.
pub(super) fn width(degree: u32) -> u32 {
    (ROOM / degree).clamp(1, WIDTH)
}

impl Walker {
    /// Rows whose parts there is room for: of few queries all that a step meets, as far as the memory and a thread each allow.
    fn chunk(&self) -> u32 {
        if !self.few {
            return CHUNK;
        }
        let taken = 16 * places(self.ef) + 12 * ROOM + 4 * SLOTS + 512;
        let free = self.memory.saturating_sub(taken) / 32;
        let most = free.min(ROOM).min(self.threads).max(CHUNK);
        1 << most.ilog2()
    }
}

pub(super) fn search(walker: Walker) -> Variant {
    let Walker { rows, segments, family, scaled, whole, ef, width, threads, few, .. } = walker;
    let chunk = walker.chunk();
    let list = places(ef);
    Variant::new::<SearchGraph>(SEARCH)
        .word("dtype", rows.name())
        .word("family", family.name())
        .flag("scaled", scaled)
        .flag("whole", whole)
        .int("list", list)
        .int("width", width)
        .int("threads", threads)
        .int("segments", segments)
        .flag("few", few)
        .int("chunk", chunk)
        .implied("unroll", (chunk * 8 / threads).max(1))
        .implied("room", ROOM)
        .implied("slots", SLOTS)
}

/// The list of all variants, for the tests that translate them.
pub(super) fn variants() -> Vec<Variant> {
    let mut all = vec![keep_neighbors(), edge_ends(), reach(), seed(), missed(), keep_passing()];
    for some in [false, true] {
        all.extend([32, 64, 96, 128].map(|width| prune(width, 1, some)));
        all.extend([2, 4].map(|segments| prune(64, segments, some)));
        all.extend([2, 3, 16, 32, 64, 128].map(|degree| merge_links(degree, some)));
    }
    let walker = Walker {
        rows: Encoding::F16Copy,
        segments: 1,
        family: Family::L2,
        scaled: false,
        whole: false,
        ef: 64,
        width: 4,
        threads: 64,
        few: false,
        memory: 16 << 10,
    };
    let rows = [DType::F32, DType::F16, DType::Bf16, DType::I8, DType::U8].map(Encoding::Rows);
    for rows in rows.into_iter().chain([Encoding::F16Copy, Encoding::Int8Copy]) {
        for of in [(Family::L2, false), (Family::Dot, false), (Family::Dot, true)] {
            if of.1 && !rows.is_stored() {
                continue;
            }
            let of_bytes = matches!(rows, Encoding::Rows(DType::I8 | DType::U8)) && !of.1;
            let (family, scaled) = of;
            for (segments, whole) in [(1, false), (2, false), (1, true)] {
                if !whole || of_bytes {
                    all.push(search(Walker { rows, segments, family, scaled, whole, ..walker }));
                }
            }
        }
    }
    all.extend([128, 256, 512].map(|ef| search(Walker { ef, ..walker })));
    all.extend([2, 3].map(|width| search(Walker { width, ..walker })));
    all.extend([128, 256].map(|threads| search(Walker { threads, ..walker })));
    all.extend(
        [(256, 64), (512, 128), (512, 512), (1024, 128)]
            .map(|(threads, ef)| search(Walker { threads, ef, few: true, ..walker })),
    );
    all
}
