//! Lists of codes: every answer is that of a flat index of the decoded rows that is told which of them lie in the lists that are looked
//! at, to the bit, and holds against f64.

use super::coded;
use super::oracle::{ALL, bits, probing, taken};
use crate::common::device::{shared, subset};
use crate::support::{Trickle, gpu, own_gpu};
use nearfield::{
    DType, Error, Flat, Gpu, Guarantee, IdFilter, Index, IndexInfo, IvfFlat, IvfSq, Metric, Rows,
    ScalarQuantizer, Search, SearchParams, SqRange, SqType, index_factory, read_index,
};
use std::collections::HashMap;

const NLIST: usize = 9;

/// An index of codes, and the list of each row, which is that of the row as it was added.
struct Codes {
    index: IvfSq,
    lists: HashMap<u64, u64>,
}

impl Codes {
    fn trained(
        metric: &Metric,
        (quantizer, residual): (&ScalarQuantizer, bool),
        rows: &[f32],
    ) -> Codes {
        let index = IvfSq::with_quantizer(&gpu(), metric.clone(), NLIST, quantizer).unwrap();
        let index = index.with_residuals(residual).unwrap();
        index.train(Rows::F32(rows)).unwrap();
        let mut codes = Codes { index, lists: HashMap::new() };
        codes.add(rows);
        codes
    }

    fn of(metric: &Metric, kind: SqType, dim: usize, rows: &[f32]) -> Codes {
        Codes::trained(metric, (&ScalarQuantizer::new(dim, kind).unwrap(), false), rows)
    }

    fn note(&mut self, rows: &[f32], ids: impl Iterator<Item = u64>) {
        let assigned = self.index.assign(Rows::F32(rows), 1).unwrap();
        let lists = assigned.rows().map(|list| list[0].0);
        self.lists.extend(ids.zip(lists.collect::<Vec<_>>()));
    }

    fn add(&mut self, rows: &[f32]) {
        let ids = self.index.add(rows).unwrap();
        self.note(rows, ids);
    }

    /// Holds searches against those of the decoded rows.
    fn check(&self, queries: &[f32], (nprobe, k): (usize, usize), filter: &IdFilter) {
        let mut sizes = vec![0; NLIST];
        self.index.ids().iter().for_each(|id| sizes[self.lists[id] as usize] += 1);
        assert_eq!(self.index.list_sizes(), sizes);
        let what = self.index.quantizer().kind().to_string();
        coded::check(&self.index, &self.lists, &what, queries, (nprobe, k), filter);
    }
}

#[test]
fn every_type_under_every_metric() {
    let metrics =
        [Metric::L2, Metric::InnerProduct, Metric::Cosine, Metric::SqrtL2, Metric::CosineDistance];
    for (at, &kind) in SqType::ALL.iter().enumerate() {
        for (of, metric) in metrics.iter().enumerate() {
            // each pair of type and metric has kernels of its own to compile
            if (at + of) % if subset() { 5 } else { 2 } != 0 && at + of > 1 {
                continue;
            }
            let dim = [20, 7][at % 2];
            let base = taken(400, dim, metric, kind, 1 + at as u64);
            let codes = Codes::of(metric, kind, dim, &base);
            let queries = taken(7, dim, metric, kind, 50 + of as u64);
            let third = IdFilter::bitmap(vec![0x9249_2492_4924_9249u64; 7]);
            codes.check(&queries, (3, 10), &third);
            // of the subset, every list or few rows in turn
            if !subset() || at % 2 == 0 {
                codes.check(&queries, (NLIST, 12), ALL);
            }
            if !subset() || at % 2 == 1 {
                codes.check(&queries, (2, 500), ALL);
            }
        }
    }
}

