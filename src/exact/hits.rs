//! The hits of a search in host memory: decoded part by part as they come back from the device, into the arrays that the
//! caller gets.

use crate::call::{Options, RowHits, RowIds, SearchStats};
use crate::error::{Error, Result};
use crate::ops::kernels::MAX_SORT;
use crate::parallel::each;
use crate::space::Decoder;
use bytemuck::Pod;
use std::sync::Arc;

/// A key that no row has.
pub(crate) const NO_KEY: u32 = u32::MAX;
/// Hits that one thread decodes at a time: waking another takes as long as some ten thousand.
const PIECE: usize = 64 << 10;
/// Up to so many places are touched when they are allocated.
const TOUCHED: usize = 256 << 10;

/// Up to k hits of each query, in k places each.
pub(crate) struct SearchHits {
    k: usize,
    decode: Decode,
    /// How many each query has.
    lens: Vec<u32>,
    /// Places for all.
    total: usize,
    ids: Vec<u64>,
    distances: Vec<f32>,
    /// Queries that are stored.
    stored: usize,
}

/// From keys and rows to distances and ids.
struct Decode {
    decoder: Arc<Decoder>,
    row_ids: RowIds,
}

fn too_many(count: usize, k: usize) -> Error {
    Error::argument("k", format!("{count} x {k} hits do not fit in memory"))
}

/// Zeros, in pages that are touched; of many each page is paid for by the thread that fills it.
fn zeros<T: Pod>(len: usize) -> Option<Vec<T>> {
    if len > TOUCHED {
        return bytemuck::try_zeroed_vec(len).ok();
    }
    let mut values = Vec::new();
    values.try_reserve_exact(len).ok()?;
    values.resize(len, T::zeroed());
    Some(values)
}

impl SearchHits {
    /// For the hits of `count` queries, which have no places yet.
    pub fn new(
        count: usize,
        k: usize,
        decoder: Arc<Decoder>,
        row_ids: RowIds,
    ) -> Result<SearchHits> {
        let total = count.checked_mul(k).ok_or_else(|| too_many(count, k))?;
        let (decode, lens) = (Decode { decoder, row_ids }, vec![0; count]);
        let (ids, distances) = (Vec::new(), Vec::new());
        Ok(SearchHits { k, decode, lens, total, ids, distances, stored: 0 })
    }

    /// The same of what becomes of the `k` nearest rows, as the options say.
    pub fn of(
        count: usize,
        k: usize,
        decoder: Arc<Decoder>,
        options: &Options,
    ) -> Result<SearchHits> {
        match &options.next {
            Some(next) => SearchHits::new(count, next.k(), next.decoder(), next.row_ids()),
            None => SearchHits::new(count, k, decoder, options.row_ids.clone()),
        }
    }

    /// Takes the memory of the places. Behind the first submission that takes no time, before it or when the last hits come
    /// back it would.
    pub fn allocate(&mut self) -> Result<()> {
        let too_many = || too_many(self.lens.len(), self.k);
        self.ids = zeros(self.total).ok_or_else(too_many)?;
        self.distances = zeros(self.total).ok_or_else(too_many)?;
        Ok(())
    }

    /// Whether no query can have a hit.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The share of the queries that are stored.
    pub fn share(&self) -> f64 {
        self.stored as f64 / self.lens.len() as f64
    }

    /// Stores the pairs that came back for some queries, which ascend, but for those that are not `wanted`.
    pub fn store(
        &mut self,
        query_ids: &[u32],
        wanted: &[bool],
        keys: &[u32],
        rows: &[u32],
    ) -> Result<()> {
        // runs of consecutive queries; mostly all are one
        let mut start = 0;
        while start < query_ids.len() {
            let first = query_ids[start] as usize;
            let breaks = |&at: &usize| !wanted[at] || query_ids[at] as usize != first + at - start;
            let end = (start..query_ids.len()).find(breaks).unwrap_or(query_ids.len());
            let at = start * self.k..end * self.k;
            self.store_run(first, end - start, &keys[at.clone()], &rows[at])?;
            start = if wanted[start] { end } else { start + 1 };
        }
        Ok(())
    }

    /// Stores the pairs of `count` queries from number `first` on.
    fn store_run(&mut self, first: usize, count: usize, keys: &[u32], rows: &[u32]) -> Result<()> {
        let k = self.k;
        let step = (PIECE / k).max(1);
        let (queries, places) = (first..first + count, first * k..(first + count) * k);
        let lens = self.lens[queries].chunks_mut(step);
        let ids = self.ids[places.clone()].chunks_mut(step * k);
        let distances = self.distances[places].chunks_mut(step * k);
        let pairs = keys.chunks(step * k).zip(rows.chunks(step * k));
        let decode = &self.decode;
        each(lens.zip(pairs).zip(ids.zip(distances)).collect(), |((lens, pairs), places)| {
            decode.queries(k, pairs, lens, places);
            Ok(())
        })?;
        self.stored += count;
        Ok(())
    }

