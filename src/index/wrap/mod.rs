//! Indexes around indexes.
//!
//! In the order in which the files use each other: the words of the factory (`name`), rows on their way through transforms (`transformed`), the index behind transforms (`pre_transform`),
//! and what it does (`behind`).

mod behind;
mod name;
mod pre_transform;
mod transformed;

pub(super) use name::transforms_of;
pub use pre_transform::PreTransform;
