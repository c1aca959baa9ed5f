//! Centroids: learnt, given, learnt again, and not there yet.

use super::oracle::{Twin, asked, bits, probing};
use crate::support::{gpu, rows};
use nearfield::{
    CancelToken, DType, Error, Index, IvfFlat, KMeansParams, Matrix, Metric, Rows, Search,
    SearchParams, TrainParams, index_factory,
};
use std::sync::{Arc, Mutex};

const DIM: usize = 6;

fn untrained(metric: &Metric, nlist: usize) -> IvfFlat {
    IvfFlat::new(&gpu(), DIM, metric.clone(), nlist).unwrap()
}

#[test]
fn before_training_nothing_is_added_or_found() {
    let index = untrained(&Metric::L2, 4);
    let (row, all) = (Rows::F32(&[1.0; DIM]), SearchParams::new());
    let matrix = Matrix::from_rows(&gpu(), DIM, row).unwrap();
    let refused = [
        index.add_rows(row).map(|_| ()),
        index.add(&[]).map(|_| ()),
        index.add_with_ids(row, &[7]),
        index.add_matrix(&matrix).map(|_| ()),
        index.upsert(row, &[7]).map(|_| ()),
        index.search(&[1.0; DIM], 1).map(|_| ()),
        index.search_with(row, 1, &probing(4)).map(|_| ()),
        index.range_search(&[1.0; DIM], 1.0).map(|_| ()),
        index.search_stream(row, 1, 1, &all).map(|_| ()),
        index.range_stream(row, 1.0, 1, &all).map(|_| ()),
        index.search_and_reconstruct(row, 1, &all).map(|_| ()),
        index.assign(row, 1).map(|_| ()),
        index.centroids().map(|_| ()),
    ];
    for (at, refused) in refused.into_iter().enumerate() {
        assert!(matches!(refused, Err(Error::NotTrained)), "{at}: {refused:?}");
    }
    assert!(matches!(index.update(7, row), Err(Error::UnknownId { id: 7 })));
    assert!(!index.is_trained() && index.is_empty());
    assert_eq!((index.nlist(), index.list_sizes(), index.training_rows()), (4, vec![0; 4], 1024));
    assert_eq!(index.remove(&[1, 2]).unwrap(), 0);
    index.train(rows(200, DIM, &Metric::L2, DType::F32, 1).rows()).unwrap();
    assert!(index.is_trained());
    assert_eq!(index.add_rows(row).unwrap(), 0..1);
    assert_eq!(index.search(&[1.0; DIM], 1).unwrap().ids(), [0]);
}

#[test]
fn a_sample_has_to_have_as_many_rows_as_lists() {
    let index = untrained(&Metric::L2, 40);
    let sample = rows(39, DIM, &Metric::L2, DType::F32, 2);
    let error = index.train(sample.rows()).unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, Error::InvalidArgument { argument: "sample", .. }), "{said}");
    assert!(said.contains("39 rows") && said.contains("40 lists"), "{said}");
    assert!(index.train(Rows::F32(&[])).unwrap_err().to_string().contains("0 rows"));
    let error = index.train(Rows::F32(&[0.0; DIM * 50 + 1])).unwrap_err();
    assert!(matches!(error, Error::PartialRow { .. }), "{error}");
    let error = index.train(Rows::Bits(&[0; 50])).unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    assert!(!index.is_trained());
    // as many as lists are the centroids themselves
    let sample = rows(40, DIM, &Metric::L2, DType::F32, 2);
    index.train(sample.rows()).unwrap();
    let by_row = |values: &[f32]| {
        let mut all: Vec<Vec<u32>> =
            values.chunks(DIM).map(|row| row.iter().map(|v| v.to_bits()).collect()).collect();
        all.sort();
        all
    };
    assert_eq!(by_row(&index.centroids().unwrap()), by_row(&sample.rows().to_f32()));
}

