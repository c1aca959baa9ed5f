//! Rows that are added, replaced, removed, merged and given back, and centroids that are learnt.

use super::{Model, rows};
use crate::support::gpu;
use nearfield::{
    BinaryIvf, CancelToken, Error, Index, KMeansParams, Matrix, Metric, Rows, Search, SearchParams,
    TrainParams,
};

#[test]
fn rows_are_changed_merged_and_given_back() {
    let gpu = gpu();
    for (dim, metric) in [(13, Metric::Hamming), (40, Metric::BitJaccard)] {
        let centroids = rows(9, dim, 7);
        let made = || BinaryIvf::with_centroids(&gpu, dim, metric.clone(), &centroids).unwrap();
        let (index, bytes) = (made(), dim.div_ceil(8));
        let (base, queries) = (rows(140, dim, 8), rows(4, dim, 9));
        let ids: Vec<u64> = (0..140).map(|i| 1000 - 3 * i).collect();
        index.add_with_ids(Rows::Bits(&base), &ids).unwrap();
        let mut model = Model::new(&index);
        model.add(ids.clone(), &base);
        model.check(&index, &queries);
        for gone in [&ids[3..9], &ids[20..80]] {
            assert_eq!(index.remove(gone).unwrap(), gone.len());
            model.rows.retain(|row| !gone.contains(&row.0));
            model.check(&index, &queries);
        }
        let other = rows(5, dim, 10);
        let put = [ids[0], 5000, ids[90], 5001, ids[139]];
        assert_eq!(index.upsert(Rows::Bits(&other), &put).unwrap(), 2);
        for (id, row) in put.into_iter().zip(other.chunks_exact(bytes)) {
            match model.rows.iter_mut().find(|row| row.0 == id) {
                Some(its) => its.1 = row.to_vec(),
                None => model.rows.push((id, row.to_vec())),
            }
        }
        let matrix = Matrix::from_rows(&gpu, dim, Rows::Bits(&base[..3 * bytes])).unwrap();
        assert_eq!(index.add_matrix(&matrix).unwrap(), 5002..5005);
        model.add(5002..5005, &base[..3 * bytes]);
        model.check(&index, &queries);
        for (id, row) in &model.rows {
            assert_eq!(index.reconstruct_bytes(*id).unwrap(), *row);
        }
        // others, in the same lists
        let (more, others) = (made(), rows(30, dim, 11));
        let named: Vec<u64> = (7000..7030).collect();
        more.add_with_ids(Rows::Bits(&others), &named).unwrap();
        more.remove(&[7003]).unwrap();
        assert_eq!(index.merge_from(&more).unwrap(), 29);
        model.add(named, &others);
        model.rows.retain(|row| row.0 != 7003);
        model.check(&index, &queries);
        // other lists for the same rows
        let lists = rows(9, dim, 12);
        index.set_centroids(&lists).unwrap();
        model.centroids = lists;
        model.check(&index, &queries);
        let more = made();
        more.add_with_ids(Rows::Bits(&others[..bytes]), &[9000]).unwrap();
        let said = index.merge_from(&more).unwrap_err().to_string();
        assert!(said.contains("to the bit"), "{said}");
        // a row that is refused leaves all as it was
        if !dim.is_multiple_of(8) {
            let mut bad = other.clone();
            bad[2 * bytes + bytes - 1] |= 0x80;
            let error = index.upsert(Rows::Bits(&bad), &put).unwrap_err();
            assert!(matches!(error, Error::InvalidValue { row: 2, .. }), "{error}");
            assert!(matches!(
                index.add_rows(Rows::Bits(&bad)),
                Err(Error::InvalidValue { row: 2, .. })
            ));
            assert!(index.set_centroids(&bad[..5 * bytes]).is_err());
            model.check(&index, &queries);
        }
    }
}

#[test]
fn centroids_are_learnt_from_a_sample() {
    let (gpu, dim) = (gpu(), 40);
    let index = BinaryIvf::new(&gpu, dim, Metric::Hamming, 4).unwrap();
    let sample = rows(200, dim, 13);
    let all = Rows::Bits(&sample);
    assert!(!index.is_trained() && index.training_rows() == 4 * 256 && index.nprobe() == 20);
    assert!(matches!(index.add_rows(all), Err(Error::NotTrained)));
    assert!(matches!(index.search_with(all, 1, &SearchParams::new()), Err(Error::NotTrained)));
    assert!(matches!(index.centroids(), Err(Error::NotTrained)));
    let said = index.train(Rows::Bits(&sample[..15])).unwrap_err().to_string();
    assert!(said.contains("3 rows") && said.contains("4 lists"), "{said}");
    assert!(matches!(index.train(Rows::Bits(&sample[..11])), Err(Error::PartialRow { .. })));
    assert!(matches!(index.train(Rows::F32(&[0.0; 400])), Err(Error::InvalidArgument { .. })));
    let cancel = CancelToken::new();
    cancel.cancel();
    let params = TrainParams::new().cancel(&cancel);
    assert!(matches!(index.train_with(all, &params), Err(Error::Cancelled)));
    assert!(!index.is_trained());
    // four patterns, each with a bit that differs now and then: they are found
    let patterns: [u64; 4] = [0, 0xff_ffff_ffff, 0x00_000f_ffff, 0x55_5555_5555];
    let noisy: Vec<u8> = (0..400u64)
        .flat_map(|row| {
            let bits = patterns[row as usize % 4] ^ (1 << (row * 7 % 40));
            bits.to_le_bytes()[..5].to_vec()
        })
        .collect();
    index.train(Rows::Bits(&noisy)).unwrap();
    let mut learnt: Vec<Vec<u8>> =
        index.centroids().unwrap().chunks_exact(5).map(<[u8]>::to_vec).collect();
    learnt.sort();
    let mut expected: Vec<Vec<u8>> =
        patterns.iter().map(|bits| bits.to_le_bytes()[..5].to_vec()).collect();
    expected.sort();
    assert_eq!(learnt, expected);
    index.add_rows(Rows::Bits(&noisy)).unwrap();
    assert_eq!(index.list_sizes(), [100; 4]);
    // the same sample gives the same lists, and other rows others, in which all are again
    let again = BinaryIvf::new(&gpu, dim, Metric::Hamming, 4).unwrap();
    again.train(Rows::Bits(&noisy)).unwrap();
    assert_eq!(again.centroids().unwrap(), index.centroids().unwrap());
    index.train(all).unwrap();
    let mut model = Model::new(&index);
    model.add(0..400, &noisy);
    model.check(&index, &rows(3, dim, 14));
    // fewer points than there are, chosen as k-means chooses them, and weights
    let few = KMeansParams::new().max_points_per_centroid(10).niter(3);
    again.train_with(Rows::Bits(&noisy), &TrainParams::new().kmeans(few)).unwrap();
    let weighed = KMeansParams::new().weights(vec![1.0; 400]);
    again.train_with(Rows::Bits(&noisy), &TrainParams::new().kmeans(weighed)).unwrap();
    // as many lists as rows, and bits behind the last
    let each = BinaryIvf::new(&gpu, 13, Metric::Dice, 6).unwrap();
    let mut six = rows(6, 13, 15);
    each.train(Rows::Bits(&six)).unwrap();
    assert!(each.is_trained());
    six[5] |= 0x40;
    assert!(matches!(each.train(Rows::Bits(&six)), Err(Error::InvalidValue { row: 2, .. })));
}
