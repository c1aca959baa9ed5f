//! Runs without a GPU. Good files: what is written is read again, and numpy agrees.

mod format_support;

use format_support::{EXTENSIONS, fixture, halves, npy, read, whole};
use half::{bf16, f16};
use nearfield::format::{
    Conversion, IdFile, NpyWriter, RowSource, SliceSource, create, open, read_ids,
};
use nearfield::{DType, Error, Rows};
use proptest::prelude::*;
use std::fs;

#[test]
fn numpy_files_read_as_they_are() {
    let cases = [
        ("f4", DType::F32, halves()),
        ("f8", DType::F32, halves()),
        ("f2", DType::F16, halves()),
        ("v2", DType::F32, halves()),
        ("v3", DType::F32, halves()),
        ("i1", DType::I8, whole()),
        ("u1", DType::U8, whole()),
        ("i4", DType::F32, whole()),
        ("i8", DType::F32, whole()),
        ("u4", DType::F32, whole()),
        ("u8", DType::F32, whole()),
    ];
    for (name, dtype, values) in cases {
        assert_eq!(read(&fixture(name), None, 2).unwrap(), (dtype, 4, values), "{name}");
    }
    assert_eq!(read(&fixture("none"), None, 2).unwrap(), (DType::F32, 4, vec![]));
    for name in ["bf16", "bf16_as_u2"] {
        let found = read(&fixture(name), Some(DType::Bf16), 2).unwrap();
        assert_eq!(found, (DType::Bf16, 4, halves()), "{name}");
        let file = open(fixture(name), Some(DType::Bf16)).unwrap();
        let mut file = file.converted(DType::F32).unwrap();
        assert_eq!(file.rows(0..3).unwrap().to_f32(), halves());
    }
    let bits = open(fixture("u1"), Some(DType::Bits)).unwrap();
    assert_eq!((bits.dtype(), bits.dim(), bits.row_count()), (DType::Bits, 32, 3));
    assert_eq!(
        bits.as_rows().unwrap().bytes().iter().map(|&b| f32::from(b)).collect::<Vec<_>>(),
        whole()
    );
}

#[test]
fn numpy_would_write_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let halves = halves();
    let f16s: Vec<f16> = halves.iter().map(|&v| f16::from_f32(v)).collect();
    let bf16s: Vec<bf16> = halves.iter().map(|&v| bf16::from_f32(v)).collect();
    let i8s: Vec<i8> = whole().iter().map(|&v| v as i8).collect();
    let u8s: Vec<u8> = whole().iter().map(|&v| v as u8).collect();
    let cases = [
        ("f4", Rows::F32(&halves), 4),
        ("f2", Rows::F16(&f16s), 4),
        ("bf16_as_u2", Rows::Bf16(&bf16s), 4),
        ("i1", Rows::I8(&i8s), 4),
        ("u1", Rows::U8(&u8s), 4),
        ("u1", Rows::Bits(&u8s), 32),
        ("none", Rows::F32(&[]), 4),
    ];
    for (name, rows, dim) in cases {
        let mut out = create(&path, rows.dtype(), dim).unwrap();
        out.write(rows).unwrap();
        out.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), fs::read(fixture(name)).unwrap(), "{name}");
    }
    let i64s: Vec<i64> = whole().iter().map(|&v| v as i64).collect();
    let mut out = NpyWriter::<i64>::create(&path, &[4]).unwrap();
    out.write(&i64s[..5]).unwrap();
    out.write(&i64s[5..]).unwrap();
    assert_eq!(out.finish().unwrap(), 3);
    assert_eq!(fs::read(&path).unwrap(), fs::read(fixture("i8")).unwrap());
    let mut out = NpyWriter::<i64>::create(&path, &[]).unwrap();
    out.write(&[7, -1, 1 << 40]).unwrap();
    assert_eq!(out.finish().unwrap(), 3);
    assert_eq!(fs::read(&path).unwrap(), fs::read(fixture("list")).unwrap());
    let u64s: Vec<u64> = i64s.iter().map(|&v| v as u64).collect();
    let mut out = NpyWriter::<u64>::create(&path, &[4]).unwrap();
    out.write(&u64s).unwrap();
    out.finish().unwrap();
    assert_eq!(fs::read(&path).unwrap(), fs::read(fixture("u8")).unwrap());
}

