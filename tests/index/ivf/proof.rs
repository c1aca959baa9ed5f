//! What is proved of a query is true: against f64, on clusters and on data that rounding is hard on, after any changes; and of clusters that
//! stand apart most queries are proved.

use super::oracle::{Twin, probing};
use crate::common::data::{Kind, Random};
use crate::common::device::subset;
use crate::support::{gpu, own_gpu, rows, whole_gpu};
use nearfield::{
    DType, Guarantee, Hits, IdFilter, Index, IvfFlat, IvfParams, IvfSq, KMeansInit, KMeansParams,
    Matrix, Metric, Rows, ScalarQuantizer, Search, SearchParams, SqType, kmeans,
};

fn proving(nprobe: usize) -> SearchParams {
    SearchParams::new().ivf(IvfParams::new().nprobe(nprobe).prove(true))
}

/// |a - b| in f64.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>().sqrt()
}

/// Rows of an index by their ids.
struct Known<'a> {
    index: &'a IvfFlat,
    rows: Vec<(u64, Vec<f32>)>,
}

impl<'a> Known<'a> {
    fn of(index: &'a IvfFlat) -> Known<'a> {
        let (ids, dim) = (index.ids(), index.dim());
        let mut values = vec![0f32; ids.len() * dim];
        index.reconstruct_into(&ids, bytemuck::cast_slice_mut(&mut values)).unwrap();
        Known { index, rows: ids.into_iter().zip(values.chunks(dim).map(Into::into)).collect() }
    }

    /// Holds what is said of neighbours and of a radius against all rows, and returns for how many queries it is said.
    fn check(&self, queries: &[f32], k: usize, nprobe: usize, filter: &IdFilter) -> usize {
        let dim = self.index.dim();
        let params = proving(nprobe).filter(filter.clone());
        let rows = Rows::F32(queries);
        let found = self.index.search_with(rows, k, &params).unwrap();
        let count = self.told(&found);
        let exact = SearchParams::new().guarantee(Guarantee::Exact).filter(filter.clone());
        let all_hits = self.index.search_with(rows, k, &exact).unwrap();
        let allowed = |id: u64| filter.is_member(id);
        let all = self.rows.iter().filter(|row| allowed(row.0)).count();
        for (query, q) in queries.chunks_exact(dim).enumerate().filter(|(i, _)| found.proved(*i)) {
            let hits: Vec<u64> = found.row(query).map(|hit| hit.0).collect();
            let of = |id: &u64| distance(q, &self.rows.iter().find(|row| row.0 == *id).unwrap().1);
            let last = hits.iter().map(of).fold(0.0, f64::max);
            assert_eq!(hits.len(), k.min(all), "query {query}");
            let missed = self.rows.iter().filter(|row| allowed(row.0) && !hits.contains(&row.0));
            for (id, row) in missed {
                // what was looked at is off by the device's rounding at most
                let near = distance(q, row) * (1.0 + 1e-5 * dim as f64) + 1e-18;
                assert!(near >= last, "query {query} misses {id} at {near}, farthest {last}");
            }
            assert!(all_hits.row(query).eq(found.row(query)), "query {query}");
        }
        let Some(&radius) = found.distances().get(found.distances().len() / 2) else {
            return count;
        };
        let within = self.index.range_search_with(rows, radius, &params).unwrap();
        self.told(&within);
        let exact = self.index.range_search_with(rows, radius, &exact).unwrap();
        for query in (0..within.len()).filter(|&query| within.proved(query)) {
            assert!(exact.row(query).eq(within.row(query)), "query {query} within {radius}");
        }
        count
    }

    fn told(&self, found: &Hits) -> usize {
        let count = (0..found.len()).filter(|&query| found.proved(query)).count();
        assert_eq!(found.stats().ivf.proved, count as u64);
        count
    }
}

/// 64 centres in 16 dimensions, the nearest two of which stand this far apart.
fn centres(apart: f64, random: &mut Random) -> Vec<Vec<f64>> {
    let mut all: Vec<Vec<f64>> =
        (0..64).map(|_| (0..16).map(|_| random.uniform()).collect()).collect();
    let between = |a: &[f64], b: &[f64]| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
    };
    let pairs = (0..64).flat_map(|i| (0..i).map(move |j| (i, j)));
    let least = pairs.map(|(i, j)| between(&all[i], &all[j])).fold(f64::INFINITY, f64::min);
    all.iter_mut().flatten().for_each(|x| *x *= apart / least);
    all
}

/// `n` rows around each centre, one after the other.
fn around(centres: &[Vec<f64>], n: usize, random: &mut Random) -> Vec<f32> {
    let mut rows = Vec::new();
    for _ in 0..n {
        rows.extend(centres.iter().flatten().map(|x| (x + random.normal()) as f32));
    }
    rows
}

