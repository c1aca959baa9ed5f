//! Runs without a GPU. The oracle itself: against FAISS's answers, against values worked out by hand, and against f32 arithmetic, for
//! which tau must have room and a wrong answer none.

mod common;

use common::cases::{CASES, Case, bit_metrics, float_metrics};
use common::faiss::{Fixture, SETS, fixture};
use common::narrow::Arithmetic;
use nearfield::reference::{
    Block, Custom, Excused, Problem, check_range, check_search, distance, fraction, norms,
    pairwise, range, search, select_k,
};
use nearfield::{DType, Metric, Order, Rows};

/// FAISS sums in f32, in its own order.
fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 2e-6 + 2e-6 * b.abs()
}

#[test]
fn agrees_with_faiss() {
    for (set, name, metric) in SETS {
        let (base, queries) = (
            Fixture::read(&format!("{set}.base")).block(),
            Fixture::read(&format!("{set}.query")).block(),
        );
        let (ids, dist) =
            (fixture(&format!("{name}.ids")).i32(), fixture(&format!("{name}.dist")).f32());
        let k = ids.len() / queries.len();
        let ours = search(&metric, &queries, &base, k, |_, _| true);
        for (query, hits) in ours.iter().enumerate() {
            let theirs = ids[query * k..][..k].iter().zip(&dist[query * k..][..k]);
            let theirs: Vec<_> = theirs.filter(|(id, _)| **id >= 0).collect();
            assert_eq!(hits.len(), theirs.len(), "{name}, query {query}");
            for (&(row, m), (&id, &d)) in hits.iter().zip(theirs) {
                let what = format!("{name}, query {query}: row {row} at {m}, FAISS {id} at {d}");
                assert!(near(d.into(), m), "{what}");
                let theirs = distance(&metric, queries.row(query), base.row(id as usize));
                // Hamming ties, and FAISS does not say in which order.
                assert!(theirs.is_some_and(|theirs| near(theirs, m)), "{what}");
                assert!(metric == Metric::Hamming || row == id as u64, "{what}");
            }
        }

        let radius = fixture(&format!("{name}.radius")).f32()[0];
        let lims = fixture(&format!("{name}.lims")).i32();
        let ids = fixture(&format!("{name}.range_ids")).i32();
        let ours = range(&metric, &queries, &base, radius.into(), |_, _| true);
        for (query, hits) in ours.iter().enumerate() {
            let mut theirs = ids[lims[query] as usize..lims[query + 1] as usize].to_vec();
            let mut rows: Vec<i32> = hits.iter().map(|hit| hit.0 as i32).collect();
            theirs.sort_unstable();
            rows.sort_unstable();
            assert_eq!(rows, theirs, "{name}, query {query}, radius {radius}");
        }
    }
}

