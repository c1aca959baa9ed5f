//! `--scale` and `--force`: what rounding may ruin, and what scaled searches give back.

use crate::support::{block, fail, hits, names, range_hits, succeed, with_set, write};
use nearfield::format::{Conversion, Losses, RowSource, Scale, open};
use nearfield::{DType, Error, Rows};
use std::path::Path;

/// Unit vectors of 24 elements, which as they are all become zeros in bytes.
fn unit(folder: &Path, name: &str, rows: usize, seed: usize) -> Vec<f32> {
    let mut values = Vec::new();
    for row in 0..rows {
        let raw: Vec<f32> =
            (0..24).map(|i| ((row * 31 + i * 17 + seed) * 7919 % 997) as f32 - 498.0).collect();
        let norm = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
        values.extend(raw.iter().map(|x| x / norm));
    }
    write(folder, name, Rows::F32(&values), 24);
    values
}

#[test]
fn rows_that_rounding_ruins_are_refused_scaled_or_forced() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    unit(folder, "unit.fvecs", 300, 1);
    for (line, named) in [
        ("convert unit.fvecs x.i8bin", "unit.fvecs: row 0 is the first of "),
        ("convert unit.fvecs x.i8bin", "1 % of their length as i8: a scale brings"),
        ("convert unit.fvecs x.i8bin", "(--dtype i8 --scale auto, Scale::Auto)"),
        (
            "convert unit.fvecs x.npy --dtype i8 --scale 2",
            "10 % of their length as i8 times 2: a larger",
        ),
        ("convert unit.fvecs x.npy --dtype i8 --scale 2", "--force"),
        (
            "search --base unit.fvecs --query unit.fvecs --dtype i8 -k 3 --out x",
            "unit.fvecs: row 0",
        ),
        ("range --base unit.fvecs --query unit.fvecs --dtype i8 --radius 1 --out x", "row 0"),
    ] {
        assert!(fail(folder, line, 1).contains(named), "{line}");
    }
    let run = succeed(folder, "convert unit.fvecs x.i8bin --dtype i8 --scale auto --json");
    let scale = run.json()["scale"].as_f64().unwrap();
    assert!(scale > 127.0 && run.json()["largest_relative_change"].as_f64().unwrap() < 0.02);
    let stored = block(folder, "x.i8bin", None);
    let most = stored.rows().flatten().fold(0.0f64, |most, x| most.max(x.abs()));
    assert_eq!(most, 127.0);
    let text = succeed(folder, "convert unit.fvecs y.i8bin --dtype i8 --scale auto").stdout;
    assert!(text.contains(&format!("times {}", scale as f32)), "{text}");
    let run = succeed(folder, "convert unit.fvecs z.i8bin --force --json").json();
    assert_eq!((&run["rows_changed"], &run["scale"]), (&300.into(), &1.0.into()));
    for bad in ["0", "-1", "nan", "inf", "1e39", "most"] {
        fail(folder, &format!("convert unit.fvecs w.npy --dtype i8 --scale {bad}"), 2);
    }
    fail(folder, "convert unit.fvecs w.npy --scale 2", 2);
    // Negative values have no place in u8, whatever the scale.
    let message = fail(folder, "convert unit.fvecs w.npy --dtype u8 --scale auto", 1);
    assert!(message.contains(" times the scale ") && message.contains("--dtype i8"), "{message}");
}

