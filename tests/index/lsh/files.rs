//! Files of signs, whole and damaged.

use super::answers::{SHAPES, check};
use super::{Model, bits_of, index, numbers};
use crate::common::device::subset;
use crate::support::{fault, gpu};
use nearfield::{
    DType, Error, Index, IndexInfo, Lsh, Metric, Rows, Search, index_factory, read_index,
    write_index,
};

#[test]
fn what_is_written_is_read_again() {
    let gpu = gpu();
    for (dim, bits, rotated, thresholds) in SHAPES.into_iter().step_by(if subset() { 4 } else { 1 })
    {
        let index = index(dim, bits, rotated, thresholds);
        let (rows, queries) = (numbers(70, dim, 30), numbers(3, dim, 31));
        let ids: Vec<u64> = (0..70).map(|i| 900 - 7 * i).collect();
        index.add_with_ids(Rows::F32(&rows), &ids).unwrap();
        index.remove(&[ids[4], ids[9]]).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        write_index(&index, file.path()).unwrap();
        let info = IndexInfo::verify(file.path(), &mut |_, _| Ok(())).unwrap();
        assert_eq!((&info.kind[..], info.dtype, info.dim), ("Lsh", DType::F32, dim));
        assert_eq!((info.metric, info.rows, info.next_id), (Metric::Hamming, 68, 901));
        assert_eq!((info.codes, info.ivf), (Some(index.description()), None));
        let again = Lsh::read(&gpu, file.path()).unwrap();
        assert_eq!((again.matrix(), again.thresholds()), (index.matrix(), index.thresholds()));
        assert_eq!((again.ids(), again.description()), (index.ids(), index.description()));
        let model: Model = ids.iter().copied().zip(bits_of(&index, dim, &rows)).collect();
        let left = |row: &(u64, Vec<bool>)| row.0 != ids[4] && row.0 != ids[9];
        check(&again, &model.into_iter().filter(left).collect(), &queries);
        // and what is added goes on
        assert_eq!(again.add(&queries).unwrap(), 901..904);
        assert!(matches!(again.merge_from(&index), Err(Error::DuplicateId { .. })));
    }
    // before training, and without rows
    for (name, trained) in [("LSH9rt", false), ("LSH3", true), ("Center,LSH4t", false)] {
        let index = index_factory(&gpu, 5, name, Metric::L2, DType::F32).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        write_index(&*index, file.path()).unwrap();
        let again = read_index(&gpu, file.path()).unwrap();
        assert_eq!((again.description(), again.is_trained()), (name.to_owned(), trained));
        again.train(Rows::F32(&numbers(30, 5, 32))).unwrap();
        again.add(&numbers(30, 5, 33)).unwrap();
        write_index(&*again, file.path()).unwrap();
        let third = read_index(&gpu, file.path()).unwrap();
        let queries = numbers(4, 5, 34);
        let (a, b) = (third.search(&queries, 8).unwrap(), again.search(&queries, 8).unwrap());
        assert_eq!((a.ids(), a.distances()), (b.ids(), b.distances()));
        let info = IndexInfo::read(file.path()).unwrap();
        assert_eq!(info.metric, Metric::Hamming);
        assert_eq!(info.codes.as_deref(), Some(name.trim_start_matches("Center,")));
    }
}

fn file(description: &str) -> Vec<u8> {
    let index = index_factory(&gpu(), 3, description, Metric::L2, DType::F32).unwrap();
    index.train(Rows::F32(&numbers(20, 3, 35))).unwrap();
    index.add(&numbers(9, 3, 36)).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    index.write(file.path()).unwrap();
    std::fs::read(file.path()).unwrap()
}

#[test]
fn a_file_is_refused_at_every_cut_and_flipped_bit() {
    for description in ["LSH2t", "LSH5rt"] {
        let good = file(description);
        assert_eq!(fault(&good), None);
        for length in (0..good.len()).step_by(if subset() { 7 } else { 1 }) {
            assert!(fault(&good[..length]).is_some(), "{length} of {} bytes", good.len());
        }
        for at in (0..good.len()).step_by(if subset() { 7 } else { 1 }) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            assert!(fault(&bad).is_some(), "{description}: byte {at}");
        }
    }
}

/// First byte and length of the content of the last section of this tag.
fn section(bytes: &[u8], tag: &str) -> (usize, usize) {
    let (mut at, mut found) = (28, None);
    while at < bytes.len() {
        let length = u64::from_le_bytes(bytes[at + 4..at + 12].try_into().unwrap()) as usize;
        if &bytes[at..at + 4] == tag.as_bytes() {
            found = Some((at + 12, length));
        }
        at += length + 16;
    }
    found.unwrap()
}

/// With other bytes at a place of a section, and its checksum right.
fn forged(good: &[u8], tag: &str, at: usize, with: &[u8]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    let (start, length) = section(good, tag);
    bytes[start + at..start + at + with.len()].copy_from_slice(with);
    let sum = crc32fast::hash(&bytes[start - 12..start + length]);
    bytes[start + length..start + length + 4].copy_from_slice(&sum.to_le_bytes());
    bytes
}

#[test]
fn what_the_checksums_cannot_see_is_checked() {
    let number = |x: u32| x.to_le_bytes();
    for (description, tag, at, with, part) in [
        ("LSH2t", "SIGN", 0, number(0), "0 bits"),
        ("LSH2t", "SIGN", 0, number(4), "4 bits of 3"),
        ("LSH2t", "SIGN", 0, number(1), "thresholds of 1 bits"),
        ("LSH2t", "SIGN", 0, number(u32::MAX), "bits"),
        ("LSH2t", "SIGN", 4, number(0), "8 bytes of thresholds"),
        ("LSH2t", "SIGN", 4, number(2), "neither 0 nor 1"),
        ("LSH2t", "SIGN", 8, f32::NAN.to_le_bytes(), "bit 0 is NaN"),
        ("LSH3", "SIGN", 4, number(1), "without their thresholds"),
        ("LSH5r", "SIGN", 0, number(6), "to 5 for 6 bits"),
        // bits behind the last of a row
        ("LSH2t", "ROWS", 4, [4, 0, 0, 0], "this bit is set"),
        // rows of another dimension, of another type, under another metric
        ("LSH5r", "INFO", 14, number(4), "for 5 bits of 4"),
        ("LSH3", "INFO", 11, *b"f16\x03", "f16"),
    ] {
        let good = file(description);
        let told = fault(&forged(&good, tag, at, &with));
        let Some((_, reason)) = told else { panic!("{description}, {tag} {at}: read") };
        assert!(reason.contains(part), "{description}, {tag} {at}: {reason}");
    }
}

#[test]
fn another_kind_is_refused_by_name() {
    let (gpu, file) = (gpu(), tempfile::NamedTempFile::new().unwrap());
    let flat = nearfield::Flat::new(&gpu, 3, Metric::L2).unwrap();
    flat.write(file.path()).unwrap();
    let said = Lsh::read(&gpu, file.path()).unwrap_err().to_string();
    assert!(said.contains("\"Flat\"") && said.contains("\"Lsh\""), "{said}");
}
