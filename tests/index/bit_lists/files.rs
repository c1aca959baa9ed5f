//! Descriptions, and files, whole and damaged.

use super::{hits, rows};
use crate::common::device::subset;
use crate::support::{fault, gpu};
use nearfield::{
    BinaryIvf, DType, Error, Index, IndexInfo, IvfFlat, Metric, Rows, Search, SearchParams,
    index_factory, read_index,
};

#[test]
fn descriptions_parse_back_and_errors_name_what_is_expected() {
    let made = |description: &str, metric: Metric, dtype: DType| {
        index_factory(&gpu(), 16, description, metric, dtype)
    };
    for (asked, own) in [
        ("BIVF1", "BIVF1"),
        ("BIVF4096", "BIVF4096"),
        ("BIVF4k", "BIVF4096"),
        ("IDMap2,BIVF8", "BIVF8"),
    ] {
        let index = made(asked, Metric::Hamming, DType::Bits).unwrap();
        assert_eq!((index.description(), index.is_trained()), (own.to_owned(), false));
        let again = made(own, index.metric().clone(), index.dtype()).unwrap();
        assert_eq!((again.description(), again.dim()), (own.to_owned(), 16));
    }
    for (asked, metric, dtype, words) in [
        ("BIVF0", Metric::Hamming, DType::Bits, ["\"BIVF0\"", "1 or more"]),
        ("BIVFx", Metric::Hamming, DType::Bits, ["\"BIVFx\"", "BIVF4096"]),
        ("BIVF16_NSG32", Metric::Hamming, DType::Bits, ["\"NSG32\"", "\"BIVF16\""]),
        ("BIVF16,Flat", Metric::Hamming, DType::Bits, ["\"Flat\"", "the end"]),
        ("BIVF16", Metric::L2, DType::F32, ["BIVF16", "f32"]),
        ("BIVF16", Metric::L2, DType::Bits, ["l2", "bits"]),
        ("IVF16,Flat", Metric::Hamming, DType::Bits, ["bits", "BIVF"]),
    ] {
        let error = made(asked, metric, dtype).unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, Error::Unsupported { .. }), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{asked}: {said}");
    }
    let gpu = gpu();
    assert!(BinaryIvf::new(&gpu, 0, Metric::Hamming, 2).is_err());
    assert!(BinaryIvf::new(&gpu, 8, Metric::Hamming, 0).is_err());
    assert!(BinaryIvf::new(&gpu, 32_761, Metric::Hamming, 2).is_err());
    assert!(BinaryIvf::with_centroids(&gpu, 16, Metric::Hamming, &[1, 2, 3]).is_err());
    let index = BinaryIvf::with_centroids(&gpu, 8, Metric::Hamming, &[1, 2]).unwrap();
    assert!(index.set_nprobe(0).is_err() && index.set_centroids(&[1, 2, 3]).is_err());
    let floats = index.search_with(Rows::F32(&[1.0; 8]), 1, &SearchParams::new());
    assert!(matches!(floats, Err(Error::Unsupported { .. })));
    assert!(matches!(index.add_rows(Rows::U8(&[1])), Err(Error::InvalidArgument { .. })));
}

fn file(dim: usize) -> Vec<u8> {
    let index = BinaryIvf::with_centroids(&gpu(), dim, Metric::Hamming, &rows(4, dim, 16)).unwrap();
    index.set_nprobe(3).unwrap();
    index.add_rows(Rows::Bits(&rows(9, dim, 17))).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    index.write(file.path()).unwrap();
    std::fs::read(file.path()).unwrap()
}

#[test]
fn files_keep_all_and_damage_is_found() {
    let gpu = gpu();
    for (dim, metric) in [(13, Metric::RusselRao), (40, Metric::Hamming)] {
        let index =
            BinaryIvf::with_centroids(&gpu, dim, metric.clone(), &rows(9, dim, 18)).unwrap();
        index.set_nprobe(2).unwrap();
        let ids: Vec<u64> = (0..60).map(|i| 600 - 7 * i).collect();
        index.add_with_ids(Rows::Bits(&rows(60, dim, 19)), &ids).unwrap();
        index.remove(&[ids[4], ids[9]]).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        index.write(file.path()).unwrap();
        let info = IndexInfo::verify(file.path(), &mut |_, _| Ok(())).unwrap();
        assert_eq!((&info.kind[..], info.dtype, info.dim), ("BinaryIvf", DType::Bits, dim));
        let ivf = info.ivf.unwrap();
        assert_eq!((info.rows, ivf.nlist, ivf.nprobe, &ivf.codes[..]), (58, 9, 2, "Flat"));
        let again = BinaryIvf::read(&gpu, file.path()).unwrap();
        assert_eq!(again.centroids().unwrap(), index.centroids().unwrap());
        assert_eq!((again.nprobe(), again.list_sizes()), (2, index.list_sizes()));
        let queries = rows(4, dim, 20);
        let search = |index: &BinaryIvf| {
            hits(&index.search_with(Rows::Bits(&queries), 9, &SearchParams::new()).unwrap())
        };
        assert_eq!(search(&again), search(&index));
        assert_eq!(again.add_rows(Rows::Bits(&queries)).unwrap(), 601..605);
        let untrained = BinaryIvf::new(&gpu, dim, metric, 5).unwrap();
        untrained.write(file.path()).unwrap();
        let again = read_index(&gpu, file.path()).unwrap();
        assert_eq!((again.description(), again.is_trained()), ("BIVF5".to_owned(), false));
        let said = IvfFlat::read(&gpu, file.path()).unwrap_err().to_string();
        assert!(said.contains("\"BinaryIvf\""), "{said}");
    }
    let good = file(13);
    assert_eq!(fault(&good), None);
    for length in (0..good.len()).step_by(if subset() { 7 } else { 1 }) {
        assert!(fault(&good[..length]).is_some(), "{length} of {} bytes", good.len());
    }
    for at in (0..good.len()).step_by(if subset() { 7 } else { 1 }) {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(fault(&bad).is_some(), "byte {at}");
    }
    // where the checksums are right: a centroid's and a row's bits behind the last, another number of lists, another type
    for (tag, at, with, part) in [
        ("LIST", 20 + 4 * 8 + 1, &[0x80][..], "this bit is set"),
        ("ROWS", 1, &[0x80], "this bit is set"),
        ("LIST", 0, &[5], "5 lists"),
        ("LABL", 0, &[4], "list 4 of 4"),
        ("INFO", 4 + 9 + 4, b"u8\0\0", ""),
    ] {
        let mut bytes = good.clone();
        let mut start = 28;
        while &bytes[start..start + 4] != tag.as_bytes() {
            let length = u64::from_le_bytes(bytes[start + 4..start + 12].try_into().unwrap());
            start += length as usize + 16;
        }
        let length = u64::from_le_bytes(bytes[start + 4..start + 12].try_into().unwrap());
        let end = start + 12 + length as usize;
        bytes[start + 12 + at..start + 12 + at + with.len()].copy_from_slice(with);
        let sum = crc32fast::hash(&bytes[start..end]);
        bytes[end..end + 4].copy_from_slice(&sum.to_le_bytes());
        let told = fault(&bytes);
        assert!(told.as_ref().is_some_and(|(_, why)| why.contains(part)), "{tag} {at}: {told:?}");
    }
}
