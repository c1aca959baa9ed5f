//! Codes of RaBitQ, in lists and in none: every answer is that of the estimates that the quantizer alone makes in f64, found without a miss,
//! and the same whatever is asked beside it.

use crate::common::data::Random;
use crate::support::{gpu, in_order};
use nearfield::{
    DType, Error, Flat, Gpu, Guarantee, Hits, IdFilter, Index, IvfParams, IvfRaBitQ, Metric,
    QueryBits, QueryFilter, RaBitQ, RaBitQuantizer, Rows, Search, SearchParams, index_factory,
    read_index, write_index,
};
use std::collections::HashMap;
use std::sync::LazyLock;

static GPU: LazyLock<Gpu> = LazyLock::new(gpu);
const NLIST: usize = 5;

fn normal(n: usize, dim: usize, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    (0..n * dim).map(|_| random.normal() as f32).collect()
}

/// Rows around some of their own, with rows that are there again and rows that are a center.
fn data(n: usize, dim: usize, seed: u64) -> Vec<f32> {
    let mut rows = normal(n, dim, seed);
    let centers: Vec<f32> = normal(NLIST, dim, 1000).iter().map(|x| 5.0 * x).collect();
    for (row, values) in rows.chunks_exact_mut(dim).enumerate() {
        let center = &centers[row % NLIST * dim..][..dim];
        values.iter_mut().zip(center).for_each(|(x, c)| *x += c);
        if row % 31 == 7 {
            values.copy_from_slice(center);
        }
    }
    for row in (10..n).filter(|row| row % 9 == 5) {
        rows.copy_within((row - 4) * dim..(row - 3) * dim, row * dim);
    }
    rows
}

/// An index and what its codes are by the quantizer alone.
struct Codes {
    index: Box<dyn Index>,
    /// Of each list, or of all rows.
    quantizers: Vec<RaBitQuantizer>,
    /// Of each id the list and the code.
    codes: HashMap<u64, (usize, Vec<u8>)>,
    name: String,
}

impl Codes {
    fn new(metric: &Metric, dim: usize, bits: u32, lists: bool) -> Codes {
        let root = if *metric == Metric::SqrtL2 { &Metric::L2 } else { metric };
        let plain = RaBitQuantizer::new(dim, root, bits).unwrap();
        let centers: Vec<f32> = normal(NLIST, dim, 1000).iter().map(|x| 5.0 * x).collect();
        let around = |center: &[f32]| plain.clone().with_center(center).unwrap();
        let name = format!("{metric} {bits} bits of {dim}, lists: {lists}");
        let codes = HashMap::new();
        if lists {
            let quantizers = centers.chunks_exact(dim).map(around).collect();
            let index =
                IvfRaBitQ::with_centroids(&GPU, dim, metric.clone(), bits, &centers).unwrap();
            return Codes { index: Box::new(index), quantizers, codes, name };
        }
        let quantizers = vec![around(&centers[..dim])];
        let index = if *metric == Metric::SqrtL2 {
            let index = RaBitQ::new(&GPU, dim, metric.clone(), bits).unwrap();
            index.train(Rows::F32(&centers[..dim])).unwrap();
            index
        } else {
            RaBitQ::with_quantizer(&GPU, metric.clone(), &quantizers[0]).unwrap()
        };
        Codes { index: Box::new(index), quantizers, codes, name }
    }

    fn note(&mut self, rows: &[f32], ids: impl Iterator<Item = u64>) {
        let dim = self.index.dim();
        let lists: Vec<usize> = match self.quantizers.len() {
            1 => vec![0; rows.len() / dim],
            _ => {
                let found = self.index.assign(Rows::F32(rows), 1).unwrap();
                found.rows().map(|list| list[0].0 as usize).collect()
            }
        };
        for ((row, id), list) in rows.chunks_exact(dim).zip(ids).zip(lists) {
            let code = self.quantizers[list].encode(Rows::F32(row)).unwrap();
            self.codes.insert(id, (list, code));
        }
    }

    fn add(&mut self, rows: &[f32]) {
        let ids = self.index.add(rows).unwrap();
        self.note(rows, ids);
    }

    fn remove(&mut self, ids: &[u64]) {
        assert_eq!(self.index.remove(ids).unwrap(), ids.len());
        ids.iter().for_each(|id| drop(self.codes.remove(id)));
    }

