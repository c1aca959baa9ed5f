//! The values that faiss-cpu computed (tests/data/faiss, made by make.py there), through the GPU: the same ids but for
//! ties within tau, the same distances within tau and FAISS's own rounding.

use crate::common::device::subset;
use crate::common::faiss::{Fixture, SETS, fixture};
use crate::common::ways::{BYTES, COPY, MATRIX, MATRIX_F32, TILES, open};
use nearfield::reference::{Excused, Problem, check_range, check_search};
use nearfield::{BinaryFlat, DType, Flat, Gpu, Hits, Index, Metric, Order, SearchParams};

fn index(gpu: &Gpu, metric: &Metric, base: &Fixture) -> Box<dyn Index> {
    let (rows, d) = base.rows();
    let index: Box<dyn Index> = match rows.dtype() {
        DType::Bits => Box::new(BinaryFlat::new(gpu, d, metric.clone()).expect("an index")),
        _ => Box::new(Flat::new(gpu, d, metric.clone()).expect("an index")),
    };
    index.add_rows(rows).expect("rows");
    index
}

/// FAISS sums in f32, too, in its own order.
fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 2e-6 + 2e-6 * b.abs()
}

fn lists(hits: &Hits) -> Vec<Vec<(u64, f32)>> {
    hits.rows().collect()
}

/// Holds hits against FAISS's of the same query, which may stand in another order where neither can tell.
fn agree(
    problem: &Problem<'_>,
    query: usize,
    ours: &[(u64, f32)],
    theirs: &[(i32, f32)],
    what: &str,
) {
    assert_eq!(ours.len(), theirs.len(), "{what}, query {query}");
    let (q, dtypes) = (problem.queries.row(query), (problem.queries.dtype(), problem.base.dtype()));
    for (&(row, distance), &(id, faiss)) in ours.iter().zip(theirs) {
        let what = format!("{what}, query {query}: row {row} at {distance}, FAISS {id} at {faiss}");
        assert!(near(distance.into(), faiss.into()), "{what}");
        if row == id as u64 {
            continue;
        }
        let value = |row: usize| {
            let x = problem.base.row(row);
            let m = problem.measure.distance(q, x).expect("a hit of both is a hit");
            (m, problem.measure.tau(dtypes, q, x, m).order)
        };
        let ((a, tau_a), (b, tau_b)) = (value(row as usize), value(id as usize));
        assert!((a - b).abs() <= tau_a + tau_b, "{what}: {a:e} and {b:e} are no tie");
    }
}

/// Every fixture, or `one` of so many.
fn every_fixture(gpu: &Gpu, exhaustive: bool, (one, of): (usize, usize)) {
    let params = SearchParams::new().exhaustive(exhaustive);
    let mut excused = Excused::default();
    for (_, (set, name, metric)) in SETS.into_iter().enumerate().filter(|(i, _)| i % of == one) {
        let base = Fixture::read(&format!("{set}.base"));
        let queries = Fixture::read(&format!("{set}.query"));
        let index = index(gpu, &metric, &base);
        let (base, asked) = (base.block(), queries.block());
        let problem =
            Problem { measure: &metric, queries: &asked, base: &base, eligible: &|_, _| true };

        let ids = fixture(&format!("{name}.ids")).i32();
        let distances = fixture(&format!("{name}.dist")).f32();
        let k = ids.len() / asked.len();
        let hits = index.search_with(queries.rows().0, k, &params).expect("a search");
        excused +=
            check_search(&problem, k, &lists(&hits)).unwrap_or_else(|e| panic!("{name}: {e}"));
        for (query, ours) in hits.rows().enumerate() {
            let theirs = ids[query * k..][..k].iter().zip(&distances[query * k..][..k]);
            // -1 stands where there is no hit
            let theirs: Vec<(i32, f32)> =
                theirs.map(|(&id, &d)| (id, d)).filter(|hit| hit.0 >= 0).collect();
            agree(&problem, query, &ours, &theirs, name);
        }

        let radius = fixture(&format!("{name}.radius")).f32()[0];
        let lims = fixture(&format!("{name}.lims")).i32();
        let ids = fixture(&format!("{name}.range_ids")).i32();
        let distances = fixture(&format!("{name}.range_dist")).f32();
        let hits = index.range_search_with(queries.rows().0, radius, &params).expect("a search");
        excused +=
            check_range(&problem, radius, &lists(&hits)).unwrap_or_else(|e| panic!("{name}: {e}"));
        for (query, ours) in hits.rows().enumerate() {
            // FAISS's are in no order
            let range = lims[query] as usize..lims[query + 1] as usize;
            let mut theirs: Vec<(i32, f32)> = range.map(|i| (ids[i], distances[i])).collect();
            let sign = if metric.order() == Order::Descending { -1.0 } else { 1.0 };
            theirs.sort_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1)).then(a.0.cmp(&b.0)));
            agree(&problem, query, &ours, &theirs, &format!("{name} within {radius}"));
        }
    }
    println!("{} fixtures: {excused}", SETS.len());
}

#[test]
fn answers_are_those_of_faiss() {
    let ways = open(&[TILES, COPY, BYTES, MATRIX, MATRIX_F32], SETS.len());
    for (turn, (way, gpu)) in ways.into_iter().enumerate() {
        // some drivers compile for seconds: there every fixture by tiles, and a part of them by each of the other ways
        let few = subset().then_some((turn % 4, 4));
        let tiles = way.name == TILES.name;
        every_fixture(&gpu, false, few.filter(|_| !tiles).unwrap_or((0, 1)));
        if tiles {
            every_fixture(&gpu, true, few.unwrap_or((0, 1)));
        }
    }
}
