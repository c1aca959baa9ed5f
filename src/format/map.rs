//! The memory map: the one file of `format` with `unsafe`.

use crate::error::{Error, Result};
use memmap2::Mmap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Opens a regular file. Anything else is refused before: to open a pipe is to wait for its writer.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    let refuse = || io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
    if !fs::metadata(path)?.is_file() {
        return Err(refuse());
    }
    let file = File::open(path)?;
    // Another file may have the name by now.
    if file.metadata()?.is_file() { Ok(file) } else { Err(refuse()) }
}

/// A whole file, mapped for reading.
#[derive(Debug)]
pub(crate) struct Map {
    path: PathBuf,
    map: Mmap,
}

impl Map {
    /// Maps `path`; costs no memory but the pages that are being read.
    ///
    /// # Errors
    /// `Io` for what cannot be opened or is no regular file; `Format` for an empty file.
    pub fn open(path: &Path) -> Result<Self> {
        let io = |source| Error::io(path, source);
        let file = open_regular(path).map_err(io)?;
        let meta = file.metadata().map_err(io)?;
        if meta.len() == 0 {
            return Err(Error::format(path, 0, "the file is empty"));
        }
        // SAFETY: the map is read-only, and its bytes are only ever read as integers and floats, for which every bit
        // pattern is valid. What remains is another process changing the file under us: no API can rule that out, the
        // module's documentation names it, and our own writers replace files instead of changing them.
        let map = unsafe { Mmap::map(&file) }.map_err(io)?;
        // A hint: where it is refused, reading is slower and nothing else.
        #[cfg(unix)]
        let _ = map.advise(memmap2::Advice::Sequential);
        Ok(Map { path: path.to_owned(), map })
    }

    /// Tells the system that what is read next does not lie behind what was read last, as it was told before.
    pub fn expect_jumps(&self) {
        #[cfg(unix)]
        let _ = self.map.advise(memmap2::Advice::Normal);
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn bytes(&self) -> &[u8] {
        &self.map
    }
}