/// Where all lists are looked at the rows are scanned as a flat index scans them, however few they are on this device.
#[test]
fn all_lists_are_a_flat_scan_of_the_decoded_rows() {
    let builder = || Gpu::builder().poison(true).setting("kernel.scan.min_rows", 0);
    let gpu = shared("scans of few rows", builder).unwrap();
    for (kind, metric) in [
        (SqType::Bits8, Metric::L2),
        (SqType::Bits4, Metric::SqrtL2),
        (SqType::Uniform6, Metric::L2),
        (SqType::Bits8, Metric::InnerProduct),
        (SqType::Direct8Signed, Metric::L2),
        (SqType::Fp16, Metric::L2),
    ] {
        let dim = 20;
        let base = taken(700, dim, &metric, kind, 31);
        let quantizer = ScalarQuantizer::new(dim, kind).unwrap().train(Rows::F32(&base)).unwrap();
        let index =
            IvfSq::with_centroids(&gpu, metric.clone(), &quantizer, &base[..3 * dim]).unwrap();
        index.add(&base).unwrap();
        let flat = Flat::new(&gpu, dim, metric.clone()).unwrap();
        flat.add(&index.reconstruct_many(&index.ids()).unwrap()).unwrap();
        let exact = SearchParams::new().guarantee(Guarantee::Exact);
        for count in [1, 4, 70] {
            let queries = taken(count, dim, &metric, kind, 32);
            let found = index.search_with(Rows::F32(&queries), 10, &exact).unwrap();
            let scanned = found.stats().variants.iter().any(|name| name.starts_with("scan_"));
            assert!(scanned, "{kind} {metric}: {:?}", found.stats().variants);
            let expected = flat.search(&queries, 10).unwrap();
            assert!(bits(&found) == bits(&expected), "{kind} {metric}, {count} queries");
            let radius = found.distances()[9];
            let found = index.range_search_with(Rows::F32(&queries), radius, &exact).unwrap();
            let expected = flat.range_search(&queries, radius).unwrap();
            assert!(bits(&found) == bits(&expected), "{kind} {metric}, {count} queries within");
        }
    }
}

#[test]
fn no_answer_depends_on_the_other_queries_of_its_call() {
    let dim = 24;
    let all = [
        (Metric::L2, SqType::Bits8),
        (Metric::Cosine, SqType::Bits8),
        (Metric::InnerProduct, SqType::Uniform6),
    ];
    for (metric, kind) in all.into_iter().take(if subset() { 1 } else { 3 }) {
        let base = taken(600, dim, &metric, kind, 3);
        let codes = Codes::of(&metric, kind, dim, &base);
        let queries = taken(150, dim, &metric, kind, 4);
        codes.check(&queries[..15 * dim], (4, 10), ALL);
        let params = probing(4);
        let all = codes.index.search_with(Rows::F32(&queries), 10, &params).unwrap();
        let all: Vec<_> = all.rows().collect();
        for batch in [1, 7, 64] {
            for first in (0..3 * batch).step_by(batch).filter(|first| first + batch <= 150) {
                let part = Rows::F32(&queries[first * dim..(first + batch) * dim]);
                let found = codes.index.search_with(part, 10, &params).unwrap();
                assert_eq!(found.rows().collect::<Vec<_>>(), all[first..first + batch], "{metric}");
            }
        }
        // every row exactly, and by scores without a bound, which rarely matters
        let exhaustive = codes.index.search_with(Rows::F32(&queries), 10, &params.exhaustive(true));
        assert_eq!(exhaustive.unwrap().rows().collect::<Vec<_>>(), all);
    }
}

#[test]
fn ranges_far_from_zero_and_of_different_widths_are_certified() {
    let dim = 16;
    for (metric, offset) in [(Metric::L2, 3000.0), (Metric::InnerProduct, -50.0)] {
        let mut base = taken(800, dim, &metric, SqType::Bits8, 5);
        let mut queries = taken(40, dim, &metric, SqType::Bits8, 6);
        for values in [&mut base, &mut queries] {
            for (i, x) in values.iter_mut().enumerate() {
                // one dimension is constant, one a thousand times as wide as others
                let width = [1.0, 0.0, 1000.0, 1e-3][i % dim % 4];
                *x = *x * width + offset;
            }
        }
        let ranges = [SqRange::MinMax(0.1), SqRange::MeanStd(1.0), SqRange::Quantiles(0.05)];
        // ranges are learnt on the host: of the subset, each metric has one of its own
        let one = usize::from(metric == Metric::L2);
        for &range in if subset() { &ranges[one..][..1] } else { &ranges[..] } {
            let quantizer = ScalarQuantizer::new(dim, SqType::Bits4).unwrap();
            let quantizer = quantizer.with_range(range).unwrap();
            Codes::trained(&metric, (&quantizer, false), &base).check(&queries, (3, 20), ALL);
        }
    }
}

