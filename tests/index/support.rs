//! A plain model of an index, and the comparison of the two.

use crate::common::data::{Domain, Kind, Owned};
use crate::common::device::{Open as _, shared};
use nearfield::reference::{Block, Problem, check_range, check_search};
use nearfield::{
    BinaryFlat, DType, Error, Flat, Gpu, GpuBuilder, Hits, IdFilter, Index, IndexInfo, Metric,
    Order, RowSource, Rows, SearchParams, read_index, write_index,
};
use std::collections::HashMap;

/// With segments of 64 rows, shared by the tests.
pub fn gpu() -> Gpu {
    shared("segments of 64 rows", builder).unwrap()
}

/// With segments as large as they may be, shared by tests that search much.
pub fn whole_gpu() -> Gpu {
    shared("one segment", || Gpu::builder().poison(true)).unwrap()
}

/// That of small segments, for one test alone.
pub fn own_gpu() -> Gpu {
    builder().open().unwrap()
}

fn builder() -> GpuBuilder {
    Gpu::builder().poison(true).max_segment_bytes(1)
}

/// Where reading says that a file of an index is wrong, and why; `None` of a good one.
pub fn fault(bytes: &[u8]) -> Option<(usize, String)> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    match IndexInfo::read(file.path()) {
        Ok(_) | Err(Error::Format { .. }) => {}
        Err(other) => panic!("{other:?}"),
    }
    match read_index(&gpu(), file.path()).map(|_| ()) {
        Ok(()) => None,
        Err(Error::Format { offset, reason, .. }) => {
            assert!(offset <= bytes.len() as u64);
            Some((offset as usize, reason))
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// What an index refuses before it is trained, and that it is the same, written and read.
pub fn check_untrained(gpu: &Gpu, index: &dyn Index, rows: &[f32]) {
    assert!(matches!(index.add(rows), Err(Error::NotTrained)));
    assert!(matches!(index.search(&rows[..index.dim()], 1), Err(Error::NotTrained)));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("untrained.nf");
    write_index(index, &path).unwrap();
    let again = read_index(gpu, &path).unwrap();
    assert_eq!((again.is_trained(), again.description()), (false, index.description()));
}

pub fn index(gpu: &Gpu, dim: usize, metric: &Metric, dtype: DType) -> Box<dyn Index> {
    match dtype {
        DType::Bits => Box::new(BinaryFlat::new(gpu, dim, metric.clone()).unwrap()),
        _ => Box::new(Flat::with_dtype(gpu, dim, metric.clone(), dtype).unwrap()),
    }
}

/// `n` rows that the metric takes.
pub fn rows(n: usize, dim: usize, metric: &Metric, dtype: DType, seed: u64) -> Owned {
    let domain = Domain::of(metric);
    let mut values = Kind::Normal.rows(n, dim, seed, false, 1.0);
    domain.apply(&mut values, dim, seed);
    encode(&values, dim, dtype, metric)
}

/// These values in another type.
pub fn encode(values: &[f64], dim: usize, dtype: DType, metric: &Metric) -> Owned {
    Owned::encode(values, dim, dtype, Domain::of(metric), Kind::Normal)
}

/// What an index should hold: ids and the bytes of rows, in row order.
#[derive(Clone)]
pub struct Model {
    pub metric: Metric,
    pub dtype: DType,
    pub dim: usize,
    pub rows: Vec<(u64, Vec<u8>)>,
    pub next_id: u64,
}

impl Model {
    pub fn new(metric: &Metric, dtype: DType, dim: usize) -> Model {
        Model { metric: metric.clone(), dtype, dim, rows: Vec::new(), next_id: 0 }
    }

    pub fn add(&mut self, rows: Rows<'_>, ids: &[u64]) {
        let bytes = rows.bytes().chunks_exact(self.dtype.row_bytes(self.dim));
        self.rows.extend(ids.iter().copied().zip(bytes.map(<[u8]>::to_vec)));
        self.next_id = ids.iter().fold(self.next_id, |next, &id| next.max(id + 1));
    }

    /// Replaces the rows of ids that are there, and adds the others.
    pub fn put(&mut self, rows: Rows<'_>, ids: &[u64]) {
        let places: HashMap<u64, usize> =
            (0..).zip(&self.rows).map(|(i, row)| (row.0, i)).collect();
        for (i, &id) in ids.iter().enumerate() {
            let row = rows.slice(self.dim, i..i + 1);
            match places.get(&id) {
                Some(&place) => self.rows[place].1 = row.bytes().to_vec(),
                None => self.add(row, &[id]),
            }
        }
    }

    pub fn has(&self, id: u64) -> bool {
        self.rows.iter().any(|row| row.0 == id)
    }

    fn block(&self) -> Block {
        let bytes: Vec<u8> = self.rows.iter().flat_map(|row| row.1.clone()).collect();
        block(self.dtype, self.dim, &bytes)
    }

    /// Holds the index against the model: rows and ids, a search and a range search.
    pub fn check(&self, index: &dyn Index, queries: Rows<'_>, k: usize, filter: &IdFilter) {
        assert_eq!(index.len(), self.rows.len());
        assert_eq!(index.is_empty(), self.rows.is_empty());
        for (id, bytes) in self.rows.iter().step_by(1 + self.rows.len() / 5) {
            assert!(index.contains(*id));
            assert_eq!(index.reconstruct_bytes(*id).unwrap(), *bytes);
        }
        let mut ids: Vec<u64> = self.rows.iter().map(|row| row.0).collect();
        assert_eq!(index.ids(), ids);
        // out of order, and one of them twice
        ids.reverse();
        ids.extend(ids.first().copied());
        ids.rotate_left(self.rows.len() / 3);
        let mut found = vec![0xaa; ids.len() * self.dtype.row_bytes(self.dim)];
        index.reconstruct_into(&ids, &mut found).unwrap();
        let stored: HashMap<u64, &[u8]> = self.rows.iter().map(|row| (row.0, &row.1[..])).collect();
        assert_eq!(found, ids.iter().map(|id| stored[id]).collect::<Vec<_>>().concat());
        let params = SearchParams::new().filter(filter.clone());
        let hits = index.search_with(queries, k, &params).unwrap();
        let eligible = |_: usize, row: usize| filter.is_member(self.rows[row].0);
        self.check_hits(&hits, queries, k, &eligible);
        let Some((_, distance)) = (0..hits.len()).find_map(|i| hits.row(i).next_back()) else {
            return;
        };
        let hits = index.range_search_with(queries, distance, &params).unwrap();
        let (base, queries) = (self.block(), block(queries.dtype(), self.dim, queries.bytes()));
        let (measure, eligible) = (&self.metric, &eligible);
        let problem = Problem { measure, queries: &queries, base: &base, eligible };
        check_range(&problem, distance, &self.by_row(&hits)).unwrap();
    }

    /// Holds a search's hits against the model.
    pub fn check_hits(
        &self,
        hits: &Hits,
        queries: Rows<'_>,
        k: usize,
        eligible: &dyn Fn(usize, usize) -> bool,
    ) {
        let (base, queries) = (self.block(), block(queries.dtype(), self.dim, queries.bytes()));
        let problem = Problem { measure: &self.metric, queries: &queries, base: &base, eligible };
        check_search(&problem, k, &self.by_row(hits)).unwrap();
    }

    /// The hits by row number; an id that is not there becomes a row that is not there.
    fn by_row(&self, hits: &Hits) -> Vec<Vec<(u64, f32)>> {
        let places = (0..).zip(&self.rows).map(|(row, (id, _))| (*id, row));
        let places: HashMap<u64, u64> = places.collect();
        let row = |(id, distance)| (places.get(&id).copied().unwrap_or(u64::MAX), distance);
        hits.rows().map(|hits| hits.into_iter().map(row).collect()).collect()
    }
}

/// Bytes at any alignment, widened.
pub fn block(dtype: DType, dim: usize, bytes: &[u8]) -> Block {
    let mut words = vec![0u32; bytes.len().div_ceil(4)];
    let aligned: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
    aligned[..bytes.len()].copy_from_slice(bytes);
    Block::new(Rows::from_bytes(dtype, &aligned[..bytes.len()]).unwrap(), dim).unwrap()
}

/// A stream that gives a few rows at a time and does not say how many.
pub struct Trickle<'a> {
    pub rows: Rows<'a>,
    pub dim: usize,
    pub step: usize,
    pub at: usize,
}

impl<'a> Trickle<'a> {
    pub fn new(rows: Rows<'a>, dim: usize, step: usize) -> Self {
        Trickle { rows, dim, step, at: 0 }
    }
}

impl RowSource for Trickle<'_> {
    fn dtype(&self) -> DType {
        self.rows.dtype()
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn remaining(&self) -> Option<u64> {
        None
    }

    fn next_rows(&mut self, max_rows: usize) -> nearfield::Result<Option<Rows<'_>>> {
        let start = self.at;
        self.at = (start + self.step.min(max_rows)).min(self.rows.count(self.dim)?);
        Ok((self.at > start).then(|| self.rows.slice(self.dim, start..self.at)))
    }
}

/// Whether the hits of each query stand by distance.
pub fn in_order(hits: &Hits, order: Order) -> bool {
    let key = |d: f32| if order == Order::Ascending { d } else { -d };
    hits.rows().all(|row| row.windows(2).all(|pair| key(pair[0].1) <= key(pair[1].1)))
}
