//! Codes whose originals are kept, beside lists of the rows that went through the same changes.

use super::oracle::{Twin, asked, bits, probing, same};
use crate::common::device::shared;
use nearfield::{
    DType, Gpu, Guarantee, IdFilter, Index, IvfSq, Metric, Originals, QueryFilter, Rows,
    ScalarQuantizer, Search, SearchParams, SqType,
};

pub const NLIST: usize = 5;

/// Devices that read the codes row by row, or by matrix units where there are some.
pub fn gpu(rows: bool) -> Gpu {
    with_segments(1, rows)
}

pub fn with_segments(bytes: u64, rows: bool) -> Gpu {
    let few = if rows { "1000" } else { "0" };
    let settings = [
        ("kernel.scan.max_row_queries", few),
        ("kernel.matrix.max_row_queries", few),
        ("kernel.lists.max_row_queries", few),
        ("kernel.scan.min_rows", "1"),
        ("kernel.matrix.use", "1"),
    ];
    let builder = || {
        let builder = Gpu::builder().poison(true).max_segment_bytes(bytes);
        settings.into_iter().fold(builder, |builder, (key, value)| builder.setting(key, value))
    };
    shared(&format!("codes, segments of {bytes} bytes, {few} queries row by row"), builder).unwrap()
}

/// The index, and lists of rows that went through the same changes.
pub struct Both {
    pub twin: Twin,
    pub index: IvfSq,
}

impl Both {
    pub fn new(
        gpu: &Gpu,
        metric: &Metric,
        (quantizer, originals): (&ScalarQuantizer, Originals),
        sample: &[f32],
    ) -> Both {
        let dim = quantizer.dim();
        let index = IvfSq::with_quantizer(gpu, metric.clone(), NLIST, quantizer).unwrap();
        let index = index.with_originals(originals).unwrap();
        index.train(Rows::F32(sample)).unwrap();
        let centroids = index.centroids().unwrap();
        Both { twin: Twin::new(gpu, dim, metric, DType::F32, &centroids), index }
    }

    pub fn of(
        gpu: &Gpu,
        metric: &Metric,
        (kind, originals): (SqType, Originals),
        dim: usize,
        base: &[f32],
    ) -> Both {
        let quantizer = ScalarQuantizer::new(dim, kind).unwrap();
        let mut both = Both::new(gpu, metric, (&quantizer, originals), base);
        both.add(base);
        both
    }

    pub fn add(&mut self, rows: &[f32]) {
        self.twin.add(Rows::F32(rows));
        self.index.add(rows).unwrap();
    }

    pub fn remove(&mut self, ids: &[u64]) {
        self.twin.remove(ids);
        self.index.remove(ids).unwrap();
    }

    /// Holds searches against those of the rows, which are held against f64 where `deep` says so.
    pub fn check(&self, queries: &[f32], shapes: &[(usize, usize)], deep: bool) {
        let (ours, theirs) = (&self.index, &self.twin.ivf);
        assert_eq!((ours.len(), ours.ids()), (theirs.len(), theirs.ids()));
        assert_eq!(ours.list_sizes(), theirs.list_sizes());
        let ids = ours.ids();
        let back = |index: &dyn Index| index.reconstruct_many(&ids).unwrap();
        assert_eq!(back(ours), back(theirs));
        let all = Rows::F32(queries);
        let count = queries.len() / ours.dim();
        let third = IdFilter::from_fn(|id| id % 3 != 1);
        for (at, &(nprobe, k)) in shapes.iter().enumerate() {
            let what =
                format!("{} {}, nprobe {nprobe}, k {k}", ours.metric(), ours.quantizer().kind());
            if deep {
                self.twin.check(all, asked(nprobe, k));
            }
            let told = |count: usize| {
                let own = |q| IdFilter::from_fn(move |id| id % 4 != q % 4);
                match at % 3 {
                    0 => probing(nprobe),
                    1 => probing(nprobe).filter(third.clone()),
                    _ => probing(nprobe)
                        .query_filter((0..count as u64).map(own).collect::<QueryFilter>()),
                }
            };
            for few in [1, count] {
                let (part, params) = (all.slice(ours.dim(), 0..few), told(few));
                let found = ours.search_with(part, k, &params).unwrap();
                let expected = theirs.search_with(part, k, &params).unwrap();
                assert!(same(ours.metric(), &found, &expected), "{what}, {few} queries");
                let wide = matches!(ours.quantizer().kind(), SqType::Fp16 | SqType::Bf16)
                    && !ours.by_residual();
                let ran = |part: &str| found.stats().variants.iter().any(|v| v.contains(part));
                // most rows of few lists, in which there are more than are asked for, by their codes, but by tiles of registers as they are
                let read = ran("_i8") || !wide && ran("scan_tile");
                let device = ours.originals() == Originals::Device;
                assert!(
                    !device || at > 0 || read != wide || ours.dim() < 16,
                    "{:?}",
                    found.stats()
                );
            }
            let params = told(count);
            let found = ours.search_with(all, k, &params).unwrap();
            let radius = (0..count).find_map(|i| found.row(i).next_back());
            if let Some((_, radius)) = radius {
                let found = ours.range_search_with(all, radius, &params).unwrap();
                let expected = theirs.range_search_with(all, radius, &params).unwrap();
                assert!(bits(&found) == bits(&expected), "{what}, within {radius}");
            }
        }
        let exact = SearchParams::new().guarantee(Guarantee::Exact);
        let found = ours.search_with(all, 10, &exact).unwrap();
        assert_eq!(bits(&found), bits(&theirs.search_with(all, 10, &exact).unwrap()));
    }
}
