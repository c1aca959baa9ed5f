//! The edges of what may be asked: nothing there, nothing asked, more than there is; and how answers are laid out.

use crate::common::device::{Open as _, subset};
use crate::support::{Model, gpu, in_order, index, rows};
use nearfield::{
    BinaryFlat, DType, Error, Flat, IdFilter, Index, Metric, Order, QueryFilter, Rows, Search,
    SearchParams, StreamedFlat, index_factory,
};
use std::sync::{Arc, Mutex};

#[test]
fn an_empty_index_finds_nothing() {
    let index = Flat::new(&gpu(), 3, Metric::L2).unwrap();
    assert_eq!((index.len(), index.memory()), (0, 0));
    let hits = index.search(&[0.0; 6], 4).unwrap();
    assert_eq!((hits.len(), hits.lims(), hits.ids()), (2, &[0, 0, 0][..], &[][..]));
    let filtered = SearchParams::new().filter(!IdFilter::batch([1]));
    assert!(index.search_with(Rows::F32(&[0.0; 3]), 1, &filtered).unwrap().ids().is_empty());
    assert_eq!(index.range_search(&[0.0; 6], 1e30).unwrap().lims(), [0, 0, 0]);
    assert_eq!(index.remove(&[0, 1]).unwrap(), 0);
    assert_eq!(index.add(&[]).unwrap(), 0..0);
    assert!(matches!(index.reconstruct(0), Err(Error::UnknownId { id: 0 })));
}

#[test]
fn no_queries_get_no_answers_and_k_counts_from_one() {
    let index = Flat::new(&gpu(), 2, Metric::L2).unwrap();
    index.add(&[1.0; 20]).unwrap();
    let hits = index.search(&[], 3).unwrap();
    assert!(hits.is_empty() && hits.lims() == [0] && hits.rows().next().is_none());
    assert_eq!(hits.to_arrays(3).unwrap(), (vec![], vec![]));
    assert!(index.range_search(&[], 3.0).unwrap().is_empty());
    for queries in [&[][..], &[0.0, 0.0]] {
        let error = index.search(queries, 0).unwrap_err();
        assert!(matches!(error, Error::InvalidArgument { argument: "k", .. }), "{error}");
    }
    let error = index.range_search(&[0.0, 0.0], f32::NAN).unwrap_err();
    assert!(matches!(error, Error::InvalidArgument { argument: "radius", .. }), "{error}");
}

#[test]
fn shapes_and_types_are_held_against_the_index() {
    let gpu = gpu();
    let index = Flat::with_dtype(&gpu, 4, Metric::L2, DType::I8).unwrap();
    assert_eq!((index.dim(), index.dtype(), index.metric()), (4, DType::I8, &Metric::L2));
    let mismatch = |e: Error| matches!(e, Error::PartialRow { len: 6, dim: 4, .. });
    assert!(mismatch(index.add_rows(Rows::I8(&[0; 6])).unwrap_err()));
    assert!(mismatch(index.search(&[0.0; 6], 1).unwrap_err()));
    assert!(mismatch(index.range_search(&[0.0; 6], 1.0).unwrap_err()));
    assert!(mismatch(index.train(Rows::I8(&[0; 6])).unwrap_err()));
    assert!(index.train(Rows::I8(&[0; 8])).is_ok());
    assert!(matches!(index.add(&[0.0; 4]), Err(Error::InvalidArgument { argument: "rows", .. })));
    let error = index.add_rows(Rows::Bits(&[0; 4])).unwrap_err();
    assert!(matches!(error, Error::InvalidArgument { argument: "rows", .. }), "{error}");
    assert_eq!(index.len(), 0);
    index.add_rows(Rows::I8(&[1, -2, 3, -4])).unwrap();
    assert!(matches!(index.update(0, Rows::I8(&[0; 6])), Err(Error::PartialRow { .. })));
    assert_eq!(index.reconstruct(0).unwrap(), [1.0, -2.0, 3.0, -4.0]);
    // Queries of another type are compared in f32, but bits meet bits.
    assert_eq!(index.search(&[1.5, -2.0, 3.0, -4.0], 1).unwrap().distances(), [0.25]);
    let error = index.search_with(Rows::Bits(&[0]), 1, &SearchParams::new()).unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");

    let bits = BinaryFlat::new(&gpu, 16, Metric::Dice).unwrap();
    assert_eq!(bits.add_rows(Rows::Bits(&[1, 2, 3, 4])).unwrap(), 0..2);
    assert!(matches!(bits.add_rows(Rows::U8(&[1, 2])), Err(Error::InvalidArgument { .. })));
    assert!(matches!(bits.search(&[0.0; 16], 1), Err(Error::Unsupported { .. })));
    let ones = [1, 9].map(|i| bits.reconstruct(1).unwrap()[i]);
    assert_eq!(ones, [1.0, 0.0]);
}

