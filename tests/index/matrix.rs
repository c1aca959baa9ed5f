//! Rows that are on the device before an index has them.

use crate::support::{Model, gpu, index, own_gpu, rows};
use nearfield::{
    AddParams, CancelToken, DType, Error, Flat, IdFilter, Index, Matrix, Metric, Rows, Search,
};

#[test]
fn added_matrices_are_found_as_added_rows_are() {
    let gpu = gpu();
    for (metric, dtype, dim) in [
        (Metric::L2, DType::F32, 7),
        (Metric::Cosine, DType::F16, 20),
        (Metric::InnerProduct, DType::I8, 33),
        (Metric::L1, DType::Bf16, 5),
        (Metric::Correlation, DType::F32, 8),
        (Metric::NanEuclidean, DType::F32, 6),
        (Metric::Hamming, DType::Bits, 24),
    ] {
        let index = index(&gpu, dim, &metric, dtype);
        let mut model = Model::new(&metric, dtype, dim);
        let queries = rows(3, dim, &metric, dtype, 77);
        // to an index without rows, behind others in a segment that is not full, and behind themselves
        for (n, seed) in [(150, 1), (70, 2), (0, 3), (5, 4)] {
            let new = rows(n, dim, &metric, dtype, seed);
            let matrix = Matrix::from_rows(&gpu, dim, new.rows()).unwrap();
            let first = model.next_id;
            let ids = index.add_matrix(&matrix).unwrap();
            assert_eq!(ids, first..first + n as u64, "{metric} {dtype}");
            model.add(new.rows(), &ids.collect::<Vec<_>>());
            let given: Vec<u64> = (1000 * seed..).take(n).collect();
            let params = AddParams::new().ids(&given);
            assert!(index.add_matrix_with(&matrix, &params).unwrap().is_empty());
            model.add(new.rows(), &given);
            let more = rows(3, dim, &metric, dtype, seed + 20);
            let ids = index.add_rows(more.rows()).unwrap();
            model.add(more.rows(), &ids.collect::<Vec<_>>());
            // what shares memory with the index is as it was
            assert_eq!(matrix.read(0..matrix.len()).unwrap(), new.rows().bytes());
            model.check(&*index, queries.rows(), 40, &IdFilter::All);
        }
    }
}

#[test]
fn an_index_without_rows_takes_the_matrix_over() {
    let gpu = own_gpu();
    let index = Flat::new(&gpu, 64, Metric::L1).unwrap();
    let matrix = Matrix::from_rows(&gpu, 64, Rows::F32(&[1.0; 64 * 640])).unwrap();
    let before = matrix_bytes(&gpu);
    index.add_matrix(&matrix).unwrap();
    assert_eq!(matrix_bytes(&gpu), before);
    // it is freed with the last of the two
    drop(matrix);
    assert_eq!(index.search(&[1.0; 64], 1).unwrap().ids(), [0]);
    drop(index);
    assert_eq!(matrix_bytes(&gpu), 0);
}

fn matrix_bytes(gpu: &nearfield::Gpu) -> u64 {
    gpu.memory().labels.iter().filter(|l| l.label == "matrix").map(|l| l.bytes).sum()
}

#[test]
fn what_is_wrong_with_a_matrix_is_told_and_changes_nothing() {
    let gpu = gpu();
    let index = Flat::new(&gpu, 2, Metric::L2).unwrap();
    index.add(&[1.0, 2.0]).unwrap();
    let matrix = |values: &[f32]| Matrix::from_rows(&gpu, 2, Rows::F32(values)).unwrap();
    let mut values = vec![1.0; 400];
    values[2 * 130 + 1] = f32::NAN;
    let error = index.add_matrix(&matrix(&values)).unwrap_err();
    assert!(matches!(error, Error::NonFinite { row: 130, column: 1 }), "{error}");
    values[2 * 130 + 1] = 1e19;
    let error = index.add_matrix(&matrix(&values)).unwrap_err();
    assert!(matches!(error, Error::InvalidValue { row: 130, column: 1, .. }), "{error}");
    // near the limit the host decides, and this is within it
    values[2 * 130 + 1] = 1.1e18;
    index.add_matrix(&matrix(&values)).unwrap();
    index.remove(&(1..201).collect::<Vec<_>>()).unwrap();

    let wide = Matrix::from_rows(&gpu, 3, Rows::F32(&[1.0; 6])).unwrap();
    let error = index.add_matrix(&wide).unwrap_err();
    assert!(matches!(error, Error::DimensionMismatch { expected: 2, actual: 3 }), "{error}");
    let bytes = Matrix::from_rows(&gpu, 2, Rows::U8(&[1; 6])).unwrap();
    let error = index.add_matrix(&bytes).unwrap_err();
    assert!(matches!(error, Error::InvalidArgument { argument: "rows", .. }), "{error}");
    let good = matrix(&[5.0; 8]);
    for ids in [&[7, 7, 8, 9][..], &[0, 1, 2, 3], &[7, 8, 9]] {
        assert!(index.add_matrix_with(&good, &AddParams::new().ids(ids)).is_err());
    }
    let cancel = CancelToken::new();
    cancel.cancel();
    let error = index.add_matrix_with(&good, &AddParams::new().cancel(&cancel)).unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error}");
    assert_eq!((index.len(), index.ids()), (1, vec![0]));

    // of another device it goes over the host
    let other = own_gpu();
    let far = Matrix::from_rows(&other, 2, Rows::F32(&[3.0; 300])).unwrap();
    let error = index.add_matrix(&far).unwrap_err();
    assert!(error.to_string().contains("source()"), "{error}");
    assert_eq!(index.add_from(&mut far.source()).unwrap(), 201..351);
    assert_eq!(index.reconstruct(350).unwrap(), [3.0, 3.0]);
}

#[test]
fn a_matrix_comes_to_the_host_as_f32() {
    let gpu = gpu();
    for dtype in DType::ALL.iter().copied() {
        let dim = 8;
        let data = rows(
            150,
            dim,
            if dtype == DType::Bits { &Metric::Hamming } else { &Metric::L2 },
            dtype,
            5,
        );
        let matrix = Matrix::from_rows(&gpu, dim, data.rows()).unwrap();
        assert_eq!(matrix.to_f32().unwrap(), data.rows().to_f32(), "{dtype}");
        assert!(Matrix::empty(&gpu, dtype, dim).unwrap().to_f32().unwrap().is_empty());
    }
}
