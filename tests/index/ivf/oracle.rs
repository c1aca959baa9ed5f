//! What an index of lists should answer.

use crate::support::{Model, block, gpu, index, rows};
use nearfield::reference::{Problem, check_search};
use nearfield::{
    DType, DeviceType, Gpu, Hits, IdFilter, Index, IvfFlat, IvfParams, Metric, QueryFilter, Rows,
    Search, SearchParams, SqType,
};
use std::sync::LazyLock;

/// Whether hits that the host compared are those of the device: to the bit, but for what divides by lengths on real hardware, whose roots
/// and quotients need not be the nearest.
pub fn same(metric: &Metric, found: &Hits, expected: &Hits) -> bool {
    static SOFTWARE: LazyLock<bool> =
        LazyLock::new(|| gpu().caps().device_type == DeviceType::Software);
    let scaled = matches!(metric, Metric::Cosine | Metric::CosineDistance);
    if !scaled || *SOFTWARE {
        return bits(found) == bits(expected);
    }
    let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 4e-6;
    found.lims() == expected.lims() && found.distances().iter().zip(expected.distances()).all(near)
}

/// Ids, lims and the bits of the distances.
pub fn bits(hits: &Hits) -> (Vec<usize>, Vec<u64>, Vec<u32>) {
    let distances = hits.distances().iter().map(|d| d.to_bits()).collect();
    (hits.lims().to_vec(), hits.ids().to_vec(), distances)
}

/// Rows that every type of codes takes: of some, whole numbers.
pub fn taken(n: usize, dim: usize, metric: &Metric, kind: SqType, seed: u64) -> Vec<f32> {
    let rows = rows(n, dim, metric, DType::F32, seed).rows().to_f32();
    let whole = |x: f32| match kind {
        SqType::Direct8 => (x * 30.0 + 100.0).round().clamp(0.0, 255.0),
        SqType::Direct8Signed => (x * 30.0).round().clamp(-128.0, 127.0),
        _ => x,
    };
    rows.into_iter().map(whole).collect()
}

pub fn probing(nprobe: usize) -> SearchParams {
    SearchParams::new().ivf(IvfParams::new().nprobe(nprobe))
}

/// An index of lists, and beside it a flat one and a plain model that went through the same changes.
pub struct Twin {
    pub ivf: IvfFlat,
    pub flat: Box<dyn Index>,
    pub model: Model,
}

/// What is asked of both.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub nprobe: usize,
    pub k: usize,
    /// Of all queries.
    pub filter: &'a IdFilter,
    /// Of each query, on top.
    pub each: Option<&'a [IdFilter]>,
}

pub const ALL: &IdFilter = &IdFilter::All;

pub fn asked(nprobe: usize, k: usize) -> Asked<'static> {
    Asked { nprobe, k, filter: ALL, each: None }
}

impl Twin {
    /// Both without rows, with these centroids.
    pub fn new(gpu: &Gpu, dim: usize, metric: &Metric, dtype: DType, centroids: &[f32]) -> Twin {
        let ivf = IvfFlat::with_centroids(gpu, dim, metric.clone(), dtype, centroids).unwrap();
        let flat = index(gpu, dim, metric, dtype);
        Twin { ivf, flat, model: Model::new(metric, dtype, dim) }
    }

    /// Both with rows, of some of which the lists are learnt.
    pub fn trained(gpu: &Gpu, metric: &Metric, dim: usize, nlist: usize, rows: Rows<'_>) -> Twin {
        let dtype = rows.dtype();
        let ivf = IvfFlat::with_dtype(gpu, dim, metric.clone(), dtype, nlist).unwrap();
        ivf.train(rows).unwrap();
        let flat = index(gpu, dim, metric, dtype);
        let mut twin = Twin { ivf, flat, model: Model::new(metric, dtype, dim) };
        twin.add(rows);
        twin
    }

    /// Adds rows to all three.
    pub fn add(&mut self, rows: Rows<'_>) {
        let ids = self.ivf.add_rows(rows).unwrap();
        assert_eq!(self.flat.add_rows(rows).unwrap(), ids);
        self.model.add(rows, &ids.collect::<Vec<_>>());
    }

    pub fn remove(&mut self, ids: &[u64]) {
        let removed = self.ivf.remove(ids).unwrap();
        assert_eq!(self.flat.remove(ids).unwrap(), removed);
        self.model.rows.retain(|row| !ids.contains(&row.0));
    }

    /// The lists of each query, or of as many as have a distance to it.
    pub fn probes(&self, queries: Rows<'_>, nprobe: usize) -> Vec<Vec<u64>> {
        let lists = self.ivf.assign(queries, nprobe).unwrap();
        lists.rows().map(|row| row.into_iter().map(|(list, _)| list).collect()).collect()
    }