/// What is wrong with queries is told alike wherever the rows lie: their type before their number.
#[test]
fn queries_are_held_against_rows_on_the_host_alike() {
    let gpu = gpu();
    let resident = Flat::new(&gpu, 16, Metric::L2).unwrap();
    resident.add(&[1.0; 32]).unwrap();
    let streamed = StreamedFlat::from_f32(&gpu, vec![1.0; 32], 16, Metric::L2).unwrap();
    let each = QueryFilter::Each(vec![IdFilter::All; 2]);
    for params in [SearchParams::new(), SearchParams::new().query_filter(each)] {
        for index in [&resident as &dyn Search, &streamed] {
            let error = index.search_with(Rows::Bits(&[0; 5]), 1, &params).unwrap_err();
            assert!(matches!(error, Error::Unsupported { .. }), "{index:?}: {error}");
            let error = index.range_search_with(Rows::F32(&[0.0; 5]), 1.0, &params).unwrap_err();
            let mismatch = matches!(error, Error::PartialRow { len: 5, dim: 16, .. });
            assert!(mismatch, "{index:?}: {error}");
        }
    }
}

/// A call tells each share of its work once, and 1 at its end, though there was nothing to do.
#[test]
fn progress_rises_to_one_in_every_call() {
    let gpu = gpu();
    let (empty, resident) =
        (Flat::new(&gpu, 2, Metric::L2).unwrap(), Flat::new(&gpu, 2, Metric::L2).unwrap());
    let rows: Vec<f32> = (0..4000).map(|i| (i % 37) as f32).collect();
    resident.add(&rows).unwrap();
    let of_rows = |rows| StreamedFlat::from_f32(&gpu, rows, 2, Metric::L2).unwrap();
    let (nothing, streamed) = (of_rows(Vec::new()), of_rows(rows).with_chunk_rows(256));
    for index in [&empty as &dyn Search, &nothing, &resident, &streamed] {
        for queries in [0, 6] {
            for range in [false, true] {
                let told = Arc::new(Mutex::new(Vec::new()));
                let shares = Arc::clone(&told);
                let params =
                    SearchParams::new().progress(move |share| shares.lock().unwrap().push(share));
                let queries = Rows::F32(&[5.0; 6][..queries]);
                match range {
                    false => index.search_with(queries, 3, &params).unwrap(),
                    true => index.range_search_with(queries, 9.0, &params).unwrap(),
                };
                let told = told.lock().unwrap();
                let rises = told.windows(2).all(|pair| pair[0] < pair[1]);
                assert!(rises && told.last() == Some(&1.0), "{index:?}: {told:?}");
            }
        }
    }
}

#[test]
fn an_infinite_radius_finds_every_row_or_none() {
    let gpu = gpu();
    let rows = [0.1f32, 0.2, 0.3, 0.1, 0.5, 0.4, 0.7, 0.2];
    let query = [0.4, 0.3];
    let found = |index: &dyn Index, query: Rows<'_>, radius: f32| {
        index.range_search_with(query, radius, &SearchParams::new()).unwrap().lims()[1]
    };
    for metric in Metric::PLAIN {
        let (all, none) = match metric.order() {
            Order::Ascending => (f32::INFINITY, f32::NEG_INFINITY),
            Order::Descending => (f32::NEG_INFINITY, f32::INFINITY),
        };
        if metric.is_binary() {
            let index = BinaryFlat::new(&gpu, 8, metric.clone()).unwrap();
            index.add_rows(Rows::Bits(&[1, 2, 7, 255])).unwrap();
            assert_eq!(found(&index, Rows::Bits(&[3]), all), 4, "{metric}");
            assert_eq!(found(&index, Rows::Bits(&[3]), none), 0, "{metric}");
            continue;
        }
        let index = Flat::new(&gpu, 2, metric.clone()).unwrap();
        index.add(&rows).unwrap();
        assert_eq!(found(&index, Rows::F32(&query), all), 4, "{metric}");
        assert_eq!(found(&index, Rows::F32(&query), none), 0, "{metric}");
    }
    let index = Flat::new(&gpu, 2, Metric::L2).unwrap();
    index.add(&rows).unwrap();
    let hits = index.range_search(&query, f32::INFINITY).unwrap();
    assert_eq!((hits.stats().bytes, hits.stats().flops), (4 * 8, 4 * 2 * 2));
    for metric in [Metric::L2, Metric::L1, Metric::InnerProduct] {
        let all = if metric.order() == Order::Ascending { 1.0 } else { -1.0 } * f32::INFINITY;
        let index = Flat::with_dtype(&gpu, 2, metric.clone(), DType::U8).unwrap();
        index.add_rows(Rows::U8(&[1, 2, 3, 4])).unwrap();
        assert_eq!(found(&index, Rows::U8(&[1, 1]), all), 2, "{metric} of u8");
        assert_eq!(found(&index, Rows::U8(&[1, 1]), -all), 0, "{metric} of u8");
    }
}

