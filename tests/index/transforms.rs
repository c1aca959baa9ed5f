//! Indexes behind transforms of vectors: the index within, of transformed rows.

use crate::support::{gpu, own_gpu, rows};
use futures::TryStreamExt;
use nearfield::{
    AddParams, CancelToken, DType, Error, Exclude, Flat, Gpu, IdFilter, Index, IvfFlat, IvfParams,
    Matrix, Metric, PreTransform, QueryFilter, Rows, Search, SearchParams, TrainParams,
    VectorTransform, index_factory,
};
use std::sync::Mutex;

const DIM: usize = 6;

fn numbers(n: usize, seed: u64) -> Vec<f32> {
    rows(n, DIM, &Metric::L2, DType::F32, seed).rows().to_f32()
}

/// Transforms that need no feature, the last to five elements, trained.
fn chain(gpu: &Gpu, sample: &[f32]) -> Vec<VectorTransform> {
    let centering = VectorTransform::centering(DIM).unwrap();
    vec![
        centering.train(gpu, Rows::F32(sample)).unwrap(),
        VectorTransform::hadamard_rotation(DIM, 9).unwrap(),
        VectorTransform::random_rotation(8, 5, 7).unwrap(),
    ]
}

fn transformed(chain: &[VectorTransform], rows: &[f32]) -> Vec<f32> {
    chain.iter().fold(rows.to_vec(), |rows, step| step.apply(Rows::F32(&rows)).unwrap())
}

fn behind(gpu: &Gpu, chain: &[VectorTransform], within: Box<dyn Index>) -> PreTransform {
    PreTransform::new(gpu, chain.to_vec(), within).unwrap()
}

#[test]
fn it_answers_as_the_index_within_of_transformed_rows() {
    let gpu = gpu();
    let (base, queries) = (numbers(300, 1), numbers(7, 2));
    let chain = chain(&gpu, &base);
    let (there, asked) = (transformed(&chain, &base), transformed(&chain, &queries));
    let (queries, asked) = (Rows::F32(&queries), Rows::F32(&asked));
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        for lists in [false, true] {
            let made = || -> Box<dyn Index> {
                match lists {
                    false => Box::new(Flat::new(&gpu, 5, metric.clone()).unwrap()),
                    true => {
                        let centroids = &there[..40 * 5];
                        let (gpu, metric) = (&gpu, metric.clone());
                        let made = IvfFlat::with_centroids(gpu, 5, metric, DType::F32, centroids);
                        Box::new(made.unwrap())
                    }
                }
            };
            let (index, within) = (behind(&gpu, &chain, made()), made());
            let ids: Vec<u64> = (0..300).map(|i| 1000 - 3 * i).collect();
            index.add_with_ids(Rows::F32(&base), &ids).unwrap();
            within.add_with_ids(Rows::F32(&there), &ids).unwrap();
            assert_eq!((index.dim(), index.dtype(), index.len()), (DIM, DType::F32, 300));
            assert_eq!((index.metric(), index.memory()), (&metric, within.memory()));
            let each: QueryFilter = (0..7).map(|q| IdFilter::range(200 + q..800)).collect();
            let plain = SearchParams::new();
            for (params, k) in [
                (plain.clone(), 1),
                (plain.clone(), 10),
                (plain.clone(), 400),
                (plain.clone().filter(IdFilter::range(500..900)), 10),
                (plain.clone().query_filter(each), 5),
                (plain.clone().exclude(ids[..7].to_vec()), 5),
            ] {
                let hits = index.search_with(queries, k, &params).unwrap();
                let expected = within.search_with(asked, k, &params).unwrap();
                assert_eq!(hits.ids(), expected.ids(), "{metric} {lists} {k}");
                assert_eq!(hits.distances(), expected.distances());
                // one at a time to the same bits
                if params.query_filter.is_none() && params.exclude.is_none() {
                    let first = index.search_with(queries.slice(DIM, 3..4), k, &params).unwrap();
                    let row: Vec<_> = hits.row(3).collect();
                    assert_eq!(first.row(0).collect::<Vec<_>>(), row);
                }
            }
            let radius = within.search_with(asked, 20, &plain).unwrap().distances()[19];
            let hits = index.range_search_with(queries, radius, &plain).unwrap();
            let expected = within.range_search_with(asked, radius, &plain).unwrap();
            assert_eq!((hits.lims(), hits.ids()), (expected.lims(), expected.ids()));
            let blocks = index.search_stream(queries, 4, 3, &plain).unwrap();
            let blocks: Vec<_> = pollster::block_on(blocks.try_collect()).unwrap();
            let streamed: Vec<u64> =
                blocks.iter().flat_map(|(_, hits)| hits.ids().to_vec()).collect();
            assert_eq!(streamed, within.search_with(asked, 4, &plain).unwrap().ids());
            // a filter that is prepared, also after a change
            let prepared = index.prepare_filter(IdFilter::range(400..950)).unwrap();
            index.remove(&[ids[100], ids[101], 5]).unwrap();
            within.remove(&[ids[100], ids[101], 5]).unwrap();
            let hits = index.search_with(queries, 9, &plain.clone().prepared(&prepared)).unwrap();
            let own = plain.clone().filter(IdFilter::range(400..950));
            assert_eq!(hits.ids(), within.search_with(asked, 9, &own).unwrap().ids());
            if lists {
                let every = plain.clone().ivf(IvfParams::new().nprobe(40));
                let hits = index.search_with(queries, 9, &every).unwrap();
                assert_eq!(hits.ids(), within.search_with(asked, 9, &every).unwrap().ids());
                let nearest = index.assign(queries, 3).unwrap();
                assert_eq!(nearest.ids(), within.assign(asked, 3).unwrap().ids());
            } else {
                let error = index.search_with(queries, 9, &plain.clone().ivf(IvfParams::new()));
                assert!(matches!(error, Err(Error::InvalidArgument { argument: "ivf", .. })));
            }
        }
    }
}