#[test]
fn one_row_of_a_hundred_may_change() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut values = vec![100.0f32; 300 * 2];
    for row in [5, 77, 210] {
        values[row * 2..row * 2 + 2].fill(0.3);
    }
    write(folder, "few.npy", Rows::F32(&values), 2);
    assert_eq!(
        succeed(folder, "convert few.npy x.npy --dtype u8 --json").json()["rows_changed"],
        3
    );
    values[299 * 2..].fill(0.3);
    write(folder, "few.npy", Rows::F32(&values), 2);
    let message = fail(folder, "convert few.npy y.npy --dtype u8", 1);
    assert!(message.contains("row 5 is the first of 4 or more rows, of 300,"), "{message}");
    // The library says the same, from wherever it reads, and goes on where it is told to.
    let path = folder.join("few.npy");
    let lossy = |error| matches!(error, Error::LossyConversion { first_row: 5, changed: 4, .. });
    assert!(lossy(open(&path, DType::U8).unwrap().rows(0..300).unwrap_err()));
    let mut file = open(&path, DType::U8).unwrap();
    assert!(file.rows(0..299).is_ok() && lossy(file.rows(299..300).unwrap_err()));
    assert!(lossy(file.next_rows(10).unwrap_err()));
    let mut file = open(&path, Conversion::to(DType::U8).force(true)).unwrap();
    assert_eq!(file.rows(0..300).unwrap().get(10), 0.0);
    let Losses { rows, changed, first_changed, .. } = file.losses();
    assert_eq!((rows, changed, first_changed), (300, 4, Some(5)));
    let scaled = open(&path, Conversion::to(DType::U8).scale(Scale::By(f32::NAN)));
    assert!(matches!(scaled, Err(Error::InvalidArgument { .. })));
}

#[test]
fn scaled_searches_give_distances_of_the_files_values() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (base, queries) = (unit(folder, "base.npy", 200, 1), unit(folder, "query.npy", 4, 5));
    let files = "--base base.npy --query query.npy --dtype i8 --scale auto";
    for (metric, no_hit) in
        [("l2", f32::MAX), ("ip", f32::MIN), ("cosine", f32::MIN), ("l1", f32::MAX)]
    {
        let run = succeed(folder, &format!("search {files} -k 5 --metric {metric} --out r"));
        assert!(run.stderr.contains("are multiplied by "), "{}", run.stderr);
        for (q, found) in queries.chunks_exact(24).zip(hits(folder, "r", 5, no_hit)) {
            for (row, distance) in found {
                let x = &base[row as usize * 24..][..24];
                let real: f32 = q
                    .iter()
                    .zip(x)
                    .map(|(q, x)| match metric {
                        "l2" => (q - x) * (q - x),
                        "l1" => (q - x).abs(),
                        _ => q * x,
                    })
                    .sum();
                assert!((distance - real).abs() < 0.03, "{metric}: {distance}, {real}");
            }
        }
    }
    let run = succeed(folder, &format!("range {files} --radius 1.5 --out r --json"));
    assert!(run.json()["scale"].as_f64().unwrap() > 127.0 && run.json()["radius"] == 1.5);
    let found = range_hits(folder, "r");
    let count: usize = found.iter().map(Vec::len).sum();
    assert!(found.iter().flatten().all(|hit| hit.1 <= 1.5) && count > 4 && count < 800, "{count}");
    // A streamed base is refused while it streams, and leaves nothing.
    let before = names(folder);
    let streamed = "--memory-budget 300K";
    succeed(folder, &format!("search {files} {streamed} -k 5 --out s --quiet"));
    fail(
        folder,
        &format!("search {} {streamed} -k 5 --out t", files.replace("--scale auto", "")),
        1,
    );
    assert_eq!(names(folder).len(), before.len() + 2);
    assert!(
        fail(folder, &format!("search {files} -k 5 --metric hellinger --out t"), 2)
            .contains("--scale")
    );
}

