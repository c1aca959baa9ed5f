//! FAISS's index files on the command line: built, described, searched, converted.

use crate::support::{fail, succeed, with_set};
use std::path::Path;

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/faiss_files").join(name)
}

#[test]
fn an_index_of_faiss_is_searched_and_goes_from_format_to_format() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // what it is stands in it, whatever it is called
    for (from, to) in [
        ("ivf_sq8.faiss", "codes.faiss"),
        ("ivf_ids.faiss", "lists.index"),
        ("idmap2_flat.faiss", "flat.faiss"),
        ("plain.query.npy", "query.npy"),
    ] {
        std::fs::copy(fixture(from), folder.join(to)).unwrap();
    }
    let search = |name: &str| {
        succeed(folder, &format!("search --load {name} --query query.npy -k 5")).stdout
    };
    for name in ["codes.faiss", "lists.index", "flat.faiss"] {
        let hits = search(name);
        assert_eq!(hits.lines().count(), 25, "{name}: {hits}");
        succeed(folder, &format!("convert {name} x.nf"));
        succeed(folder, "convert x.nf x.faiss");
        let bytes = |name: &str| std::fs::read(folder.join(name)).unwrap();
        assert!(bytes("x.faiss") == bytes(name), "{name}");
        assert_eq!((search("x.nf"), search("x.faiss")), (hits.clone(), hits), "{name}");
    }
    let run = succeed(folder, "convert codes.faiss x.nf --json").stdout;
    assert!(run.contains("\"index\":\"IVF8,SQ8_rows\"") && run.contains("\"rows\":48"), "{run}");
    let within = succeed(folder, "range --load lists.index --query query.npy --radius 4").stdout;
    assert!(within.lines().count() > 5, "{within}");
    let curve = succeed(folder, "curve --load lists.index --query query.npy -k 3").stdout;
    assert!(curve.contains("nprobe"), "{curve}");

    for line in ["info codes.faiss", "info codes.faiss --verify"] {
        let info = succeed(folder, line).stdout;
        for part in ["format      faiss", "IvfSq", "nlist       8", "nprobe      3", "SQ8"] {
            assert!(info.contains(part), "{part}: {info}");
        }
        assert!(!info.contains("checksum") && !info.contains("version"), "{info}");
    }
    let message = fail(folder, "convert codes.faiss y.nf --dtype f16", 2);
    assert!(message.contains("--dtype is for files of rows"), "{message}");
    let message = fail(folder, "convert codes.faiss y.npy", 2);
    assert!(message.contains("ends in .nf or .faiss"), "{message}");
    std::fs::copy(fixture("../hnsw/nsg.faiss"), folder.join("graph.faiss")).unwrap();
    for line in [
        "info graph.faiss",
        "search --load graph.faiss --query query.npy -k 1",
        "convert graph.faiss y.nf",
    ] {
        assert!(fail(folder, line, 1).contains("INSf is an NSG graph"));
    }
}

#[test]
fn what_is_built_for_faiss_answers_as_what_is_built_for_here() {
    let folder = with_set("plain");
    let folder = folder.path();
    for options in ["--metric cosine", "--metric ip --index IVF4,Flat", "--dtype f16 --force"] {
        for name in ["x.nf", "x.faiss"] {
            succeed(folder, &format!("build --base base.npy {options} --out {name}"));
        }
        let ids = |name: &str| {
            let run = succeed(folder, &format!("search --load {name} --query query.npy -k 3"));
            let ids = run.stdout.lines().map(|line| line.split('\t').nth(2).unwrap().to_owned());
            ids.collect::<Vec<_>>()
        };
        assert_eq!(ids("x.nf"), ids("x.faiss"), "{options}");
    }
    let message = fail(folder, "build --base base.npy --metric cosine-distance --out y.faiss", 2);
    assert!(message.contains("cosine-distance, which FAISS does not have"), "{message}");
}

#[test]
fn signs_and_lists_of_bits_are_built_searched_and_converted() {
    let folder = with_set("plain");
    let folder = folder.path();
    for (index, training) in
        [("LSH9", ""), ("LSH40rt", ""), ("RR12,LSHt", ""), ("LSH16t", " --train base.npy")]
    {
        let build = format!("build --base base.npy --index {index}{training}");
        for name in ["x.nf", "x.faiss"] {
            succeed(folder, &format!("{build} --out {name} --quiet"));
            let info = succeed(folder, &format!("info {name} --verify")).stdout;
            for part in ["metric      hamming", "dtype       f32", "quantizer   LSH"] {
                assert!(info.contains(part), "{part}: {info}");
            }
        }
        let search = |name: &str| {
            succeed(folder, &format!("search --load {name} --query query.npy -k 5")).stdout
        };
        succeed(folder, "convert x.faiss y.nf");
        assert_eq!((search("x.nf"), search("y.nf")), (search("x.faiss"), search("x.faiss")));
        succeed(folder, "search --load x.nf --query query.npy -k 5 --metric hamming");
        let message = fail(folder, "search --load x.nf --query query.npy -k 5 --metric l2", 2);
        assert!(message.contains("x.nf has hamming"), "{message}");
        let within = succeed(folder, "range --load x.nf --query query.npy --radius 4").stdout;
        // counts, as a search tells them
        let far = |line: &str| line.split_whitespace().last().unwrap().parse::<f32>().unwrap();
        assert!(within.lines().all(|line| far(line) < 4.0 && far(line).fract() == 0.0), "{within}");
    }
    let message = fail(folder, "build --base base.npy --index LSH8 --metric ip --out z.nf", 2);
    assert!(message.contains("hamming") && message.contains("l2"), "{message}");
    let message = fail(folder, "build --base base.npy --index LSH100 --out z.nf", 2);
    assert!(message.contains("LSH100r"), "{message}");
    let own = "search --base base.npy --query query.npy -k 5 --index LSH30r";
    assert_eq!(
        succeed(folder, own).stdout.lines().count(),
        succeed(folder, &own.replace("LSH30r", "Flat")).stdout.lines().count()
    );

    let folder = with_set("bits");
    let folder = folder.path();
    let build = "build --base base.npy --dtype bits --metric hamming --index BIVF6";
    for name in ["x.nf", "x.faiss"] {
        succeed(folder, &format!("{build} --out {name} --quiet"));
        let info = succeed(folder, &format!("info {name}")).stdout;
        for part in ["kind        BinaryIvf", "nlist       6", "dtype       bits"] {
            assert!(info.contains(part), "{part}: {info}");
        }
    }
    succeed(folder, "convert x.faiss y.nf");
    let curve = succeed(folder, "curve --load x.nf --query query.npy -k 3").stdout;
    assert!(curve.contains("nprobe"), "{curve}");
    let search = "search --query query.npy -k 5 --param nprobe=2";
    let found = |name: &str| succeed(folder, &format!("{search} --load {name}")).stdout;
    // rows of a file of FAISS's stand list by list, and so do equal distances
    let far = |text: String| -> Vec<String> {
        text.lines().map(|line| line.split_whitespace().last().unwrap().to_owned()).collect()
    };
    assert_eq!(far(found("x.nf")), far(found("x.faiss")));
    assert_eq!(found("y.nf"), found("x.faiss"));
    let flat = "search --base base.npy --dtype bits --metric hamming --query query.npy -k 5";
    let every = "search --load x.nf --query query.npy -k 5 --param nprobe=6";
    assert_eq!(succeed(folder, every).stdout, succeed(folder, flat).stdout);
}
