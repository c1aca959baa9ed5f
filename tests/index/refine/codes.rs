//! Finer codes as the second stage: `Refine(SQ8)`.

use super::{Base, DIM, numbers, of_candidates};
use crate::support::gpu;
use nearfield::{
    DType, Error, Guarantee, Index, IndexInfo, Metric, Pq, ProductQuantizer, Refine, RefineParams,
    Rows, ScalarQuantizer, Search, SearchParams, Sq, SqType, index_factory, read_faiss, read_index,
    write_faiss, write_index,
};

#[test]
fn candidates_are_compared_by_what_finer_codes_stand_for() {
    let (gpu, folder) = (gpu(), tempfile::tempdir().unwrap());
    for (at, metric) in [Metric::L2, Metric::InnerProduct, Metric::Cosine].iter().enumerate() {
        let (base, queries) = (numbers(240, metric, 3), numbers(9, metric, 4));
        let asked = Rows::F32(&queries);
        let second: Box<dyn Index> = if at == 1 {
            let of_parts: Vec<f32> = base.iter().cycle().take(DIM << 5).copied().collect();
            let quantizer = ProductQuantizer::new(DIM, 6, 5).unwrap();
            let quantizer = quantizer.with_centroids(&of_parts).unwrap();
            Box::new(Pq::with_quantizer(&gpu, metric.clone(), &quantizer).unwrap())
        } else {
            let quantizer = ScalarQuantizer::new(DIM, SqType::Bits8).unwrap();
            let quantizer = quantizer.train(Rows::F32(&base)).unwrap();
            Box::new(Sq::with_quantizer(&gpu, metric.clone(), &quantizer).unwrap())
        };
        let first = Base::Lists.index(&gpu, metric, &base, 3);
        let index = Refine::new(first, second).unwrap();
        index.set_k_factor(3.0).unwrap();
        index.add(&base).unwrap();
        index.remove(&[5, 77, 200]).unwrap();
        index.update(9, Rows::F32(&base[..DIM])).unwrap();

        // a flat index of what the codes stand for, of the first stage's candidates
        let ids = index.ids();
        let decoded = index.reconstruct_many(&ids).unwrap();
        let flat = nearfield::Flat::new(&gpu, DIM, metric.clone()).unwrap();
        flat.add_with_ids(Rows::F32(&decoded), &ids).unwrap();
        let check = |index: &Refine| {
            for (k, factor) in [(4, 3.0), (10, 1.0), (500, 2.0)] {
                let params = SearchParams::new().refine(RefineParams::new().k_factor(factor));
                let hits = index.search_with(asked, k, &params).unwrap();
                let wanted = (k as f32 * factor) as usize;
                let candidates =
                    index.base().search_with(asked, wanted, &SearchParams::new()).unwrap();
                let expected = of_candidates(&flat, &candidates, asked, k);
                assert_eq!(hits.ids(), expected.ids(), "{metric} {k} {factor}");
                assert_eq!(hits.distances(), expected.distances(), "{metric} {k} {factor}");
            }
            let exact = SearchParams::new().guarantee(Guarantee::Exact);
            let (ours, theirs) =
                (index.search_with(asked, 7, &exact), flat.search_with(asked, 7, &exact));
            assert_eq!(ours.unwrap().ids(), theirs.unwrap().ids());
        };
        check(&index);
        let path = folder.path().join("codes.nf");
        write_index(&index, &path).unwrap();
        let info = IndexInfo::read(&path).unwrap().refine.unwrap();
        assert_eq!(
            (&info.base[..], &info.rows[..]),
            ("IvfFlat", if at == 1 { "Pq" } else { "Sq" })
        );
        check(&Refine::read(&gpu, &path).unwrap());
        if *metric == Metric::Cosine {
            continue;
        }
        let path = folder.path().join("codes.faiss");
        write_faiss(&index, &path).unwrap();
        let again = read_faiss(&gpu, &path).unwrap();
        check(again.as_any().unwrap().downcast_ref().unwrap());
        assert_eq!(again.description(), index.description());
    }
}

#[test]
fn the_factory_knows_them_and_training_reaches_both() {
    let gpu = gpu();
    let rows = numbers(400, &Metric::L2, 5);
    for text in ["IVF4,PQ3x4,Refine(SQ8)", "PCA6,SQ4,Refine(PQ6x5)"] {
        if text.starts_with("PCA") && !cfg!(feature = "transforms") {
            continue;
        }
        let index = index_factory(&gpu, DIM, text, Metric::L2, DType::F32).unwrap();
        assert_eq!((index.description(), index.is_trained()), (text.to_owned(), false));
        assert!(matches!(index.add(&rows), Err(Error::NotTrained)));
        index.train(Rows::F32(&rows)).unwrap();
        index.add(&rows).unwrap();
        let params = SearchParams::new().refine(RefineParams::new().k_factor(8.0));
        let hits = index.search_with(Rows::F32(&rows[..5 * DIM]), 1, &params).unwrap();
        assert_eq!(hits.ids(), [0, 1, 2, 3, 4], "{text}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made.nf");
        write_index(&*index, &path).unwrap();
        assert_eq!(read_index(&gpu, &path).unwrap().description(), text);
    }
    let refused = index_factory(&gpu, DIM, "IVF4,PQ3x4,Refine(RaBitQ4)", Metric::L2, DType::F32);
    assert!(refused.unwrap_err().to_string().contains("Flat, Sq and Pq"));
}
