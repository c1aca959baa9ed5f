//! What cannot be had, and what it is called.

use super::{Base, DIM, NLIST, flat, numbers, refined};
use crate::support::gpu;
use nearfield::{
    BinaryFlat, CancelToken, DType, Error, Flat, Guarantee, IdFilter, Index, IvfParams, Metric,
    PreTransform, Refine, RefineParams, Rows, Search, SearchParams, VectorTransform, index_factory,
};

fn argument(error: Error) -> &'static str {
    match error {
        Error::InvalidArgument { argument, .. } => argument,
        other => panic!("{other}"),
    }
}

#[test]
fn parameters_that_nobody_has_a_use_for_are_named() {
    let gpu = gpu();
    let (metric, sample) = (Metric::L2, numbers(60, &Metric::L2, 1));
    let index =
        refined(Base::Lists.index(&gpu, &metric, &sample, 2), flat(&gpu, &metric, DType::F32), 1.0);
    index.add(&sample).unwrap();
    let prepared = index.prepare_filter(IdFilter::range(0..30)).unwrap();
    let plain = SearchParams::new;
    let times = |times| plain().refine(RefineParams::new().k_factor(times));
    let exact = || plain().guarantee(Guarantee::Exact);
    let query = Rows::F32(&sample[..DIM]);
    for (params, field) in [
        (times(0.5), "k_factor"),
        (times(0.0), "k_factor"),
        (times(-3.0), "k_factor"),
        (times(f32::NAN), "k_factor"),
        (times(f32::INFINITY), "k_factor"),
        (plain().ivf(IvfParams::new().prove(true)), "prove"),
        (plain().ivf(IvfParams::new().nprobe(0)), "nprobe"),
        (exact().refine(RefineParams::new().k_factor(2.0)), "k_factor"),
        (exact().ivf(IvfParams::new()), "ivf"),
        (exact().prepared(&prepared), "prepared"),
        (exact().certify(false), "certify"),
        (plain().exclude(vec![1, 2]), "exclude"),
    ] {
        let error = index.search_with(query, 3, &params).unwrap_err();
        assert_eq!(argument(error), field, "{params:?}");
        let error = index.submit(query, 3, &params).map(|_| ()).unwrap_err();
        assert_eq!(argument(error), field, "{params:?}");
        let error = index.range_search_with(query, 3.0, &params).unwrap_err();
        assert_eq!(argument(error), field, "{params:?}");
        assert!(index.search_stream(query, 3, 1, &params).is_err());
    }
    assert_eq!(argument(index.search(&sample[..DIM], 0).unwrap_err()), "k");
    assert_eq!(argument(index.range_search(&sample[..DIM], f32::NAN).unwrap_err()), "radius");
    assert!(matches!(index.search(&sample[..5], 1), Err(Error::PartialRow { .. })));
    let mut bad = sample[..2 * DIM].to_vec();
    bad[DIM + 3] = f32::NAN;
    assert!(matches!(index.search(&bad, 1), Err(Error::NonFinite { row: 1, column: 3 })));
    let bits = index.search_with(Rows::Bits(&[0; 6]), 1, &plain());
    assert!(matches!(bits, Err(Error::Unsupported { .. })));
    for bad in [0.99, f32::NAN, f32::INFINITY] {
        assert_eq!(argument(index.set_k_factor(bad).unwrap_err()), "k_factor");
    }
    assert_eq!(index.k_factor(), 1.0);
    // a token that was cancelled ends it, and others do not mind
    let cancel = CancelToken::new();
    cancel.cancel();
    let cancelled = plain().cancel(&cancel);
    assert!(matches!(index.search_with(query, 3, &cancelled), Err(Error::Cancelled)));
    let cancelled = index.submit(query, 3, &cancelled);
    assert!(matches!(cancelled.and_then(|pending| pending.wait()), Err(Error::Cancelled)));
    assert_eq!(index.search(&sample[..DIM], 1).unwrap().ids(), [0]);
    // the others have no candidates
    for other in [flat(&gpu, &metric, DType::F32), Base::Parts.index(&gpu, &metric, &sample, 2)] {
        other.add(&sample).unwrap();
        let params = plain().refine(RefineParams::new());
        assert_eq!(argument(other.search_with(query, 3, &params).unwrap_err()), "refine");
        assert_eq!(argument(other.range_search_with(query, 3.0, &params).unwrap_err()), "refine");
    }
}

