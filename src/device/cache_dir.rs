//! The folder in which compiled pipelines are kept.

use super::options::Options;
use crate::error::{Error, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Systems by where their users keep what can be made again.
#[derive(Clone, Copy, Debug)]
enum System {
    Apple,
    Windows,
    /// Linux and the like, by the XDG base directory specification.
    Other,
}

impl System {
    const fn own() -> System {
        if cfg!(target_vendor = "apple") {
            System::Apple
        } else if cfg!(windows) {
            System::Windows
        } else {
            System::Other
        }
    }

    /// This crate's folder on it, where the environment tells of one.
    fn folder(self, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|p| p.is_absolute());
        let caches = match self {
            System::Apple => absolute("HOME")?.join("Library").join("Caches"),
            System::Windows => absolute("LOCALAPPDATA")?,
            System::Other => {
                let home = || absolute("HOME").map(|home| home.join(".cache"));
                absolute("XDG_CACHE_HOME").or_else(home)?
            }
        };
        Some(caches.join("nearfield"))
    }
}

/// The folder that was asked for, which has to be there or to be made, else the system's own, in which everything may fail.
///
/// # Errors
/// `InvalidArgument`, in the name of who asked.
pub(super) fn choose(options: &Options) -> Result<Option<PathBuf>> {
    let Some((folder, asked)) = &options.cache_dir else {
        return Ok(System::own().folder(|name| std::env::var_os(name)));
    };
    make(folder).map_err(|e| Error::argument(asked, format!("{}: {e}", folder.display())))?;
    Ok(Some(folder.clone()))
}

fn make(folder: &Path) -> std::io::Result<()> {
    if folder.as_os_str().is_empty() {
        return Err(std::io::Error::other("an empty path names no folder"));
    }
    std::fs::create_dir_all(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(system: System, set: &[(&str, &str)]) -> Option<PathBuf> {
        let value = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).into());
        system.folder(value)
    }

    #[cfg(unix)]
    #[test]
    fn each_system_has_its_place() {
        let home = ("HOME", "/home/ada");
        let place = |system, set: &[(&str, &str)]| {
            folder(system, set).map(|path| path.display().to_string())
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(place(System::Other, &[home]), some("/home/ada/.cache/nearfield"));
        let xdg = ("XDG_CACHE_HOME", "/caches");
        assert_eq!(place(System::Other, &[home, xdg]), some("/caches/nearfield"));
        // the specification has relative paths ignored
        let relative = ("XDG_CACHE_HOME", "caches");
        assert_eq!(place(System::Other, &[home, relative]), some("/home/ada/.cache/nearfield"));
        assert_eq!(place(System::Apple, &[home, xdg]), some("/home/ada/Library/Caches/nearfield"));
        let local = ("LOCALAPPDATA", "/users/ada/local");
        assert_eq!(place(System::Windows, &[home, local]), some("/users/ada/local/nearfield"));
        for system in [System::Other, System::Apple, System::Windows] {
            assert_eq!(place(system, &[]), None);
            assert_eq!(place(system, &[("HOME", ""), ("LOCALAPPDATA", "")]), None);
        }
    }
}
