//! hnswlib's files: its answers, and the same file again.

use super::{DIM, N, file, flat_of, folder, numbers, share, walking};
use crate::faiss::{alike, answers, hits_of};
use crate::support::whole_gpu;
use nearfield::{
    DType, Graph, Hnsw, HnswParams, Index, Metric, Rows, Search, SearchParams, hnswlib_info,
    is_hnswlib, read_hnswlib, write_hnswlib,
};

fn metric_of(name: &str) -> Metric {
    match name {
        "ip" => Metric::InnerProduct,
        "cosine" => Metric::Cosine,
        _ => Metric::L2,
    }
}

#[test]
fn hnswlib_answers_are_ours_over_its_links_and_its_files_are_written_again() {
    let (gpu, queries) = (whole_gpu(), numbers("queries.npy"));
    let again = tempfile::NamedTempFile::new().unwrap();
    let text = std::fs::read_to_string(file("answers.txt")).unwrap();
    for name in ["l2", "ip", "cosine", "deleted", "base_only"] {
        let (path, metric) = (file(&format!("{name}.hnswlib")), metric_of(name));
        assert!(is_hnswlib(&path).unwrap());
        let index = read_hnswlib(&gpu, &path, DIM, &metric).unwrap();
        let expected = if name == "base_only" { "l2" } else { name };
        // the answers of one file, whose lines have no name of queries
        let lines = text.lines().filter_map(|l| l.strip_prefix(&format!("{expected}.hnswlib ")));
        let lines: Vec<String> = lines.map(|line| format!("x q 0 {line}")).collect();
        let expected = answers(&lines.join("\n")).remove("x").unwrap().1;
        let found = index.search_with(Rows::F32(&queries), 6, &walking(64)).unwrap();
        assert_eq!(found.stats().graph.walked, 4, "{name}");
        alike(name, &hits_of(&found), &expected);
        let removed = if name == "deleted" { 4 } else { 0 };
        assert_eq!((index.len(), index.params().max_connections), (N - removed, 4));
        assert_eq!(index.params().ef_construction, 40);
        let info = hnswlib_info(&path, DIM, &metric).unwrap();
        assert_eq!((info.rows, &*info.kind, info.version), ((N - removed) as u64, "Hnsw", 0));
        let hnsw = info.hnsw.unwrap();
        assert_eq!((hnsw.max_connections, hnsw.max_connections0, hnsw.ef_search), (4, 8, None));
        write_hnswlib(&index, again.path()).unwrap();
        if name == "deleted" {
            let second = read_hnswlib(&gpu, again.path(), DIM, &metric).unwrap();
            assert_eq!(second.ids(), index.ids());
            let flat = flat_of(&gpu, &second);
            assert_eq!(share(&second, &flat, &queries, 6, 64), 1.0);
            continue;
        }
        let (theirs, ours) = (std::fs::read(&path).unwrap(), std::fs::read(again.path()).unwrap());
        assert_eq!(theirs.len(), ours.len(), "{name}");
        let other: Vec<usize> = (0..ours.len()).filter(|&at| ours[at] != theirs[at]).collect();
        // but for the room, and the highest level of none; what was in free places before is zero
        let is_free = |&at: &usize| ours[at] == 0 || (8..16).contains(&at);
        let last_bits = metric == Metric::Cosine;
        assert!(other.iter().all(is_free) || last_bits, "{name}: {other:?}");
    }
}

#[test]
fn an_empty_file_is_an_empty_index_and_the_other_way_round() {
    let gpu = whole_gpu();
    let index = read_hnswlib(&gpu, file("empty.hnswlib"), DIM, &Metric::L2).unwrap();
    assert_eq!((index.len(), index.params().max_connections), (0, 4));
    let again = tempfile::NamedTempFile::new().unwrap();
    write_hnswlib(&index, again.path()).unwrap();
    let (theirs, ours) =
        (std::fs::read(file("empty.hnswlib")).unwrap(), std::fs::read(again.path()).unwrap());
    // but for the room
    assert_eq!((&theirs[..8], &theirs[16..]), (&ours[..8], &ours[16..]));
    index.add(&numbers("rows.npy")).unwrap();
    assert_eq!(index.search_with(Rows::F32(&[0.5; DIM]), 3, &walking(8)).unwrap().ids().len(), 3);
}

#[test]
fn graphs_and_rows_of_other_types_are_written_too() {
    let (gpu, rows) = (whole_gpu(), numbers("rows.npy"));
    let again = tempfile::NamedTempFile::new().unwrap();
    let graph = Graph::with_degree(&gpu, DIM, Metric::Cosine, DType::F32, 9).unwrap();
    let params = HnswParams::new().max_connections(3);
    let halves = Hnsw::with_dtype(&gpu, DIM, Metric::L2, DType::F16, &params).unwrap();
    for index in [&graph as &dyn Index, &halves] {
        let half: Vec<nearfield::half::f16> =
            rows.iter().map(|&x| nearfield::half::f16::from_f32(x)).collect();
        match index.dtype() {
            DType::F16 => index.add_rows(Rows::F16(&half)).unwrap(),
            _ => index.add(&rows).unwrap(),
        };
        index.remove(&[3, 4]).unwrap();
        write_hnswlib(index, again.path()).unwrap();
        let read = read_hnswlib(&gpu, again.path(), DIM, index.metric()).unwrap();
        assert_eq!((read.ids(), read.dtype()), (index.ids(), DType::F32));
        let queries = numbers("queries.npy");
        let ours = index.search_with(Rows::F32(&queries), 5, &SearchParams::new()).unwrap();
        let theirs = read.search_with(Rows::F32(&queries), 5, &walking(60)).unwrap();
        alike("written", &hits_of(&theirs), &hits_of(&ours));
    }
    let info = hnswlib_info(again.path(), DIM, &Metric::L2).unwrap().hnsw.unwrap();
    assert_eq!((info.max_connections, info.max_connections0), (3, 6));
    assert!(folder().exists());
}
