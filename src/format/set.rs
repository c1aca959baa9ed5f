//! Several files that take their names together.

use super::atomic::{AtomicFile, folder};
use super::unfinished::{self, Unfinished};
use crate::error::{Error, Result};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempPath;

impl AtomicFile {
    /// Syncs files and gives them their names, all or none of them: what has the names before is put aside first, and put back
    /// where a later step fails. So nobody finds a file of this set beside one of another set with the same names, however
    /// many processes write such sets, and even where one is killed in the middle; for a moment there is none.
    ///
    /// # Errors
    /// As [`finish`](Self::finish); `InvalidArgument` for two files of one name. Then everything is as it was.
    ///
    /// # Example
    /// ```
    /// # let dir = std::env::temp_dir().join(format!("nearfield-set-{}", std::process::id()));
    /// # std::fs::create_dir_all(&dir).unwrap();
    /// use nearfield::format::{AtomicFile, NpyWriter};
    ///
    /// let (mut ids, mut distances) = (
    ///     NpyWriter::<i64>::create(dir.join("r.ids.npy"), &[2])?,
    ///     NpyWriter::<f32>::create(dir.join("r.dist.npy"), &[2])?,
    /// );
    /// ids.write(&[3, 5])?;
    /// distances.write(&[0.5, 0.75])?;
    /// AtomicFile::finish_all([ids.complete()?, distances.complete()?])?;
    /// assert!(dir.join("r.ids.npy").exists() && dir.join("r.dist.npy").exists());
    /// # std::fs::remove_dir_all(&dir).unwrap();
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn finish_all(files: impl IntoIterator<Item = AtomicFile>) -> Result<()> {
        // What fails for want of room fails before any name changes hands.
        let files = files.into_iter().map(AtomicFile::into_synced).collect::<Result<Vec<_>>>()?;
        let targets: BTreeSet<&Path> = files.iter().map(|file| file.target.as_path()).collect();
        if targets.len() < files.len() {
            return Err(Error::argument("files", "two of them have one name"));
        }
        let folders: BTreeSet<PathBuf> =
            targets.iter().map(|path| folder(path).to_owned()).collect();
        let _locks = lock(&folders);
        let (listed, files): (Vec<Unfinished>, Vec<_>) =
            files.into_iter().map(|file| (file.unfinished, (file.target, file.temporary))).unzip();
        let mut places = Vec::new();
        let hold = unfinished::hold();
        let outcome = exchange(files, &mut places);
        if outcome.is_err() {
            places.into_iter().rev().for_each(Place::put_back);
        }
        drop(hold);
        // Not before: their drop asks for what was held.
        drop(listed);
        outcome?;
        for folder in folders {
            sync(&folder);
        }
        Ok(())
    }
}

/// A name that changes hands.
struct Place {
    target: PathBuf,
    /// Where what had the name before is; removed when it is dropped.
    before: Option<TempPath>,
    taken: bool,
}

/// Puts aside what has the names, then gives the names; `places` tells how far it came.
fn exchange(files: Vec<(PathBuf, TempPath)>, places: &mut Vec<Place>) -> Result<()> {
    for (target, _) in &files {
        let before = put_aside(target).map_err(|e| Error::io(target, e))?;
        places.push(Place { target: target.clone(), before, taken: false });
    }
    for ((target, temporary), place) in files.into_iter().zip(places) {
        temporary.persist(&target).map_err(|e| Error::io(&target, e.error))?;
        place.taken = true;
    }
    Ok(())
}

fn put_aside(target: &Path) -> io::Result<Option<TempPath>> {
    if fs::symlink_metadata(target).is_err_and(|e| e.kind() == io::ErrorKind::NotFound) {
        return Ok(None);
    }
    let mut builder = tempfile::Builder::new();
    let aside = builder.prefix(".nearfield-").suffix(".old").tempfile_in(folder(target))?;
    let aside = aside.into_temp_path();
    fs::rename(target, &aside)?;
    Ok(Some(aside))
}

