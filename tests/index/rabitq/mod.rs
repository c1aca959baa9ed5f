//! Codes of RaBitQ, in lists and in none: every answer is that of the estimates that the quantizer alone makes in f64, found without a miss,
//! and the same whatever is asked beside it.

mod codes;
mod faiss;
mod rounded;

use crate::support::check_untrained;
use codes::{ALL, Codes, GPU, NLIST, bits, data, probing};
use nearfield::{
    DType, Error, Flat, Guarantee, Hits, IdFilter, Index, IvfParams, IvfRaBitQ, Metric,
    QueryFilter, RaBitQ, RaBitQuantizer, Rows, Search, SearchParams, index_factory, read_index,
    write_index,
};

#[test]
fn answers_are_those_of_all_estimates() {
    for (at, (metric, dim, of)) in [
        (Metric::L2, 32, 1),
        (Metric::L2, 13, 4),
        (Metric::InnerProduct, 32, 2),
        (Metric::InnerProduct, 13, 1),
        (Metric::InnerProduct, 20, 9),
        (Metric::SqrtL2, 21, 3),
        (Metric::L2, 1, 1),
        (Metric::L2, 1, 5),
    ]
    .into_iter()
    .enumerate()
    {
        for lists in [true, false] {
            let mut codes = Codes::new(&metric, dim, of, lists);
            codes.fill_and_check(at as u64);
        }
    }
}

/// One query or many, a search or a radius, some lists or all: the bits are the same.
#[test]
fn bits_do_not_depend_on_what_is_asked_beside() {
    for (metric, of, lists) in [
        (Metric::L2, 1, true),
        (Metric::L2, 4, false),
        (Metric::InnerProduct, 1, false),
        (Metric::InnerProduct, 4, true),
    ] {
        let dim = 19;
        let mut codes = Codes::new(&metric, dim, of, lists);
        codes.add(&data(300, dim, 5));
        codes.add(&data(57, dim, 6));
        let (index, queries) = (&codes.index, data(130, dim, 7));
        let params = probing(codes.quantizers.len(), NLIST);
        let many = index.search_with(Rows::F32(&queries), 10, &params).unwrap();
        let all = index.search_with(Rows::F32(&queries), 1000, &params).unwrap();
        if lists {
            // how far rows are says nothing of estimates
            for (nprobe, all) in [(2, false), (NLIST, true)] {
                let some = SearchParams::new().ivf(IvfParams::new().nprobe(nprobe).prove(true));
                let found = index.search_with(Rows::F32(&queries), 3, &some).unwrap();
                assert!((0..130).all(|query| found.proved(query) == all), "{}", codes.name);
            }
        }
        let exact = SearchParams::new().guarantee(Guarantee::Exact);
        let exact = index.search_with(Rows::F32(&queries), 10, &exact).unwrap();
        assert!(bits(&exact) == bits(&many), "{}", codes.name);
        for (number, query) in queries.chunks_exact(dim).enumerate().step_by(13) {
            let asked = Rows::F32(query);
            let one = index.search_with(asked, 10, &params).unwrap();
            let of = |hits: &Hits, row: usize| -> Vec<(u64, u32)> {
                hits.row(row).map(|(id, far)| (id, far.to_bits())).collect()
            };
            assert_eq!(of(&one, 0), of(&many, number), "{}", codes.name);
            assert_eq!(of(&one, 0), of(&all, number)[..10], "{}", codes.name);
            let radius = one.row(0).last().unwrap().1;
            let within = index.range_search_with(asked, radius, &params).unwrap();
            let nearer = all.row(number).filter(|(_, far)| match metric {
                Metric::L2 => *far < radius,
                _ => *far > radius,
            });
            let nearer: Vec<_> = nearer.map(|(id, far)| (id, far.to_bits())).collect();
            assert_eq!(of(&within, 0), nearer, "{}", codes.name);
            let mine: QueryFilter = [IdFilter::range(30..200)].into_iter().collect();
            let few = params.clone().query_filter(mine);
            let few = index.search_with(asked, 5, &few).unwrap();
            let expected = all.row(number).filter(|(id, _)| (30..200).contains(id)).take(5);
            let expected: Vec<_> = expected.map(|(id, far)| (id, far.to_bits())).collect();
            assert_eq!(of(&few, 0), expected, "{}", codes.name);
        }
    }
}

