//! Operations do what their docs say they cost: dispatches and bytes of rows are counted, with everything on that a profile can ask
//! for beside the rows.

use crate::device::Gpu;
use crate::dtype::Rows;
use crate::exact::pairwise;
use crate::kernel::Dispatched;
use crate::metric::Metric;
use crate::ops::{normalize, row_norms};

const N: usize = 4096;
const D: usize = 48;

fn open() -> Option<Gpu> {
    let keys = [("matrix", "f16_copy"), ("matrix", "use"), ("scan", "int8_copy")];
    let builder = Gpu::test_builder().setting("kernel.scan.min_rows", 0);
    let builder =
        keys.iter().fold(builder, |b, (section, key)| b.setting(format!("{section}.{key}"), 1));
    let gpu = builder.build().ok();
    if gpu.is_none() {
        println!("skipped: no adapter (1)");
    }
    gpu
}

/// The kernels that ran since the last call, each with the bytes of rows that it was given.
fn ran(gpu: &Gpu) -> Vec<(String, u64)> {
    let first_word = |name: String| name.split("_f32").next().unwrap_or_default().to_owned();
    let all = gpu.state::<Dispatched>().unwrap().take().into_iter();
    all.map(|(name, bytes)| (first_word(name), bytes)).collect()
}

#[test]
fn each_operation_reads_the_rows_as_often_as_it_says() {
    let Some(gpu) = open() else { return };
    let data: Vec<f32> = (0..N * D).map(|i| 1.0 + (i % 97) as f32).collect();
    let (rows, bytes) = (Rows::F32(&data), (N * D * 4) as u64);
    let once = |kernel: &str| (kernel.to_owned(), bytes);

    row_norms(&gpu, rows, D).unwrap();
    assert_eq!(ran(&gpu), [once("row_norms")]);
    normalize(&gpu, rows, D).unwrap();
    assert_eq!(ran(&gpu), [once("normalize")]);
    for (metric, kernels) in [
        (Metric::L2, &["distance"][..]),
        (Metric::InnerProduct, &["distance"]),
        (Metric::L1, &["distance"]),
        (Metric::Hellinger, &["distance"]),
        (Metric::Cosine, &["row_stats", "distance"]),
    ] {
        pairwise(&gpu, &metric, Rows::F32(&data[..3 * D]), rows, D).unwrap();
        let expected: Vec<_> = kernels.iter().map(|kernel| once(kernel)).collect();
        assert_eq!(ran(&gpu), expected, "{metric}");
    }
}
