//! Lists are searched as the flat search does it whose filter leaves each query the rows of its lists.

use super::assign;
use super::lists::InvertedLists;
use super::search::{Look, Probe};
use crate::call::{EachFilter, Filter, Options, RowHits, SharedFilter, mask_words};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::exact::{self, Dataset};
use crate::format::SliceSource;
use crate::kernel::best_matrix_tile;
use crate::metric::Metric;
use half::{bf16, f16};

/// Numbers of both signs, the same for one seed, some of them often.
fn random(n: usize, seed: u64) -> Vec<f32> {
    let mut rng = fastrand::Rng::with_seed(seed);
    (0..n).map(|_| (rng.f32() * 2.0 - 1.0) * if rng.u8(..) < 40 { 0.0 } else { 3.0 }).collect()
}

/// Settings under which each way of going through lists is taken, and the kernel that shows it.
const WAYS: &[(&str, &[(&str, &str)])] = &[
    (
        "scan_row",
        &[("matrix.use", "0"), ("lists.flat_share", "1"), ("lists.max_tile_queries", "1000")],
    ),
    (
        "scan_tile",
        &[("matrix.use", "0"), ("lists.flat_share", "1"), ("lists.max_tile_queries", "0")],
    ),
    ("scan_matrix", &[("matrix.use", "1"), ("lists.flat_share", "1")]),
    ("probed_rows", &[("lists.flat_share", "0")]),
];

/// Whether the driver runs a subset, being slow or looked at for what differs from another.
fn subset() -> bool {
    std::env::var("NEARFIELD_TEST_SET").is_ok_and(|set| set == "pairwise")
}

fn gpu(settings: &[(&str, &str)], segment_bytes: u64) -> Option<Gpu> {
    let builder = Gpu::test_builder().poison(true).max_segment_bytes(segment_bytes);
    let builder = settings.iter().fold(builder, |b, (key, value)| b.setting(*key, value));
    let gpu = builder.build().ok();
    if gpu.is_none() {
        println!("skipped: no adapter (1)");
    }
    gpu
}

/// Whether the device cannot go a way.
fn lacks(gpu: &Gpu, kernel: &str) -> bool {
    let lacks = kernel == "scan_matrix" && best_matrix_tile(gpu, true).unwrap().is_none();
    if lacks {
        println!("skipped: lists on matrix units, which the device has not (1)");
    }
    lacks
}

/// Lists of these rows around some of them.
fn lists(gpu: &Gpu, metric: &Metric, rows: Rows<'_>, d: usize, nlist: usize) -> InvertedLists {
    let dataset = exact::Dataset::new(gpu, metric, rows.dtype(), d).unwrap();
    let empty = InvertedLists::of(dataset, nlist).unwrap();
    let centroids = rows.slice(d, 0..nlist).to_f32();
    let trained = empty.with_centroids(&centroids).unwrap();
    // in pieces, of which one is a row
    let n = rows.count(d).unwrap();
    let mut lists = trained;
    for (start, end) in [(0, n / 3), (n / 3, n / 3 + 1), (n / 3 + 1, n)] {
        let mut source = SliceSource::new(rows.slice(d, start..end), d).unwrap();
        lists = lists.append(&mut source).unwrap();
    }
    lists
}

/// `filter`, of whose rows those of the probed lists are left to each query.
fn masked(lists: &InvertedLists, probes: &assign::Nearest, filter: Filter) -> Filter {
    let words = mask_words(lists.dataset().len());
    let labels = lists.labels(0..lists.dataset().len() as usize);
    let mut bits = Vec::new();
    for ends in probes.lims.windows(2) {
        let own = &probes.centroids[ends[0]..ends[1]];
        let mut of_query = vec![0u32; words];
        for (row, label) in labels.iter().enumerate().filter(|(_, label)| own.contains(label)) {
            of_query[row / 32] |= 1 << (row % 32);
            assert!((*label as usize) < lists.nlist());
        }
        bits.extend(of_query);
    }
    if let Some(EachFilter::Words(own)) = filter.each {
        bits.iter_mut().zip(own).for_each(|(bits, own)| *bits &= own);
    }
    Filter { each: Some(EachFilter::Words(bits)), ..filter }
}

