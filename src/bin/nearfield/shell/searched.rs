//! The rows that a command searches: in device memory, or streamed there when they do not fit.

use super::failure::{Failure, Result};
use nearfield::{Gpu, Hits, Index, Rows, SearchParams, StreamedFlat};
use std::path::Path;

/// Of the memory that is left, the rows may take so many eighths; a search needs the rest.
const EIGHTHS: u64 = 7;

pub enum Searched {
    Resident(Box<dyn Index>),
    Streamed(Box<StreamedFlat>),
}

/// The files that queries and rows come from, and which query is the first of the call.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    pub base: &'a Path,
    pub query: &'a Path,
    pub first_query: u64,
}

/// How many queries and hits a call takes, so that host memory stays below 1 GB.
#[derive(Clone, Copy)]
pub struct Blocks {
    pub hits: u64,
    pub elements: u64,
    /// Queries of the first block of a range search, and how much larger each next one may be.
    pub first: u64,
    pub growth: u64,
}

impl Searched {
    pub fn is_streamed(&self) -> bool {
        matches!(self, Searched::Streamed(_))
    }

    pub fn blocks(&self) -> Blocks {
        match self {
            Searched::Resident(_) => {
                Blocks { hits: 4 << 20, elements: 8 << 20, first: 16, growth: 2 }
            }
            // Larger blocks, since each of them brings all rows from the host.
            Searched::Streamed(_) => {
                Blocks { hits: 8 << 20, elements: 16 << 20, first: 64, growth: 16 }
            }
        }
    }

    pub fn search(
        &self,
        queries: Rows<'_>,
        k: usize,
        params: &SearchParams,
        files: Files<'_>,
    ) -> Result<Hits> {
        let query = |e| Failure::about(files.query, files.first_query, e);
        match self {
            Searched::Resident(index) => index.search_with(queries, k, params).map_err(query),
            Searched::Streamed(index) => {
                let pending = index.submit(queries, k, params).map_err(query)?;
                pending.wait().map_err(|e| Failure::about(files.base, 0, e))
            }
        }
    }

    pub fn range(
        &self,
        queries: Rows<'_>,
        radius: f32,
        params: &SearchParams,
        files: Files<'_>,
    ) -> Result<Hits> {
        let query = |e| Failure::about(files.query, files.first_query, e);
        match self {
            Searched::Resident(index) => {
                index.range_search_with(queries, radius, params).map_err(query)
            }
            Searched::Streamed(index) => {
                let pending = index.submit_range(queries, radius, params).map_err(query)?;
                pending.wait().map_err(|e| Failure::about(files.base, 0, e))
            }
        }
    }
}

/// Whether the rows, and a search of them, fit in device memory.
pub fn fits(gpu: &Gpu, rows: &StreamedFlat) -> bool {
    let memory = gpu.memory();
    rows.resident_bytes() <= memory.budget.saturating_sub(memory.in_use) / 8 * EIGHTHS
}
