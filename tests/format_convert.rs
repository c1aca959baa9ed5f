//! Runs without a GPU. From file to file, and files that appear whole or not at all.

mod format_support;

use format_support::{fixture, halves, names, read, whole};
use nearfield::format::{IdWriter, NpyWriter, convert, convert_unnamed, create, read_ids};
use nearfield::{DType, Error, Rows};
use std::fs;

#[test]
fn a_conversion_without_a_name_takes_it_or_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // Vectors, and ids that stay whole.
    for (from, name) in [("f4", "a.fbin"), ("i8", "a.npy")] {
        let to = folder.path().join(name);
        let unnamed = || convert_unnamed(fixture(from), &to, None, &mut |_, _| Ok(())).unwrap();
        let (converted, file) = unnamed();
        assert!(converted.rows == 3 && !to.exists());
        drop(file);
        assert_eq!(names(folder.path()), [""; 0]);
        unnamed().1.finish().unwrap();
        assert_eq!(names(folder.path()), [name]);
        let named = fs::read(&to).unwrap();
        convert(fixture(from), &to, None, &mut |_, _| Ok(())).unwrap();
        assert_eq!(fs::read(&to).unwrap(), named);
        fs::remove_file(&to).unwrap();
    }
}

#[test]
fn the_extension_names_the_type() {
    let folder = tempfile::tempdir().unwrap();
    let to = |name: &str| folder.path().join(name);
    let cases = [
        ("f4", "a.npy", DType::F32),
        ("f4", "a.fvecs", DType::F32),
        ("f4", "a.f16bin", DType::F16),
        ("f8", "b.npy", DType::F32),
        ("f2", "b.npy", DType::F16),
        ("f2", "b.fbin", DType::F32),
        ("i1", "b.npy", DType::I8),
        ("i1", "b.i8bin", DType::I8),
        ("i1", "b.u8bin", DType::U8),
        ("u1", "b.bvecs", DType::U8),
        ("u1", "b.fbin", DType::F32),
        ("i4", "c.fbin", DType::F32),
        ("i8", "c.u8bin", DType::U8),
    ];
    for (from, name, dtype) in cases {
        let mut last = (0, 0);
        let mut progress = |done, total| {
            last = (done, total);
            Ok(())
        };
        assert_eq!(convert(fixture(from), to(name), None, &mut progress).unwrap().rows, 3);
        assert_eq!(last, (3, 3));
        let values = if from.starts_with('f') { halves() } else { whole() };
        assert_eq!(read(&to(name), None, 9).unwrap(), (dtype, 4, values), "{from} to {name}");
    }
}

#[test]
fn a_type_that_is_asked_for_is_kept_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let to = |name: &str| folder.path().join(name);
    let go = |from: &str, name: &str, dtype| {
        convert(fixture(from), to(name), Some(dtype), &mut |_, _| Ok(()))
    };
    assert_eq!(go("f4", "a.npy", DType::Bf16).unwrap().rows, 3);
    assert_eq!(fs::read(to("a.npy")).unwrap(), fs::read(fixture("bf16_as_u2")).unwrap());
    assert_eq!(go("bf16_as_u2", "b.npy", DType::Bf16).unwrap().rows, 3);
    assert_eq!(fs::read(to("b.npy")).unwrap(), fs::read(fixture("bf16_as_u2")).unwrap());
    assert_eq!(go("u1", "c.bvecs", DType::Bits).unwrap().rows, 3);
    assert_eq!(read(&to("c.bvecs"), Some(DType::Bits), 9).unwrap().1, 32);
    assert_eq!(go("i4", "c.npy", DType::I8).unwrap().rows, 3);
    assert_eq!(fs::read(to("c.npy")).unwrap(), fs::read(fixture("i1")).unwrap());

    let before = names(folder.path());
    let argument = |result| matches!(result, Err(Error::InvalidArgument { argument: "dtype", .. }));
    assert!(argument(go("f4", "d.fbin", DType::F16)));
    assert!(argument(go("f4", "d.u8bin", DType::Bits)));
    assert!(argument(go("u1", "d.ivecs", DType::U8)));
    assert!(argument(go("bf16", "d.npy", DType::F32)), "no one says that these are bfloat16");
    assert!(argument(convert(fixture("bf16"), to("d.npy"), None, &mut |_, _| Ok(()))));
    // -2 has no u8: found while the file is being written, and nothing of it stays.
    assert!(matches!(go("f4", "d.u8bin", DType::U8), Err(Error::InvalidValue { .. })));
    assert_eq!(names(folder.path()), before);
}

