use super::*;
use crate::device::Gpu;
use crate::space::Term;
use half::{bf16, f16};

/// Rows whose worst element stands at one place or another, among harmless ones.
fn hostile(dim: usize) -> Vec<(String, Vec<f32>)> {
    let n = 70;
    let elements = [
        0.0,
        -0.0,
        1.0,
        -3.0,
        0.5,
        4_194_303.5,
        8_388_607.0,
        16_777_216.0,
        1e-45,
        -1e-40,
        1.2e-38,
        1e-25,
        1e-24,
        6e-8,
        65_504.0,
        3e17,
        9e17,
        1e18,
        2e18,
        1e30,
        f32::MAX,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
    ];
    let mut all = Vec::new();
    for element in elements {
        for (row, column) in [(31, dim - 1), (64, dim / 2)] {
            for around in [2.0, 1e-30] {
                let mut rows = vec![around; n * dim];
                rows[row * dim..][..dim].fill(0.0);
                rows[row * dim + column] = element;
                all.push((format!("{element} at {row}, {column} among {around}, d {dim}"), rows));
            }
        }
    }
    all
}

/// The verdict is the host's, and so are the facts, but that the device's norm may be rounded up further and that it knows
/// large whole numbers for whole.
#[test]
fn the_device_finds_what_the_host_finds() {
    let Ok(gpu) = Gpu::test_builder().poison(true).max_segment_bytes(1).build() else {
        println!("skipped: no adapter (1)");
        return;
    };
    for metric in [Metric::L2, Metric::Jaccard, Metric::KlDivergence, Metric::NanEuclidean] {
        for dim in [1, 33] {
            for (what, rows) in hostile(dim) {
                let narrow: Vec<f16> = rows.iter().map(|&x| f16::from_f32(x)).collect();
                let short: Vec<bf16> = rows.iter().map(|&x| bf16::from_f32(x)).collect();
                let whole: Vec<i8> = rows.iter().map(|&x| x as i8).collect();
                for rows in
                    [Rows::F32(&rows), Rows::F16(&narrow), Rows::Bf16(&short), Rows::I8(&whole)]
                {
                    let what = format!("{what}, {} under {metric}", rows.dtype());
                    let matrix = Matrix::from_rows(&gpu, dim, rows).unwrap();
                    match (check::rows(&metric, rows, dim, 0), of(&metric, &matrix)) {
                        (Ok(host), Ok(device)) => {
                            assert!(
                                device.norm >= host.norm / 1.001,
                                "{what}: {host:?} {device:?}"
                            );
                            assert!(
                                device.norm <= host.norm * 1.001,
                                "{what}: {host:?} {device:?}"
                            );
                            let large = host.largest > 4e6 && device.whole;
                            assert_eq!(host.whole || large, device.whole, "{what}");
                            assert_eq!(host.largest.to_bits(), device.largest.to_bits(), "{what}");
                            assert_eq!(host.short, device.short, "{what}");
                            assert_eq!(host.zero_rows, device.zero_rows, "{what}");
                            // the host looks for it where a metric asks for it alone
                            if Term::of(&metric).is_some() {
                                assert_eq!(host.smallest, device.smallest, "{what}");
                            }
                        }
                        (Err(host), Err(device)) => {
                            assert_eq!(host.to_string(), device.to_string(), "{what}")
                        }
                        (host, device) => panic!("{what}: {host:?}, but {device:?}"),
                    }
                }
            }
        }
    }
}
