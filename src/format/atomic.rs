//! Files that appear whole or not at all.

use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, PersistError};

/// A file written beside its destination, then synced and renamed onto it; dropped earlier, it leaves nothing behind.
///
/// [`create`](Self::create) begins one, [`finish`](Self::finish) gives it its name. Every writer of this crate writes
/// through one, so that a reader sees a file whole or not at all.
///
/// # Example
/// ```
/// # let dir = std::env::temp_dir().join(format!("nearfield-atomic-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir).unwrap();
/// use nearfield::format::AtomicFile;
///
/// let path = dir.join("notes.txt");
/// let mut file = AtomicFile::create(&path)?;
/// file.write(b"whole")?;
/// assert!(!path.exists());
/// file.finish()?;
/// assert_eq!(std::fs::read(&path).unwrap(), b"whole");
/// # std::fs::remove_dir_all(&dir).unwrap();
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    out: BufWriter<NamedTempFile>,
}

impl AtomicFile {
    /// Begins a file that will be `path`. What is there stays until [`finish`](Self::finish); where `path` is a link, what
    /// it leads to is replaced.
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

    /// The destination: what `path` of [`create`](Self::create) led to.
    pub fn path(&self) -> &Path {
        &self.target
    }

    /// Appends.
    ///
    /// # Errors
    /// `Io` when the disk is full or the folder gone.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(|e| Error::io(&self.target, e))
    }

    /// Writes over what was written at `offset`; the next write appends again.
    pub(crate) fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        let mut patch = || {
            self.out.seek(SeekFrom::Start(offset))?;
            self.out.write_all(bytes)?;
            self.out.seek(SeekFrom::End(0)).map(|_| ())
        };
        patch().map_err(|e| Error::io(&self.target, e))
    }

    /// Where the bytes written so far lie until the file has its name: for trying it before it counts.
    ///
    /// # Errors
    /// `Io` when they cannot be written.
    pub fn unfinished(&mut self) -> Result<&Path> {
        self.out.flush().map_err(|e| Error::io(&self.target, e))?;
        Ok(self.out.get_ref().path())
    }

    /// Syncs the file and gives it its name, in place of what had it.
    ///
    /// # Errors
    /// `Io` when the rest cannot be written, or the file not renamed; then nothing has changed.
    pub fn finish(self) -> Result<()> {
        self.name(|temporary, target| temporary.persist(target))
    }

    /// Syncs the file and gives it its name, which no other file may have.
    ///
    /// # Errors
    /// `Io` as for [`finish`](Self::finish), and when there is a file of that name.
    pub fn finish_new(self) -> Result<()> {
        self.name(|temporary, target| temporary.persist_noclobber(target))
    }

    fn name(
        self,
        rename: impl FnOnce(NamedTempFile, &Path) -> std::result::Result<File, PersistError>,
    ) -> Result<()> {
        let AtomicFile { target, out } = self;
        let io = |e| Error::io(&target, e);
        let temporary = out.into_inner().map_err(|e| io(e.into_error()))?;
        temporary.as_file().sync_all().map_err(io)?;
        rename(temporary, &target).map_err(|e| io(e.error))?;
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
