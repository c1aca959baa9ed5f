//! Files of graphs: the edges are in them, so that an index that is read answers as the one that was written did, and builds nothing for it.

use super::{Both, bits, made, walking};
use crate::support::whole_gpu;
use nearfield::{Error, Graph, Index, IndexInfo, Metric, Rows, Search, read_index};
use std::path::Path;

const DIM: usize = 8;

/// A file of a graph that was built, its index, and its rows.
fn written(path: &Path, n: usize, metric: &Metric) -> (Both, Vec<f32>) {
    let base = made(n, DIM, metric, 11);
    let both = Both::of(&whole_gpu(), DIM, metric, &base, 8);
    both.graph.build().unwrap();
    both.graph.write(path).unwrap();
    (both, base.rows().to_f32())
}

/// Tag, first byte and length of the content of each section.
fn sections(bytes: &[u8]) -> Vec<(String, usize, usize)> {
    let (mut at, mut all) = (28, Vec::new());
    while at < bytes.len() {
        let length = u64::from_le_bytes(bytes[at + 4..at + 12].try_into().unwrap()) as usize;
        let tag = String::from_utf8(bytes[at..at + 4].to_vec()).unwrap();
        all.push((tag, at + 12, length));
        at += length + 16;
    }
    all
}

/// The file with right checksums and lengths.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let all = sections(&bytes);
    for (_, at, length) in &all {
        let crc = crc32fast::hash(&bytes[at - 12..at + length]);
        bytes[at + length..at + length + 4].copy_from_slice(&crc.to_le_bytes());
    }
    let length = bytes.len() as u64;
    bytes[12..16].copy_from_slice(&(all.len() as u32).to_le_bytes());
    bytes[16..24].copy_from_slice(&length.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..24]);
    bytes[24..28].copy_from_slice(&crc.to_le_bytes());
    bytes
}

#[test]
fn edges_that_are_read_answer_as_those_that_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph.nf");
    for (n, metric) in
        [(1, Metric::L2), (7, Metric::L2), (300, Metric::InnerProduct), (200, Metric::Cosine)]
    {
        let (both, rows) = written(&path, n, &metric);
        let bytes = std::fs::read(&path).unwrap();
        let edges = sections(&bytes).into_iter().find(|section| section.0 == "EDGE").unwrap();
        assert!(edges.2 > n * 8 * 4);
        let again = Graph::read(&whole_gpu(), &path).unwrap();
        assert_eq!(IndexInfo::read(&path).unwrap().kind, "Graph");
        // it is there before anything is asked
        assert_eq!(again.memory(), both.graph.memory(), "{metric} {n}");
        let queries = Rows::F32(&rows[..n.min(30) * DIM]);
        let [ours, theirs] =
            [&again, &both.graph].map(|of| of.search_with(queries, 4, &walking(8)).unwrap());
        assert_eq!(bits(&ours), bits(&theirs), "{metric} {n}");
        assert_eq!(ours.stats().graph, theirs.stats().graph);
        // the same index, the same file
        let other = folder.path().join("other.nf");
        again.write(&other).unwrap();
        assert!(std::fs::read(&other).unwrap() == bytes, "{metric} {n}");
    }
}

#[test]
fn a_file_without_edges_is_one_of_a_graph_that_is_still_to_be_built() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph.nf");
    let (both, rows) = written(&path, 90, &Metric::L2);
    let bytes = std::fs::read(&path).unwrap();
    let (_, at, length) = sections(&bytes).into_iter().find(|section| section.0 == "EDGE").unwrap();
    let old = sealed([&bytes[..at - 12], &bytes[at + length + 4..]].concat());
    std::fs::write(&path, &old).unwrap();
    let again = Graph::read(&whole_gpu(), &path).unwrap();
    assert!(again.memory() < both.graph.memory());
    let queries = Rows::F32(&rows[..20 * DIM]);
    let [ours, theirs] =
        [&again, &both.graph].map(|of| of.search_with(queries, 4, &walking(16)).unwrap());
    assert_eq!(bits(&ours), bits(&theirs));
    // what was never built is written so
    let unbuilt = Both::of(&whole_gpu(), DIM, &Metric::L2, &made(90, DIM, &Metric::L2, 11), 8);
    unbuilt.graph.write(&path).unwrap();
    assert!(std::fs::read(&path).unwrap() == old);
}

