//! Runs without a GPU. FAISS's index files without a device: what they say of themselves, and damage: an error that names the file and the
//! place, no panic, and no more memory than the file justifies.

#[path = "format_support/watched.rs"]
mod watched;

use nearfield::{DType, Error, IndexInfo, Metric, SqType, faiss_info, is_faiss, verify_faiss};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use watched::LARGEST;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/faiss_files")
}

/// The fixtures of a folder, by name.
fn files(folder: &Path) -> BTreeMap<String, PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = paths.filter(|path| path.extension().is_some_and(|name| name == "faiss"));
    files.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path)).collect()
}

/// What a file says, once all of it was read.
fn read(path: &Path) -> Result<IndexInfo, Error> {
    let told = faiss_info(path);
    let whole = verify_faiss(path, &mut |_, _| Ok(()));
    match (&told, &whole) {
        (Ok(told), Ok(whole)) => assert_eq!(told, whole),
        // what needs the rows is found in them
        (Ok(_), Err(_)) | (Err(_), Err(_)) => {}
        (Err(error), Ok(_)) => panic!("{}: {error}", path.display()),
    }
    whole
}

#[test]
fn each_file_says_what_it_is() {
    let all = files(&folder());
    assert!(all.len() > 40);
    for (name, path) in &all {
        assert!(is_faiss(path).unwrap(), "{name}");
        let info = read(path).unwrap_or_else(|e| panic!("{e}"));
        let without = name.contains("empty") || name.contains("untrained");
        let rows = if without {
            0
        } else if name == "ivf_sparse" {
            6
        } else {
            48
        };
        let dim = if name.contains("bits") { 40 } else { 6 };
        assert_eq!((info.rows, info.dim, info.version), (rows, dim, 0), "{name}");
        assert_eq!(info.bytes, fs::metadata(path).unwrap().len());
        assert_eq!(
            info.ivf.is_some(),
            name.contains("ivf")
                || ["idmap2_sq6", "untrained_sq"].contains(&&name[..])
                || name.starts_with("old_I") && !name.starts_with("old_Ix"),
            "{name}"
        );
        let listed = ["ids", "sparse", "hashtable", "idmap", "old_IvF"];
        let (first, last) = (1u64 << 40, (1u64 << 40) + 1000);
        if listed.iter().any(|part| name.contains(part)) {
            assert!((first..=last).contains(&info.next_id), "{name}: {}", info.next_id);
        } else {
            assert_eq!(info.next_id, rows, "{name}");
        }
    }
    let info = |name: &str| faiss_info(&all[name]).unwrap();
    assert_eq!((info("flat_lp").metric, info("flat_lp").dtype), (Metric::Lp(3.0), DType::F32));
    assert_eq!((info("bits").kind, info("bits").dtype), ("BinaryFlat".to_owned(), DType::Bits));
    assert_eq!(info("idmap_ivf").kind, "IvfFlat");
    let sparse = info("ivf_sparse").ivf.unwrap();
    assert_eq!((sparse.nlist, sparse.nprobe), (20, 7));
    assert!(sparse.sizes.is_some_and(|sizes| sizes.empty >= 14));
    let codes = info("idmap2_sq6");
    assert_eq!(
        (codes.kind, codes.ivf.unwrap().quantizer),
        ("IvfSq".to_owned(), Some(SqType::Bits6))
    );
    assert_eq!(info("untrained_sq").ivf.unwrap().sizes, None);
    for (name, kind, codes) in [
        ("sq4_ip", "Sq", "SQ4"),
        ("pq6x5_l2", "Pq", "PQ6x5"),
        ("untrained_flat_pq", "Pq", "PQ3x4"),
        ("ivf_pq3_l2", "IvfPq", "PQ3"),
        ("rabitq_ip", "RaBitQ", "RaBitQ"),
        ("untrained_flat_rabitq", "RaBitQ", "RaBitQ4"),
        ("ivf_rabitq9_l2", "IvfRaBitQ", "RaBitQ9"),
    ] {
        assert_eq!((&info(name).kind[..], info(name).codes.as_deref()), (kind, Some(codes)));
    }
    assert_eq!(info("old_IxPQ").metric, Metric::L2);
    for (name, transforms, kind) in [
        ("flat_l2", &[][..], "Flat"),
        ("pre_pca", &["PCA3"], "PreTransform"),
        ("pre_chain_ivf", &["L2norm", "PCA4", "RR3"], "PreTransform"),
        ("pre_center", &["Center", "Remap4"], "PreTransform"),
        ("idmap2_pre_ivf", &["Linear4"], "PreTransform"),
        ("untrained_pre_itq", &["ITQ3"], "PreTransform"),
        ("pre_hr", &["HR"], "PreTransform"),
        ("pre_PCAm", &["PCAW4"], "PreTransform"),
        ("refine_ivf_flat_ip", &[], "Refine"),
        ("refine_pca_ivf_l2", &["PCA4"], "Refine"),
        ("lsh", &[], "Lsh"),
        ("idmap2_pre_lsh", &["PCA4"], "PreTransform"),
    ] {
        let info = info(name);
        assert_eq!(
            (info.transforms.join(","), &info.kind[..]),
            (transforms.join(","), kind),
            "{name}"
        );
    }
    for (name, base, k_factor) in [
        ("refine_ivf_flat_l2", "IvfFlat", 1.0),
        ("refine_ivf_pq_ip", "IvfPq", 3.0),
        ("refine_pca_ivf_ip", "PreTransform", 3.0),
        ("refine_ivf_empty", "IvfFlat", 2.0),
        ("refine_lsh", "Lsh", 1.8),
        ("refine_rr_lsh", "PreTransform", 3.0),
        ("idmap2_refine_ivf", "IvfFlat", 2.0),
        ("refine_mapped_flat", "Flat", 2.0),
        ("untrained_refine_ivf", "IvfPq", 1.0),
    ] {
        let refine = info(name).refine.unwrap();
        assert_eq!((&refine.base[..], &refine.rows[..], refine.k_factor), (base, "Flat", k_factor));
    }
    let bits = info("ivf_bits");
    assert_eq!(
        (&bits.kind[..], bits.dtype, bits.metric),
        ("BinaryIvf", DType::Bits, Metric::Hamming)
    );
    assert_eq!(info("idmap2_ivf_bits").kind, "BinaryIvf");
    assert_eq!(info("untrained_ivf_bits").ivf.unwrap().sizes, None);
    for (name, codes) in [
        ("lsh", "LSH6"),
        ("lsh4", "LSH4"),
        ("lsh_t", "LSH6t"),
        ("lsh13rt", "LSH13rt"),
        ("lsh_bias", "LSH7r"),
        ("lsh_old", "LSH64r"),
        ("idmap2_lsh", "LSH4rt"),
        ("pre_itq_lsh", "LSH3"),
        ("untrained_lsh", "LSH9rt"),
    ] {
        let info = info(name);
        assert_eq!(info.codes.as_deref(), Some(codes), "{name}");
        assert_eq!((info.metric, info.dtype), (Metric::Hamming, DType::F32), "{name}");
    }
    assert!(!is_faiss(folder().join("plain.query.npy")).unwrap());
}

