//! Codes of RaBitQ whose rows are kept, in host memory or on the device: every answer is that of lists of the rows, to the bit, whatever the codes
//! are off by; files have the codes that estimate.

use super::both::{NLIST, gpu};
use super::oracle::{Twin, asked, bits as hits_of, probing, same, taken};
use crate::common::device::subset;
use crate::support::Trickle;
use nearfield::{
    DType, Error, Gpu, Guarantee, Hits, IdFilter, Index, IndexInfo, IvfParams, IvfRaBitQ, Metric,
    Originals, QueryFilter, Rows, Search, SearchParams, SqType, read_index,
};

const METRICS: [Metric; 3] = [Metric::L2, Metric::SqrtL2, Metric::InnerProduct];
pub const PLACES: [Originals; 2] = [Originals::Host, Originals::Device];

pub fn made(n: usize, dim: usize, metric: &Metric, seed: u64) -> Vec<f32> {
    taken(n, dim, metric, SqType::Bits8, seed)
}

/// The index, and lists of rows that went through the same changes.
pub struct Both {
    pub twin: Twin,
    pub index: IvfRaBitQ,
}

impl Both {
    pub fn new(gpu: &Gpu, metric: &Metric, of: (u32, Originals), dim: usize, base: &[f32]) -> Both {
        let index = IvfRaBitQ::new(gpu, dim, metric.clone(), NLIST, of.0).unwrap();
        let index = index.with_originals(of.1).unwrap();
        index.train(Rows::F32(base)).unwrap();
        let centroids = index.centroids().unwrap();
        let mut twin = Twin::new(gpu, dim, metric, DType::F32, &centroids);
        twin.add(Rows::F32(base));
        index.add(base).unwrap();
        Both { twin, index }
    }

    fn remove(&mut self, ids: &[u64]) {
        self.twin.remove(ids);
        self.index.remove(ids).unwrap();
    }

    /// Both, for what is done to each.
    fn each(&self) -> [&dyn Index; 2] {
        [&self.twin.ivf, &self.index]
    }

    pub fn same(&self, found: &Hits, expected: &Hits, what: &str) {
        let first = (0..found.len()).find(|&i| !found.row(i).eq(expected.row(i)));
        let of = |hits: &Hits| first.map(|i| (i, hits.row(i).collect::<Vec<_>>()));
        let metric = self.index.metric();
        let what = format!("{metric}, {} bits, {what}", self.index.bits());
        assert!(same(metric, found, expected), "{what}: {:?}, not {:?}", of(found), of(expected));
    }

    /// Holds searches against those of the rows, which are held against f64 where `deep` says so.
    pub fn check(&self, queries: &[f32], shapes: &[(usize, usize)], deep: bool) {
        let (ours, theirs) = (&self.index, &self.twin.ivf);
        assert_eq!((ours.len(), ours.ids()), (theirs.len(), theirs.ids()));
        assert_eq!(ours.list_sizes(), theirs.list_sizes());
        let back = |index: &dyn Index| index.reconstruct_many(&index.ids()).unwrap();
        assert_eq!(back(ours), back(theirs));
        let (all, count) = (Rows::F32(queries), queries.len() / ours.dim());
        let third = IdFilter::from_fn(|id| id % 3 != 1);
        let own = |q| IdFilter::from_fn(move |id| id % 4 != q % 4);
        for (at, &(nprobe, k)) in shapes.iter().enumerate() {
            let what = format!("nprobe {nprobe}, k {k}");
            if deep {
                self.twin.check(all, asked(nprobe, k));
            }
            let params = match at % 3 {
                0 => probing(nprobe),
                1 => probing(nprobe).filter(third.clone()),
                _ => probing(nprobe)
                    .query_filter((0..count as u64).map(own).collect::<QueryFilter>()),
            };
            let found = ours.search_with(all, k, &params).unwrap();
            let expected = theirs.search_with(all, k, &params).unwrap();
            self.same(&found, &expected, &what);
            assert!(found.stats().originals.compared > 0 && found.stats().refine.candidates == 0);
            for radius in (0..count).filter_map(|i| found.row(i).next_back()).take(2) {
                let found = ours.range_search_with(all, radius.1, &params).unwrap();
                let expected = theirs.range_search_with(all, radius.1, &params).unwrap();
                self.same(&found, &expected, &format!("{what}, within {}", radius.1));
            }
        }
        let exact = SearchParams::new().guarantee(Guarantee::Exact);
        let found = ours.search_with(all, 10, &exact).unwrap();
        self.same(&found, &theirs.search_with(all, 10, &exact).unwrap(), "exact");
        // rounding a query decides about estimates, and distances to rows are none
        let found = ours.search_with(all, 10, &probing(2).query_bits(4)).unwrap();
        self.same(&found, &theirs.search_with(all, 10, &probing(2)).unwrap(), "query_bits");
    }
}

