//! What a metric is on a type of element: what it refuses, how it changes rows before they are compared, how a pair is
//! compared, how a distance is read from the key that orders hits, and the same distances on the host (`tree`). Nothing here needs a
//! device.

pub(crate) mod check;
mod decode;
mod pair;
mod term;
mod transform;
mod tree;

pub(crate) use decode::Decoder;
pub(crate) use pair::{Family, Pair, argument, is_scaled, pair, scan_family};
pub(crate) use term::Term;
pub(crate) use transform::{Transform, normalize, square};
pub(crate) use tree::Tree;
