//! Runs without a GPU. Lists of rows for filters: ids, masks and texts.

mod format_support;

use format_support::{fixture, npy};
use nearfield::format::{NpyWriter, RowList};
use nearfield::{Error, Result};
use std::fs;
use std::path::Path;

fn ids(path: &Path, rows: &[u64], most: usize) -> Result<Vec<i64>> {
    let mut list = RowList::open(path, rows)?;
    let mut all = Vec::new();
    while let Some(ids) = list.next_ids(most)? {
        assert!(!ids.is_empty() && ids.len() <= most.max(4));
        all.extend(ids);
    }
    assert_eq!(list.next_ids(most)?, None);
    Ok(all)
}

#[test]
fn masks_are_the_rows_where_they_are_1() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let long: Vec<u8> = (0..10_000u32).map(|row| u8::from(row % 1000 == 999)).collect();
    let header = |descr: &str, shape: &str| {
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}")
    };
    for (name, descr, shape) in
        [("a.npy", "|b1", "(10000,)"), ("b.npy", "|i1", "(10000, 1)"), ("c.npy", "|u1", "(10000,)")]
    {
        fs::write(path(name), npy(&header(descr, shape), &long)).unwrap();
    }
    fs::write(path("d.u8bin"), [&10_000u32.to_le_bytes()[..], &[1, 0, 0, 0], &long].concat())
        .unwrap();
    for most in [1, 7, 100_000] {
        for name in ["mask_bool", "mask_u1"] {
            assert_eq!(ids(&fixture(name), &[5], most).unwrap(), [0, 3, 4]);
            assert_eq!(ids(&fixture(name), &[2, 5], most).unwrap(), [0, 3, 4]);
        }
        for name in ["a.npy", "b.npy", "c.npy", "d.u8bin"] {
            let expected: Vec<i64> = (0..10).map(|row| row * 1000 + 999).collect();
            assert_eq!(ids(&path(name), &[10_000], most).unwrap(), expected, "{name}");
        }
    }
}

/// Bytes are a mask or an error, never ids: nothing is guessed.
#[test]
fn bytes_that_are_no_mask_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    for (name, rows, words) in [
        ("mask_bool", 4, "no mask of 4 rows"),
        ("mask_u1", 6, "5 elements of type \"|u1\" are no mask of 6 rows"),
        ("u1", 3, "3 x 4 elements"),
    ] {
        let Err(Error::Format { reason, .. }) = ids(&fixture(name), &[rows], 9) else { panic!() };
        assert!(reason.contains(words) && reason.contains("astype(numpy.int64)"), "{reason}");
    }
    let mut out = NpyWriter::<u8>::create(&path, &[]).unwrap();
    out.write(&[0, 1, 0, 2]).unwrap();
    out.finish().unwrap();
    let error = ids(&path, &[4], 9).unwrap_err();
    assert!(matches!(error, Error::InvalidValue { row: 3, .. }), "{error}");
    let Err(Error::Format { reason, .. }) = ids(&fixture("f4"), &[3], 9) else { panic!() };
    assert!(reason.contains("no ids") && reason.contains("numpy.int64"), "{reason}");
}

#[test]
fn numbers_are_ids_however_many() {
    assert_eq!(ids(&fixture("list"), &[3], 2).unwrap(), [7, -1, 1 << 40]);
    for name in ["i4", "i8", "u4", "u8"] {
        assert_eq!(ids(&fixture(name), &[12], 5).unwrap().len(), 12, "{name}");
    }
}

#[test]
fn texts_have_an_id_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.txt");
    for (text, expected) in [
        ("", &[][..]),
        ("\n\n# nothing\n", &[]),
        ("1\n2\n3", &[1, 2, 3]),
        ("\u{feff}7\r\n\r\n  8 # eight\r\n\t9\t\n#10\n-1\n+4", &[7, 8, 9, -1, 4]),
        ("9223372036854775807\n", &[i64::MAX]),
    ] {
        fs::write(&path, text).unwrap();
        for most in [1, 2, 100] {
            assert_eq!(ids(&path, &[3], most).unwrap(), expected, "{text:?}");
        }
    }
    let long: String = (0..100_000).map(|id| format!("{id}\n")).collect();
    for name in ["rows.lst", "rows", "rows.csv"] {
        let path = folder.path().join(name);
        fs::write(&path, &long).unwrap();
        assert!(ids(&path, &[], 1 << 20).unwrap().into_iter().eq(0..100_000), "{name}");
    }
}

#[test]
fn a_wrong_line_is_named_by_number() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.txt");
    for (text, line, at) in [
        ("1\n2\n3 4\n", 3, 4),
        ("# ids\n\n1.5", 3, 7),
        ("0x10\n", 1, 0),
        ("1\n9223372036854775808\n", 2, 2),
        ("1\n\u{feff}2\n", 2, 2),
        ("id\n1\n", 1, 0),
    ] {
        fs::write(&path, text).unwrap();
        let error = ids(&path, &[9], 9).unwrap_err();
        let Error::Format { file, offset, reason } = error else { panic!("{text}: {error}") };
        assert_eq!((file, offset), (path.clone(), at), "{text}");
        assert!(reason.starts_with(&format!("line {line}: ")), "{text}: {reason}");
    }
    fs::write(&path, format!("1\n{}", "x".repeat(1 << 20))).unwrap();
    assert!(ids(&path, &[9], 9).unwrap_err().to_string().len() < 400);
}

#[test]
fn what_is_no_text_says_what_it_may_be() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, words) in [
        ("rows.npz", &b"PK\x03\x04\x00\x00"[..], "unzip it"),
        ("rows.gz", b"\x1f\x8b\x08\x00", "unpack it"),
        ("rows.txt", b"\x93NUMPY\x01\x00", "numpy.save"),
        ("rows", b"1\n\x00\x00", "named as what it is"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let error = ids(&path, &[9], 9).unwrap_err();
        assert!(error.to_string().contains(words), "{name}: {error}");
    }
    let missing = ids(&folder.path().join("missing.txt"), &[9], 9);
    assert!(matches!(missing, Err(Error::Io { .. })));
    assert!(matches!(ids(folder.path(), &[9], 9), Err(Error::Io { .. })));
}
