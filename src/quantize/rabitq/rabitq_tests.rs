use super::{Listed, QueryBits, RaBitQuantizer, Shape};
use crate::dtype::Rows;
use crate::error::Error;
use crate::metric::Metric;

/// What tests/data/rabitq/make.py wrote, which says how.
const FAISS: &str = include_str!("../../../tests/data/rabitq/codes.txt");
const ROWS: usize = 7;

fn number(i: i64, j: i64, salt: i64) -> f32 {
    ((i * 37 + j * 101 + i * i * j * 7 + salt * 13) % 251 - 125) as f32 / 16.0
}

/// Center, rows and queries as there.
fn made(dim: usize) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let of = |i: usize, salt| (0..dim).map(move |j| number(i as i64, j as i64, salt));
    let center: Vec<f32> = of(3, 5).map(|x| x / 4.0).collect();
    let mut rows: Vec<Vec<f32>> = (0..ROWS).map(|i| of(i, 1).collect()).collect();
    rows[2].copy_from_slice(&center);
    (0..dim).step_by(3).for_each(|j| rows[3][j] = center[j]);
    rows[4].iter_mut().zip(&center).for_each(|(x, c)| *x = c + *x / 64.0);
    rows[5].iter_mut().for_each(|x| *x *= 512.0);
    let mut queries: Vec<Vec<f32>> = (0..3).map(|i| of(i, 9).collect()).collect();
    queries[1].clone_from(&rows[0]);
    (center, rows.concat(), queries.concat())
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

fn random(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f64 / (1u64 << 24) as f64
    };
    // nearly normal
    (0..n).map(|_| ((0..6).map(|_| uniform()).sum::<f64>() - 3.0) as f32).collect()
}

/// One line of the file: the quantizer, its number of fields, and the last.
fn lines() -> impl Iterator<Item = (RaBitQuantizer, Vec<&'static str>)> {
    FAISS.lines().map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        let metric = if fields[0] == "l2" { Metric::L2 } else { Metric::InnerProduct };
        let (bits, dim) = (fields[1].parse().unwrap(), fields[2].parse().unwrap());
        (RaBitQuantizer::new(dim, &metric, bits).unwrap(), fields)
    })
}

/// How well a code points the way its row does.
fn cosine(row: &[f32], decoded: &[f32], center: &[f32]) -> f64 {
    let (mut xy, mut xx, mut yy) = (0f64, 0f64, 0f64);
    for ((&x, &y), &c) in row.iter().zip(decoded).zip(center) {
        let (x, y) = (f64::from(x) - f64::from(c), f64::from(y) - f64::from(c));
        (xy, xx, yy) = (xy + x * y, xx + x * x, yy + y * y);
    }
    if xx == 0.0 { 1.0 } else { xy / (xx * yy).sqrt() }
}

#[test]
fn codes_are_those_of_faiss() {
    let mut seen = 0;
    for (quantizer, fields) in lines().filter(|(_, fields)| fields.len() == 4) {
        let (dim, bits, what) = (quantizer.dim(), quantizer.bits(), fields[..3].join(" "));
        let (center, rows, _) = made(dim);
        let quantizer = quantizer.with_center(&center).unwrap();
        let theirs = bytes(fields[3]);
        let own = quantizer.encode(Rows::F32(&rows)).unwrap();
        assert_eq!(own.len(), theirs.len(), "{what}");
        let (decoded, size) = (quantizer.decode(&own).unwrap(), quantizer.code_bytes());
        let of_theirs = quantizer.decode(&theirs).unwrap();
        let signs = dim.div_ceil(8);
        for row in 0..ROWS {
            let code = |all: &[u8]| all[row * size..(row + 1) * size].to_vec();
            let (own, theirs) = (code(&own), code(&theirs));
            assert_eq!(own[..signs], theirs[..signs], "{what}, row {row}");
            let factors = if bits == 1 { 2 } else { 3 };
            let close = |own: &[u8], theirs: &[u8]| {
                // |r|^2 - |x|^2, which FAISS takes of sums in f32
                let x = &rows[row * dim..(row + 1) * dim];
                let square = x.iter().map(|x| x * x).sum::<f32>();
                let scale = if fields[0] == "ip" { square } else { 1e-3 };
                for (a, b) in floats(own).into_iter().zip(floats(theirs)) {
                    let off = (a - b).abs();
                    assert!(off <= 2e-6 * (a.abs() + scale), "{what}, row {row}: {a}, not {b}");
                }
            };
            close(&own[signs..][..4 * factors], &theirs[signs..][..4 * factors]);
            let slice = |all: &[f32]| all[row * dim..(row + 1) * dim].to_vec();
            let (x, decoded, of_theirs) = (slice(&rows), slice(&decoded), slice(&of_theirs));
            let cosines = [&decoded, &of_theirs].map(|y| cosine(&x, y, &center));
            if bits > 1 {
                assert!(cosines[0] > cosines[1] - 2e-3, "{what}, row {row}: {cosines:?}");
            } else {
                let off = decoded
                    .iter()
                    .zip(&of_theirs)
                    .all(|(a, b)| (a - b).abs() <= 1e-5 * (a.abs() + 1.0));
                assert!(off, "{what}, row {row}");
            }
        }
        seen += 1;
    }
    assert_eq!(seen, 16);
}

