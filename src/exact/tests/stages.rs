//! The stages as an engine above uses them: rows reached through tables, in an encoder of its own, hits that stay on the device.

use super::{Once, random};
use crate::buffer::BIN;
use crate::call::{Filter, Options};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::Result;
use crate::exact::dataset::Dataset;
use crate::exact::filter::Bitmap;
use crate::exact::operand::ScanRows;
use crate::exact::positions::Positions;
use crate::exact::queries::Queries;
use crate::exact::scan::rescore::Scanned;
use crate::exact::scan::score::Scan;
use crate::exact::scan::settings::ScanSettings;
use crate::exact::search::submit_search;
use crate::kernel::{Encoder, Tile, matrix_error, matrix_tile, words};
use crate::metric::Metric;
use crate::ops::select_k::{RowKeys, Selection};

/// One of the ways in which stage A reads the rows.
pub(super) struct Way {
    /// What the kernel's name begins with.
    pub kernel: &'static str,
    /// Settings of the profile, which say what copies there are.
    pub profile: &'static [(&'static str, &'static str, &'static str)],
    pub max_row_queries: u32,
    pub matrix: Option<DType>,
    pub int8: bool,
}

const WAYS: &[Way] = &[
    Way {
        kernel: "scan_row_f32",
        profile: &[("matrix", "f16_copy", "0")],
        max_row_queries: 1000,
        matrix: None,
        int8: false,
    },
    Way {
        kernel: "scan_row_f16copy",
        profile: &[("matrix", "f16_copy", "1")],
        max_row_queries: 1000,
        matrix: None,
        int8: false,
    },
    Way {
        kernel: "scan_row_int8copy",
        profile: &[("scan", "int8_copy", "1")],
        max_row_queries: 1000,
        matrix: None,
        int8: true,
    },
    Way { kernel: "scan_tile_f32", profile: &[], max_row_queries: 0, matrix: None, int8: false },
    Way {
        kernel: "scan_matrix_f32_f32",
        profile: &[("matrix", "use", "1"), ("matrix", "input", "f32")],
        max_row_queries: 0,
        matrix: Some(DType::F32),
        int8: false,
    },
    Way {
        kernel: "scan_matrix_f16copy_f16",
        profile: &[("matrix", "use", "1"), ("matrix", "f16_copy", "1")],
        max_row_queries: 0,
        matrix: Some(DType::F16),
        int8: false,
    },
];

/// The numbers below `n` in another order.
fn shuffled(n: usize, seed: u64) -> Vec<u32> {
    let mut keyed: Vec<(f32, u32)> = random(n, seed).into_iter().zip(0..).collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    keyed.into_iter().map(|(_, number)| number).collect()
}

/// The adapter with small segments.
pub(super) fn gpu(settings: &[(&str, &str, &str)]) -> Option<Gpu> {
    let mut builder = Gpu::test_builder().poison(true).max_segment_bytes(2000 * 160);
    for (section, key, value) in settings {
        builder = builder.setting(format!("{section}.{key}"), value);
    }
    let gpu = builder.build().ok();
    if gpu.is_none() {
        println!("skipped: no adapter (1)");
    }
    gpu
}

fn dataset(gpu: &Gpu, metric: &Metric, data: &[f32], d: usize) -> Dataset {
    let dataset = Dataset::new(gpu, metric, DType::F32, d).unwrap();
    dataset.append(&mut Once(Some(Rows::F32(data)), d)).unwrap()
}

pub(super) fn settings(gpu: &Gpu, way: &Way, max_candidates: u32) -> Option<ScanSettings> {
    let matrix = way.matrix.map(|input| matrix_tile(gpu, input).unwrap());
    if matrix == Some(None) {
        return None;
    }
    let matrix = matrix.flatten();
    let accumulation = matrix.map_or(0.0, |tile| {
        matrix_error::factor(gpu, tile).unwrap().expect("the dataset had it measured")
    });
    Some(ScanSettings {
        direct: None,
        bits: None,
        tile: Tile::BASELINE,
        matrix,
        accumulation,
        matrix_tiles: 2,
        matrix_groups: 1,
        matrix_bin: 16,
        row_bin: BIN as u32,
        int8: way.int8,
        max_row_queries: way.max_row_queries,
        max_table_queries: 0,
        max_candidates,
        certify: true,
        select_threads: 256,
        min_grouped_bins: 0,
        threads_few_queries: 256,
    })
}

