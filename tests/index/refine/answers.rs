//! What is answered: that which a flat index of the rows answers of the candidates, to the bit.

use super::{Base, DIM, NLIST, bits, each, flat, numbers, of_candidates, refined};
use crate::common::cases::float_metrics;
use crate::common::device::{Open as _, subset};
use crate::support::{gpu, rows, whole_gpu};
use futures::TryStreamExt as _;
use nearfield::{
    DType, Flat, Gpu, Guarantee, Hits, IdFilter, Index, IvfParams, Metric, Order, QueryFilter,
    Refine, RefineParams, Rows, Search, SearchParams,
};

const TYPES: [DType; 5] = [DType::F32, DType::F16, DType::Bf16, DType::I8, DType::U8];

fn factor(times: f32) -> SearchParams {
    SearchParams::new().refine(RefineParams::new().k_factor(times))
}

/// Every kernel that compares candidates: of flat candidates, so that all rows of every metric and type are among them.
#[test]
fn every_metric_and_type_is_compared_as_a_flat_index_does_it() {
    let gpu = gpu();
    let mut ways = 0;
    let mut metrics = float_metrics();
    let text = "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc + abs(q - x); }
                fn finish(acc: f32, d: u32) -> f32 { return acc - f32(d); }";
    metrics.push(Metric::wgsl(text, 0.0, Order::Ascending));
    for (number, metric) in metrics.iter().enumerate() {
        for (at, dtype) in TYPES.into_iter().enumerate() {
            let dim = if *metric == Metric::Haversine { 2 } else { [33, 7, 20][number % 3] };
            let made = || Flat::with_dtype(&gpu, dim, metric.clone(), dtype);
            if subset() && (number + at) % 3 != 0 && dtype != DType::F32 {
                continue;
            }
            let Ok(alone) = made() else { continue };
            let index = Refine::new(Box::new(made().unwrap()), Box::new(made().unwrap())).unwrap();
            let (base, queries) = (
                rows(230, dim, metric, dtype, 1 + number as u64),
                rows(5, dim, metric, dtype, 100 + number as u64),
            );
            for index in [&alone as &dyn Index, &index] {
                index.add_rows(base.rows()).unwrap();
                // few enough to leave the others where they are
                index.remove(&[3, 70, 71, 229]).unwrap();
            }
            let name = format!("{metric} {dtype} x {dim}");
            for k in [1, 9, 300] {
                let expected = alone.search_with(queries.rows(), k, &SearchParams::new()).unwrap();
                for times in [1.0, 3.0] {
                    let hits = index.search_with(queries.rows(), k, &factor(times)).unwrap();
                    assert_eq!(bits(&hits), bits(&expected), "{name}, {k} x {times}");
                }
                let Some((_, radius)) = expected.row(0).next_back() else { continue };
                let plain = SearchParams::new();
                let expected = alone.range_search_with(queries.rows(), radius, &plain).unwrap();
                let hits = index.range_search_with(queries.rows(), radius, &factor(1.5)).unwrap();
                assert_eq!(bits(&hits), bits(&expected), "{name} within {radius}");
            }
            ways += 1;
        }
    }
    assert!(ways >= 30, "{ways}");
}