#[test]
fn changes_keep_codes_lists_and_ids_together() {
    let (dim, metric) = (12, Metric::L2);
    let base = taken(500, dim, &metric, SqType::Bits6, 7);
    let mut codes = Codes::of(&metric, SqType::Bits6, dim, &base[..300 * dim]);
    let queries = taken(9, dim, &metric, SqType::Bits6, 8);
    let (index, rest) = (&codes.index, &base[300 * dim..]);
    let mut stream = Trickle::new(Rows::F32(rest), dim, 33);
    assert_eq!(index.add_from(&mut stream).unwrap(), 300..500);
    codes.note(rest, 300..500);
    codes.check(&queries, (3, 15), ALL);
    let removed: Vec<u64> = (0..500).step_by(3).collect();
    assert_eq!(codes.index.remove(&removed).unwrap(), removed.len());
    codes.check(&queries, (3, 15), ALL);
    let others = taken(3, dim, &metric, SqType::Bits6, 9);
    let ids = [400, 2, 100];
    codes.index.update_rows(Rows::F32(&others), &ids).unwrap();
    codes.note(&others, ids.into_iter());
    codes.check(&queries, (3, 15), ALL);
    // so many that the others move together
    let removed: Vec<u64> = (0..500).filter(|id| id % 3 == 1 && *id != 400 && *id != 100).collect();
    assert_eq!(codes.index.remove(&removed).unwrap(), removed.len());
    codes.check(&queries, (3, 15), ALL);
    // what is found is what was put in, rounded
    let decoded = codes.index.reconstruct(2).unwrap();
    let trained = codes.index.quantizer();
    let expected = trained.decode(&trained.encode(Rows::F32(&others[dim..2 * dim])).unwrap());
    assert_eq!(decoded, expected.unwrap());
}

#[test]
fn files_and_merges_take_codes_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("codes");
    let (dim, metric) = (11, Metric::InnerProduct);
    let left = [SqType::Fp16, SqType::Bf16].map(|kind| (kind, true));
    for (kind, residual) in SqType::ALL.iter().map(|&kind| (kind, false)).chain(left) {
        let base = taken(300, dim, &metric, kind, 10);
        let quantizer = ScalarQuantizer::new(dim, kind).unwrap();
        let codes = Codes::trained(&metric, (&quantizer, residual), &base);
        let index = &codes.index;
        index.set_nprobe(4).unwrap();
        index.remove(&[3, 4, 5]).unwrap();
        index.write(&path).unwrap();
        let info = IndexInfo::verify(&path, &mut |_, _| Ok(())).unwrap();
        assert_eq!((&*info.kind, info.rows, info.dtype), ("IvfSq", 297, DType::F32));
        let lists = info.ivf.unwrap();
        assert_eq!((lists.nlist, lists.nprobe, lists.quantizer), (9, 4, Some(kind)));
        assert_eq!(lists.residual, residual);
        assert_eq!(lists.sizes.unwrap().max, *index.list_sizes().iter().max().unwrap());
        let again = IvfSq::read(&own_gpu(), &path).unwrap();
        assert_eq!((again.quantizer(), again.nprobe()), (index.quantizer(), 4));
        let any = read_index(&gpu(), &path).unwrap();
        let whole = matches!(kind, SqType::Direct8 | SqType::Direct8Signed);
        let said = if residual || whole { "" } else { "_rows" };
        assert_eq!(any.description(), format!("IVF9,{kind}{said}"));
        let made = index_factory(&gpu(), dim, &any.description(), metric.clone(), DType::F32);
        assert_eq!(made.unwrap().description(), any.description());
        let queries = taken(5, dim, &metric, kind, 11);
        let expected = index.search(&queries, 9).unwrap();
        for other in [&again as &dyn Index, &*any] {
            assert_eq!(bits(&other.search(&queries, 9).unwrap()), bits(&expected), "{kind}");
            let ids = index.ids();
            let decoded = index.reconstruct_many(&ids).unwrap();
            assert_eq!(other.reconstruct_many(&ids).unwrap(), decoded);
        }
        let empty = IvfSq::with_centroids(
            &gpu(),
            metric.clone(),
            &index.quantizer(),
            &index.centroids().unwrap(),
        );
        let empty = empty.unwrap().with_residuals(residual).unwrap();
        assert_eq!(empty.by_residual(), residual);
        assert_eq!(empty.merge_from(index).unwrap(), 297);
        empty.set_nprobe(4).unwrap();
        assert_eq!(bits(&empty.search(&queries, 9).unwrap()), bits(&expected), "{kind}");
        // 297 codes, and little beside them
        let file = std::fs::metadata(&path).unwrap().len() as usize;
        let most = 297 * (kind.code_bytes(dim) + 4 + 8) + 9 * 4 * dim + 8 * dim + 500;
        assert!(file < most, "{kind}: {file} bytes, {most} are the most");
    }
}