/// Which rows of a dataset a scan goes through, in an order that is neither theirs nor that of their numbers.
struct Listing {
    /// Of each segment, its rows in the order of the scan.
    tables: Vec<Vec<u32>>,
    /// The number of each position, up to whole bins.
    order: Vec<u32>,
    /// The row of the dataset that has each number.
    rows: Vec<u32>,
}

impl Listing {
    /// Three quarters of the rows of each segment, but none of the second.
    fn of(dataset: &Dataset) -> Listing {
        let mut tables = Vec::new();
        let mut by_position = Vec::new();
        for (at, segment) in dataset.compared().matrix().segments().iter().enumerate() {
            let mut table = shuffled(segment.rows() as usize, 7 + at as u64);
            table.truncate(if at == 1 { 0 } else { table.len() * 3 / 4 });
            let rows = table.iter().map(|&row| Some(segment.first_row() as u32 + row));
            by_position.extend(rows);
            by_position.resize(by_position.len().next_multiple_of(BIN as usize), None);
            tables.push(table);
        }
        let listed = by_position.iter().flatten().count();
        let mut numbers = shuffled(listed, 5).into_iter();
        let mut rows = vec![0; listed];
        let mut order = vec![u32::MAX; by_position.len()];
        for (row, order) in by_position.into_iter().zip(&mut order) {
            if let Some(row) = row {
                *order = numbers.next().unwrap();
                rows[*order as usize] = row;
            }
        }
        Listing { tables, order, rows }
    }

    fn positions(&self, encoder: &mut Encoder, dataset: &Dataset) -> Result<Positions> {
        let mut tables = Vec::new();
        for table in &self.tables {
            // a buffer has at least one word
            let words = if table.is_empty() { &[0][..] } else { &table[..] };
            let buffer = encoder.upload("row table", bytemuck::cast_slice(words))?;
            tables.push((buffer, table.len() as u32));
        }
        let order = encoder.upload("order table", bytemuck::cast_slice(&self.order))?;
        let rounded = [dataset.f16(), dataset.int8()];
        Positions::new(encoder, dataset.compared(), rounded, tables, order)
    }
}

/// Encodes all three stages, the first of them in several steps.
fn stages(
    encoder: &mut Encoder,
    scanned: ScanRows<'_>,
    dataset: &Dataset,
    queries: &Queries,
    settings: ScanSettings,
    k: u32,
) -> Result<Scanned> {
    let ids: Vec<u32> = (0..queries.count as u32).collect();
    let upload = queries.upload(dataset, &ids, settings.int8, encoder)?;
    let mut scan = Scan::new(scanned, queries.facts, upload, None, settings, encoder)?;
    while !scan.score(encoder, scanned, None, 40_000)? {}
    scan.select(encoder, scanned, None, &queries.pair, k)
}