#[test]
fn histories_leave_what_the_codes_stand_for() {
    let dim = 16;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("codes.nf");
    for (metric, of, lists) in [
        (Metric::L2, 1, true),
        (Metric::InnerProduct, 4, true),
        (Metric::InnerProduct, 1, false),
        (Metric::L2, 9, false),
    ] {
        let mut codes = Codes::new(&metric, dim, of, lists);
        let other = Codes::new(&metric, dim, of, lists);
        let queries = data(9, dim, 8);
        codes.add(&data(400, dim, 7));
        codes.remove(&(0..400).step_by(3).collect::<Vec<_>>());
        codes.check(&queries, (3, 10), ALL);
        let others = data(20, dim, 10);
        codes.index.update_rows(Rows::F32(&others[..5 * dim]), &[1, 2, 4, 5, 7]).unwrap();
        codes.note(&others[..5 * dim], [1, 2, 4, 5, 7].into_iter());
        let ids: Vec<u64> = (1000..1020).collect();
        other.index.add_with_ids(Rows::F32(&others), &ids).unwrap();
        assert_eq!(codes.index.merge_from(&*other.index).unwrap(), 20);
        codes.note(&others, ids.into_iter());
        codes.check(&queries, (3, 10), ALL);
        write_index(&*codes.index, &path).unwrap();
        let again = read_index(&GPU, &path).unwrap();
        let ids = codes.index.ids();
        assert_eq!((again.ids(), again.description()), (ids.clone(), codes.index.description()));
        let params = probing(codes.quantizers.len(), 3);
        let asked = Rows::F32(&queries);
        let [a, b] = [&codes.index, &again].map(|i| i.search_with(asked, 20, &params).unwrap());
        assert!(bits(&a) == bits(&b), "{}", codes.name);
        codes.index = again;
        codes.remove(&ids);
        codes.check(&queries, (3, 10), ALL);
        codes.add(&others);
        codes.check(&queries, (3, 10), ALL);
    }
}

/// Rows whose first elements are much larger than the last: signs say little of them until they are turned.
#[test]
fn a_rotation_finds_what_axes_hide() {
    let (n, dim, k) = (3000, 64, 10);
    let scaled = |mut rows: Vec<f32>| {
        for row in rows.chunks_exact_mut(dim) {
            row.iter_mut().enumerate().for_each(|(j, x)| *x /= (1.0 + j as f32).powf(1.5));
        }
        rows
    };
    let (rows, queries) = (scaled(data(n, dim, 1)), scaled(data(50, dim, 2)));
    let flat = Flat::new(&GPU, dim, Metric::L2).unwrap();
    flat.add(&rows).unwrap();
    let truth = flat.search(&queries, k).unwrap();
    let recall = |description: &str| {
        let index = index_factory(&GPU, dim, description, Metric::L2, DType::F32).unwrap();
        index.train(Rows::F32(&rows)).unwrap();
        index.add(&rows).unwrap();
        assert_eq!(index.description(), description);
        let lists = if description.contains("IVF") { 8 } else { 1 };
        let params = probing(lists, lists);
        let found = index.search_with(Rows::F32(&queries), k, &params).unwrap();
        let same = (0..50).map(|query| {
            let truth: Vec<u64> = truth.row(query).map(|hit| hit.0).collect();
            found.row(query).filter(|(id, _)| truth.contains(id)).count()
        });
        same.sum::<usize>() as f64 / (50 * k) as f64
    };
    let plain = ["IVF8,RaBitQ", "IVF8,RaBitQ4", "RaBitQ4"].map(recall);
    let turned = ["RR,IVF8,RaBitQ", "RR,IVF8,RaBitQ4", "RR,RaBitQ4"].map(recall);
    assert!(plain.iter().zip(turned).all(|(a, b)| b > a + 0.05), "{plain:?} {turned:?}");
    assert!(turned[0] > 0.6 && turned[1] > 0.9 && turned[2] > 0.65, "{turned:?}");
    assert!(recall("RR,IVF8,RaBitQ8") > 0.97);
}

