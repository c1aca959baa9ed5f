//! Runs without a GPU. Damaged files: an error that names the file and the place, no panic, and no more memory than the file justifies.

mod format_support;
#[path = "format_support/watched.rs"]
mod watched;

use format_support::{fixture, halves, npy, whole};
use nearfield::format::{IdFile, NpyWriter, RowSource, create, open, read_ids};
use nearfield::{DType, Error, Rows};
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use watched::LARGEST;

/// Reads whatever a file holds, in every way there is, and returns the first error with the bytes that came.
fn exhaust(path: &Path, dtype: Option<DType>, block: usize) -> Result<usize, Error> {
    let mut file = open(path, dtype)?;
    let (mut bytes, dim) = (0, file.dim());
    while let Some(rows) = file.next_rows(block)? {
        assert!((1..=block).contains(&rows.count(dim)?));
        bytes += rows.bytes().len();
    }
    let count = file.row_count();
    assert_eq!(bytes as u64, count * file.dtype().row_bytes(file.dim()) as u64);
    file.rows(count / 2..count)?;
    Ok(bytes)
}

/// The place and the reason of the `Format` error that a file gives.
fn refusal(path: &Path, dtype: Option<DType>) -> (u64, String) {
    match exhaust(path, dtype, 2).unwrap_err() {
        Error::Format { file, offset, reason } => {
            assert_eq!(file, path);
            assert!(offset <= fs::metadata(path).unwrap().len(), "{reason}");
            (offset, reason)
        }
        error => panic!("{}: {error}", path.display()),
    }
}

/// Small good files of every layout: extension, type to ask for, bytes, and where a cut leaves a good file.
fn good() -> Vec<(&'static str, Option<DType>, Vec<u8>, usize)> {
    let folder = tempfile::tempdir().unwrap();
    let written = |extension: &str, rows: Rows<'_>| {
        let path = folder.path().join("a").with_extension(extension);
        let mut out = create(&path, rows.dtype(), 4).unwrap();
        out.write(rows).unwrap();
        out.finish().unwrap();
        fs::read(path).unwrap()
    };
    let floats = halves();
    let bytes: Vec<u8> = whole().iter().map(|&v| v as u8).collect();
    let never = usize::MAX;
    let f16bin = || [written("u8bin", Rows::U8(&bytes)), bytes.clone()].concat();
    let mut files = vec![
        ("fvecs", None, written("fvecs", Rows::F32(&floats)), 20),
        ("fvecs", Some(DType::F16), written("fvecs", Rows::F32(&floats)), 20),
        ("bvecs", None, written("bvecs", Rows::U8(&bytes)), 8),
        ("ivecs", None, [1i32, 7, 1, 8, 1, 9].map(i32::to_le_bytes).concat(), 8),
        ("fbin", None, written("fbin", Rows::F32(&floats)), never),
        ("u8bin", Some(DType::Bits), written("u8bin", Rows::U8(&bytes)), never),
        ("i8bin", None, written("u8bin", Rows::U8(&bytes)), never),
        ("ibin", None, written("fbin", Rows::F32(&floats)), never),
        ("f16bin", None, f16bin(), never),
    ];
    for name in
        ["f4", "f8", "f2", "i1", "u1", "i4", "i8", "u8", "v2", "v3", "fortran", "big_endian"]
    {
        files.push(("npy", None, fs::read(fixture(name)).unwrap(), never));
    }
    files.push(("npy", Some(DType::Bf16), fs::read(fixture("bf16")).unwrap(), never));
    files
}

