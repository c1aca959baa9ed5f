//! The search over rows that stay on the host.

mod call;
mod chunks;

pub(crate) use call::Stream;
pub(crate) use chunks::ChunkFilter;