#[test]
fn distances_are_those_of_the_rows_whatever_the_bits_and_the_place() {
    let gpus = [true, false].map(gpu);
    let dims = [1, 2, 8, 31, 64, 130];
    for (at, dim) in dims.into_iter().enumerate() {
        for (of, metric) in METRICS.iter().enumerate() {
            for (number, bits) in [4, 8, 5 + at as u32 % 5].into_iter().enumerate() {
                if subset() && (at + 2 * of + 5 * number) % 7 > 1 {
                    continue;
                }
                let base = made(300, dim, metric, 7 + at as u64);
                let kept = PLACES[(at + of) % 2];
                let both = Both::new(&gpus[at % 2], metric, (bits, kept), dim, &base);
                let queries = made(6, dim, metric, 50 + of as u64);
                both.check(&queries, &[(2, 10), (1, 1), (3, 12), (NLIST, 300)], number == of);
            }
        }
    }
}

/// Rows that are their centroid, equal rows, rows that differ by less than codes tell, rows far from all, tiny, huge, and of one value.
fn hostile(dim: usize, metric: &Metric, seed: u64) -> Vec<f32> {
    let mut base = made(420, dim, metric, seed);
    for (row, values) in base.chunks_exact_mut(dim).enumerate() {
        let by = match row {
            200..230 => 30.0,
            230..260 => 1e-3,
            // no product of elements of these rows is a subnormal number, which some devices take for zero and the host does not
            260..270 => 1e-6,
            270..275 => 1e-25,
            275..279 => 4e4,
            279..281 => 0.0,
            _ => 1.0,
        };
        values.iter_mut().for_each(|x| *x *= by);
        if (281..300).contains(&row) {
            values.fill(row as f32 / 300.0);
        }
    }
    let one = base[..dim].to_vec();
    for (row, values) in base.chunks_exact_mut(dim).enumerate().skip(300).take(110) {
        values.copy_from_slice(&one);
        values[0] += (row % 3) as f32 * 1e-6;
    }
    base
}

#[test]
fn answers_are_exact_whatever_the_codes_lose() {
    let gpus = [true, false].map(gpu);
    for (at, metric) in METRICS.iter().enumerate() {
        for (of, dim) in [2, 3, 19].into_iter().enumerate() {
            if subset() && (at + of) % 3 == 2 {
                continue;
            }
            let base = hostile(dim, metric, 60 + at as u64);
            let kept = PLACES[of % 2];
            let mut both =
                Both::new(&gpus[at % 2], metric, (4 + 4 * (of as u32 % 2), kept), dim, &base);
            let centroids = both.index.centroids().unwrap();
            both.twin.add(Rows::F32(&centroids));
            both.index.add(&centroids).unwrap();
            let mut queries = made(3, dim, metric, 90);
            for row in [0, 210, 240, 265, 272, 276, 279, 285, 310, 421] {
                queries.extend_from_slice(match row {
                    421 => &centroids[dim..2 * dim],
                    row => &base[row * dim..(row + 1) * dim],
                });
            }
            both.check(&queries, &[(2, 6), (3, 1), (NLIST, 30), (1, 300)], at == of);
        }
    }
}