#[test]
fn what_is_not_read_is_named() {
    let all = files(&folder().join("refused"));
    for (name, needed) in [
        ("pq", &["bits", "2", "4..=8"][..]),
        ("polysemous", &["search_type 4", "ST_PQ"]),
        ("untrained_opq", &["matrix", "not there", "Linear"]),
        ("twice_transformed", &["IxPT behind transforms"]),
        ("ivf_pq", &["bits", "2", "4..=8"]),
        ("refine", &["compared by", "IHNf is read", "not here"]),
        ("ivf_hnsw", &["centroids", "IHNf", "flat"]),
        ("ivf_bits_hnsw", &["centroids", "IBHf", "flat"]),
        ("twice", &["id 5", "3 times"]),
        ("negative", &["-3", "0 or more"]),
        ("other_metric", &["under l2", "under ip"]),
        ("nan", &["NaN"]),
        ("rabitq_fast", &["Irfn", "RaBitQ", "fast scans"]),
    ] {
        let path = &all[name];
        assert!(is_faiss(path).unwrap());
        let error = read(path).unwrap_err();
        let said = error.to_string();
        assert!(matches!(&error, Error::Format { file, .. } if file == path), "{said}");
        let missing: Vec<_> = needed
            .iter()
            .filter(|part| !said.to_lowercase().contains(&part.to_lowercase()))
            .collect();
        assert!(missing.is_empty(), "{name}: {missing:?} not in {said}");
    }
    assert_eq!(all.len(), 13);
}