#[test]
fn every_cut_is_found() {
    let folder = tempfile::tempdir().unwrap();
    for (extension, dtype, bytes, whole_rows) in good() {
        let path = folder.path().join("a").with_extension(extension);
        fs::write(&path, &bytes).unwrap();
        exhaust(&path, dtype, 2).unwrap_or_else(|e| panic!("{e}"));
        for cut in 0..bytes.len() {
            fs::write(&path, &bytes[..cut]).unwrap();
            if cut > 0 && cut.is_multiple_of(whole_rows) {
                // Nothing in this family says how many rows there were.
                assert!(exhaust(&path, dtype, 2).is_ok());
            } else {
                let (offset, reason) = refusal(&path, dtype);
                assert_eq!(offset, cut as u64, "{extension} cut at {cut}: {reason}");
                let expected = if cut == 0 { "empty" } else { "the file ends" };
                assert!(reason.contains(expected), "{reason}");
            }
        }
        let longer = [&bytes[..], &[0]].concat();
        fs::write(&path, &longer).unwrap();
        let (offset, _) = refusal(&path, dtype);
        assert!(offset >= bytes.len() as u64, "{extension}");
    }
}

#[test]
fn numpy_files_of_other_kinds_say_which() {
    for (name, at, words) in [
        ("bad_object", 20, "|O"),
        ("bad_record", 20, "fields"),
        ("bad_bool", 20, "|b1"),
        ("bad_complex", 20, "<c8"),
        ("bad_text", 20, "<U1"),
        ("bad_scalar", 60, "0 axes"),
        ("bad_cube", 60, "3 axes"),
        ("list", 60, "one axis"),
    ] {
        let (offset, reason) = refusal(&fixture(name), None);
        assert_eq!(offset, at, "{name}: {reason}");
        assert!(reason.contains(words), "{name}: {reason}");
    }
}

#[test]
fn damaged_headers_say_where() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let entry =
        |shape: &str| format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}");
    let four = [0; 4];
    let mut cases = vec![
        (b"PK\x03\x04 an .npz".to_vec(), 0, "does not begin"),
        (b"\x93NUMPI\x01\x00".to_vec(), 0, "does not begin"),
        (b"\x93NUMPY\x04\x00\x00\x00".to_vec(), 6, "version 4.0"),
        (b"\x93NUMPY\x01\x01\x00\x00".to_vec(), 6, "version 1.1"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}".to_vec(), 14, "4294967295 bytes"),
        (npy("", &[]), 10, "expected \"{\""),
        (npy("{}", &[]), 10, "no \"descr\""),
        (npy("{'descr': '<f4', 'shape': (1, 1)}", &four), 10, "no \"fortran_order\""),
        (npy("{'descr': '<f4'", &[]), 25, "expected \"}\""),
        (npy("{'descr': '<f4", &[]), 20, "no end"),
        (npy("{'descr': 4", &[]), 20, "quoted"),
        (npy("{'descr': '<f4', 'descr': '<f4'}", &[]), 27, "twice"),
        (npy("{'colour': '<f4'}", &[]), 11, "unknown entry"),
        (npy("{'fortran_order': 0}", &[]), 28, "True or False"),
        (npy(&(entry("(1, 1)") + " x"), &four), 68, "after the header"),
    ];
    for (shape, at, words) in [
        ("(1, 2)", 71, "the file ends"),
        ("(1, 0)", 60, "dimension of 0"),
        ("(0, 67108865)", 60, "dimension of 67108865"),
        ("(1, 99999999999999999999)", 64, "overflows"),
        ("(18446744073709551615, 1)", 60, "overflow"),
        ("(4611686018427387905, 1)", 60, "overflow"),
        ("(1, 18446744073709551615)", 60, "not within"),
        ("(-1, 1)", 61, "whole number"),
        ("(1.0, 1)", 62, "expected \")\""),
        ("(1, 1", 65, "expected \")\""),
        ("[1, 1]", 60, "expected \"(\""),
        ("None", 60, "expected \"(\""),
    ] {
        cases.push((npy(&entry(shape), &four), at, words));
    }
    for (bytes, at, words) in cases {
        fs::write(&path, &bytes).unwrap();
        let (offset, reason) = refusal(&path, None);
        let text = String::from_utf8_lossy(&bytes);
        assert!(reason.contains(words), "{text}: {reason}");
        assert_eq!(offset, at, "{text}: {reason}");
    }
}