#[test]
fn every_type_in_every_extension_that_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..96u32).map(|i| (i * 7 % 61) as u8).collect();
    for (extension, held) in EXTENSIONS {
        let path = folder.path().join(format!("a.{extension}"));
        for &dtype in DType::ALL {
            if !held.contains(&dtype) {
                let error = create(&path, dtype, 8).unwrap_err();
                let fits = EXTENSIONS.iter().filter(|(_, d)| d.contains(&dtype));
                assert!(
                    matches!(error, Error::InvalidArgument { argument: "dtype", .. }),
                    "{error}"
                );
                fits.for_each(|(e, _)| {
                    assert!(error.to_string().contains(&format!(".{e}")), "{error}")
                });
                continue;
            }
            // The vector's alignment suits any type, since nothing but bytes is asked of it.
            let words: Vec<f32> = bytemuck::pod_collect_to_vec(&bytes);
            let rows = Rows::from_bytes(dtype, bytemuck::cast_slice(&words)).unwrap();
            let mut out = create(&path, dtype, 8).unwrap();
            out.write(rows).unwrap();
            let count = out.finish().unwrap();
            assert_eq!(count as usize, rows.count(8).unwrap());
            let ask = matches!(dtype, DType::Bits | DType::Bf16).then_some(dtype);
            let mut file = open(&path, ask).unwrap();
            assert_eq!((file.dtype(), file.dim(), file.row_count()), (dtype, 8, count));
            assert_eq!(file.rows(0..count).unwrap().bytes(), bytes, "{dtype} in .{extension}");
            assert_eq!(file.is_direct(), file.as_rows().is_some());
            assert_eq!(file.is_direct(), !extension.ends_with("vecs"));
        }
    }
    let error = create(folder.path().join("a.txt"), DType::F32, 8).unwrap_err();
    assert!(error.to_string().contains("none of .npy, .fvecs"), "{error}");
}

#[test]
fn layouts_are_the_published_ones() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let path = folder.path().join(name);
        let mut out = create(&path, DType::F32, 2).unwrap();
        out.write(Rows::F32(&[1.0, 2.0, 3.0, 4.0])).unwrap();
        out.finish().unwrap();
        let bytes = fs::read(path).unwrap();
        bytes.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect::<Vec<_>>()
    };
    let [a, b, c, d] = [1f32, 2.0, 3.0, 4.0].map(f32::to_bits);
    assert_eq!(write("a.fvecs"), [2, a, b, 2, c, d]);
    assert_eq!(write("a.FBIN"), [2, 2, a, b, c, d]);
}

#[test]
fn values_round_as_numpy_rounds_them() {
    for (name, dtype) in [("f4_f2", DType::F16), ("f4_bf16", DType::Bf16), ("f8_f2", DType::F16)] {
        let to = Conversion::to(dtype).force(true);
        let mut ours = open(fixture(&format!("round_{name}_in")), to).unwrap();
        let theirs = open(fixture(&format!("round_{name}_out")), Some(dtype)).unwrap();
        let count = ours.row_count();
        let (ours, theirs) = (ours.rows(0..count).unwrap(), theirs.as_rows().unwrap());
        let wrong = ours.bytes().chunks(2).zip(theirs.bytes().chunks(2)).position(|(a, b)| a != b);
        assert!(count > 1000 && ours.bytes().len() == theirs.bytes().len());
        assert_eq!(wrong, None, "{name}");
    }
}

#[test]
fn values_out_of_range_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.fbin");
    let convert = |value: f32, dtype| {
        let mut values = vec![1.0f32; 3 * 1000];
        values[2345] = value;
        let mut out = create(&path, DType::F32, 3).unwrap();
        out.write(Rows::F32(&values)).unwrap();
        out.finish().unwrap();
        let mut file = open(&path, Some(dtype)).unwrap();
        // In blocks, so that the row is one of the file and not of the block.
        assert_eq!(file.next_rows(500).unwrap().unwrap().get(0), 1.0);
        match file.next_rows(500) {
            Ok(rows) => Ok(rows.unwrap().get(2345 - 1500)),
            Err(error) => {
                let Error::InvalidValue { row, column, .. } = error else { panic!("{error}") };
                assert_eq!(file.remaining(), Some(500), "a failed block is not passed");
                Err((row, column))
            }
        }
    };
    let refused = Err((781, 2));
    for (value, dtype, expected) in [
        (127.4, DType::I8, Ok(127.0)),
        (127.5, DType::I8, refused),
        (-128.5, DType::I8, Ok(-128.0)),
        (-128.6, DType::I8, refused),
        (2.5, DType::I8, Ok(2.0)),
        (-3.5, DType::I8, Ok(-4.0)),
        (-0.5, DType::U8, Ok(0.0)),
        (-0.6, DType::U8, refused),
        (254.5, DType::U8, Ok(254.0)),
        (255.5, DType::U8, refused),
        (f32::NAN, DType::U8, refused),
        (f32::INFINITY, DType::I8, refused),
        (65519.0, DType::F16, Ok(65504.0)),
        (65520.0, DType::F16, refused),
        (f32::NEG_INFINITY, DType::F16, Ok(f32::NEG_INFINITY)),
        (f32::MAX, DType::Bf16, refused),
    ] {
        assert_eq!(convert(value, dtype), expected, "{value} to {dtype}");
    }
    assert!(convert(f32::NAN, DType::F16).unwrap().is_nan());
}

