//! Transforms of vectors, before they are indexed or encoded.
//!
//! In the order in which the files use each other: a matrix and what it does (`linear`), vectors at right angles and random rotations
//! (`rotation`), rotations by additions (`hadamard`), means (`mean`), matrices in f64 (`linalg`), what transforms do and have learnt (`kinds`),
//! how that is learnt (`pca`, `itq`, `opq`); the transform (`vector`), made (`make`), trained (`fit`), named (`name`), taken apart (`parts`), and
//! several of them one after the other (`chain`).
//!
//! ```text
//! PCA:  A = the first eigenvectors of sum (x - mean)(x - mean)^T               pca.rs
//! OPQ:  50 times, with y = decode(encode(A x)) of a product quantizer that    opq.rs
//!       learns from all A x:  A = the rotation that brings all x nearest to y
//! ITQ:  50 times, with s = the signs of A x of directions x = (x - mean)/|.|:  itq.rs
//!       A = the rotation that brings all x nearest to s
//! ```
//!
//! The nearest rotation is V U^T of sum x y^T = U S V^T. It is found by eigenvectors of a symmetric matrix, and singular vectors of values that
//! decide nothing are replaced by any at right angles, so that no sample, however poor, makes it anything but a rotation.
//!
//! # Where the code departs from FAISS
//!
//! * A component whose eigenvalue is rounding is multiplied by 0 where components are scaled; FAISS multiplies by the power of that rounding,
//!   which may be infinite.
//! * Random rotations come from other random numbers, except Hadamard's.
//! * OPQ's quantizer goes on from the centroids of the round before.
//! * ITQ's components have no bias when the rotation is learnt, as they have none when it is applied.

mod chain;
mod fit;
mod hadamard;
#[cfg(feature = "transforms")]
mod itq;
mod kinds;
#[cfg(feature = "transforms")]
mod linalg;
mod linear;
mod make;
mod mean;
mod name;
#[cfg(feature = "transforms")]
mod opq;
mod parts;
#[cfg(feature = "transforms")]
mod pca;
mod rotation;
#[cfg(all(test, feature = "transforms"))]
mod tests;
mod vector;

pub(crate) use chain::Chain;
pub use kinds::PcaParams;
pub(crate) use name::{TOKENS, named};
pub(crate) use parts::TransformParts;
pub use vector::VectorTransform;
pub(super) use vector::{checked, in_pieces};
