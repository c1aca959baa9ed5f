//! Exact search over rows as they are, in device memory or on their way to it.

mod binary;
mod rows;
mod streamed;
mod vectors;

pub use binary::BinaryFlat;
pub use streamed::StreamedFlat;
pub use vectors::Flat;
