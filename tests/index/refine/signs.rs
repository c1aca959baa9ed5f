//! Candidates by signs: a first stage that counts bits, before rows of any metric.

use super::{DIM, bits, flat, numbers, of_candidates};
use crate::support::gpu;
use nearfield::{
    DType, Error, Guarantee, IdFilter, Index, IndexInfo, Lsh, Metric, PreTransform, Refine,
    RefineParams, Rows, Search, SearchParams, VectorTransform, index_factory, read_faiss,
    read_index, write_faiss,
};

/// Signs of rotated rows, or of fewer elements behind a rotation, with thresholds.
fn signs(behind: bool, sample: &[f32]) -> Box<dyn Index> {
    let gpu = gpu();
    if !behind {
        return Box::new(Lsh::new(&gpu, DIM, 64, true, false).unwrap());
    }
    let rotation = VectorTransform::random_rotation(DIM, 9, 5).unwrap();
    let within = Box::new(Lsh::new(&gpu, 9, 9, false, true).unwrap());
    let index = PreTransform::new(&gpu, vec![rotation], within).unwrap();
    index.train(Rows::F32(sample)).unwrap();
    Box::new(index)
}

fn factor(times: f32) -> SearchParams {
    SearchParams::new().refine(RefineParams::new().k_factor(times))
}

#[test]
fn candidates_by_signs_are_compared_by_their_rows() {
    let (gpu, folder) = (gpu(), tempfile::tempdir().unwrap());
    let path = folder.path().join("x.nf");
    for (at, metric) in [Metric::L2, Metric::Cosine, Metric::InnerProduct].iter().enumerate() {
        let (base, queries) = (numbers(300, metric, 3), numbers(7, metric, 4));
        let (asked, behind) = (Rows::F32(&queries), at != 1);
        let index = Refine::new(signs(behind, &base), flat(&gpu, metric, DType::F32)).unwrap();
        assert_eq!((index.metric(), index.dtype(), index.dim()), (metric, DType::F32, DIM));
        assert!(index.search(&queries, 3).unwrap().ids().is_empty());
        let ids: Vec<u64> = (0..300).map(|i| 9000 - 11 * i).collect();
        index.add_with_ids(Rows::F32(&base), &ids).unwrap();
        index.remove(&ids[40..47]).unwrap();
        index.update(ids[9], Rows::F32(&base[..DIM])).unwrap();
        let alone = flat(&gpu, metric, DType::F32);
        let kept = index.ids();
        let rows = index.reconstruct_many(&kept).unwrap();
        alone.add_with_ids(Rows::F32(&rows), &kept).unwrap();

        let check = |index: &Refine| {
            for (k, times) in [(5, 4.0), (20, 1.0), (3, 30.0), (400, 2.0)] {
                let candidates = index.base().search(&queries, (k as f32 * times) as usize);
                let expected = of_candidates(&*alone, &candidates.unwrap(), asked, k);
                let hits = index.search_with(asked, k, &factor(times)).unwrap();
                assert_eq!(bits(&hits), bits(&expected), "{metric}: {k} x {times}");
                assert_eq!(hits.stats().refine.on_device, 7);
            }
            let exact = SearchParams::new().guarantee(Guarantee::Exact);
            let all = alone.search(&queries, 6).unwrap();
            assert_eq!(bits(&index.search_with(asked, 6, &exact).unwrap()), bits(&all));
            // no radius of the rows' metric is a number of bits
            let error = index.range_search(&queries, 0.5).unwrap_err();
            assert!(matches!(error, Error::Unsupported { .. }), "{error}");
            assert!(error.to_string().contains("signs"), "{error}");
            let radius = all.distances()[5];
            let within = alone.range_search(&queries, radius).unwrap();
            let found = index.range_search_with(asked, radius, &exact).unwrap();
            assert_eq!(bits(&found), bits(&within));
        };
        check(&index);
        // what else a search is told
        let filter = || IdFilter::range(6500..8500);
        let plain = SearchParams::new().filter(filter());
        let candidates = index.base().search_with(asked, 40, &plain).unwrap();
        let expected = of_candidates(&*alone, &candidates, asked, 8);
        let told = factor(5.0).filter(filter());
        assert_eq!(bits(&index.search_with(asked, 8, &told).unwrap()), bits(&expected));
        let left_out: Vec<u64> = index.search(&queries, 1).unwrap().ids().to_vec();
        let hits = index.search_with(asked, 4, &factor(4.0).exclude(left_out.clone())).unwrap();
        assert!(hits.rows().zip(&left_out).all(|(row, id)| row.iter().all(|hit| hit.0 != *id)));

        index.write(&path).unwrap();
        let info = IndexInfo::verify(&path, &mut |_, _| Ok(())).unwrap();
        let name = if behind { "PreTransform" } else { "Lsh" };
        let refine = info.refine.unwrap();
        assert_eq!((&info.metric, &refine.base[..], &refine.rows[..]), (metric, name, "Flat"));
        check(&Refine::read(&gpu, &path).unwrap());
        assert_eq!(read_index(&gpu, &path).unwrap().description(), index.description());

        // FAISS has them under l2 alone
        let path = folder.path().join(format!("{at}.faiss"));
        if *metric != Metric::L2 {
            let error = write_faiss(&index, &path).unwrap_err();
            assert!(error.to_string().contains("signs") && !path.exists(), "{error}");
            continue;
        }
        write_faiss(&index, &path).unwrap();
        let again = read_faiss(&gpu, &path).unwrap();
        check(again.as_any().unwrap().downcast_ref().unwrap());
    }
}

#[test]
fn descriptions_and_files_of_faiss_make_them() {
    let gpu = gpu();
    for (text, described) in
        [("LSH,RFlat", "LSH12,RFlat"), ("ITQ8,LSH64rt,Refine(SQ8)", "ITQ8,LSH64rt,Refine(SQ8)")]
    {
        let index = index_factory(&gpu, DIM, text, Metric::L2, DType::F32).unwrap();
        assert_eq!((index.description(), index.metric()), (described.into(), &Metric::L2));
    }
    // rows of other types, too
    let index = index_factory(&gpu, DIM, "LSH48r,RFlat", Metric::L2, DType::F16).unwrap();
    let rows: Vec<half::f16> =
        numbers(60, &Metric::L2, 8).into_iter().map(half::f16::from_f32).collect();
    index.add_rows(Rows::F16(&rows)).unwrap();
    let hits = index.search_with(Rows::F16(&rows[..DIM]), 2, &factor(4.0)).unwrap();
    assert_eq!((hits.ids()[0], hits.distances()[0]), (0, 0.0));
    let error = index_factory(&gpu, DIM, "LSH,RFlat", Metric::Cosine, DType::F32).err().unwrap();
    assert!(error.to_string().contains("l2"), "{error}");
}
