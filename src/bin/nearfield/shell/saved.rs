//! Saved indexes: the one table of their files, how each is known, read and written.

use super::failure::{Failure, Result};
use super::metric;
use crate::args::MetricName;
use nearfield::format::AtomicFile;
use nearfield::{
    Gpu, Index, IndexInfo, Metric, faiss_info, hnswlib_info, is_faiss, is_hnswlib, read_faiss,
    read_hnswlib, read_index, verify_faiss, verify_hnswlib, write_faiss_unnamed,
    write_hnswlib_unnamed,
};
use std::path::{Path, PathBuf};

/// A kind of file that holds an index.
pub struct Format {
    /// Of a file that is written it decides.
    extension: &'static str,
    /// Whether a file that is read is one, by its first bytes.
    begins: fn(&Path) -> nearfield::Result<bool>,
    /// Whether its files leave out what rows they hold.
    needs_told: bool,
    describe: fn(&Path, &Told) -> nearfield::Result<IndexInfo>,
    /// Checks all of it; told bytes done and bytes in all.
    verify: fn(&Path, &Told, &mut Tell<'_>) -> nearfield::Result<IndexInfo>,
    read: fn(&Gpu, &Path, &Told) -> nearfield::Result<Box<dyn Index>>,
    /// Writes a file that lacks its name.
    write: fn(&dyn Index, &Path) -> nearfield::Result<AtomicFile>,
}

/// Told bytes done and bytes in all; an error ends the work.
pub type Tell<'a> = dyn FnMut(u64, u64) -> nearfield::Result<()> + 'a;

static FORMATS: [Format; 3] = [
    Format {
        extension: "nf",
        begins: |path| IndexInfo::is_index(path),
        needs_told: false,
        describe: |path, _| IndexInfo::read(path),
        verify: |path, _, tell| IndexInfo::verify(path, tell),
        read: |gpu, path, _| read_index(gpu, path),
        write: |index, path| index.write_unnamed(path),
    },
    Format {
        extension: "faiss",
        begins: |path| is_faiss(path),
        needs_told: false,
        describe: |path, _| faiss_info(path),
        verify: |path, _, tell| verify_faiss(path, tell),
        read: |gpu, path, _| read_faiss(gpu, path),
        write: |index, path| write_faiss_unnamed(index, path),
    },
    Format {
        extension: "hnswlib",
        begins: |path| is_hnswlib(path),
        needs_told: true,
        describe: |path, told| hnswlib_info(path, told.dim, &told.metric),
        verify: |path, told, tell| verify_hnswlib(path, told.dim, &told.metric, tell),
        read: |gpu, path, told| Ok(Box::new(read_hnswlib(gpu, path, told.dim, &told.metric)?)),
        write: |index, path| write_hnswlib_unnamed(index, path),
    },
];

/// What other programs write, and nothing here reads.
const FOREIGN: [&str; 1] = ["usearch"];

/// What a file is told of that leaves it out.
#[derive(Clone)]
struct Told {
    /// Elements of a row; 0 where nobody said it.
    dim: usize,
    metric: Metric,
}

/// What was said of the rows of a file.
#[derive(Clone, Copy, Default)]
pub struct Said<'a> {
    pub dim: Option<u64>,
    pub metric: Option<&'a MetricName>,
}

/// A file of an index that was found to be one.
pub struct Saved {
    pub path: PathBuf,
    pub info: IndexInfo,
    format: &'static Format,
    told: Told,
}

impl Saved {
    /// Opens a file if its first bytes are those of an index.
    pub fn find(path: &Path, said: Said<'_>) -> Result<Option<Saved>> {
        for format in &FORMATS {
            if !(format.begins)(path)? {
                continue;
            }
            let told = format.told(path, said)?;
            let (path, info) = (path.to_owned(), (format.describe)(path, &told)?);
            return Ok(Some(Saved { path, info, format, told }));
        }
        match said.dim {
            Some(_) => Err(unneeded(path)),
            None => Ok(None),
        }
    }

    /// Opens a file that has to be an index.
    pub fn open(path: &Path, said: Said<'_>) -> Result<Saved> {
        let instead = || match foreign(path) {
            Some(name) => format!("no .{name} is read here; what is: {}", known()),
            None => "a file of rows is searched with --base, and made an index by nearfield build"
                .into(),
        };
        Saved::find(path, said)?.ok_or_else(|| {
            Failure::Work(format!(
                "{}: its first bytes are those of no index: {}",
                path.display(),
                instead()
            ))
        })
    }

