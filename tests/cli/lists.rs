//! Indexes with lists: built from a base and a sample, searched, and told of.

use crate::support::{fail, names, succeed, warnings, with_set, write};
use nearfield::Rows;

#[test]
fn lists_are_built_searched_and_told_of() {
    let folder = with_set("plain");
    let folder = folder.path();
    let built = succeed(folder, "build --base base.npy --index IVF8,Flat --out x.nf --json");
    assert_eq!((&built.json()["index"], &built.json()["rows"]), (&"IVF8,Flat".into(), &120.into()));
    let said = warnings(&built.stderr);
    assert!(
        said.len() == 1 && said[0].contains("120 points for 8 centroids; at least 312"),
        "{said:?}"
    );
    for search in ["search -k 7", "range --radius 24"] {
        let search = format!("{search} --query query.npy");
        let flat = succeed(folder, &format!("{search} --base base.npy")).stdout;
        for params in ["--param nprobe=8", "--param nprobe=99", "--param guarantee=exact", ""] {
            let lists = succeed(folder, &format!("{search} --load x.nf {params}")).stdout;
            assert!(lists == flat && !flat.is_empty(), "{search} {params}\n{lists}\n{flat}");
        }
        // made of the base in one go
        let lists = format!("{search} --base base.npy --index IVF8,Flat --param nprobe=8");
        assert_eq!(succeed(folder, &lists).stdout, flat);
        let one = succeed(folder, &format!("{search} --load x.nf --param nprobe=1"));
        assert!(one.stdout != flat, "{}", one.stdout);
        // fewer hits than k are no surprise
        assert_eq!(warnings(&one.stderr), Vec::<String>::new());
    }
    let line = "search --load x.nf --query query.npy -k 3 --param nprobe=2 --stats";
    let summary = succeed(folder, &format!("{line} --out r --json")).json();
    let lists = &summary["stats"]["ivf"];
    assert_eq!((&summary["index"], &lists["nprobe"]), (&"IvfFlat".into(), &2.into()));
    assert!(lists["rows_probed"].as_u64().is_some_and(|rows| (1..120 * 6).contains(&rows)));
    let text = succeed(folder, line).stderr;
    assert!(text.contains("  lists            2 a query, of "), "{text}");
    let info = succeed(folder, "info x.nf --json --verify").json();
    assert_eq!((&info["kind"], &info["nlist"]), (&"IvfFlat".into(), &8.into()));
    assert_eq!((&info["nprobe"], &info["trained"]), (&20.into(), &true.into()));
    let size = |name: &str| info[name].as_u64().unwrap();
    assert!(size("list_min") <= size("list_median") && size("list_median") <= size("list_max"));
    assert!(size("list_max") >= 15 && size("lists_empty") < 8);
    let text = succeed(folder, "info x.nf").stdout;
    assert!(text.contains("nlist       8\n") && text.contains("list_median "), "{text}");
}

#[test]
fn queries_go_on_to_more_lists_and_what_is_proved_is_counted() {
    let folder = with_set("plain");
    let folder = folder.path();
    succeed(folder, "build --base base.npy --index IVF8,Flat --out x.nf");
    let params = "--param nprobe=1,fill=1,prove=1";
    let line = format!("search --load x.nf --query query.npy -k 40 {params} --stats");
    let summary = succeed(folder, &format!("{line} --out r --json")).json();
    let lists = &summary["stats"]["ivf"];
    assert!(lists["filled"].as_u64() > Some(0) && lists["proved"].as_u64().is_some(), "{lists}");
    let text = succeed(folder, &line).stderr;
    assert!(text.contains(" queries went on to more lists"), "{text}");
}

