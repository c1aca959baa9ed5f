//! Indexes around indexes.
//!
//! In the order in which the files use each other: the words of the factory (`name`, `refine_name`); of two stages one stream of rows for both (`tee`), the one that
//! has the rows of candidates (`rescored`), both together (`stages`) and the index (`refine`); rows on their way through transforms
//! (`transformed`), the index behind transforms (`pre_transform`), and what it does (`behind`); of two stages what stays on the device (`on_device`) and the search
//! (`candidates`); files of both (`files`), and what the index of two stages does (`refining`).

mod behind;
mod candidates;
mod files;
mod name;
mod on_device;
#[cfg(test)]
mod on_device_tests;
mod pre_transform;
mod refine;
mod refine_name;
mod refining;
mod rescored;
mod stages;
mod tee;
mod transformed;

pub(super) use files::read_any;
pub(super) use name::transforms_of;
pub use pre_transform::PreTransform;
pub use refine::Refine;
pub(super) use refine_name::refined_by;
pub(super) use rescored::Now;