/// What the flat search finds in the rows of the probed lists.
fn expected(
    lists: &InvertedLists,
    queries: Rows<'_>,
    k: usize,
    nprobe: usize,
    filter: Filter,
) -> RowHits {
    let probes =
        assign::nearest(lists.centroids().unwrap(), queries, nprobe, Options::default()).unwrap();
    let filter = masked(lists, &probes, filter);
    let options = Options::dense();
    exact::submit_search(lists.dataset(), queries, k, filter, options).unwrap().wait().unwrap()
}

fn check(
    lists: &InvertedLists,
    queries: Rows<'_>,
    k: usize,
    nprobe: usize,
    filter: &Filter,
    what: &str,
) -> Vec<String> {
    let expected = expected(lists, queries, k, nprobe, filter.clone());
    let look = Look { probe: Probe::Nearest(k), nprobe, fill: false, prove: false };
    let found = lists.submit(queries, look, filter.clone(), Options::default());
    let found = found.unwrap().wait().unwrap();
    assert_eq!(found.lims, expected.lims, "{what}");
    for (at, (a, b)) in found.ids.iter().zip(&expected.ids).enumerate() {
        let distances = (found.distances[at], expected.distances[at]);
        assert_eq!(
            (a, distances.0.to_bits()),
            (b, distances.1.to_bits()),
            "{what}: hit {at}, {distances:?}"
        );
    }
    found.stats.variants
}

#[test]
fn probed_lists_are_searched_as_the_flat_search_of_their_rows() {
    for (kernel, settings) in WAYS {
        let mut kernels = Vec::new();
        // two sizes of segments: one for all, and some of each list in several
        for (cut, segment_bytes) in [1 << 26, 64 * 160].into_iter().enumerate() {
            let Some(gpu) = gpu(settings, segment_bytes) else { return };
            if lacks(&gpu, kernel) {
                break;
            }
            for (d, n) in [(1, 130), (7, 400), (40, 900)] {
                let (rows, queries) = (random(n * d, 3), random(70 * d, 4));
                let metrics =
                    [Metric::L2, Metric::InnerProduct, Metric::Cosine, Metric::L1, Metric::Gower];
                for (i, metric) in metrics.iter().enumerate() {
                    // of a subset, each metric meets each length with one of the sizes
                    if subset() && (cut + i + d) % 2 != 0 {
                        continue;
                    }
                    let lists = lists(&gpu, metric, Rows::F32(&rows), d, 13);
                    // each metric meets each of them once
                    let (k, nprobe) = [(1, 1), (10, 3), (300, 12)][(i + d) % 3];
                    let what = format!("{metric} {n} x {d}, k {k}, nprobe {nprobe}");
                    for queries in [&queries[..], &queries[..3 * d]] {
                        let none = Filter::default();
                        kernels.extend(check(&lists, Rows::F32(queries), k, nprobe, &none, &what));
                    }
                }
            }
        }
        let listed = |name: &String| {
            name.starts_with(kernel) && (name.contains("_table") || *kernel == "probed_rows")
        };
        assert!(kernels.is_empty() || kernels.iter().any(listed), "{kernel}: {kernels:?}");
    }
}