/// A file that is damaged over and over, in its place: to make a new one each time takes a minute.
struct Damaged {
    path: tempfile::TempPath,
    file: fs::File,
    good: Vec<u8>,
}

impl Damaged {
    fn new(good: Vec<u8>) -> Damaged {
        let (mut file, path) = tempfile::NamedTempFile::new().unwrap().into_parts();
        file.write_all(&good).unwrap();
        Damaged { path, file, good }
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.file.seek(SeekFrom::Start(at as u64)).unwrap();
        self.file.write_all(bytes).unwrap();
    }

    /// Whether it is read with these bytes in it.
    fn with(&mut self, at: usize, bytes: &[u8]) -> bool {
        let end = self.good.len().min(at + bytes.len());
        self.put(at, &bytes[..end - at]);
        let taken = self.is_read(self.good.len());
        let good = self.good[at..end].to_vec();
        self.put(at, &good);
        taken
    }

    /// Whether it is read with another length.
    fn cut(&mut self, length: usize) -> bool {
        self.file.set_len(length as u64).unwrap();
        self.is_read(length)
    }

    /// Reads it; whatever becomes of it, an error is in the file, and no allocation is larger than twice the file beside a few KB for
    /// names and messages.
    fn is_read(&self, length: usize) -> bool {
        LARGEST.set(0);
        let outcome = verify_faiss(&self.path, &mut |_, _| Ok(()));
        assert!(LARGEST.get() <= 4096 + 2 * length, "{} bytes at once of {length}", LARGEST.get());
        match outcome {
            Ok(_) => true,
            Err(Error::Format { file, offset, reason }) => {
                assert_eq!(file, &*self.path);
                assert!(offset <= length as u64, "offset {offset} of {length}: {reason}");
                assert!(!reason.is_empty());
                false
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// The shortest file of each layout.
const LAYOUTS: [&str; 28] = [
    "flat_lp",
    "ivf_ids",
    "ivf_sparse",
    "ivf_hashtable",
    "ivf_sq4",
    "idmap2_sq6",
    "idmap_flat",
    "idmap2_bits",
    "old_IvFl",
    "pre_pcar_ivf_sq8",
    "pre_itq",
    "pre_hr",
    "pre_center",
    "idmap2_pre_ivf",
    "untrained_pre_itq",
    "rabitq4_l2",
    "ivf_rabitq9_ip",
    "refine_mapped_flat",
    "refine_pca_ivf_l2",
    "untrained_refine_ivf",
    "lsh5t",
    "lsh3rt",
    "lsh_old",
    "idmap2_lsh",
    "untrained_pre_lsh",
    "ivf_bits",
    "ivf_bits_array",
    "untrained_ivf_bits",
];

/// Does something to each of them.
fn of_each(work: impl Fn(&str, Damaged) + Sync) {
    let (all, work) = (files(&folder()), &work);
    std::thread::scope(|scope| {
        for name in LAYOUTS {
            let good = fs::read(&all[name]).unwrap();
            scope.spawn(move || work(name, Damaged::new(good)));
        }
    });
}

#[test]
fn a_file_that_is_cut_or_goes_on_is_refused_at_every_length() {
    of_each(|name, mut file| {
        let whole = file.good.len();
        assert!(file.cut(whole) && !file.cut(whole + 1), "{name}");
        for length in (0..whole).rev() {
            assert!(!file.cut(length), "{name}: {length} of {whole}");
        }
    });
}

#[test]
fn no_number_brings_more_than_an_error() {
    let refused = AtomicU32::new(0);
    of_each(|name, mut file| {
        // every place, since numbers stand at any, in the heads; farther on, where rows and ids are, some
        let places = (0..file.good.len() - 4).filter(|&at| at < 420 || at % 7 == 0);
        for at in places {
            let mut taken = 0;
            for number in [0u32, 0x8000_0000, u32::MAX] {
                taken += u32::from(file.with(at, &number.to_le_bytes()));
            }
            for number in [0u64, 1 << 32, 1 << 61, u64::MAX] {
                taken += u32::from(file.with(at, &number.to_le_bytes()));
            }
            refused.fetch_add(7 - taken, Ordering::Relaxed);
        }
        assert!(file.is_read(file.good.len()), "{name}");
    });
    let refused = refused.into_inner();
    assert!(refused > 10_000, "{refused} were refused");
}

#[test]
fn an_error_names_the_place() {
    let (all, folder) = (files(&folder()), tempfile::tempdir().unwrap());
    let path = folder.path().join("x.faiss");
    for (name, at, bytes, offset, word) in [
        // dimension, rows and elements of a flat index; flag, metric
        ("flat_l2", 4, 0u64, 4, "dimension"),
        ("flat_l2", 8, 1 << 40, 8, "rows"),
        ("flat_l2", 32, 2, 32, "neither"),
        ("flat_l2", 33, 26, 33, "metric"),
        ("flat_l2", 37, 7, 37, "elements"),
        ("flat_l2", 37, u64::MAX, 37, "left"),
        // lists, lists to look at, the centroids' letters
        ("ivf_l2", 37, 0, 37, "lists"),
        ("ivf_l2", 37, u64::MAX, 37, "lists"),
        ("ivf_l2", 45, 0, 45, "look at"),
        ("ivf_l2", 53, 0, 53, "centroids"),
        // bytes of a row, lists, lists to look at, centroids, their bits
        ("ivf_bits", 8, 6, 8, "6 bytes for 40 bits"),
        ("ivf_bits", 25, 0, 25, "lists"),
        ("ivf_bits", 33, 0, 33, "look at"),
        ("ivf_bits", 41, 0, 41, "centroids"),
        ("ivf_bits", 53, 7, 66, "bytes for 7 rows"),
        // metric, bits, flags, thresholds and their number, bytes of a row, rotation, bytes of all
        ("lsh5t", 33, 0, 4, "under ip"),
        ("lsh5t", 37, 5 << 48 | 1 << 40, 37, "thresholds for 0 bits"),
        ("lsh5t", 37, 5 << 48 | 1 << 40 | 7, 75, "for 7 bits of 6"),
        ("lsh5t", 41, 2, 41, "neither"),
        ("lsh5t", 41, 5 << 16 | 1 << 8 | 1, 75, "not there"),
        ("lsh5t", 43, 6, 37, "6 thresholds"),
        ("lsh5t", 51, 0x7fc0_0000, 37, "bit 0 is NaN"),
        ("lsh5t", 71, 2, 71, "2 bytes for 5 bits"),
        ("lsh5t", 75, 0, 75, "rrot"),
    ] {
        let mut bad = fs::read(&all[name]).unwrap();
        bad[at..at + 8].copy_from_slice(&bytes.to_le_bytes());
        fs::write(&path, bad).unwrap();
        match faiss_info(&path) {
            Err(Error::Format { offset: found, reason, .. }) => {
                assert!(found == offset && reason.contains(word), "{name}: {found}: {reason}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}
