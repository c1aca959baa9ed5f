//! Several files that take their names together.

use super::atomic::{AtomicFile, Synced, folder, temporary};
use super::unfinished::{self, Unfinished};
use crate::error::{Error, Result};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempPath;

/// How often a lock is tried.
#[cfg(unix)]
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(5);

/// Files that are whole and synced and lack nothing but their names, from [`AtomicFile::ready_all`]; dropped, they leave nothing
/// behind. While this lives, no other set is named in their folders.
#[derive(Debug)]
pub struct ReadyFiles {
    files: Vec<Synced>,
    gone: Vec<PathBuf>,
    folders: BTreeSet<PathBuf>,
    _locks: Vec<File>,
}

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
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let dir = folder.path();
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
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn finish_all(files: impl IntoIterator<Item = AtomicFile>) -> Result<()> {
        Self::ready_all(files, [], &mut || Ok(()))?.finish()
    }

    /// Does all that may take long before [`finish_all`](Self::finish_all) names files: syncs them, and waits for other processes
    /// that name a set in their folders. `gone` are names of files of an earlier set that this one has no use for:
    /// [`finish`](ReadyFiles::finish) removes those that are there, and what is neither a regular file nor a link stays. `check` is asked some
    /// hundred times a second while this waits, and ends it by an error.
    ///
    /// # Errors
    /// As [`finish_all`](Self::finish_all), and those of `check`. Then everything is as it was.
    pub fn ready_all(
        files: impl IntoIterator<Item = AtomicFile>,
        gone: impl IntoIterator<Item = PathBuf>,
        check: &mut dyn FnMut() -> Result<()>,
    ) -> Result<ReadyFiles> {
        // What fails for want of room fails before any name changes hands.
        let files = files.into_iter().map(AtomicFile::into_synced).collect::<Result<Vec<_>>>()?;
        let targets: BTreeSet<&Path> = files.iter().map(|file| file.target.as_path()).collect();
        if targets.len() < files.len() {
            return Err(Error::argument("files", "two of them have one name"));
        }
        let gone: Vec<PathBuf> = gone.into_iter().filter(|p| !targets.contains(&**p)).collect();
        let paths = targets.into_iter().chain(gone.iter().map(|path| path.as_path()));
        let folders: BTreeSet<PathBuf> = paths.map(|path| folder(path).to_owned()).collect();
        let _locks = lock(&folders, check)?;
        Ok(ReadyFiles { files, gone, folders, _locks })
    }
}

impl ReadyFiles {
    /// Gives all files their names, or none: a few renames, and as many syncs of folders.
    ///
    /// # Errors
    /// `Io` where a file cannot be renamed. Then everything is as it was.
    pub fn finish(self) -> Result<()> {
        let ReadyFiles { files, gone, folders, _locks } = self;
        let (listed, files): (Vec<Unfinished>, Vec<_>) =
            files.into_iter().map(|file| (file.unfinished, (file.target, file.temporary))).unzip();
        let mut places = Vec::new();
        let hold = unfinished::hold();
        let outcome = exchange(files, gone, &mut places);
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

/// Puts aside what has the names, and what is to go, then gives the names; `places` tells how far it came.
fn exchange(
    files: Vec<(PathBuf, TempPath)>,
    gone: Vec<PathBuf>,
    places: &mut Vec<Place>,
) -> Result<()> {
    let of_a_set = |path: &PathBuf| {
        fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file() || meta.is_symlink())
    };
    let gone = gone.into_iter().filter(of_a_set);
    // Those with a new file come first, as the second loop has them.
    for target in files.iter().map(|(target, _)| target.clone()).chain(gone) {
        let before = put_aside(&target).map_err(|e| Error::io(&target, e))?;
        places.push(Place { target, before, taken: false });
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
    let aside = temporary(target, ".old")?.into_temp_path();
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
/// Where the system has no such lock, sets are exchanged without. It is tried again and again instead of waited for, so that
/// `check` can end the wait.
///
/// Each folder is locked once, whatever names it has here, since a second lock would wait for the first; and all processes
/// lock them in one order.
#[cfg(unix)]
fn lock(folders: &BTreeSet<PathBuf>, check: &mut dyn FnMut() -> Result<()>) -> Result<Vec<File>> {
    use rustix::fs::{FlockOperation, flock};
    use rustix::io::Errno;
    use std::collections::BTreeMap;
    use std::os::unix::fs::MetadataExt;
    let mut files = BTreeMap::new();
    for file in folders.iter().filter_map(|folder| File::open(folder).ok()) {
        if let Ok(meta) = file.metadata() {
            files.insert((meta.dev(), meta.ino()), file);
        }
    }
    for file in files.values() {
        let lock = || flock(file, FlockOperation::NonBlockingLockExclusive);
        while let Err(Errno::WOULDBLOCK | Errno::INTR) = lock() {
            check()?;
            std::thread::sleep(LOCK_PAUSE);
        }
    }
    Ok(files.into_values().collect())
}

#[cfg(not(unix))]
fn lock(_folders: &BTreeSet<PathBuf>, _check: &mut dyn FnMut() -> Result<()>) -> Result<Vec<File>> {
    Ok(Vec::new())
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
                        let _lock = lock(&BTreeSet::from([folder.to_owned()]), &mut || Ok(()));
                        assert_eq!(fs::read(path("a")).unwrap(), fs::read(path("b")).unwrap());
                    }
                });
            }
        });
        assert_eq!(names(folder.path()), ["a", "b"]);
    }

    #[test]
    fn what_a_set_has_no_use_for_goes_with_it_or_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let set = |names: &[&str], gone: &[&str]| {
            let files: Vec<_> = names.iter().map(|name| file(&path(name), "new")).collect();
            AtomicFile::ready_all(files, gone.iter().map(|name| path(name)), &mut || Ok(()))
        };
        fs::write(path("lims"), "before").unwrap();
        // Not yet, and not where the set is given up.
        drop(set(&["a"], &["lims"]).unwrap());
        assert_eq!(names(folder.path()), ["lims"]);
        let ready = set(&["a", "c"], &["lims", "missing"]).unwrap();
        fs::create_dir(path("c")).unwrap();
        fs::write(path("c").join("x"), "").unwrap();
        assert!(matches!(ready.finish(), Err(Error::Io { .. })));
        assert_eq!(names(folder.path()), ["c", "lims"]);
        assert_eq!(fs::read(path("lims")).unwrap(), b"before");
        // Neither a folder, nor a file that is of the set, goes.
        set(&["a", "b"], &["lims", "b", "c"]).unwrap().finish().unwrap();
        assert_eq!(names(folder.path()), ["a", "b", "c"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_wait_for_another_set_can_be_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let other = AtomicFile::ready_all([file(&path, "other")], [], &mut || Ok(())).unwrap();
        let mut asked = 0;
        let ended = AtomicFile::ready_all([file(&path, "one")], [], &mut || {
            asked += 1;
            if asked < 3 { Ok(()) } else { Err(Error::Cancelled) }
        });
        assert!(matches!(ended, Err(Error::Cancelled)) && asked == 3);
        other.finish().unwrap();
        assert_eq!(
            (names(folder.path()), fs::read(path).unwrap()),
            (vec!["a".into()], b"other".to_vec())
        );
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