#[test]
fn edges_by_hand() {
    let d = |metric, q: &[f64], x: &[f64]| distance(&metric, q, x);
    let nan = f64::NAN;
    assert_eq!(d(Metric::Lp(3.0), &[1.0, 0.0], &[0.0, 2.0]), Some(9.0));
    assert_eq!(d(Metric::Cosine, &[0.0, 0.0], &[1.0, 2.0]), Some(0.0));
    assert_eq!(d(Metric::CosineDistance, &[0.0, 0.0], &[1.0, 2.0]), Some(1.0));
    assert_eq!(d(Metric::CosineDistance, &[0.0, 2.0], &[0.0, -3.0]), Some(2.0));
    assert_eq!(d(Metric::Canberra, &[0.0, 1.0], &[0.0, 3.0]), Some(0.5));
    assert_eq!(d(Metric::BrayCurtis, &[0.0, 0.0], &[0.0, 0.0]), Some(0.0));
    assert_eq!(d(Metric::BrayCurtis, &[1.0, 2.0], &[-1.0, -2.0]), None);
    assert_eq!(d(Metric::JensenShannon, &[1.0, 0.0], &[0.0, 1.0]), Some(2f64.ln()));
    assert_eq!(d(Metric::JensenShannon, &[0.0, 0.0], &[0.0, 0.0]), Some(0.0));
    assert_eq!(d(Metric::Jaccard, &[0.0, 0.0], &[0.0, 0.0]), Some(1.0));
    assert_eq!(d(Metric::Jaccard, &[1.0, 2.0], &[3.0, 1.0]), Some(0.4));
    assert_eq!(d(Metric::NanEuclidean, &[nan, 1.0, 2.0], &[1.0, 3.0, 2.0]), Some(6.0));
    assert_eq!(d(Metric::NanEuclidean, &[nan, 1.0], &[1.0, nan]), None);
    assert_eq!(d(Metric::Gower, &[0.25, -1.0, nan], &[0.75, -2.0, 0.5]), Some(0.75));
    assert_eq!(d(Metric::Gower, &[0.25, -1.0], &[0.75, 0.5]), None);
    assert_eq!(d(Metric::Gower, &[0.25, 1.5], &[0.75, 0.5]), None);
    assert_eq!(d(Metric::Gower, &[nan], &[0.5]), None);
    assert_eq!(d(Metric::Hellinger, &[0.0, 1.0], &[1.0, 0.0]), Some(1.0));
    assert_eq!(d(Metric::Hellinger, &[4.0], &[4.0]), Some(0.0));
    assert_eq!(d(Metric::KlDivergence, &[0.0, 1.0], &[0.5, 0.5]), Some(2f64.ln()));
    assert_eq!(d(Metric::KlDivergence, &[0.5, 0.5], &[0.0, 1.0]), None);
    assert_eq!(d(Metric::Correlation, &[0.1, 0.1, 0.1], &[1.0, 2.0, 3.0]), Some(1.0));
    let opposite = d(Metric::Correlation, &[1.0, 2.0, 4.0], &[-1.0, -2.0, -4.0]);
    approx::assert_relative_eq!(opposite.unwrap(), 2.0);
    let quarter = d(Metric::Haversine, &[0.0, 0.0], &[0.0, std::f64::consts::FRAC_PI_2]);
    approx::assert_relative_eq!(quarter.unwrap(), std::f64::consts::FRAC_PI_2);
    let poles = d(
        Metric::Haversine,
        &[std::f64::consts::FRAC_PI_2, 1.0],
        &[-std::f64::consts::FRAC_PI_2, -2.0],
    );
    approx::assert_relative_eq!(poles.unwrap(), std::f64::consts::PI, max_relative = 1e-7);

    let (q, x, empty) = ([1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0], [0.0; 4]);
    assert_eq!(fraction(&Metric::Hamming, &q, &x), Some((2, 1)));
    assert_eq!(fraction(&Metric::BitJaccard, &q, &x), Some((2, 3)));
    assert_eq!(fraction(&Metric::Dice, &q, &x), Some((2, 4)));
    assert_eq!(fraction(&Metric::RusselRao, &q, &x), Some((3, 4)));
    for metric in bit_metrics() {
        assert_eq!(d(metric, &empty, &empty), Some(0.0));
    }
    assert_eq!(fraction(&Metric::L2, &q, &x), None);
    assert_eq!(select_k(&[2.0, 1.0, 1.0, 3.0], 3, Order::Ascending), [1, 2, 0]);
    assert_eq!(select_k(&[2.0, 1.0, 3.0, 3.0], 3, Order::Descending), [2, 3, 0]);
    let block = Block::new(Rows::F32(&[3.0, 4.0, 0.0, 0.0]), 2).unwrap();
    assert_eq!(norms(&block), [5.0, 0.0]);
    assert_eq!(pairwise(&Metric::L1, &block, &block)[0], [Some(0.0), Some(7.0)]);
}

