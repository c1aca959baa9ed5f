//! Searches that round queries to some bits, as FAISS does: the estimates are those of the quantizer alone, whatever is asked beside.

use super::codes::{ALL, Codes, GPU, NLIST, bits, data, normal, probing};
use nearfield::{
    Error, Hits, IdFilter, Index, IvfFlat, IvfParams, IvfRaBitQ, Metric, QueryFilter, RaBitQ, Rows,
    Search, SearchParams, read_faiss, read_index, write_faiss, write_index,
};

#[test]
fn answers_are_those_of_rounded_queries() {
    for (at, (metric, dim, of, query_bits)) in [
        (Metric::L2, 32, 1, 4),
        (Metric::InnerProduct, 13, 1, 4),
        (Metric::SqrtL2, 21, 1, 1),
        (Metric::InnerProduct, 70, 1, 8),
        (Metric::L2, 1, 1, 3),
        // of which the whole query is compared
        (Metric::L2, 13, 4, 4),
    ]
    .into_iter()
    .enumerate()
    {
        for lists in [true, false] {
            let mut codes = Codes::new(&metric, dim, of, lists).rounding(query_bits);
            codes.fill_and_check(at as u64);
            codes.remove(&(0..300).step_by(3).collect::<Vec<_>>());
            codes.check(&data(7, dim, 64), (3, 10), ALL);
        }
    }
}

/// One query or many, some lists or all, a search, a radius, filters and what is left out: each sees the same estimates.
#[test]
fn estimates_do_not_depend_on_what_is_asked_beside() {
    for (metric, lists) in [
        (Metric::L2, true),
        (Metric::L2, false),
        (Metric::InnerProduct, true),
        (Metric::InnerProduct, false),
    ] {
        let dim = 19;
        let mut codes = Codes::new(&metric, dim, 1, lists).rounding(4);
        codes.add(&data(300, dim, 5));
        let (index, queries) = (&codes.index, data(70, dim, 7));
        let params = probing(codes.quantizers.len(), NLIST);
        let all = index.search_with(Rows::F32(&queries), 1000, &params).unwrap();
        let many = index.search_with(Rows::F32(&queries), 10, &params).unwrap();
        let exhaustive = params.clone().exhaustive(true);
        let every = index.search_with(Rows::F32(&queries), 10, &exhaustive).unwrap();
        assert!(bits(&every) == bits(&many), "{}", codes.name);
        let of = |hits: &Hits, row: usize| -> Vec<(u64, u32)> {
            hits.row(row).map(|(id, far)| (id, far.to_bits())).collect()
        };
        for (number, query) in queries.chunks_exact(dim).enumerate().step_by(9) {
            let asked = Rows::F32(query);
            let one = index.search_with(asked, 10, &params).unwrap();
            assert_eq!(of(&one, 0), of(&many, number), "{}", codes.name);
            assert_eq!(of(&one, 0), of(&all, number)[..10], "{}", codes.name);
            let radius = one.row(0).last().unwrap().1;
            let within = index.range_search_with(asked, radius, &params).unwrap();
            assert_eq!(of(&within, 0).len(), within.ids().len());
            assert!(
                within.ids().len() < 10 && within.row(0).eq(one.row(0).take(within.ids().len()))
            );
            let mine: QueryFilter = [IdFilter::range(30..200)].into_iter().collect();
            let few = index.search_with(asked, 5, &params.clone().query_filter(mine)).unwrap();
            let expected = all.row(number).filter(|(id, _)| (30..200).contains(id)).take(5);
            let expected: Vec<_> = expected.map(|(id, far)| (id, far.to_bits())).collect();
            assert_eq!(of(&few, 0), expected, "{}", codes.name);
            let first = one.row(0).next().unwrap().0;
            let without =
                index.search_with(asked, 9, &params.clone().exclude(vec![first])).unwrap();
            assert_eq!(of(&without, 0), of(&one, 0)[1..], "{}", codes.name);
        }
        let named = many.stats().variants.iter().any(|name| name.contains("query_bits4"));
        assert!(named, "{:?}", many.stats().variants);
        if lists {
            let fill = SearchParams::new().ivf(IvfParams::new().nprobe(1).fill(true));
            let filled = index.search_with(Rows::F32(&queries), 1000, &fill).unwrap();
            assert!(bits(&filled) == bits(&all), "{}", codes.name);
        }
    }
}

