//! Indexes behind transforms of vectors: their descriptions and their files.

use crate::support::{gpu, rows};
use nearfield::{
    DType, Error, Flat, Index, IndexInfo, Metric, PreTransform, Rows, index_factory, read_index,
};

const DIM: usize = 6;

fn numbers(n: usize, seed: u64) -> Vec<f32> {
    rows(n, DIM, &Metric::L2, DType::F32, seed).rows().to_f32()
}

#[test]
fn what_is_written_is_read_again() {
    let (gpu, folder) = (gpu(), tempfile::tempdir().unwrap());
    let (base, queries) = (numbers(300, 8), numbers(5, 9));
    let path = folder.path().join("x.nf");
    for description in ["Center,RR5,Flat", "HR3,IVF8,Flat", "L2norm,Pad9,IVF4,SQ8", "RR,Flat"] {
        for trained in [false, true] {
            let index =
                index_factory(&gpu, DIM, description, Metric::InnerProduct, DType::F32).unwrap();
            if trained {
                index.train(Rows::F32(&base)).unwrap();
                index.add_with_ids(Rows::F32(&base), &(7..307).collect::<Vec<_>>()).unwrap();
                index.remove(&[9, 30]).unwrap();
            }
            index.write(&path).unwrap();
            let info = IndexInfo::verify(&path, &mut |_, _| Ok(())).unwrap();
            let within =
                index.description().rsplit_once(&info.transforms.join(",")).unwrap().1.to_owned();
            assert!(within.starts_with(','), "{info:?}");
            assert_eq!(
                (&info.kind[..], info.dim, info.rows),
                ("PreTransform", DIM, index.len() as u64)
            );
            assert_eq!(info.ivf.is_some(), description.contains("IVF"));
            let again = read_index(&gpu, &path).unwrap();
            assert_eq!(again.description(), index.description());
            assert_eq!((again.ids(), again.is_trained()), (index.ids(), index.is_trained()));
            if trained {
                let found =
                    (again.search(&queries, 9).unwrap(), index.search(&queries, 9).unwrap());
                assert_eq!(
                    (found.0.ids(), found.0.distances()),
                    (found.1.ids(), found.1.distances())
                );
                let own = PreTransform::read(&gpu, &path).unwrap();
                let any = index.as_any().unwrap().downcast_ref::<PreTransform>().unwrap();
                assert!(own.transforms() == any.transforms());
                assert_eq!(again.add(&base[..DIM]).unwrap(), 307..308);
            }
        }
    }
    let refused = Flat::read(&gpu, &path).unwrap_err().to_string();
    assert!(refused.contains("PreTransform"), "{refused}");
    // every bit of a file counts, and no length but its own
    let good = std::fs::read(&path).unwrap();
    for at in (0..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad[at] ^= 4;
        std::fs::write(&path, &bad).unwrap();
        assert!(matches!(read_index(&gpu, &path), Err(Error::Format { .. })), "byte {at}");
        std::fs::write(&path, &good[..at]).unwrap();
        assert!(matches!(read_index(&gpu, &path), Err(Error::Format { .. })), "length {at}");
    }
}

#[test]
fn descriptions_parse_back_to_an_equal_index() {
    let gpu = gpu();
    let made = |text: &str| index_factory(&gpu, 40, text, Metric::L2, DType::F32);
    for (asked, own) in [
        ("PCA32,Flat", "PCA32,Flat"),
        ("PCAR32,IVF64,SQ8", "PCAR32,IVF64,SQ8"),
        ("PCAW32,IVF4k,Flat", "PCAW32,IVF4096,Flat"),
        ("PCAWR8,Flat,IDMap2", "PCAWR8,Flat"),
        ("IDMap,OPQ16_64,IVF16,Flat", "OPQ16_64,IVF16,Flat"),
        ("OPQ8,IDMap2,Flat", "OPQ8,Flat"),
        ("ITQ32,Flat", "ITQ32,Flat"),
        ("RR64,IVF16,SQfp16", "RR64,IVF16,SQfp16"),
        ("HR128,Flat", "HR128,Flat"),
        ("L2norm,Center,PCA16,RR,Flat", "L2norm,Center,PCA16,RR,Flat"),
        ("Pad128,Flat", "Pad128,Flat"),
    ] {
        let index = made(asked).unwrap();
        assert_eq!((&index.description()[..], index.dim()), (own, 40), "{asked}");
        let again = made(&index.description()).unwrap();
        let of =
            |index: &dyn Index| (index.description(), index.training_rows(), index.is_trained());
        assert_eq!(of(&*again), of(&*index));
    }
    for (text, words) in [
        ("PCA32", ["\"PCA32\"", "PCA32,Flat"]),
        ("PCA64,Flat", ["\"PCA64\"", "64 components of 40"]),
        ("OPQ7,Flat", ["\"OPQ7\"", "40 elements are not cut into 7"]),
        ("Pad39,Flat", ["\"Pad39\"", "39 elements"]),
        ("PCA8,Flat,PCA4", ["\"Flat,PCA4\"", "\"Flat\""]),
        ("PCA8,IVFx,Flat", ["\"IVFx\"", "IVF4096"]),
        ("pca8,Flat", ["\"pca8\"", "PCA32"]),
    ] {
        let said = made(text).map(|_| ()).unwrap_err().to_string();
        assert!(words.iter().all(|word| said.contains(word)), "{text}: {said}");
    }
    let halves = index_factory(&gpu, 40, "RR,Flat", Metric::L2, DType::F16).map(|_| ());
    assert!(halves.unwrap_err().to_string().contains("f16"));
}