#[test]
fn rows_behind_tables_are_searched_as_if_they_lay_in_order() {
    let (d, nq, k) = (33, 37, 12);
    let n = 6700;
    // some drivers compile for seconds: there a metric for each way
    let few = std::env::var("NEARFIELD_TEST_SET").is_ok_and(|set| set == "pairwise");
    for (turn, way) in WAYS.iter().enumerate() {
        let Some(gpu) = gpu(way.profile) else { return };
        for (m, metric) in [Metric::L2, Metric::Cosine].into_iter().enumerate() {
            if few && turn % 2 != m {
                continue;
            }
            // a third of the rows lie several times, in bins far from each other, where only their numbers tell them apart
            let mut data = random(n * d, 11);
            for row in n / 3..2 * n / 3 {
                let from = row % 400;
                data.copy_within(from * d..(from + 1) * d, row * d);
            }
            let queries = [&data[..20 * d], &random(17 * d, 13)].concat();
            let rows = dataset(&gpu, &metric, &data, d);
            let Some(settings) = settings(&gpu, way, 200) else {
                println!("skipped: no matrices for {} (1)", way.kernel);
                continue;
            };
            let listing = Listing::of(&rows);
            assert!(listing.tables.len() > 2, "{} segments", listing.tables.len());
            let prepared = Queries::new(&rows, Rows::F32(&queries)).unwrap();

            let mut encoder = Encoder::new(&gpu, "stages", false).unwrap();
            let positions = listing.positions(&mut encoder, &rows).unwrap();
            let scanned = ScanRows { positions: Some(&positions), ..rows.scan_rows() };
            let found =
                stages(&mut encoder, scanned, &rows, &prepared, settings, k as u32).unwrap();
            // who asked goes on where the hits are: the three nearest of each query
            let few = 3;
            let bytes = nq as u64 * few * 4;
            let nearest = Selection { nq: nq as u32, k: few as u32, threads: 256, sorted: true };
            let out = nearest.room(&gpu).unwrap();
            let (keys, k32) = (&found.hits.keys, k as u32);
            let from = RowKeys { keys, stride: k32, rows: k32, first_row: 100 };
            nearest.of_rows(&mut encoder, from, None, &out).unwrap();
            let hit_bytes = (nq * k * 4) as u64;
            let landed = encoder
                .submit(&[
                    (&found.hits.keys, 0, hit_bytes),
                    (&found.hits.rows, 0, hit_bytes),
                    (&found.counts, 0, nq as u64 * 4),
                    (&out.keys, 0, bytes),
                    (&out.rows, 0, bytes),
                ])
                .unwrap()
                .wait()
                .unwrap();
            let [keys, numbers, counts, few_keys, few_at] =
                [0, 1, 2, 3, 4].map(|i| words(&landed.parts[i]).into_owned());
            let ran = |v: &str| v.starts_with(way.kernel) && v.ends_with("_table");
            assert!(landed.variants.iter().any(|v| ran(v)), "{:?}", landed.variants);
            assert!(counts.iter().all(|&c| c <= settings.max_candidates), "{counts:?}");

            let listed = listing.rows.iter().flat_map(|&row| &data[row as usize * d..][..d]);
            let plain: Vec<f32> = listed.copied().collect();
            let plain = dataset(&gpu, &metric, &plain, d);
            let options = Options { exhaustive: true, ..Options::default() };
            let expected =
                submit_search(&plain, Rows::F32(&queries), k, Filter::default(), options);
            let expected = expected.unwrap().wait().unwrap();
            let distances: Vec<u32> =
                keys.iter().map(|&key| prepared.decoder.distance(key).to_bits()).collect();
            let of = format!("{metric} {}", way.kernel);
            let numbers: Vec<u64> = numbers.into_iter().map(u64::from).collect();
            assert_eq!(numbers, expected.ids, "{of}");
            let bits: Vec<u32> = expected.distances.iter().map(|x| x.to_bits()).collect();
            assert_eq!(distances, bits, "{of}");
            for query in 0..nq {
                let (at, few) = (query * k, few as usize);
                assert_eq!(few_keys[query * few..][..few], keys[at..at + few]);
                assert_eq!(few_at[query * few..][..few], [100, 101, 102]);
            }
        }
    }
}

