//! Rows of one dataset as the queries of another, which never leave the device.

use super::{Once, random};
use crate::call::{Filter, Options};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::exact::dataset::Dataset;
use crate::exact::search::{submit_rows, submit_search};
use crate::kernel::best_matrix_tile;
use crate::metric::Metric;
use half::{bf16, f16};

fn dataset(gpu: &Gpu, metric: &Metric, rows: Rows<'_>, d: usize) -> Dataset {
    let empty = Dataset::new(gpu, metric, rows.dtype(), d).unwrap();
    empty.append(&mut Once(Some(rows), d)).unwrap()
}

#[test]
fn rows_on_the_device_find_what_they_find_as_queries_of_the_host() {
    let builder = Gpu::test_builder().poison(true).max_segment_bytes(64 * 160);
    // on a driver with matrices the queries are many enough for small bins
    let settings = [("scan.min_rows", "64"), ("scan.max_row_queries", "5"), ("matrix.use", "1")];
    let builder = settings.iter().fold(builder, |b, (key, value)| b.setting(*key, value));
    let Ok(gpu) = builder.build() else {
        println!("skipped: no adapter (1)");
        return;
    };
    let mut kernels = Vec::new();
    // some drivers are slow: there each metric meets each type and each length once or twice
    let few = std::env::var("NEARFIELD_TEST_SET").is_ok_and(|set| set == "pairwise");
    for (length, (d, k)) in [(1, 1), (7, 3), (33, 40)].into_iter().enumerate() {
        let (points, centres) = (random(700 * d, 3), random(300 * d, 4));
        let of_bytes = |v: &f32| (v.abs() * 90.0) as u8;
        let bytes: Vec<u8> = points.iter().map(of_bytes).collect();
        let halves: Vec<f16> = points.iter().map(|&v| f16::from_f32(v)).collect();
        let brains: Vec<bf16> = points.iter().map(|&v| bf16::from_f32(v)).collect();
        let metrics = [
            Metric::L2,
            Metric::InnerProduct,
            Metric::Cosine,
            Metric::L1,
            Metric::Hellinger,
            Metric::Gower,
        ];
        for (m, metric) in metrics.into_iter().enumerate() {
            let whole = matches!(metric, Metric::Hellinger);
            let positive = |v: &[f32]| v.iter().map(|v| v.abs()).collect::<Vec<f32>>();
            let (points, centres) = match whole {
                true => (positive(&points), positive(&centres)),
                false => (points.clone(), centres.clone()),
            };
            let centroids = dataset(&gpu, &metric, Rows::F32(&centres), d);
            let all =
                [Rows::F32(&points), Rows::F16(&halves), Rows::Bf16(&brains), Rows::U8(&bytes)];
            for (t, rows) in all.into_iter().enumerate() {
                if few && !(length + m + t).is_multiple_of(3) {
                    continue;
                }
                if whole && rows.dtype() != DType::F32 && rows.dtype() != DType::U8 {
                    continue;
                }
                let of = dataset(&gpu, &metric, rows, d);
                for range in [0..700usize, 63..64, 130..651, 700..700] {
                    let own = range.start as u64..range.end as u64;
                    let here = submit_rows(&centroids, (&of, own), k, Options::default());
                    let here = here.unwrap().wait().unwrap();
                    let queries = rows.slice(d, range.clone());
                    let (filter, options) = (Filter::default(), Options::default());
                    let there = submit_search(&centroids, queries, k, filter, options);
                    let there = there.unwrap().wait().unwrap();
                    assert_eq!(here.lims, there.lims);
                    kernels.extend(here.stats.variants);
                    let what = format!("{metric} {} x {d}, {range:?}", rows.dtype());
                    // of cosine a norm that is rounded in another way makes another last bit
                    let exact = metric != Metric::Cosine;
                    for (a, b) in here.distances.iter().zip(&there.distances) {
                        let same =
                            if exact { a.to_bits() == b.to_bits() } else { (a - b).abs() < 1e-5 };
                        assert!(same, "{what}: {a} {b}");
                    }
                    if d == 1 && !exact {
                        // all rows are equally near, but for that bit
                        continue;
                    }
                    let differ = here.ids.iter().zip(&there.ids).filter(|(a, b)| a != b).count();
                    assert!(
                        differ <= if exact { 0 } else { here.ids.len() / 50 },
                        "{what}: {differ}"
                    );
                }
            }
        }
    }
    if best_matrix_tile(&gpu, true).unwrap().is_some() {
        // of so few rows every score
        let one = |name: &String| name.starts_with("scan_matrix") && name.contains("bin1_");
        assert!(kernels.iter().any(one), "{kernels:?}");
    } else {
        println!("skipped: bins of matrix units, which the device has not (1)");
    }
}