#[test]
fn absurd_sizes_and_other_rows_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, words: &[u32], at: u64, reason: &str| {
        let path = folder.path().join(name);
        fs::write(&path, words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>()).unwrap();
        let (offset, found) = refusal(&path, None);
        assert!(found.contains(reason), "{name}: {found}");
        assert_eq!(offset, at, "{name}: {found}");
    };
    check("a.fbin", &[u32::MAX, u32::MAX, 0], 4, "dimension of 4294967295");
    check("a.fbin", &[u32::MAX, 1 << 26, 0], 12, "the file ends");
    check("a.fbin", &[3, 0], 4, "dimension of 0");
    check("a.fbin", &[1, 1, 0, 0], 12, "4 bytes follow");
    check("a.fvecs", &[0, 0], 0, "dimension of 0");
    check("a.fvecs", &[u32::MAX, 0], 0, "dimension of -1");
    check("a.fvecs", &[i32::MAX as u32, 0], 0, "dimension of 2147483647");
    check("a.fvecs", &[1 << 26, 0], 8, "the file ends inside row 0");
    check("a.fvecs", &[1, 9, 1, 9, 2, 9], 16, "row 2 has dimension 2, the first has 1");
    check("a.ivecs", &[1, 9, 2, 9, 9], 8, "row 1 has dimension 2");
    check("a.ivecs", &[2, 9, 9, 2, 9], 20, "ends inside row 1");
    let path = folder.path().join("a.ivecs");
    fs::write(&path, [1, 0, 0, 0, 9, 0, 0, 0, 3, 0, 0, 0, 9, 0, 0, 0]).unwrap();
    assert!(matches!(read_ids(&path), Err(Error::Format { offset: 8, .. })));
    let mut ids = IdFile::open(&path).unwrap();
    assert_eq!(ids.next_ids(1).unwrap(), Some(&[9][..]));
    assert!(ids.next_ids(1).is_err() && ids.next_ids(1).is_err(), "the place is kept");

    let empty = folder.path().join("empty.npy");
    fs::write(&empty, "").unwrap();
    assert_eq!(refusal(&empty, None), (0, "the file is empty".into()));
    for name in [".", "missing.npy", "folder.npy"] {
        let path = folder.path().join(name);
        let _ = fs::create_dir(folder.path().join("folder.npy"));
        let error = open(&path, None).unwrap_err();
        assert_eq!(matches!(error, Error::Io { .. }), name != ".", "{error}");
    }
}

#[test]
fn types_that_a_file_cannot_give_are_refused() {
    for (name, dtype) in [
        ("f4", Some(DType::Bits)),
        ("bf16", None),
        ("bf16_as_u2", Some(DType::F32)),
        ("bf16", Some(DType::Bits)),
    ] {
        let error = open(fixture(name), dtype).unwrap_err();
        assert!(
            matches!(error, Error::InvalidArgument { argument: "dtype", .. }),
            "{name} {error}"
        );
    }
    let bits = open(fixture("u1"), Some(DType::Bits)).unwrap();
    assert!(bits.converted(DType::F32).is_err());
    assert!(open(fixture("u1"), None).unwrap().converted(DType::Bits).is_err());
    // 8 bits to each of the elements: more than any row may have.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    NpyWriter::<u8>::create(&path, &[1 << 24]).unwrap().finish().unwrap();
    assert!(open(&path, None).is_ok());
    assert!(open(&path, Some(DType::Bits)).is_err());
}

