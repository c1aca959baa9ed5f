//! HNSW indexes: built, searched, told of and converted, to and from hnswlib's files.

use crate::support::{fail, succeed, with_set};

#[test]
fn hnsw_goes_to_hnswlib_and_back() {
    let folder = with_set("plain");
    let folder = folder.path();
    for name in ["x.nf", "x.faiss", "x.hnswlib"] {
        succeed(folder, &format!("build --base base.npy --index HNSW8 --out {name}"));
    }
    let info = succeed(folder, "info x.nf --json").json();
    let dim = info["dim"].as_u64().unwrap();
    assert_eq!((&info["kind"], &info["m"], &info["m0"]), (&"Hnsw".into(), &8.into(), &16.into()));
    let told = format!("--dim {dim} --metric l2");
    let info = succeed(folder, &format!("info x.hnswlib --verify {told}")).stdout;
    for part in ["format      hnswlib", "kind        Hnsw", "m           8", "rows        120"] {
        assert!(info.contains(part), "{part}: {info}");
    }
    let search = "search --query query.npy -k 7";
    let flat = succeed(folder, &format!("{search} --base base.npy")).stdout;
    succeed(folder, &format!("convert x.hnswlib y.nf {told}"));
    succeed(folder, "convert x.nf y.hnswlib");
    let walk = "--param path=graph,efSearch=120";
    for load in ["x.nf".to_owned(), "y.nf".into(), "x.faiss".into(), format!("y.hnswlib {told}")] {
        let found = succeed(folder, &format!("{search} --load {load} {walk}")).stdout;
        assert!(found == flat && !flat.is_empty(), "{load}\n{found}\n{flat}");
    }
    let curve = "--query query.npy -k 4 --recall 0.9 --json";
    for load in ["x.nf".to_owned(), format!("y.hnswlib {told}")] {
        let found = succeed(folder, &format!("curve --load {load} {curve}")).json();
        assert!(found["ef"].as_u64() > Some(0), "{load}: {found}");
    }
    for (line, code, words) in [
        ("info x.hnswlib".to_owned(), 2, "--dim D and --metric"),
        (format!("{search} --load x.hnswlib --dim {dim}"), 2, "--dim D and --metric"),
        (format!("info x.nf {told}"), 2, "x.nf is none"),
        (format!("convert x.hnswlib z.nf --dim {} --metric l2", dim + 1), 1, "dimension of"),
        ("build --base base.npy --out z.hnswlib".into(), 2, "an Hnsw or a Graph"),
    ] {
        let said = fail(folder, &line, code);
        assert!(said.contains(words), "{line}: {said}");
    }
}