#[test]
fn every_type_filter_and_removal_is_searched_likewise() {
    let (d, n, nq) = (24, 700, 40);
    for (kernel, settings) in WAYS {
        let Some(gpu) = gpu(settings, 64 * 160) else { return };
        if lacks(&gpu, kernel) {
            continue;
        }
        let (rows, queries) = (random(n * d, 5), random(nq * d, 6));
        let halves: Vec<f16> = rows.iter().map(|&v| f16::from_f32(v)).collect();
        let brains: Vec<bf16> = rows.iter().map(|&v| bf16::from_f32(v)).collect();
        let bytes: Vec<u8> = rows.iter().map(|v| (v.abs() * 80.0) as u8).collect();
        let signed: Vec<i8> = rows.iter().map(|v| (v * 40.0) as i8).collect();
        let few: Vec<u8> = queries.iter().map(|v| (v.abs() * 80.0) as u8).collect();
        let all = [
            Rows::F32(&rows),
            Rows::F16(&halves),
            Rows::Bf16(&brains),
            Rows::U8(&bytes),
            Rows::I8(&signed),
        ];
        let words = mask_words(n as u64);
        let bits = |seed: u64| {
            fastrand::Rng::with_seed(seed).u32(..) | fastrand::Rng::with_seed(seed + 9).u32(..)
        };
        let shared: Vec<u32> = (0..words as u64).map(bits).collect();
        let each: Vec<u32> = (0..(words * nq) as u64).map(|i| bits(i + 1000)).collect();
        for (i, rows) in all.into_iter().enumerate() {
            let metric = [Metric::L2, Metric::Cosine][i % 2].clone();
            let lists = lists(&gpu, &metric, rows, d, 9);
            let live: Vec<u32> = (0..words as u64).map(|i| bits(i + 77)).collect();
            let removed = lists.mask(&live).unwrap();
            let more = SliceSource::new(rows.slice(d, 0..50), d);
            let grown = removed.append(&mut more.unwrap()).unwrap();
            let less = grown.gather(&(0..n as u32).step_by(3).collect::<Vec<_>>()).unwrap();
            for (name, lists) in
                [("all", &lists), ("removed", &removed), ("grown", &grown), ("less", &less)]
            {
                // of a subset, half of the types are looked at after each change
                if subset() && name != "all" && (i + name.len()) % 2 != 0 {
                    continue;
                }
                let own = rows.dtype() == DType::U8;
                let queries = if own { Rows::U8(&few) } else { Rows::F32(&queries) };
                let whole = name == "all";
                let mut filters = vec![Filter::default()];
                if whole {
                    let shared = || Some(SharedFilter::Words(shared.clone()));
                    let each = || Some(EachFilter::Words(each.clone()));
                    filters.push(Filter { shared: shared(), each: None });
                    filters.push(Filter { shared: None, each: each() });
                    filters.push(Filter { shared: shared(), each: each() });
                }
                for (i, filter) in filters.iter().enumerate() {
                    let what = format!("{metric} of {}, {name}, filter {i}", rows.dtype());
                    check(lists, queries, 10, 4, filter, &what);
                }
            }
        }
    }
}

#[test]
fn what_scores_cannot_tell_apart_is_compared_exactly() {
    let d = 2;
    for (kernel, settings) in WAYS {
        let few = [("scan.min_rows", "64"), ("scan.max_row_queries", "5")];
        let settings: Vec<_> = settings.iter().copied().chain(few).collect();
        let Some(gpu) = gpu(&settings, 1 << 26) else { return };
        if lacks(&gpu, kernel) {
            continue;
        }
        // more bins of equal rows than there is room for, and as many equal centroids
        let mut rows = [1.0f32, 2.0].repeat(5000);
        rows.extend(random(300 * d, 8));
        let mut centroids = [1.0f32, 2.0].repeat(200);
        centroids.extend(random(9 * d, 9));
        let rows_of = Dataset::new(&gpu, &Metric::L2, DType::F32, d).unwrap();
        let empty = InvertedLists::of(rows_of, 209).unwrap();
        let trained = empty.with_centroids(&centroids).unwrap();
        let lists = trained.append(&mut SliceSource::new(Rows::F32(&rows), d).unwrap()).unwrap();
        assert_eq!(lists.labels(0..5000), vec![0; 5000], "equal centroids: the first has all");
        let queries = [[1.0f32, 2.0].repeat(30), random(30 * d, 10)].concat();
        let none = Filter::default();
        check(&lists, Rows::F32(&queries), 10, 5, &none, "equal rows");
        if *kernel == "probed_rows" {
            // the flat search looks at all rows, and tells its own
            continue;
        }
        let look = Look { probe: Probe::Nearest(10), nprobe: 5, fill: false, prove: false };
        let found = lists.submit(Rows::F32(&queries), look, none, Options::default());
        let stats = found.unwrap().wait().unwrap().stats;
        assert!(stats.exact.rerun > 0, "{stats:?}");
        assert!(stats.ivf.rows_probed >= 30 * 5000, "{stats:?}");
    }
}