#[test]
fn ids_stay_whole_between_their_formats() {
    let folder = tempfile::tempdir().unwrap();
    let to = |name: &str| folder.path().join(name);
    let go = |from: &str, name: &str| convert(to(from), to(name), None, &mut |_, _| Ok(()));
    // Not one of these but the last is an f32.
    let ids = [(1 << 24) + 1, i64::from(i32::MAX), (1 << 30) + 1, -1];
    let mut out = IdWriter::create(to("a.ivecs"), Some(2)).unwrap();
    out.write(&ids).unwrap();
    assert_eq!(out.finish().unwrap(), 2);
    for (from, name) in [("a.ivecs", "a.npy"), ("a.npy", "a.ibin"), ("a.ibin", "b.ivecs")] {
        assert_eq!(go(from, name).unwrap().rows, 2);
        assert_eq!(read_ids(to(name)).unwrap(), ids, "{name}");
    }
    assert_eq!(fs::read(to("a.ivecs")).unwrap(), fs::read(to("b.ivecs")).unwrap());
    assert!(matches!(go("a.ivecs", "a.fbin"), Err(Error::InvalidValue { row: 0, column: 0, .. })));

    // A list stays a list in an .npy, and becomes rows of one elsewhere.
    let nothing = &mut |_, _| Ok(());
    convert(fixture("list"), to("l.npy"), None, nothing).unwrap();
    assert_eq!(fs::read(to("l.npy")).unwrap(), fs::read(fixture("list")).unwrap());
    let error = convert(fixture("list"), to("l.ibin"), None, nothing).unwrap_err();
    assert!(matches!(error, Error::InvalidValue { row: 2, column: 0, .. }), "{error}");
    let mut out = IdWriter::create(to("m.ibin"), None).unwrap();
    out.write(&[3, 4]).unwrap();
    assert!(matches!(out.write(&[1 << 31]), Err(Error::InvalidValue { row: 2, column: 0, .. })));
    out.finish().unwrap();
    assert_eq!(read(&to("m.ibin"), None, 9).unwrap(), (DType::F32, 1, vec![3.0, 4.0]));
    assert!(IdWriter::create(to("m.fbin"), None).is_err());
    assert!(IdWriter::create(to("m.npy"), Some(0)).is_err());
}

#[test]
fn a_file_may_be_converted_onto_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    fs::copy(fixture("f4"), &path).unwrap();
    convert(&path, &path, Some(DType::F16), &mut |_, _| Ok(())).unwrap();
    assert_eq!(fs::read(&path).unwrap(), fs::read(fixture("f2")).unwrap());
}

#[test]
fn nothing_is_left_of_what_was_not_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    fs::write(&path, "what was there").unwrap();
    let same = || {
        assert_eq!(fs::read(&path).unwrap(), b"what was there");
        assert_eq!(names(folder.path()), ["a.npy"]);
    };
    let mut out = create(&path, DType::F32, 2).unwrap();
    out.write(Rows::F32(&[1.0; 4])).unwrap();
    assert_eq!(names(folder.path()).len(), 2, "it is written beside its destination");
    assert!(matches!(out.write(Rows::I8(&[1; 4])), Err(Error::InvalidArgument { .. })));
    let part = out.write(Rows::F32(&[1.0; 3]));
    assert!(matches!(part, Err(Error::PartialRow { len: 3, dim: 2, .. })));
    drop(out);
    same();
    let mut out = NpyWriter::<i64>::create(&path, &[3]).unwrap();
    out.write(&[1; 4]).unwrap();
    assert!(matches!(out.finish(), Err(Error::PartialRow { len: 4, dim: 3, .. })));
    same();
    let stopped = convert(fixture("f4"), &path, None, &mut |_, _| Err(Error::Cancelled));
    assert!(matches!(stopped, Err(Error::Cancelled)));
    same();
    let none = create(folder.path().join("b.fvecs"), DType::F32, 3).unwrap();
    assert!(matches!(none.finish(), Err(Error::InvalidArgument { argument: "rows", .. })));
    same();
}

