//! Rows, an index of their codes, and what the quantizer alone says of it.

use crate::common::data::Random;
use crate::support::{gpu, in_order};
use nearfield::{
    Gpu, Hits, IdFilter, Index, IvfParams, IvfRaBitQ, Metric, QueryBits, RaBitQ, RaBitQuantizer,
    Rows, SearchParams,
};
use std::collections::HashMap;
use std::sync::LazyLock;

pub static GPU: LazyLock<Gpu> = LazyLock::new(gpu);
pub const NLIST: usize = 5;

pub fn normal(n: usize, dim: usize, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    (0..n * dim).map(|_| random.normal() as f32).collect()
}

/// Rows around some of their own, with rows that are there again and rows that are a center.
pub fn data(n: usize, dim: usize, seed: u64) -> Vec<f32> {
    let mut rows = normal(n, dim, seed);
    let centers: Vec<f32> = normal(NLIST, dim, 1000).iter().map(|x| 5.0 * x).collect();
    for (row, values) in rows.chunks_exact_mut(dim).enumerate() {
        let center = &centers[row % NLIST * dim..][..dim];
        values.iter_mut().zip(center).for_each(|(x, c)| *x += c);
        if row % 31 == 7 {
            values.copy_from_slice(center);
        }
    }
    for row in (10..n).filter(|row| row % 9 == 5) {
        rows.copy_within((row - 4) * dim..(row - 3) * dim, row * dim);
    }
    rows
}

/// An index and what its codes are by the quantizer alone.
pub struct Codes {
    pub index: Box<dyn Index>,
    /// Of each list, or of all rows.
    pub quantizers: Vec<RaBitQuantizer>,
    /// Of each id the list and the code.
    codes: HashMap<u64, (usize, Vec<u8>)>,
    /// How searches read queries.
    by: QueryBits,
    pub name: String,
}

impl Codes {
    pub fn new(metric: &Metric, dim: usize, bits: u32, lists: bool) -> Codes {
        let root = if *metric == Metric::SqrtL2 { &Metric::L2 } else { metric };
        let plain = RaBitQuantizer::new(dim, root, bits).unwrap();
        let centers: Vec<f32> = normal(NLIST, dim, 1000).iter().map(|x| 5.0 * x).collect();
        let around = |center: &[f32]| plain.clone().with_center(center).unwrap();
        let name = format!("{metric} {bits} bits of {dim}, lists: {lists}");
        let codes = HashMap::new();
        if lists {
            let quantizers = centers.chunks_exact(dim).map(around).collect();
            let index =
                IvfRaBitQ::with_centroids(&GPU, dim, metric.clone(), bits, &centers).unwrap();
            return Codes { index: Box::new(index), quantizers, codes, by: QueryBits::Exact, name };
        }
        let quantizers = vec![around(&centers[..dim])];
        let index = if *metric == Metric::SqrtL2 {
            let index = RaBitQ::new(&GPU, dim, metric.clone(), bits).unwrap();
            index.train(Rows::F32(&centers[..dim])).unwrap();
            index
        } else {
            RaBitQ::with_quantizer(&GPU, metric.clone(), &quantizers[0]).unwrap()
        };
        Codes { index: Box::new(index), quantizers, codes, by: QueryBits::Exact, name }
    }

    /// The same whose searches round queries to so many bits.
    pub fn rounding(mut self, bits: u32) -> Codes {
        let any = self.index.as_any().unwrap();
        let now = match (any.downcast_ref::<IvfRaBitQ>(), any.downcast_ref::<RaBitQ>()) {
            (Some(index), _) => {
                index.set_query_bits(bits).unwrap();
                index.query_bits()
            }
            (_, Some(index)) => {
                index.set_query_bits(bits).unwrap();
                index.query_bits()
            }
            _ => panic!("an index of other codes"),
        };
        assert_eq!(now, bits);
        self.by = if bits == 0 { QueryBits::Exact } else { QueryBits::Range(bits) };
        self.name += &format!(", queries in {bits} bits");
        self
    }

    pub fn note(&mut self, rows: &[f32], ids: impl Iterator<Item = u64>) {
        let dim = self.index.dim();
        let lists: Vec<usize> = match self.quantizers.len() {
            1 => vec![0; rows.len() / dim],
            _ => {
                let found = self.index.assign(Rows::F32(rows), 1).unwrap();
                found.rows().map(|list| list[0].0 as usize).collect()
            }
        };
        for ((row, id), list) in rows.chunks_exact(dim).zip(ids).zip(lists) {
            let code = self.quantizers[list].encode(Rows::F32(row)).unwrap();
            self.codes.insert(id, (list, code));
        }
    }

