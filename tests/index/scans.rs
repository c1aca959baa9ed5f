//! Indexes of so many rows that the binned scan answers, from the rows themselves and from a rounded copy, through every
//! kind of change.

use crate::common::device::{shared, subset};
use crate::support::{Model, encode, in_order, index, rows};
use nearfield::{DType, Gpu, IdFilter, Index, Metric, Pending, Rows, SearchParams};
use std::cell::Cell;

const DIM: usize = 18;
const K: usize = 10;

fn gpu(copy: u32) -> Gpu {
    let builder = || {
        let builder = Gpu::builder().poison(true).max_segment_bytes(3000 * 80);
        builder.setting("kernel.matrix.f16_copy", copy).setting("kernel.matrix.use", 1)
    };
    shared(&format!("scans, copy {copy}"), builder).unwrap()
}

/// An index beside its model, with queries for both.
struct Pair {
    index: Box<dyn Index>,
    model: Model,
    /// Enough for the scan that takes queries together; the first few for the one that does not.
    queries: Vec<f32>,
    /// How often they were compared.
    checks: Cell<usize>,
}

impl Pair {
    fn new(gpu: &Gpu, metric: &Metric, dtype: DType) -> Pair {
        let queries = rows(40, DIM, metric, DType::F32, 6).rows().to_f32();
        let model = Model::new(metric, dtype, DIM);
        Pair { index: index(gpu, DIM, metric, dtype), model, queries, checks: Cell::new(0) }
    }

    fn add(&mut self, rows: Rows<'_>) {
        let ids: Vec<u64> = self.index.add_rows(rows).unwrap().collect();
        self.model.add(rows, &ids);
    }

    fn remove(&mut self, ids: &[u64]) {
        assert!(self.index.remove(ids).unwrap() > 0);
        self.model.rows.retain(|row| !ids.contains(&row.0));
    }

    /// Starts a search now, to be held against the model of now however late it ends.
    fn submit(&self) -> (Pending<nearfield::Hits>, Model) {
        let queries = Rows::F32(&self.queries);
        let pending = self.index.submit(queries, K, &SearchParams::new()).unwrap();
        (pending, self.model.clone())
    }

    fn check(&self, what: &str) {
        self.checks.set(self.checks.get() + 1);
        let filters = [IdFilter::All, IdFilter::range(70..8500), !IdFilter::range(0..4000)];
        for count in [3, 40] {
            let queries = Rows::F32(&self.queries[..count * DIM]);
            // few queries have the first two filters and many the last, or the other way round; of the subset, few have one or
            // the other, and many the last every other time
            let (few, many) = match (subset(), self.checks.get() % 2) {
                (false, 0) => (0..2, 2..3),
                (false, _) => (2..3, 0..2),
                (true, 0) => (0..1, 2..3),
                (true, _) => (1..2, 0..0),
            };
            for filter in &filters[if count == 3 { few } else { many }] {
                let params = SearchParams::new().filter(filter.clone());
                let scan = self.index.search_with(queries, K, &params).unwrap();
                let every = params.clone().exhaustive(true);
                let all = self.index.search_with(queries, K, &every).unwrap();
                let stats = scan.stats();
                assert_eq!(
                    (stats.exact.scanned, all.stats().exact.scanned),
                    (count as u64, 0),
                    "{what}"
                );
                assert_eq!(scan.ids(), all.ids(), "{what}: {stats:?}");
                assert_eq!(scan.distances(), all.distances(), "{what}");
                assert!(in_order(&scan, self.model.metric.order()));
                // a radius that some of the hits are within
                let radius = all.row(0).nth(K / 2).map_or(1.0, |hit| hit.1);
                let within = |exhaustive| {
                    let params = params.clone().exhaustive(exhaustive);
                    self.index.range_search_with(queries, radius, &params).unwrap()
                };
                let (scan_within, all_within) = (within(false), within(true));
                let stats = scan_within.stats();
                assert_eq!(stats.exact.scanned, count as u64, "{what}: {stats:?}");
                assert_eq!(scan_within.lims(), all_within.lims(), "{what}: {stats:?}");
                assert_eq!(scan_within.ids(), all_within.ids(), "{what}: {stats:?}");
                assert_eq!(scan_within.distances(), all_within.distances(), "{what}");
                if count == 3 {
                    let eligible = |_: usize, row: usize| filter.is_member(self.model.rows[row].0);
                    self.model.check_hits(&scan, queries, K, &eligible);
                }
            }
        }
    }
}

