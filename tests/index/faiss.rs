//! FAISS's index files: its answers, and the same file again; files that are written here, searched by FAISS.

use crate::common::device::subset;
use crate::common::npy::Npy;
use crate::support::gpu;
use nearfield::{
    BinaryFlat, BinaryIvf, Error, Flat, Hits, Index, IvfFlat, IvfPq, IvfRaBitQ, IvfSq, Metric,
    Refine, Rows, Search, SearchParams, SqType, read_faiss, read_index, write_faiss,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub const DIM: usize = 6;
const K: usize = 5;

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/faiss_files")
}

fn file(name: &str) -> PathBuf {
    folder().join(format!("{name}.faiss"))
}

fn text(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}

/// Slow drivers and those that are looked at for what differs take a third of the files.
fn step() -> usize {
    if subset() { 3 } else { 1 }
}

/// Hits of each query.
type Answers = Vec<Vec<(u64, f32)>>;

/// What stands in answers.txt: of each file the name of its queries and what FAISS found.
pub fn answers(text: &str) -> BTreeMap<String, (String, Answers)> {
    let mut all = BTreeMap::<String, (String, Answers)>::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let (name, data) = (words.next().unwrap(), words.next().unwrap());
        let hits = words.skip(1).map(|hit| {
            let (id, distance) = hit.split_once(':').unwrap();
            (id.parse().unwrap(), distance.parse().unwrap())
        });
        let entry = all.entry(name.to_owned()).or_insert_with(|| (data.to_owned(), Vec::new()));
        entry.1.push(hits.collect());
    }
    all
}

/// What an index answers to the queries of a fixture.
pub fn asked(index: &dyn Search, data: &str) -> Hits {
    let queries = Npy::read(&folder().join(format!("{data}.query.npy")));
    let params = SearchParams::new();
    if data == "bits" {
        return index.search_with(Rows::Bits(queries.u8()), K, &params).unwrap();
    }
    index.search_with(Rows::F32(&queries.f32()), K, &params).unwrap()
}

/// Holds hits against FAISS's: distances to 1e-4, and ids where distances tell them apart.
pub fn alike(name: &str, hits: &[Vec<(u64, f32)>], expected: &Answers) {
    assert_eq!(hits.len(), expected.len(), "{name}");
    for (found, expected) in hits.iter().zip(expected) {
        assert_eq!(found.len(), expected.len(), "{name}: {found:?} for {expected:?}");
        let near = |a: f32, b: f32| (a - b).abs() <= 1e-4 * a.abs().max(b.abs()).max(1e-3);
        for (i, (hit, its)) in found.iter().zip(expected).enumerate() {
            assert!(near(hit.1, its.1), "{name}: {found:?} for {expected:?}");
            let tied = expected.iter().enumerate().any(|(j, o)| j != i && near(o.1, its.1));
            let last = i + 1 == expected.len();
            assert!(hit.0 == its.0 || tied || last, "{name}: {found:?} for {expected:?}");
        }
    }
}

pub fn hits_of(hits: &Hits) -> Answers {
    hits.rows().map(|row| row.to_vec()).collect()
}