/// One change to a file.
#[derive(Clone, Debug)]
enum Change {
    Set(prop::sample::Index, u8),
    Word(prop::sample::Index, u32),
    Digit(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = || any::<prop::sample::Index>();
    let word = prop::sample::select(vec![0, 1, 3, 4, 255, 1 << 16, 1 << 26, 1 << 31, u32::MAX]);
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(i, b)| Change::Set(i, b)),
        (at(), word).prop_map(|(i, w)| Change::Word(i, w)),
        (at(), b'0'..=b'9').prop_map(|(i, b)| Change::Digit(i, b)),
        at().prop_map(Change::Cut),
        (at(), prop::collection::vec(any::<u8>(), 1..9)).prop_map(|(i, v)| Change::Insert(i, v)),
        at().prop_map(Change::Remove),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    if bytes.is_empty() {
        return;
    }
    match change {
        Change::Set(at, byte) => {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        Change::Word(at, word) => {
            // Where the binary headers have theirs, more often than not.
            let at = at.index(bytes.len()) % 24 / 4 * 4;
            bytes.iter_mut().skip(at).zip(word.to_le_bytes()).for_each(|(old, new)| *old = new);
        }
        Change::Digit(at, digit) => {
            let digits: Vec<_> = (0..bytes.len()).filter(|&i| bytes[i].is_ascii_digit()).collect();
            if !digits.is_empty() {
                bytes[digits[at.index(digits.len())]] = *digit;
            }
        }
        Change::Cut(at) => bytes.truncate(at.index(bytes.len())),
        Change::Insert(at, more) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, more.iter().copied());
        }
        Change::Remove(at) => _ = bytes.remove(at.index(bytes.len())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_panics_or_takes_memory(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec(change(), 1..5),
        dtype in prop::option::of(prop::sample::select(DType::ALL.to_vec())),
        block in 1usize..5,
    ) {
        thread_local! {
            static GOOD: Vec<(&'static str, Option<DType>, Vec<u8>, usize)> = good();
        }
        let (extension, own, mut bytes, _) =
            GOOD.with(|good| good[which.index(good.len())].clone());
        changes.iter().for_each(|c| apply(&mut bytes, c));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a").with_extension(extension);
        fs::write(&path, &bytes).unwrap();

        LARGEST.set(0);
        let results = [dtype, own].map(|dtype| exhaust(&path, dtype, block).err());
        let ids = read_ids(&path).err();
        // Names and messages apart, a block is at most a row or the file in the widest type.
        prop_assert!(LARGEST.get() <= 4096 + bytes.len() * 8, "{} bytes at once", LARGEST.get());
        for error in results.into_iter().flatten().chain(ids) {
            match error {
                Error::Format { file, offset, .. } => {
                    prop_assert_eq!(&file, &path);
                    prop_assert!(offset <= bytes.len() as u64);
                }
                Error::InvalidValue { .. } | Error::InvalidArgument { .. } => {}
                Error::LossyConversion { rows, first_row, .. } => prop_assert!(first_row < rows),
                other => prop_assert!(false, "{}", other),
            }
        }
    }
}

/// Rows that are copied are read several blocks at a time, which shows in nothing.
#[test]
fn what_is_wrong_in_a_later_block_is_met_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.fvecs");
    let (rows, dim, bad) = (200_000usize, 20, 150_000usize);
    let mut bytes = Vec::new();
    for row in 0..rows {
        bytes.extend((dim as i32 + i32::from(row == bad)).to_le_bytes());
        (0..dim).for_each(|column| bytes.extend(((row * dim + column) as f32).to_le_bytes()));
    }
    fs::write(&path, &bytes).unwrap();
    for most in [usize::MAX, 100_000, 7_777] {
        let mut file = open(&path, None).unwrap();
        let mut seen = 0;
        let error = loop {
            match file.next_rows(most) {
                Ok(Some(block)) => {
                    let count = block.count(dim).unwrap();
                    assert!(count > 0 && count <= most);
                    for at in [0, count * dim - 1] {
                        assert_eq!(block.get(at), (seen * dim + at) as f32);
                    }
                    seen += count;
                }
                Ok(None) => panic!("the end, after {seen} rows"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::Format { .. }), "{error}");
        assert!(seen <= bad && bad - seen <= 60_000, "{seen}");
        assert_eq!(file.remaining(), Some((rows - seen) as u64));
        // Again, and what is before it can still be read.
        assert!(matches!(file.next_rows(most), Err(Error::Format { .. })));
        file.restart();
        assert_eq!(file.next_rows(1).unwrap().unwrap().get(1), 1.0);
    }
}