/// Everything that a search may be told, of every first stage.
#[test]
fn candidates_are_compared_by_their_rows() {
    let gpu = gpu();
    for (of, metric) in [Metric::L2, Metric::InnerProduct, Metric::Cosine].into_iter().enumerate() {
        let (base, queries) = (numbers(400, &metric, 1), numbers(9, &metric, 2));
        let ids: Vec<u64> = (0..400).map(|i| 5000 - 7 * i).collect();
        let alone = flat(&gpu, &metric, DType::F32);
        alone.add_with_ids(Rows::F32(&base), &ids).unwrap();
        let asked = Rows::F32(&queries);
        for (number, stage) in Base::ALL.into_iter().enumerate() {
            let index =
                refined(stage.index(&gpu, &metric, &base, 3), flat(&gpu, &metric, DType::F32), 2.5);
            index.add_with_ids(Rows::F32(&base), &ids).unwrap();
            let each_own: QueryFilter = (0..9).map(|q| IdFilter::range(2500 + q..4500)).collect();
            let prepared = index.prepare_filter(IdFilter::range(3000..4800)).unwrap();
            let plain = SearchParams::new();
            let mut told = vec![
                plain.clone(),
                plain.clone().filter(IdFilter::range(2900..4000)),
                plain.clone().query_filter(each_own),
                plain.clone().prepared(&prepared),
                plain.clone().exclude(ids[..9].to_vec()),
                plain.clone().filter(IdFilter::range(0..10)),
            ];
            if matches!(stage, Base::Lists | Base::Steps | Base::Parts) {
                told.push(plain.clone().ivf(IvfParams::new().nprobe(1)));
                told.push(plain.clone().ivf(IvfParams::new().nprobe(NLIST)));
            }
            for (at, params) in told.iter().enumerate() {
                // every stage has every filter under one metric
                if at > 0 && (number + of) % 3 != 0 {
                    continue;
                }
                let asks = [(10, 2.5), (7, 100.0), (1, 1.0), (10, 1.0), (500, 3.0)];
                for (k, times) in asks.into_iter().take(if at == 0 { 5 } else { 2 }) {
                    let name = format!("{metric} {stage:?}, {at}: {k} x {times}");
                    let more = (k as f32 * times) as usize;
                    let candidates = index.base().search_with(asked, more, params).unwrap();
                    let expected = of_candidates(&*alone, &candidates, asked, k);
                    let own = match times {
                        2.5 => params.clone(),
                        _ => params.clone().refine(RefineParams::new().k_factor(times)),
                    };
                    let hits = index.search_with(asked, k, &own).unwrap();
                    assert_eq!(bits(&hits), bits(&expected), "{name}");
                    let stats = hits.stats();
                    assert_eq!(stats.refine.candidates, candidates.ids().len() as u64);
                    assert_eq!(stats.queries, 9);
                    if at == 0 {
                        // on its way, and with its rows
                        let later = index.submit(asked, k, &own).unwrap().wait().unwrap();
                        assert_eq!(bits(&later), bits(&expected), "{name}");
                        let (same, found) = index.search_and_reconstruct(asked, k, &own).unwrap();
                        assert_eq!(bits(&same), bits(&expected));
                        assert_eq!(found, alone.reconstruct_many(same.ids()).unwrap());
                        let first = index.search_with(asked.slice(DIM, 4..5), k, &own).unwrap();
                        let row: Vec<_> = expected.row(4).collect();
                        assert_eq!(first.row(0).collect::<Vec<_>>(), row);
                        let blocks = index.search_stream(asked, k, 4, &own).unwrap();
                        assert_eq!(joined(blocks), expected.ids());
                    }
                }
                within(&index, &*alone, asked, params);
            }
        }
    }
}

fn joined(blocks: nearfield::HitStream) -> Vec<u64> {
    let blocks: Vec<_> = pollster::block_on(blocks.try_collect()).unwrap();
    blocks.iter().flat_map(|(_, hits): &(_, Hits)| hits.ids().to_vec()).collect()
}

/// Of what the first stage has within a wider radius, that which is within the radius.
fn within(index: &Refine, alone: &dyn Search, asked: Rows<'_>, params: &SearchParams) {
    let all = alone.search_with(asked, 60, &SearchParams::new()).unwrap();
    let order = alone.metric().order();
    for (at, times) in [(5, 1.0), (5, 4.0), (40, 1.5)] {
        let radius = all.distances()[at];
        let wide = match order {
            Order::Ascending => radius * times,
            Order::Descending if radius > 0.0 => radius / times,
            Order::Descending => radius * times,
        };
        let base = index.base();
        let candidates = base.range_search_with(asked, wide, params).unwrap();
        let own = SearchParams::new().query_filter(each(&candidates));
        let expected = alone.range_search_with(asked, radius, &own).unwrap();
        let own = params.clone().refine(RefineParams::new().k_factor(times));
        let hits = index.range_search_with(asked, radius, &own).unwrap();
        assert_eq!(bits(&hits), bits(&expected), "within {radius} x {times}");
        let later = index.submit_range(asked, radius, &own).unwrap().wait().unwrap();
        assert_eq!(bits(&later), bits(&expected));
        if params.exclude.is_none() && params.query_filter.is_none() && params.prepared.is_none() {
            let blocks = index.range_stream(asked, radius, 2, &own).unwrap();
            assert_eq!(joined(blocks), expected.ids());
        }
    }
}