/// Rows of few elements, many of them within what codes are off by.
#[test]
fn rows_are_told_apart_where_codes_are_equal() {
    let gpu = gpu(false);
    for metric in [Metric::L2, Metric::InnerProduct] {
        for (dim, bits) in [(2, 4), (4, 5)] {
            let base = made(900, dim, &metric, 5);
            let both = Both::new(&gpu, &metric, (bits, Originals::Host), dim, &base);
            let queries = made(80, dim, &metric, 6);
            for k in [1, 3] {
                let params = probing(NLIST);
                let found = both.index.search_with(Rows::F32(&queries), k, &params).unwrap();
                let expected = both.twin.ivf.search_with(Rows::F32(&queries), k, &params).unwrap();
                both.same(&found, &expected, &format!("{dim} elements, k {k}"));
                assert!(found.stats().originals.compared < 80 * 400, "{:?}", found.stats());
            }
        }
    }
}

#[test]
fn most_rows_are_told_apart_by_their_codes() {
    let (dim, n, metric) = (48, 3000, Metric::L2);
    let base = made(n, dim, &metric, 5);
    let queries = made(50, dim, &metric, 6);
    let mut compared = Vec::new();
    for (bits, kept) in [(4, Originals::Host), (4, Originals::Device), (8, Originals::Device)] {
        let both = Both::new(&gpu(false), &metric, (bits, kept), dim, &base);
        let found = both.index.search_with(Rows::F32(&queries), 10, &probing(3)).unwrap();
        let expected = both.twin.ivf.search_with(Rows::F32(&queries), 10, &probing(3)).unwrap();
        both.same(&found, &expected, "some lists");
        let stats = found.stats();
        assert!(stats.queries == 50 && stats.ivf.nprobe == 3 && stats.ivf.rows_probed > 50 * 1000);
        compared.push(stats.originals.clone());
        // without a proof nobody is asked again
        let params = probing(3).certify(false);
        let found = both.index.search_with(Rows::F32(&queries), 10, &params).unwrap();
        assert!(found.len() == 50 && found.stats().originals.again == 0);
    }
    println!("{compared:?}");
    assert!(compared[2].again == 0 && compared[2].compared < 50 * 450, "{compared:?}");
    assert!(compared[0].compared < 50 * 700, "{compared:?}");
    // by bins of 16 rows, those of the first twice
    assert!(compared[1].again == 0 && compared[1].compared < 50 * 1500, "{compared:?}");
}