#[test]
fn what_is_refused_leaves_all_as_it_was() {
    let (dim, metric) = (6, Metric::L2);
    let gpu = gpu();
    for metric in [Metric::L1, Metric::Correlation, Metric::Haversine, Metric::KlDivergence] {
        let dim = if metric == Metric::Haversine { 2 } else { dim };
        let error = IvfSq::new(&gpu, dim, metric, 4, SqType::Bits8).unwrap_err();
        assert!(matches!(&error, Error::Unsupported { .. }), "{error}");
    }
    for description in ["IVF4,SQ8", "IVF4,SQfp16"] {
        let of_bytes = index_factory(&gpu, dim, description, metric.clone(), DType::U8);
        assert!(of_bytes.unwrap_err().to_string().contains("f32"));
    }
    assert!(IvfSq::new(&gpu, dim, metric.clone(), 0, SqType::Bits8).is_err());
    let untrained = IvfSq::new(&gpu, dim, metric.clone(), 4, SqType::Bits8).unwrap();
    assert!(!untrained.is_trained());
    assert!(matches!(untrained.add(&[0.0; 6]), Err(Error::NotTrained)));
    assert!(matches!(untrained.search(&[0.0; 6], 1), Err(Error::NotTrained)));
    let base = taken(300, dim, &metric, SqType::Direct8, 12);
    let codes = Codes::of(&metric, SqType::Direct8, dim, &base);
    let before = codes.index.ids();
    let fraction = [base[..dim].to_vec(), vec![1.0, 2.0, 3.5, 4.0, 5.0, 6.0]].concat();
    let error = codes.index.add(&fraction).unwrap_err();
    assert!(matches!(error, Error::InvalidValue { row: 1, column: 2, .. }), "{error}");
    let error = codes.index.update_rows(Rows::F32(&fraction), &[0, 1]).unwrap_err();
    assert!(matches!(error, Error::InvalidValue { row: 1, column: 2, .. }), "{error}");
    assert!(codes.index.add_rows(Rows::U8(&[1; 6])).is_err());
    assert_eq!(codes.index.ids(), before);
    codes.check(&base[..5 * dim], (3, 4), ALL);
    // codes whose ranges would be others
    let ranged = Codes::of(&metric, SqType::Bits8, dim, &base);
    assert!(matches!(ranged.index.train(Rows::F32(&base)), Err(Error::Unsupported { .. })));
    let centroids = ranged.index.centroids().unwrap();
    let trained = ScalarQuantizer::new(dim, SqType::Bits8).unwrap();
    let trained = trained.with_trained(&[1.0; 12]).unwrap();
    let other = IvfSq::with_centroids(&gpu, metric.clone(), &trained, &centroids).unwrap();
    other.add_with_ids(Rows::F32(&base[..dim]), &[1000]).unwrap();
    let error = ranged.index.merge_from(&other).unwrap_err().to_string();
    assert!(error.contains("ranges"), "{error}");
    assert!(ranged.index.merge_from(&codes.index).is_err());
    let flat = IvfFlat::with_centroids(&gpu, dim, metric.clone(), DType::F32, &centroids).unwrap();
    assert!(ranged.index.merge_from(&flat).is_err());
    ranged.check(&base[..5 * dim], (3, 4), ALL);
    let wide = ScalarQuantizer::new(dim, SqType::Uniform8).unwrap();
    let wide = wide.with_trained(&[-1e19, 2e19]).unwrap();
    assert!(IvfSq::with_quantizer(&gpu, metric, 4, &wide).is_err());
}