#[test]
fn scales_that_take_distances_out_of_f32_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    unit(folder, "unit.fvecs", 60, 1);
    for command in ["search -k 3", "range --radius 1"] {
        let line = format!(
            "{command} --base unit.fvecs --query unit.fvecs --metric lp:20 --dtype i8 --out x --scale"
        );
        let message = fail(folder, &format!("{line} auto"), 2);
        assert!(message.contains("--scale") && message.contains("lp:20"), "{message}");
        fail(folder, &format!("{line} 0.01 --force"), 2);
    }
    // 20^20 is within f32, 160^20 is not.
    write(folder, "far.npy", Rows::F32(&[10.0, 0.0, 9.0, 0.0]), 2);
    write(folder, "here.npy", Rows::F32(&[-10.0, 0.0]), 2);
    let files = "--base far.npy --query here.npy --metric lp:20 --dtype i8 --out x";
    for command in ["search -k 2", "range --radius inf", "range --radius 1e30"] {
        let message = fail(folder, &format!("{command} {files} --scale 8"), 1);
        assert!(message.contains("--scale 8: a distance"), "{message}");
    }
    succeed(folder, &format!("search -k 2 {files} --scale 2"));
    let found = hits(folder, "x", 2, f32::MAX);
    assert_eq!(found[0].iter().map(|hit| hit.0).collect::<Vec<_>>(), [1, 0]);
    assert!((found[0][1].1 / 20f32.powi(20) - 1.0).abs() < 1e-4, "{found:?}");
    // What was beyond f32 before is its end, and no infinity.
    write(folder, "far.npy", Rows::F32(&[2e19, 0.0, -2e19, 0.0]), 2);
    let files = "--base far.npy --query far.npy --dtype f16 --out y";
    succeed(folder, &format!("search -k 2 {files} --scale 1e-15"));
    assert!(hits(folder, "y", 2, f32::MAX).iter().all(|row| row[1].1 == f32::MAX));
}

/// 3 times the radius rounds to less, so the row is within the radius of the search, and comes back as one that is on it.
#[test]
fn a_hit_is_not_given_back_as_one_on_the_radius() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut radii = (1..1000).map(|i| 1.0 + i as f32 * 0.001);
    let radius = radii.find(|&r| f64::from(r * 3.0) < f64::from(r) * 3.0 && r * 3.0 / 3.0 == r);
    let radius = radius.unwrap();
    write(folder, "base.npy", Rows::F32(&[radius, 0.0, 0.5, 0.0]), 2);
    write(folder, "query.npy", Rows::F32(&[0.0, 0.0]), 2);
    let line = "range --base base.npy --query query.npy --metric l1 --dtype f32 --scale 3 --out r";
    let radius = f64::from(radius);
    let run = succeed(folder, &format!("{line} --json --radius {radius}")).json();
    assert_eq!((&run["hits"], range_hits(folder, "r")), (&1.into(), vec![vec![(1, 0.5)]]));
}

#[test]
fn f16_keeps_small_values_by_a_scale() {
    let folder = with_set("plain");
    let folder = folder.path();
    let tiny: Vec<f32> = (1..=600).map(|i| i as f32 * 1e-12).collect();
    write(folder, "tiny.npy", Rows::F32(&tiny), 6);
    assert!(fail(folder, "convert tiny.npy x.f16bin", 1).contains("tiny.npy: row 0 is the first"));
    let run = succeed(folder, "convert tiny.npy x.f16bin --dtype f16 --scale auto --json").json();
    let scale = run["scale"].as_f64().unwrap();
    assert_eq!(scale.log2().fract(), 0.0);
    let kept = block(folder, "x.f16bin", None);
    let close = |(x, &t): (f64, &f32)| (x / scale - f64::from(t)).abs() < f64::from(t) * 1e-3;
    assert!(kept.rows().flatten().copied().zip(&tiny).all(close));
}

/// Normally distributed, of length 1.
fn gaussian(rows: usize, dim: usize) -> Vec<f32> {
    let mut state = 1u64;
    let mut uniform = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f64 + 0.5) / f64::from(1 << 24)
    };
    let mut values = Vec::new();
    for _ in 0..rows {
        let raw: Vec<f64> = (0..dim)
            .map(|_| (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos())
            .collect();
        let length = raw.iter().map(|x| x * x).sum::<f64>().sqrt();
        values.extend(raw.iter().map(|x| (x / length) as f32));
    }
    values
}

