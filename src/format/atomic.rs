//! Files that appear whole or not at all.

use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file written beside its destination, then synced and renamed onto it; dropped earlier, it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct AtomicFile {
    target: PathBuf,
    out: BufWriter<NamedTempFile>,
}

impl AtomicFile {
    /// Begins a file that will be `path`. What is there stays until [`finish`](Self::finish).
    ///
    /// # Errors
    /// `Io` when the folder cannot be written to, or `path` is there and no regular file.
    pub fn create(path: &Path) -> Result<Self> {
        // The rename would replace a link instead of what it points to.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if fs::metadata(&target).is_ok_and(|meta| !meta.is_file()) {
            let kind = io::ErrorKind::InvalidInput;
            return Err(Error::io(path, io::Error::new(kind, "not a regular file")));
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(".nearfield-").suffix(".tmp");
        // Temporaries are private by default; this one becomes a file like any other, as the umask has it.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let temporary = builder.tempfile_in(folder(&target)).map_err(|e| Error::io(path, e))?;
        Ok(AtomicFile { target, out: BufWriter::with_capacity(1 << 18, temporary) })
    }

    /// The destination.
    pub fn path(&self) -> &Path {
        &self.target
    }

    /// Appends.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(|e| Error::io(&self.target, e))
    }

    /// Writes over what was written at `offset`; the next write appends again.
    pub fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        let mut patch = || {
            self.out.seek(SeekFrom::Start(offset))?;
            self.out.write_all(bytes)?;
            self.out.seek(SeekFrom::End(0)).map(|_| ())
        };
        patch().map_err(|e| Error::io(&self.target, e))
    }

    /// Syncs the file and gives it its name.
    pub fn finish(self) -> Result<()> {
        let AtomicFile { target, out } = self;
        let io = |e| Error::io(&target, e);
        let temporary = out.into_inner().map_err(|e| io(e.into_error()))?;
        temporary.as_file().sync_all().map_err(io)?;
        temporary.persist(&target).map_err(|e| io(e.error))?;
        // The name lies in the folder, which not every system can sync; the file itself is safe by now.
        if let Ok(folder) = File::open(folder(&target)) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
