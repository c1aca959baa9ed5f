//! The sizes that readers and writers of every format go by.

/// More elements in a row than this is a damaged file, not a vector; byte counts of rows below it overflow nowhere.
pub(crate) const MAX_DIM: usize = 1 << 26;

/// What a copying reader holds at a time: large enough to hide the calls, small beside any budget.
pub(super) const BLOCK_BYTES: usize = 4 << 20;
