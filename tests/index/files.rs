//! What is written is read back the same.

use crate::common::device::Open as _;
use crate::support::{Model, gpu, index, rows};
use nearfield::{
    BinaryFlat, DType, Error, Flat, IdFilter, Index, IndexInfo, Metric, Order, Rows, Search,
    read_index,
};

fn metric_of(dtype: DType) -> Metric {
    match dtype {
        DType::F32 => Metric::Hellinger,
        DType::F16 => Metric::Cosine,
        DType::Bf16 => Metric::Gower,
        DType::I8 => Metric::Lp(1.7),
        DType::U8 => Metric::CosineDistance,
        _ => Metric::BitJaccard,
    }
}

#[test]
fn every_type_comes_back_with_its_ids_and_without_what_was_removed() {
    let gpu = gpu();
    let folder = tempfile::tempdir().unwrap();
    for &dtype in DType::ALL {
        let (metric, dim) = (metric_of(dtype), 24);
        for (listed, removed) in [(false, 0), (false, 30), (true, 0), (true, 30), (true, 140)] {
            let mut model = Model::new(&metric, dtype, dim);
            let index = index(&gpu, dim, &metric, dtype);
            let new = rows(140, dim, &metric, dtype, 3);
            let id = |i: u64| if listed { i * 51 % 140 + 9000 } else { i };
            let ids: Vec<u64> = (0..140).map(id).collect();
            match listed {
                true => index.add_with_ids(new.rows(), &ids).unwrap(),
                false => drop(index.add_rows(new.rows()).unwrap()),
            }
            model.add(new.rows(), &ids);
            index.remove(&ids[..removed]).unwrap();
            model.rows.drain(..removed);

            let path = folder.path().join("index");
            index.write(&path).unwrap();
            let info = IndexInfo::verify(&path, &mut |_, _| Ok(())).unwrap();
            assert_eq!(info, IndexInfo::read(&path).unwrap());
            let length = std::fs::metadata(&path).unwrap().len();
            assert_eq!((&info.metric, info.dtype, info.dim), (&metric, dtype, dim));
            assert_eq!((info.rows, info.next_id), (140 - removed as u64, model.next_id));
            assert_eq!((info.bytes, info.version), (length, 1));
            let again = read_index(&gpu, &path).unwrap();
            assert_eq!(format!("{again:?}"), format!("{index:?}"));
            let facts = (again.metric(), again.dtype(), again.dim());
            assert_eq!(facts, (&metric, dtype, dim));
            let queries = rows(2, dim, &metric, dtype, 4);
            for index in [&*index, &*again] {
                model.check(index, queries.rows(), 12, &IdFilter::All);
            }
            let next = model.next_id;
            assert_eq!(again.add_rows(new.rows()).unwrap(), next..next + 140);
            // What was written is again what is read, removed rows or not.
            let bytes = std::fs::read(&path).unwrap();
            read_index(&gpu, &path).unwrap().write(&path).unwrap();
            assert!(bytes == std::fs::read(&path).unwrap());
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "temporaries left behind");
}

#[test]
fn every_metric_comes_back() {
    let gpu = gpu();
    let file = tempfile::NamedTempFile::new().unwrap();
    let source = "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc + q * x; }
                  fn finish(acc: f32, d: u32) -> f32 { return acc; } // Ünïcode";
    let others = [
        Metric::Lp(0.1),
        Metric::Lp(f32::MAX),
        Metric::Lp(f32::MIN_POSITIVE),
        Metric::wgsl(source, -0.0, Order::Descending),
        Metric::wgsl(source, f32::INFINITY, Order::Ascending),
    ];
    for metric in Metric::PLAIN.iter().cloned().chain(others) {
        let dtype = if metric.is_binary() { DType::Bits } else { DType::F32 };
        let dim = if metric == Metric::Haversine { 2 } else { 8 };
        let index = index(&gpu, dim, &metric, dtype);
        index.write(file.path()).unwrap();
        let again = read_index(&gpu, file.path()).unwrap();
        assert_eq!((again.metric(), again.len()), (&metric, 0));
    }
}

#[test]
fn more_rows_than_a_block_stream_through() {
    let gpu = nearfield::Gpu::builder().poison(true).max_segment_bytes(1 << 20).open().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let (n, dim) = (45_000, 100);
    let values: Vec<u8> = (0..n * dim).map(|i| (i * i % 251) as u8).collect();
    let index = Flat::with_dtype(&gpu, dim, Metric::L2, DType::U8).unwrap();
    index.add_rows(Rows::U8(&values)).unwrap();
    index.remove(&(0..n as u64).step_by(3).collect::<Vec<_>>()).unwrap();
    index.write(file.path()).unwrap();
    let again = Flat::read(&gpu, file.path()).unwrap();
    assert_eq!(again.len(), n / 3 * 2);
    for id in [1, 2, 22_222, 44_999u64] {
        let row = &values[id as usize * dim..][..dim];
        assert_eq!(again.reconstruct_bytes(id).unwrap(), row);
    }
    assert!(!again.contains(3));
}

#[test]
fn the_kind_is_asked_for_or_found_out() {
    let gpu = gpu();
    let file = tempfile::NamedTempFile::new().unwrap();
    let flat = Flat::new(&gpu, 4, Metric::L2).unwrap();
    flat.write(file.path()).unwrap();
    assert!(Flat::read(&gpu, file.path()).is_ok());
    let error = BinaryFlat::read(&gpu, file.path()).unwrap_err();
    assert!(error.to_string().contains("read_index opens any kind"), "{error}");
    assert!(matches!(error, Error::Format { .. }) && error.to_string().contains("Flat"), "{error}");
    let bits = BinaryFlat::new(&gpu, 8, Metric::Hamming).unwrap();
    bits.write(file.path()).unwrap();
    assert!(BinaryFlat::read(&gpu, file.path()).is_ok());
    assert!(matches!(Flat::read(&gpu, file.path()), Err(Error::Format { .. })));
}

#[test]
fn a_write_that_fails_leaves_the_old_file() {
    let gpu = gpu();
    let folder = tempfile::tempdir().unwrap();
    let index = Flat::new(&gpu, 4, Metric::L2).unwrap();
    index.add(&[1.0; 40]).unwrap();
    assert!(matches!(index.write(&folder.path().join("no/index")), Err(Error::Io { .. })));
    assert!(matches!(index.write(folder.path()), Err(Error::Io { .. })));
    let path = folder.path().join("index");
    index.write(&path).unwrap();
    let old = std::fs::read(&path).unwrap();
    // A device that is lost cannot give the rows: the file stays.
    let long = Metric::wgsl(
        format!(
            "fn accumulate(a: f32, q: f32, x: f32) -> f32 {{ return a; }}
             fn finish(a: f32, d: u32) -> f32 {{ return a; }} // {}",
            "x".repeat(17 << 20)
        ),
        0.0,
        Order::Ascending,
    );
    let other = Flat::new(&gpu, 4, long).unwrap();
    assert!(matches!(other.write(&path), Err(Error::LimitExceeded { .. })));
    assert!(old == std::fs::read(&path).unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(matches!(read_index(&gpu, folder.path().join("none")), Err(Error::Io { .. })));
    assert!(matches!(read_index(&gpu, folder.path()), Err(Error::Io { .. })));
}

#[test]
fn a_file_says_what_it_is_without_being_read_and_every_damage_is_found() {
    let (gpu, folder) = (gpu(), tempfile::tempdir().unwrap());
    let path = folder.path().join("index");
    let index = Flat::new(&gpu, 3, Metric::L2).unwrap();
    index.add_with_ids(Rows::F32(&[0.5; 12]), &[9, 4, 70, 5]).unwrap();
    let unnamed = index.write_unnamed(&path).unwrap();
    assert!(!path.exists());
    drop(unnamed);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    index.write_unnamed(&path).unwrap().finish().unwrap();
    assert!(IndexInfo::is_index(&path).unwrap());
    let whole = std::fs::read(&path).unwrap();
    let mut told = Vec::new();
    let tell = &mut |done, all| {
        told.push((done, all));
        Ok(())
    };
    IndexInfo::verify(&path, tell).unwrap();
    let length = whole.len() as u64;
    assert!(told.iter().all(|&(done, all)| done <= all && all == length), "{told:?}");
    assert!(told.windows(2).all(|pair| pair[0] < pair[1]) && !told.is_empty(), "{told:?}");
    let stop = IndexInfo::verify(&path, &mut |_, _| Err(Error::Cancelled));
    assert!(matches!(stop, Err(Error::Cancelled)), "{stop:?}");
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let found = IndexInfo::verify(&path, &mut |_, _| Ok(()));
        assert!(matches!(found, Err(Error::Format { .. })), "byte {at}: {found:?}");
        assert_eq!(IndexInfo::is_index(&path).unwrap(), at >= 8, "byte {at}");
    }
    std::fs::write(&path, &whole[..5]).unwrap();
    assert!(!IndexInfo::is_index(&path).unwrap());
    assert!(matches!(IndexInfo::is_index(folder.path()), Err(Error::Io { .. })));
}