#[test]
fn faiss_answers_are_ours_and_its_files_are_written_again_to_the_byte() {
    let (gpu, folder) = (gpu(), tempfile::tempdir().unwrap());
    let again = folder.path().join("again.faiss");
    for (name, (data, expected)) in answers(&text("answers.txt")).iter().step_by(step()) {
        let index = read_index(&gpu, file(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        alike(name, &hits_of(&asked(&*index, data)), expected);
        write_faiss(&*index, &again).unwrap();
        // what is not written: direct maps, the letters of an IDMap that is none of flat rows, and old ones
        let other = [
            "array",
            "hashtable",
            "idmap_",
            "idmap2_ivf",
            "idmap2_sq",
            "idmap2_pre",
            "old_",
            "fast_",
            // sums that are rounded once more
            "rabitq",
            "PcAm",
            "PCAm",
            "lsh_old",
        ];
        if other.iter().any(|part| name.contains(part)) {
            let second = read_faiss(&gpu, &again).unwrap();
            assert_eq!(second.ids(), index.ids(), "{name}");
            assert_eq!(asked(&*second, data).distances(), asked(&*index, data).distances());
            continue;
        }
        assert!(std::fs::read(&again).unwrap() == std::fs::read(file(name)).unwrap(), "{name}");
    }
}

#[test]
fn lists_are_those_of_the_file() {
    let gpu = gpu();
    let mut checked = 0;
    for line in text("lists.txt").lines().step_by(step()) {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        let lists: Vec<Vec<u64>> = words
            .map(|list| {
                let ids = list.split_once(':').unwrap().1;
                ids.split(',').filter(|id| !id.is_empty()).map(|id| id.parse().unwrap()).collect()
            })
            .collect();
        let index = read_faiss(&gpu, file(name)).unwrap();
        assert_eq!(index.ids(), lists.concat(), "{name}");
        let sizes: Vec<u64> = lists.iter().map(|list| list.len() as u64).collect();
        let any = index.as_any().unwrap();
        if let Some(index) = any.downcast_ref::<IvfFlat>() {
            assert_eq!(index.list_sizes(), sizes, "{name}");
            // and they are the lists that rows get here
            for (list, ids) in lists.iter().enumerate().filter(|(_, ids)| !ids.is_empty()) {
                let rows = index.reconstruct_many(ids).unwrap();
                let nearest = index.assign(Rows::F32(&rows), 1).unwrap();
                assert_eq!(nearest.ids(), vec![list as u64; ids.len()], "{name}");
                checked += ids.len();
            }
        } else if let Some(index) = any.downcast_ref::<IvfSq>() {
            assert_eq!(index.list_sizes(), sizes, "{name}");
        } else if let Some(index) = any.downcast_ref::<IvfPq>() {
            assert_eq!(index.list_sizes(), sizes, "{name}");
        } else if let Some(index) = any.downcast_ref::<IvfRaBitQ>() {
            assert_eq!(index.list_sizes(), sizes, "{name}");
        } else if let Some(index) = any.downcast_ref::<BinaryIvf>() {
            assert_eq!(index.list_sizes(), sizes, "{name}");
            // of lists that are as near FAISS takes any
            for (list, ids) in lists.iter().enumerate() {
                for &id in ids {
                    let row = index.reconstruct_bytes(id).unwrap();
                    let nearest = index.assign(Rows::Bits(&row), index.nlist()).unwrap();
                    let its = nearest.row(0).find(|hit| hit.0 == list as u64).unwrap();
                    assert_eq!(its.1, nearest.distances()[0], "{name}");
                }
            }
        } else {
            assert!(lists.is_empty(), "{name}");
        }
    }
    assert!(checked > 300 / step());
}

#[test]
fn what_is_read_goes_on() {
    let gpu = gpu();
    let index = read_faiss(&gpu, file("ivf_ids")).unwrap();
    let (before, last) = (index.len(), index.ids().into_iter().max().unwrap());
    assert_eq!(index.add(&[0.5; DIM]).unwrap(), last + 1..last + 2);
    assert_eq!(index.remove(&[last]).unwrap(), 1);
    assert_eq!((index.len(), index.description()), (before, "IVF8,Flat".to_owned()));
    let bits = read_faiss(&gpu, file("untrained_ivf_bits")).unwrap();
    assert_eq!((bits.description(), bits.is_trained()), ("BIVF8".to_owned(), false));
    let again = tempfile::NamedTempFile::new().unwrap();
    write_faiss(&*bits, again.path()).unwrap();
    assert!(
        std::fs::read(again.path()).unwrap() == std::fs::read(file("untrained_ivf_bits")).unwrap()
    );
    let rows: Vec<u8> = (0..50 * 5).map(|i| (i * 7 % 251) as u8).collect();
    bits.train(Rows::Bits(&rows)).unwrap();
    assert_eq!(bits.add_rows(Rows::Bits(&rows)).unwrap(), 0..50);
    for (name, description) in [
        ("untrained_ivf", "IVF8,Flat"),
        ("untrained_sq", "IVF8,SQ8_rows"),
        ("untrained_ivf_sqfp16", "IVF8,SQfp16"),
        ("untrained_flat_sq", "SQ8"),
        ("untrained_flat_pq", "PQ3x4"),
        ("untrained_fast_ivf", "IVF8,PQ3x4"),
        ("untrained_ivf_rabitq", "IVF8,RaBitQ4"),
        ("untrained_flat_rabitq", "RaBitQ4"),
        ("untrained_lsh", "LSH9rt"),
    ] {
        let index = read_faiss(&gpu, file(name)).unwrap();
        assert_eq!((index.description(), index.is_trained()), (description.to_owned(), false));
        let again = tempfile::NamedTempFile::new().unwrap();
        write_faiss(&*index, again.path()).unwrap();
        let same = std::fs::read(again.path()).unwrap() == std::fs::read(file(name)).unwrap();
        assert!(same || name.contains("fast"));
        let rows: Vec<f32> = (0..50 * DIM).map(|i| (i * 7 % 31) as f32).collect();
        index.train(Rows::F32(&rows)).unwrap();
        assert_eq!(index.add(&rows).unwrap(), 0..50);
    }
}

/// Numbers of 16 bits that are none, and such as make rows longer than rows may be.
#[test]
fn residuals_that_are_no_numbers_are_refused_at_their_place() {
    let (gpu, folder) = (gpu(), tempfile::tempdir().unwrap());
    let path = folder.path().join("x.faiss");
    for (name, bits) in [
        ("fp16", 0x7c00u16),
        ("fp16", 0xfe00),
        ("bf16", 0x7f80),
        ("bf16", 0xffc1),
        ("bf16", 0x7e00),
    ] {
        let mut bytes = std::fs::read(file(&format!("ivf_{name}_residual_l2"))).unwrap();
        let start = bytes.windows(4).position(|four| four == b"ilar").unwrap();
        // lists, bytes of a code, and sizes before the first code, of which this is the third element
        let at = start + 4 + 16 + 12 + 8 * 8 + 4;
        bytes[at..at + 2].copy_from_slice(&bits.to_le_bytes());
        std::fs::write(&path, &bytes).unwrap();
        let error = read_faiss(&gpu, &path).map(|_| ()).unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, Error::Format { .. }), "{said}");
        assert!(said.contains(&format!("{}", at - 4)) && said.contains("column 2"), "{said}");
    }
}

