//! `nearfield bench`: the small suite with everything that it writes.

use crate::support::{fail, names, pairwise, succeed};
use std::path::Path;

/// The names of the elements of a document, which has to be well-formed as far as our charts go: no comments, no CDATA.
fn elements(text: &str) -> Vec<String> {
    let (mut open, mut all) = (Vec::new(), Vec::new());
    let mut rest = text.trim();
    assert!(rest.starts_with('<') && rest.ends_with('>'), "{rest}");
    while let Some((content, tag)) = rest.split_once('<') {
        assert!(!content.contains('>') && !bare_ampersand(content), "{content}");
        let (tag, after) = tag.split_once('>').expect("a tag ends");
        assert!(!bare_ampersand(tag) && tag.matches('"').count() % 2 == 0, "<{tag}>");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name.to_owned()), "</{name}>");
            continue;
        }
        let name = tag.split([' ', '/']).next().unwrap().to_owned();
        all.push(name.clone());
        if !tag.ends_with('/') {
            assert!(!open.is_empty() || all.len() == 1, "two roots");
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} do not end");
    all
}

fn bare_ampersand(text: &str) -> bool {
    let escapes = ["amp;", "lt;", "gt;", "quot;", "apos;"];
    text.split('&').skip(1).any(|after| !escapes.iter().any(|escape| after.starts_with(escape)))
}

fn chart(folder: &Path, name: &str) -> String {
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let elements = elements(&text);
    assert_eq!(elements[0], "svg", "{name}");
    assert!(elements.iter().filter(|e| *e == "circle").count() >= 2, "{name} has no points");
    text
}