    /// All hits, closed up where some queries have fewer than k.
    pub fn finish(&mut self, stats: SearchStats) -> RowHits {
        let (mut ids, mut distances) =
            (std::mem::take(&mut self.ids), std::mem::take(&mut self.distances));
        let mut lims = Vec::with_capacity(self.lens.len() + 1);
        let mut total = 0;
        lims.push(total);
        lims.extend(self.lens.iter().map(|&len| {
            total += len as usize;
            total
        }));
        if total < ids.len() {
            close_up(&mut ids, &lims, self.k);
            close_up(&mut distances, &lims, self.k);
        }
        RowHits { lims, ids, distances, proved: Vec::new(), stats }
    }
}

/// Moves the values of query i from its k places to `lims[i]..lims[i + 1]`.
fn close_up<T: Copy>(values: &mut Vec<T>, lims: &[usize], k: usize) {
    for (query, ends) in lims.windows(2).enumerate() {
        let from = query * k;
        values.copy_within(from..from + (ends[1] - ends[0]), ends[0]);
    }
    values.truncate(lims.last().copied().unwrap_or(0));
    values.shrink_to_fit();
}

impl Decode {
    /// Decodes the pairs of some queries, k each: at once where each query has all its hits in order, as is usual.
    fn queries(
        &self,
        k: usize,
        (keys, rows): (&[u32], &[u32]),
        lens: &mut [u32],
        (ids, distances): (&mut [u64], &mut [f32]),
    ) {
        let sorted = k <= MAX_SORT as usize;
        if sorted && keys.chunks_exact(k).all(|keys| keys[k - 1] != NO_KEY) {
            lens.fill(k as u32);
            return self.pairs(keys, rows, ids, distances);
        }
        for (query, len) in lens.iter_mut().enumerate() {
            let at = query * k..(query + 1) * k;
            let (keys, rows) = (&keys[at.clone()], &rows[at.clone()]);
            let hits = keys.iter().position(|&key| key == NO_KEY).unwrap_or(k);
            *len = hits as u32;
            let (keys, rows) = (&keys[..hits], &rows[..hits]);
            let at = at.start..at.start + hits;
            let (ids, distances) = (&mut ids[at.clone()], &mut distances[at]);
            if sorted {
                self.pairs(keys, rows, ids, distances);
            } else {
                let (keys, rows) = in_order(keys, rows);
                self.pairs(&keys, &rows, ids, distances);
            }
        }
    }

    fn pairs(&self, keys: &[u32], rows: &[u32], ids: &mut [u64], distances: &mut [f32]) {
        self.decoder.distances(keys, distances);
        self.row_ids.fill(rows, ids);
    }
}

/// Pairs by key, then row: more of them than the device sorts.
fn in_order(keys: &[u32], rows: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let pair = |(&key, &row): (&u32, &u32)| u64::from(key) << 32 | u64::from(row);
    let mut pairs: Vec<u64> = keys.iter().zip(rows).map(pair).collect();
    pairs.sort_unstable();
    pairs.into_iter().map(|pair| ((pair >> 32) as u32, pair as u32)).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::DType;
    use crate::metric::Metric;
    use crate::space::Pair;

    /// Hits of four queries, with keys that are distances, and rows that are called by ten times their number.
    fn hits(k: usize) -> SearchHits {
        let pair = Pair::Bits { family: "hamming" };
        let decoder = Arc::new(Decoder::new(&Metric::Hamming, &pair, DType::Bits, 64));
        let row_ids = RowIds::new(|rows, ids| {
            ids.iter_mut().zip(rows).for_each(|(id, &row)| *id = 10 * u64::from(row));
        });
        let mut hits = SearchHits::new(4, k, decoder, row_ids).unwrap();
        hits.allocate().unwrap();
        hits
    }

    #[test]
    fn what_comes_back_in_any_order_is_closed_up() {
        let mut hits = hits(2);
        // query 1 is not certified, query 3 has one hit
        let keys = [5, 15, 90, 95, 20, NO_KEY];
        hits.store(&[0, 1, 3], &[true, false, true], &keys, &[7, 3, 1, 1, 5, 0]).unwrap();
        assert_eq!(hits.share(), 0.5);
        hits.store(&[1, 2], &[true, true], &[NO_KEY, NO_KEY, 0, 10], &[0, 0, 4, 2]).unwrap();
        let found = hits.finish(SearchStats::default());
        assert_eq!(found.lims, [0, 2, 2, 4, 5]);
        assert_eq!(found.ids, [70, 30, 40, 20, 50]);
        assert_eq!(found.distances, [5.0, 15.0, 0.0, 10.0, 20.0]);
    }

    #[test]
    fn more_than_the_device_sorts_are_sorted_here() {
        let k = MAX_SORT as usize + 1;
        let mut hits = hits(k);
        let rows: Vec<u32> = (0..k as u32).rev().collect();
        hits.store(&[2], &[true], &rows, &rows).unwrap();
        let found = hits.finish(SearchStats::default());
        assert_eq!(found.lims, [0, 0, 0, k, k]);
        assert!(found.ids.iter().enumerate().all(|(i, &id)| id == 10 * i as u64));
        assert!(found.distances.iter().enumerate().all(|(i, &d)| d == i as f32));
    }
}
