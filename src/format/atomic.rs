//! Files that appear whole or not at all.

use super::unfinished::{self, Unfinished};
use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, PersistError, TempPath};

/// A file written beside its destination, then synced and renamed onto it; dropped earlier, it leaves nothing behind.
///
/// [`create`](Self::create) begins one, [`finish`](Self::finish) gives it its name. Every writer of this crate writes
/// through one, so that a reader sees a file whole or not at all.
///
/// # Example
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let dir = folder.path();
/// use nearfield::format::AtomicFile;
///
/// let path = dir.join("notes.txt");
/// let mut file = AtomicFile::create(&path)?;
/// file.write(b"whole")?;
/// assert!(!path.exists());
/// file.finish()?;
/// assert_eq!(std::fs::read(&path).unwrap(), b"whole");
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    out: BufWriter<NamedTempFile>,
    unfinished: Unfinished,
}

/// A file that lacks nothing but its name.
#[derive(Debug)]
pub(super) struct Synced {
    pub target: PathBuf,
    pub temporary: TempPath,
    pub unfinished: Unfinished,
}

impl AtomicFile {
    /// Begins a file that will be `path`. What is there stays until [`finish`](Self::finish); where `path` is a link, what
    /// it leads to is replaced, and the link stays.
    ///
    /// # Errors
    /// `Io` when the folder cannot be written to, `path` is there and no regular file, names a folder by its last letter, or
    /// is a link that leads nowhere.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let refuse =
            |reason| Err(Error::io(path, io::Error::new(io::ErrorKind::InvalidInput, reason)));
        // The rename would replace a link instead of what it points to.
        let target = match fs::canonicalize(path) {
            Ok(target) => target,
            Err(_) if fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink()) => {
                return refuse("a link that leads nowhere");
            }
            Err(_) => path.to_owned(),
        };
        let last = path.as_os_str().as_encoded_bytes().last();
        if last.is_some_and(|&byte| std::path::is_separator(byte.into())) {
            return refuse("the name of a folder");
        }
        if fs::metadata(&target).is_ok_and(|meta| !meta.is_file()) {
            return refuse("not a regular file");
        }
        let make = || temporary(&target, ".tmp");
        let (temporary, unfinished) = Unfinished::begin(make).map_err(|e| Error::io(path, e))?;
        Ok(AtomicFile { target, out: BufWriter::with_capacity(1 << 18, temporary), unfinished })
    }

    /// Removes the unfinished files of the whole process, for one that has to end at once, since nothing drops them then. Sets
    /// that are taking their names finish before. No file can be begun or finished afterwards: a thread that tries waits for
    /// the end, which should come next.
    pub fn abandon_all() {
        unfinished::abandon_all();
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
        let (target, temporary, _unfinished) = self.synced()?;
        rename(temporary, &target).map_err(|e| Error::io(&target, e.error))?;
        // The name lies in the folder, which not every system can sync; the file itself is safe by now.
        if let Ok(folder) = File::open(folder(&target)) {
            let _ = folder.sync_all();
        }
        Ok(())
    }

    pub(super) fn into_synced(self) -> Result<Synced> {
        let (target, temporary, unfinished) = self.synced()?;
        Ok(Synced { target, temporary: temporary.into_temp_path(), unfinished })
    }

    fn synced(self) -> Result<(PathBuf, NamedTempFile, Unfinished)> {
        let AtomicFile { target, out, unfinished } = self;
        let io = |e| Error::io(&target, e);
        let temporary = out.into_inner().map_err(|e| io(e.into_error()))?;
        temporary.as_file().sync_all().map_err(io)?;
        Ok((target, temporary, unfinished))
    }
}

/// A file beside `target`, whose name ends in `suffix`.
pub(super) fn temporary(target: &Path, suffix: &str) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".nearfield-").suffix(suffix);
    // Temporaries are private by default; these become files like any other, as the umask has it.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder(target))
}

pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
