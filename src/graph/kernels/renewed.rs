//! The kernels of graphs that are made of earlier ones, and what they are passed by value.

use super::ROOM;
use crate::kernel::{Shader, Variant, params, shader};

const BLEND: Shader = shader!("graph", "blend");
const CARRY: Shader = shader!("graph", "carry");
const DIFFER: Shader = shader!("graph", "differ");
const HEAL: Shader = shader!("graph", "heal");
const KEEP_MET: Shader = shader!("graph", "keep_met");
const MEET: Shader = shader!("graph", "meet");
const REJOIN: Shader = shader!("graph", "rejoin");

params! {
    pub(in crate::graph) struct Carry {
        pub old_n: u32,
        pub n: u32,
        pub degree: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(in crate::graph) struct Heal {
        /// Of the first of the rows.
        pub first: u32,
        pub count: u32,
        pub degree: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(in crate::graph) struct Blend {
        pub n: u32,
        pub items: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(in crate::graph) struct Rejoin {
        /// Of the first of the rows.
        pub first: u32,
        pub count: u32,
        pub degree: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(in crate::graph) struct Differ {
        pub n: u32,
        pub degree: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(in crate::graph) struct Meet {
        /// Of the first of the rows, in the buffers of what is near.
        pub first: u32,
        pub count: u32,
        pub starts: u32,
        /// Places for the nearest new rows.
        pub width: u32,
        pub groups_x: u32,
    }
}

params! {
    pub(in crate::graph) struct KeepMet {
        /// Of the first of the rows.
        pub first: u32,
        pub count: u32,
        /// Of the first of those whose neighbours the buffer has.
        pub part: u32,
        pub ef: u32,
        /// Neighbours of a row.
        pub width: u32,
        pub groups_x: u32,
    }
}

/// To rows that have other numbers, or to more rows.
pub(in crate::graph) fn carry(mapped: bool) -> Variant {
    Variant::new::<Carry>(CARRY).flag("mapped", mapped)
}

pub(in crate::graph) fn heal() -> Variant {
    Variant::new::<Heal>(HEAL).implied("room", ROOM)
}

pub(in crate::graph) fn differ() -> Variant {
    Variant::new::<Differ>(DIFFER)
}

pub(in crate::graph) fn blend(degree: u32) -> Variant {
    Variant::new::<Blend>(BLEND).int("degree", degree)
}

pub(in crate::graph) fn rejoin() -> Variant {
    Variant::new::<Rejoin>(REJOIN)
}

pub(in crate::graph) fn meet() -> Variant {
    Variant::new::<Meet>(MEET)
}

pub(in crate::graph) fn keep_met() -> Variant {
    Variant::new::<KeepMet>(KEEP_MET)
}

/// The list of all variants, for the tests that translate them.
pub(in crate::graph) fn variants() -> Vec<Variant> {
    let mut all = vec![heal(), differ(), rejoin(), meet(), keep_met(), carry(false), carry(true)];
    all.extend([3, 64].map(blend));
    all
}
