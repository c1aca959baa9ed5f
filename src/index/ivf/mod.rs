//! Search of the nearest of many lists of rows.
//!
//! In the order in which the files use each other: the words of the factory (`name`), centroids that are learnt (`centroids`), what is
//! stored (`rows`), and the public indexes (`flat`, of bits `binary`); then rows that are codes: with their originals beside them (`originals`) or on
//! the host (`host`), on their way (`encoded`), stored (`sq_rows`, `sq_stored`), and their index (`sq`); both taken apart (`apart`). The lists themselves are [`invlists`](crate::invlists)', their sections of a file
//! `persist`'s.

mod apart;
mod binary;
mod centroids;
mod codes;
mod encoded;
mod flat;
mod host;
mod name;
mod originals;
mod pq;
mod rows;
mod sq;
mod sq_rows;
mod sq_stored;

pub use binary::BinaryIvf;
pub use flat::IvfFlat;
pub(super) use name::{ListCodes, lists_of, lists_of_bits};
pub use originals::Originals;
pub use pq::IvfPq;
pub(super) use rows::IvfRows;
pub use sq::IvfSq;
pub(super) use sq_rows::SqRows;