#[test]
fn custom_metrics_are_closures() {
    let weighted = Custom {
        order: Order::Ascending,
        initial: 0.0,
        accumulate: |acc: f64, q: f64, x: f64| acc + (q - x).abs() / (1.0 + q.abs()),
        finish: |acc: f64, d: usize| if acc > 8.0 { f64::NAN } else { acc / d as f64 },
        tau: |_: &[f64], _: &[f64], m: f64| 1e-6 * m,
    };
    let base = Block::new(Rows::F32(&[0.0, 0.0, 9.0, 9.0, 1.0, 0.0]), 2).unwrap();
    let queries = Block::new(Rows::F32(&[0.0, 0.0]), 2).unwrap();
    let hits = search(&weighted, &queries, &base, 3, |_, _| true);
    assert_eq!(hits, [[(0, 0.0), (2, 0.5)]]);
    let problem =
        Problem { measure: &weighted, queries: &queries, base: &base, eligible: &|_, _| true };
    assert!(check_search(&problem, 3, &[vec![(0, 0.0), (2, 0.5)]]).is_ok());
    assert!(check_search(&problem, 3, &[vec![(0, 0.0)]]).is_err());
}

/// What a search in f32 answers, and the same as a range search for the distance in the middle.
fn narrow(
    case: &Case,
    metric: &Metric,
    queries: Rows<'_>,
    base: Rows<'_>,
    arithmetic: Arithmetic,
) -> Vec<Vec<(u64, f32)>> {
    let (d, dtypes) = (case.dim(metric), (queries.dtype(), base.dtype()));
    let (queries, base) = (queries.to_f32(), base.to_f32());
    let answer = |(query, q): (usize, &[f32])| {
        let mut hits: Vec<(f64, u64, f32)> = Vec::new();
        for (row, x) in base.chunks_exact(d).enumerate().filter(|(row, _)| case.passes(query, *row))
        {
            let hit = arithmetic.evaluate(metric, dtypes, q, x);
            hits.extend(hit.map(|(key, distance)| (key, row as u64, distance)));
        }
        hits.sort_by(|a, b| (a.0 + 0.0).total_cmp(&(b.0 + 0.0)).then(a.1.cmp(&b.1)));
        hits.into_iter().map(|(_, row, distance)| (row, distance)).collect()
    };
    queries.chunks_exact(d).enumerate().map(answer).collect()
}

#[test]
fn tau_has_room_for_f32() {
    const TYPES: [(DType, DType); 7] = [
        (DType::F32, DType::F32),
        (DType::F16, DType::F16),
        (DType::Bf16, DType::Bf16),
        (DType::I8, DType::I8),
        (DType::U8, DType::U8),
        (DType::F32, DType::I8),
        (DType::F32, DType::F16),
    ];
    for (m, metric) in float_metrics().into_iter().enumerate() {
        let (mut excused, mut excused_range) = (Excused::default(), Excused::default());
        for (number, case) in CASES.iter().enumerate() {
            for (index, dtypes) in TYPES.into_iter().enumerate() {
                // f32 always, one of the other types: each case meets each type under some metric
                if index > 0 && !(number + m + index).is_multiple_of(6) {
                    continue;
                }
                let (queries, base) =
                    (case.queries(&metric, dtypes.0), case.base(&metric, dtypes.1));
                let sign = [-1.0, 0.0, 1.0][number % 3];
                let mut got =
                    narrow(case, &metric, queries.rows(), base.rows(), Arithmetic { sign });
                let d = case.dim(&metric);
                let (queries, base) =
                    (Block::new(queries.rows(), d).unwrap(), Block::new(base.rows(), d).unwrap());
                let eligible = |query, row| case.passes(query, row);
                let problem = Problem {
                    measure: &metric,
                    queries: &queries,
                    base: &base,
                    eligible: &eligible,
                };
                let ordered: Vec<_> = got.clone();
                got.iter_mut().for_each(|hits| hits.truncate(case.k));
                let what = format!("{metric}, {dtypes:?}, {}", case.name);
                match check_search(&problem, case.k, &got) {
                    Ok(more) => excused += more,
                    Err(why) => panic!("{what}: {why}"),
                }
                let Some(radius) = ordered.first().and_then(|hits| hits.get(case.k / 2)) else {
                    continue;
                };
                let inside = |distance: f32| match metric.order() {
                    Order::Ascending => distance < radius.1,
                    Order::Descending => distance > radius.1,
                };
                let in_range = |hits: &Vec<(u64, f32)>| {
                    hits.iter().copied().filter(|hit| inside(hit.1)).collect::<Vec<_>>()
                };
                let got: Vec<_> = ordered.iter().map(in_range).collect();
                match check_range(&problem, radius.1, &got) {
                    Ok(more) => excused_range += more,
                    Err(why) => panic!("{what}, range: {why}"),
                }
            }
        }
        println!("{metric}: {excused}; range: {excused_range}");
    }
}