#[test]
fn ties_without_end_behind_a_table_are_told() {
    let Some(gpu) = gpu(&[]) else { return };
    let (n, d, k) = (6700, 4, 5);
    // whole numbers, so that no sum rounds and every row scores the same
    let rows = dataset(&gpu, &Metric::L2, &vec![1.0; n * d], d);
    let queries = Queries::new(&rows, Rows::F32(&[1.0; 4])).unwrap();
    let settings = settings(&gpu, &WAYS[0], 64).unwrap();
    let listing = Listing::of(&rows);
    for listed in [false, true] {
        let mut encoder = Encoder::new(&gpu, "ties", false).unwrap();
        let positions = listing.positions(&mut encoder, &rows).unwrap();
        let positions = listed.then_some(&positions);
        let scanned = ScanRows { positions, ..rows.scan_rows() };
        let found = stages(&mut encoder, scanned, &rows, &queries, settings, k).unwrap();
        let landed = encoder.submit(&[(&found.counts, 0, 4), (&found.hits.rows, 0, 20)]).unwrap();
        let landed = landed.wait().unwrap();
        let count = words(&landed.parts[0])[0];
        // rows as they lie: the first bins suffice; behind a table their rows may not be the first
        assert_eq!(count > settings.max_candidates, listed, "{count} bins");
        if !listed {
            assert_eq!(words(&landed.parts[1])[..], [0, 1, 2, 3, 4]);
        }
    }
}

#[test]
fn a_filter_for_each_query_behind_a_table_is_refused() {
    let Some(gpu) = gpu(&[]) else { return };
    let rows = dataset(&gpu, &Metric::L2, &random(4000 * 8, 3), 8);
    let queries = Queries::new(&rows, Rows::F32(&[0.5; 8])).unwrap();
    let settings = settings(&gpu, &WAYS[0], 64).unwrap();
    let mut encoder = Encoder::new(&gpu, "refused", false).unwrap();
    let positions = Listing::of(&rows).positions(&mut encoder, &rows).unwrap();
    let upload = queries.upload(&rows, &[0], false, &mut encoder).unwrap();
    let bitmap = encoder.upload("bitmap", &[0xff; 512]).unwrap();
    for (positions, refused) in [(Some(&positions), true), (None, false)] {
        let scanned = ScanRows { positions, ..rows.scan_rows() };
        let upload = crate::exact::upload::Upload {
            ranges: None,
            floats: upload.floats.clone(),
            exact: upload.exact.clone(),
            norms: upload.norms.clone(),
            int8: None,
            ..upload
        };
        let bitmap = Some(Bitmap { bits: bitmap.clone(), words: 1 });
        let scan = Scan::new(scanned, queries.facts, upload, bitmap, settings, &mut encoder);
        assert_eq!(scan.is_err(), refused);
    }
}

#[test]
fn bins_that_nobody_scored_are_never_taken_for_the_first() {
    let Some(gpu) = gpu(&[]) else { return };
    let (n, d) = (6700, 4);
    let rows = dataset(&gpu, &Metric::L2, &random(n * d, 3), d);
    let queries = Queries::new(&rows, Rows::F32(&[0.5; 4])).unwrap();
    for certify in [false, true] {
        let settings = ScanSettings { certify, ..settings(&gpu, &WAYS[0], 64).unwrap() };
        let mut encoder = Encoder::new(&gpu, "unscored", false).unwrap();
        let upload = queries.upload(&rows, &[0], false, &mut encoder).unwrap();
        let scan = Scan::new(rows.scan_rows(), queries.facts, upload, None, settings, &mut encoder);
        let scan = scan.unwrap();
        // what scan_matrix writes where the driver gave it other subgroups than it was made for
        let unscored = vec![2f32.powi(126); n.div_ceil(BIN as usize)];
        let unscored = encoder.upload("unscored", bytemuck::cast_slice(&unscored)).unwrap();
        encoder.copy(&unscored, 0, &scan.scores.bin_best, 0, unscored.size());
        let found = scan.select(&mut encoder, rows.scan_rows(), None, &queries.pair, 5).unwrap();
        let landed = encoder.submit(&[(&found.counts, 0, 4)]).unwrap().wait().unwrap();
        let count = words(&landed.parts[0])[0];
        assert!(count > settings.max_candidates, "{count} bins, certified: {certify}");
    }
}
