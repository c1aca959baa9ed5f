//! What a metric is on a type of element: what it refuses, how it changes rows before they are compared, how a pair is
//! compared, and how a distance is read from the key that orders hits. Nothing here needs a device.

pub(crate) mod check;
mod decode;
mod pair;
mod term;
mod transform;

pub(crate) use decode::Decoder;
pub(crate) use pair::{Family, Pair, argument, is_scaled, pair, scan_family};
pub(crate) use term::Term;
pub(crate) use transform::{Transform, normalize, square};
