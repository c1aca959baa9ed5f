//! The files that a command writes: all of them or none; each of them whole, or not at all.

use super::failure::{Failure, Result};
use super::scaled::Scaled;
use super::stop;
use nearfield::format::{AtomicFile, NpyElement, NpyWriter};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The names behind the prefix, of files that either search writes or removes.
pub const NAMES: [&str; 3] = [LIMS, "ids", "dist"];
const LIMS: &str = "lims";

/// `PREFIX.NAME.npy`.
pub fn path(prefix: &Path, name: &str) -> PathBuf {
    let mut path = OsString::from(prefix);
    path.push(format!(".{name}.npy"));
    PathBuf::from(path)
}

/// Refuses a prefix that would make hidden files in a folder of that name.
pub fn check_prefix(prefix: &Path) -> Result<()> {
    let last = prefix.as_os_str().as_encoded_bytes().last();
    let why = match last {
        None => "is empty".to_owned(),
        Some(&byte) if std::path::is_separator(byte.into()) || prefix.is_dir() => {
            format!("{} is a folder", prefix.display())
        }
        Some(_) => return Ok(()),
    };
    Err(Failure::Usage(format!(
        "--out {why}: the names of the files begin with it, such as {}",
        prefix.join("hits").display()
    )))
}

/// Whether two names are those of one file, by whatever link. What is not there is no other file. What is no regular file is
/// refused elsewhere, and a pipe cannot be looked at here: both would be opened, which waits for whoever writes to it.
pub fn same(a: &Path, b: &Path) -> bool {
    let regular = |path: &Path| std::fs::metadata(path).is_ok_and(|meta| meta.is_file());
    a == b || regular(a) && regular(b) && same_file::is_same_file(a, b).unwrap_or(false)
}

/// Refuses an output that is an input, or another output, by whatever name or link.
pub fn check_apart(outputs: &[&Path], inputs: &[&Path]) -> Result<()> {
    for (i, output) in outputs.iter().enumerate() {
        let refuse = |other: &Path, what: &str| {
            let (output, other) = (output.display(), other.display());
            Err(Failure::Usage(format!("{output} would be written over {other}, which is {what}")))
        };
        if let Some(input) = inputs.iter().find(|input| same(output, input)) {
            return refuse(input, "read");
        }
        if let Some(other) = outputs[..i].iter().find(|other| same(output, other)) {
            return refuse(other, "written, too");
        }
    }
    Ok(())
}

/// `PREFIX.NAME.npy`, under a temporary name until all files of the search have their names.
struct Output<T> {
    path: PathBuf,
    writer: NpyWriter<T>,
}

impl<T: NpyElement> Output<T> {
    /// Begins the file; `columns` is the length of its rows, `None` for a list.
    fn create(prefix: &Path, name: &str, columns: Option<usize>) -> Result<Self> {
        let path = path(prefix, name);
        let shape: &[usize] = match &columns {
            Some(columns) => std::slice::from_ref(columns),
            None => &[],
        };
        Ok(Output { writer: NpyWriter::create(&path, shape)?, path })
    }

    fn write(&mut self, elements: &[T]) -> Result<()> {
        Ok(self.writer.write(elements)?)
    }

    fn complete(self, set: &mut Set) -> Result<()> {
        set.files.push(self.writer.complete()?);
        set.paths.push(self.path);
        Ok(())
    }
}

/// Files that lack nothing but their names.
#[derive(Default)]
struct Set {
    files: Vec<AtomicFile>,
    paths: Vec<PathBuf>,
    /// A file that belongs to an earlier set of the same prefix alone.
    gone: Option<PathBuf>,
}

impl Set {
    fn name(self) -> Result<Vec<PathBuf>> {
        stop::name(self.files, self.gone)?;
        Ok(self.paths)
    }
}

/// The files of a search: ids and distances, k places a query.
pub struct HitFiles {
    ids: Output<i64>,
    distances: Output<f32>,
    scaled: Scaled,
    buffer: Vec<f32>,
    lims: PathBuf,
    /// Places a query, and the distance of those without a hit; `None` for the lists of a range search.
    places: Option<(usize, f32)>,
}

