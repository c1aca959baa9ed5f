//! Runs without a GPU. Packed bits: of any number a row, in either order, in whole numbers of any size.

mod format_support;

use format_support::fixture;
use nearfield::format::{BitOrder, Conversion, NpyWriter, RowSource, convert, create, open};
use nearfield::{DType, Error, Rows};
use std::path::Path;

/// What the fixtures hold: make.py says how numpy packed it.
fn bit(row: usize, column: usize) -> bool {
    (row * 7 + column * 5 + column * column).is_multiple_of(3)
}

/// The bytes of 3 rows of these bits, as rows have them here.
fn bytes(dim: usize) -> Vec<u8> {
    let mut all = Vec::new();
    for row in 0..3 {
        for first in (0..dim).step_by(8) {
            let end = dim.min(first + 8);
            all.push(
                (first..end).rev().fold(0, |byte, column| byte << 1 | u8::from(bit(row, column))),
            );
        }
    }
    all
}

fn bits(dim: Option<usize>, order: BitOrder) -> Conversion {
    Conversion::to(DType::Bits).bits(dim).bit_order(order)
}

fn read(path: &Path, to: Conversion) -> nearfield::Result<(usize, Vec<u8>)> {
    let mut file = open(path, to)?;
    let mut all = Vec::new();
    while let Some(rows) = file.next_rows(2)? {
        all.extend(rows.bytes());
    }
    assert_eq!(file.rows(0..3)?.bytes(), all);
    Ok((file.dim(), all))
}

#[test]
fn numpys_bits_are_read_in_either_order() {
    for (name, order) in [("bits_little", BitOrder::Little), ("bits_big", BitOrder::Big)] {
        let found = read(&fixture(name), bits(Some(12), order)).unwrap();
        assert_eq!(found, (12, bytes(12)), "{name}");
    }
    // All bits of the bytes, and no look at them.
    let all = open(fixture("bits_little"), DType::Bits).unwrap();
    assert!(all.is_direct() && all.dim() == 16);
    let turned = read(&fixture("bits_big"), bits(None, BitOrder::Big)).unwrap();
    assert_eq!(turned, (16, bytes(12)));
}

#[test]
fn words_hold_as_many_bits_as_they_have() {
    for name in ["bits_wide", "bits_words", "bits_words_big_endian"] {
        let found = read(&fixture(name), Conversion::to(DType::Bits)).unwrap();
        assert_eq!(found, (128, bytes(128)), "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.npy");
    let mut out = NpyWriter::<u64>::create(&path, &[2]).unwrap();
    for row in bytes(70).chunks(9) {
        let mut words = [0; 16];
        words[..9].copy_from_slice(row);
        out.write(&[0, 8].map(|at| u64::from_le_bytes(words[at..at + 8].try_into().unwrap())))
            .unwrap();
    }
    out.finish().unwrap();
    assert_eq!(read(&path, bits(Some(70), BitOrder::Little)).unwrap(), (70, bytes(70)));
    let signed = folder.path().join("signed.npy");
    let mut out = NpyWriter::<i8>::create(&signed, &[2]).unwrap();
    out.write(bytemuck::cast_slice(&bytes(12))).unwrap();
    out.finish().unwrap();
    assert_eq!(read(&signed, bits(Some(12), BitOrder::Little)).unwrap(), (12, bytes(12)));
    assert_eq!(read(&signed, Conversion::to(DType::Bits)).unwrap(), (16, bytes(12)));
}

#[test]
fn bits_behind_the_last_are_refused_with_the_way_out() {
    let Err(Error::InvalidValue { row, column, reason }) =
        read(&fixture("bits_big"), bits(Some(12), BitOrder::Little))
    else {
        panic!()
    };
    let last = bytes(12)[row as usize * 2 + 1].reverse_bits();
    assert_eq!(column, 8 + 7 - last.leading_zeros() as usize);
    assert!(reason.contains("--bit-order big"), "{reason}");
    let found = read(&fixture("bits_little"), bits(Some(12), BitOrder::Big));
    assert!(matches!(found, Err(Error::InvalidValue { column: 12..16, .. })));
    // Wherever they lie: also in bytes that no row has.
    let found = read(&fixture("bits_words"), bits(Some(65), BitOrder::Little));
    assert!(matches!(found, Err(Error::InvalidValue { row: 0, column: 65..128, .. })));
}

#[test]
fn widths_that_a_row_does_not_have_are_refused() {
    for (name, dim, words) in [
        ("bits_little", 8, "2 elements of 8 bits hold, which are 9 to 16"),
        ("bits_little", 17, "9 to 16"),
        ("bits_little", 0, "9 to 16"),
        ("bits_words", 64, "2 elements of 64 bits hold, which are 65 to 128"),
    ] {
        let error = open(fixture(name), bits(Some(dim), BitOrder::Little)).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    for to in
        [Conversion::default().bits(Some(12)), Conversion::to(DType::U8).bit_order(BitOrder::Big)]
    {
        let error = open(fixture("bits_little"), to).unwrap_err();
        assert!(error.to_string().contains("--dtype bits"), "{error}");
    }
    for name in ["f4", "f8", "f2"] {
        let error = open(fixture(name), DType::Bits).unwrap_err();
        assert!(error.to_string().contains("packbits"), "{error}");
    }
    assert!("msb".parse::<BitOrder>().is_err());
    assert_eq!("big".parse::<BitOrder>().unwrap(), BitOrder::Big);
}

#[test]
fn a_conversion_turns_and_trims_them() {
    let folder = tempfile::tempdir().unwrap();
    let (path, words) = (folder.path().join("a.u8bin"), folder.path().join("b.npy"));
    convert(fixture("bits_big"), &path, bits(Some(12), BitOrder::Big), &mut |_, _| Ok(())).unwrap();
    assert_eq!(read(&path, bits(Some(12), BitOrder::Little)).unwrap(), (12, bytes(12)));
    convert(fixture("bits_words"), &words, DType::Bits, &mut |_, _| Ok(())).unwrap();
    assert_eq!(std::fs::read(&words).unwrap(), std::fs::read(fixture("bits_wide")).unwrap());
    let path = folder.path().join("c.npy");
    let mut out = create(&path, DType::Bits, 12).unwrap();
    out.write(Rows::Bits(&bytes(12))).unwrap();
    let part = Error::PartialRow { len: 1, dim: 12, packed: true }.to_string();
    assert_eq!(out.write(Rows::Bits(&[0])).unwrap_err().to_string(), part);
    out.finish().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(fixture("bits_little")).unwrap());
}