    /// Holds hits against the estimates of rows in the lists that are looked at.
    fn check(&self, queries: &[f32], (nprobe, k): (usize, usize), filter: &IdFilter) {
        let (index, metric) = (&self.index, self.index.metric());
        let (dim, ascending) = (index.dim(), *metric != Metric::InnerProduct);
        let asked = Rows::F32(queries);
        let ids = index.ids();
        let decoded = index.reconstruct_many(&ids).unwrap();
        for (id, decoded) in ids.iter().zip(decoded.chunks_exact(dim)) {
            let (list, code) = &self.codes[id];
            let expected = self.quantizers[*list].decode(code).unwrap();
            let close = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-5 * (1.0 + a.abs());
            assert!(decoded.iter().zip(&expected).all(close), "{}: {decoded:?}", self.name);
        }
        let params = probing(self.quantizers.len(), nprobe).filter(filter.clone());
        let found = index.search_with(asked, k, &params).unwrap();
        assert!(in_order(&found, metric.order()), "{}", self.name);
        let probed: Vec<Vec<usize>> = match self.quantizers.len() {
            1 => vec![vec![0]; queries.len() / dim],
            _ => {
                let probes = index.assign(asked, nprobe).unwrap();
                probes.rows().map(|lists| lists.iter().map(|l| l.0 as usize).collect()).collect()
            }
        };
        for (number, query) in queries.chunks_exact(dim).enumerate() {
            let mut all: HashMap<u64, (f64, f64)> = HashMap::new();
            for (id, decoded) in ids.iter().zip(decoded.chunks_exact(dim)) {
                let (list, code) = &self.codes[id];
                if !probed[number].contains(list) || !filter.is_member(*id) {
                    continue;
                }
                let far = self.quantizers[*list].estimate(query, code, QueryBits::Exact).unwrap();
                let size = query.iter().zip(decoded);
                let size: f64 = size.map(|(q, x)| f64::from(q.abs() + x.abs()).powi(2)).sum();
                all.insert(*id, (f64::from(far[0]), 4e-6 * size + 1e-6));
            }
            // squares, of which the error is known
            let raw = |far: f32| match metric {
                Metric::SqrtL2 => f64::from(far).powi(2),
                _ => f64::from(far),
            };
            let hits: Vec<(u64, f32)> = found.row(number).collect();
            assert_eq!(hits.len(), k.min(all.len()), "{}", self.name);
            for (id, far) in &hits {
                let (expected, slack) = all.remove(id).expect("a row of a list that is looked at");
                let off = (raw(*far) - expected).abs();
                assert!(off <= slack, "{} {id}: {far}, not {expected}", self.name);
            }
            let Some(&(_, last)) = hits.last() else { continue };
            for (id, (far, slack)) in &all {
                let nearer = if ascending { raw(last) - far } else { far - raw(last) };
                assert!(nearer <= 2.0 * slack, "{} missed {id} at {far}: {last}", self.name);
            }
        }
    }
}

fn probing(lists: usize, nprobe: usize) -> SearchParams {
    match lists {
        1 => SearchParams::new(),
        _ => SearchParams::new().ivf(IvfParams::new().nprobe(nprobe)),
    }
}

fn bits(hits: &Hits) -> (Vec<usize>, Vec<u64>, Vec<u32>) {
    let distances = hits.distances().iter().map(|x| x.to_bits());
    (hits.lims().to_vec(), hits.ids().to_vec(), distances.collect())
}

const ALL: &IdFilter = &IdFilter::All;

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
            codes.check(&data(2, dim, 3), (2, 4), ALL);
            codes.add(&data(300, dim, at as u64));
            let third = IdFilter::bitmap(vec![0x9249_2492_4924_9249u64; 7]);
            codes.check(&data(7, dim, 60), (2, 10), ALL);
            codes.check(&data(7, dim, 61), (NLIST, 12), &third);
            codes.check(&data(3, dim, 62), (NLIST, 1000), ALL);
            codes.check(&data(130, dim, 63), (2, 10), ALL);
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
        assert!(matches!(index.add(&rows), Err(Error::NotTrained)));
        assert!(matches!(index.search(&rows[..dim], 1), Err(Error::NotTrained)));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("untrained.nf");
        write_index(&*index, &path).unwrap();
        let again = read_index(&GPU, &path).unwrap();
        assert_eq!((again.is_trained(), again.description()), (false, text.to_owned()));
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