#[test]
fn what_cannot_be_written_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let within = |name: &str| folder.path().join(name);
    fs::create_dir(within("folder.npy")).unwrap();
    for name in ["folder.npy", "missing/a.npy"] {
        assert!(matches!(create(within(name), DType::F32, 2), Err(Error::Io { .. })), "{name}");
    }
    assert!(NpyWriter::<f32>::create(within("a.fbin"), &[2]).is_err());
    assert!(NpyWriter::<f32>::create(within("a.npy"), &[2, 0]).is_err());
    assert!(NpyWriter::<f32>::create(within("a.npy"), &[usize::MAX, 2]).is_err());
    for dim in [0, usize::MAX] {
        assert!(create(within("a.npy"), DType::F32, dim).is_err());
    }
    assert_eq!(names(folder.path()), ["folder.npy"]);
}

#[cfg(unix)]
#[test]
fn a_new_file_is_like_any_other() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let within = |name: &str| folder.path().join(name);
    let write = |name: &str| {
        let mut out = create(within(name), DType::F32, 1).unwrap();
        out.write(Rows::F32(&[1.0])).unwrap();
        out.finish().unwrap();
    };
    fs::write(within("plain"), "").unwrap();
    let mode = |name: &str| fs::metadata(within(name)).unwrap().permissions().mode();
    write("a.npy");
    assert_eq!(mode("a.npy"), mode("plain"));
    // A link stays one, and what it points to is replaced.
    fs::write(within("target.npy"), "").unwrap();
    symlink(within("target.npy"), within("link.npy")).unwrap();
    write("link.npy");
    assert!(fs::symlink_metadata(within("link.npy")).unwrap().is_symlink());
    assert_eq!(fs::read(within("target.npy")).unwrap(), fs::read(within("a.npy")).unwrap());
}

#[test]
fn every_format_says_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let told = |name: &str| {
        let path = folder.path().join(name);
        let info = nearfield::format::inspect(&path).unwrap();
        assert_eq!(info.bytes, std::fs::metadata(&path).unwrap().len());
        (info.format, info.element, info.rows, info.columns)
    };
    for (extension, dtype, element) in [
        ("npy", DType::F32, "f32"),
        ("npy", DType::Bf16, "u16"),
        ("npy", DType::Bits, "u8"),
        ("fvecs", DType::F32, "f32"),
        ("bvecs", DType::U8, "u8"),
        ("fbin", DType::F32, "f32"),
        ("f16bin", DType::F16, "f16"),
        ("u8bin", DType::U8, "u8"),
        ("i8bin", DType::I8, "i8"),
    ] {
        let (name, dim) = (format!("rows.{extension}"), 16);
        let bytes = vec![0u8; 3 * dtype.row_bytes(dim)];
        let mut out = nearfield::format::create(folder.path().join(&name), dtype, dim).unwrap();
        out.write(Rows::from_bytes(dtype, &bytes).unwrap()).unwrap();
        out.finish().unwrap();
        let columns = dtype.row_bytes(dim) / if dtype.bits() < 8 { 1 } else { dtype.bits() / 8 };
        assert_eq!(told(&name), (extension, element, 3, Some(columns)));
    }
    let mut list =
        nearfield::format::NpyWriter::<f64>::create(folder.path().join("list.npy"), &[]).unwrap();
    list.write(&[0.5, 1.5]).unwrap();
    list.finish().unwrap();
    assert_eq!(told("list.npy"), ("npy", "f64", 2, None));
    let mut ids =
        nearfield::format::IdWriter::create(folder.path().join("ids.ivecs"), Some(4)).unwrap();
    ids.write(&[1, 2, 3, 4]).unwrap();
    ids.finish().unwrap();
    assert_eq!(told("ids.ivecs"), ("ivecs", "i32", 1, Some(4)));
}
