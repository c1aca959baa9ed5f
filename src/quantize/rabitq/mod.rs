//! RaBitQ: rows in a few bits an element, and estimates of distances that say how far they may be off (Gao and Long, arXiv 2405.12497; of more
//! bits than one arXiv 2409.09913).
//!
//! In the order in which the files use each other: numbers as bits (`bits`), the code of one row (`code`), the same as FAISS has it (`faiss`),
//! rows in lists (`listed`), queries as FAISS rounds them (`query`), the public face of all that (`quantizer`), and codes as an
//! index keeps them (`kept`).
//!
//! # Where the code departs from FAISS
//!
//! * Factors are computed in f64. FAISS sums them in f32, and takes what is shorter than 3.5e-4 for as long as 1, so that its estimates of
//!   data of such a scale are none.
//! * Of more bits than one, an element that equals the center's gets the number nearest to 0; FAISS gives it the lowest there is.
//! * The best scale of a row's numbers is looked for among 48 (`code.rs`), not among all that change a number.

mod bits;
mod code;
mod faiss;
mod kept;
mod listed;
mod quantizer;
mod query;

pub(crate) use listed::Listed;
pub use quantizer::RaBitQuantizer;
pub use query::QueryBits;