#[test]
fn a_file_that_does_not_say_where_searches_set_out_has_them_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph.nf");
    let (both, rows) = written(&path, 120, &Metric::L2);
    let bytes = std::fs::read(&path).unwrap();
    let (_, at, length) = sections(&bytes).into_iter().find(|section| section.0 == "EDGE").unwrap();
    let links = at + length - 120 * 8 * 4;
    let short = (length - (links - at - 12)) as u64;
    let none = [&short.to_le_bytes()[..], &8u32.to_le_bytes(), &0u64.to_le_bytes()].concat();
    let without = sealed([&bytes[..at - 8], &none, &bytes[links..]].concat());
    assert!(without.len() < bytes.len());
    std::fs::write(&path, without).unwrap();
    let again = Graph::read(&whole_gpu(), &path).unwrap();
    assert_eq!(again.memory(), both.graph.memory());
    let queries = Rows::F32(&rows[..20 * DIM]);
    let [ours, theirs] =
        [&again, &both.graph].map(|of| of.search_with(queries, 4, &walking(8)).unwrap());
    assert_eq!(bits(&ours), bits(&theirs));
}

#[test]
fn edges_that_cannot_be_are_refused_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph.nf");
    written(&path, 40, &Metric::L2);
    let bytes = std::fs::read(&path).unwrap();
    let (_, first, length) =
        sections(&bytes).into_iter().find(|section| section.0 == "EDGE").unwrap();
    let (count, start) = (first + 4, first + 12);
    let starts = u64::from_le_bytes(bytes[count..start].try_into().unwrap()) as usize;
    let links = start + 4 * starts;
    assert_eq!(first + length, links + 40 * 8 * 4);
    for (at, value, refused) in [
        // another number of edges than the index has
        (first, 9, true),
        (first, 0, true),
        (first, u32::MAX, true),
        (count, 39, true),
        (count, 0, true),
        (count, u32::MAX, true),
        (count + 4, 1, true),
        (count + 4, u32::MAX, true),
        (start, 40, true),
        (start + 4, 0, true),
        (links, 40, true),
        (links + 8 * 4 * 17, 1 << 31, true),
        (first + length - 4, u32::MAX - 1, true),
        // an edge that is none
        (links + 8, u32::MAX, false),
        (links + 8, 39, false),
    ] {
        let mut damaged = bytes.clone();
        damaged[at..at + 4].copy_from_slice(&value.to_le_bytes());
        std::fs::write(&path, sealed(damaged)).unwrap();
        match read_index(&whole_gpu(), &path) {
            Err(Error::Format { offset, .. }) if refused => {
                assert!((first as u64..=(first + length) as u64).contains(&offset), "{at} {value}");
            }
            Ok(index) if !refused => {
                let found = index.search_with(Rows::F32(&[0.5; DIM]), 3, &walking(16)).unwrap();
                assert_eq!(found.row(0).count(), 3);
            }
            other => panic!("{at} {value}: {other:?}"),
        }
    }
    // a section that is too short, too long, of another number of edges, there twice
    let part = |from: usize, to: usize| bytes[from..to].to_vec();
    let cut = |to: usize| {
        let mut head = part(0, first);
        let at = first - 8;
        head[at..].copy_from_slice(&(to as u64).to_le_bytes());
        let mut content = part(first, first + length);
        content.resize(to, 0);
        sealed([head, content, part(first + length, bytes.len())].concat())
    };
    let twice = [part(0, first + length + 4), part(first - 12, bytes.len())].concat();
    for damaged in [cut(length - 4), cut(length + 4), cut(4), cut(0), sealed(twice)] {
        std::fs::write(&path, damaged).unwrap();
        let read = read_index(&whole_gpu(), &path);
        assert!(matches!(read, Err(Error::Format { .. })), "{read:?}");
    }
}