#[test]
fn every_change_reaches_the_scan() {
    let cases = [
        (Metric::L2, DType::F32),
        (Metric::InnerProduct, DType::F16),
        (Metric::Cosine, DType::I8),
        (Metric::Correlation, DType::F32),
    ];
    // of the subset, rows that are scanned as they are, and such that are scanned by their copy
    for (metric, dtype) in cases.into_iter().take(if subset() { 2 } else { 4 }) {
        for copy in [0, 1] {
            if subset() && (copy == 0) == (metric == Metric::InnerProduct) {
                continue;
            }
            println!("{metric} {dtype}, copy {copy}");
            let gpu = gpu(copy);
            let mut pair = Pair::new(&gpu, &metric, dtype);
            pair.add(rows(6000, DIM, &metric, dtype, 5).rows());
            pair.add(rows(3500, DIM, &metric, dtype, 7).rows());
            pair.check("added");
            let before = pair.submit();

            let nearest = pair.index.search(&pair.queries, K).unwrap();
            let mut gone: Vec<u64> = nearest.ids().iter().copied().step_by(2).collect();
            gone.sort_unstable();
            gone.dedup();
            pair.remove(&gone);
            pair.check("removed");

            // Longer rows than all before: the copy's scale changes.
            let scale = if dtype == DType::I8 { 1.0 } else { 90.0 };
            let long = rows(300, DIM, &metric, DType::F32, 8).rows().to_f32();
            let long: Vec<f64> = long.iter().map(|&x| f64::from(x) * scale).collect();
            let long = encode(&long, DIM, dtype, &metric);
            pair.add(long.rows());
            pair.check("added longer ones");
            let between = pair.submit();

            let near = rows(40, DIM, &metric, DType::F32, 6).rows().to_f32();
            let near: Vec<f64> = near.iter().map(|&x| f64::from(x)).collect();
            let near = encode(&near, DIM, dtype, &metric);
            for (i, id) in [17, 2999, 3000, 6100, 9500].into_iter().enumerate() {
                if pair.index.contains(id) {
                    let row = near.rows().slice(DIM, i..i + 1);
                    pair.index.update(id, row).unwrap();
                    let place = pair.model.rows.iter().position(|r| r.0 == id).unwrap();
                    pair.model.rows[place].1 = row.bytes().to_vec();
                }
            }
            pair.check("updated");

            // Many at once, of every segment, with removed ones between them, and new ones behind.
            let mut ids: Vec<u64> = (0..9800).step_by(61).chain(20_000..20_100).collect();
            ids.sort_unstable_by_key(|id| id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let many = rows(ids.len(), DIM, &metric, dtype, 11);
            let added = ids.iter().filter(|&&id| !pair.model.has(id)).count();
            assert_eq!(pair.index.upsert(many.rows(), &ids).unwrap(), added);
            pair.model.put(many.rows(), &ids);
            pair.check("updated many");

            pair.add(rows(9000, DIM, &metric, dtype, 9).rows());
            pair.remove(&(0..9750).collect::<Vec<_>>());
            pair.check("moved together");
            for (pending, model) in [between, before] {
                let hits = pending.wait().unwrap();
                model.check_hits(&hits, Rows::F32(&pair.queries), K, &|_, _| true);
            }
        }
    }
}