#[test]
fn a_row_without_a_reciprocal_length_counts_as_the_zero_vector() {
    let index = Flat::new(&gpu(), 4, Metric::Cosine).unwrap();
    index.add(&[0.1, 0.2, 0.3, 0.4, 1e-42, 1e-42, 0.0, 0.0]).unwrap();
    let hits = index.search(&[0.6, 0.8, 0.0, 0.0], 2).unwrap();
    assert_eq!(hits.ids(), [0, 1]);
    assert_eq!(hits.distances()[1], 0.0);
    let hits = index.search(&[0.0; 4], 2).unwrap();
    assert_eq!(hits.distances(), [0.0, 0.0]);
}

#[test]
fn constructors_refuse_what_no_index_can_be() {
    let gpu = gpu();
    assert!(matches!(Flat::new(&gpu, 0, Metric::L2), Err(Error::InvalidArgument { .. })));
    assert!(matches!(Flat::new(&gpu, 3, Metric::Haversine), Err(Error::InvalidArgument { .. })));
    let says = |error: Error, word: &str| {
        matches!(error, Error::Unsupported { .. }) && error.to_string().contains(word)
    };
    assert!(says(Flat::new(&gpu, 3, Metric::Hamming).unwrap_err(), "which BinaryFlat holds"));
    assert!(matches!(
        BinaryFlat::new(&gpu, 32_761, Metric::Dice),
        Err(Error::InvalidArgument { .. })
    ));
    assert!(says(BinaryFlat::new(&gpu, 16, Metric::L2).unwrap_err(), "which Flat holds"));
    let ten = Flat::new(&gpu, 3, Metric::L2).unwrap().add(&[0.0; 10]).unwrap_err();
    assert!(ten.to_string().contains("10 is no multiple of 3"), "{ten}");
    let bits = Flat::with_dtype(&gpu, 16, Metric::Hamming, DType::Bits);
    assert!(matches!(bits, Err(Error::Unsupported { .. })));
    for p in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let error = Flat::new(&gpu, 3, Metric::Lp(p)).unwrap_err();
        assert!(matches!(error, Error::InvalidArgument { argument: "metric", .. }), "{error}");
    }
    let broken = Metric::wgsl("fn accumulate(", 0.0, Order::Ascending);
    assert!(matches!(Flat::new(&gpu, 3, broken), Err(Error::Shader { .. })));
}

#[test]
fn the_factory_knows_its_descriptions() {
    let gpu = gpu();
    let make = |text, metric, dtype| index_factory(&gpu, 8, text, metric, dtype);
    for text in ["Flat", "IDMap,Flat", "IDMap2,Flat", "Flat,IDMap"] {
        let index = make(text, Metric::Cosine, DType::Bf16).unwrap();
        assert_eq!(format!("{index:?}"), "Flat(0 x 8 bf16, cosine)");
    }
    for text in ["Flat", "BFlat", "IDMap,BFlat"] {
        let index = make(text, Metric::Hamming, DType::Bits).unwrap();
        assert_eq!(format!("{index:?}"), "BinaryFlat(0 x 8 bits, hamming)");
    }
    for text in ["", "flat", "IVF16,RQ8", "Flat,IDMap3", "IDMap,IDMap,Flat", "BFlat"] {
        let error = make(text, Metric::L2, DType::F32).unwrap_err();
        assert!(matches!(&error, Error::Unsupported { item, .. } if item.contains("\"Flat\"")));
    }
    assert!(matches!(make("Flat", Metric::L2, DType::Bits), Err(Error::Unsupported { .. })));
}

#[test]
fn arrays_are_padded_as_faiss_pads_them() {
    let gpu = gpu();
    for (metric, missing) in [(Metric::L2, f32::MAX), (Metric::InnerProduct, -f32::MAX)] {
        let index = Flat::new(&gpu, 1, metric).unwrap();
        index.add_with_ids(Rows::F32(&[1.0, 2.0]), &[7, (1 << 63) - 1]).unwrap();
        let hits = index.search(&[2.0, 2.0], 5).unwrap();
        assert_eq!((hits.len(), hits.lims()), (2, &[0, 2, 4][..]));
        let (ids, distances) = hits.to_arrays(3).unwrap();
        assert_eq!(ids, [i64::MAX, 7, -1, i64::MAX, 7, -1]);
        assert_eq!((distances.len(), distances[2], distances[5]), (6, missing, missing));
        assert_eq!(hits.to_arrays(1).unwrap().0, [i64::MAX, i64::MAX]);
        assert_eq!(hits.to_arrays(0).unwrap().0, []);
        for k in [usize::MAX, usize::MAX / 16] {
            assert!(matches!(hits.to_arrays(k), Err(Error::InvalidArgument { .. })));
        }
        assert_eq!(hits.stats().queries, 2);
        // No id is left for another row.
        assert!(matches!(index.add(&[3.0]), Err(Error::LimitExceeded { .. })));
        assert_eq!(index.len(), 2);
    }
}

