//! Saved indexes: the one table of their files, how each is known, read and written.

use super::failure::{Failure, Result};
use nearfield::format::AtomicFile;
use nearfield::{
    Gpu, Index, IndexInfo, faiss_info, is_faiss, read_faiss, read_index, verify_faiss,
    write_faiss_unnamed,
};
use std::path::{Path, PathBuf};

/// A kind of file that holds an index.
pub struct Format {
    /// Of a file that is written it decides. So it would of one that is read if no first bytes tell what it is, and then what the
    /// file leaves out would have to be said: no such format is here yet.
    extension: &'static str,
    /// Whether a file that is read is one, by its first bytes.
    begins: fn(&Path) -> nearfield::Result<bool>,
    describe: fn(&Path) -> nearfield::Result<IndexInfo>,
    /// Checks all of it; told bytes done and bytes in all.
    verify: fn(&Path, &mut Tell<'_>) -> nearfield::Result<IndexInfo>,
    read: fn(&Gpu, &Path) -> nearfield::Result<Box<dyn Index>>,
    /// Writes a file that lacks its name.
    write: fn(&dyn Index, &Path) -> nearfield::Result<AtomicFile>,
}

/// Told bytes done and bytes in all; an error ends the work.
pub type Tell<'a> = dyn FnMut(u64, u64) -> nearfield::Result<()> + 'a;

static FORMATS: [Format; 2] = [
    Format {
        extension: "nf",
        begins: |path| IndexInfo::is_index(path),
        describe: |path| IndexInfo::read(path),
        verify: |path, tell| IndexInfo::verify(path, tell),
        read: |gpu, path| read_index(gpu, path),
        write: |index, path| index.write_unnamed(path),
    },
    Format {
        extension: "faiss",
        begins: |path| is_faiss(path),
        describe: |path| faiss_info(path),
        verify: |path, tell| verify_faiss(path, tell),
        read: |gpu, path| read_faiss(gpu, path),
        write: |index, path| write_faiss_unnamed(index, path),
    },
];

/// What other programs write, and nothing here reads.
const FOREIGN: [&str; 2] = ["hnswlib", "usearch"];

/// A file of an index that was found to be one.
pub struct Saved {
    pub path: PathBuf,
    pub info: IndexInfo,
    format: &'static Format,
}

impl Saved {
    /// Opens a file if its first bytes are those of an index.
    pub fn find(path: &Path) -> Result<Option<Saved>> {
        for format in &FORMATS {
            if (format.begins)(path)? {
                return Ok(Some(Saved {
                    path: path.to_owned(),
                    info: (format.describe)(path)?,
                    format,
                }));
            }
        }
        Ok(None)
    }

    /// Opens a file that has to be an index.
    pub fn open(path: &Path) -> Result<Saved> {
        let instead = || match foreign(path) {
            Some(name) => format!("no .{name} is read here; what is: {}", known()),
            None => "a file of rows is searched with --base, and made an index by nearfield build"
                .into(),
        };
        Saved::find(path)?.ok_or_else(|| {
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
        (self.format.read)(gpu, &self.path)
    }

    pub fn verify(&self, tell: &mut Tell<'_>) -> Result<IndexInfo> {
        Ok((self.format.verify)(&self.path, tell)?)
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

impl Format {
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
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        assert!(Saved::find(&file("rows.nf", b"nearfld")).is_ok_and(|found| found.is_none()));
        // It says that it is one, and is damaged.
        assert!(Saved::find(&file("rows.npy", b"nearfld\x1a")).is_err());
        let hnsw = Saved::find(&file("x", b"IHNf\x08\0\0\0")).map(|_| ()).unwrap_err().to_string();
        assert!(hnsw.contains("HNSW"), "{hnsw}");
        for (name, expected) in
            [("x.nf", "--base"), ("x.faiss", "--base"), ("x.hnswlib", "no .hnswlib")]
        {
            let why = Saved::open(&file(name, b"IxF2")).map(|_| ()).unwrap_err().to_string();
            assert!(why.contains(expected), "{why}");
        }
    }
}
