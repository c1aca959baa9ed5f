//! Scalar codes of what centroids leave of rows: whole numbers, rows that are kept beside them, what is refused, and what the factory makes.

use super::both::{Both, NLIST, gpu as kept_gpu};
use super::coded;
use super::oracle::{ALL, bits, probing, taken};
use crate::common::device::subset;
use crate::support::gpu;
use nearfield::{
    DType, Error, Index, IvfSq, Metric, Originals, Rows, ScalarQuantizer, Search, SqType,
    index_factory, read_index,
};
use std::collections::HashMap;

/// Whole numbers by centroids that are far apart: row i lies this much from centroid i % 3.
fn near(kind: SqType, dim: usize, n: usize) -> (Vec<f32>, Vec<f32>) {
    let (low, high) = if kind == SqType::Direct8 { (0, 255) } else { (-128, 127) };
    let centroids: Vec<f32> =
        (0..3 * dim).map(|i| (i / dim * 5000 + i % dim * 10) as f32).collect();
    let left = |i: usize| match i % 7 {
        0 => low,
        1 => high,
        _ => low + ((i * 7919) % 256) as i32,
    };
    let row = |i: usize| (i / dim % 3, i % dim);
    let rows = (0..n * dim).map(|i| centroids[row(i).0 * dim + row(i).1] + left(i) as f32);
    let rows = rows.collect();
    (centroids, rows)
}

fn of(kind: SqType, metric: &Metric, dim: usize, centroids: &[f32]) -> IvfSq {
    let quantizer = ScalarQuantizer::new(dim, kind).unwrap();
    let index = IvfSq::with_centroids(&gpu(), metric.clone(), &quantizer, centroids).unwrap();
    index.with_residuals(true).unwrap()
}

#[test]
fn whole_numbers_come_back_as_they_were() {
    for (kind, dim) in [(SqType::Direct8, 9), (SqType::Direct8Signed, 8)] {
        let (centroids, rows) = near(kind, dim, 150);
        for metric in [Metric::L2, Metric::InnerProduct] {
            let index = of(kind, &metric, dim, &centroids);
            // under inner products the farthest centroid may be nearest, of which less is left than there has to be
            let lists: Vec<u64> = match metric {
                Metric::L2 => (0..150).map(|i| i % 3).collect(),
                _ => vec![2; 50],
            };
            let own: Vec<f32> = match metric {
                Metric::L2 => rows.clone(),
                _ => {
                    rows.chunks_exact(3 * dim).flat_map(|three| three[2 * dim..].to_vec()).collect()
                }
            };
            index.add(&own).unwrap();
            assert_eq!(index.reconstruct_many(&index.ids()).unwrap(), own, "{kind} {metric}");
            let lists: HashMap<u64, u64> = (0u64..).zip(lists).collect();
            let queries: Vec<f32> = rows[..6 * dim].iter().map(|x| x + 0.5).collect();
            coded::check(&index, &lists, "whole numbers", &queries, (2, 7), ALL);
            // a half, one too many, one too few
            let before = index.ids();
            let least = if kind == SqType::Direct8 { 0.0 } else { -128.0 };
            for wrong in [1.5, least + 256.0, least - 1.0] {
                let mut row = own[..dim].to_vec();
                let list = lists[&0] as usize;
                row[3] = centroids[list * dim + 3] + wrong;
                let error = index.add(&[&own[..dim], &row].concat()).unwrap_err();
                assert!(matches!(error, Error::InvalidValue { row: 1, column: 3, .. }), "{error}");
                let error = index.update_rows(Rows::F32(&row), &before[..1]).unwrap_err();
                assert!(matches!(error, Error::InvalidValue { row: 0, column: 3, .. }), "{error}");
            }
            assert_eq!(index.ids(), before);
        }
    }
}

#[test]
fn what_is_left_is_more_than_sixteen_bits_hold() {
    let centroids = [60_000.0, 0.0, 0.0, 0.0, -60_000.0, 0.0, 0.0, 0.0];
    let index = of(SqType::Fp16, &Metric::L2, 4, &centroids);
    let far = [1.0, 2.0, 3.0, 4.0, 200_000.0, 1.0, 2.0, 3.0];
    for kept in [Originals::None, Originals::Device, Originals::Host] {
        let index = of(SqType::Fp16, &Metric::L2, 4, &centroids).with_originals(kept).unwrap();
        let error = index.add(&far).unwrap_err();
        assert!(matches!(error, Error::InvalidValue { row: 1, column: 0, .. }), "{kept}: {error}");
        assert!(index.is_empty());
        // a row that is more than an f16 is of which less is left
        index.add(&[100_000.0, 1.0, 0.0, 0.0]).unwrap();
        let error = index.update_rows(Rows::F32(&far[4..]), &[0]).unwrap_err();
        assert!(matches!(error, Error::InvalidValue { row: 0, column: 0, .. }), "{kept}: {error}");
        let path = tempfile::NamedTempFile::new().unwrap();
        index.write(path.path()).unwrap();
        let again = read_index(&gpu(), path.path()).unwrap();
        assert_eq!(again.reconstruct(0).unwrap(), [100_000.0, 1.0, 0.0, 0.0], "{kept}");
    }
    // huge rows and tiny ones beside huge and tiny centroids
    drop(index);
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        let centroids = [1e17, -1e17, 1e16, 0.0, 1e-3, 2e-3, -1e-3, 0.0];
        let index = of(SqType::Bf16, &metric, 4, &centroids);
        let rows: Vec<f32> = (0..40 * 4)
            .map(|i| ((i * i) as f32 * 0.7).sin() * [1e17, 1.0, 1e-6, 1e-20][i / 4 % 4])
            .collect();
        index.add(&rows).unwrap();
        let assigned = index.assign(Rows::F32(&rows), 1).unwrap();
        let lists = (0u64..).zip(assigned.rows().map(|lists| lists[0].0)).collect();
        coded::check(&index, &lists, "huge and tiny", &rows[..8 * 4], (2, 9), ALL);
        let error = index.add(&[0.0, 0.0, 0.0, 1.2e18]).unwrap_err();
        assert!(matches!(error, Error::InvalidValue { row: 0, column: 3, .. }), "{error}");
    }
}

