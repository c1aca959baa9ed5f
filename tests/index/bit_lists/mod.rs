//! Lists of bits: every answer is that of counts that are made here once more, over the rows of the lists that are nearest, whatever is done to
//! the rows. Distances of bits tie everywhere, so that the order of equal ones matters: of lists by number, of rows as they were added.

mod answers;
mod changes;
mod files;

use futures::TryStreamExt;
use nearfield::{
    BinaryIvf, Hits, IdFilter, Index, IvfParams, Metric, QueryFilter, Rows, Search, SearchParams,
};

const METRICS: [Metric; 4] = [Metric::Hamming, Metric::BitJaccard, Metric::Dice, Metric::RusselRao];

/// Rows of few patterns, their complements and rows that are alike but for a bit; some are all 0 or all 1.
fn rows(n: usize, dim: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 33
    };
    let row_bytes = dim.div_ceil(8);
    let last = if dim.is_multiple_of(8) { 0xff } else { (1 << (dim % 8)) - 1 };
    let mut rows: Vec<u8> = Vec::with_capacity(n * row_bytes);
    for row in 0..n {
        let mut bytes: Vec<u8> = match next() % 8 {
            0 => vec![0; row_bytes],
            1 => vec![0xff; row_bytes],
            2 | 3 if row > 0 => {
                let from = next() as usize % row * row_bytes;
                let mut like = rows[from..from + row_bytes].to_vec();
                let bit = next() as usize % dim;
                like[bit / 8] ^= 1 << (bit % 8);
                like
            }
            _ => (0..row_bytes).map(|_| next() as u8).collect(),
        };
        bytes[row_bytes - 1] &= last;
        rows.extend(bytes);
    }
    rows
}

/// A distance as a fraction: (above, below).
fn distance(metric: &Metric, dim: usize, a: &[u8], b: &[u8]) -> (u64, u64) {
    let count = |of: &dyn Fn(u8, u8) -> u8| -> u64 {
        a.iter().zip(b).map(|(&a, &b)| u64::from(of(a, b).count_ones())).sum()
    };
    let (both, any, differ) = (count(&|a, b| a & b), count(&|a, b| a | b), count(&|a, b| a ^ b));
    match metric {
        Metric::Hamming => (differ, 1),
        Metric::BitJaccard => (any - both, any.max(1)),
        Metric::Dice => (differ, (any + both).max(1)),
        // of two rows without bits it is 0
        _ => (if any == 0 { 0 } else { dim as u64 - both }, dim as u64),
    }
}

/// Items in the order of their distances to a query, equal ones in their own.
fn ranked<'a>(
    metric: &Metric,
    dim: usize,
    query: &[u8],
    items: impl Iterator<Item = (u64, &'a [u8])>,
) -> Vec<(u64, f32)> {
    let mut all: Vec<(u64, (u64, u64))> =
        items.map(|(id, row)| (id, distance(metric, dim, query, row))).collect();
    all.sort_by(|(_, a), (_, b)| (a.0 * b.1).cmp(&(b.0 * a.1)));
    all.into_iter().map(|(id, (a, b))| (id, (a as f64 / b as f64) as f32)).collect()
}

/// Ids and rows in their order.
#[derive(Clone)]
struct Model {
    metric: Metric,
    dim: usize,
    centroids: Vec<u8>,
    rows: Vec<(u64, Vec<u8>)>,
}

impl Model {
    fn new(index: &BinaryIvf) -> Model {
        let (metric, dim) = (index.metric().clone(), index.dim());
        Model { metric, dim, centroids: index.centroids().unwrap(), rows: Vec::new() }
    }

    fn bytes(&self) -> usize {
        self.dim.div_ceil(8)
    }

    fn add(&mut self, ids: impl IntoIterator<Item = u64>, rows: &[u8]) {
        let rows = rows.chunks_exact(self.bytes()).map(<[u8]>::to_vec);
        self.rows.extend(ids.into_iter().zip(rows));
    }

    /// Lists, the nearest first.
    fn lists(&self, query: &[u8]) -> Vec<(u64, f32)> {
        let lists = (0..).zip(self.centroids.chunks_exact(self.bytes()));
        ranked(&self.metric, self.dim, query, lists)
    }

    fn hits(&self, query: &[u8], nprobe: usize, may: &dyn Fn(u64) -> bool) -> Vec<(u64, f32)> {
        let mut probed = self.lists(query);
        probed.truncate(nprobe);
        let rows = self.rows.iter().filter(|(id, row)| {
            let own = self.lists(row)[0].0;
            may(*id) && probed.iter().any(|list| list.0 == own)
        });
        ranked(&self.metric, self.dim, query, rows.map(|(id, row)| (*id, &row[..])))
    }