#[test]
fn a_curve_says_how_many_lists_find_so_much() {
    let folder = with_set("plain");
    let folder = folder.path();
    succeed(folder, "build --base base.npy --index IVF8,Flat --out x.nf");
    let line = "curve --load x.nf --query query.npy -k 4 --recall 0.9";
    let curve = succeed(folder, &format!("{line} --json")).json();
    let points = curve["points"].as_array().unwrap();
    let of = |point: &serde_json::Value, name: &str| point[name].as_f64().unwrap();
    assert!(points.windows(2).all(|p| of(&p[0], "nprobe") < of(&p[1], "nprobe")));
    assert!(points.windows(2).all(|p| of(&p[0], "recall") <= of(&p[1], "recall")));
    assert_eq!(of(&points[points.len() - 1], "recall"), 1.0);
    let nprobe = curve["nprobe"].as_u64().unwrap();
    let reached = points.iter().find(|point| of(point, "recall") >= 0.9).unwrap();
    assert_eq!(of(reached, "nprobe"), nprobe as f64);
    let text = succeed(folder, line).stdout;
    assert!(text.starts_with("  nprobe    recall   rows a query   queries/s\n"), "{text}");
    assert!(text.ends_with(&format!("search with --param nprobe={nprobe}\n")), "{text}");
    #[cfg(feature = "charts")]
    {
        succeed(folder, &format!("{line} --svg curve.svg"));
        let svg = std::fs::read_to_string(folder.join("curve.svg")).unwrap();
        assert!(svg.contains("Rate by recall") && svg.trim_end().ends_with("</svg>"), "{svg}");
    }
    succeed(folder, "build --base base.npy --out flat.nf");
    for (line, expected) in [
        ("curve --load x.nf --query query.npy --recall 1.5", "not above 0 and at most 1"),
        ("curve --load x.nf --query query.npy --recall 0", "not above 0 and at most 1"),
        ("curve --load flat.nf --query query.npy", "neither lists nor a graph"),
        ("curve --load x.nf --query query.npy --svg query.npy", "query.npy"),
    ] {
        let message = fail(folder, line, 2);
        assert!(message.contains(expected), "{line}: {message}");
    }
}

#[test]
fn lists_are_learnt_from_another_file() {
    let folder = with_set("plain");
    let folder = folder.path();
    let sample: Vec<f32> = (0..400 * 19).map(|i| (i * 7919 % 401) as f32 / 20.0).collect();
    write(folder, "sample.fbin", Rows::F32(&sample), 19);
    let build = "build --base base.npy --index IVF4k,Flat --out x.nf";
    // too few of them
    let message = fail(folder, &format!("{build} --train sample.fbin"), 1);
    assert!(message.contains("sample.fbin: 400 rows are too few for 4096 lists"), "{message}");
    let message = fail(folder, build, 1);
    assert!(message.contains("base.npy: 120 rows are too few for 4096 lists"), "{message}");
    let build = "build --base base.npy --index IVF5,Flat --metric cosine";
    let run = succeed(folder, &format!("{build} --train sample.fbin --out x.nf"));
    assert_eq!(warnings(&run.stderr), Vec::<String>::new());
    let own = succeed(folder, &format!("{build} --out y.nf --quiet"));
    assert_eq!((own.stdout, own.stderr), (String::new(), String::new()));
    let bytes = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert_ne!(bytes("x.nf"), bytes("y.nf"));
    // the same again is the same file
    succeed(folder, &format!("{build} --train sample.fbin --out z.nf"));
    assert_eq!(bytes("x.nf"), bytes("z.nf"));
    for name in ["x.nf", "y.nf"] {
        let search = "search --query query.npy -k 4";
        let lists = succeed(folder, &format!("{search} --load {name}")).stdout;
        let flat = succeed(folder, &format!("{search} --base base.npy --metric cosine")).stdout;
        assert_eq!(lists, flat);
    }
}

