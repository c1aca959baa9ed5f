//! FAISS's files of signs: the same bits by the same matrices, and the rows that they stand for.

use crate::common::npy::Npy;
use crate::support::gpu;
use nearfield::{Index, Lsh, Rows, read_faiss, write_faiss};
use std::path::{Path, PathBuf};

const DIM: usize = 6;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/faiss_files")
}

#[test]
fn bits_are_those_that_faiss_makes_of_the_same_matrices_and_rows_come_back_alike() {
    let gpu = gpu();
    let file = |name: &str| folder().join(format!("{name}.faiss"));
    let rows = Npy::read(&folder().join("plain.base.npy")).f32();
    let again = tempfile::NamedTempFile::new().unwrap();
    let names = [
        "lsh",
        "lsh4",
        "lsh_t",
        "lsh5t",
        "lsh9r",
        "lsh3rt",
        "lsh13rt",
        "lsh64r",
        "lsh_bias",
        "lsh_medians",
    ];
    for name in names {
        let index = read_faiss(&gpu, file(name)).unwrap();
        let ids = index.ids();
        assert_eq!(index.remove(&ids).unwrap(), ids.len());
        index.add_with_ids(Rows::F32(&rows), &ids).unwrap();
        write_faiss(&*index, again.path()).unwrap();
        assert!(
            std::fs::read(again.path()).unwrap() == std::fs::read(file(name)).unwrap(),
            "{name}"
        );
        if name == "lsh_medians" {
            let faiss = index.as_any().unwrap().downcast_ref::<Lsh>().unwrap();
            let own = Lsh::new(&gpu, DIM, DIM, false, true).unwrap();
            own.train(Rows::F32(&rows)).unwrap();
            assert_eq!(own.thresholds(), faiss.thresholds());
        }
    }
    let decoded = std::fs::read_to_string(folder().join("decoded.txt")).unwrap();
    let mut compared = 0;
    for line in decoded.lines() {
        let mut words = line.split(' ');
        let (name, row) = (words.next().unwrap(), words.next().unwrap().parse().unwrap());
        let index = read_faiss(&gpu, file(name)).unwrap();
        let found = index.reconstruct(row).unwrap();
        for (x, expected) in found.iter().zip(words) {
            let expected: f32 = expected.parse().unwrap();
            assert!((x - expected).abs() <= 1e-5 * expected.abs().max(1.0), "{line}: {found:?}");
            compared += 1;
        }
    }
    assert!(compared > 200, "{compared}");
}
