//! What the parameters of a search cannot mean, and what an index without lists refuses.

use super::oracle::{Twin, probing};
use crate::support::{gpu, rows};
use nearfield::{
    DType, Error, Flat, Guarantee, Index, IvfParams, Metric, Rows, Search, SearchParams,
    StreamedFlat,
};

const DIM: usize = 4;

/// The argument that an error names.
fn refused<T: std::fmt::Debug>(answer: nearfield::Result<T>) -> &'static str {
    match answer {
        Err(Error::InvalidArgument { argument, .. }) => argument,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_index_without_lists_refuses_what_is_theirs() {
    let flat = Flat::new(&gpu(), DIM, Metric::L2).unwrap();
    flat.add(&[1.0; DIM]).unwrap();
    let streamed = StreamedFlat::from_f32(&gpu(), vec![1.0; DIM], DIM, Metric::L2).unwrap();
    let query = Rows::F32(&[0.0; DIM]);
    for index in [&flat as &dyn Search, &streamed] {
        for params in [probing(4), SearchParams::new().ivf(IvfParams::new())] {
            assert_eq!(refused(index.search_with(query, 1, &params)), "ivf");
            assert_eq!(refused(index.range_search_with(query, 1.0, &params)), "ivf");
            assert_eq!(refused(index.search_stream(query, 1, 1, &params)), "ivf");
        }
        let said = index.assign(query, 1).unwrap_err().to_string();
        assert!(said.starts_with("Flat does not support lists"), "{said}");
    }
    assert_eq!(refused(streamed.read_through(&probing(4))), "ivf");
    let rows = streamed.search_and_reconstruct(query, 1, &SearchParams::new());
    assert!(matches!(rows, Err(Error::Unsupported { .. })), "{rows:?}");
}

#[test]
fn lists_to_look_at_are_some_and_do_not_contradict_the_guarantee() {
    let base = rows(100, DIM, &Metric::L2, DType::F32, 1);
    let twin = Twin::trained(&gpu(), &Metric::L2, DIM, 5, base.rows());
    let query = Rows::F32(&[0.0; DIM]);
    let nearest = |params: &SearchParams| twin.ivf.search_with(query, 3, params);
    assert_eq!(refused(nearest(&probing(0))), "nprobe");
    assert_eq!(refused(twin.ivf.range_search_with(query, 1.0, &probing(0))), "nprobe");
    let exact = SearchParams::new().guarantee(Guarantee::Exact);
    assert_eq!(refused(nearest(&probing(2).guarantee(Guarantee::Exact))), "nprobe");
    assert_eq!(nearest(&exact.clone().ivf(IvfParams::new())).unwrap().stats().ivf.nprobe, 5);
    assert_eq!(refused(nearest(&exact.certify(false))), "certify");
    assert_eq!(refused(nearest(&probing(2).exhaustive(true).certify(false))), "certify");
    let within = twin.ivf.range_search_with(query, 1.0, &probing(2).certify(false));
    assert_eq!(refused(within), "certify");
    let lists = |params: IvfParams| SearchParams::new().ivf(params.nprobe(2));
    let fill = lists(IvfParams::new().fill(true));
    assert_eq!(refused(twin.ivf.range_search_with(query, 1.0, &fill)), "fill");
    let fill = SearchParams::new().ivf(IvfParams::new().fill(true));
    assert_eq!(refused(nearest(&fill.guarantee(Guarantee::Exact))), "fill");
    let prove = lists(IvfParams::new().prove(true));
    assert_eq!(refused(nearest(&prove.certify(false))), "prove");
    assert_eq!(refused(twin.ivf.search_with(query, 0, &probing(2))), "k");
    assert_eq!(refused(twin.ivf.range_search_with(query, f32::NAN, &probing(2))), "radius");
    assert_eq!(refused(twin.ivf.assign(query, 0)), "n");
    assert_eq!(twin.ivf.assign(query, 1000).unwrap().ids().len(), 5);
    assert!(matches!(twin.ivf.search(&[0.0; 5], 1), Err(Error::PartialRow { .. })));
    let nan = Rows::F32(&[0.0, 0.0, 0.0, 0.0, 0.0, f32::NAN, 0.0, 0.0]);
    let error = twin.ivf.search_with(nan, 1, &probing(1)).unwrap_err();
    assert!(matches!(error, Error::NonFinite { row: 1, column: 1 }), "{error}");
    assert!(matches!(
        twin.ivf.search_with(Rows::Bits(&[1]), 1, &probing(1)),
        Err(Error::Unsupported { .. })
    ));
}

#[test]
fn an_index_has_a_number_of_lists_of_its_own() {
    let base = rows(400, DIM, &Metric::L2, DType::F32, 2);
    let twin = Twin::trained(&gpu(), &Metric::L2, DIM, 50, base.rows());
    let looked_at = |params: &SearchParams| {
        let found = twin.ivf.search_with(base.rows().slice(DIM, 0..3), 3, params).unwrap();
        found.stats().ivf.nprobe
    };
    let new = SearchParams::new;
    assert_eq!((twin.ivf.nprobe(), looked_at(&new())), (20, 20));
    twin.ivf.set_nprobe(7).unwrap();
    assert_eq!((twin.ivf.nprobe(), looked_at(&new()), looked_at(&probing(9))), (7, 7, 9));
    assert_eq!(looked_at(&new().ivf(IvfParams::new())), 7);
    // more than there are, which may become more lists one day
    twin.ivf.set_nprobe(1000).unwrap();
    assert_eq!((twin.ivf.nprobe(), looked_at(&new())), (1000, 50));
    for bad in [0, 1 << 32] {
        assert_eq!(refused(twin.ivf.set_nprobe(bad)), "nprobe");
    }
    assert_eq!(twin.ivf.nprobe(), 1000);
    // a change of rows keeps it
    twin.ivf.add(&[1.0; DIM]).unwrap();
    twin.ivf.train(base.rows()).unwrap();
    assert_eq!(twin.ivf.nprobe(), 1000);
}