#[test]
fn ties_stand_in_the_order_of_adding_whatever_the_ids() {
    let index = Flat::new(&gpu(), 2, Metric::L2).unwrap();
    let ids: Vec<u64> = (0..200).map(|i| (i * 77) % 200 + 1000).collect();
    index.add_with_ids(Rows::F32(&[1.0; 400]), &ids).unwrap();
    assert_eq!(index.search(&[0.0, 0.0], 150).unwrap().ids(), &ids[..150]);
    // An update keeps its place, a removal the order of the others, also once they are moved together.
    index.update(ids[3], Rows::F32(&[0.5, 1.0])).unwrap();
    index.update(ids[3], Rows::F32(&[1.0, 1.0])).unwrap();
    assert_eq!(index.search(&[0.0, 0.0], 150).unwrap().ids(), &ids[..150]);
    for removed in [20, 150] {
        index.remove(&ids[10..removed]).unwrap();
        let left: Vec<u64> = [&ids[..10], &ids[removed..]].concat();
        assert_eq!(index.search(&[0.0, 0.0], 500).unwrap().ids(), left);
    }
}

#[test]
fn removing_most_rows_gives_memory_back() {
    let index = Flat::new(&gpu(), 64, Metric::L2).unwrap();
    index.add(&vec![1.0; 64 * 1000]).unwrap();
    let full = index.memory();
    assert!(full >= 1000 * 256);
    index.remove(&(0..400).collect::<Vec<_>>()).unwrap();
    assert_eq!(index.len(), 600);
    index.remove(&(400..900).collect::<Vec<_>>()).unwrap();
    assert!(index.memory() < full / 5, "{} of {full}", index.memory());
    assert_eq!(index.search(&[0.0; 64], 1).unwrap().ids(), [900]);
    assert_eq!(index.add(&[1.0; 64]).unwrap(), 1000..1001);
    index.remove(&(0..2000).collect::<Vec<_>>()).unwrap();
    assert_eq!((index.len(), index.memory()), (0, 0));
    assert_eq!(index.add(&[1.0; 64]).unwrap(), 1001..1002);
}

#[test]
fn the_scan_leaves_out_what_is_removed_or_filtered() {
    let gpu = nearfield::Gpu::builder().poison(true).max_segment_bytes(3000 * 32).open().unwrap();
    for (m, metric) in [Metric::L2, Metric::Cosine, Metric::InnerProduct].into_iter().enumerate() {
        let (n, dim, dtype) = (9000, 8, DType::F32);
        let index = index(&gpu, dim, &metric, dtype);
        let mut model = Model::new(&metric, dtype, dim);
        let base = rows(n, dim, &metric, dtype, 5);
        index.add_rows(base.rows()).unwrap();
        model.add(base.rows(), &(0..n as u64).collect::<Vec<_>>());
        let queries = rows(4, dim, &metric, dtype, 6);
        let nearest = index.search_with(queries.rows(), 20, &SearchParams::new()).unwrap();
        assert_eq!(nearest.stats().exact.scanned, 4, "{:?}", nearest.stats());
        assert!(in_order(&nearest, metric.order()));
        let mut gone: Vec<u64> = nearest.ids().iter().copied().step_by(2).collect();
        gone.sort_unstable();
        gone.dedup();
        assert_eq!(index.remove(&gone).unwrap(), gone.len());
        model.rows.retain(|row| !gone.contains(&row.0));
        let filters = [IdFilter::All, !IdFilter::batch(nearest.ids()), IdFilter::range(70..75)];
        for (f, filter) in filters.into_iter().enumerate() {
            // some drivers are slow: there each metric leaves out one of the filters
            if subset() && f == m {
                continue;
            }
            model.check(&*index, queries.rows(), 10, &filter);
            let params = SearchParams::new().filter(filter);
            let scan = index.search_with(queries.rows(), 10, &params).unwrap();
            let params = params.exhaustive(true).timed(true);
            let all = index.search_with(queries.rows(), 10, &params).unwrap();
            assert_eq!((scan.stats().exact.scanned, all.stats().exact.scanned), (4, 0));
            assert_eq!((scan.ids(), scan.distances()), (all.ids(), all.distances()));
        }
    }
}
