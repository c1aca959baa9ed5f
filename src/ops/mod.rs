//! Operations on matrices: a matrix in, a matrix out.

pub(crate) mod gather;