#[test]
fn estimates_of_their_codes_are_those_of_faiss() {
    let mut codes = Vec::new();
    for (quantizer, fields) in lines() {
        if fields.len() == 4 {
            codes = bytes(fields[3]);
            continue;
        }
        let (dim, what) = (quantizer.dim(), fields[..5].join(" "));
        let (center, rows, queries) = made(dim);
        let quantizer = quantizer.with_center(&center).unwrap();
        let by = match (fields[3].parse().unwrap(), fields[4]) {
            (0, _) => QueryBits::Exact,
            (bits, "0") => QueryBits::Range(bits),
            (bits, _) => QueryBits::Centered(bits),
        };
        let theirs = floats(&bytes(fields[5]));
        for (query, theirs) in queries.chunks_exact(dim).zip(theirs.chunks_exact(ROWS)) {
            let own = quantizer.estimate(query, &codes, by).unwrap();
            for (row, (a, b)) in own.iter().zip(theirs).enumerate() {
                let x = &rows[row * dim..(row + 1) * dim];
                let size = 100.0 + x.iter().chain(query).map(|x| x * x).sum::<f32>();
                assert!((a - b).abs() <= 1e-6 * size, "{what}, row {row}: {a}, not {b}");
            }
        }
    }
}

#[test]
fn estimates_are_right_in_the_mean_and_as_far_off_as_they_say() {
    let (dim, n) = (96, 400);
    for metric in [Metric::L2, Metric::InnerProduct] {
        let (rows, query) = (random(n * dim, 3), random(dim, 4));
        let center: Vec<f32> = random(dim, 5).iter().map(|x| 0.3 * x).collect();
        let mut before = f64::MAX;
        for bits in 1..=9 {
            let quantizer = RaBitQuantizer::new(dim, &metric, bits).unwrap();
            let quantizer = quantizer.with_center(&center).unwrap();
            let codes = quantizer.encode(Rows::F32(&rows)).unwrap();
            let far = quantizer.estimate(&query, &codes, QueryBits::Exact).unwrap();
            let real = rows.chunks_exact(dim).map(|x| {
                let pairs = x.iter().zip(&query).map(|(&x, &q)| (f64::from(x), f64::from(q)));
                match metric {
                    Metric::L2 => pairs.map(|(x, q)| (x - q).powi(2)).sum::<f64>(),
                    _ => pairs.map(|(x, q)| x * q).sum(),
                }
            });
            let off: Vec<f64> = real.zip(&far).map(|(a, &b)| f64::from(b) - a).collect();
            let spread = (off.iter().map(|x| x * x).sum::<f64>() / n as f64).sqrt();
            let mean = off.iter().sum::<f64>() / n as f64;
            assert!(mean.abs() < spread * 0.2 + 1e-4, "{metric} {bits}: {mean} of {spread}");
            assert!(spread < before * 0.7, "{metric} {bits}: {spread} after {before}");
            before = spread;
            let bound = quantizer.error_bound(&query, &codes, 1.9);
            if metric != Metric::L2 && bits == 1 {
                assert!(matches!(bound, Err(Error::Unsupported { .. })));
                continue;
            }
            let bound = bound.unwrap();
            // what is lost of the last bits is no more than f32 rounds
            let rounding = 2e-5;
            let beyond =
                off.iter().zip(&bound).filter(|(o, b)| o.abs() > f64::from(**b) + rounding);
            let beyond = beyond.count();
            assert!(beyond < n / 12, "{metric} {bits}: {beyond} beyond");
            let tight = bound.iter().map(|&b| f64::from(b)).sum::<f64>() / n as f64;
            assert!(tight < 3.0 * spread + rounding, "{metric} {bits}: {tight} for {spread}");
            println!("{metric} {bits} bits: off by {spread:.5}, mean {mean:.5}, bound {tight:.5}");
        }
    }
}

