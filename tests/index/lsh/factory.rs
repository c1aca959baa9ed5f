//! Descriptions make indexes of signs, which say theirs.

use super::numbers;
use crate::support::gpu;
use nearfield::{DType, Error, Index, Lsh, Metric, PreTransform, Rows, Search, index_factory};

fn made(dim: usize, description: &str, metric: Metric) -> nearfield::Result<Box<dyn Index>> {
    index_factory(&gpu(), dim, description, metric, DType::F32)
}

#[test]
fn descriptions_parse_back_to_an_equal_index() {
    for (asked, own, bits) in [
        ("LSH", "LSH12", 12),
        ("LSH5", "LSH5", 5),
        ("LSHr", "LSH12r", 12),
        ("LSH40r", "LSH40r", 40),
        ("LSH7t", "LSH7t", 7),
        ("LSH40rt", "LSH40rt", 40),
        ("IDMap,LSH8", "LSH8", 8),
        ("LSH8r,IDMap2", "LSH8r", 8),
    ] {
        let index = made(12, asked, Metric::L2).unwrap();
        assert_eq!(index.description(), own, "{asked}");
        // by the metric that it tells, too
        let again = made(12, &index.description(), index.metric().clone()).unwrap();
        let of = |index: &dyn Index| {
            let lsh = index.as_any().unwrap().downcast_ref::<Lsh>().unwrap();
            assert_eq!(lsh.nbits(), bits);
            (lsh.description(), lsh.matrix(), lsh.is_trained(), lsh.training_rows())
        };
        assert_eq!(of(&*again), of(&*index), "{asked}");
        assert_eq!((index.dtype(), index.dim()), (DType::F32, 12));
        assert_eq!(index.metric(), &Metric::Hamming);
    }
}

#[test]
fn transforms_stand_before_signs() {
    for (asked, own) in [
        ("RR4,LSH", "RR4,LSH4"),
        ("HR,LSH5t", "HR,LSH5t"),
        ("Center,L2norm,LSH24r", "Center,L2norm,LSH24r"),
        ("IDMap2,RR6,LSH", "RR6,LSH6"),
    ] {
        let index = made(8, asked, Metric::L2).unwrap();
        let rows = numbers(60, 8, 20);
        index.train(Rows::F32(&rows)).unwrap();
        index.add(&rows).unwrap();
        assert_eq!((index.description(), index.metric()), (own.to_owned(), &Metric::Hamming));
        let behind = index.as_any().unwrap().downcast_ref::<PreTransform>().unwrap();
        let mut turned = rows.clone();
        for transform in behind.transforms() {
            turned = transform.apply(Rows::F32(&turned)).unwrap();
        }
        let hits = index.search(&rows[..32], 9).unwrap();
        let within = behind.index().search(&turned[..4 * turned.len() / 60], 9).unwrap();
        assert_eq!((hits.ids(), hits.distances()), (within.ids(), within.distances()));
        assert_eq!(hits.row(2).next().map(|hit| hit.1), Some(0.0));
        let again = made(8, &index.description(), index.metric().clone()).unwrap();
        assert_eq!(again.description(), own);
    }
}

#[cfg(feature = "transforms")]
#[test]
fn signs_of_iterative_quantization() {
    let index = made(8, "ITQ4,LSH", Metric::L2).unwrap();
    assert!(!index.is_trained());
    let rows = numbers(200, 8, 21);
    index.train(Rows::F32(&rows)).unwrap();
    index.add(&rows).unwrap();
    assert_eq!(index.description(), "ITQ4,LSH4");
    let hits = index.search(&rows[..8], 200).unwrap();
    assert!(hits.distances()[0] == 0.0 && hits.distances()[199] <= 4.0);
    assert!(matches!(index.reconstruct(0), Err(Error::Unsupported { .. })));
}

#[test]
fn errors_name_what_is_wrong() {
    for (asked, words) in [
        ("LSH13", ["13 bits of 12", "LSH13r"]),
        ("LSH0", ["0 bits", "32760"]),
        ("LSH40000r", ["40000 bits", "32760"]),
        ("LSH8tr", ["\"LSH8tr\"", "\"LSH64rt\""]),
        ("LSH8,Flat", ["\"Flat\"", "the end"]),
        ("RR8,LSH9", ["9 bits of 8", "LSH9r"]),
        ("NSG32", ["\"NSG32\"", "\"LSH64rt\""]),
    ] {
        let said = made(12, asked, Metric::L2).unwrap_err().to_string();
        assert!(words.iter().all(|word| said.contains(word)), "{asked}: {said}");
    }
    for metric in [Metric::InnerProduct, Metric::Cosine, Metric::L1] {
        let name = metric.to_string();
        let error = made(12, "LSH", metric).unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, Error::Unsupported { .. }), "{said}");
        assert!(said.contains(&name) && said.contains("l2") && said.contains("hamming"), "{said}");
    }
    for dtype in [DType::F16, DType::U8, DType::Bits] {
        let metric = if dtype == DType::Bits { Metric::Hamming } else { Metric::L2 };
        let error = index_factory(&gpu(), 16, "LSH8", metric, dtype).unwrap_err();
        assert!(error.to_string().contains(dtype.name()), "{error}");
    }
    let gpu = gpu();
    for (matrix, thresholds, part) in [
        (&[1.0; 5][..], &[][..], "5"),
        (&[][..], &[][..], "0 bits"),
        (&[1.0, 2.0, f32::NAN, 3.0], &[], "matrix"),
        (&[1.0; 4], &[1.0], "1 for 2 bits"),
        (&[1.0; 4], &[1.0, f32::INFINITY], "bit 1"),
    ] {
        let error = Lsh::with_matrix(&gpu, 2, matrix, thresholds).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}