#[test]
fn most_queries_are_proved_where_clusters_stand_apart() {
    for (metric, seed) in [(Metric::L2, 61), (Metric::SqrtL2, 62)] {
        let mut random = Random::new(seed);
        let centres = centres(20.0, &mut random);
        let base = around(&centres, 25, &mut random);
        let queries = around(&centres, 2, &mut random);
        let gpu = whole_gpu();
        let points = Matrix::from_rows(&gpu, 16, Rows::F32(&base)).unwrap();
        let params = KMeansParams::new().init(KMeansInit::KMeansPlusPlus).niter(10);
        let lists = kmeans(&points, &Metric::L2, 64, &params).unwrap().centroids;
        let index = IvfFlat::with_centroids(&gpu, 16, metric.clone(), DType::F32, &lists).unwrap();
        index.add(&base).unwrap();
        let known = Known::of(&index);
        let proved = known.check(&queries, 10, 4, &IdFilter::All);
        println!("{metric}: {proved} of 128 proved");
        assert!(2 * proved >= 128, "{metric}: {proved} of 128");
        // nothing is asked, nothing is said
        let plain = index.search_with(Rows::F32(&queries), 10, &probing(4)).unwrap();
        assert!((0..128).all(|query| !plain.proved(query)) && plain.stats().ivf.proved == 0);
    }
}

#[test]
fn nothing_is_proved_that_is_not_so() {
    const DIM: usize = 6;
    // clusters moved and scaled: far from the origin, near nothing, and near the end of the range, where squares vanish and where they are largest
    let shapes = [
        (0.0, 1.0),
        (1e3, 1.0),
        (1e6, 1.0),
        (3e7, 1.0),
        (0.0, 1e-12),
        (0.0, 1e-19),
        (0.0, 1e-22),
        (0.0, 1e-40),
        (0.0, 1e15),
        (0.0, 1.3e16),
    ];
    let mut proved = Vec::new();
    for (at, (offset, scale)) in shapes.into_iter().enumerate() {
        let mut random = Random::new(70 + at as u64);
        let mut clusters = |n: usize| -> Vec<f32> {
            let of = |i: usize, random: &mut Random| {
                let value = [0.0, 7.0, 30.0][i % 3] + random.normal() * [0.1, 1.0][i % 2];
                (offset + scale * value) as f32
            };
            (0..n).flat_map(|i| vec![i; DIM]).map(|i| of(i, &mut random)).collect()
        };
        let (base, queries) = (clusters(240), clusters(30));
        let index = IvfFlat::new(&gpu(), DIM, Metric::L2, 9).unwrap();
        index.train(Rows::F32(&base)).unwrap();
        index.add(&base).unwrap();
        let known = Known::of(&index);
        // of the subset, with a number of lists in turn
        let some = if subset() { &[3, 8, 1][at % 3..][..1] } else { &[1, 3, 8] };
        let count = some.iter().map(|&nprobe| known.check(&queries, 5, nprobe, &IdFilter::All));
        proved.push(count.sum::<usize>());
    }
    println!("proved {proved:?}");
    assert!(proved[0] > 0 && proved[1] > 0, "{proved:?}");
    let kinds =
        [Kind::Duplicates, Kind::AllEqual, Kind::FarShell, Kind::NearDuplicates, Kind::WideNorms];
    for (at, kind) in kinds.into_iter().enumerate() {
        let base: Vec<f32> =
            kind.rows(200, DIM, 81, false, 1.0).into_iter().map(|x| x as f32).collect();
        let queries: Vec<f32> =
            kind.rows(20, DIM, 82, true, 1.0).into_iter().map(|x| x as f32).collect();
        let index = IvfFlat::new(&gpu(), DIM, Metric::L2, 8).unwrap();
        index.train(Rows::F32(&base)).unwrap();
        index.add(&base).unwrap();
        let all = [(1, 1), (10, 2), (300, 7)];
        for &(k, nprobe) in if subset() { &all[at % 3..][..1] } else { &all[..] } {
            Known::of(&index).check(&queries, k, nprobe, &IdFilter::All);
        }
    }
}

#[test]
fn changes_keep_the_proofs_true() {
    const DIM: usize = 4;
    let mut random = Random::new(90);
    let centroids: Vec<f32> = (0..12).flat_map(|i| [60.0 * i as f32, 0.0, 0.0, 0.0]).collect();
    let gpu = gpu();
    let empty = || IvfFlat::with_centroids(&gpu, DIM, Metric::L2, DType::F32, &centroids).unwrap();
    let mut some = |n: usize, spread: f64| -> Vec<f32> {
        let row = |i: usize, random: &mut Random| -> Vec<f32> {
            let centre = [60.0 * (i % 12) as f64, 0.0, 0.0, 0.0];
            centre.iter().map(|x| (x + spread * random.normal()) as f32).collect()
        };
        (0..n).flat_map(|i| row(i, &mut random)).collect()
    };
    let index = empty();
    let queries = some(36, 1.0);
    let check = |index: &IvfFlat| {
        let filter = IdFilter::from_fn(|id| id % 3 != 0);
        let known = Known::of(index);
        known.check(&queries, 3, 2, &filter);
        known.check(&queries, 3, 2, &IdFilter::All)
    };
    assert_eq!(check(&index), 36, "no list has a row");
    index.add(&some(240, 1.0)).unwrap();
    assert!(check(&index) > 30);
    // one far out in the list of a cluster
    index.add(&[300.0, 200.0, 0.0, 0.0]).unwrap();
    let with_one = check(&index);
    // which an update brings near others, and another one far away
    index.update(240, Rows::F32(&[0.0, 0.5, 0.0, 0.0])).unwrap();
    index.update(5, Rows::F32(&[329.0, 0.0, 0.0, 0.0])).unwrap();
    assert!(check(&index) <= with_one + 12);
    index.remove(&Vec::from_iter(0..100)).unwrap();
    check(&index);
    // measured anew of a file, whose lists have no more than they have
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lists.nf");
    index.write(&path).unwrap();
    let again = IvfFlat::read(&own_gpu(), &path).unwrap();
    assert!(check(&again) >= check(&index));
    let other = empty();
    other.add(&some(60, 2.0)).unwrap();
    other.remove(&Vec::from_iter(0..60)).unwrap();
    other.merge_from(&again).unwrap();
    check(&other);
    other.add(&some(24, 40.0)).unwrap();
    check(&other);
}

