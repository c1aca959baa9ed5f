//! The searches that are timed, and the indexes that they are of.

use super::data::Set;
use nearfield::{
    DType, Flat, Gpu, Index, IvfFlat, IvfParams, IvfPq, Metric, Pq, ProductQuantizer, Result,
    SearchParams,
};

/// Rows of a list, on average.
const LIST_ROWS: usize = 244;
/// Bits of a code, the most that there are and those that most use.
const BITS: u32 = 8;

/// One search to time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Load {
    /// Place of the rows among the sets.
    pub set: usize,
    pub queries: usize,
    pub k: usize,
    /// Lists that each query looks at; 0 where the rows are in none.
    pub nprobe: usize,
    /// Whether the rows are codes.
    pub codes: bool,
}

/// What there has to be on the device for a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Held {
    set: usize,
    lists: bool,
    codes: bool,
}

impl Load {
    /// Of rows as they are, in no lists.
    pub const fn flat(set: usize, queries: usize, k: usize) -> Load {
        Load { set, queries, k, nprobe: 0, codes: false }
    }

    pub fn params(&self) -> SearchParams {
        match self.nprobe {
            0 => SearchParams::new(),
            nprobe => SearchParams::new().ivf(IvfParams::new().nprobe(nprobe)),
        }
    }

    pub fn held(&self) -> Held {
        Held { set: self.set, lists: self.nprobe > 0, codes: self.codes }
    }
}

/// How many lists hold a set.
pub fn nlist(set: &Set) -> usize {
    (set.rows.len() / set.dim / LIST_ROWS).max(2)
}

/// A product quantizer of four elements a part, or of one where that leaves some over: a code stands for what one of the first rows has there.
fn quantizer(set: &Set) -> Result<ProductQuantizer> {
    let dim = set.dim;
    let part = if dim.is_multiple_of(4) { 4 } else { 1 };
    let rows: Vec<&[f32]> = set.rows.chunks_exact(dim).collect();
    let mut centroids = Vec::with_capacity(dim << BITS);
    for at in (0..dim).step_by(part) {
        for code in 0..1 << BITS {
            centroids.extend_from_slice(&rows[code % rows.len()][at..at + part]);
        }
    }
    ProductQuantizer::new(dim, dim / part, BITS)?.with_centroids(&centroids)
}

/// The rows, or codes of them, in lists around the first of them where the load looks at some.
pub fn index(gpu: &Gpu, set: &Set, load: &Load) -> Result<Box<dyn Index>> {
    let (dim, metric) = (set.dim, Metric::L2);
    let centroids = &set.rows[..nlist(set) * dim];
    let index: Box<dyn Index> = match (load.nprobe > 0, load.codes) {
        (false, false) => Box::new(Flat::new(gpu, dim, metric)?),
        (false, true) => Box::new(Pq::with_quantizer(gpu, metric, &quantizer(set)?)?),
        (true, false) => {
            Box::new(IvfFlat::with_centroids(gpu, dim, metric, DType::F32, centroids)?)
        }
        (true, true) => {
            let of = quantizer(set)?;
            Box::new(IvfPq::with_centroids(gpu, metric, &of, true, centroids)?)
        }
    };
    index.add(&set.rows)?;
    Ok(index)
}