#[test]
fn rows_of_any_length_and_where_nothing_is_left() {
    for (metric, of) in [(Metric::L2, 1), (Metric::L2, 4), (Metric::InnerProduct, 4)] {
        let dim = 10;
        for scale in [1e-12f32, 1e-3, 1.0, 1e9] {
            let rows: Vec<f32> = data(200, dim, 4).iter().map(|x| x * scale).collect();
            let centers: Vec<f32> = rows[..3 * dim].to_vec();
            let index = IvfRaBitQ::with_centroids(&GPU, dim, metric.clone(), of, &centers).unwrap();
            index.add(&rows).unwrap();
            // each center is its own nearest, at nothing, and is decoded to itself
            assert_eq!(index.reconstruct(2).unwrap(), rows[2 * dim..3 * dim]);
            let found = index.search(&centers, 3).unwrap();
            if metric == Metric::L2 {
                for query in 0..3 {
                    let (_, far) = found.row(query).next().unwrap();
                    assert!(far >= 0.0 && far <= 1e-3 * scale * scale, "{of} {scale}: {far}");
                }
                // estimates may be below 0
                assert_eq!(index.range_search(&centers, 0.0).unwrap().ids().len(), 0);
            }
            let queries: Vec<f32> = data(140, dim, 6).iter().map(|x| x * scale).collect();
            let params = probing(3, 3);
            let many = index.search_with(Rows::F32(&queries), 5, &params).unwrap();
            let one = index.search_with(Rows::F32(&queries[..dim]), 5, &params).unwrap();
            assert!(one.row(0).eq(many.row(0)), "{metric} {of} {scale}");
        }
    }
}

#[test]
fn what_is_refused_changes_nothing() {
    let dim = 8;
    let make = |text: &str, metric| index_factory(&GPU, dim, text, metric, DType::F32);
    let refused = |index: nearfield::Result<Box<dyn Index>>, part: &str| {
        let said = index.unwrap_err().to_string();
        assert!(said.contains(part), "{said}");
    };
    refused(make("RaBitQ", Metric::Cosine), "inner products");
    refused(make("IVF4,RaBitQ4", Metric::L1), "l1");
    refused(make("RaBitQ0", Metric::L2), "RaBitQ0");
    refused(make("IVF4,RaBitQfs", Metric::L2), "RaBitQfs");
    refused(index_factory(&GPU, dim, "RaBitQ", Metric::L2, DType::F16), "f16");
    let plain = RaBitQuantizer::new(dim, &Metric::L2, 1).unwrap();
    assert!(matches!(RaBitQ::with_quantizer(&GPU, Metric::L2, &plain), Err(Error::NotTrained)));
    let own = plain.with_center(&[0.0; 8]).unwrap();
    assert!(RaBitQ::with_quantizer(&GPU, Metric::InnerProduct, &own).is_err());
    for text in ["RaBitQ", "IVF2,RaBitQ4"] {
        let index = make(text, Metric::L2).unwrap();
        let rows = data(100, dim, 4);
        assert_eq!(index.description(), text);
        check_untrained(&GPU, &*index, &rows);
        index.train(Rows::F32(&rows)).unwrap();
        index.add(&rows).unwrap();
        assert!(index.train(Rows::F32(&rows)).is_err());
        let mut bad = rows.clone();
        bad[3 * dim + 1] = f32::NAN;
        assert!(matches!(index.add(&bad), Err(Error::NonFinite { row: 3, .. })));
        let long = [&rows[..dim], &[1e18; 1], &[0.0; 7]].concat();
        let said = index.add(&long).unwrap_err().to_string();
        assert!(said.contains("row 1"), "{said}");
        let other = make(text, Metric::L2).unwrap();
        other.train(Rows::F32(&data(100, dim, 5))).unwrap();
        other.add_with_ids(Rows::F32(&rows[..dim]), &[900]).unwrap();
        assert!(matches!(index.merge_from(&*other), Err(Error::InvalidArgument { .. })));
        let more = make(&format!("{}2", text.trim_end_matches('4')), Metric::L2).unwrap();
        assert!(matches!(index.merge_from(&*more), Err(Error::InvalidArgument { .. })));
        assert_eq!(index.len(), 100);
    }
}
