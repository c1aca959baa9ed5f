//! How a scan is to run: what a plan decides of it, or an engine that scans rows of its own.

use super::bits::Bits;
use super::direct::Direct;
use crate::kernel::{MatrixTile, Tile};

/// Queries that leave a device room for larger workgroups.
const FEW_QUERIES: u32 = 128;

/// The settings of the three stages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScanSettings {
    /// The register tile.
    pub tile: Tile,
    /// Of a metric that is a sum over the elements, but no products.
    pub direct: Option<Direct>,
    /// Of rows of bits.
    pub bits: Option<Bits>,
    /// The tile of the matrix units, where they multiply these rows.
    pub matrix: Option<MatrixTile>,
    /// What its sums lose, in 2^-24 an element.
    pub accumulation: f64,
    /// Most tiles of rows that a workgroup of it takes one after the other.
    pub matrix_tiles: u32,
    /// Workgroups that keep the device busy to the end.
    pub matrix_groups: u32,
    /// Rows to a bin of it: fewer where so many neighbours are wanted that rescoring costs more than selecting.
    pub matrix_bin: u32,
    /// The same where rows are read one by one: fewer than 64 in lists alone.
    pub row_bin: u32,
    /// Whether those few that are asked read the rows in 8 bits.
    pub int8: bool,
    /// Up to so many queries read the rows one by one rather than in tiles.
    pub max_row_queries: u32,
    /// Up to so many look their products up, where rows are codes of a product quantizer.
    pub max_table_queries: u32,
    /// Bins that may pass for one query.
    pub max_candidates: u32,
    /// Otherwise bins are selected as if no score were rounded.
    pub certify: bool,
    pub select_threads: u32,
    /// From so many bins on they are selected by groups of 64 first, where that may be.
    pub min_grouped_bins: u32,
    /// Where there are so few queries that a workgroup of each does not fill the device.
    pub threads_few_queries: u32,
}

impl ScanSettings {
    /// Threads that select the bins of each of `queries`.
    pub fn bin_threads(&self, queries: u32) -> u32 {
        if queries <= FEW_QUERIES { self.threads_few_queries } else { self.select_threads }
    }
}
