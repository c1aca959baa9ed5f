//! Descriptions make indexes, and indexes say theirs.

use crate::support::gpu;
use nearfield::{DType, Error, Index, Metric, Search, StreamedFlat, index_factory};

fn made(description: &str, dtype: DType) -> nearfield::Result<Box<dyn Index>> {
    let metric = if dtype == DType::Bits { Metric::Hamming } else { Metric::Cosine };
    index_factory(&gpu(), 16, description, metric, dtype)
}

#[test]
fn descriptions_parse_back_to_an_equal_index() {
    for (asked, dtype, own) in [
        ("Flat", DType::F16, "Flat"),
        ("Flat", DType::Bits, "BFlat"),
        ("BFlat", DType::Bits, "BFlat"),
        ("IDMap,Flat", DType::F32, "Flat"),
        ("Flat,IDMap2", DType::F32, "Flat"),
        ("IVF1,Flat", DType::F32, "IVF1,Flat"),
        ("IVF4096,Flat", DType::U8, "IVF4096,Flat"),
        ("IVF4k,Flat", DType::Bf16, "IVF4096,Flat"),
        ("IVF65536,Flat", DType::I8, "IVF65536,Flat"),
        ("IDMap2,IVF16,Flat", DType::F32, "IVF16,Flat"),
        ("IVF16,Flat,IDMap", DType::F32, "IVF16,Flat"),
        ("IVF1024_HNSW32,Flat", DType::F32, "IVF1024,Flat"),
        ("IVF1k_HNSW,SQ8", DType::F32, "IVF1024,SQ8"),
        ("IDMap,IVF16_HNSW16,PQ4x4", DType::F32, "IVF16,PQ4x4"),
        ("BIVF16_HNSW32", DType::Bits, "BIVF16"),
    ] {
        let index = made(asked, dtype).unwrap();
        assert_eq!(index.description(), own, "{asked}");
        let again = made(&index.description(), dtype).unwrap();
        let of = |index: &dyn Index| (index.description(), index.training_rows(), index.dtype());
        assert_eq!(of(&*again), of(&*index), "{asked}");
        assert_eq!((again.dim(), again.metric()), (16, index.metric()));
        assert_eq!(index.is_trained(), !own.contains("IVF"));
    }
    let streamed = StreamedFlat::from_f32(&gpu(), vec![0.0; 16], 16, Metric::L2).unwrap();
    assert_eq!((streamed.description(), streamed.is_trained()), ("Flat".to_owned(), true));
}

#[test]
fn errors_name_the_token_and_what_is_expected() {
    for (asked, words) in [
        ("IVF0,Flat", ["\"IVF0\"", "1 or more"]),
        ("IVFx,Flat", ["\"IVFx\"", "IVF4096"]),
        ("IVF16,SQ9", ["\"SQ9\"", "\"Flat\""]),
        ("IVF16_NSG32,Flat", ["\"NSG32\"", "\"IVF16_HNSW32\""]),
        ("IVF16", ["\"IVF16\"", "\",Flat\""]),
        ("IDMap,IVF16,LSQ8", ["\"LSQ8\"", "\"Flat\""]),
        ("NSG32", ["\"NSG32\"", "\"IVF4096,Flat\""]),
        ("IDMap,Flat,IDMap", ["\"IDMap,Flat,IDMap\"", "\"Flat\""]),
        ("", ["\"\"", "\"Flat\""]),
    ] {
        let error = made(asked, DType::F32).map(|_| ()).unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, Error::Unsupported { .. }), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{asked}: {said}");
    }
    let error = made("IVF16,Flat", DType::Bits).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("bits"), "{error}");
}