    pub fn add(&mut self, rows: &[f32]) {
        let ids = self.index.add(rows).unwrap();
        self.note(rows, ids);
    }

    pub fn remove(&mut self, ids: &[u64]) {
        assert_eq!(self.index.remove(ids).unwrap(), ids.len());
        ids.iter().for_each(|id| drop(self.codes.remove(id)));
    }

    /// Without rows, then with some, by few queries and by many, of the nearest lists and of all, of rows that a filter leaves and of all that there are.
    pub fn fill_and_check(&mut self, seed: u64) {
        let dim = self.index.dim();
        self.check(&data(2, dim, 3), (2, 4), ALL);
        self.add(&data(300, dim, seed));
        let third = IdFilter::bitmap(vec![0x9249_2492_4924_9249u64; 7]);
        self.check(&data(7, dim, 60), (2, 10), ALL);
        self.check(&data(7, dim, 61), (NLIST, 12), &third);
        self.check(&data(3, dim, 62), (NLIST, 1000), ALL);
        self.check(&data(130, dim, 63), (2, 10), ALL);
    }

    /// Holds hits against the estimates of rows in the lists that are looked at.
    pub fn check(&self, queries: &[f32], (nprobe, k): (usize, usize), filter: &IdFilter) {
        let (index, metric) = (&self.index, self.index.metric());
        let (dim, ascending) = (index.dim(), *metric != Metric::InnerProduct);
        let asked = Rows::F32(queries);
        let ids = index.ids();
        let decoded = index.reconstruct_many(&ids).unwrap();
        for (id, decoded) in ids.iter().zip(decoded.chunks_exact(dim)) {
            let (list, code) = &self.codes[id];
            let expected = self.quantizers[*list].decode(code).unwrap();
            let close = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-5 * (1.0 + a.abs());
            assert!(decoded.iter().zip(&expected).all(close), "{}: {decoded:?}", self.name);
        }
        let params = probing(self.quantizers.len(), nprobe).filter(filter.clone());
        let found = index.search_with(asked, k, &params).unwrap();
        assert!(in_order(&found, metric.order()), "{}", self.name);
        let probed: Vec<Vec<usize>> = match self.quantizers.len() {
            1 => vec![vec![0]; queries.len() / dim],
            _ => {
                let probes = index.assign(asked, nprobe).unwrap();
                probes.rows().map(|lists| lists.iter().map(|l| l.0 as usize).collect()).collect()
            }
        };
        for (number, query) in queries.chunks_exact(dim).enumerate() {
            let mut all: HashMap<u64, (f64, f64)> = HashMap::new();
            for (id, decoded) in ids.iter().zip(decoded.chunks_exact(dim)) {
                let (list, code) = &self.codes[id];
                if !probed[number].contains(list) || !filter.is_member(*id) {
                    continue;
                }
                let far = self.quantizers[*list].estimate(query, code, self.by).unwrap();
                let size = query.iter().zip(decoded);
                let size: f64 = size.map(|(q, x)| f64::from(q.abs() + x.abs()).powi(2)).sum();
                all.insert(*id, (f64::from(far[0]), 4e-6 * size + 1e-6));
            }
            // squares, of which the error is known
            let raw = |far: f32| match metric {
                Metric::SqrtL2 => f64::from(far).powi(2),
                _ => f64::from(far),
            };
            let hits: Vec<(u64, f32)> = found.row(number).collect();
            assert_eq!(hits.len(), k.min(all.len()), "{}", self.name);
            for (id, far) in &hits {
                let (expected, slack) = all.remove(id).expect("a row of a list that is looked at");
                let off = (raw(*far) - expected).abs();
                assert!(off <= slack, "{} {id}: {far}, not {expected}", self.name);
            }
            let Some(&(_, last)) = hits.last() else { continue };
            for (id, (far, slack)) in &all {
                let nearer = if ascending { raw(last) - far } else { far - raw(last) };
                assert!(nearer <= 2.0 * slack, "{} missed {id} at {far}: {last}", self.name);
            }
        }
    }
}

pub fn probing(lists: usize, nprobe: usize) -> SearchParams {
    match lists {
        1 => SearchParams::new(),
        _ => SearchParams::new().ivf(IvfParams::new().nprobe(nprobe)),
    }
}

pub fn bits(hits: &Hits) -> (Vec<usize>, Vec<u64>, Vec<u32>) {
    let distances = hits.distances().iter().map(|x| x.to_bits());
    (hits.lims().to_vec(), hits.ids().to_vec(), distances.collect())
}

pub const ALL: &IdFilter = &IdFilter::All;
