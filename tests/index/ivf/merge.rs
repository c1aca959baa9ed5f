//! The rows of one index behind those of another.

use super::oracle::{Twin, asked, bits};
use crate::support::{gpu, index, own_gpu, rows};
use nearfield::{DType, Error, Flat, Index, IvfFlat, Metric, Rows, Search, SearchParams};

const DIM: usize = 6;

#[test]
fn rows_and_ids_come_behind_those_there_are() {
    let metric = Metric::L2;
    for other_gpu in [gpu(), own_gpu()] {
        let (first, second) =
            (rows(300, DIM, &metric, DType::F32, 1), rows(200, DIM, &metric, DType::F32, 2));
        let mut twin = Twin::trained(&gpu(), &metric, DIM, 7, first.rows());
        let centroids = twin.ivf.centroids().unwrap();
        twin.remove(&Vec::from_iter(50..90));
        let other =
            IvfFlat::with_centroids(&other_gpu, DIM, metric.clone(), DType::F32, &centroids)
                .unwrap();
        let flat = Flat::new(&other_gpu, DIM, metric.clone()).unwrap();
        // some of them ids that the first had once
        let ids: Vec<u64> = (0..200).map(|i| if i < 20 { 50 + i } else { 1000 - i }).collect();
        for index in [&other as &dyn Index, &flat] {
            index.add_with_ids(second.rows(), &ids).unwrap();
            index.remove(&[51, 52, 53, 999, 900]).unwrap();
        }
        let before = (other.ids(), other.list_sizes());
        assert_eq!(twin.ivf.merge_from(&other).unwrap(), 196);
        assert_eq!(twin.flat.merge_from(&flat).unwrap(), 196);
        // the other stays as it is
        assert_eq!((other.ids(), other.list_sizes()), before);
        let mut model = twin.model.clone();
        model.add(second.rows(), &ids);
        model.rows.retain(|row| ![51, 52, 53, 900].contains(&row.0));
        twin.model = model;
        assert_eq!((twin.ivf.len(), twin.flat.len()), (456, 456));
        for nprobe in [1, 3, 7] {
            twin.check(first.rows().slice(DIM, 0..9), asked(nprobe, 12));
        }
        // the next id is behind all
        assert_eq!(twin.ivf.add(&[0.0; DIM]).unwrap(), 981..982);
        // nothing more of nothing
        let empty = IvfFlat::with_centroids(&gpu(), DIM, metric.clone(), DType::F32, &centroids);
        assert_eq!(twin.ivf.merge_from(&empty.unwrap()).unwrap(), 0);
    }
}

#[test]
fn flat_indexes_of_every_type_merge() {
    for (metric, dtype, dim) in [
        (Metric::L2, DType::F32, 5),
        (Metric::Correlation, DType::F16, 7),
        (Metric::Cosine, DType::U8, 9),
        (Metric::Hamming, DType::Bits, 24),
    ] {
        let (first, second) = (rows(90, dim, &metric, dtype, 3), rows(70, dim, &metric, dtype, 4));
        let (one, other, whole) = (
            index(&gpu(), dim, &metric, dtype),
            index(&gpu(), dim, &metric, dtype),
            index(&gpu(), dim, &metric, dtype),
        );
        one.add_rows(first.rows()).unwrap();
        other.add_with_ids(second.rows(), &Vec::from_iter(90..160)).unwrap();
        whole.add_rows(first.rows()).unwrap();
        whole.add_rows(second.rows()).unwrap();
        assert_eq!(one.merge_from(&*other).unwrap(), 70);
        let params = SearchParams::new();
        let found = one.search_with(second.rows(), 11, &params).unwrap();
        assert_eq!(bits(&found), bits(&whole.search_with(second.rows(), 11, &params).unwrap()));
        // the rows of the other are its own, whatever becomes of these
        one.remove(&Vec::from_iter(0..150)).unwrap();
        one.update(155, first.rows().slice(dim, 0..1)).unwrap();
        let kept = other.reconstruct_bytes(155).unwrap();
        assert_eq!(kept, second.rows().slice(dim, 65..66).bytes());
        // into an index that has none
        let empty = index(&gpu(), dim, &metric, dtype);
        assert_eq!(empty.merge_from(&*other).unwrap(), 70);
        assert_eq!(empty.reconstruct_bytes(155).unwrap(), kept);
    }
}

#[test]
fn what_does_not_fit_changes_nothing() {
    let (metric, centroids) = (Metric::L2, [0.5; 3 * DIM]);
    let lists = |metric: Metric, dtype: DType, centroids: &[f32]| {
        IvfFlat::with_centroids(&gpu(), DIM, metric, dtype, centroids).unwrap()
    };
    let one = lists(metric.clone(), DType::F32, &centroids);
    one.add_with_ids(Rows::F32(&[1.0; 2 * DIM]), &[7, 9]).unwrap();
    // -0 is equal to 0, but not to the bit
    let mut other_bits = centroids;
    other_bits[4] = f32::from_bits(0.5f32.to_bits() + 1);
    let refused = |other: &dyn Index, words: &[&str]| {
        let error = one.merge_from(other).unwrap_err();
        let said = error.to_string();
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
        assert_eq!(one.ids(), [7, 9]);
        error
    };
    refused(&lists(metric.clone(), DType::F32, &other_bits), &["other", "to the bit"]);
    refused(&lists(metric.clone(), DType::F32, &[0.5; 2 * DIM]), &["2 lists into 3"]);
    refused(&lists(Metric::L1, DType::F32, &centroids), &["l1", "l2"]);
    refused(&lists(metric.clone(), DType::F16, &centroids), &["f16", "f32"]);
    let other = IvfFlat::new(&gpu(), DIM, metric.clone(), 3).unwrap();
    refused(&other, &["not trained"]);
    assert!(matches!(other.merge_from(&one), Err(Error::NotTrained)));
    let flat = Flat::new(&gpu(), DIM, metric.clone()).unwrap();
    refused(&flat, &["Flat into IVF3,Flat"]);
    assert!(flat.merge_from(&one).unwrap_err().to_string().contains("IVF3,Flat into Flat"));
    let wide = Flat::new(&gpu(), DIM + 1, metric.clone()).unwrap();
    let error = flat.merge_from(&wide).unwrap_err();
    assert!(matches!(error, Error::DimensionMismatch { expected: DIM, actual: 7 }), "{error}");
    let other = lists(metric.clone(), DType::F32, &centroids);
    other.add_with_ids(Rows::F32(&[1.0; 3 * DIM]), &[8, 9, 10]).unwrap();
    assert!(matches!(refused(&other, &["9"]), Error::DuplicateId { id: 9 }));
    assert!(matches!(one.merge_from(&one), Err(Error::DuplicateId { id: 7 })));
    assert!(other.merge_from(&one).is_err());
    assert_eq!(other.ids(), [8, 9, 10]);
    // without the one that both have it fits
    other.remove(&[9]).unwrap();
    assert_eq!((one.merge_from(&other).unwrap(), one.ids()), (2, vec![7, 9, 8, 10]));
}