#[test]
fn a_factor_finds_more_until_it_finds_all() {
    let gpu = gpu();
    for (metric, stage) in [(Metric::L2, Base::Parts), (Metric::L2, Base::Rotated)] {
        let (base, queries) = (numbers(600, &metric, 3), numbers(40, &metric, 4));
        let alone = flat(&gpu, &metric, DType::F32);
        let index =
            refined(stage.index(&gpu, &metric, &base, NLIST), flat(&gpu, &metric, DType::F32), 1.0);
        for index in [&*alone, &index] {
            index.add(&base).unwrap();
        }
        let exact = alone.search(&queries, 5).unwrap();
        let mut recalls = Vec::new();
        for times in [1.0, 4.0, 16.0, 120.0] {
            let hits = index.search_with(Rows::F32(&queries), 5, &factor(times)).unwrap();
            let found = |q: usize| {
                let wanted: Vec<u64> = exact.row(q).map(|hit| hit.0).collect();
                hits.row(q).filter(|hit| wanted.contains(&hit.0)).count()
            };
            recalls.push((0..40).map(found).sum::<usize>());
            if times == 120.0 {
                assert_eq!(bits(&hits), bits(&exact), "{stage:?}");
            }
        }
        println!("{stage:?}: {recalls:?} of 200");
        assert!(recalls[0] < recalls[1] && recalls[1] <= recalls[2] && recalls[0] < 180);
        // as the index has it, for all searches
        index.set_k_factor(16.0).unwrap();
        assert_eq!(index.k_factor(), 16.0);
        let hits = index.search(&queries, 5).unwrap();
        let asked = index.search_with(Rows::F32(&queries), 5, &factor(16.0)).unwrap();
        assert_eq!(bits(&hits), bits(&asked));
        // every row, whatever the first stage finds
        let every = SearchParams::new().guarantee(Guarantee::Exact);
        let hits = index.search_with(Rows::F32(&queries), 5, &every).unwrap();
        assert_eq!(bits(&hits), bits(&exact));
        assert_eq!(hits.stats().refine.candidates, 0);
        let filtered = every.clone().filter(IdFilter::range(100..300)).exclude(vec![120; 40]);
        let expected = filtered.clone().guarantee(Guarantee::Index);
        let expected = alone.search_with(Rows::F32(&queries), 9, &expected).unwrap();
        let hits = index.search_with(Rows::F32(&queries), 9, &filtered).unwrap();
        assert_eq!(bits(&hits), bits(&expected));
        let radius = exact.distances()[3];
        let expected =
            alone.range_search_with(Rows::F32(&queries), radius, &SearchParams::new()).unwrap();
        let hits = index.range_search_with(Rows::F32(&queries), radius, &every).unwrap();
        assert_eq!(bits(&hits), bits(&expected));
    }
}

/// Ties, no rows, one row, one element, rows of other types whose codes are of f32, and queries of those.
#[test]
fn equal_rows_stand_in_their_order_and_types_may_differ() {
    let gpu = gpu();
    let metric = Metric::L2;
    let sample = numbers(60, &metric, 5);
    for stage in Base::ALL {
        let index = refined(
            stage.index(&gpu, &metric, &sample, NLIST),
            flat(&gpu, &metric, DType::F32),
            1.0,
        );
        let query = &sample[..DIM];
        assert_eq!(index.search(query, 3).unwrap().lims(), [0, 0]);
        assert_eq!(index.range_search(query, f32::INFINITY).unwrap().lims(), [0, 0]);
        assert_eq!(index.search(&[], 3).unwrap().len(), 0);
        // the same row, in an order that is not that of the ids
        let equal: Vec<f32> = query.iter().copied().cycle().take(80 * DIM).collect();
        let ids: Vec<u64> = (0..80).map(|i| (i * 37 + 11) % 80).collect();
        index.add_with_ids(Rows::F32(&equal), &ids).unwrap();
        let hits = index.search_with(Rows::F32(query), 80, &factor(2.0)).unwrap();
        assert_eq!(hits.ids(), ids, "{stage:?}");
        assert!(hits.distances().iter().all(|&d| d == 0.0));
        assert_eq!(index.ids(), ids);
        let own = SearchParams::new().exclude_self();
        let hits = index.search_with(Rows::F32(&equal), 79, &own).unwrap();
        assert!(hits.rows().zip(&ids).all(|(row, &id)| row.iter().all(|hit| hit.0 != id)));
        assert_eq!(hits.ids().len(), 80 * 79);
    }
    for dtype in [DType::F16, DType::U8, DType::I8, DType::Bf16] {
        let base = rows(200, DIM, &metric, dtype, 6);
        let queries = rows(4, DIM, &metric, DType::F32, 7);
        let sample = base.rows().to_f32();
        let index = refined(
            Base::Parts.index(&gpu, &metric, &sample, NLIST),
            flat(&gpu, &metric, dtype),
            8.0,
        );
        let alone = flat(&gpu, &metric, dtype);
        for index in [&*alone, &index] {
            index.add_rows(base.rows().slice(DIM, 0..150)).unwrap();
            let mut rest = crate::support::Trickle::new(base.rows().slice(DIM, 150..200), DIM, 17);
            index.add_from(&mut rest).unwrap();
        }
        assert_eq!((index.dtype(), index.base().dtype()), (dtype, DType::F32));
        let own = rows(4, DIM, &metric, dtype, 8);
        for queries in [queries.rows(), own.rows()] {
            let candidates = index.base().search_with(queries, 40, &SearchParams::new()).unwrap();
            let expected = of_candidates(&*alone, &candidates, queries, 5);
            let hits = index.search_with(queries, 5, &SearchParams::new()).unwrap();
            assert_eq!(bits(&hits), bits(&expected), "{dtype}");
        }
        assert_eq!(index.reconstruct_bytes(199).unwrap(), alone.reconstruct_bytes(199).unwrap());
    }
}

