//! What is asked of an HNSW index and cannot be, by name.

use super::{DIM, file};
use crate::support::whole_gpu;
use nearfield::{
    DType, Error, Flat, Hnsw, HnswParams, Index, Metric, Rows, hnswlib_info, read_hnswlib,
    write_faiss, write_hnswlib,
};

#[test]
fn parameters_that_cannot_be_are_named() {
    let gpu = whole_gpu();
    let new = HnswParams::new;
    for (params, named) in [
        (new().max_connections(1), "max_connections"),
        (new().max_connections(65), "max_connections"),
        (new().ef_construction(31), "ef_construction"),
        (new().ef_search(0), "ef_search"),
        (new().max_level(255), "max_level"),
        (new().level_multiplier(-0.1), "level_multiplier"),
        (new().level_multiplier(f64::NAN), "level_multiplier"),
        (new().level_multiplier(f64::INFINITY), "level_multiplier"),
    ] {
        match Hnsw::with_params(&gpu, 4, Metric::L2, &params) {
            Err(Error::InvalidArgument { argument, .. }) => assert_eq!(argument, named),
            other => panic!("{named}: {other:?}"),
        }
    }
    let bits = Hnsw::with_dtype(&gpu, 8, Metric::Hamming, DType::Bits, &new());
    assert!(matches!(bits, Err(Error::Unsupported { .. })));
}

#[test]
fn what_hnswlib_does_not_have_is_named() {
    let gpu = whole_gpu();
    let path = tempfile::NamedTempFile::new().unwrap();
    let refused = |index: &dyn Index, words: &str| {
        let error = write_hnswlib(index, path.path()).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    };
    refused(&Flat::new(&gpu, 4, Metric::L2).unwrap(), "an Hnsw or a Graph");
    let index = Hnsw::new(&gpu, 4, Metric::L1).unwrap();
    refused(&index, "l2, ip and cosine");
    // nor is there a graph of these, whoever would write it
    index.add(&[0.5; 8]).unwrap();
    assert!(write_faiss(&index, path.path()).unwrap_err().to_string().contains("not there"));
    let whole = Hnsw::with_dtype(&gpu, 4, Metric::L2, DType::U8, &HnswParams::new()).unwrap();
    whole.add_rows(Rows::U8(&[1; 8])).unwrap();
    if write_hnswlib(&whole, path.path()).is_err() {
        refused(&whole, "not there");
    }
    let error = read_hnswlib(&gpu, file("l2.hnswlib"), DIM, &Metric::L1).unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }));
    for (dim, words) in [(4, "dimension of 5"), (10, "f16"), (20, "i8 or u8")] {
        let error = hnswlib_info(file("l2.hnswlib"), dim, &Metric::L2).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}