#[test]
fn codes_point_the_way_of_their_rows() {
    // the least mean cosine of normal rows
    let floors = [0.79, 0.92, 0.976, 0.993, 0.998, 0.9995, 0.99985, 0.99996, 0.99999];
    for dim in [1, 2, 7, 8, 64, 200] {
        let (n, zeros) = (60, vec![0.0; dim]);
        let rows = random(n * dim, 7);
        for bits in 1..=9u32 {
            let quantizer = RaBitQuantizer::new(dim, &Metric::L2, bits).unwrap();
            let codes = quantizer.encode(Rows::F32(&rows)).unwrap();
            assert_eq!(codes.len(), n * quantizer.code_bytes());
            let decoded = quantizer.decode(&codes).unwrap();
            let pairs = rows.chunks_exact(dim).zip(decoded.chunks_exact(dim));
            let mean = pairs.map(|(x, y)| cosine(x, y, &zeros)).sum::<f64>() / n as f64;
            assert!(
                mean > floors[bits as usize - 1] - 1.0 / (1 << (2 * bits)) as f64 * 0.1,
                "{dim} {bits}: {mean}"
            );
        }
    }
}

#[test]
fn rows_that_leave_nothing_and_rows_of_any_length() {
    let dim = 5;
    for (metric, bits) in [Metric::L2, Metric::InnerProduct]
        .into_iter()
        .flat_map(|m| [1, 4, 9].map(|b| (m.clone(), b)))
    {
        let around_zero = RaBitQuantizer::new(dim, &metric, bits).unwrap();
        let center = [1.0, -2.0, 0.5, 3.0, 0.0];
        let quantizer = around_zero.clone().with_center(&center).unwrap();
        let query = [0.5, 0.25, -1.0, 2.0, 4.0];
        let real = |x: &[f32]| {
            let pairs = x.iter().zip(query).map(|(&x, q)| (f64::from(x), f64::from(q)));
            match metric {
                Metric::L2 => pairs.map(|(x, q)| (x - q).powi(2)).sum::<f64>(),
                _ => pairs.map(|(x, q)| x * q).sum(),
            }
        };
        // the center is itself, and what is far along one axis or short is within the bound
        let codes = quantizer.encode(Rows::F32(&center)).unwrap();
        let far = quantizer.estimate(&query, &codes, QueryBits::Exact).unwrap();
        assert!((f64::from(far[0]) - real(&center)).abs() < 1e-5, "{metric} {bits}");
        assert_eq!(quantizer.decode(&codes).unwrap(), center);
        for scale in [1e-30f32, 1e-18, 1e-4, 1.0, 1e10, 1e17] {
            let rows: Vec<f32> = random(20 * dim, 11).iter().map(|x| x * scale).collect();
            let quantizer = &around_zero;
            let codes = quantizer.encode(Rows::F32(&rows)).unwrap();
            let far = quantizer.estimate(&query, &codes, QueryBits::Exact).unwrap();
            for (row, far) in rows.chunks_exact(dim).zip(far) {
                let lost = f64::from(scale)
                    * if bits == 1 {
                        40.0
                    } else if bits == 4 {
                        8.0
                    } else {
                        0.3
                    };
                let off = (f64::from(far) - real(row)).abs();
                let rounding = 1e-5 * (1.0 + real(row).abs());
                assert!(off <= lost + rounding, "{metric} {bits} {scale}: {off}");
            }
        }
        let long = [1e18, 0.0, 0.0, 0.0, 0.0];
        let said = quantizer.encode(Rows::F32(&long)).unwrap_err().to_string();
        assert!(said.contains("row 0 would be decoded"), "{said}");
    }
}

