//! The searches that are timed, and the indexes that they are of.

use super::data::Set;
use nearfield::{
    DType, Flat, Gpu, Graph, GraphParams, GraphPath, Index, IvfFlat, IvfParams, IvfPq, Metric, Pq,
    ProductQuantizer, Result, SearchParams,
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
    /// Rows that a query keeps along the edges of a graph; 0 where there is none.
    pub ef: usize,
    /// How many of the rows, the first ones; 0 for all.
    pub rows: usize,
}

/// What there has to be on the device for a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Held {
    set: usize,
    lists: bool,
    codes: bool,
    graph: bool,
    rows: usize,
}

impl Load {
    /// Of rows as they are, in no lists.
    pub const fn flat(set: usize, queries: usize, k: usize) -> Load {
        Load { set, queries, k, nprobe: 0, codes: false, ef: 0, rows: 0 }
    }

    pub fn params(&self) -> SearchParams {
        match (self.nprobe, self.ef) {
            (0, 0) => SearchParams::new(),
            (0, ef) => SearchParams::new().graph(GraphParams::new().path(GraphPath::Graph).ef(ef)),
            (nprobe, _) => SearchParams::new().ivf(IvfParams::new().nprobe(nprobe)),
        }
    }

    pub fn held(&self) -> Held {
        let &Load { set, nprobe, codes, ef, rows, .. } = self;
        Held { set, lists: nprobe > 0, codes, graph: ef > 0, rows }
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

/// The rows, or codes of them, in lists around the first of them where the load looks at some, or with a graph where it follows edges.
pub fn index(gpu: &Gpu, set: &Set, load: &Load) -> Result<Box<dyn Index>> {
    let (dim, metric) = (set.dim, Metric::L2);
    let centroids = &set.rows[..nlist(set) * dim];
    let rows = match load.rows {
        0 => &set.rows[..],
        rows => &set.rows[..(rows * dim).min(set.rows.len())],
    };
    let index: Box<dyn Index> = match (load.nprobe > 0, load.codes) {
        (false, false) if load.ef > 0 => {
            let graph = Graph::new(gpu, dim, metric)?;
            graph.add(rows)?;
            graph.build()?;
            return Ok(Box::new(graph));
        }
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
    index.add(rows)?;
    Ok(index)
}
