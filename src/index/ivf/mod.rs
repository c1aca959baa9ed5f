//! Search of the nearest of many lists of rows.
//!
//! In the order in which the files use each other: the words of the factory (`name`), centroids that are learnt (`centroids`), what is
//! stored (`rows`), and the public indexes (`flat`, of bits `binary`); then rows that are codes: with their originals (`originals`) in the lists or
//! beside them (`kept`), on their way (`encodable`), stored (`coded_rows`, `coded_stored`), and their indexes (`sq`, `pq`, `rabitq`); both taken apart (`apart`). The lists themselves are [`invlists`](crate::invlists)', their sections of a file
//! `persist`'s.

mod apart;
mod binary;
mod centroids;
mod coded_rows;
mod coded_stored;
mod encodable;
mod flat;
mod kept;
mod name;
mod originals;
mod pq;
mod rabitq;
mod rows;
mod sq;

pub use binary::BinaryIvf;
pub(super) use centroids::learnt_of;
pub(super) use coded_rows::CodedRows;
pub use flat::IvfFlat;
pub(super) use name::{lists_of, lists_of_bits};
pub use originals::Originals;
pub use pq::IvfPq;
pub use rabitq::IvfRaBitQ;
pub(super) use rows::IvfRows;
pub use sq::IvfSq;
