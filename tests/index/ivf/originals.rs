//! Lists of codes whose originals are kept: every answer is that of lists of the rows as they are, to the bit, and holds against f64; what
//! files have of the codes is what the quantizer makes of the rows.

use super::both::{Both, NLIST, gpu, with_segments};
use super::oracle::{bits, probing, taken};
use crate::common::device::subset;
use crate::support::Trickle;
use nearfield::{
    Error, Index, IndexInfo, IvfSq, Metric, Originals, Rows, ScalarQuantizer, Search, SqRange,
    SqType, read_index,
};

const METRICS: [Metric; 5] =
    [Metric::L2, Metric::InnerProduct, Metric::Cosine, Metric::SqrtL2, Metric::CosineDistance];

#[test]
fn every_type_under_every_metric() {
    let gpus = [true, false].map(gpu);
    for (at, &kind) in SqType::ALL.iter().enumerate() {
        for (of, metric) in METRICS.iter().enumerate() {
            // each pair of type and metric has kernels of its own to compile
            if (at + of) % if subset() { 10 } else { 2 } != 0 {
                continue;
            }
            let dim = [17, 32][at % 2];
            let base = taken(330, dim, metric, kind, 1 + at as u64);
            let both = Both::of(&gpus[at / 2 % 2], metric, (kind, Originals::Device), dim, &base);
            let queries = taken(9, dim, metric, kind, 50 + of as u64);
            both.check(&queries, &[(2, 10), (3, 12), (NLIST, 4), (2, 400)], at == of);
        }
    }
}

/// Ranges that rows are outside of, that are of one value, and that are far from the origin; few and many elements.
#[test]
fn ranges_that_do_not_fit_cost_time_alone() {
    let gpus = [true, false].map(gpu);
    for (at, &(kind, dim)) in
        [(SqType::Bits8, 128), (SqType::Bits6, 17), (SqType::Bits4, 16), (SqType::Bits8, 1)]
            .iter()
            .enumerate()
    {
        for (of, metric) in METRICS[at % 2..3].iter().enumerate() {
            if subset() && of != at % 2 {
                continue;
            }
            let gpu = &gpus[(at + of) % 2];
            let mut base = taken(260, dim, metric, kind, 7 + at as u64);
            // a dimension that never varies, one that varies far away, and rows beyond what the ranges are learnt of
            for (row, values) in base.chunks_exact_mut(dim).enumerate() {
                values[0] = 3.5;
                if dim > 2 {
                    values[1] += 4000.0;
                    values[2] *= 1e-3;
                }
                if row > 200 {
                    values.iter_mut().for_each(|x| *x *= 1.0 + (row % 5) as f32);
                }
            }
            let quantizer = ScalarQuantizer::new(dim, kind).unwrap();
            let quantizer = quantizer.with_range(SqRange::Quantiles(0.05)).unwrap();
            let mut both =
                Both::new(gpu, metric, (&quantizer, Originals::Device), &base[..200 * dim]);
            both.add(&base);
            let mut queries = taken(7, dim, metric, kind, 90);
            let near = base[210 * dim..211 * dim].to_vec();
            queries.extend(near.iter().map(|x| x * 1.001));
            queries.extend(near);
            both.check(&queries, &[(2, 6), (NLIST, 9), (1, 300)], at == 1);
        }
    }
}

/// Of rows that lie far apart a few are compared exactly, by few queries and by many.
#[test]
fn codes_tell_most_rows_apart() {
    let (dim, n) = (24, 2600);
    let metric = Metric::L2;
    let mut base = taken(n, dim, &metric, SqType::Bits8, 5);
    for (row, values) in base.chunks_exact_mut(dim).enumerate() {
        values.iter_mut().for_each(|x| *x = 0.1 * *x + (row / 100 % 13) as f32);
    }
    for by_row in [true, false] {
        let both = Both::of(
            &with_segments(1 << 20, by_row),
            &metric,
            (SqType::Bits8, Originals::Device),
            dim,
            &base,
        );
        let queries: Vec<f32> =
            base.chunks_exact(dim * 64).flat_map(|rows| rows[..dim].to_vec()).collect();
        both.check(&queries, &[(3, 4), (2, 20)], false);
        let found = both.index.search_with(Rows::F32(&queries), 4, &probing(3)).unwrap();
        let (stats, asked) = (found.stats(), queries.len() / dim);
        let small = stats.variants.iter().any(|v| v.starts_with("rescore") && v.contains("bin16"));
        let bins = stats.ivf.rows_probed / if small { 16 } else { 64 };
        assert!(stats.exact.rerun == 0 && stats.exact.scanned == asked as u64, "{stats:?}");
        assert!(stats.exact.bins_passed * 3 < bins, "{bins}: {stats:?}");
    }
}