#[test]
fn what_cannot_be_learnt_from_is_said_and_leaves_nothing() {
    let folder = with_set("plain");
    let folder = folder.path();
    write(folder, "wide.npy", Rows::F32(&[0.5; 20 * 40]), 20);
    let mut nan = vec![0.5; 19 * 40];
    nan[19 * 33 + 2] = f32::NAN;
    write(folder, "nan.npy", Rows::F32(&nan), 19);
    succeed(folder, "build --base base.npy --index IVF3,Flat --out x.nf");
    let before = names(folder);
    for (line, status, expected) in [
        ("build --base base.npy --index IVF3,Flat --train wide.npy", 1, "rows of 20 f32"),
        ("build --base base.npy --index IVF3,Flat --train nan.npy", 1, "nan.npy: row 33, column 2"),
        ("build --base base.npy --index IVF3,Flat --train none.npy", 1, "none.npy"),
        ("build --base base.npy --train base.npy", 2, "a Flat has nothing to learn"),
        ("build --base base.npy --index IVF0,Flat", 2, "\"IVF0\" would be 0 lists"),
        ("build --base base.npy --index IVF3,SQ9", 2, "\"SQ9\" where \"Flat\""),
        ("build --base base.npy --index IVF3_NSG32,Flat", 2, "\"NSG32\""),
    ] {
        let message = fail(folder, &format!("{line} --out y.nf"), status);
        assert!(message.contains(expected), "{line}: {message}");
    }
    let search = "--load x.nf --query query.npy";
    for (line, expected) in [
        (format!("search -k 1 {search} --param nprobe=0"), "a number of lists, 1 or more"),
        (format!("search -k 1 {search} --param nprobe=many"), "a number of lists"),
        (
            format!("search -k 1 {search} --param itopk=3"),
            "certify, ef, efSearch, exhaustive, fill, guarantee, k_factor, k_factor_rf, nprobe, path, prove, traversal",
        ),
        (
            format!("search -k 1 {search} --param nprobe=2,guarantee=exact"),
            "--param nprobe: beside",
        ),
        (format!("range --radius 1 {search} --param certify=0"), "--param certify"),
        (format!("range --radius 1 {search} --param fill=1"), "--param fill: for a range search"),
        (format!("search -k 1 {search} --param prove=1,certify=0"), "--param prove: beside"),
    ] {
        let message = fail(folder, &line, 2);
        assert!(message.contains(expected), "{line}: {message}");
    }
    assert_eq!(names(folder), before);
    // skipped rows are not learnt from, and not searched
    let line = "build --base nan.npy --index IVF3,Flat --skip-nan --out y.nf --json";
    let built = succeed(folder, line).json();
    assert_eq!((&built["rows"], &built["skipped"]), (&39.into(), &serde_json::json!([33])));
    let bits = "build --base base.npy --index IVF3,Flat --dtype bits --metric hamming --out z.nf";
    assert!(fail(folder, bits, 2).contains("bits"));
}

#[test]
fn codes_with_their_originals_answer_as_rows_do() {
    let folder = with_set("plain");
    let folder = folder.path();
    let build = "build --base base.npy --index IVF8,SQ4";
    let built = succeed(folder, &format!("{build} --originals device --out x.nf --json")).json();
    assert_eq!(built["originals"], "device");
    succeed(folder, &format!("{build} --out codes.nf"));
    let originals = |file: &str| {
        let info = succeed(folder, &format!("info {file} --json --verify")).json();
        (info["quantizer"].clone(), info["originals"].clone())
    };
    assert_eq!(originals("x.nf"), ("SQ4".into(), true.into()));
    let built = succeed(folder, &format!("{build} --originals host --out host.nf --json")).json();
    assert_eq!(built["originals"], "host");
    assert_eq!(originals("host.nf"), ("SQ4".into(), true.into()));
    assert_eq!(originals("codes.nf"), ("SQ4".into(), false.into()));
    // codes alone are of residuals, as FAISS's factory has it, and of rows where these are kept
    for (file, residual) in [("x.nf", false), ("host.nf", false), ("codes.nf", true)] {
        let info = succeed(folder, &format!("info {file} --json")).json();
        assert_eq!(info["residual"], serde_json::json!(residual), "{file}");
    }
    let search = "search -k 7 --query query.npy";
    let flat = succeed(folder, &format!("{search} --base base.npy")).stdout;
    let exact = |file: &str| {
        succeed(folder, &format!("{search} --load {file} --param nprobe=8")).stdout == flat
    };
    assert!(exact("x.nf") && exact("host.nf") && !exact("codes.nf"));
    let rabitq = "build --base base.npy --index IVF8,RaBitQ5 --originals";
    for place in ["host", "device"] {
        succeed(folder, &format!("{rabitq} {place} --out rabitq.nf"));
        assert_eq!(originals("rabitq.nf").1, serde_json::json!(true));
        assert!(exact("rabitq.nf"), "{place}");
    }
    let few = "build --base base.npy --index IVF8,RaBitQ --originals host --out y.nf";
    assert!(fail(folder, few, 2).contains("4 to 9 bits"));
    // behind transforms of what these make of rows, which lists of rows answer by, too
    let turned = "build --base base.npy --index RR9,IVF8";
    succeed(folder, &format!("{turned},Flat --out turned.nf"));
    let turned_rows =
        succeed(folder, &format!("{search} --load turned.nf --param nprobe=3")).stdout;
    for of in ["RaBitQ4", "SQ4"] {
        succeed(folder, &format!("{turned},{of} --originals device --out behind.nf"));
        assert_eq!(originals("behind.nf").1, serde_json::json!(true));
        let found = succeed(folder, &format!("{search} --load behind.nf --param nprobe=3")).stdout;
        assert_eq!(found, turned_rows, "{of}");
    }
    for wrong in ["IVF8,Flat", "Flat", "RR9,IVF8,Flat"] {
        let line = format!("build --base base.npy --index {wrong} --originals device --out y.nf");
        let said = fail(folder, &line, 2);
        assert!(
            said.contains("--originals device") && said.contains(wrong.trim_start_matches("RR9,")),
            "{said}"
        );
    }
    let said = fail(folder, &format!("{build} --originals disk --out y.nf"), 2);
    assert!(said.contains("none, device, host"), "{said}");
}

