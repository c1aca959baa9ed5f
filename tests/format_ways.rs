//! Runs without a GPU. Files of kinds that people try: they are read, or the error says what to do instead.

mod format_support;

use format_support::{fixture, npy};
use nearfield::Error;
use nearfield::format::{RowSource, open, read_ids};
use std::fs;
use std::path::Path;

fn refusal(path: &Path) -> String {
    match open(path, None) {
        Err(Error::Format { reason, .. }) => reason,
        other => panic!("{}: {other:?}", path.display()),
    }
}

/// What people try, and have asked about elsewhere: the error says what to do instead.
#[test]
fn files_of_other_kinds_say_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let header =
        |descr: &str| format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (1, 1)}}");
    for (bytes, words) in [
        (b"PK\x03\x04".to_vec(), "unzip it"),
        (b"\x1f\x8b\x08\x00".to_vec(), "unpack it"),
        (b"\x80\x04\x95".to_vec(), "a pickle"),
        (npy(&header("'<i2'"), &[0; 2]), "astype(numpy.float32)"),
        (npy(&header("'<f16'"), &[0; 16]), "astype(numpy.float32)"),
        (npy(&header("'|O'"), &[0; 8]), "numpy.stack"),
        (npy(&header("'<c8'"), &[0; 8]), "a.real"),
        (npy(&header("'<U3'"), &[0; 12]), "texts"),
        (npy(&header("[('x', '<f4')]"), &[0; 4]), "structured_to_unstructured"),
    ] {
        fs::write(path("a.npy"), &bytes).unwrap();
        assert!(refusal(&path("a.npy")).contains(words), "{words}");
    }
    for (name, words) in [("bad_cube", "reshape(len(a), -1)"), ("list", "reshape(-1, 1)")] {
        assert!(refusal(&fixture(name)).contains(words), "{name}");
    }
    for (name, words) in [
        ("a.npz", "unzip it"),
        ("a.npy.gz", "unpack it"),
        ("a.hdf5", "h5py"),
        ("a.parquet", "numpy.stack"),
        ("a.PT", "tensor.numpy()"),
        ("a.csv", "numpy.loadtxt"),
        ("a.bin", "rename it"),
    ] {
        let error = open(path(name), None).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(".fbin"), "{name}: {error}");
    }
    let write = |name: &str, words: &[u32]| {
        fs::write(path(name), words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>())
            .unwrap();
    };
    // One family under the other's name.
    write("a.fvecs", &[3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3]);
    assert!(refusal(&path("a.fvecs")).contains("as .fbin"));
    write("a.fbin", &[2, 9, 9, 2, 8, 8]);
    assert!(refusal(&path("a.fbin")).contains("as in .fvecs"));
    // Ground truth: ids, and as many distances.
    write("gt.ibin", &[2, 2, 1, 2, 3, 4, 0, 0, 0, 0]);
    let (offset, reason) = match read_ids(path("gt.ibin")) {
        Err(Error::Format { offset, reason, .. }) => (offset, reason),
        other => panic!("{other:?}"),
    };
    assert!(offset == 24 && reason.contains("head -c 24"), "{reason}");
    write("ids.ibin", &[2, 2, 1, 2, 3, 4]);
    assert_eq!(read_ids(path("ids.ibin")).unwrap(), [1, 2, 3, 4]);
    // Counts of 64 bits.
    write("wide.ibin", &[3, 0, 2, 0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(read_ids(path("wide.ibin")).unwrap(), [1, 2, 3, 4, 5, 6]);
    let mut wide = open(path("wide.ibin"), None).unwrap();
    assert_eq!((wide.row_count(), wide.dim()), (3, 2));
    assert_eq!(wide.rows(2..3).unwrap().to_f32(), [5.0, 6.0]);
}

/// Headers longer than the 64 KiB that version 1 has room for.
#[test]
fn long_headers_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1)}";
    let header = format!("{text}{}\n", " ".repeat(100_000));
    let length = (header.len() as u32).to_le_bytes();
    let one = 1f32.to_le_bytes();
    let bytes = [b"\x93NUMPY\x02\x00", &length[..], header.as_bytes(), &one].concat();
    fs::write(&path, bytes).unwrap();
    assert_eq!(open(&path, None).unwrap().rows(0..1).unwrap().to_f32(), [1.0]);
}
