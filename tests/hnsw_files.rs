//! Runs without a GPU. Files of HNSW graphs, hnswlib's and FAISS's, that are damaged: an error that names the file and the place, no panic, and no
//! more memory than the file justifies.

#[path = "format_support/watched.rs"]
mod watched;

use nearfield::{Error, IndexInfo, Metric, hnswlib_info, is_hnswlib, verify_faiss, verify_hnswlib};
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use watched::LARGEST;

const DIM: usize = 5;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hnsw")
}

const FILES: [&str; 9] = [
    "l2.hnswlib",
    "deleted.hnswlib",
    "base_only.hnswlib",
    "empty.hnswlib",
    "flat_l2.faiss",
    "idmap2.faiss",
    "cagra.faiss",
    "fp16.faiss",
    "flat_empty.faiss",
];

fn verified(path: &Path, hnswlib: bool) -> Result<IndexInfo, Error> {
    match hnswlib {
        true => verify_hnswlib(path, DIM, &Metric::L2, &mut |_, _| Ok(())),
        false => verify_faiss(path, &mut |_, _| Ok(())),
    }
}

/// A file that is damaged and made good again.
struct Damaged {
    path: tempfile::TempPath,
    file: fs::File,
    good: Vec<u8>,
    hnswlib: bool,
}

impl Damaged {
    fn new(name: &str) -> Damaged {
        let good = fs::read(folder().join(name)).unwrap();
        let (mut file, path) = tempfile::NamedTempFile::new().unwrap().into_parts();
        file.write_all(&good).unwrap();
        Damaged { path, file, good, hnswlib: name.ends_with("hnswlib") }
    }

    /// Whether it is read with so many bytes.
    fn cut(&self, length: usize) -> bool {
        self.file.set_len(length as u64).unwrap();
        self.is_read(length)
    }

    /// Whether it is read with these bytes in it.
    fn with(&mut self, at: usize, bytes: &[u8]) -> bool {
        self.put(at, bytes);
        let taken = self.is_read(self.good.len());
        let good = self.good[at..at + bytes.len()].to_vec();
        self.put(at, &good);
        taken
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.file.seek(SeekFrom::Start(at as u64)).unwrap();
        self.file.write_all(bytes).unwrap();
    }

    /// Reads it; an error is in it, and no allocation larger than twice the file beside a few KB for names and messages.
    fn is_read(&self, length: usize) -> bool {
        LARGEST.set(0);
        let outcome = verified(&self.path, self.hnswlib);
        let largest = LARGEST.get();
        assert!(largest <= 4096 + 2 * length, "{largest} bytes at once of {length}");
        match outcome {
            Ok(_) => true,
            Err(Error::Format { offset, reason, .. }) => {
                assert!(offset <= length as u64 && !reason.is_empty(), "{offset}: {reason}");
                false
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn no_length_and_no_number_brings_more_than_an_error() {
    for name in FILES {
        let mut file = Damaged::new(name);
        let whole = file.good.len();
        let mut refused = 0;
        for at in (0..whole - 8).filter(|at| *at < 180 || at % 19 == 0) {
            for number in [0u32, 1 << 31, u32::MAX] {
                refused += usize::from(!file.with(at, &number.to_le_bytes()));
            }
            for number in [0u64, 1 << 61, u64::MAX] {
                refused += usize::from(!file.with(at, &number.to_le_bytes()));
            }
        }
        assert!(refused > 100, "{name}: {refused}");
        assert!(file.is_read(whole) && !file.cut(whole + 1), "{name}");
        for length in (0..whole).rev() {
            assert!(!file.cut(length), "{name}: {length}");
        }
    }
}

#[test]
fn an_error_names_the_place() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let node = 4 + 8 * 4 + 4 * DIM + 8;
    let above = 96 + 60 * node;
    let hnswlib: [(usize, u64, u64, &str); 12] = [
        (0, 1, 0, "begins"),
        (16, 68, 16, "68 rows, room for 67"),
        (24, 1 << 40, 24, "labels"),
        (48, 7, 48, "highest level is 7"),
        (52, 999, 52, "node 999"),
        (56, 0, 56, "0 links"),
        (64, 1 << 20, 56, "1048576 on level 0"),
        (96, 9, 96, "9 links in 8 places"),
        // node 1 to itself, and to none
        (96 + node + 4, 1, 100 + node as u64, "itself"),
        (96 + node + 8, 60, 104 + node as u64, "node 60 of 60"),
        (96 + node - 8, 1 << 63, 96 + node as u64 - 8, "below 2^63"),
        (above, 17, above as u64, "17 bytes of links"),
    ];
    let good = fs::read(folder().join("l2.hnswlib")).unwrap();
    for (at, number, offset, words) in hnswlib {
        let mut bad = good.clone();
        let bytes = if [48, 52].contains(&at) { 4 } else { 8 };
        bad[at..at + bytes].copy_from_slice(&number.to_le_bytes()[..bytes]);
        fs::write(file.path(), bad).unwrap();
        match verified(file.path(), true) {
            Err(Error::Format { offset: found, reason, .. }) => {
                assert!(found == offset && reason.contains(words), "{at}: {found}: {reason}");
            }
            other => panic!("{words}: {other:?}"),
        }
    }
    let mut twice = good.clone();
    twice.copy_within(96 + node - 8..96 + node, 96 + 3 * node - 8);
    fs::write(file.path(), twice).unwrap();
    let error = verified(file.path(), true).unwrap_err().to_string();
    assert!(error.contains("twice") && error.contains("node 2"), "{error}");
}

#[test]
fn what_begins_otherwise_is_none_of_hnswlib() {
    let all = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    for path in all.filter(|path| path.is_file()) {
        let own = path.extension().is_some_and(|it| it == "hnswlib");
        assert_eq!(is_hnswlib(&path).unwrap(), own || path.ends_with("empty.hnswlib"), "{path:?}");
        if own {
            let info = hnswlib_info(&path, DIM, &Metric::L2).unwrap();
            assert_eq!((info.dim, info.bytes), (DIM, fs::metadata(&path).unwrap().len()));
        }
    }
}
