//! Files that are cut, damaged or made up: an error that names the file and a place in it, never a panic.

use crate::support::{gpu, index, rows};
use nearfield::{DType, Error, Gpu, IndexInfo, Metric, Order, Result, read_index};
use proptest::prelude::*;
use std::path::Path;
use std::sync::OnceLock;

/// One device for the hundreds of files.
fn shared() -> &'static Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(gpu)
}

fn file(metric: &Metric, dtype: DType, listed: bool) -> Vec<u8> {
    let dim = 8;
    let index = index(shared(), dim, metric, dtype);
    let new = rows(9, dim, metric, dtype, 1);
    let ids: Vec<u64> = (0..9).map(|i| if listed { i * 5 % 9 } else { i }).collect();
    index.add_with_ids(new.rows(), &ids).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    index.write(file.path()).unwrap();
    std::fs::read(file.path()).unwrap()
}

fn files() -> &'static [Vec<u8>] {
    static FILES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FILES.get_or_init(|| {
        let source = "fn accumulate(a: f32, q: f32, x: f32) -> f32 { return a; }
                      fn finish(a: f32, d: u32) -> f32 { return a; }";
        vec![
            file(&Metric::L2, DType::F32, false),
            file(&Metric::Lp(3.0), DType::I8, true),
            file(&Metric::Hamming, DType::Bits, true),
            file(&Metric::wgsl(source, 0.0, Order::Ascending), DType::F16, false),
        ]
    })
}

fn read(bytes: &[u8]) -> Result<()> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let outcome = read_index(shared(), file.path());
    if let Err(Error::Format { file: named, offset, .. }) = &outcome {
        assert_eq!(named, Path::new(file.path()));
        assert!(*offset <= bytes.len() as u64, "offset {offset} of {}", bytes.len());
    }
    // What looks at checksums alone finds no more than what makes an index of the file.
    match described(bytes) {
        Ok(_) => {}
        Err(Error::Format { .. }) => assert!(outcome.is_err()),
        Err(other) => panic!("{other:?}"),
    }
    outcome.map(|_| ())
}

/// What a file says of itself, once all of its checksums were found to be right.
fn described(bytes: &[u8]) -> Result<IndexInfo> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    IndexInfo::verify(file.path(), &mut |_, _| Ok(()))
}

fn refused(bytes: &[u8]) -> bool {
    matches!(read(bytes), Err(Error::Format { .. }))
}

/// First byte and length of the content of each section.
fn sections(bytes: &[u8]) -> Vec<(usize, usize)> {
    let (mut at, mut all) = (28, Vec::new());
    while at < bytes.len() {
        let length = u64::from_le_bytes(bytes[at + 4..at + 12].try_into().unwrap()) as usize;
        all.push((at + 12, length));
        at += length + 16;
    }
    all
}

/// Makes the checksums right again, where the sections of `like` lie.
fn reseal(bytes: &mut [u8], like: &[u8]) {
    for (at, length) in sections(like) {
        let sum = crc32fast::hash(&bytes[at - 12..at + length]);
        bytes[at + length..at + length + 4].copy_from_slice(&sum.to_le_bytes());
    }
    let sum = crc32fast::hash(&bytes[..24]);
    bytes[24..28].copy_from_slice(&sum.to_le_bytes());
}

#[test]
fn a_file_that_is_cut_or_goes_on_is_refused_at_every_length() {
    for good in files() {
        assert!(read(good).is_ok());
        for length in 0..good.len() {
            assert!(refused(&good[..length]), "{length} of {} bytes", good.len());
        }
        for more in [1, 16, 100] {
            let mut long = good.clone();
            long.resize(good.len() + more, 0);
            assert!(refused(&long));
            long[16..24].copy_from_slice(&((good.len() + more) as u64).to_le_bytes());
            let header = crc32fast::hash(&long[..24]);
            long[24..28].copy_from_slice(&header.to_le_bytes());
            assert!(refused(&long));
        }
    }
}

#[test]
fn a_file_of_others_is_named_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let npy =
        b"\x93NUMPY\x01\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }".to_vec();
    let bin = [1u32, 1, 0].map(u32::to_le_bytes).concat();
    for (name, bytes, needed) in [
        ("x", &npy, ["file of rows", "format::open"]),
        ("x.fbin", &bin, ["file of rows", "format::open"]),
        (
            "x.npz",
            &b"PK\x03\x04 and more of it than a header of 28".to_vec(),
            ["archive", "numpy.save"],
        ),
        ("x.bin", &vec![0; 96], ["another library's index", ".npy"]),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        for outcome in
            [read_index(shared(), &path).err(), nearfield::Flat::read(shared(), &path).err()]
        {
            let error = outcome.expect("refused");
            assert!(matches!(error, Error::Format { offset: 0, .. }), "{error}");
            let said = error.to_string();
            assert!(needed.iter().all(|part| said.contains(part)), "{name}: {said}");
        }
    }
}