    pub fn format(&self) -> &'static str {
        self.format.extension
    }

    pub fn read(&self, gpu: &Gpu) -> nearfield::Result<Box<dyn Index>> {
        (self.format.read)(gpu, &self.path, &self.told)
    }

    pub fn verify(&self, tell: &mut Tell<'_>) -> Result<IndexInfo> {
        Ok((self.format.verify)(&self.path, &self.told, tell)?)
    }
}

/// The format of a file to be written, by its extension.
pub fn format_of(path: &Path) -> Result<&'static Format> {
    let extension = path.extension().unwrap_or_default();
    let found = FORMATS.iter().find(|format| extension.eq_ignore_ascii_case(format.extension));
    found.ok_or_else(|| {
        let path = path.display();
        Failure::Usage(format!(
            "{path}: an index is written to a file whose name ends in {}",
            known()
        ))
    })
}

/// What is said of a file that says it itself.
fn unneeded(path: &Path) -> Failure {
    let path = path.display();
    Failure::Usage(format!("--dim is for files of hnswlib, which do not say it; {path} is none"))
}

impl Format {
    /// What of a file was said that it leaves out, if it does.
    fn told(&self, path: &Path, said: Said<'_>) -> Result<Told> {
        match (self.needs_told, said) {
            (false, Said { dim: Some(_), .. }) => Err(unneeded(path)),
            (false, _) => Ok(Told { dim: 0, metric: Metric::L2 }),
            (true, Said { dim: Some(dim), metric: Some(name) }) => {
                let dim = usize::try_from(dim).unwrap_or(usize::MAX);
                Ok(Told { dim, metric: metric::of(name, None)? })
            }
            (true, _) => Err(Failure::Usage(format!(
                "{} is a file of hnswlib, which says neither of how many elements its rows are nor how they are compared: --dim D and --metric l2, ip or cosine",
                path.display()
            ))),
        }
    }

    /// Whether a file can have such an index, which has no rows yet, before these are read and added; it leaves nothing behind.
    pub fn check(&self, index: &dyn Index, path: &Path) -> Result<()> {
        Ok((self.write)(index, path).map(drop)?)
    }

    /// Writes an index to a file that lacks its name.
    pub fn write(&self, index: &dyn Index, path: &Path) -> Result<AtomicFile> {
        Ok((self.write)(index, path)?)
    }
}

/// Whether a file is called like one that holds an index.
pub fn is_called_index(path: &Path) -> bool {
    path.extension().is_some_and(|e| FORMATS.iter().any(|f| e.eq_ignore_ascii_case(f.extension)))
}

/// The extension of another program's index.
pub fn foreign(path: &Path) -> Option<&'static str> {
    let extension = path.extension()?;
    FOREIGN.into_iter().find(|name| extension.eq_ignore_ascii_case(name))
}

fn known() -> String {
    FORMATS.each_ref().map(|format| format!(".{}", format.extension)).join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_decides_what_is_written() {
        assert_eq!(format_of(Path::new("a/b.NF")).map(|f| f.extension).ok(), Some("nf"));
        assert_eq!(format_of(Path::new("a.faiss")).map(|f| f.extension).ok(), Some("faiss"));
        for bad in ["a", "a.npy", "nf", ".nf", "a.nf.bak", "a.usearch"] {
            let Err(Failure::Usage(why)) = format_of(Path::new(bad)) else { panic!("{bad}") };
            assert!(why.contains("ends in .nf or .faiss"), "{why}");
        }
    }

    #[test]
    fn the_first_bytes_decide_what_is_read() {
        let (folder, said) = (tempfile::tempdir().unwrap(), Said::default());
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        assert!(Saved::find(&file("rows.nf", b"nearfld"), said).is_ok_and(|found| found.is_none()));
        let folded = Said { dim: Some(4), metric: None };
        assert!(Saved::find(&file("rows.nf", b"nearfld"), folded).is_err());
        // It says that it is one, and is damaged.
        assert!(Saved::find(&file("rows.npy", b"nearfld\x1a"), said).is_err());
        let nsg = Saved::find(&file("x", b"INSf\x08\0\0\0"), said).map(|_| ());
        let nsg = nsg.unwrap_err().to_string();
        assert!(nsg.contains("NSG"), "{nsg}");
        for (name, expected) in
            [("x.nf", "--base"), ("x.faiss", "--base"), ("x.usearch", "no .usearch")]
        {
            let why = Saved::open(&file(name, b"IxF2"), said).map(|_| ()).unwrap_err().to_string();
            assert!(why.contains(expected), "{why}");
        }
    }
}
