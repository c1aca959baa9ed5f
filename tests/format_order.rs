//! Runs without a GPU. Arrays in Fortran order and big-endian ones, and the beginning of a file: the rows are those of the same
//! array as numpy saves it by default.

mod format_support;

use format_support::{fixture, halves, npy, read, whole};
use half::f16;
use nearfield::format::{Conversion, IdFile, RowSource, RowStore, Scale, convert, open, read_ids};
use nearfield::{DType, Error};
use std::fs;
use std::path::Path;

/// An `.npy` of these rows: `bytes` are the elements, little-endian and row after row.
fn array(descr: &str, (rows, columns): (usize, usize), fortran: bool, bytes: &[u8]) -> Vec<u8> {
    let size = descr[2..].parse::<usize>().unwrap();
    let mut data = Vec::new();
    for at in 0..rows * columns {
        let (row, column) =
            if fortran { (at % rows, at / rows) } else { (at / columns, at % columns) };
        let element = &bytes[(row * columns + column) * size..][..size];
        match descr.starts_with('>') {
            true => data.extend(element.iter().rev()),
            false => data.extend(element),
        }
    }
    let order = if fortran { "True" } else { "False" };
    let shape = format!("({rows}, {columns})");
    npy(&format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n"), &data)
}

#[test]
fn numpys_own_files_read_as_the_plain_one() {
    for name in ["fortran", "big_endian"] {
        for block in [1, 2, 100] {
            let found = read(&fixture(name), None, block).unwrap();
            assert_eq!(found, (DType::F32, 4, halves()), "{name}");
        }
        let file = open(fixture(name), None).unwrap();
        assert!(!file.is_direct() && file.as_rows().is_none(), "{name}");
    }
    assert_eq!(read(&fixture("big_endian"), Some(DType::F16), 9).unwrap().2, halves());
}

#[test]
fn every_type_order_and_shape_reads_as_the_plain_one() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, other) = (folder.path().join("plain.npy"), folder.path().join("other.npy"));
    for (rows, columns) in [(0, 5), (1, 5), (5, 1), (3, 4), (70, 131), (200, 3)] {
        let values = || (0..rows * columns).map(|at| (at * 7 % 120) as f32);
        for kind in ["f8", "f4", "f2", "u2", "i1", "u1", "i4", "i8", "u4", "u8"] {
            let bytes: Vec<u8> = values()
                .flat_map(|v| match kind {
                    "f8" => f64::from(v).to_le_bytes().to_vec(),
                    "f4" => v.to_le_bytes().to_vec(),
                    "f2" => f16::from_f32(v).to_le_bytes().to_vec(),
                    "u2" => half::bf16::from_f32(v).to_le_bytes().to_vec(),
                    "i1" | "u1" => vec![v as u8],
                    "i4" | "u4" => (v as i32).to_le_bytes().to_vec(),
                    _ => (v as i64).to_le_bytes().to_vec(),
                })
                .collect();
            let to = (kind == "u2").then_some(DType::Bf16);
            let shape = (rows, columns);
            fs::write(&plain, array(&format!("<{kind}"), shape, false, &bytes)).unwrap();
            let expected = read(&plain, to, 1000).unwrap();
            assert_eq!(expected.2, values().collect::<Vec<_>>());
            for (sign, fortran) in [("<", true), (">", false), (">", true), ("=", false)] {
                fs::write(&other, array(&format!("{sign}{kind}"), shape, fortran, &bytes)).unwrap();
                let what = format!("{sign}{kind} {fortran} {shape:?}");
                for block in [1, 64, 1000] {
                    assert_eq!(read(&other, to, block).unwrap(), expected, "{what}");
                }
                if rows > 2 {
                    let mut file = open(&other, to).unwrap();
                    let part = file.rows(1..rows as u64 - 1).unwrap().to_f32();
                    assert_eq!(part, expected.2[columns..(rows - 1) * columns], "{what}");
                    let mut stream = file.stream(2..3).unwrap();
                    let row = stream.next_rows(9).unwrap().unwrap().to_f32();
                    assert_eq!(row, expected.2[2 * columns..3 * columns], "{what}");
                }
                if ["i4", "i8", "u4", "u8"].contains(&kind) {
                    assert_eq!(read_ids(&other).unwrap(), read_ids(&plain).unwrap(), "{what}");
                }
            }
        }
    }
}