impl Place {
    /// As far as that can be done: the error that led here is the one to tell.
    fn put_back(self) {
        match self.before {
            Some(before) => {
                if let Err(error) = before.persist(&self.target) {
                    // Rather under another name than not at all.
                    let _ = error.path.keep();
                }
            }
            None if self.taken => {
                let _ = fs::remove_file(&self.target);
            }
            None => {}
        }
    }
}

/// Holds other processes that name a set in these folders up, until it is dropped; a process that is killed leaves nothing.
/// Where the system has no such lock, sets are exchanged without.
///
/// Each folder is locked once, whatever names it has here, since a second lock would wait for the first; and all processes
/// lock them in one order.
#[cfg(unix)]
fn lock(folders: &BTreeSet<PathBuf>) -> Vec<File> {
    use rustix::fs::{FlockOperation, flock};
    use std::collections::BTreeMap;
    use std::os::unix::fs::MetadataExt;
    let mut files = BTreeMap::new();
    for file in folders.iter().filter_map(|folder| File::open(folder).ok()) {
        if let Ok(meta) = file.metadata() {
            files.insert((meta.dev(), meta.ino()), file);
        }
    }
    for file in files.values() {
        while flock(file, FlockOperation::LockExclusive) == Err(rustix::io::Errno::INTR) {}
    }
    files.into_values().collect()
}

#[cfg(not(unix))]
fn lock(_folders: &BTreeSet<PathBuf>) -> Vec<File> {
    Vec::new()
}

/// The names lie in the folder, which not every system can sync; the files themselves are safe by now.
fn sync(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &Path, text: &str) -> AtomicFile {
        let mut file = AtomicFile::create(path).unwrap();
        file.write(text.as_bytes()).unwrap();
        file
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_set_that_fails_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a"), "before").unwrap();
        let files = ["a", "b", "c"].map(|name| file(&path(name), "after"));
        // A folder that came meanwhile cannot be replaced.
        fs::create_dir(path("c")).unwrap();
        fs::write(path("c").join("x"), "").unwrap();
        assert!(matches!(AtomicFile::finish_all(files), Err(Error::Io { .. })));
        assert_eq!(
            (names(folder.path()), fs::read(path("a")).unwrap()),
            (vec!["a".into(), "c".into()], b"before".to_vec())
        );
        fs::remove_dir_all(path("c")).unwrap();
        AtomicFile::finish_all(["a", "b", "c"].map(|name| file(&path(name), "after"))).unwrap();
        assert_eq!(names(folder.path()), ["a", "b", "c"]);
        assert!(["a", "b", "c"].iter().all(|name| fs::read(path(name)).unwrap() == b"after"));
        let twice = AtomicFile::finish_all(["a", "a"].map(|name| file(&path(name), "twice")));
        assert!(matches!(twice, Err(Error::InvalidArgument { .. })));
        assert_eq!(
            (names(folder.path()).len(), fs::read(path("a")).unwrap()),
            (3, b"after".to_vec())
        );
    }

    #[cfg(unix)]
    #[test]
    fn sets_of_one_name_never_mix() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::thread::scope(|scope| {
            for text in ["one", "two", "three", "four"] {
                let (path, folder) = (&path, folder.path());
                scope.spawn(move || {
                    for _ in 0..20 {
                        let set = ["a", "b"].map(|name| file(&path(name), text));
                        AtomicFile::finish_all(set).unwrap();
                        // Read under the lock, as another writer would hold it.
                        let _lock = lock(&BTreeSet::from([folder.to_owned()]));
                        assert_eq!(fs::read(path("a")).unwrap(), fs::read(path("b")).unwrap());
                    }
                });
            }
        });
        assert_eq!(names(folder.path()), ["a", "b"]);
    }

    #[test]
    fn a_folder_by_two_names_is_locked_once() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join(".").join("b"));
        // What is there goes by its whole name, what is new by the name that was given.
        for _ in 0..2 {
            AtomicFile::finish_all([file(&a, "1"), file(&b, "2")]).unwrap();
            fs::remove_file(&b).unwrap();
        }
        assert_eq!(names(folder.path()), ["a"]);
    }
}