#[test]
fn changes_are_those_of_lists_of_the_rows() {
    let (dim, metric) = (20, Metric::L2);
    for (bits, kept) in [(4, Originals::Device), (5, Originals::Host)] {
        let gpu = gpu(bits == 5);
        let made = |n, seed| made(n, dim, &metric, seed);
        let mut both = Both::new(&gpu, &metric, (bits, kept), dim, &made(200, 1));
        let (queries, shapes) = (made(6, 2), [(2, 7), (3, 20), (NLIST, 5)]);
        for round in 0..2 {
            both.remove(&(0..200).filter(|id| id % 7 == round).collect::<Vec<_>>());
            both.check(&queries, &shapes, false);
            let ids = both.index.ids();
            let far: Vec<f32> = made(12, 3 + round).iter().map(|x| x * 9.0).collect();
            for put in [&ids[..1], &ids[10..22]] {
                let rows = Rows::F32(&far[..put.len() * dim]);
                both.each().iter().for_each(|index| index.update_rows(rows, put).unwrap());
            }
            both.check(&queries, &shapes, false);
            let ids: Vec<u64> =
                ids[30..40].iter().copied().chain(900 + round * 10..905 + round * 10).collect();
            let rows = made(15, 8 + round);
            for index in both.each() {
                index.upsert(Rows::F32(&rows), &ids).unwrap();
                let more = made(70, 11 + round);
                index.add_from(&mut Trickle::new(Rows::F32(&more), dim, 9)).unwrap();
            }
            both.check(&queries, &shapes, false);
        }
        // more than half, so that what is left is gathered
        let ids = both.index.ids();
        for index in both.each() {
            index.remove(&ids[20..200]).unwrap();
        }
        both.check(&queries, &shapes, false);
        // learnt anew: lists are others, the rows are not
        let sample: Vec<f32> = made(100, 20).iter().map(|x| x * 3.0).collect();
        both.index.train(Rows::F32(&sample)).unwrap();
        both.twin.ivf.set_centroids(&both.index.centroids().unwrap()).unwrap();
        both.check(&queries, &shapes, false);
        for index in both.each() {
            index.add(&made(30, 21)).unwrap();
        }
        // those of another, wherever it has them
        let centroids = both.index.centroids().unwrap();
        let other =
            || IvfRaBitQ::with_centroids(&gpu, dim, metric.clone(), bits, &centroids).unwrap();
        let rows = made(40, 22);
        for (at, place) in PLACES.into_iter().enumerate() {
            let ids: Vec<u64> = (5000 + 100 * at as u64..).take(40).collect();
            let other = other().with_originals(place).unwrap();
            other.add_with_ids(Rows::F32(&rows), &ids).unwrap();
            other.remove(&ids[3..4]).unwrap();
            assert_eq!(both.index.merge_from(&other).unwrap(), 39);
            let rows = other.reconstruct_many(&other.ids()).unwrap();
            both.twin.ivf.add_with_ids(Rows::F32(&rows), &other.ids()).unwrap();
        }
        both.check(&queries, &shapes, false);
        let plain = other();
        plain.add_with_ids(Rows::F32(&rows), &(7000..7040).collect::<Vec<_>>()).unwrap();
        assert!(both.index.merge_from(&plain).is_err());
        // to one that estimates they come as codes
        let whole = both.index.len();
        assert_eq!(plain.merge_from(&both.index).unwrap(), whole);
        let ids = both.index.ids();
        let alone = other();
        let rows = both.index.reconstruct_many(&ids).unwrap();
        alone.add_with_ids(Rows::F32(&rows), &ids).unwrap();
        assert_eq!(plain.reconstruct_many(&ids).unwrap(), alone.reconstruct_many(&ids).unwrap());
    }
}

#[test]
fn files_have_the_codes_that_estimate_and_the_rows() {
    let (folder, dim) = (tempfile::tempdir().unwrap(), 19);
    for (bits, metric, kept) in
        [(4, Metric::L2, Originals::Device), (7, Metric::InnerProduct, Originals::Host)]
    {
        let (gpu, base) = (gpu(true), made(150, dim, &metric, 31));
        let mut both = Both::new(&gpu, &metric, (bits, kept), dim, &base);
        both.remove(&[3, 77]);
        let file = |name: &str| folder.path().join(name);
        let (path, second) = (file("originals.nf"), file("again.nf"));
        both.index.write(&path).unwrap();
        let info = IndexInfo::verify(&path, &mut |_, _| Ok(())).unwrap();
        assert!(info.ivf.unwrap().originals && info.kind == "IvfRaBitQ" && info.rows == 148);
        let again = IvfRaBitQ::read(&gpu, &path).unwrap();
        assert_eq!((again.originals(), again.bits()), (kept, bits));
        read_index(&gpu, &path).unwrap().write(&second).unwrap();
        assert!(std::fs::read(&path).unwrap() == std::fs::read(&second).unwrap());
        let both = Both { twin: both.twin, index: again };
        let queries = made(5, dim, &metric, 32);
        both.check(&queries, &[(2, 5), (NLIST, 9)], false);
        // the codes are those of an index that never had more, in files of either kind
        let centroids = both.index.centroids().unwrap();
        let plain = IvfRaBitQ::with_centroids(&gpu, dim, metric.clone(), bits, &centroids).unwrap();
        plain.add(&base).unwrap();
        plain.remove(&[3, 77]).unwrap();
        plain.write(&second).unwrap();
        let (bytes, whole) = (std::fs::read(&second).unwrap(), std::fs::read(&path).unwrap());
        // behind the header, which counts the sections
        assert!(whole[28..].starts_with(&bytes[28..]));
        let theirs = ["ours.faiss", "theirs.faiss"].map(file);
        nearfield::write_faiss(&both.index, &theirs[0]).unwrap();
        nearfield::write_faiss(&plain, &theirs[1]).unwrap();
        assert!(std::fs::read(&theirs[0]).unwrap() == std::fs::read(&theirs[1]).unwrap());
        // away with the originals
        let index = both.index;
        let memory = |path| IvfRaBitQ::read(&gpu, path).unwrap().memory();
        assert!(memory(&path) <= memory(&second) || kept == Originals::Device);
        let codes = index.with_originals(Originals::None).unwrap();
        codes.write(&path).unwrap();
        assert!(std::fs::read(&path).unwrap() == bytes);
        let found = codes.search(&queries, 9).unwrap();
        assert_eq!(hits_of(&found), hits_of(&plain.search(&queries, 9).unwrap()));
        let error = codes.with_originals(Originals::Device).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    }
}

