//! FAISS's index files: its answers, and the same file again; files that are written here, searched by FAISS.

use crate::common::device::subset;
use crate::common::npy::Npy;
use crate::support::gpu;
use nearfield::{
    BinaryFlat, BinaryIvf, DType, Error, Flat, Hits, Index, IvfFlat, IvfPq, IvfRaBitQ, IvfSq, Lsh,
    Metric, PreTransform, ProductQuantizer, RaBitQ, Refine, Rows, ScalarQuantizer, Search,
    SearchParams, SqType, VectorTransform, read_faiss, read_index, write_faiss,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const DIM: usize = 6;
const K: usize = 5;

fn folder() -> PathBuf {
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
fn answers(text: &str) -> BTreeMap<String, (String, Answers)> {
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
fn asked(index: &dyn Search, data: &str) -> Hits {
    let queries = Npy::read(&folder().join(format!("{data}.query.npy")));
    let params = SearchParams::new();
    if data == "bits" {
        return index.search_with(Rows::Bits(queries.u8()), K, &params).unwrap();
    }
    index.search_with(Rows::F32(&queries.f32()), K, &params).unwrap()
}

/// Holds hits against FAISS's: distances to 1e-4, and ids where distances tell them apart.
fn alike(name: &str, hits: &[Vec<(u64, f32)>], expected: &Answers) {
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

fn hits_of(hits: &Hits) -> Answers {
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
        ("untrained_sq", "IVF8,SQ8"),
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
    for name in ["hnsw", "ivf_pq", "nan", "twice", "negative", "rabitq", "ivf_rabitq"] {
        let path = file(&format!("refused/{name}"));
        let error = read_index(&gpu, &path).unwrap_err();
        assert!(matches!(&error, Error::Format { file, .. } if *file == path), "{error}");
    }
    let other = Flat::read(&gpu, file("flat_l2")).unwrap_err().to_string();
    assert!(other.contains("read_faiss"), "{other}");
}

/// Indexes of every kind with rows of every type, ids of their own and rows that were removed.
fn written(gpu: &nearfield::Gpu) -> Vec<(&'static str, &'static str, Box<dyn Index>)> {
    let rows: Vec<f32> = (0..60 * DIM).map(|i| ((i * i) as f32 * 0.37).sin()).collect();
    let ids: Vec<u64> = (0..60).map(|i| 1000 - 7 * i).collect();
    let whole: Vec<i8> = rows.iter().map(|x| (100.0 * x) as i8).collect();
    let halves: Vec<_> = rows.iter().map(|&x| nearfield::half::f16::from_f32(x)).collect();
    let bits: Vec<u8> = rows.iter().take(60 * 5).map(|x| (x * 1000.0) as i32 as u8).collect();
    let centroids = &rows[..4 * DIM];
    let mut all: Vec<(&str, &str, Box<dyn Index>)> = Vec::new();
    let mut add = |name, data, index: Box<dyn Index>, rows: Rows<'_>, named: bool| {
        match named {
            true => index.add_with_ids(rows, &ids).unwrap(),
            false => drop(index.add_rows(rows).unwrap()),
        }
        index.remove(&[ids[3], ids[20], 5]).unwrap();
        all.push((name, data, index));
    };
    let flat = |metric, dtype| Box::new(Flat::with_dtype(gpu, DIM, metric, dtype).unwrap());
    add("flat", "plain", flat(Metric::L2, DType::F32), Rows::F32(&rows), true);
    add("flat_i8", "signed", flat(Metric::L1, DType::I8), Rows::I8(&whole), true);
    add("flat_f16", "plain", flat(Metric::Lp(1.5), DType::F16), Rows::F16(&halves), true);
    add("flat_cosine", "plain", flat(Metric::Cosine, DType::F32), Rows::F32(&rows), true);
    let lists = BinaryIvf::with_centroids(gpu, 40, Metric::Hamming, &bits[..5 * 5]).unwrap();
    // all, so that no choice of equally near lists matters
    lists.set_nprobe(5).unwrap();
    add("ivf_bits", "bits", Box::new(lists), Rows::Bits(&bits), true);
    let flat_bits = Box::new(BinaryFlat::new(gpu, 40, Metric::Hamming).unwrap());
    add("bits", "bits", flat_bits, Rows::Bits(&bits), true);
    for (name, metric, dtype) in [
        ("ivf", Metric::L2, DType::F32),
        ("ivf_cosine", Metric::Cosine, DType::F32),
        ("ivf_f16", Metric::InnerProduct, DType::F16),
    ] {
        let made = IvfFlat::with_centroids(gpu, DIM, metric, dtype, centroids).unwrap();
        made.set_nprobe(2).unwrap();
        let rows = if dtype == DType::F16 { Rows::F16(&halves) } else { Rows::F32(&rows) };
        add(name, "plain", Box::new(made), rows, name == "ivf_f16");
    }
    for (name, metric) in
        [("pre", Metric::L1), ("pre_ids", Metric::InnerProduct), ("pre_unit", Metric::Cosine)]
    {
        let chain = vec![
            VectorTransform::pad(DIM, 7).unwrap(),
            VectorTransform::random_rotation(7, 5, 3).unwrap(),
            VectorTransform::hadamard_rotation(5, 4).unwrap(),
        ];
        let within = Box::new(Flat::new(gpu, 8, metric).unwrap());
        let index = PreTransform::new(gpu, chain, within).unwrap();
        add(name, "plain", Box::new(index), Rows::F32(&rows), name == "pre_ids");
    }
    for (name, kind) in [("ivf_sq6", SqType::Bits6), ("ivf_fp16", SqType::Fp16)] {
        let quantizer = ScalarQuantizer::new(DIM, kind).unwrap().train(Rows::F32(&rows)).unwrap();
        let made = IvfSq::with_centroids(gpu, Metric::L2, &quantizer, centroids).unwrap();
        made.set_nprobe(2).unwrap();
        add(name, "plain", Box::new(made), Rows::F32(&rows), true);
    }
    for (name, bits, rotated, thresholds) in
        [("lsh", 5, false, false), ("lsh_ids", 37, true, true), ("lsh_t", 6, false, true)]
    {
        let made = Lsh::new(gpu, DIM, bits, rotated, thresholds).unwrap();
        made.train(Rows::F32(&rows)).unwrap();
        add(name, "plain", Box::new(made), Rows::F32(&rows), name == "lsh_ids");
    }
    let within = Box::new(Lsh::new(gpu, 7, 20, true, false).unwrap());
    let chain = vec![VectorTransform::random_rotation(DIM, 7, 3).unwrap()];
    let index = PreTransform::new(gpu, chain, within).unwrap();
    add("pre_lsh", "plain", Box::new(index), Rows::F32(&rows), true);
    let quantizer = ScalarQuantizer::new(DIM, SqType::Bits8).unwrap();
    let quantizer = quantizer.with_trained(&[[-2.0; DIM], [4.0; DIM]].concat()).unwrap();
    let made = IvfSq::with_centroids(gpu, Metric::L2, &quantizer, centroids).unwrap();
    let made = made.with_residuals(true).unwrap();
    made.set_nprobe(2).unwrap();
    add("ivf_sq8_residual", "plain", Box::new(made), Rows::F32(&rows), true);
    for (name, metric, residual) in
        [("ivf_pq", Metric::L2, true), ("ivf_pq_rows", Metric::InnerProduct, false)]
    {
        let of_parts: Vec<f32> = (0..DIM << 5).map(|i| ((i * i) as f32 * 0.73).sin()).collect();
        let quantizer = ProductQuantizer::new(DIM, 3, 5).unwrap();
        let quantizer = quantizer.with_centroids(&of_parts).unwrap();
        let made = IvfPq::with_centroids(gpu, metric, &quantizer, residual, centroids).unwrap();
        made.set_nprobe(2).unwrap();
        add(name, "plain", Box::new(made), Rows::F32(&rows), residual);
    }
    for (name, metric, bits) in [
        ("ivf_rabitq", Metric::L2, 1),
        ("ivf_rabitq_ip", Metric::InnerProduct, 1),
        ("ivf_rabitq5", Metric::L2, 5),
        ("ivf_rabitq8_ip", Metric::InnerProduct, 8),
    ] {
        let made = IvfRaBitQ::with_centroids(gpu, DIM, metric, bits, centroids).unwrap();
        made.set_nprobe(2).unwrap();
        add(name, "plain", Box::new(made), Rows::F32(&rows), true);
    }
    for (name, metric, bits) in [("rabitq", Metric::InnerProduct, 1), ("rabitq6", Metric::L2, 6)] {
        let made = RaBitQ::new(gpu, DIM, metric, bits).unwrap();
        made.train(Rows::F32(&rows)).unwrap();
        add(name, "plain", Box::new(made), Rows::F32(&rows), bits == 6);
    }
    let lists = |metric, dtype| {
        let made = IvfFlat::with_centroids(gpu, DIM, metric, dtype, centroids).unwrap();
        made.set_nprobe(2).unwrap();
        Box::new(made)
    };
    let turned = || -> Box<dyn Index> {
        let rotation = VectorTransform::random_rotation(DIM, 4, 3).unwrap();
        let within = Box::new(Flat::new(gpu, 4, Metric::L2).unwrap());
        Box::new(PreTransform::new(gpu, vec![rotation], within).unwrap())
    };
    let codes = |metric| -> Box<dyn Index> {
        let of_parts: Vec<f32> = (0..DIM << 4).map(|i| ((i * i) as f32 * 0.73).sin()).collect();
        let quantizer = ProductQuantizer::new(DIM, 3, 4).unwrap();
        let quantizer = quantizer.with_centroids(&of_parts).unwrap();
        Box::new(IvfPq::with_centroids(gpu, metric, &quantizer, true, centroids).unwrap())
    };
    for (name, base, dtype, named) in [
        ("refine", codes(Metric::L2), DType::F32, true),
        ("refine_ip", codes(Metric::InnerProduct), DType::F32, false),
        ("refine_pre", turned(), DType::F32, true),
        ("refine_f16", codes(Metric::L2), DType::F16, true),
        ("refine_cosine", lists(Metric::Cosine, DType::F32), DType::F32, true),
    ] {
        let second = flat(base.metric().clone(), dtype);
        let index = Refine::new(base, second).unwrap();
        index.set_k_factor(2.0).unwrap();
        let rows = if dtype == DType::F16 { Rows::F16(&halves) } else { Rows::F32(&rows) };
        add(name, "plain", Box::new(index), rows, named);
    }
    all
}

#[test]
fn what_is_written_is_read_again_and_faiss_finds_the_same() {
    let (gpu, folder) = (gpu(), tempfile::tempdir().unwrap());
    let all = written(&gpu);
    let mut arguments = Vec::new();
    for (name, data, index) in &all {
        let path = folder.path().join(format!("{name}.faiss"));
        write_faiss(&**index, &path).unwrap();
        let again = read_faiss(&gpu, &path).unwrap();
        assert_eq!(again.len(), index.len());
        // one more transform brings rows and queries to length 1
        let unit = if *name == "pre_unit" {
            "Pad7,RR5,HR4,L2norm,Flat".into()
        } else {
            index.description()
        };
        assert_eq!(again.description(), unit);
        let sorted = |mut ids: Vec<u64>| {
            ids.sort_unstable();
            ids
        };
        assert_eq!(sorted(again.ids()), sorted(index.ids()), "{name}");
        if !name.contains("cosine") {
            alike(name, &hits_of(&asked(&*again, data)), &hits_of(&asked(&**index, data)));
        }
        arguments.push(format!("{name}={data}"));
    }
    let mut command = Command::new("python3");
    command.arg(self::folder().join("ask.py")).arg(folder.path()).args(&arguments);
    let output = match command.env("PYTHONDONTWRITEBYTECODE", "1").output() {
        Ok(output) if output.status.code() != Some(3) => output,
        _ => {
            println!("skipped: no python3 with faiss (1)");
            return;
        }
    };
    let (said, errors) = (String::from_utf8(output.stdout).unwrap(), output.stderr);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&errors));
    let found = answers(&said);
    for (name, data, index) in &all {
        let hits = asked(&**index, data);
        alike(name, &found[*name].1, &hits_of(&hits));
    }
}
