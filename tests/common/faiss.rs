//! What faiss-cpu computed: tests/data/faiss, made by make.py there.

use super::npy::Npy;
use nearfield::reference::Block;
use nearfield::{Metric, Rows};
use std::path::PathBuf;

/// Data, fixture and metric.
pub const SETS: [(&str, &str, Metric); 14] = [
    ("plain", "l2", Metric::L2),
    ("plain", "ip", Metric::InnerProduct),
    ("plain", "cosine", Metric::Cosine),
    ("plain", "l1", Metric::L1),
    ("plain", "linf", Metric::Linf),
    ("plain", "lp3", Metric::Lp(3.0)),
    ("plain", "lp0.5", Metric::Lp(0.5)),
    ("plain", "canberra", Metric::Canberra),
    ("plain", "braycurtis", Metric::BrayCurtis),
    ("positive", "jensenshannon", Metric::JensenShannon),
    ("positive", "jaccard", Metric::Jaccard),
    ("nan", "naneuclidean", Metric::NanEuclidean),
    ("mixed", "gower", Metric::Gower),
    ("bits", "hamming", Metric::Hamming),
];

pub fn fixture(name: &str) -> Npy {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/faiss");
    Npy::read(&folder.join(format!("{name}.npy")))
}

/// Rows of a fixture, and their dimension.
pub enum Fixture {
    Floats(Vec<f32>, usize),
    Bits(Vec<u8>, usize),
}

impl Fixture {
    pub fn read(name: &str) -> Fixture {
        let file = fixture(name);
        let columns = file.shape[1];
        match name.starts_with("bits") {
            true => Fixture::Bits(file.u8().to_vec(), columns * 8),
            false => Fixture::Floats(file.f32(), columns),
        }
    }

    pub fn rows(&self) -> (Rows<'_>, usize) {
        match self {
            Fixture::Floats(values, d) => (Rows::F32(values), *d),
            Fixture::Bits(bytes, d) => (Rows::Bits(bytes), *d),
        }
    }

    pub fn block(&self) -> Block {
        let (rows, d) = self.rows();
        Block::new(rows, d).expect("whole rows")
    }
}
