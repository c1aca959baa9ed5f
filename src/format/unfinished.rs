//! The files of this process that have no name yet, for one that has to end in the middle.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::NamedTempFile;

static ALL: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// One of them; gone from the list when it is dropped.
#[derive(Debug)]
pub(super) struct Unfinished(PathBuf);

impl Unfinished {
    /// Makes a file that is in the list as soon as it is there.
    pub fn begin(
        make: impl FnOnce() -> io::Result<NamedTempFile>,
    ) -> io::Result<(NamedTempFile, Unfinished)> {
        let mut all = hold();
        let file = make()?;
        // Whoever removes it may be in another folder by then.
        let path = std::path::absolute(file.path())?;
        all.insert(path.clone());
        Ok((file, Unfinished(path)))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        hold().remove(&self.0);
    }
}

/// Keeps [`abandon_all`] away while files take their names, so that it finds all of a set or none.
pub(super) fn hold() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes every unfinished file, and lets no other begin: a thread that tries waits for the end of the process.
pub(super) fn abandon_all() {
    let all = hold();
    for path in all.iter() {
        remove(path);
    }
    std::mem::forget(all);
}

fn remove(path: &Path) {
    // One that is not there any more has just got its name or was dropped; of another reason nobody could be told.
    let _ = fs::remove_file(path);
}