#[test]
fn whole_numbers_are_exact_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let convert = |value: i64| {
        let mut out = NpyWriter::<i64>::create(&path, &[1]).unwrap();
        out.write(&[value]).unwrap();
        out.finish().unwrap();
        read(&path, None, 1).ok().map(|(.., values)| values[0])
    };
    let two24 = 1 << 24;
    for exact in [0, -1, two24, two24 + 2, -two24 - 2, 1 << 62, i64::MIN] {
        assert_eq!(convert(exact), Some(exact as f32));
    }
    for inexact in [two24 + 1, -two24 - 1, i64::MAX, i64::MIN + 1] {
        assert_eq!(convert(inexact), None, "{inexact}");
    }
    let mut out = NpyWriter::<f64>::create(&path, &[1]).unwrap();
    out.write(&[0.1, 1e39]).unwrap();
    out.finish().unwrap();
    let mut file = open(&path, None).unwrap();
    assert_eq!(file.rows(0..1).unwrap().to_f32(), [0.1f32]);
    assert!(matches!(file.rows(0..2), Err(Error::InvalidValue { row: 1, column: 0, .. })));
}

#[test]
fn headers_may_be_written_in_any_way_that_python_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    for header in [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }\n",
        "{\"shape\":(1,2),\"fortran_order\":False,\"descr\":\"<f4\"}",
        "  {'shape': (1L, 2L,),\t'descr': '<f4',\n 'fortran_order': False}   \n",
    ] {
        for pad in 0..4 {
            let header = header.to_owned() + &" ".repeat(pad);
            fs::write(&path, npy(&header, bytemuck::cast_slice(&[1.5f32, -2.0]))).unwrap();
            let found = read(&path, None, 9).unwrap();
            assert_eq!(found, (DType::F32, 2, vec![1.5, -2.0]), "{header:?}");
            let aligned = (10 + header.len()).is_multiple_of(4);
            assert_eq!(open(&path, None).unwrap().is_direct(), aligned);
        }
    }
}

#[test]
fn blocks_cover_the_file_once() {
    let folder = tempfile::tempdir().unwrap();
    let (rows, dim) = (40_000, 64);
    let values: Vec<f32> = (0..rows * dim).map(|i| (i % 251) as f32).collect();
    for name in ["a.fbin", "a.fvecs", "a.npy"] {
        let path = folder.path().join(name);
        let mut out = create(&path, DType::F32, dim).unwrap();
        values.chunks(dim * 999).for_each(|part| out.write(Rows::F32(part)).unwrap());
        assert_eq!(out.finish().unwrap(), rows as u64);
        for dtype in [None, Some(DType::U8)] {
            let mut file = open(&path, dtype).unwrap();
            let (mut seen, mut blocks) = (0, 0);
            while let Some(block) = file.next_rows(usize::MAX).unwrap() {
                let count = block.count(dim).unwrap();
                assert_eq!(block.to_f32(), values[seen * dim..(seen + count) * dim]);
                (seen, blocks) = (seen + count, blocks + 1);
                assert_eq!(file.remaining(), Some((rows - seen) as u64));
            }
            assert_eq!(seen, rows);
            assert_eq!(blocks > 1, !file.is_direct(), "a copy is bounded, a slice needs no bound");
            assert!(file.next_rows(1).unwrap().is_none());
            file.restart();
            assert_eq!(file.next_rows(0).unwrap().unwrap().count(dim).unwrap(), 1);
            let part = file.rows(39_990..40_000).unwrap().to_f32();
            assert_eq!(part, values[39_990 * dim..]);
            assert_eq!(file.rows(7..7).unwrap().bytes(), b"");
            assert_eq!(
                file.remaining(),
                Some(rows as u64 - 1),
                "random access leaves the stream alone"
            );
            for (start, end) in [(1, 0), (0, 40_001), (u64::MAX, u64::MAX)] {
                assert!(matches!(file.rows(start..end), Err(Error::InvalidArgument { .. })));
            }
        }
    }
}