#[test]
fn the_small_suite_writes_table_document_and_charts() {
    if pairwise() {
        return println!("skipped: bench on a slow driver (1)");
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let line = "bench --csv b.csv --json b.json --svg charts --peak-gbs 100 --peak-tflops 1.5";
    let run = succeed(folder, line);
    assert_eq!(names(folder), ["b.csv", "b.json", "charts"]);
    let table = std::fs::read_to_string(folder.join("b.csv")).unwrap();
    assert_eq!(run.stdout, table);
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();

    let text = std::fs::read_to_string(folder.join("b.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&document["command"], &document["suite"]), (&"bench".into(), &"quick".into()));
    assert_eq!(document["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(document["peaks"], serde_json::json!({ "gbs": 100.0, "tflops": 1.5 }));
    let date = document["date"].as_str().unwrap();
    assert!(date.len() == 20 && &date[10..11] == "T" && date.ends_with('Z'), "{date}");
    let adapter = &document["adapter"];
    for key in ["name", "driver", "backend", "profile"] {
        assert!(adapter[key].is_string(), "{key}: {adapter}");
    }
    let rows = document["rows"].as_array().unwrap();
    assert_eq!(rows.len(), lines.len() - 1);
    let timed = adapter["timestamps"] == true;
    for (row, line) in rows.iter().zip(&lines[1..]) {
        for (column, value) in lines[0].iter().zip(line) {
            match (value.parse::<f64>(), &row[*column]) {
                // rounded in the table
                (Ok(value), there) => {
                    assert!((there.as_f64().unwrap() - value).abs() <= 0.5, "{column}: {row}");
                }
                // without timestamps there is no telling what of a call is the host's, and most cases are of no lists
                (Err(_), there) if value.is_empty() => {
                    let of_lists = row["nlist"].is_u64() && *column != "ratio";
                    let timed = timed && *column == "host_ms";
                    assert!(there.is_null() && !timed && !of_lists, "{column}: {row}");
                }
                (Err(_), there) => assert_eq!(there, value, "{column}"),
            }
        }
        assert_eq!(row["checked"], row["queries"]);
        // nobody knows how many bytes of lists were read
        let bytes_known = row["nlist"].is_null();
        assert_eq!(row["roofline"].is_object(), timed && bytes_known, "{row}");
        let [wall, device, host] =
            ["wall_ms", "device_ms", "host_ms"].map(|name| row[name].as_f64());
        // the two are of different runs, so that a short call may leave less than nothing
        let left = (wall.unwrap() - device.unwrap()).max(0.0);
        assert_eq!(host.map(|ms| (ms - left).abs() < 1e-9), timed.then_some(true), "{row}");
        if timed {
            let stages = row["stages_ms"].as_object().unwrap();
            let sum: f64 = stages.values().map(|ms| ms.as_f64().unwrap()).sum();
            assert!((sum - row["device_ms"].as_f64().unwrap()).abs() < 1e-6, "{row}");
        }
        if row["roofline"].is_object() {
            let roofline = &row["roofline"];
            let (tflops, gbs) = (&roofline["tflops"], &roofline["gbs"]);
            let (tflops, gbs) = (tflops.as_f64().unwrap(), gbs.as_f64().unwrap());
            let share = (tflops / 1.5).max(gbs / 100.0);
            assert!((roofline["share"].as_f64().unwrap() / share - 1.0).abs() < 1e-9, "{row}");
        }
    }

    let lists: Vec<_> = rows.iter().filter(|row| row["nlist"] == 24).collect();
    assert_eq!(lists.len(), 4);
    for row in &lists {
        let recall = row["recall"].as_f64().unwrap();
        assert!(recall > 0.3 && recall <= 1.0, "{row}");
        let probed = row["rows_probed"].as_f64().unwrap();
        let sizes = &row["list_sizes"];
        assert!(probed > 0.0 && probed <= 4.0 * sizes["100"].as_f64().unwrap(), "{row}");
        assert!(row["train_s"].as_f64().unwrap() >= 0.0 && row["add_s"].as_f64().unwrap() > 0.0);
        // those that are held beside another one say how they fare
        assert_eq!(row["beside"].is_string(), row["ratio"].is_number(), "{row}");
    }
    // the first list of clusters has eight times the rows of an average one
    assert!((lists[3]["largest"].as_f64().unwrap() - 8.0).abs() < 0.1, "{}", lists[3]);

    let charts = folder.join("charts");
    assert!(chart(&charts, "rate-by-batch.svg").contains(", 10k x 64 l2, k = 10"));
    assert!(chart(&charts, "rate-by-k.svg").contains(", 10k x 64 l2, 100 queries"));
    assert!(chart(&charts, "time-by-n.svg").contains("d = 64 l2, 100 queries, k = 10"));
    if timed {
        let roofline = chart(&charts, "roofline.svg");
        assert!(roofline.contains("100 GB/s, 1.5 TFLOP/s") && roofline.contains("d = 64 l1"));
    } else {
        assert!(run.stderr.contains("roofline.svg: not drawn"), "{}", run.stderr);
    }
}

#[test]
fn a_suite_of_one_s_own_is_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let text = "[[base]]\nn = 500\nd = 7\nmetric = 'ip'\nlabel = 'own threads'\n\
                settings.select = { threads = 64 }\n\
                cases = [{ name = 'mine', queries = [3, 1], k = 600, filter = 'half' },\n\
                         { name = 'near', queries = 40, k = 9, within = true }]\n";
    std::fs::write(folder.join("own.toml"), text).unwrap();
    succeed(folder, "bench --suite own.toml --json own.json --quiet");
    let text = std::fs::read_to_string(folder.join("own.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["suite"], "own.toml");
    let rows = document["rows"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| &row["queries"]).collect::<Vec<_>>(), [3, 1, 40]);
    assert_eq!(rows.iter().map(|row| &row["within"]).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!((&rows[2]["name"], &rows[2]["checked"]), (&"near".into(), &40.into()));
    for row in &rows[..2] {
        assert_eq!(
            (&row["name"], &row["metric"], &row["k"]),
            (&"mine".into(), &"ip".into(), &600.into())
        );
        assert_eq!(row["settings"], serde_json::json!([["select", "threads", "64"]]));
        assert_eq!((&row["half_filtered"], &row["checked"]), (&true.into(), &row["queries"]));
    }

    // a metric in WGSL is held against the one that it spells
    let wgsl = |step: &str| {
        format!(
            "[[base]]\nn = 9000\nd = 5\nmetric = 'l1'\nwgsl = '''\n// initial: 0\n\
             fn accumulate(acc: f32, q: f32, x: f32) -> f32 {{ return acc + {step}; }}\n\
             fn finish(acc: f32, d: u32) -> f32 {{ return acc; }}'''\n\
             cases = [{{ name = 'mine', queries = 40, k = 3 }}]\n"
        )
    };
    std::fs::write(folder.join("wgsl.toml"), wgsl("abs(q - x)")).unwrap();
    let table = succeed(folder, "bench --suite wgsl.toml").stdout;
    assert!(table.contains("\nmine,scan_key_") && table.contains(",wgsl,9000,5,40,3,"), "{table}");
    std::fs::write(folder.join("wgsl.toml"), wgsl("abs(q + x)")).unwrap();
    let message = fail(folder, "bench --suite wgsl.toml --quiet", 1);
    assert!(message.contains("in f64"), "{message}");

    std::fs::write(folder.join("bad.toml"), "[[base]]\nrows = 500\n").unwrap();
    let message = fail(folder, "bench --suite bad.toml", 1);
    assert!(message.contains("bad.toml: ") && message.contains("line 2"), "{message}");
    let message = fail(folder, "bench --suite none.toml", 1);
    assert!(message.contains("none.toml"), "{message}");
    let message = fail(folder, "bench --suite slow", 2);
    assert!(
        message.contains(
            "known are quick, exact, batch, k, n, metrics, range, lists, codes, graph, all, and FILE.toml"
        ),
        "{message}"
    );
}

#[test]
fn codes_are_held_against_what_they_stand_for_and_recall_against_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let base = |index: &str, lists: &str, nprobe: &str| {
        format!(
            "[[base]]\nn = 700\nd = 8\nmetric = 'l2'\ndata = 'low rank'\nindex = '{index}'\n{lists}\n\
             cases = [{{ name = 'codes', queries = 30, k = 5{nprobe} }}]\n"
        )
    };
    let text = [
        base("IVF6,PQ4x5", "lists = 6", ", nprobe = [2, 6]"),
        base("SQ6", "", ""),
        base("PCA6,SQ8", "", ""),
        base("IVF6,RaBitQ8", "lists = 6", ", nprobe = 6"),
        base("IVF6,PQ4x5,RFlat", "lists = 6", ", nprobe = 6, k_factor = 100"),
    ];
    std::fs::write(folder.join("codes.toml"), text.concat()).unwrap();
    succeed(folder, "bench --suite codes.toml --json codes.json --quiet");
    let text = std::fs::read_to_string(folder.join("codes.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let rows = document["rows"].as_array().unwrap();
    let of = |key: &str| rows.iter().map(|row| &row[key]).collect::<Vec<_>>();
    assert_eq!(
        of("index"),
        ["IVF6,PQ4x5", "IVF6,PQ4x5", "SQ6", "PCA6,SQ8", "IVF6,RaBitQ8", "IVF6,PQ4x5,RFlat"]
    );
    assert_eq!(of("label"), of("index"));
    // of transforms nobody knows the rows that distances are to, estimates are to none, and candidates are not all rows
    assert_eq!(of("checked"), [30, 30, 30, 0, 0, 0]);
    let recall: Vec<f64> = rows.iter().map(|row| row["recall"].as_f64().unwrap()).collect();
    assert!(recall[0] <= recall[1] && recall[1] < 1.0 && recall[1] > 0.2, "{recall:?}");
    assert!(
        recall[2] > 0.8 && recall[3] > 0.3 && recall[4] > 0.8 && recall[5] > 0.999,
        "{recall:?}"
    );
    assert!(rows[1]["rows_probed"] == 700.0 && rows[0]["train_s"].as_f64().unwrap() > 0.0);
}

#[test]
fn what_cannot_be_written_ends_before_the_first_measurement() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("file"), "").unwrap();
    std::fs::create_dir(folder.join("folder")).unwrap();
    for (options, expected) in [
        ("--json nowhere/b.json", "nowhere/b.json"),
        ("--csv nowhere/b.csv", "nowhere/b.csv"),
        ("--json folder", "not a regular file"),
        ("--svg file", "file: "),
        ("--svg charts --adapter abacus", "abacus"),
    ] {
        let message = fail(folder, &format!("bench {options}"), 1);
        assert!(message.contains(expected), "{options}: {message}");
    }
    assert_eq!(names(folder), ["file", "folder"]);
}

/// A record is drawn again without a device; with a table of other programs it is they who are compared.
#[cfg(feature = "charts")]
#[test]
fn a_record_is_drawn_again_beside_other_programs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let record = |name: &str| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/record/nvidia-h200").join(name)
    };
    let (document, peers) = (record("2026-11-21-all.json"), record("2026-11-21-peers.csv"));
    let line = format!("--adapter none bench --from {} --svg", document.display());
    succeed(folder, &format!("{line} alone"));
    let alone = chart(folder, "alone/rate-by-batch.svg");
    assert!(alone.contains("10M x 128 l2, k = 10, nearfield") && !alone.contains("cuvs"));
    assert!(chart(folder, "alone/roofline.svg").contains("4800 GB/s, 989 TFLOP/s"));
    succeed(folder, &format!("{line} both --peers {}", peers.display()));
    let both = chart(folder, "both/rate-by-batch.svg");
    for label in
        ["NVIDIA H200, 1M x 128 l2, k = 10", "nearfield, f32 rows", "cuvs 26.06.00", "pytorch 2.11"]
    {
        assert!(both.contains(label), "{label}");
    }
    assert!(!both.contains("10M x 128"));
    // the curves of two of ours and two others, each of three points or more; the grid's and the axes' lines have two
    let lines = both.split("<polyline").skip(1);
    let points =
        lines.map(|line| line.split("points=\"").nth(1).unwrap().split('"').next().unwrap());
    let long = points.filter(|points| points.split_whitespace().count() >= 3).count();
    assert!(long >= 4, "{long} curves");

    std::fs::write(folder.join("bad.csv"), "name,n,d\ncuvs l2,1000,x\n").unwrap();
    let message = fail(folder, &format!("{line} x --peers bad.csv"), 1);
    assert!(message.contains("bad.csv, line 2"), "{message}");
    let message = fail(folder, "bench --from bad.csv --svg x", 1);
    assert!(message.contains("bad.csv: no document of bench --json"), "{message}");
    let message = fail(folder, "bench --from bad.csv", 2);
    assert!(message.contains("--svg"), "{message}");
    let message = fail(folder, "bench --from bad.csv --svg x --suite k", 2);
    assert!(message.contains("--suite"), "{message}");
}