#[test]
fn what_is_kept_holds_what_faiss_has() {
    for (metric, bits) in [Metric::L2, Metric::InnerProduct]
        .into_iter()
        .flat_map(|m| [1, 2, 9].map(|b| (m.clone(), b)))
    {
        let quantizer = RaBitQuantizer::new(21, &metric, bits).unwrap();
        let center = random(21, 2);
        let quantizer = quantizer.with_center(&center).unwrap();
        let codes = quantizer.encode(Rows::F32(&random(21 * 30, 1))).unwrap();
        let lists = Listed::one(&center);
        let kept = quantizer.of_faiss(&codes, lists).unwrap();
        assert_eq!(kept.len(), 30 * quantizer.kept_bytes());
        let again = quantizer.to_faiss(&kept, lists).unwrap();
        let same = again.iter().zip(&codes).filter(|(a, b)| a == b).count();
        // the last digit of a sum may have been rounded twice
        assert!(same + 4 * 30 >= codes.len(), "{metric} {bits}: {same} of {}", codes.len());
        let decoded = |codes: &[u8]| quantizer.decode(codes).unwrap();
        let off = decoded(&codes).iter().zip(decoded(&again)).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(off, "{metric} {bits}");
    }
    let shape = Shape { dim: 16, bits: 1, product: false, projects: false };
    let sizes = [1, 2, 4, 9].map(|bits| Shape { bits, ..shape }.faiss_bytes());
    assert_eq!(sizes, [10, 24, 28, 38]);
}

#[test]
fn what_is_no_code_is_refused() {
    assert!(RaBitQuantizer::new(0, &Metric::L2, 1).is_err());
    assert!(RaBitQuantizer::new(4, &Metric::L2, 0).is_err());
    assert!(RaBitQuantizer::new(4, &Metric::L2, 10).is_err());
    let said = RaBitQuantizer::new(4, &Metric::Cosine, 1).unwrap_err().to_string();
    assert!(said.contains("inner products"), "{said}");
    let quantizer = RaBitQuantizer::new(4, &Metric::L2, 1).unwrap();
    let row = Rows::F32(&[1.0, 2.0, 3.0, 4.0]);
    let codes = quantizer.encode(row).unwrap();
    assert!(quantizer.clone().with_center(&[0.0; 3]).is_err());
    assert!(quantizer.clone().with_center(&[f32::INFINITY; 4]).is_err());
    assert!(quantizer.train(Rows::F32(&[])).is_err());
    let mean = quantizer.train(Rows::F32(&[1.0, 2.0, 3.0, 4.0, 3.0, 0.0, 5.0, 4.0])).unwrap();
    assert_eq!(mean.center(), Some(&[2.0, 1.0, 4.0, 4.0][..]));
    assert!(quantizer.encode(Rows::F32(&[1.0, f32::NAN, 0.0, 0.0])).is_err());
    assert!(quantizer.decode(&codes[..8]).is_err());
    assert!(quantizer.decode(&[0xff; 9]).is_err());
    let estimate = |query: &[f32], by| quantizer.estimate(query, &codes, by);
    assert!(estimate(&[0.0; 3], QueryBits::Exact).is_err());
    assert!(estimate(&[0.0; 4], QueryBits::Range(0)).is_err());
    assert!(estimate(&[0.0; 4], QueryBits::Centered(9)).is_err());
    assert!(quantizer.error_bound(&[0.0; 4], &codes, f32::NAN).is_err());
    // a query that is the center
    for by in [QueryBits::Exact, QueryBits::Range(4), QueryBits::Centered(4)] {
        assert_eq!(estimate(&[0.0; 4], by).unwrap(), [30.0]);
    }
}
