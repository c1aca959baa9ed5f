//! The files that a command writes: all of a search's, or none; each of them whole, or not at all.

use super::failure::Result;
use nearfield::format::{AtomicFile, NpyElement, NpyWriter};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// `PREFIX.NAME.npy` for one NAME, under a temporary name until it is finished.
struct Output<T> {
    path: PathBuf,
    writer: NpyWriter<T>,
}

impl<T: NpyElement> Output<T> {
    /// Begins the file; `columns` is the length of its rows, `None` for a list.
    fn create(prefix: &Path, name: &str, columns: Option<usize>) -> Result<Self> {
        let mut path = OsString::from(prefix);
        path.push(format!(".{name}.npy"));
        let path = PathBuf::from(path);
        let shape: &[usize] = match &columns {
            Some(columns) => std::slice::from_ref(columns),
            None => &[],
        };
        Ok(Output { writer: NpyWriter::create(&path, shape)?, path })
    }

    fn write(&mut self, elements: &[T]) -> Result<()> {
        Ok(self.writer.write(elements)?)
    }

    /// Gives the file its name, and takes back those that were finished before it if that fails.
    fn finish(self, finished: &mut Vec<PathBuf>) -> Result<()> {
        if let Err(error) = self.writer.finish() {
            for path in finished.drain(..) {
                // The first error is the one to tell; a file that stays behind is whole.
                let _ = std::fs::remove_file(path);
            }
            return Err(error.into());
        }
        finished.push(self.path);
        Ok(())
    }
}

/// The files of a search: ids and distances, k places a query.
pub struct HitFiles {
    ids: Output<i64>,
    distances: Output<f32>,
}

impl HitFiles {
    /// Begins the files; `columns` is k, `None` for the lists of a range search.
    pub fn create(prefix: &Path, columns: Option<usize>) -> Result<Self> {
        let ids = Output::create(prefix, "ids", columns)?;
        Ok(HitFiles { ids, distances: Output::create(prefix, "dist", columns)? })
    }

    /// Appends hits. Ids are below 2^63, so their bits are those of an i64.
    pub fn write(&mut self, ids: &[u64], distances: &[f32]) -> Result<()> {
        self.ids.write(bytemuck::cast_slice(ids))?;
        self.distances.write(distances)
    }

    /// Appends places without a hit.
    pub fn write_missing(&mut self, mut count: usize, no_hit: f32) -> Result<()> {
        const STEP: usize = 256;
        while count > 0 {
            let now = count.min(STEP);
            self.ids.write(&[-1; STEP][..now])?;
            self.distances.write(&[no_hit; STEP][..now])?;
            count -= now;
        }
        Ok(())
    }

    /// Gives both files their names, which it returns.
    pub fn finish(self) -> Result<Vec<PathBuf>> {
        let mut finished = Vec::new();
        self.finish_after(&mut finished)?;
        Ok(finished)
    }

    fn finish_after(self, finished: &mut Vec<PathBuf>) -> Result<()> {
        self.ids.finish(finished)?;
        self.distances.finish(finished)
    }
}

/// The files of a range search: hits, and where those of each query begin and end.
pub struct RangeFiles {
    lims: Output<u64>,
    hits: HitFiles,
    written: u64,
}

impl RangeFiles {
    pub fn create(prefix: &Path) -> Result<Self> {
        let mut lims = Output::create(prefix, "lims", None)?;
        lims.write(&[0])?;
        Ok(RangeFiles { lims, hits: HitFiles::create(prefix, None)?, written: 0 })
    }

    /// Appends the hits of one query.
    pub fn write(&mut self, ids: &[u64], distances: &[f32]) -> Result<()> {
        self.hits.write(ids, distances)?;
        self.written += ids.len() as u64;
        self.lims.write(&[self.written])
    }

    /// Gives the files their names, which it returns.
    pub fn finish(self) -> Result<Vec<PathBuf>> {
        let mut finished = Vec::new();
        self.lims.finish(&mut finished)?;
        self.hits.finish_after(&mut finished)?;
        Ok(finished)
    }
}

/// Writes a text: whole, or not at all.
pub fn write_text(path: &Path, text: &str) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write(text.as_bytes())?;
    Ok(file.finish()?)
}
