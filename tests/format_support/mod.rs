//! Files of vectors for the tests of `format`.
#![allow(dead_code)] // Each test binary uses its part.

use nearfield::format::{RowSource, open};
use nearfield::{DType, Result};
use std::path::{Path, PathBuf};

/// Every extension, and the types it holds.
pub const EXTENSIONS: [(&str, &[DType]); 9] = [
    ("npy", DType::ALL),
    ("fvecs", &[DType::F32]),
    ("bvecs", &[DType::U8, DType::Bits]),
    ("ivecs", &[]),
    ("fbin", &[DType::F32]),
    ("f16bin", &[DType::F16]),
    ("u8bin", &[DType::U8, DType::Bits]),
    ("i8bin", &[DType::I8]),
    ("ibin", &[]),
];

/// A file that numpy wrote; `tests/data/format/make.py` says how.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/format").join(format!("{name}.npy"))
}

/// What the fixtures hold, 3 x 4.
pub fn whole() -> Vec<f32> {
    (0..3).flat_map(|i| (0..4).map(move |j| ((i * 5 + j * 3) % 11) as f32)).collect()
}

/// The same for the floating-point fixtures.
pub fn halves() -> Vec<f32> {
    whole().into_iter().map(|v| v * 0.5 - 2.0).collect()
}

/// An `.npy` of version 1 with this header and data.
pub fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
}

/// The rows of a file in its own type, or the one asked for, as f32.
pub fn read(path: &Path, dtype: Option<DType>, block: usize) -> Result<(DType, usize, Vec<f32>)> {
    let mut file = open(path, dtype)?;
    let mut all = Vec::new();
    while let Some(rows) = file.next_rows(block)? {
        all.extend(rows.to_f32());
    }
    Ok((file.dtype(), file.dim(), all))
}

/// The names in a folder, hidden ones included.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
