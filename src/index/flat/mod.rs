//! Search that compares every row: with rows as they are (`rows`), in device memory (`vectors`, `binary`) or on their way to it
//! (`streamed`), or with rows as codes (`codes`) of a product quantizer (`pq`), a scalar one
//! (`sq`) or RaBitQ (`rabitq`).

mod binary;
mod codes;
mod pq;
mod rabitq;
mod rows;
mod sq;
mod streamed;
mod vectors;

pub use binary::BinaryFlat;
pub(super) use codes::FlatCodes;
pub use pq::Pq;
pub use rabitq::RaBitQ;
pub(super) use rows::submit;
pub use sq::Sq;
pub use streamed::StreamedFlat;
pub use vectors::Flat;
