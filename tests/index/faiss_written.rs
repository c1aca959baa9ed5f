//! FAISS's files that are written here: read again, and searched by FAISS where it is installed.

use crate::faiss::{DIM, alike, answers, asked, folder, hits_of};
use crate::support::gpu;
use nearfield::{
    BinaryFlat, BinaryIvf, DType, Flat, Graph, Hnsw, HnswParams, Index, IvfFlat, IvfPq, IvfRaBitQ,
    IvfSq, Lsh, Metric, PreTransform, ProductQuantizer, RaBitQ, Refine, Rows, ScalarQuantizer,
    SqType, VectorTransform, read_faiss, write_faiss,
};
use std::process::Command;

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
    let links = HnswParams::new().max_connections(8);
    let hnsw = |metric, dtype| Box::new(Hnsw::with_dtype(gpu, DIM, metric, dtype, &links).unwrap());
    add("hnsw", "plain", hnsw(Metric::L2, DType::F32), Rows::F32(&rows), true);
    add("hnsw_f16", "plain", hnsw(Metric::InnerProduct, DType::F16), Rows::F16(&halves), false);
    add("hnsw_cosine", "plain", hnsw(Metric::Cosine, DType::F32), Rows::F32(&rows), true);
    let graph = Graph::with_degree(gpu, DIM, Metric::L2, DType::F32, 16).unwrap();
    add("graph", "plain", Box::new(graph), Rows::F32(&rows), false);
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
    for (name, metric, kind) in [
        ("ivf_fp16_residual", Metric::L2, SqType::Fp16),
        ("ivf_bf16_residual", Metric::InnerProduct, SqType::Bf16),
    ] {
        let quantizer = ScalarQuantizer::new(DIM, kind).unwrap();
        let made = IvfSq::with_centroids(gpu, metric, &quantizer, centroids).unwrap();
        let made = made.with_residuals(true).unwrap();
        made.set_nprobe(2).unwrap();
        add(name, "plain", Box::new(made), Rows::F32(&rows), true);
    }
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
    let signs = || -> Box<dyn Index> { Box::new(Lsh::new(gpu, DIM, 24, true, false).unwrap()) };
    for (name, base, dtype, named) in [
        ("refine", codes(Metric::L2), DType::F32, true),
        ("refine_ip", codes(Metric::InnerProduct), DType::F32, false),
        ("refine_pre", turned(), DType::F32, true),
        ("refine_f16", codes(Metric::L2), DType::F16, true),
        ("refine_cosine", lists(Metric::Cosine, DType::F32), DType::F32, true),
        ("refine_lsh", signs(), DType::F32, true),
    ] {
        // signs count bits, and those that tie as the last candidates are others in FAISS: so all are
        let of_signs = name == "refine_lsh";
        let metric = if of_signs { Metric::L2 } else { base.metric().clone() };
        let index = Refine::new(base, flat(metric, dtype)).unwrap();
        index.set_k_factor(if of_signs { 12.0 } else { 2.0 }).unwrap();
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
        let unit = match *name {
            "pre_unit" => "Pad7,RR5,HR4,L2norm,Flat".into(),
            // with levels above its edges
            "graph" => "HNSW8".into(),
            _ => index.description(),
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
