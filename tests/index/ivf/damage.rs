//! Files of lists that are cut, damaged or made up: an error that names a place, never a panic, never other answers.

use crate::support::{self, gpu, rows};
use nearfield::{DType, Index, IvfFlat, Metric};

const DIM: usize = 3;
const NLIST: usize = 4;
const ROWS: usize = 9;

fn file() -> Vec<u8> {
    let index = IvfFlat::new(&gpu(), DIM, Metric::L2, NLIST).unwrap();
    index.train(rows(20, DIM, &Metric::L2, DType::F32, 1).rows()).unwrap();
    index.add_rows(rows(ROWS, DIM, &Metric::L2, DType::F32, 2).rows()).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    index.write(file.path()).unwrap();
    std::fs::read(file.path()).unwrap()
}

/// Where reading says that the file is wrong; `None` of a good one.
fn fault(bytes: &[u8]) -> Option<usize> {
    support::fault(bytes).map(|(at, _)| at)
}

/// Tag, first byte and length of the content of each section.
fn sections(bytes: &[u8]) -> Vec<(String, usize, usize)> {
    let (mut at, mut all) = (28, Vec::new());
    while at < bytes.len() {
        let tag = String::from_utf8(bytes[at..at + 4].to_vec()).unwrap();
        let length = u64::from_le_bytes(bytes[at + 4..at + 12].try_into().unwrap()) as usize;
        all.push((tag, at + 12, length));
        at += length + 16;
    }
    all
}

/// With other bytes at a place of a section, and its checksum right.
fn forged(good: &[u8], tag: &str, at: usize, with: &[u8]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    let all = sections(good);
    let (_, start, length) = all.iter().find(|section| section.0 == tag).unwrap();
    bytes[start + at..start + at + with.len()].copy_from_slice(with);
    let sum = crc32fast::hash(&bytes[start - 12..start + length]);
    bytes[start + length..start + length + 4].copy_from_slice(&sum.to_le_bytes());
    bytes
}

#[test]
fn a_file_of_lists_is_refused_at_every_cut_and_flipped_bit() {
    let good = file();
    assert_eq!(fault(&good), None);
    for length in 0..good.len() {
        assert!(fault(&good[..length]).is_some(), "{length} of {} bytes", good.len());
    }
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(fault(&bad).is_some(), "byte {at}");
    }
}

#[test]
fn what_the_checksums_cannot_see_is_checked() {
    let good = file();
    let tags: Vec<String> = sections(&good).into_iter().map(|section| section.0).collect();
    assert_eq!(tags, ["INFO", "IDS ", "LIST", "LABL", "ROWS"]);
    let start = |tag: &str| sections(&good).iter().find(|s| s.0 == tag).unwrap().1;
    let (list, labels) = (start("LIST"), start("LABL"));
    for nlist in [0u64, 3, 5, u64::MAX, 1 << 32] {
        assert_eq!(fault(&forged(&good, "LIST", 0, &nlist.to_le_bytes())), Some(list), "{nlist}");
    }
    for nprobe in [0u64, 1 << 32, u64::MAX] {
        assert_eq!(fault(&forged(&good, "LIST", 8, &nprobe.to_le_bytes())), Some(list + 8));
    }
    assert_eq!(fault(&forged(&good, "LIST", 16, &2u32.to_le_bytes())), Some(list + 16));
    assert_eq!(fault(&forged(&good, "LIST", 16, &0u32.to_le_bytes())), Some(list));
    // a size that is not that of the list
    let wrong = fault(&forged(&good, "LIST", 20, &1000u64.to_le_bytes()));
    assert_eq!(wrong, Some(labels));
    // a centroid that is none
    let centroids = 20 + 8 * NLIST;
    let nan = forged(&good, "LIST", centroids + 4, &f32::NAN.to_le_bytes());
    assert_eq!(fault(&nan), Some(list + centroids));
    // a list that there is not
    for label in [NLIST as u32, u32::MAX] {
        let bad = forged(&good, "LABL", 4 * 5, &label.to_le_bytes());
        assert_eq!(fault(&bad), Some(labels + 4 * 5));
    }
    // a row in another list than the sizes say
    let own = u32::from_le_bytes(good[labels..labels + 4].try_into().unwrap());
    let other = forged(&good, "LABL", 0, &((own + 1) % NLIST as u32).to_le_bytes());
    assert_eq!(fault(&other), Some(labels));
    // other centroids and rows are no fault that anybody could see
    assert_eq!(fault(&forged(&good, "LIST", centroids, &0.5f32.to_le_bytes())), None);
    assert_eq!(fault(&forged(&good, "LIST", 8, &7u64.to_le_bytes())), None);
}