#[test]
fn changes_are_those_of_lists_of_the_rows() {
    let (dim, metric) = (20, Metric::L2);
    let made = |n, seed| taken(n, dim, &metric, SqType::Bits8, seed);
    for (kind, by_row, kept) in [
        (SqType::Bits8, true, Originals::Device),
        (SqType::Uniform4, false, Originals::Device),
        (SqType::Bits8, false, Originals::Host),
    ] {
        let mut both = Both::of(&gpu(by_row), &metric, (kind, kept), dim, &made(200, 1));
        let (queries, shapes) = (made(6, 2), [(2, 7), (3, 20), (NLIST, 5)]);
        let index = |both: &Both| -> [Vec<u64>; 1] { [both.index.ids()] };
        for round in 0..2 {
            both.remove(&(0..200).filter(|id| id % 7 == round).collect::<Vec<_>>());
            both.check(&queries, &shapes, false);
            // far outside of the ranges, one by one and many
            let [ids] = index(&both);
            let far: Vec<f32> = made(12, 3 + round).iter().map(|x| x * 9.0).collect();
            for put in [&ids[..1], &ids[10..22]] {
                let rows = Rows::F32(&far[..put.len() * dim]);
                both.twin.ivf.update_rows(rows, put).unwrap();
                both.index.update_rows(rows, put).unwrap();
            }
            both.check(&queries, &shapes, false);
            let ids: Vec<u64> =
                ids[30..40].iter().copied().chain(900 + round * 10..905 + round * 10).collect();
            let rows = made(15, 8 + round);
            for index in [&both.twin.ivf as &dyn Index, &both.index] {
                index.upsert(Rows::F32(&rows), &ids).unwrap();
                index
                    .add_from(&mut Trickle::new(Rows::F32(&made(70, 11 + round)), dim, 9))
                    .unwrap();
            }
            both.check(&queries, &shapes, false);
        }
        // learnt anew of other rows: lists and ranges are others, the rows are not
        let sample: Vec<f32> = made(100, 20).iter().map(|x| x * 3.0).collect();
        both.index.train(Rows::F32(&sample)).unwrap();
        both.twin.ivf.set_centroids(&both.index.centroids().unwrap()).unwrap();
        both.check(&queries, &shapes, false);
        for index in [&both.twin.ivf as &dyn Index, &both.index] {
            index.add(&made(30, 21)).unwrap();
            assert_eq!(index.remove(&[900, 901]).unwrap(), 2);
        }
        both.check(&queries, &shapes, false);
        // those of another
        let other = IvfSq::with_centroids(
            &gpu(by_row),
            metric.clone(),
            &both.index.quantizer(),
            &both.index.centroids().unwrap(),
        )
        .unwrap();
        other.add_with_ids(Rows::F32(&made(40, 22)), &(5000..5040).collect::<Vec<_>>()).unwrap();
        assert!(both.index.merge_from(&other).is_err());
        let empty = both.index.len();
        let other = IvfSq::with_centroids(
            &gpu(by_row),
            metric.clone(),
            &both.index.quantizer(),
            &both.index.centroids().unwrap(),
        )
        .unwrap()
        .with_originals(kept)
        .unwrap();
        other.add_with_ids(Rows::F32(&made(40, 22)), &(5000..5040).collect::<Vec<_>>()).unwrap();
        other.remove(&[5003]).unwrap();
        assert_eq!(both.index.merge_from(&other).unwrap(), 39);
        assert_eq!(both.index.len(), empty + 39);
        let rows = other.reconstruct_many(&other.ids()).unwrap();
        both.twin.ivf.add_with_ids(Rows::F32(&rows), &other.ids()).unwrap();
        both.check(&queries, &shapes, false);
    }
}