#[test]
fn the_same_sample_makes_the_same_lists() {
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine, Metric::NanEuclidean] {
        let sample = rows(150, DIM, &metric, DType::F32, 3);
        let indexes = [untrained(&metric, 9), untrained(&metric, 9)];
        for index in &indexes {
            index.train(sample.rows()).unwrap();
        }
        let bits = |index: &IvfFlat| {
            index.centroids().unwrap().iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        };
        assert_eq!(bits(&indexes[0]), bits(&indexes[1]));
        let centroids = indexes[0].centroids().unwrap();
        assert!(centroids.iter().all(|v| v.is_finite()) || metric == Metric::NanEuclidean);
    }
}

#[test]
fn centroids_stand_among_their_rows() {
    // clusters far apart, of as many rows each
    let sample: Vec<f32> = (0..600)
        .flat_map(|row| {
            let (cluster, part) = ((row % 4) as f32, (row * 37 % 101) as f32 / 101.0);
            [100.0 * cluster + part, part, -part, 0.0, 1.0, cluster]
        })
        .collect();
    let index = untrained(&Metric::L2, 4);
    index.train(Rows::F32(&sample)).unwrap();
    index.add(&sample).unwrap();
    let nearest = index.search_with(Rows::F32(&sample), 1, &probing(1)).unwrap();
    assert!(nearest.distances().iter().all(|&distance| distance == 0.0));
    // each centroid is the mean of its list, where iterations have come to their end
    let centroids = index.centroids().unwrap();
    let lists = index.assign(Rows::F32(&sample), 1).unwrap();
    for (list, centroid) in centroids.chunks(DIM).enumerate() {
        let own: Vec<&[f32]> = sample
            .chunks(DIM)
            .zip(lists.ids())
            .filter(|(_, of)| **of == list as u64)
            .map(|(row, _)| row)
            .collect();
        assert_eq!(own.len() as u64, index.list_sizes()[list]);
        for (column, &value) in centroid.iter().enumerate().filter(|_| !own.is_empty()) {
            let mean = own.iter().map(|row| f64::from(row[column])).sum::<f64>() / own.len() as f64;
            assert!((mean - f64::from(value)).abs() < 1e-3, "list {list}: {mean} {value}");
        }
    }
}

#[test]
fn training_again_gives_each_row_its_new_list() {
    let metric = Metric::L2;
    let all = rows(500, DIM, &metric, DType::F32, 4);
    let mut twin = Twin::trained(&gpu(), &metric, DIM, 8, all.rows());
    twin.remove(&Vec::from_iter(100..200));
    let before = twin.ivf.centroids().unwrap();
    // of another type than the rows
    let sample = rows(300, DIM, &metric, DType::F16, 5);
    twin.ivf.train(sample.rows()).unwrap();
    assert_ne!(twin.ivf.centroids().unwrap(), before);
    twin.check(all.rows().slice(DIM, 0..9), asked(2, 10));
    // and those of before, given
    twin.ivf.set_centroids(&before).unwrap();
    assert_eq!(twin.ivf.centroids().unwrap(), before);
    let found = twin.check(all.rows().slice(DIM, 0..9), asked(2, 10));
    let like = IvfFlat::with_centroids(&gpu(), DIM, metric, DType::F32, &before).unwrap();
    like.add_rows(all.rows()).unwrap();
    like.remove(&Vec::from_iter(100..200)).unwrap();
    let same = like.search_with(all.rows().slice(DIM, 0..9), 10, &probing(2)).unwrap();
    assert_eq!(bits(&same), bits(&found));
}

#[test]
fn every_index_trains_by_the_same_call() {
    let sample = rows(300, DIM, &Metric::L2, DType::U8, 6);
    for (description, learns) in [("Flat", 0), ("IVF4,Flat", 1024)] {
        let index = index_factory(&gpu(), DIM, description, Metric::L2, DType::U8).unwrap();
        assert_eq!(index.training_rows(), learns);
        assert_eq!(index.is_trained(), learns == 0);
        index.train(sample.rows()).unwrap();
        index.add_rows(sample.rows()).unwrap();
        let found = index.search_with(sample.rows().slice(DIM, 7..8), 1, &SearchParams::new());
        assert_eq!(found.unwrap().distances(), [0.0]);
    }
}