#[test]
fn what_is_not_trained_is_trained_here() {
    let gpu = gpu();
    let again = tempfile::NamedTempFile::new().unwrap();
    for (name, description) in [
        ("untrained_pre_ivf", "PCA4,IVF8,Flat"),
        ("untrained_pre_itq", "ITQ3,Flat"),
        ("untrained_pre_rr", "RR4,Flat"),
        ("untrained_refine_ivf", "IVF8,PQ3x4,RFlat"),
        ("untrained_pre_lsh", "ITQ3,LSH3t"),
    ] {
        let index = read_faiss(&gpu, file(name)).unwrap();
        assert_eq!((index.description(), index.is_trained()), (description.to_owned(), false));
        write_faiss(&*index, again.path()).unwrap();
        assert!(std::fs::read(again.path()).unwrap() == std::fs::read(file(name)).unwrap());
        let rows: Vec<f32> = (0..50 * DIM).map(|i| (i * 7 % 31) as f32).collect();
        assert!(matches!(index.add(&rows), Err(Error::NotTrained)));
        let learnt = name.ends_with("_rr") || name.contains("refine");
        if !cfg!(feature = "transforms") && !learnt {
            let error = index.train(Rows::F32(&rows)).unwrap_err().to_string();
            assert!(error.contains("transforms"), "{error}");
            continue;
        }
        index.train(Rows::F32(&rows)).unwrap();
        assert_eq!(index.add(&rows).unwrap(), 0..50);
        write_faiss(&*index, again.path()).unwrap();
        let second = read_faiss(&gpu, again.path()).unwrap();
        assert_eq!((second.description(), second.len()), (description.to_owned(), 50));
        let hits = asked(&*index, "plain");
        assert_eq!(hits_of(&asked(&*second, "plain")), hits_of(&hits));
    }
}

#[test]
fn what_faiss_has_no_place_for_is_refused_by_name() {
    let (gpu, folder) = (gpu(), tempfile::tempdir().unwrap());
    let path = folder.path().join("x.faiss");
    let refused = |index: &dyn Index, part: &str| {
        let error = write_faiss(index, &path).unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, Error::Unsupported { .. }) && said.contains(part), "{said}");
        assert!(!path.exists());
    };
    for metric in [Metric::SqrtL2, Metric::CosineDistance, Metric::Hellinger, Metric::Correlation] {
        let name = metric.to_string();
        refused(&Flat::new(&gpu, DIM, metric).unwrap(), &name);
    }
    refused(&BinaryFlat::new(&gpu, 16, Metric::Dice).unwrap(), "dice");
    refused(&BinaryFlat::new(&gpu, 13, Metric::Hamming).unwrap(), "13 bits");
    refused(&BinaryIvf::new(&gpu, 16, Metric::BitJaccard, 2).unwrap(), "jaccard");
    refused(&BinaryIvf::new(&gpu, 13, Metric::Hamming, 2).unwrap(), "13 bits");
    let codes = |metric, kind| IvfSq::new(&gpu, DIM, metric, 2, kind).unwrap();
    refused(&codes(Metric::L2, SqType::Uniform6), "SQ6_uniform");
    refused(&codes(Metric::Cosine, SqType::Bits8), "cosine");
    let flat = || Box::new(Flat::new(&gpu, DIM, Metric::L2).unwrap());
    let many = Refine::new(flat(), flat()).unwrap();
    many.set_k_factor(1001.0).unwrap();
    refused(&many, "1001");
    // and of their files
    for name in ["ivf_pq", "nan", "twice", "negative"] {
        let path = file(&format!("refused/{name}"));
        let error = read_index(&gpu, &path).unwrap_err();
        assert!(matches!(&error, Error::Format { file, .. } if *file == path), "{error}");
    }
    let other = Flat::read(&gpu, file("flat_l2")).unwrap_err().to_string();
    assert!(other.contains("read_faiss"), "{other}");
}