#[test]
fn gaussian_unit_vectors_become_bytes_by_a_scale() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for dim in [64, 768] {
        let values = gaussian(2000, dim);
        write(folder, "base.npy", Rows::F32(&values), dim);
        write(folder, "query.npy", Rows::F32(&values[..4 * dim]), dim);
        let run = succeed(folder, "convert base.npy x.npy --dtype i8 --scale auto --json").json();
        let largest = run["largest_relative_change"].as_f64().unwrap();
        assert!(largest > 0.01 && largest < 0.02 && run["rows_changed"] == 0, "{run}");
        let line = "search --base base.npy --query query.npy --dtype i8 --scale auto -k 1 --out r";
        succeed(folder, line);
        for (row, found) in hits(folder, "r", 1, f32::MAX).into_iter().enumerate() {
            assert!(found[0].0 == row as u64 && found[0].1 < 1e-3, "{found:?}");
        }
    }
    // Of rows that all but vanish beside one long one too much is lost with any scale, and the message says so.
    let mut values = gaussian(2000, 64);
    values[..64].iter_mut().for_each(|x| *x *= 1e4);
    write(folder, "base.npy", Rows::F32(&values), 64);
    let message = fail(folder, "convert base.npy y.npy --dtype i8 --scale auto", 1);
    assert!(message.contains("row 1 is the first") && message.contains("10 %"), "{message}");
    assert!(message.contains("--dtype f16") && !message.contains("--dtype i8"), "{message}");
}

#[test]
fn values_that_do_not_fit_are_named_as_the_file_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "a.npy", Rows::F32(&[1.0, 2.0, -0.5, 300.0]), 2);
    write(folder, "b.npy", Rows::F32(&[1.0, 2.0, 0.5, 300.0]), 2);
    write(folder, "c.npy", Rows::F32(&[1.0, f32::NAN]), 2);
    for (line, named) in [
        (
            "a.npy x.npy --dtype u8",
            "a.npy: row 1, column 0: -0.5 times the scale 2 does not fit u8: i8",
        ),
        (
            "b.npy x.npy --dtype u8",
            "row 1, column 1: 300 times the scale 2 does not fit u8: a smaller",
        ),
        (
            "a.npy x.npy --dtype i8",
            "row 1, column 1: 300 times the scale 2 does not fit i8: a smaller",
        ),
        (
            "c.npy x.npy --dtype i8",
            "row 0, column 1: NaN times the scale 2 does not fit i8: only f32",
        ),
    ] {
        let message = fail(folder, &format!("convert {line} --scale 2"), 1);
        assert!(message.contains(named), "{line}: {message}");
    }
    let message = fail(folder, "convert b.npy x.npy --dtype u8", 1);
    assert!(message.contains("300 does not fit u8: --scale auto"), "{message}");
    // A product that leaves f32 is no infinity that anybody meant.
    for dtype in ["f32", "bf16"] {
        let message = fail(folder, &format!("convert b.npy x.npy --dtype {dtype} --scale 1e38"), 1);
        assert!(message.contains("300 times the scale") && message.contains(dtype), "{message}");
    }
}

#[test]
fn options_with_nothing_to_do_are_noted() {
    let folder = with_set("plain");
    let folder = folder.path();
    let search = "search --base base.npy --query query.npy -k 2 --out r";
    for (line, noted) in [
        ("convert base.npy a.fvecs --force", "--force changed nothing"),
        (
            "convert base.npy a.npy --dtype f32 --scale auto",
            "--scale auto multiplied nothing: no row",
        ),
        (
            "convert base.npy a.npy --dtype bf16 --scale auto",
            "--scale auto multiplied nothing: f32 and",
        ),
        (&*format!("{search} --force"), "--force changed nothing"),
        (
            &format!("{search} --dtype bf16 --scale auto"),
            "--scale auto multiplied nothing: f32 and",
        ),
    ] {
        let notes =
            |run: &str| run.lines().filter(|line| line.starts_with("note: base.npy: ")).count();
        let run = succeed(folder, line);
        assert!(run.stderr.contains(noted) && notes(&run.stderr) == 1, "{line}: {}", run.stderr);
        assert_eq!(notes(&succeed(folder, &format!("{line} --quiet")).stderr), 0, "{line}");
    }
    let used = succeed(folder, "convert base.npy a.npy --dtype i8 --scale auto --force");
    assert!(!used.stderr.contains("note:"), "{}", used.stderr);
}