/// Rows beside codes of what is left of them: answers are those of lists of the rows.
#[test]
fn rows_that_are_kept_are_what_is_compared() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept");
    let (gpu, dim) = (kept_gpu(true), 19);
    let kinds = [
        (SqType::Bits4, Originals::Host),
        (SqType::Bf16, Originals::Host),
        (SqType::Fp16, Originals::Device),
    ];
    for (at, (kind, kept)) in kinds.into_iter().enumerate() {
        for (of, metric) in
            [Metric::L2, Metric::InnerProduct, Metric::Cosine].into_iter().enumerate()
        {
            if (at + of) % if subset() { 3 } else { 2 } != 0 {
                continue;
            }
            let base = taken(330, dim, &metric, kind, 20 + at as u64);
            let made = IvfSq::new(&gpu, dim, metric.clone(), NLIST, kind).unwrap();
            let made = made.with_residuals(true).unwrap().with_originals(kept).unwrap();
            made.train(Rows::F32(&base)).unwrap();
            let quantizer = ScalarQuantizer::new(dim, kind).unwrap();
            let mut both = Both::new(&gpu, &metric, (&quantizer, Originals::None), &base);
            both.twin.ivf.set_centroids(&made.centroids().unwrap()).unwrap();
            both.index = made;
            both.add(&base);
            both.remove(&[5, 6, 200]);
            let queries = taken(9, dim, &metric, kind, 70 + of as u64);
            both.check(&queries, &[(2, 10), (NLIST, 4)], at == of);
            both.index.write(&path).unwrap();
            let again = IvfSq::read(&gpu, &path).unwrap();
            assert_eq!((again.by_residual(), again.originals()), (true, kept));
            let ask =
                |index: &IvfSq| index.search_with(Rows::F32(&queries), 7, &probing(3)).unwrap();
            assert_eq!(bits(&ask(&again)), bits(&ask(&both.index)), "{kind} {kept} {metric}");
        }
    }
}

#[test]
fn the_factory_makes_what_faiss_does() {
    let metrics =
        [Metric::L2, Metric::SqrtL2, Metric::InnerProduct, Metric::Cosine, Metric::CosineDistance];
    for metric in metrics {
        for (description, residual) in [
            ("IVF2,SQ8", true),
            ("IVF2,SQ4", true),
            ("IVF2,SQfp16", true),
            ("IVF2,SQ8_rows", false),
            ("IVF2,SQ8_direct", false),
            ("IVF2,SQ8_direct_signed_residual", true),
        ] {
            let made = index_factory(&gpu(), 3, description, metric.clone(), DType::F32).unwrap();
            let sq = made.as_any().unwrap().downcast_ref::<IvfSq>().unwrap();
            let own = IvfSq::from_description(&gpu(), 3, description, metric.clone()).unwrap();
            assert_eq!((sq.by_residual(), own.by_residual()), (residual, residual));
            assert_eq!((&*sq.description(), &*own.description()), (description, description));
        }
    }
    let of_rows = IvfSq::new(&gpu(), 3, Metric::L2, 2, SqType::Bits8).unwrap();
    assert_eq!((of_rows.by_residual(), &*of_rows.description()), (false, "IVF2,SQ8_rows"));
    // rows in groups: what is left of them is a hundredth as long, and so is what 4 bits lose of it
    let rows: Vec<f32> = (0..400 * 6)
        .map(|i| (i / 6 % 8 * (i % 6) * 10) as f32 + ((i * i) as f32 * 0.9).sin())
        .collect();
    let lost = |description: &str| {
        let index = index_factory(&gpu(), 6, description, Metric::L2, DType::F32).unwrap();
        index.train(Rows::F32(&rows)).unwrap();
        index.add(&rows).unwrap();
        let decoded = index.reconstruct_many(&index.ids()).unwrap();
        rows.iter().zip(decoded).map(|(x, y)| (x - y).powi(2)).sum::<f32>()
    };
    let (left, whole) = (lost("IVF8,SQ4"), lost("IVF8,SQ4_rows"));
    assert!(left * 50.0 < whole, "{left} and {whole}");
}