#[test]
fn bits_are_exact() {
    for metric in bit_metrics() {
        for case in CASES {
            let d = case.dim(&metric);
            let (queries, base) =
                (case.queries(&metric, DType::Bits), case.base(&metric, DType::Bits));
            let (queries, base) =
                (Block::new(queries.rows(), d).unwrap(), Block::new(base.rows(), d).unwrap());
            let eligible = |query, row| case.passes(query, row);
            let problem =
                Problem { measure: &metric, queries: &queries, base: &base, eligible: &eligible };
            let hits = search(&metric, &queries, &base, case.k, eligible);
            let got: Vec<Vec<(u64, f32)>> = hits
                .iter()
                .map(|hits| hits.iter().map(|&(row, m)| (row, m as f32)).collect())
                .collect();
            let excused = check_search(&problem, case.k, &got);
            let excused = excused.unwrap_or_else(|why| panic!("{metric}, {}: {why}", case.name));
            assert_eq!((excused.pairs, excused.rows), (0, 0));
        }
    }
}

#[test]
fn wrong_answers_are_caught() {
    let values: Vec<f32> = vec![0.5, 1.0, 1.5, 2.5, 1.0, 4.5, 1.0];
    let base = Block::new(Rows::F32(&values), 1).unwrap();
    let queries = Block::new(Rows::F32(&[0.25]), 1).unwrap();
    let eligible = |_, row| row != 0;
    for metric in [Metric::L1, Metric::L2, Metric::SqrtL2] {
        let problem =
            Problem { measure: &metric, queries: &queries, base: &base, eligible: &eligible };
        let at = |row: usize| {
            (row as u64, distance(&metric, queries.row(0), base.row(row)).unwrap() as f32)
        };
        let check = |rows: &[usize]| {
            check_search(&problem, 3, &[rows.iter().map(|&row| at(row)).collect()])
        };
        check(&[1, 4, 6]).unwrap();
        for (wrong, why) in [
            (&[1, 4][..], "hits where there are"),
            (&[1, 4, 6, 2], "hits where there are"),
            (&[4, 1, 6], "equal"),
            (&[1, 6, 4], "equal"),
            (&[1, 4, 2], "missing"),
            (&[1, 6, 2], "missing"),
            (&[0, 1, 4], "can be no hit"),
            (&[1, 1, 4], "stands at"),
            (&[2, 1, 4], "nearer"),
        ] {
            let error = check(wrong).unwrap_err();
            assert!(error.contains(why), "{wrong:?}: {error}");
        }
        let mut off = vec![at(1), at(4), at(6)];
        off[2].1 *= 1.0 + 1e-5;
        let error = check_search(&problem, 3, &[off.clone()]).unwrap_err();
        assert!(error.contains("tau"), "{error}");
        off[2].1 = f32::NAN;
        assert!(check_search(&problem, 3, &[off]).is_err());
        assert!(check_search(&problem, 3, &[vec![at(1), at(4), (7, 9.0)]]).is_err());
        assert!(check_search(&problem, 3, &[]).is_err());

        let ranged = |rows: &[usize]| {
            let radius = at(3).1;
            check_range(&problem, radius, &[rows.iter().map(|&row| at(row)).collect()])
        };
        ranged(&[1, 4, 6, 2]).unwrap();
        let wrong = [&[1, 4, 6][..], &[1, 4, 2], &[1, 6, 4, 2], &[0, 1, 4, 6, 2], &[1, 4, 6, 2, 5]];
        for wrong in wrong {
            assert!(ranged(wrong).is_err(), "{wrong:?}");
        }
        // A root taken after the comparison may round up to the radius; otherwise what is at the radius is out.
        assert_eq!(ranged(&[1, 4, 6, 2, 3]).is_ok(), metric == Metric::SqrtL2);
    }
}