#[test]
fn every_single_bit_counts() {
    for good in files() {
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            assert!(refused(&bad), "byte {at}");
        }
    }
}

/// The file with some bytes of a section's content replaced and its checksums right.
fn forged(good: &[u8], section: usize, at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut bad = good.to_vec();
    let at = sections(good)[section].0 + at;
    bad[at..at + bytes.len()].copy_from_slice(bytes);
    reseal(&mut bad, good);
    bad
}

#[test]
fn what_the_checksums_cannot_see_is_checked() {
    let (f32s, i8s) = (&files()[0], &files()[1]);
    let offset = |bytes: &[u8]| match read(bytes) {
        Err(Error::Format { offset, .. }) => offset as usize,
        other => panic!("{other:?}"),
    };
    let mut newer = f32s.clone();
    newer[8] = 2;
    reseal(&mut newer, f32s);
    assert_eq!(offset(&newer), 8);
    assert_eq!(offset(b"PK\x03\x04 is something else, and long enough"), 0);
    assert_eq!(offset(b""), 0);

    let info = sections(f32s)[0].0;
    // kind "Flat", type "f32", dimension, metric "l2"
    assert_eq!(offset(&forged(f32s, 0, 4, b"Flut")), info);
    // A kind that this build does not know can be told of.
    assert_eq!(described(&forged(f32s, 0, 4, b"Flut")).unwrap().kind, "Flut");
    assert_eq!(offset(&forged(f32s, 0, 0, &u32::MAX.to_le_bytes())), info + 4);
    assert_eq!(offset(&forged(f32s, 0, 4, &[0xff; 4])), info + 4);
    assert_eq!(offset(&forged(f32s, 0, 12, b"f33")), info + 8);
    for dim in [0, u64::MAX, 1 << 40] {
        assert_eq!(offset(&forged(f32s, 0, 15, &dim.to_le_bytes())), info + 15);
    }
    assert_eq!(offset(&forged(f32s, 0, 27, b"l7")), info + 23);

    let (ids, rows) = (sections(i8s)[1].0, sections(i8s)[2].0);
    for count in [0u64, 8, 10, u64::MAX, 1 << 61] {
        assert_eq!(offset(&forged(i8s, 1, 0, &count.to_le_bytes())), ids);
        assert!(refused(&forged(f32s, 1, 0, &count.to_le_bytes())));
    }
    assert_eq!(offset(&forged(i8s, 1, 8, &u64::MAX.to_le_bytes())), ids);
    assert_eq!(offset(&forged(i8s, 1, 8, &8u64.to_le_bytes())), ids + 20 + 8 * 7);
    assert_eq!(offset(&forged(i8s, 1, 16, &2u32.to_le_bytes())), ids + 16);
    assert_eq!(offset(&forged(i8s, 1, 20, &5u64.to_le_bytes())), ids + 20);
    assert_eq!(offset(&forged(f32s, 1, 20, &u64::MAX.to_le_bytes())), sections(f32s)[1].0 + 20);
    let nan = forged(f32s, 2, 3 * 32, &f32::NAN.to_le_bytes());
    assert_eq!(offset(&nan), sections(f32s)[2].0 + 3 * 32);
    assert!(read(&forged(i8s, 2, 0, &[1, 2, 3])).is_ok());
    assert_eq!(rows + 9 * 8 + 4, i8s.len());

    let mut flat_of_bits = files()[2].clone();
    let bits = sections(&flat_of_bits)[0].0;
    flat_of_bits[bits + 4..bits + 14].copy_from_slice(b"BinaryFlot");
    reseal(&mut flat_of_bits, &files()[2]);
    assert_eq!(offset(&flat_of_bits), bits);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_is_found(
        which in 0..4usize,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let good = &files()[which];
        let mut bad = good.clone();
        for (at, byte) in damage {
            bad[at.index(good.len())] = byte;
        }
        prop_assert!(&bad == good || refused(&bad) && described(&bad).is_err());
    }

    #[test]
    fn forgeries_do_no_harm(
        which in 0..4usize,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let good = &files()[which];
        let mut bad = good.clone();
        for (at, byte) in damage {
            bad[at.index(good.len())] = byte;
        }
        reseal(&mut bad, good);
        match read(&bad) {
            Ok(()) | Err(Error::Format { .. } | Error::LimitExceeded { .. }) => {}
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }
}
