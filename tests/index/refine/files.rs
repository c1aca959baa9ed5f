//! Files of both stages.

use super::{Base, DIM, NLIST, bits, flat, numbers, refined};
use crate::support::gpu;
use nearfield::{
    DType, Error, Flat, Gpu, Index, IndexInfo, IvfSq, Metric, Originals, Refine, RefineParams,
    Rows, ScalarQuantizer, Search, SearchParams, SqType, index_factory, read_index,
};
use std::path::Path;

/// Written and read, an index answers as before.
fn again(gpu: &Gpu, index: &Refine, path: &Path, queries: &[f32]) {
    index.write(path).unwrap();
    let info = IndexInfo::verify(path, &mut |_, _| Ok(())).unwrap();
    assert_eq!(info, IndexInfo::read(path).unwrap());
    assert_eq!((&info.kind[..], info.dtype, info.dim), ("Refine", index.dtype(), DIM));
    assert_eq!(info.rows, index.len() as u64);
    let refine = info.refine.unwrap();
    assert_eq!((refine.k_factor, &refine.rows[..]), (index.k_factor(), "Flat"));
    let own = Refine::read(gpu, path).unwrap();
    let any = read_index(gpu, path).unwrap();
    for again in [&own as &dyn Index, &*any] {
        assert_eq!(again.description(), index.description());
        assert_eq!((again.ids(), again.is_trained()), (index.ids(), index.is_trained()));
        if !again.is_trained() {
            continue;
        }
        let params = SearchParams::new().refine(RefineParams::new().k_factor(2.0));
        for params in [SearchParams::new(), params] {
            let queries = Rows::F32(queries);
            let found = again.search_with(queries, 6, &params).unwrap();
            assert_eq!(bits(&found), bits(&index.search_with(queries, 6, &params).unwrap()));
        }
    }
    assert_eq!(own.k_factor(), index.k_factor());
}

#[test]
fn what_is_written_is_read_again() {
    let (gpu, folder) = (gpu(), tempfile::tempdir().unwrap());
    let path = folder.path().join("x.nf");
    for metric in [Metric::L2, Metric::Cosine] {
        let (base, queries) = (numbers(120, &metric, 1), numbers(4, &metric, 2));
        let quantizer = ScalarQuantizer::new(DIM, SqType::Bits8).unwrap();
        let quantizer = quantizer.train(Rows::F32(&base)).unwrap();
        let mut stages: Vec<Box<dyn Index>> =
            Base::ALL.iter().map(|stage| stage.index(&gpu, &metric, &base, 2)).collect();
        // what they keep stands behind other sections that may not be there
        for originals in [Originals::Device, Originals::Host] {
            let lists = &base[..NLIST * DIM];
            let index = IvfSq::with_centroids(&gpu, metric.clone(), &quantizer, lists).unwrap();
            stages.push(Box::new(index.with_originals(originals).unwrap()));
        }
        for stage in stages {
            let index = refined(stage, flat(&gpu, &metric, DType::F32), 3.0);
            again(&gpu, &index, &path, &queries);
            let ids: Vec<u64> = (0..120).map(|i| 700 - 3 * i).collect();
            index.add_with_ids(Rows::F32(&base), &ids).unwrap();
            index.remove(&ids[30..34]).unwrap();
            again(&gpu, &index, &path, &queries);
            let read = Refine::read(&gpu, &path).unwrap();
            assert_eq!(read.add(&base[..DIM]).unwrap(), 701..702);
            let refused = Flat::read(&gpu, &path).unwrap_err().to_string();
            assert!(refused.contains("\"Refine\""), "{refused}");
        }
        // halves, before they were trained
        let text = "IVF4,PQ3x4,RFlat";
        let index = index_factory(&gpu, DIM, text, metric.clone(), DType::F16).unwrap();
        let any = index.as_any().unwrap().downcast_ref::<Refine>().unwrap();
        again(&gpu, any, &path, &queries);
        let other = flat(&gpu, &metric, DType::F32);
        other.write(&path).unwrap();
        assert!(matches!(Refine::read(&gpu, &path), Err(Error::Format { .. })));
    }
}

/// Every bit of a file counts, and no length but its own.
#[test]
fn damage_is_found() {
    let (gpu, folder) = (gpu(), tempfile::tempdir().unwrap());
    let path = folder.path().join("x.nf");
    let base = numbers(9, &Metric::L2, 3);
    let index = refined(
        Base::Rotated.index(&gpu, &Metric::L2, &base, 1),
        flat(&gpu, &Metric::L2, DType::F32),
        3.0,
    );
    index.add(&base).unwrap();
    index.write(&path).unwrap();
    let good = std::fs::read(&path).unwrap();
    for at in (0..good.len()).step_by(5) {
        let mut bad = good.clone();
        bad[at] ^= 4;
        std::fs::write(&path, &bad).unwrap();
        assert!(matches!(read_index(&gpu, &path), Err(Error::Format { .. })), "byte {at}");
        assert!(IndexInfo::verify(&path, &mut |_, _| Ok(())).is_err(), "byte {at}");
        std::fs::write(&path, &good[..at]).unwrap();
        assert!(matches!(read_index(&gpu, &path), Err(Error::Format { .. })), "length {at}");
        assert!(IndexInfo::read(&path).is_err());
    }
}
