//! The one number that the layout of rows in memory and the scan share.

/// Rows to a bin.
///
/// The scan keeps the best row of each bin of 64 consecutive rows. So that no bin straddles two segments or two buffers, a
/// matrix gets room for whole bins only. `shaders/lib/constants.wgsl` has the number as well.
pub(crate) const BIN: u64 = 64;
