//! Pages on what goes through all of the library.

#[doc = include_str!("coming_from.md")]
pub mod coming_from {}

#[doc = include_str!("accuracy.md")]
pub mod accuracy {}

#[doc = include_str!("memory.md")]
pub mod memory {}
