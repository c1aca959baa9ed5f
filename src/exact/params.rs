//! Numbers that the stages of the scan share with their shaders.

/// Rows to a bin of the scan; `shaders/lib/constants.wgsl` has it as well.
pub(crate) const BIN: u64 = 64;
