//! Quantizers: rows in fewer bits.
//!
//! # The scalar quantizer
//!
//! Each element x_j becomes a whole number c_j of its own range, which is learnt from a sample. With S = 2^bits - 1:
//!
//! ```text
//! train(sample):   minimum_j, width_j = by one of four statistics             ranges.rs
//! encode(x):       c_j  = floor(S clamp((x_j - minimum_j) / width_j, 0, 1))   scalar.rs, packed by pack.rs
//! decode(c):       x^_j = minimum_j + (c_j + 1/2) width_j / S                 scalar.rs
//! ```
//!
//! Other types have no ranges: numbers rounded to f16 or bfloat16, or whole ones that fit a byte.
//!
//! # The product quantizer
//!
//! Each of M parts of a row becomes the number of its nearest centroid:
//!
//! ```text
//! train(sample):   centroids[m] = kmeans(part m of the sample, 2^bits)        learn.rs
//! encode(x):       c_m = argmin_c |x_m - centroids[m][c]|^2                   encode.rs, packed by pack.rs
//! decode(c):       x^_m = centroids[m][c_m]                                   product.rs
//! ```
//!
//! # RaBitQ
//!
//! Each row becomes the signs of what a center leaves of it, or numbers in more bits, and factors that make estimates of distances right in the
//! mean. Nothing is learnt:
//!
//! ```text
//! encode(x, c):    r = x - c, y_j = c_j + 1/2 - 2^(bits-1), <r, y> / |y| the largest        rabitq/code.rs
//!                  scale = |r|^2 / <r, y>, added = |r|^2 - scale^2 |y|^2
//! decode(y):       x^ = c + scale y                                                         rabitq/listed.rs
//! estimate(q, y):  |q - x^|^2 + added                                                       rabitq/quantizer.rs
//! ```
//!
//! # Signs
//!
//! ```text
//! train(sample):   t_j  = median of (A x)_j, or 0                             signs.rs
//! encode(x):       bit_j = (A x)_j - t_j >= 0
//! decode(bits):    x^   = A^T (t + 1 where a bit is set, t - 1 where not)
//! ```
//!
//! # Where the code departs from FAISS
//!
//! * FAISS learns the ranges of each dimension, by all statistics but the least and largest, from a copy of the sample in which its first row is all
//!   zeros. Here that row is what it is.
//! * What a type cannot hold (a number beyond f16, a fraction in a byte) is refused. FAISS stores an infinity or other digits.
//! * A decoded element is computed so that the host and every device get the same bits; they may be a unit in the last place from FAISS's.

mod encode;
mod kernels;
mod kinds;
mod learn;
mod pack;
mod product;
mod quantizer;
mod rabitq;
mod ranges;
mod scalar;
mod signs;
mod transform;

pub(crate) use encode::{Codebook, Lists};
pub(crate) use kernels::variants;
pub use kinds::{SqRange, SqType};
pub use product::ProductQuantizer;
pub(crate) use product::picked;
pub(crate) use quantizer::Quantizer;
pub(crate) use rabitq::Listed;
pub use rabitq::{QueryBits, RaBitQuantizer};
pub use scalar::ScalarQuantizer;
pub(crate) use signs::SignQuantizer;
pub(crate) use transform::{Chain, TOKENS, TransformParts, named};
pub use transform::{PcaParams, VectorTransform};