#[test]
fn where_every_list_is_looked_at_all_is_proved_and_of_other_metrics_nothing() {
    for metric in [Metric::L2, Metric::Cosine, Metric::InnerProduct] {
        let base = rows(300, 5, &metric, DType::F32, 95);
        let twin = Twin::trained(&gpu(), &metric, 5, 10, base.rows());
        let queries = rows(12, 5, &metric, DType::F32, 96);
        let exact = SearchParams::new().guarantee(Guarantee::Exact);
        let exact = exact.ivf(IvfParams::new().prove(true));
        for params in [proving(10), proving(99), exact] {
            let found = twin.ivf.search_with(queries.rows(), 4, &params).unwrap();
            assert!((0..12).all(|query| found.proved(query)));
        }
        if metric != Metric::L2 {
            let found = twin.ivf.search_with(queries.rows(), 4, &proving(9)).unwrap();
            assert!((0..12).all(|query| !found.proved(query)));
        }
        // filled up, and the row itself left out
        let params = SearchParams::new().ivf(IvfParams::new().nprobe(2).fill(true).prove(true));
        let found = twin.ivf.search_with(base.rows(), 4, &params.exclude_self()).unwrap();
        assert_eq!(found.lims().last(), Some(&1200));
    }
}

/// A row that takes the place of another may reach farther than all that its list had, whatever is stored of it.
#[test]
fn a_row_that_comes_into_a_list_moves_its_bounds() {
    let (near, far) = ([0.0f32; 4], [100.0, 0.0, 0.0, 0.0]);
    let centroids = [near, far].concat();
    let some: Vec<f32> =
        (0..12).flat_map(|i| [100.0 * (i % 2) as f32, i as f32, 0.0, 0.0]).collect();
    let quantizer = ScalarQuantizer::new(4, SqType::Fp16).unwrap();
    let ivf = IvfFlat::with_centroids(&gpu(), 4, Metric::L2, DType::F32, &centroids).unwrap();
    let codes = IvfSq::with_centroids(&gpu(), Metric::L2, &quantizer, &centroids).unwrap();
    for index in [&ivf as &dyn Index, &codes] {
        index.add(&some).unwrap();
        let query = Rows::F32(&[30.0, 0.0, 0.0, 0.0]);
        let proved =
            |index: &dyn Index| index.search_with(query, 1, &proving(1)).unwrap().proved(0);
        assert!(proved(index));
        // still nearer to the far centroid, and nearer to the query than all that is in the near list
        index.update_rows(Rows::F32(&[51.0, 0.0, 0.0, 0.0]), &[7]).unwrap();
        assert_eq!(index.search(&[30.0, 0.0, 0.0, 0.0], 1).unwrap().ids(), [7]);
        assert!(!proved(index), "{index:?}");
    }
}

/// Rows that are replaced in any order lie where they would if they were replaced one by one.
#[test]
fn rows_that_are_replaced_together_are_in_their_own_lists() {
    let base = rows(300, 5, &Metric::L2, DType::F32, 97);
    let other = rows(60, 5, &Metric::L2, DType::F32, 98);
    let values = other.rows().to_f32();
    let ids: Vec<u64> = (0..60).map(|i| i * 149 % 300).collect();
    let [together, each] = [0, 1].map(|_| {
        let index = IvfFlat::new(&gpu(), 5, Metric::L2, 9).unwrap();
        index.train(base.rows()).unwrap();
        index.add(&base.rows().to_f32()).unwrap();
        index
    });
    together.update_rows(Rows::F32(&values), &ids).unwrap();
    for (&id, row) in ids.iter().zip(values.chunks(5)) {
        each.update_rows(Rows::F32(row), &[id]).unwrap();
    }
    assert_eq!(together.list_sizes(), each.list_sizes());
    let queries = rows(20, 5, &Metric::L2, DType::F32, 99);
    for nprobe in [1, 2, 8] {
        let [a, b] = [&together, &each]
            .map(|index| index.search_with(queries.rows(), 5, &proving(nprobe)).unwrap());
        assert!(
            (0..20)
                .all(|query| a.row(query).eq(b.row(query)) && a.proved(query) == b.proved(query))
        );
    }
}