/// Rows close to each other and far from the origin: a copy in f16 blurs them, f32 does not.
#[test]
fn what_a_copy_blurs_is_told_apart_by_the_rows_as_they_are_stored() {
    let (d, n) = (16, 5000);
    for (kernel, settings) in WAYS.iter().filter(|(kernel, _)| *kernel != "probed_rows") {
        let copied = [("matrix.f16_copy", "1"), ("scan.min_rows", "64")];
        let settings: Vec<_> = settings.iter().copied().chain(copied).collect();
        let Some(gpu) = gpu(&settings, 1 << 26) else { return };
        if lacks(&gpu, kernel) {
            continue;
        }
        let near = |n, seed| random(n * d, seed).iter().map(|x| 8.0 + x / 12.0).collect::<Vec<_>>();
        let (rows, queries) = (near(n, 21), near(70, 22));
        let rows_of = Dataset::new(&gpu, &Metric::L2, DType::F32, d).unwrap();
        let centroids = [vec![8.0f32; d], vec![0.0; 3 * d]].concat();
        let empty = InvertedLists::of(rows_of, 4).unwrap().with_centroids(&centroids).unwrap();
        let lists = empty.append(&mut SliceSource::new(Rows::F32(&rows), d).unwrap()).unwrap();
        let none = Filter::default();
        check(&lists, Rows::F32(&queries), 10, 1, &none, kernel);
        let look = Look { probe: Probe::Nearest(10), nprobe: 1, fill: false, prove: false };
        let found = lists.submit(Rows::F32(&queries), look, none, Options::default());
        let stats = found.unwrap().wait().unwrap().stats;
        let ran = |name: &str| stats.variants.iter().any(|variant| variant.starts_with(name));
        // each of them once: no query went on to the distances of all rows
        let blurred = if *kernel == "scan_tile" { 0 } else { 70 };
        assert_eq!(stats.exact.rerun, blurred, "{kernel}: {stats:?}");
        let stored = if *kernel == "scan_row" { "scan_row_f32" } else { "scan_tile_f32" };
        assert!(ran(stored), "{kernel}: {stats:?}");
    }
}

/// Rows of bytes, of any directions, that are equally near to queries but for what these lose in f16.
#[test]
fn bytes_that_queries_in_f16_cannot_tell_apart_are_told_apart() {
    let (d, n) = (64, 500);
    for (kernel, settings) in WAYS {
        let Some(gpu) = gpu(settings, 1 << 26) else { return };
        if lacks(&gpu, kernel) {
            continue;
        }
        let mut rng = fastrand::Rng::with_seed(11);
        // each with as many elements of either sign
        let mut rows = Vec::new();
        for _ in 0..n {
            let mut row: Vec<i8> = (0..d).map(|j| if j < 40 { 100 } else { -100 }).collect();
            rng.shuffle(&mut row);
            rows.extend(row);
        }
        let queries: Vec<f32> = (0..70 * d).map(|_| 1.0 + rng.f32() / 1024.0).collect();
        for metric in [Metric::Cosine, Metric::InnerProduct] {
            let lists = lists(&gpu, &metric, Rows::I8(&rows), d, 5);
            for k in if subset() { &[10][..] } else { &[1, 10] } {
                let none = Filter::default();
                check(&lists, Rows::F32(&queries), *k, 3, &none, &format!("{metric}, k {k}"));
            }
        }
    }
}
