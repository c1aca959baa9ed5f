//! Where the hits of a search go: its files, or stdout.

use super::failure::Result;
use super::hit_lines::HitLines;
use super::output::{HitFiles, RangeFiles};
use super::progress::Progress;
use std::path::PathBuf;

pub enum Target {
    Search(HitFiles),
    Range(RangeFiles),
    Lines(HitLines),
}

impl Target {
    /// Takes the hits of the next query.
    pub fn write(&mut self, ids: &[u64], distances: &[f32]) -> Result<()> {
        match self {
            Target::Search(files) => files.write(ids, distances),
            Target::Range(files) => files.write(ids, distances),
            Target::Lines(lines) => lines.write(ids, distances),
        }
    }

    pub fn is_printed(&self) -> bool {
        matches!(self, Target::Lines(_))
    }

    /// Makes room before a block of hits: on a terminal progress and hits would be written over each other.
    pub fn begin_block(&self, progress: &Progress) {
        if matches!(self, Target::Lines(lines) if lines.on_terminal()) {
            progress.hide();
        }
    }

    /// Ends a block of hits.
    pub fn end_block(&mut self) -> Result<()> {
        match self {
            Target::Lines(lines) => lines.flush(),
            _ => Ok(()),
        }
    }

    /// Ends with the files that have their names then; none where the hits were printed.
    pub fn finish(self) -> Result<Vec<PathBuf>> {
        match self {
            Target::Search(files) => files.finish(),
            Target::Range(files) => files.finish(),
            Target::Lines(lines) => lines.finish().map(|()| Vec::new()),
        }
    }
}