#[test]
fn files_have_the_codes_and_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, metric, kept) in [
        (SqType::Bits6, Metric::L2, Originals::Device),
        (SqType::Direct8, Metric::Cosine, Originals::Device),
        (SqType::Fp16, Metric::InnerProduct, Originals::Device),
        (SqType::Bits6, Metric::Cosine, Originals::Host),
        (SqType::Bf16, Metric::L2, Originals::Host),
    ] {
        let dim = 19;
        let gpu = gpu(true);
        let base = taken(150, dim, &metric, kind, 31);
        let mut both = Both::of(&gpu, &metric, (kind, kept), dim, &base);
        both.remove(&[3, 77]);
        let path = folder.path().join("originals.nf");
        both.index.write(&path).unwrap();
        let info = IndexInfo::verify(&path, &mut |_, _| Ok(())).unwrap();
        let lists = info.ivf.unwrap();
        assert!(lists.originals && lists.quantizer == Some(kind));
        assert_eq!((&*info.kind, info.rows), ("IvfSq", 148));
        let again = IvfSq::read(&gpu, &path).unwrap();
        assert_eq!((again.originals(), again.quantizer()), (kept, both.index.quantizer()));
        let queries = taken(5, dim, &metric, kind, 32);
        let second = folder.path().join("again.nf");
        read_index(&gpu, &path).unwrap().write(&second).unwrap();
        assert!(std::fs::read(&path).unwrap() == std::fs::read(&second).unwrap());
        let Both { twin, .. } = both;
        let both = Both { twin, index: again };
        both.check(&queries, &[(2, 5), (NLIST, 9)], false);
        // the codes alone are those of an index that never had more, and so is its file
        let plain = IvfSq::with_centroids(
            &gpu,
            metric.clone(),
            &both.index.quantizer(),
            &both.index.centroids().unwrap(),
        )
        .unwrap();
        plain.add(&base).unwrap();
        plain.remove(&[3, 77]).unwrap();
        plain.write(&second).unwrap();
        let bytes = std::fs::read(&second).unwrap();
        let whole = std::fs::read(&path).unwrap();
        // behind the header, which counts the sections
        assert!(whole[28..].starts_with(&bytes[28..]));
        assert!(!IndexInfo::read(&second).unwrap().ivf.unwrap().originals);
        let Both { index, .. } = both;
        let memory = index.memory();
        let codes = index.with_originals(Originals::None).unwrap();
        let third = folder.path().join("codes.nf");
        codes.write(&third).unwrap();
        assert!(std::fs::read(&third).unwrap() == bytes);
        assert!(codes.memory() < memory || kept == Originals::Host);
        let found = codes.search(&queries, 9).unwrap();
        assert_eq!(bits(&found), bits(&plain.search(&queries, 9).unwrap()));
        let error = codes.with_originals(Originals::Device).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    }
}

#[test]
fn what_codes_cannot_hold_is_refused_as_without_originals() {
    let (gpu, dim) = (gpu(true), 4);
    let of = |kind| {
        let index = IvfSq::new(&gpu, dim, Metric::L2, 2, kind).unwrap();
        let index = index.with_originals(Originals::Device).unwrap();
        assert!(matches!(index.add(&[1.0; 4]), Err(Error::NotTrained)));
        index.train(Rows::F32(&[1.0, 2.0, 3.0, 4.0, 9.0, 8.0, 7.0, 6.0])).unwrap();
        index
    };
    let whole = of(SqType::Direct8);
    let error = whole.add(&[1.0, 2.0, 3.0, 4.0, 5.0, 0.5, 1.0, 1.0]).unwrap_err();
    assert!(matches!(error, Error::InvalidValue { row: 1, column: 1, .. }), "{error}");
    let half = of(SqType::Fp16);
    assert!(matches!(half.add(&[1e6; 4]), Err(Error::InvalidValue { row: 0, .. })));
    assert!(half.add(&[1.0; 4]).is_ok() && half.update(0, Rows::F32(&[1e6; 4])).is_err());
    for index in [&whole, &half, &of(SqType::Bits8)] {
        assert!(matches!(index.add(&[f32::NAN; 4]), Err(Error::NonFinite { .. })));
        assert!(index.add_rows(Rows::U8(&[1; 4])).is_err() && index.add(&[1.0; 5]).is_err());
    }
    assert_eq!((whole.len(), half.len()), (0, 1));
    let described = IvfSq::from_description(&gpu, dim, "IVF2,SQ4", Metric::L2).unwrap();
    assert_eq!(
        (described.description(), described.originals()),
        ("IVF2,SQ4".to_owned(), Originals::None)
    );
    for wrong in ["IVF2,Flat", "Flat", "IVF2,SQ9"] {
        assert!(IvfSq::from_description(&gpu, dim, wrong, Metric::L2).is_err(), "{wrong}");
    }
    let wide = ScalarQuantizer::new(2, SqType::Bits8).unwrap();
    let wide = wide.with_trained(&[0.0, 0.0, 1e30, 1.0]).unwrap();
    let index = IvfSq::with_quantizer(&gpu, Metric::Cosine, 2, &wide);
    assert!(index.is_err());
}