impl HitFiles {
    /// Begins the files; `places` are k and the distance of places without a hit, `None` for the lists of a range search.
    pub fn create(prefix: &Path, places: Option<(usize, f32)>, scaled: Scaled) -> Result<Self> {
        let columns = places.map(|(k, _)| k);
        let ids = Output::create(prefix, "ids", columns)?;
        let distances = Output::create(prefix, "dist", columns)?;
        let lims = path(prefix, LIMS);
        Ok(HitFiles { ids, distances, scaled, buffer: Vec::new(), lims, places })
    }

    /// Appends the hits of one query. Ids are below 2^63, so their bits are those of an i64.
    pub fn write(&mut self, ids: &[u64], distances: &[f32]) -> Result<()> {
        self.ids.write(bytemuck::cast_slice(ids))?;
        self.distances.write(self.scaled.given_back(distances, &mut self.buffer)?)?;
        match self.places {
            Some((k, no_hit)) => self.write_missing(k - ids.len(), no_hit),
            None => Ok(()),
        }
    }

    /// Appends places without a hit.
    fn write_missing(&mut self, mut count: usize, no_hit: f32) -> Result<()> {
        const STEP: usize = 256;
        while count > 0 {
            let now = count.min(STEP);
            self.ids.write(&[-1; STEP][..now])?;
            self.distances.write(&[no_hit; STEP][..now])?;
            count -= now;
        }
        Ok(())
    }

    /// Gives both files their names, which it returns. The limits of a range search before, which had hits of the same names, go:
    /// they would be those of other hits.
    pub fn finish(self) -> Result<Vec<PathBuf>> {
        let mut set = Set { gone: Some(self.lims.clone()), ..Set::default() };
        self.complete(&mut set)?;
        set.name()
    }

    fn complete(self, set: &mut Set) -> Result<()> {
        self.ids.complete(set)?;
        self.distances.complete(set)
    }
}

/// The files of a range search: hits, and where those of each query begin and end.
pub struct RangeFiles {
    lims: Output<u64>,
    hits: HitFiles,
    written: u64,
}

impl RangeFiles {
    pub fn create(prefix: &Path, scaled: Scaled) -> Result<Self> {
        let mut lims = Output::create(prefix, LIMS, None)?;
        lims.write(&[0])?;
        Ok(RangeFiles { lims, hits: HitFiles::create(prefix, None, scaled)?, written: 0 })
    }

    /// Appends the hits of one query.
    pub fn write(&mut self, ids: &[u64], distances: &[f32]) -> Result<()> {
        self.hits.write(ids, distances)?;
        self.written += ids.len() as u64;
        self.lims.write(&[self.written])
    }

    /// Gives the files their names, which it returns.
    pub fn finish(self) -> Result<Vec<PathBuf>> {
        let mut set = Set::default();
        self.lims.complete(&mut set)?;
        self.hits.complete(&mut set)?;
        set.name()
    }
}

/// A text as a file that lacks its name.
pub fn text(path: &Path, text: &str) -> Result<AtomicFile> {
    let mut file = AtomicFile::create(path)?;
    file.write(text.as_bytes())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("r");
        for bad in [Path::new(""), Path::new("r/"), Path::new("."), folder.path(), &inside.join("")]
        {
            assert!(matches!(check_prefix(bad), Err(Failure::Usage(_))), "{bad:?}");
        }
        assert!(check_prefix(&inside).is_ok() && check_prefix(Path::new("r.")).is_ok());
    }

    #[test]
    fn an_output_is_no_input_and_no_other_output() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("base"), "rows").unwrap();
        std::fs::hard_link(path("base"), path("link")).unwrap();
        let (base, link, new) = (path("base"), path("link"), path("new"));
        let dotted = folder.path().join(".").join("base");
        for output in [&base, &link, &dotted] {
            assert!(matches!(check_apart(&[output], &[&base]), Err(Failure::Usage(_))));
            assert!(matches!(check_apart(&[&base, output], &[]), Err(Failure::Usage(_))));
        }
        assert!(check_apart(&[&new, &base], &[&path("missing")]).is_ok());
        assert!(check_apart(&[&new, &new], &[]).is_err());
    }
}