#[test]
fn slices_are_sources() {
    let mut source = SliceSource::new(Rows::Bits(&[1, 2, 3, 4, 5, 6]), 16).unwrap();
    assert_eq!((source.dtype(), source.dim(), source.remaining()), (DType::Bits, 16, Some(3)));
    assert_eq!(source.next_rows(2).unwrap().unwrap().bytes(), [1, 2, 3, 4]);
    assert_eq!(source.next_rows(2).unwrap().unwrap().bytes(), [5, 6]);
    assert!(source.next_rows(2).unwrap().is_none());
    for (dim, len) in [(0, 6), (4, 6), (usize::MAX, 6), (12, 6)] {
        assert!(SliceSource::new(Rows::F32(&[0.0; 6][..len]), dim).is_err(), "{dim}");
    }
    assert!(SliceSource::new(Rows::Bits(&[0; 3]), 12).is_err());
    assert_eq!(SliceSource::new(Rows::F32(&[]), 3).unwrap().remaining(), Some(0));
}

#[test]
fn ids_keep_every_bit() {
    for name in ["i4", "i8", "u4", "u8"] {
        let expected: Vec<i64> = whole().iter().map(|&v| v as i64).collect();
        assert_eq!(read_ids(fixture(name)).unwrap(), expected);
        assert_eq!(IdFile::open(fixture(name)).unwrap().columns(), Some(4));
    }
    assert_eq!(read_ids(fixture("list")).unwrap(), [7, -1, 1 << 40]);
    let mut list = IdFile::open(fixture("list")).unwrap();
    assert_eq!((list.columns(), list.row_count()), (None, 3));
    assert_eq!(list.next_ids(2).unwrap(), Some(&[7, -1][..]));
    assert_eq!(list.next_ids(2).unwrap(), Some(&[1 << 40][..]));
    assert_eq!(list.next_ids(2).unwrap(), None);
    for name in ["f4", "u1", "bf16"] {
        assert!(matches!(read_ids(fixture(name)), Err(Error::Format { offset: 20, .. })), "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let mut out = NpyWriter::<u64>::create(&path, &[2]).unwrap();
    out.write(&[1, 1 << 40, 3, 1 << 63]).unwrap();
    out.finish().unwrap();
    assert!(matches!(read_ids(&path), Err(Error::InvalidValue { row: 1, column: 1, .. })));
}

fn typed(dtype: DType, bytes: &[u8], test: impl FnOnce(Rows<'_>)) {
    // Random bytes are rarely aligned: they go through a buffer that is.
    let mut aligned = vec![0f32; bytes.len().div_ceil(4)];
    bytemuck::cast_slice_mut::<_, u8>(&mut aligned)[..bytes.len()].copy_from_slice(bytes);
    test(Rows::from_bytes(dtype, &bytemuck::cast_slice(&aligned)[..bytes.len()]).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Any bits in any shape, written and read in pieces of any size, come back the same.
    #[test]
    fn what_is_written_is_read(
        which in 0usize..10, dim in 1usize..40, data in prop::collection::vec(any::<u8>(), 0..2000),
        write in 1usize..20, block in 1usize..20,
    ) {
        let pairs = EXTENSIONS.iter().flat_map(|(e, held)| held.iter().map(move |d| (*e, *d)));
        let pairs: Vec<_> = pairs.collect();
        let (extension, dtype) = pairs[which % pairs.len()];
        let dim = if dtype == DType::Bits { dim * 8 } else { dim };
        let row = dtype.row_bytes(dim);
        let data = &data[..data.len() / row * row];
        prop_assume!(!data.is_empty() || !extension.ends_with("vecs"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a").with_extension(extension);
        let mut out = create(&path, dtype, dim).unwrap();
        data.chunks(row * write).for_each(|p| typed(dtype, p, |rows| out.write(rows).unwrap()));
        prop_assert_eq!(out.finish().unwrap() as usize, data.len() / row);
        let mut file = open(&path, Some(dtype)).unwrap();
        prop_assert_eq!((file.dtype(), file.dim()), (dtype, dim));
        let mut again = Vec::new();
        while let Some(rows) = file.next_rows(block).unwrap() {
            prop_assert!((1..=block).contains(&rows.count(dim).unwrap()));
            again.extend_from_slice(rows.bytes());
        }
        prop_assert_eq!(again, data);
    }
}