#[test]
fn own_centroids_are_checked() {
    let new = |centroids: &[f32]| {
        IvfFlat::with_centroids(&gpu(), DIM, Metric::L2, DType::F32, centroids).map(|_| ())
    };
    assert!(matches!(new(&[0.0; 7]), Err(Error::PartialRow { .. })));
    assert!(matches!(new(&[]), Err(Error::InvalidArgument { argument: "nlist", .. })));
    assert!(matches!(new(&[f32::INFINITY; DIM]), Err(Error::NonFinite { row: 0, column: 0 })));
    let index = untrained(&Metric::L2, 3);
    let error = index.set_centroids(&[0.0; 2 * DIM]).unwrap_err().to_string();
    assert!(error.contains("2 centroids") && error.contains("3 lists"), "{error}");
    assert!(!index.is_trained());
    index.set_centroids(&[0.5; 3 * DIM]).unwrap();
    assert!(index.is_trained());
    let bad = [
        IvfFlat::new(&gpu(), DIM, Metric::L2, 0),
        IvfFlat::new(&gpu(), 0, Metric::L2, 3),
        IvfFlat::with_centroids(&gpu(), 0, Metric::L2, DType::F32, &[]),
        IvfFlat::new(&gpu(), DIM, Metric::Hamming, 3),
        IvfFlat::with_dtype(&gpu(), 8, Metric::Hamming, DType::Bits, 3),
        IvfFlat::new(&gpu(), DIM, Metric::L2, 1 << 40),
    ];
    for (at, bad) in bad.into_iter().enumerate() {
        let error = bad.map(|_| ()).unwrap_err();
        match at {
            0 => assert!(matches!(error, Error::InvalidArgument { argument: "nlist", .. })),
            5 => assert!(matches!(error, Error::LimitExceeded { .. }), "{error}"),
            _ => {
                assert!(matches!(error, Error::InvalidArgument { .. } | Error::Unsupported { .. }))
            }
        }
    }
}

#[test]
fn training_tells_how_far_it_is_and_is_told_how() {
    let sample = rows(400, DIM, &Metric::L2, DType::F32, 8);
    let bits = |index: &IvfFlat| {
        index.centroids().unwrap().iter().map(|v| v.to_bits()).collect::<Vec<_>>()
    };
    let trained = |params: &TrainParams| {
        let index = untrained(&Metric::L2, 8);
        index.train_with(sample.rows(), params).unwrap();
        bits(&index)
    };
    let usual = untrained(&Metric::L2, 8);
    usual.train(sample.rows()).unwrap();
    let kmeans = KMeansParams::new().niter(10).max_points_per_centroid(256);
    assert_eq!(trained(&TrainParams::new()), bits(&usual));
    assert_eq!(trained(&TrainParams::new().kmeans(kmeans.clone())), bits(&usual));
    assert_ne!(trained(&TrainParams::new().kmeans(kmeans.seed(5))), bits(&usual));
    let shares = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&shares);
    trained(&TrainParams::new().progress(move |share| told.lock().unwrap().push(share)));
    let shares = shares.lock().unwrap();
    assert!(shares.len() > 10 && shares.is_sorted() && shares.last() == Some(&1.0), "{shares:?}");
}

#[test]
fn training_can_be_cancelled_and_leaves_the_index_as_it_was() {
    let sample = rows(400, DIM, &Metric::L2, DType::F32, 8);
    let index = untrained(&Metric::L2, 8);
    let token = CancelToken::new();
    let own = token.clone();
    let params = TrainParams::new().cancel(&token).progress(move |_| own.cancel());
    assert!(matches!(index.train_with(sample.rows(), &params), Err(Error::Cancelled)));
    assert!(!index.is_trained());
    index.train(sample.rows()).unwrap();
    index.add_rows(sample.rows()).unwrap();
    let before = index.centroids().unwrap();
    assert!(matches!(index.train_with(sample.rows(), &params), Err(Error::Cancelled)));
    assert_eq!((index.centroids().unwrap(), index.len()), (before, 400));
}
