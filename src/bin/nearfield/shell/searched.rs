//! The rows that a command searches: in device memory, or streamed there when they do not fit.

use super::failure::{Failure, Result};
use nearfield::{Gpu, Hits, Pending, Search, StreamedFlat};
use std::path::Path;

/// Of the memory that is left, the rows may take so many eighths; a search needs the rest.
const EIGHTHS: u64 = 7;

/// An index of all rows, and what the answers to its searches depend on.
pub struct Searched {
    pub index: Box<dyn Search>,
    /// Whether the rows stay on the host, and every search reads all of them.
    pub streamed: bool,
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
    pub fn blocks(&self) -> Blocks {
        if self.streamed {
            return Blocks { hits: 8 << 20, elements: 16 << 20, first: 64, growth: 16 };
        }
        Blocks { hits: 4 << 20, elements: 8 << 20, first: 16, growth: 2 }
    }

    /// Waits for an answer. What is wrong with queries is found at once; while it waits, rows that stay on the host are
    /// read, and what is wrong then is wrong with them.
    pub fn answer(
        &self,
        submitted: nearfield::Result<Pending<Hits>>,
        files: Files<'_>,
    ) -> Result<Hits> {
        let query = |e| Failure::about(files.query, files.first_query, e);
        submitted.map_err(query)?.wait().map_err(|e| match self.streamed {
            true => Failure::about(files.base, 0, e),
            false => query(e),
        })
    }
}

/// Whether the rows, and a search of them, fit in device memory.
pub fn fits(gpu: &Gpu, rows: &StreamedFlat) -> bool {
    let memory = gpu.memory();
    rows.resident_bytes() <= memory.budget.saturating_sub(memory.in_use) / 8 * EIGHTHS
}
