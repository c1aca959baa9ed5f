//! Runs without a GPU. Rows with NaN or infinity that are skipped: listed, and zeros in their place.

use nearfield::format::{Conversion, NpyWriter, RowSource, RowStore, Scale, convert, create, open};
use nearfield::{DType, Error, Rows};
use std::path::Path;

const BAD: [u64; 4] = [0, 4_321, 9_998, 9_999];

/// 10,000 x 3, with something that is not finite in four rows, and zeros there in what should be read.
fn values() -> (Vec<f32>, Vec<f32>) {
    let mut all: Vec<f32> = (0..30_000).map(|i| (i % 97) as f32 * 0.25 - 8.0).collect();
    let mut read = all.clone();
    for (row, bad) in BAD.into_iter().zip([f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -f32::NAN]) {
        all[row as usize * 3 + row as usize % 3] = bad;
        read[row as usize * 3..][..3].fill(0.0);
    }
    (all, read)
}

fn write(path: &Path, values: &[f32]) {
    let mut out = create(path, DType::F32, 3).unwrap();
    out.write(Rows::F32(values)).unwrap();
    out.finish().unwrap();
}

fn skipping() -> Conversion {
    Conversion::default().skip_nan(true)
}

#[test]
fn every_reader_gives_zeros_and_lists_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    let (all, expected) = values();
    for name in ["a.npy", "a.fvecs", "a.fbin", "wide.npy"] {
        let path = folder.path().join(name);
        if name == "wide.npy" {
            let mut out = NpyWriter::<f64>::create(&path, &[3]).unwrap();
            out.write(&all.iter().map(|&v| f64::from(v)).collect::<Vec<_>>()).unwrap();
            out.finish().unwrap();
        } else {
            write(&path, &all);
        }
        let mut file = open(&path, skipping()).unwrap();
        assert!(!file.is_direct() && file.skipped().is_empty(), "{name}");
        assert_eq!(file.rows(1..4_322).unwrap().to_f32(), expected[3..4_322 * 3], "{name}");
        assert_eq!(file.skipped(), BAD[1..2], "{name}: those that were read");
        let mut streamed = Vec::new();
        while let Some(rows) = file.next_rows(1_000).unwrap() {
            streamed.extend(rows.to_f32());
        }
        assert_eq!(streamed, expected, "{name}");
        assert_eq!(file.skipped(), BAD, "{name}");
        let other = open(&path, skipping()).unwrap();
        other.clone().stream(9_000..10_000).unwrap().next_rows(1_000).unwrap().unwrap();
        assert_eq!(other.skipped(), BAD[2..], "{name}: clones and streams list together");
        assert!(open(&path, None).unwrap().rows(0..1).unwrap().to_f32()[0].is_nan(), "{name}");
    }
}

#[test]
fn they_are_skipped_before_anything_else_is_asked_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let (mut all, _) = values();
    // Beside NaN, a value that would make another scale.
    all[1] = 1000.0;
    write(&path, &all);
    let to = Conversion::to(DType::I8).scale(Scale::Auto);
    assert!(matches!(
        open(&path, to).unwrap().rows(0..10_000),
        Err(Error::InvalidValue { row: 0, column: 0, .. })
    ));
    let mut file = open(&path, to.skip_nan(true)).unwrap();
    assert_eq!(file.scale(), 127.0 / 16.0);
    assert_eq!(file.rows(0..2).unwrap().to_f32()[..3], [0.0; 3]);
    let first = open(&path, to.skip_nan(true).first(Some(4_000))).unwrap();
    assert_eq!(first.skipped(), [0], "the scale looks at those rows alone");
    // Whole numbers have nothing to skip, and stay where they lie.
    let bytes = folder.path().join("b.npy");
    let mut out = create(&bytes, DType::U8, 2).unwrap();
    out.write(Rows::U8(&[255, 255])).unwrap();
    out.finish().unwrap();
    assert!(open(&bytes, skipping()).unwrap().is_direct());
}

#[test]
fn a_conversion_leaves_them_out() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("a.npy"), folder.path().join("b.fvecs"));
    let (all, expected) = values();
    write(&from, &all);
    let converted = convert(&from, &to, skipping(), &mut |_, _| Ok(())).unwrap();
    assert_eq!((converted.rows, converted.skipped), (9_996, BAD.to_vec()));
    let rest: Vec<f32> = (0..10_000u64)
        .filter(|row| !BAD.contains(row))
        .flat_map(|row| expected[row as usize * 3..][..3].to_vec())
        .collect();
    assert_eq!(open(&to, None).unwrap().rows(0..9_996).unwrap().to_f32(), rest);
    write(&from, &[f32::NAN; 6]);
    let none = convert(&from, folder.path().join("none.npy"), skipping(), &mut |_, _| Ok(()));
    assert_eq!((none.as_ref().unwrap().rows, &none.unwrap().skipped[..]), (0, &[0, 1][..]));
}