#[test]
fn rows_are_changed_and_given_back() {
    let gpu = gpu();
    let base = numbers(100, 3);
    let chain = chain(&gpu, &base);
    let index = behind(&gpu, &chain, Box::new(Flat::new(&gpu, 5, Metric::L2).unwrap()));
    assert_eq!(index.add(&base[..50 * DIM]).unwrap(), 0..50);
    let matrix = Matrix::from_rows(&gpu, DIM, Rows::F32(&base[50 * DIM..])).unwrap();
    assert_eq!(index.add_matrix(&matrix).unwrap(), 50..100);
    let there = transformed(&chain, &base);
    assert_eq!(
        index.index().reconstruct_many(&[3, 77]).unwrap(),
        [&there[15..20], &there[385..390]].concat()
    );

    // what the transforms would make the stored rows of, the last first
    let back = index.reconstruct_many(&[77, 3]).unwrap();
    let stored = [&there[385..390], &there[15..20]].concat();
    let steps = chain.iter().rev();
    let expected = steps.fold(stored, |rows, step| step.reverse(Rows::F32(&rows)).unwrap());
    assert_eq!(back, expected);
    let query = Rows::F32(&base[..2 * DIM]);
    let (hits, found) = index.search_and_reconstruct(query, 3, &SearchParams::new()).unwrap();
    assert_eq!(found, index.reconstruct_many(hits.ids()).unwrap());
    assert_eq!(index.reconstruct_bytes(4).unwrap().len(), 4 * DIM);
    assert!(matches!(index.reconstruct(500), Err(Error::UnknownId { id: 500 })));
    let mut short = [0; 4];
    assert!(index.reconstruct_into(&[1], &mut short).is_err());

    let other = numbers(3, 4);
    index.update(3, Rows::F32(&other[..DIM])).unwrap();
    assert_eq!(index.upsert(Rows::F32(&other[DIM..]), &[9, 700]).unwrap(), 1);
    let nearest = index.search(&other, 1).unwrap();
    assert_eq!(nearest.ids(), [3, 9, 700]);
    assert!(index.contains(700) && index.ids().len() == 101);
    assert_eq!(index.remove(&[700, 0, 12345]).unwrap(), 2);
    assert_eq!(index.len(), 99);

    // merged where the transforms are the same, which are copies of each other
    let beside = behind(&gpu, &chain, Box::new(Flat::new(&gpu, 5, Metric::L2).unwrap()));
    beside.add_with_ids(Rows::F32(&other), &[800, 801, 802]).unwrap();
    assert_eq!(index.merge_from(&beside).unwrap(), 3);
    assert_eq!(index.search(&other[DIM..2 * DIM], 2).unwrap().ids(), [9, 801]);
    let apart =
        [chain[0].clone(), chain[1].clone(), VectorTransform::random_rotation(8, 5, 8).unwrap()];
    let apart = behind(&gpu, &apart, Box::new(Flat::new(&gpu, 5, Metric::L2).unwrap()));
    let flat = Flat::new(&gpu, DIM, Metric::L2).unwrap();
    for (other, word) in [(&apart as &dyn Index, "transforms"), (&flat, "Flat into")] {
        let error = index.merge_from(other).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    assert!(flat.merge_from(&index).is_err());
}

#[test]
fn what_is_wrong_is_said_and_changes_nothing() {
    let gpu = own_gpu();
    let base = numbers(60, 5);
    let chain = chain(&gpu, &base);
    let flat = |dim| Box::new(Flat::new(&gpu, dim, Metric::L2).unwrap());
    let index = behind(&gpu, &chain, flat(5));
    index.add(&base).unwrap();
    let mut bad = base.clone();
    bad[41 * DIM + 2] = f32::INFINITY;
    let place = |error: Error| match error {
        Error::NonFinite { row, column } => (row, column),
        other => panic!("{other}"),
    };
    assert_eq!(place(index.add(&bad).unwrap_err()), (41, 2));
    assert_eq!(place(index.search(&bad, 1).unwrap_err()), (41, 2));
    assert_eq!(place(index.update_rows(Rows::F32(&bad[246..252]), &[3]).unwrap_err()), (0, 2));
    assert!(matches!(index.add(&base[..7]), Err(Error::PartialRow { .. })));
    let error = index.add_rows(Rows::U8(&[1; DIM])).unwrap_err().to_string();
    assert!(error.contains("u8") && error.contains("f32"), "{error}");
    assert!(index.update_rows(Rows::I8(&[1; DIM]), &[3]).is_err());
    assert!(index.search_with(Rows::Bits(&[1; 12]), 1, &SearchParams::new()).is_err());
    // queries of other types are taken
    let query: Vec<u8> = vec![1, 0, 2, 1, 0, 1];
    let as_f32: Vec<f32> = query.iter().map(|&x| f32::from(x)).collect();
    let bytes = index.search_with(Rows::U8(&query), 5, &SearchParams::new()).unwrap();
    assert_eq!(bytes.ids(), index.search(&as_f32, 5).unwrap().ids());
    assert!(index.search(&as_f32, 0).is_err());
    assert!(matches!(index.search(&as_f32[..5], 1), Err(Error::PartialRow { .. })));
    assert!(matches!(
        index.add_with_ids(Rows::F32(&as_f32), &[7]),
        Err(Error::DuplicateId { id: 7 })
    ));
    let duplicate =
        index.search_with(Rows::F32(&as_f32), 1, &SearchParams::new().exclude(Exclude::Own));
    assert!(duplicate.is_err());
    let cancel = CancelToken::new();
    cancel.cancel();
    let params = AddParams::new().cancel(&cancel);
    assert!(matches!(index.add_with(Rows::F32(&base), &params), Err(Error::Cancelled)));
    assert_eq!((index.len(), index.ids()), (60, (0..60).collect::<Vec<_>>()));

    let said = |made: nearfield::Result<PreTransform>| made.map(|_| ()).unwrap_err().to_string();
    assert!(said(PreTransform::new(&gpu, vec![], flat(5))).contains("transforms"));
    let fit = PreTransform::new(&gpu, chain.clone(), flat(6));
    assert!(matches!(fit, Err(Error::DimensionMismatch { expected: 5, actual: 6 })));
    let swapped = vec![chain[2].clone(), chain[0].clone()];
    assert!(said(PreTransform::new(&gpu, swapped, flat(6))).contains("RR5 makes rows of 5"));
    let bytes = Flat::with_dtype(&gpu, 5, Metric::L2, DType::U8).unwrap();
    assert!(said(PreTransform::new(&gpu, chain.clone(), Box::new(bytes))).contains("u8"));
    let twice = vec![VectorTransform::normalization(DIM).unwrap()];
    assert!(said(PreTransform::new(&gpu, twice, Box::new(index))).contains("itself"));
    let full = flat(DIM);
    full.add(&base).unwrap();
    let untrained = vec![VectorTransform::centering(DIM).unwrap()];
    assert!(said(PreTransform::new(&gpu, untrained, full)).contains("60 rows"));
}

#[test]
fn transforms_learn_once_and_the_index_within_every_time() {
    let gpu = gpu();
    let base: Vec<f32> = numbers(400, 6).iter().map(|x| x + 3.0).collect();
    let index =
        index_factory(&gpu, DIM, "Center,L2norm,IVF8,Flat", Metric::L2, DType::F32).unwrap();
    assert_eq!((index.is_trained(), index.training_rows()), (false, 6000));
    assert!(matches!(index.add(&base), Err(Error::NotTrained)));
    assert!(matches!(index.search(&base[..DIM], 1), Err(Error::NotTrained)));
    let few = index.train(Rows::F32(&base[..5 * DIM])).unwrap_err().to_string();
    assert!(few.contains('5') && few.contains('8'), "{few}");
    assert!(!index.is_trained());
    let cancel = CancelToken::new();
    cancel.cancel();
    let params = TrainParams::new().cancel(&cancel);
    assert!(matches!(index.train_with(Rows::F32(&base), &params), Err(Error::Cancelled)));
    assert!(!index.is_trained());

    let told = std::sync::Arc::new(Mutex::new(Vec::new()));
    let shares = told.clone();
    let params = TrainParams::new().progress(move |share| shares.lock().unwrap().push(share));
    index.train_with(Rows::F32(&base), &params).unwrap();
    let told = told.lock().unwrap().clone();
    assert!(
        told.windows(2).all(|pair| pair[0] <= pair[1]) && told.last() == Some(&1.0),
        "{told:?}"
    );
    assert!(index.is_trained() && told[0] <= 0.5);
    assert_eq!(index.training_rows(), 8 * 256);
    index.add(&base).unwrap();

    let any = index.as_any().unwrap().downcast_ref::<PreTransform>().unwrap();
    let before = any.transforms();
    let mean = before[0].mean().to_vec();
    assert!(mean.iter().all(|x| (x - 3.0).abs() < 0.3), "{mean:?}");
    let hits = |k| {
        index
            .search_with(
                Rows::F32(&base[..5 * DIM]),
                k,
                &SearchParams::new().ivf(IvfParams::new().nprobe(8)),
            )
            .unwrap()
    };
    let first = hits(10);
    // other lists of the same rows
    index.train(Rows::F32(&base[200 * DIM..])).unwrap();
    assert_eq!(any.transforms(), before);
    assert_eq!((hits(10).ids(), index.len()), (first.ids(), 400));
}

/// What is learnt by eigenvectors, behind the feature that brings them.
#[test]
fn components_are_searched_as_rows_of_fewer_elements() {
    let gpu = gpu();
    let base = numbers(400, 10);
    let index = index_factory(&gpu, DIM, "PCAW3,Flat", Metric::L2, DType::F32).unwrap();
    let trained = index.train(Rows::F32(&base));
    if !cfg!(feature = "transforms") {
        let said = trained.unwrap_err().to_string();
        assert!(said.contains("`transforms`") && said.contains("PCAW3"), "{said}");
        return;
    }
    trained.unwrap();
    index.add(&base).unwrap();
    let any = index.as_any().unwrap().downcast_ref::<PreTransform>().unwrap();
    let there = transformed(&any.transforms(), &base);
    let flat = Flat::new(&gpu, 3, Metric::L2).unwrap();
    flat.add(&there).unwrap();
    let hits = (index.search(&base, 5).unwrap(), flat.search(&there, 5).unwrap());
    assert_eq!((hits.0.ids(), hits.0.distances()), (hits.1.ids(), hits.1.distances()));
    // scaled components have no way back, and hits with their rows are refused before anything is searched
    let error = index.reconstruct(0).unwrap_err().to_string();
    assert!(error.contains("PCAW3") && error.contains("way back"), "{error}");
    let query = Rows::F32(&base[..DIM]);
    assert!(index.search_and_reconstruct(query, 3, &SearchParams::new()).is_err());
    let plain = index_factory(&gpu, DIM, "PCA6,Flat", Metric::L2, DType::F32).unwrap();
    plain.train(Rows::F32(&base)).unwrap();
    plain.add(&base).unwrap();
    let back = plain.reconstruct_many(&plain.ids()).unwrap();
    assert!(back.iter().zip(&base).all(|(a, b)| (a - b).abs() < 1e-4));
}
