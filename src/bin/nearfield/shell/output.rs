//! The files that a command writes: all of a search's, or none; each of them whole, or not at all.

use super::failure::Result;
use nearfield::Error;
use nearfield::format::{NpyElement, NpyWriter};
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// `PREFIX.NAME.npy` for one NAME, under a temporary name until it is finished.
pub struct Output<T> {
    path: PathBuf,
    writer: NpyWriter<T>,
}

impl<T: NpyElement> Output<T> {
    /// Begins the file; `columns` is the length of its rows, `None` for a list.
    pub fn create(prefix: &Path, name: &str, columns: Option<usize>) -> Result<Self> {
        let mut path = OsString::from(prefix);
        path.push(format!(".{name}.npy"));
        let path = PathBuf::from(path);
        let shape: &[usize] = match &columns {
            Some(columns) => std::slice::from_ref(columns),
            None => &[],
        };
        Ok(Output { writer: NpyWriter::create(&path, shape)?, path })
    }

    pub fn write(&mut self, elements: &[T]) -> Result<()> {
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

/// Ids and distances, as both searches write them.
pub struct HitFiles {
    ids: Output<i64>,
    distances: Output<f32>,
}

impl HitFiles {
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
        self.ids.finish(&mut finished)?;
        self.distances.finish(&mut finished)?;
        Ok(finished)
    }
}

/// Gives the files of a range search their names, which it returns.
pub fn finish(lims: Output<u64>, hits: HitFiles) -> Result<Vec<PathBuf>> {
    let mut finished = Vec::new();
    lims.finish(&mut finished)?;
    hits.ids.finish(&mut finished)?;
    hits.distances.finish(&mut finished)?;
    Ok(finished)
}

/// A text, written beside its destination and renamed onto it; dropped earlier, it leaves nothing behind.
pub struct TextFile {
    target: PathBuf,
    temporary: NamedTempFile,
}

impl TextFile {
    /// Finds out whether the text can be written there.
    pub fn create(path: &Path) -> Result<TextFile> {
        let (target, temporary) = temporary(path)?;
        Ok(TextFile { target, temporary })
    }

    pub fn finish(mut self, text: &str) -> Result<()> {
        let io = |e| Error::io(&self.target, e);
        self.temporary.write_all(text.as_bytes()).map_err(io)?;
        self.temporary.as_file().sync_all().map_err(io)?;
        self.temporary.persist(&self.target).map_err(|e| io(e.error))?;
        Ok(())
    }
}

/// What `path` leads to, and a temporary beside it that becomes it.
pub fn temporary(path: &Path) -> Result<(PathBuf, NamedTempFile)> {
    // The rename would replace a link instead of what it points to.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if std::fs::metadata(&target).is_ok_and(|meta| !meta.is_file()) {
        let why = io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
        return Err(Error::io(path, why).into());
    }
    let folder = target.parent().filter(|p| !p.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".nearfield-").suffix(".tmp");
    // Temporaries are private by default; this one becomes a file like any other, as the umask has it.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let temporary = builder.tempfile_in(folder.unwrap_or(Path::new(".")));
    Ok((target, temporary.map_err(|e| Error::io(path, e))?))
}