#[test]
fn stages_that_do_not_fit_are_refused() {
    let gpu = gpu();
    let (metric, sample) = (Metric::L2, numbers(60, &Metric::L2, 2));
    let said = |base: Box<dyn Index>, rows: Box<dyn Index>| {
        Refine::new(base, rows).map(|_| ()).unwrap_err().to_string()
    };
    let own = || flat(&gpu, &metric, DType::F32);
    let codes = || Base::Parts.index(&gpu, &metric, &sample, NLIST);
    let narrow = || Box::new(Flat::new(&gpu, 5, Metric::L2).unwrap());
    assert!(matches!(
        Refine::new(narrow(), own()),
        Err(Error::DimensionMismatch { expected: 5, actual: DIM })
    ));
    let other = said(codes(), flat(&gpu, &Metric::InnerProduct, DType::F32));
    assert!(other.contains("l2") && other.contains("ip"), "{other}");
    let lists = said(own(), codes());
    assert!(lists.contains("IVF6,PQ3x4") && lists.contains("Flat"), "{lists}");
    let bits =
        |_| -> Box<dyn Index> { Box::new(BinaryFlat::new(&gpu, 16, Metric::Hamming).unwrap()) };
    assert!(said(bits(0), bits(1)).contains("BFlat"));
    let bytes = said(flat(&gpu, &metric, DType::U8), own());
    assert!(bytes.contains("f32") && bytes.contains("u8"), "{bytes}");
    let twice = Refine::new(Box::new(Refine::new(codes(), own()).unwrap()), own());
    assert!(twice.unwrap_err().to_string().contains("itself"));
    // rows of other ids
    let (base, rows) = (own(), own());
    base.add(&sample).unwrap();
    assert!(said(base, rows).contains("0 rows for the 60"));
    let (base, rows) = (own(), own());
    base.add(&sample).unwrap();
    rows.add_with_ids(Rows::F32(&sample), &(1..61).collect::<Vec<_>>()).unwrap();
    assert!(said(base, rows).contains("id 0"));
    // the same in another order, whose next ids differ
    let (base, rows) = (codes(), own());
    base.add(&sample).unwrap();
    rows.add_with_ids(Rows::F32(&sample), &(0..60).rev().collect::<Vec<_>>()).unwrap();
    base.update_rows(Rows::F32(&reversed(&sample)), &(0..60).collect::<Vec<_>>()).unwrap();
    rows.add_with_ids(Rows::F32(&sample[..DIM]), &[900]).unwrap();
    rows.remove(&[900]).unwrap();
    let index = refined(base, rows, 60.0);
    assert_eq!(index.search(&sample[..DIM], 1).unwrap().ids(), [59]);
    assert_eq!(index.add(&sample[..DIM]).unwrap(), 901..902);
    assert_eq!(index.ids()[..3], [59, 58, 57]);
    // transforms stand before the first stage
    let rotation = VectorTransform::random_rotation(DIM, DIM, 1).unwrap();
    let refined: Box<dyn Index> = Box::new(Refine::new(codes(), own()).unwrap());
    let behind = PreTransform::new(&gpu, vec![rotation], refined).map(|_| ()).unwrap_err();
    assert!(behind.to_string().contains("first stage"), "{behind}");
}

fn reversed(rows: &[f32]) -> Vec<f32> {
    rows.chunks_exact(DIM).rev().flatten().copied().collect()
}

#[test]
fn descriptions_make_it_and_it_describes_itself() {
    let gpu = gpu();
    let made = |text: &str, dtype| index_factory(&gpu, 16, text, Metric::L2, dtype);
    for (text, described) in [
        ("IVF64,Flat,RFlat", "IVF64,Flat,RFlat"),
        ("Flat,RFlat", "Flat,RFlat"),
        ("IVF4k,PQ4x4fs,RFlat", "IVF4096,PQ4x4,RFlat"),
        ("OPQ4_8,IVF64,PQ4,RFlat", "OPQ4_8,IVF64,PQ4,RFlat"),
        ("PCA8,IVF64,Flat,RFlat", "PCA8,IVF64,Flat,RFlat"),
        ("IVF64,PQ4,Refine(Flat)", "IVF64,PQ4,RFlat"),
        ("IVF64,SQ8,RFlat,IDMap2", "IVF64,SQ8,RFlat"),
        ("IDMap,IVF64,SQ8,RFlat", "IVF64,SQ8,RFlat"),
        ("IVF64,SQ8,IDMap,RFlat", "IVF64,SQ8,RFlat"),
    ] {
        let index = made(text, DType::F32).unwrap();
        assert_eq!(index.description(), described);
        let any = index.as_any().unwrap().downcast_ref::<Refine>().unwrap();
        assert_eq!((any.k_factor(), index.dim(), index.dtype()), (1.0, 16, DType::F32));
        assert_eq!(made(described, DType::F32).unwrap().description(), described);
        assert_eq!(index.is_trained(), text == "Flat,RFlat");
    }
    // codes are of f32, rows that are compared are not
    let index = made("IVF64,PQ4,RFlat", DType::F16).unwrap();
    let any = index.as_any().unwrap().downcast_ref::<Refine>().unwrap();
    assert_eq!((index.dtype(), any.base().dtype()), (DType::F16, DType::F32));
    let index = made("IVF64,Flat,RFlat", DType::U8).unwrap();
    let any = index.as_any().unwrap().downcast_ref::<Refine>().unwrap();
    assert_eq!((index.dtype(), any.base().dtype()), (DType::U8, DType::U8));
    for (text, parts) in [
        ("IVF64,PQ4,Refine(IVF4,Flat)", &["IVF4,Flat", "Flat, Sq and Pq"][..]),
        ("RFlat", &["\"RFlat\"", "first stage"]),
        ("IVF64,PQ4,RFlat,RFlat", &["\"RFlat\"", "the end"]),
        ("IVF64,PQ4,Refine(LSH)", &["LSH", "Flat, Sq and Pq"]),
        ("IVF64,PQ4,rflat", &["\"rflat\""]),
        ("IVF64,PQ4,Refine(RFlat)", &["\"RFlat\""]),
    ] {
        let said = made(text, DType::F32).map(|_| ()).unwrap_err().to_string();
        assert!(parts.iter().all(|part| said.contains(part)), "{text}: {said}");
    }
    assert!(made("IVF64,PQ5,RFlat", DType::F32).is_err());
    assert!(index_factory(&gpu, 16, "BFlat,RFlat", Metric::Hamming, DType::Bits).is_err());
}