#[test]
fn originals_go_from_the_host_to_the_device_and_back() {
    let (dim, metric) = (64, Metric::L2);
    let base = made(400, dim, &metric, 31);
    let mut both = Both::new(&gpu(true), &metric, (4, Originals::Host), dim, &base);
    both.remove(&[5, 9, 300]);
    let queries = made(6, dim, &metric, 32);
    let mut memory = Vec::new();
    for kept in [Originals::Device, Originals::Device, Originals::Host] {
        let Both { twin, index } = both;
        both = Both { twin, index: index.with_originals(kept).unwrap() };
        assert_eq!(both.index.originals(), kept);
        both.check(&queries, &[(2, 5), (NLIST, 40)], false);
        memory.push(both.index.memory());
    }
    assert!(memory[1] == memory[0] && memory[0] >= memory[2] + 400 * 64 * 4, "{memory:?}");
}

#[test]
fn more_lists_are_looked_at_and_proofs_hold_as_of_lists_of_rows() {
    let (dim, metric) = (12, Metric::SqrtL2);
    let mut base = made(500, dim, &metric, 21);
    for (row, values) in base.chunks_exact_mut(dim).enumerate() {
        // clusters that stand apart, as far as there are lists
        values[row % NLIST] += 60.0 * (1 + row % NLIST) as f32;
    }
    let queries: Vec<f32> = base[..20 * dim].iter().map(|x| x + 0.01).collect();
    for kept in PLACES {
        let both = Both::new(&gpu(true), &metric, (4, kept), dim, &base);
        for (k, ids) in [(5, 0..500), (150, 0..500), (40, 100..180), (600, 0..500), (3, 7..8)] {
            let ivf = IvfParams::new().nprobe(1).fill(true).prove(true);
            let params = SearchParams::new().ivf(ivf).filter(ids);
            let found = both.index.search_with(Rows::F32(&queries), k, &params).unwrap();
            let expected = both.twin.ivf.search_with(Rows::F32(&queries), k, &params).unwrap();
            both.same(&found, &expected, &format!("k {k}"));
            let proved = |hits: &Hits| (0..20).map(|i| hits.proved(i)).collect::<Vec<_>>();
            assert_eq!(proved(&found), proved(&expected));
            let (ours, theirs) = (&found.stats().ivf, &expected.stats().ivf);
            assert_eq!((ours.filled, ours.proved), (theirs.filled, theirs.proved));
            assert!(k != 5 || ours.proved > 0);
        }
        let params = SearchParams::new().ivf(IvfParams::new().nprobe(2).prove(true));
        let found = both.index.range_search_with(Rows::F32(&queries), 6.0, &params).unwrap();
        let expected = both.twin.ivf.range_search_with(Rows::F32(&queries), 6.0, &params).unwrap();
        both.same(&found, &expected, "proofs of a range");
        assert!(
            found.stats().ivf.proved == expected.stats().ivf.proved && found.stats().ivf.proved > 0
        );
    }
}