/// Longer than what is transposed at a time, and than what is read ahead.
#[test]
fn a_long_array_reads_as_the_plain_one_whatever_it_becomes() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, other) = (folder.path().join("plain.npy"), folder.path().join("other.npy"));
    let (rows, columns) = (150_001usize, 70usize);
    let bytes: Vec<u8> =
        (0..rows * columns).flat_map(|at| ((at * 31 % 8191) as f32 * 0.25).to_le_bytes()).collect();
    fs::write(&plain, array("<f4", (rows, columns), false, &bytes)).unwrap();
    fs::write(&other, array(">f4", (rows, columns), true, &bytes)).unwrap();
    for to in [Conversion::default(), Conversion::to(DType::I8).scale(Scale::Auto)] {
        let (mut a, mut b) = (open(&plain, to).unwrap(), open(&other, to).unwrap());
        assert_eq!(a.scale(), b.scale());
        let mut at = 0;
        while let Some(found) = b.next_rows(10_000).unwrap() {
            let count = found.count(columns).unwrap() as u64;
            assert!(a.rows(at..at + count).unwrap().bytes() == found.bytes());
            at += count;
        }
        assert_eq!((at, a.losses()), (rows as u64, b.losses()));
    }
}

#[test]
fn they_convert_to_the_plain_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let ids: Vec<u8> = (0..6i64).flat_map(|id| (id << 33).to_le_bytes()).collect();
    fs::write(path("ids.npy"), array(">i8", (3, 2), true, &ids)).unwrap();
    convert(fixture("fortran"), path("f.npy"), None, &mut |_, _| Ok(())).unwrap();
    assert_eq!(fs::read(path("f.npy")).unwrap(), fs::read(fixture("f4")).unwrap());
    convert(path("ids.npy"), path("i.npy"), None, &mut |_, _| Ok(())).unwrap();
    assert_eq!(read_ids(path("i.npy")).unwrap(), [0, 1, 2, 3, 4, 5].map(|id| id << 33));
    let mut file = IdFile::open(path("ids.npy")).unwrap();
    assert_eq!((file.columns(), file.next_ids(1).unwrap()), (Some(2), Some(&[0, 1 << 33][..])));
}

fn first(path: &Path, first: u64) -> nearfield::Result<(u64, Vec<f32>)> {
    let mut file = open(path, Conversion::default().first(Some(first)))?;
    let mut all = Vec::new();
    while let Some(rows) = file.next_rows(2)? {
        all.extend(rows.to_f32());
    }
    assert!(file.rows(0..file.row_count() + 1).is_err());
    assert_eq!(all, file.rows(0..file.row_count())?.to_f32());
    Ok((file.rows_in_file(), all))
}

#[test]
fn the_first_rows_are_read_like_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["a.fvecs", "a.fbin"] {
        convert(fixture("f4"), path(name), None, &mut |_, _| Ok(())).unwrap();
    }
    let files = [fixture("f4"), fixture("fortran"), fixture("f8"), path("a.fvecs"), path("a.fbin")];
    for file in &files {
        for count in [1, 2, 3, 4, u64::MAX] {
            let rows = count.min(3) as usize;
            assert_eq!(first(file, count).unwrap(), (3, halves()[..rows * 4].to_vec()));
        }
    }
    let to = Conversion::default().first(Some(2));
    assert_eq!(convert(fixture("u1"), path("b.npy"), to, &mut |_, _| Ok(())).unwrap().rows, 2);
    assert_eq!(read(&path("b.npy"), None, 9).unwrap().2, whole()[..8]);
    assert_eq!(convert(fixture("i8"), path("i.npy"), to, &mut |_, _| Ok(())).unwrap().rows, 2);
    assert_eq!(read_ids(path("i.npy")).unwrap().len(), 8);
    // The scale is that of the rows that are read: their largest is 9.
    let to = Conversion::to(DType::I8).scale(Scale::Auto).first(Some(1));
    assert_eq!(open(fixture("i4"), to).unwrap().scale(), 127.0 / 9.0);
}

#[test]
fn a_file_whose_end_is_missing_has_first_rows() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.npy", "a.fvecs", "a.fbin", "fortran.npy"] {
        let path = folder.path().join(name);
        let from = if name == "fortran.npy" { fixture("fortran") } else { fixture("f4") };
        convert(&from, &path, None, &mut |_, _| Ok(())).unwrap();
        if name == "fortran.npy" {
            fs::copy(from, &path).unwrap();
        }
        let bytes = fs::read(&path).unwrap();
        // Two rows of 16 bytes, and a part of the third.
        fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
        let Error::Format { reason, .. } = open(&path, None).unwrap_err() else { panic!() };
        if name == "fortran.npy" {
            assert!(!reason.contains("--first"), "{reason}");
            assert!(first(&path, 1).is_err());
            continue;
        }
        assert!(reason.contains("--first 2"), "{name}: {reason}");
        assert_eq!(first(&path, 2).unwrap().1, halves()[..8], "{name}");
        assert_eq!(first(&path, 1).unwrap().1, halves()[..4], "{name}");
        assert!(matches!(first(&path, 3), Err(Error::Format { .. })), "{name}");
    }
}