/// Elements of which nothing is to be rounded: a query that is a centroid, one beside it by the same in every element, rows that are centroids.
#[test]
fn queries_that_leave_nothing_are_not_lost() {
    for metric in [Metric::L2, Metric::InnerProduct] {
        for (dim, scale) in [(10, 1e-12f32), (10, 1.0), (33, 1e9)] {
            let centers: Vec<f32> = data(3, dim, 4).iter().map(|x| x * scale).collect();
            let index = IvfRaBitQ::with_centroids(&GPU, dim, metric.clone(), 1, &centers).unwrap();
            let rows: Vec<f32> = data(200, dim, 4).iter().map(|x| x * scale).collect();
            index.add(&rows).unwrap();
            let alike: Vec<f32> = centers.iter().map(|x| x + 0.25 * scale).collect();
            let params = probing(3, 1);
            for queries in [&centers, &alike] {
                let find = || index.search_with(Rows::F32(queries), 7, &params).unwrap();
                index.set_query_bits(0).unwrap();
                let whole = find();
                index.set_query_bits(4).unwrap();
                let rounded = find();
                let size = (scale * scale * dim as f32 * 100.0).max(f32::MIN_POSITIVE);
                let pairs = whole.distances().iter().zip(rounded.distances());
                assert!(rounded.distances().iter().all(|far| far.is_finite()));
                assert!(
                    pairs.into_iter().all(|(a, b)| (a - b).abs() <= 2e-6 * size),
                    "{metric} {scale}"
                );
            }
        }
    }
}

#[test]
fn bits_are_kept_and_asked_for() {
    let (dim, folder) = (16, tempfile::tempdir().unwrap());
    let [own, faiss] = ["codes.nf", "codes.faiss"].map(|name| folder.path().join(name));
    for (of, lists) in [(1, true), (1, false), (3, true)] {
        let mut codes = Codes::new(&Metric::L2, dim, of, lists).rounding(4);
        codes.add(&data(200, dim, 7));
        let (queries, params) = (normal(9, dim, 8), probing(codes.quantizers.len(), 3));
        let asked = Rows::F32(&queries);
        let found = |index: &dyn Index, params: &SearchParams| {
            bits(&index.search_with(asked, 20, params).unwrap())
        };
        let rounded = found(&*codes.index, &params);
        let whole = found(&*codes.index, &params.clone().query_bits(0));
        assert_eq!(rounded == whole, of > 1, "{}", codes.name);
        write_index(&*codes.index, &own).unwrap();
        write_faiss(&*codes.index, &faiss).unwrap();
        let again = read_index(&GPU, &own).unwrap();
        assert!(found(&*again, &params) == rounded, "{}", codes.name);
        let again = read_faiss(&GPU, &faiss).unwrap();
        let any = again.as_any().unwrap();
        let kept = any.downcast_ref::<IvfRaBitQ>().map(IvfRaBitQ::query_bits);
        assert_eq!(kept.or(any.downcast_ref::<RaBitQ>().map(RaBitQ::query_bits)), Some(4));
        let said = codes.index.search_with(asked, 1, &params.clone().query_bits(9)).unwrap_err();
        assert!(said.to_string().contains("query_bits"), "{said}");
        let codes = codes.rounding(0);
        assert!(found(&*codes.index, &params) == whole, "{}", codes.name);
        assert!(found(&*codes.index, &params.query_bits(4)) == rounded, "{}", codes.name);
    }
    let index = IvfRaBitQ::with_centroids(&GPU, 1, Metric::L2, 1, &[0.0]).unwrap();
    let said = index.set_query_bits(9).unwrap_err();
    assert!(matches!(said, Error::InvalidArgument { .. }) && index.query_bits() == 0, "{said}");
    let flat = IvfFlat::with_centroids(&GPU, 1, Metric::L2, nearfield::DType::F32, &[0.0]).unwrap();
    let said = flat.search_with(Rows::F32(&[0.0]), 1, &SearchParams::new().query_bits(4));
    assert!(said.unwrap_err().to_string().contains("query_bits"));
}

/// Bits that are set before training stay.
#[test]
fn training_leaves_the_bits() {
    let (dim, rows) = (9, data(100, 9, 4));
    let index = IvfRaBitQ::new(&GPU, dim, Metric::L2, 2, 1).unwrap();
    index.set_query_bits(1).unwrap();
    index.train(Rows::F32(&rows)).unwrap();
    index.add(&rows).unwrap();
    assert_eq!(index.query_bits(), 1);
    let [coarse, fine] = [1, 8].map(|of| {
        let params = probing(2, 2).query_bits(of);
        bits(&index.search_with(Rows::F32(&rows[..dim]), 50, &params).unwrap())
    });
    let own = index.search_with(Rows::F32(&rows[..dim]), 50, &probing(2, 2)).unwrap();
    assert!(bits(&own) == coarse && coarse != fine);
}