/// Candidates that take several submissions, of queries with many and with none.
#[test]
fn small_bindings_cut_a_call_and_change_no_answer() {
    let (metric, n) = (Metric::L2, 2500);
    let small = Gpu::builder().poison(true).max_binding_bytes(32 << 10).open().unwrap();
    let base = numbers(n, &metric, 11);
    let made = |gpu: &Gpu| {
        let index = refined(flat(gpu, &metric, DType::F32), flat(gpu, &metric, DType::F32), 1.0);
        index.add(&base).unwrap();
        index
    };
    let (ours, theirs) = (made(&small), made(&whole_gpu()));
    let mut queries = numbers(40, &metric, 12);
    // every third is far from all rows
    queries.chunks_exact_mut(3 * DIM).for_each(|three| three[0] = 1e3);
    let asked = Rows::F32(&queries);
    for (k, times) in [(200, 4.0), (3, 700.0), (1, 1.0)] {
        let hits = ours.search_with(asked, k, &factor(times)).unwrap();
        let expected = theirs.search_with(asked, k, &factor(times)).unwrap();
        assert_eq!(bits(&hits), bits(&expected), "{k} x {times}");
        let more = (k as f32 * times) as usize;
        assert_eq!(hits.stats().refine.candidates, 40 * more as u64);
        assert_eq!(hits.stats().refine.on_device, 40);
        let cut = hits.stats().submissions;
        assert!(k == 1 || cut >= 2, "{cut} submissions");
    }
    for radius in [0.0, 9.0, 30.0, f32::INFINITY] {
        let hits = ours.range_search_with(asked, radius, &factor(1.5)).unwrap();
        let expected = theirs.range_search_with(asked, radius, &factor(1.5)).unwrap();
        assert_eq!(bits(&hits), bits(&expected), "within {radius}");
        let counts = hits.lims().windows(2).map(|ends| ends[1] - ends[0]);
        let none = counts.filter(|&count| count == 0).count();
        assert_eq!(
            none,
            if radius == 0.0 {
                40
            } else if radius < 1e3 {
                none.max(13)
            } else {
                0
            }
        );
    }
}

/// Searches that are on their way together, and some that nobody waits for.
#[test]
fn searches_in_flight_do_not_mind_each_other() {
    let gpu = gpu();
    let (metric, base) = (Metric::L2, numbers(300, &Metric::L2, 13));
    let index =
        refined(Base::Parts.index(&gpu, &metric, &base, 3), flat(&gpu, &metric, DType::F32), 4.0);
    index.add(&base).unwrap();
    let query = |at: usize| Rows::F32(&base[at * DIM..(at + 2) * DIM]);
    let expected: Vec<_> = (0..12)
        .map(|at| bits(&index.search_with(query(at), 5, &SearchParams::new()).unwrap()))
        .collect();
    let pending = (0..12).map(|at| index.submit(query(at), 5, &SearchParams::new()).unwrap());
    for (at, pending) in pending.collect::<Vec<_>>().into_iter().enumerate() {
        match at % 3 {
            0 => drop(pending),
            1 => assert_eq!(bits(&pending.wait().unwrap()), expected[at]),
            _ => assert_eq!(bits(&pollster::block_on(pending).unwrap()), expected[at]),
        }
    }
    // it answers of the rows that there were
    let before = index.submit(query(3), 5, &SearchParams::new()).unwrap();
    index.remove(&(0..290).collect::<Vec<_>>()).unwrap();
    assert_eq!(bits(&before.wait().unwrap()), expected[3]);
    let after = index.search_with(query(3), 50, &SearchParams::new()).unwrap();
    assert!(!after.ids().is_empty() && after.ids().iter().all(|&id| id >= 290));
}
