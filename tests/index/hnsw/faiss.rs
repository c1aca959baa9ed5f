//! FAISS's files of HNSW: its answers, and the same file again.

use super::{DIM, N, file, flat_of, numbers, share, walking};
use crate::faiss::{alike, answers, hits_of};
use crate::support::whole_gpu;
use nearfield::{
    DType, Error, Hnsw, Rows, SearchParams, faiss_info, read_faiss, read_index, write_faiss,
};

#[test]
fn faiss_answers_are_ours_over_its_links_and_its_files_are_written_again() {
    let gpu = whole_gpu();
    let again = tempfile::NamedTempFile::new().unwrap();
    let text = std::fs::read_to_string(file("answers.txt")).unwrap();
    for (name, dtype) in [
        ("flat_l2", DType::F32),
        ("flat_ip", DType::F32),
        ("flat_l1", DType::F32),
        ("idmap2", DType::F32),
        ("cagra", DType::F32),
        ("sq8", DType::F32),
        ("pq", DType::F32),
        ("fp16", DType::F16),
        ("signed", DType::I8),
    ] {
        let path = file(&format!("{name}.faiss"));
        let index = read_index(&gpu, &path).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!((index.len(), index.dtype(), &*index.description()), (N, dtype, "HNSW4"));
        let hnsw = index.as_any().and_then(|any| any.downcast_ref::<Hnsw>()).unwrap();
        assert_eq!((hnsw.params().max_connections, hnsw.ef()), (4, 16), "{name}");
        let lines = text.lines().filter_map(|l| l.strip_prefix(&format!("{name}.faiss ")));
        let lines: Vec<String> = lines.map(|line| format!("x q 0 {line}")).collect();
        let expected = answers(&lines.join("\n")).remove("x").unwrap().1;
        let mut queries = numbers("queries.npy");
        if name == "signed" {
            queries.iter_mut().for_each(|x| *x *= 20.0);
        }
        // some are followed, others compared with all rows
        let params = match name {
            "signed" | "flat_l1" => SearchParams::new(),
            _ => walking(64),
        };
        let found = index.search_with(Rows::F32(&queries), 6, &params).unwrap();
        alike(name, &hits_of(&found), &expected);
        let info = faiss_info(&path).unwrap();
        assert_eq!((info.rows, info.dtype, &*info.kind), (N as u64, dtype, "Hnsw"), "{name}");
        assert_eq!(info.hnsw.map(|it| (it.max_connections, it.ef_search)), Some((4, Some(16))));
        write_faiss(&*index, again.path()).unwrap();
        let second = read_faiss(&gpu, again.path()).unwrap();
        let more = second.search_with(Rows::F32(&queries), 6, &params).unwrap();
        assert_eq!(hits_of(&more), hits_of(&found), "{name}");
        assert_eq!(second.ids(), index.ids());
        if !["cagra", "sq8", "pq"].contains(&name) {
            let theirs = std::fs::read(&path).unwrap();
            let ours = std::fs::read(again.path()).unwrap();
            assert_eq!(ours.len(), theirs.len());
            let other = (0..ours.len()).filter(|&at| ours[at] != theirs[at]);
            // the probabilities of levels, which nobody reads, are the system's to a digit
            assert!(
                other.clone().all(|at| (45..202).contains(&at)),
                "{name}: {:?}",
                other.clone().max()
            );
        }
    }
}

#[test]
fn an_empty_file_is_an_empty_index() {
    let gpu = whole_gpu();
    let index = read_faiss(&gpu, file("flat_empty.faiss")).unwrap();
    assert_eq!(index.len(), 0);
    let again = tempfile::NamedTempFile::new().unwrap();
    write_faiss(&*index, again.path()).unwrap();
    assert!(read_faiss(&gpu, again.path()).unwrap().is_empty());
    index.add(&numbers("rows.npy")).unwrap();
    let flat = flat_of(&gpu, &*index);
    assert_eq!(share(&*index, &flat, &numbers("queries.npy"), 6, 60), 1.0);
}

#[test]
fn what_is_not_read_is_named() {
    let gpu = whole_gpu();
    for (name, words) in [("skipped", "IO_FLAG_SKIP_STORAGE"), ("nsg", "NSG graph (IndexNSG)")] {
        let error = read_faiss(&gpu, file(&format!("{name}.faiss"))).map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Format { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(DIM, 5);
}