    fn sizes(&self) -> Vec<u64> {
        let mut sizes = vec![0; self.centroids.len() / self.bytes()];
        self.rows.iter().for_each(|(_, row)| sizes[self.lists(row)[0].0 as usize] += 1);
        sizes
    }

    /// Holds searches of all kinds against the model.
    fn check(&self, index: &BinaryIvf, queries: &[u8]) {
        let (nlist, count) = (index.nlist(), queries.len() / self.bytes());
        let name = format!("{} of {} {} bits", index.description(), self.dim, self.metric);
        let asked = Rows::Bits(queries);
        let each = || queries.chunks_exact(self.bytes()).enumerate();
        assert_eq!((index.len(), index.list_sizes()), (self.rows.len(), self.sizes()), "{name}");
        assert_eq!(index.ids(), self.rows.iter().map(|row| row.0).collect::<Vec<_>>());
        let lists = index.assign(asked, nlist).unwrap();
        for (query, row) in each() {
            same(&self.lists(row), &hits(&lists)[query], &name);
        }
        let all = |_: u64| true;
        let odd = |id: u64| id % 2 == 1;
        for nprobe in [1, 3, nlist] {
            let params = SearchParams::new().ivf(IvfParams::new().nprobe(nprobe));
            for k in [1, 10, self.rows.len() + 3] {
                let found = index.search_with(asked, k, &params).unwrap();
                assert_eq!(found.stats().ivf.nprobe, nprobe.min(nlist) as u64);
                for (query, row) in each() {
                    let mut expected = self.hits(row, nprobe, &all);
                    expected.truncate(k);
                    same(&expected, &hits(&found)[query], &format!("{name}, {nprobe} lists, {k}"));
                }
            }
            let some = params.clone().filter(IdFilter::from_fn(odd));
            let found = hits(&index.search_with(asked, 7, &some).unwrap());
            let prepared = index.prepare_filter(IdFilter::from_fn(odd)).unwrap();
            let again = index.search_with(asked, 7, &params.clone().prepared(&prepared)).unwrap();
            assert_eq!(found, hits(&again), "{name}");
            let own: QueryFilter =
                (0..count as u64).map(|query| IdFilter::range(query..query + 60)).collect();
            let of_each = params.clone().query_filter(own);
            let of_each = hits(&index.search_with(asked, 7, &of_each).unwrap());
            let first = self.rows.first().map_or(0, |row| row.0);
            let without = params.clone().exclude(vec![first; count]);
            let without = hits(&index.search_with(asked, 7, &without).unwrap());
            for (query, row) in each() {
                let shorter = |may: &dyn Fn(u64) -> bool| {
                    let mut expected = self.hits(row, nprobe, may);
                    expected.truncate(7);
                    expected
                };
                same(&shorter(&odd), &found[query], &name);
                let own = |id: u64| (query as u64..query as u64 + 60).contains(&id);
                same(&shorter(&own), &of_each[query], &name);
                same(&shorter(&|id| id != first), &without[query], &name);
            }
            for radius in [0.0, 0.3, 2.0, self.dim as f32 / 2.0, f32::INFINITY] {
                let found = hits(&index.range_search_with(asked, radius, &params).unwrap());
                for (query, row) in each() {
                    let mut expected = self.hits(row, nprobe, &all);
                    expected.retain(|hit| hit.1 < radius);
                    same(&expected, &found[query], &format!("{name}, radius {radius}"));
                }
            }
            let blocks = index.search_stream(asked, 4, 2, &params).unwrap();
            let blocks: Vec<_> = pollster::block_on(blocks.try_collect()).unwrap();
            let streamed: Vec<_> = blocks.iter().flat_map(|(_, block)| hits(block)).collect();
            assert_eq!(streamed, hits(&index.search_with(asked, 4, &params).unwrap()), "{name}");
        }
        // more lists for those who have too few
        let fill = SearchParams::new().ivf(IvfParams::new().nprobe(1).fill(true));
        let found = index.search_with(asked, 20, &fill).unwrap();
        assert!(found.rows().all(|row| row.len() == 20.min(self.rows.len())), "{name}");
    }
}

fn hits(hits: &Hits) -> Vec<Vec<(u64, f32)>> {
    hits.rows().map(|row| row.to_vec()).collect()
}

fn same(expected: &[(u64, f32)], found: &[(u64, f32)], name: &str) {
    let ids = |hits: &[(u64, f32)]| hits.iter().map(|hit| hit.0).collect::<Vec<_>>();
    assert_eq!(ids(found), ids(expected), "{name}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a.1 - b.1).abs() <= 1e-6 * b.1.abs(), "{name}: {} for {}", a.1, b.1);
    }
}
