//! Graphs that are made here: what they find, and what they are functions of.

use super::{flat_of, share};
use crate::support::{rows, whole_gpu};
use nearfield::{
    DType, Flat, Gpu, Hnsw, HnswParams, Index, IndexInfo, Metric, index_factory, read_index,
    write_faiss, write_hnswlib,
};

fn made(gpu: &Gpu, metric: &Metric, n: usize, dim: usize, params: &HnswParams) -> (Hnsw, Flat) {
    let index = Hnsw::with_params(gpu, dim, metric.clone(), params).unwrap();
    index.add_rows(rows(n, dim, metric, DType::F32, 1).rows()).unwrap();
    let flat = flat_of(gpu, &index);
    (index, flat)
}

#[test]
fn nearly_all_neighbours_are_found_with_their_distances() {
    let gpu = whole_gpu();
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        let params = HnswParams::new().max_connections(8);
        let (index, flat) = made(&gpu, &metric, 1500, 12, &params);
        let queries = rows(30, 12, &metric, DType::F32, 2).rows().to_f32();
        let shares = [8, 32, 128].map(|ef| share(&index, &flat, &queries, 8, ef));
        assert!(shares.is_sorted() && shares[1] > 0.9 && shares[2] > 0.99, "{metric} {shares:?}");
    }
}

#[test]
fn files_have_the_graph_and_are_a_function_of_rows_and_parameters() {
    let (gpu, metric) = (whole_gpu(), Metric::L2);
    let folder = tempfile::tempdir().unwrap();
    let params = HnswParams::new().max_connections(4).ef_search(20).ef_construction(50);
    let params = params.max_level(3).level_multiplier(1.0).seed(11);
    let (index, _) = made(&gpu, &metric, 300, 6, &params);
    let parts = Hnsw::with_params(&gpu, 6, metric.clone(), &params).unwrap();
    for part in rows(300, 6, &metric, DType::F32, 1).rows().to_f32().chunks(6 * 77) {
        parts.add(part).unwrap();
    }
    let bytes = |index: &dyn Index, name: &str| {
        let path = folder.path().join(name);
        match name.rsplit('.').next() {
            Some("nf") => index.write(&path).unwrap(),
            Some("faiss") => write_faiss(index, &path).unwrap(),
            _ => write_hnswlib(index, &path).unwrap(),
        }
        std::fs::read(path).unwrap()
    };
    for name in ["x.nf", "x.faiss", "x.hnswlib"] {
        assert!(bytes(&index, name) == bytes(&parts, &format!("second.{name}")), "{name}");
    }
    let path = folder.path().join("x.nf");
    let info = IndexInfo::verify(&path, &mut |_, _| Ok(())).unwrap();
    assert_eq!((&*info.kind, info.rows), ("Hnsw", 300));
    let hnsw = info.hnsw.unwrap();
    assert_eq!((hnsw.max_connections, hnsw.max_connections0, hnsw.ef_search), (4, 8, Some(20)));
    assert!((1..=3).contains(&hnsw.max_level.unwrap()));
    let again = Hnsw::read(&gpu, &path).unwrap();
    assert_eq!(again.params(), params);
    let any = read_index(&gpu, &path).unwrap();
    for (number, index) in [&again as &dyn Index, &*any].into_iter().enumerate() {
        for name in ["x.nf", "x.hnswlib"] {
            assert!(bytes(&parts, name) == bytes(index, &format!("{number}.{name}")));
        }
    }
    let other = made(&gpu, &metric, 300, 6, &params.clone().seed(12)).0;
    assert!(bytes(&other, "other.hnswlib") != bytes(&index, "x.hnswlib"));
}

#[test]
fn descriptions_make_them() {
    let gpu = whole_gpu();
    for (description, m) in [("HNSW16", 16), ("HNSW16,Flat", 16), ("HNSW", 32), ("IDMap,HNSW5", 5)]
    {
        let index = index_factory(&gpu, 4, description, Metric::L2, DType::F32).unwrap();
        assert_eq!(index.description(), format!("HNSW{m}"));
        let same = index_factory(&gpu, 4, &index.description(), Metric::L2, DType::F32).unwrap();
        assert_eq!(same.description(), index.description());
    }
    for (description, words) in [
        ("HNSW16,SQ8", "between SQ8"),
        ("HNSW16_SQ8", "HNSW16_SQ8"),
        ("HNSW1", "2 to 64"),
        ("HNSW65", "2 to 64"),
    ] {
        let made = index_factory(&gpu, 4, description, Metric::L2, DType::F32);
        let said = made.map(|_| ()).unwrap_err().to_string();
        assert!(said.contains(words), "{said}");
    }
    let within = index_factory(&gpu, 8, "PCA4,HNSW8,RFlat", Metric::L2, DType::F32).unwrap();
    assert_eq!(within.description(), "PCA4,HNSW8,RFlat");
}