    /// The list of each row of the model, in its order; each list has as many rows as the index says.
    pub fn labels(&self) -> Vec<u64> {
        let bytes: Vec<u8> = self.model.rows.iter().flat_map(|row| row.1.clone()).collect();
        let labels: Vec<u64> = with_rows(self.model.dtype, &bytes, |rows| {
            self.probes(rows, 1).iter().map(|lists| lists.first().copied().unwrap_or(0)).collect()
        });
        let mut sizes = vec![0u64; self.ivf.nlist()];
        labels.iter().for_each(|&label| sizes[label as usize] += 1);
        assert_eq!(self.ivf.list_sizes(), sizes);
        labels
    }

    /// Whether the metric is a text, which has no definition in f64.
    fn is_custom(&self) -> bool {
        matches!(self.model.metric, Metric::Custom(_))
    }

    /// Holds the nearest lists of queries against f64.
    pub fn check_assigned(&self, queries: Rows<'_>, n: usize) {
        let dim = self.model.dim;
        if self.is_custom() {
            return;
        }
        let centroids = self.ivf.centroids().unwrap();
        let base = block(DType::F32, dim, bytemuck::cast_slice(&centroids));
        let queries_f64 = block(queries.dtype(), dim, queries.bytes());
        let all = |_: usize, _: usize| true;
        let measure = &self.model.metric;
        let problem = Problem { measure, queries: &queries_f64, base: &base, eligible: &all };
        let lists = self.ivf.assign(queries, n).unwrap();
        let found: Vec<Vec<(u64, f32)>> = lists.rows().collect();
        check_search(&problem, n, &found).unwrap_or_else(|why| panic!("{measure}: {why}"));
    }

    /// Holds a search and a range search against the flat index and f64, and returns the search's hits.
    pub fn check(&self, queries: Rows<'_>, asked: Asked<'_>) -> Hits {
        let Asked { nprobe, k, filter, each } = asked;
        let labels = self.labels();
        // where every list is looked at, queries that have a distance to none are looked for, too
        let every = nprobe >= self.ivf.nlist();
        let probes = self.probes(queries, nprobe);
        let reached: Vec<Vec<bool>> = probes
            .iter()
            .map(|lists| labels.iter().map(|list| every || lists.contains(list)).collect())
            .collect();
        let own = |query: usize| each.map_or(&IdFilter::All, |each| &each[query]);
        let told: QueryFilter = (0..probes.len())
            .map(|query| {
                let of_lists = self.model.rows.iter().zip(&reached[query]);
                let ids: Vec<u64> = of_lists.filter(|(_, r)| **r).map(|(row, _)| row.0).collect();
                IdFilter::batch(ids) & own(query).clone()
            })
            .collect();
        let theirs = SearchParams::new().filter(filter.clone()).query_filter(told);
        let mut ours = probing(nprobe);
        if !matches!(filter, IdFilter::All) {
            ours = ours.filter(filter.clone());
        }
        if let Some(each) = each {
            ours = ours.query_filter(QueryFilter::Each(each.to_vec()));
        }
        let what = format!("{} {}, nprobe {nprobe}, k {k}", self.model.metric, self.model.dtype);
        let found = self.ivf.search_with(queries, k, &ours).unwrap();
        let expected = self.flat.search_with(queries, k, &theirs).unwrap();
        assert_eq!(bits(&found), bits(&expected), "{what}");
        let stats = &found.stats().ivf;
        assert_eq!(stats.nprobe, nprobe.min(self.ivf.nlist()) as u64, "{what}");
        let eligible = |query: usize, row: usize| {
            let id = self.model.rows[row].0;
            reached[query][row] && filter.is_member(id) && own(query).is_member(id)
        };
        if !self.is_custom() {
            self.model.check_hits(&found, queries, k, &eligible);
        }
        // within the distance of some hit, which is in or out of its own list
        if let Some((_, radius)) = (0..found.len()).rev().find_map(|i| found.row(i).next_back()) {
            let within = self.ivf.range_search_with(queries, radius, &ours).unwrap();
            let expected = self.flat.range_search_with(queries, radius, &theirs).unwrap();
            assert_eq!(bits(&within), bits(&expected), "{what}, within {radius}");
        }
        let everything = self.model.metric.order().no_hit();
        let within = self.ivf.range_search_with(queries, everything, &ours).unwrap();
        let expected = self.flat.range_search_with(queries, everything, &theirs).unwrap();
        assert_eq!(bits(&within), bits(&expected), "{what}, within {everything}");
        found
    }
}

/// Bytes as rows, aligned for any type.
pub fn with_rows<T>(dtype: DType, bytes: &[u8], f: impl FnOnce(Rows<'_>) -> T) -> T {
    let mut words = vec![0u32; bytes.len().div_ceil(4)];
    let aligned: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
    aligned[..bytes.len()].copy_from_slice(bytes);
    f(Rows::from_bytes(dtype, &aligned[..bytes.len()]).unwrap())
}