#[test]
fn candidates_are_compared_again() {
    let folder = with_set("plain");
    let folder = folder.path();
    let built = "build --base base.npy --index IVF4,PQ19x4,RFlat";
    for name in ["x.nf", "x.faiss"] {
        succeed(folder, &format!("{built} --out {name}"));
    }
    let flat = succeed(folder, "search --base base.npy --query query.npy -k 4").stdout;
    let search = "search --query query.npy -k 4 --param nprobe=4";
    for name in ["x.nf", "x.faiss"] {
        for param in ["k_factor=30", "k_factor_rf=30", "k_factor=1e3"] {
            let found = succeed(folder, &format!("{search},{param} --load {name}")).stdout;
            assert_eq!(found, flat, "{name} {param}");
        }
    }
    let exact = "search --query query.npy -k 4 --load x.nf --param guarantee=exact";
    assert_eq!(succeed(folder, exact).stdout, flat);
    let run = succeed(folder, &format!("{search},k_factor=2.5 --load x.nf --out r --json --stats"));
    let (summary, queries) = (run.json(), flat.lines().count() as u64 / 4);
    assert_eq!(summary["index"], "Refine");
    assert_eq!(summary["stats"]["refine"]["candidates"], 10 * queries);
    let text = succeed(folder, &format!("{search},k_factor=2.5 --load x.nf --stats")).stderr;
    assert!(text.contains("  candidates       10.0 a query"), "{text}");
    for (name, checked) in [("x.nf", "x.nf --verify"), ("x.faiss", "x.faiss")] {
        let info = succeed(folder, &format!("info {checked} --json")).json();
        assert_eq!((&info["kind"], &info["base"]), (&"Refine".into(), &"IvfPq".into()), "{name}");
        assert_eq!((&info["refine"], &info["k_factor"]), (&"Flat".into(), &1.0.into()));
        assert_eq!((&info["nlist"], &info["quantizer"]), (&4.into(), &"PQ19x4".into()));
    }
    succeed(folder, "convert x.nf y.faiss");
    succeed(folder, "convert y.faiss y.nf");
    let found = succeed(folder, &format!("{search},k_factor=30 --load y.nf")).stdout;
    assert_eq!(found, flat);
    succeed(folder, "build --base base.npy --out flat.nf");
    for (line, expected) in [
        (format!("{search},k_factor=0.5 --load x.nf"), "a number of candidates"),
        (format!("{search},prove=1 --load x.nf"), "--param prove"),
        (
            "search --query query.npy -k 4 --load flat.nf --param k_factor=2".into(),
            "--param k_factor: this index",
        ),
    ] {
        let message = fail(folder, &line, 2);
        assert!(message.contains(expected), "{line}: {message}");
    }
    let message =
        fail(folder, "build --base base.npy --index IVF4,PQ19x4,Refine(LSH) --out z.nf", 2);
    assert!(message.contains("compared by LSH19"), "{message}");
}
