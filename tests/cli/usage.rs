//! Wrong arguments: status 2, a word about what is wrong, and nothing written.

use crate::support::{command, fail, nearfield, with_set};

#[test]
fn wrong_arguments_end_with_2() {
    let folder = with_set("plain");
    let folder = folder.path();
    let files = "--base base.npy --query query.npy --out x";
    let cases = [
        ("", "Usage"),
        ("seek", "unrecognized subcommand"),
        ("search --base base.npy -k 3", "--query"),
        (&format!("search {files}"), "-k"),
        (&format!("search {files} -k 0"), "0 is not in 1.."),
        (&format!("search {files} -k -1"), "unexpected argument"),
        (&format!("search {files} -k inf"), "invalid digit"),
        (&format!("search {files} -k 67108865"), "not in 1..=67108864"),
        (&format!("search {files} -k 99999999999999999999"), "too large"),
        (&format!("search {files} -k many"), "invalid digit"),
        (&format!("search {files} -k 1 --metric nearness"), "none of l2, sqrtl2, ip, cosine"),
        (&format!("search {files} -k 1 --metric cosin"), "did you mean cosine?"),
        (&format!("search {files} -k 1 --metric lp:0"), "a P above 0"),
        (&format!("search {files} -k 1 --metric lp:-0.0"), "a P above 0"),
        (&format!("search {files} -k 1 --metric lp:1e39"), "a P above 0"),
        (&format!("search {files} -k 1 --metric lp:nan"), "a P above 0"),
        (&format!("search {files} -k 1 --dtype f64"), "none of f32, f16"),
        (&format!("search {files} -k 1 --dtype flaot32"), "did you mean float32?"),
        (&format!("search {files} -k 1 --metric hamming"), "--dtype bits"),
        (&format!("search {files} -k 1 --metric l2 --dtype bits"), "hamming"),
        (&format!("search {files} -k 1 --metric hamming --dtype bits"), "u8"),
        (&format!("search {files} -k 1 --metric haversine"), "needs (lat, lon)"),
        (&format!("search {files} -k 1 --index Round"), "Round"),
        (&format!("search {files} -k 1 --first 0"), "0 is not in 1.."),
        (&format!("search {files} -k 1 --first-queries 0"), "0 is not in 1.."),
        (&format!("search {files} -k 1 --bits 12"), "--dtype bits"),
        (&format!("search {files} -k 1 --bit-order big"), "--dtype bits"),
        (&format!("search {files} -k 1 --bit-order msb"), "neither little nor big"),
        (&format!("search {files} -k 1 --skip-nan --metric naneuclidean"), "a missing value"),
        ("convert base.npy x.npy --bits 12", "--dtype bits"),
        (&format!("search {files} -k 1 --memory-budget lots"), "BYTES>': \"lots\" is no number"),
        (&format!("search {files} -k 1 --memory-budget 1e39"), "512M"),
        (&format!("search {files} -k 1 --memory-budget 16777216T"), "512M"),
        ("search --base base.csv --query query.npy -k 1 --out x", "error: base.csv: the extension"),
        ("search --base base.csv --query query.npy -k 1 --out x", "numpy.loadtxt"),
        ("search --base - --query query.npy -k 1 --out x", "no pipe can be read"),
        (&format!("search {files} -k 1 --scale auto"), "--dtype"),
        (&format!("search {files} -k 1 --index IVFx,Flat"), "\"IVFx\" where IVF and a number"),
        (&format!("search {files} -k 1 --index NSG32"), "the indexes of this version are"),
        (&format!("range {files}"), "--radius"),
        (&format!("range {files} --radius nan"), "not a number"),
        (&format!("range {files} --radius -nan"), "not a number"),
        ("tune --rows 4294967296", "4294967296 is not in"),
        ("tune --rows 4294967295 --dim 65536", "do not fit in"),
        ("tune --rows 1", "1 is not in 1024.."),
        ("tune --dim 0", "0 is not in 1..=65536"),
        ("tune --minutes inf", "minutes"),
        ("tune --minutes=-0.0", "minutes"),
        ("convert base.npy", "<OUT>"),
        ("bench --only nothing", "leaves nothing of\n  one query (10000 x 64 f32 l2,"),
        (
            "bench --suite slow",
            "known are quick, exact, batch, k, n, metrics, range, lists, codes, graph, all",
        ),
        ("bench --json", "a value is required"),
        ("bench --peak-gbs 100", "--peak-tflops"),
        ("bench --peak-gbs 100 --peak-tflops 0", "not a number from 1e-9 to 1e9"),
    ];
    for (line, expected) in cases {
        let message = fail(folder, line, 2);
        assert!(message.contains(expected), "{line}: {message}");
    }
}

#[test]
fn help_and_version_end_with_0() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        "devices",
        "search",
        "range",
        "build",
        "kmeans",
        "curve",
        "info",
        "convert",
        "bench",
        "tune",
        "completions",
    ] {
        let run = nearfield(folder.path(), &[command, "--help"]);
        assert_eq!(run.status, 0);
        assert!(run.stdout.contains("--adapter"), "{}", run.stdout);
        let example = format!("\n  nearfield {command} ");
        assert!(run.stdout.contains(example.trim_end()), "{}", run.stdout);
        assert!(run.stdout.contains("129, 130, 143  after SIGHUP"), "{}", run.stdout);
    }
    let help = |command: &[&str]| nearfield(folder.path(), command).stdout;
    let search = help(&["search", "--help"]);
    assert!(search.contains("id -1") && search.contains("-3.4028235e38"), "{search}");
    let program = help(&["--help"]);
    assert!(
        program.contains("129, 130, 143  after SIGHUP") && program.contains(".nearfield-*.tmp")
    );
    let version = nearfield(folder.path(), &["--version"]);
    assert_eq!(version.stdout.trim(), concat!("nearfield ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn an_error_about_a_variable_names_it() {
    let folder = with_set("plain");
    let line = "search --base base.npy --query query.npy --out x -k 1";
    let words: Vec<_> = line.split_whitespace().collect();
    for (name, value) in [
        ("NEARFIELD_SELECT_THREADS", "96"),
        // within its own bounds, but not with the other sizes of the tile
        ("NEARFIELD_SCAN_BM", "50"),
        ("NEARFIELD_DISABLE", "everything"),
        ("NEARFIELD_BACKEND", "opengl"),
        ("NEARFIELD_FORCE_COOP", "round"),
        ("NEARFIELD_CHECKED", "maybe"),
    ] {
        let output = command(folder.path(), &words).env(name, value).output().expect("a program");
        let text = String::from_utf8(output.stderr).expect("text");
        assert!(!output.status.success() && text.contains(&format!("{name}: ")), "{name}: {text}");
    }
}
