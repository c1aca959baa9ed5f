//! `nearfield build`, `nearfield info`, and searches of what was built.

use crate::support::{fail, faiss, names, nearfield, succeed, warnings, with_set, write};
use nearfield::Rows;
use nearfield::format::NpyWriter;
use std::path::Path;

fn bytes(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

fn list(folder: &Path, name: &str, ids: &[i64]) {
    let mut out = NpyWriter::<i64>::create(folder.join(name), &[]).unwrap();
    out.write(ids).unwrap();
    out.finish().unwrap();
}

#[test]
fn what_is_built_answers_as_its_base_does() {
    let metric = "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc + min(q, x); }\n\
        fn finish(acc: f32, d: u32) -> f32 { return acc; }\n// end\n";
    for (set, options, radius) in [
        ("plain", "", "24"),
        ("plain", "--metric cosine --dtype f16 --force", "0.2"),
        ("plain", "--metric wgsl:mine.wgsl", "-5"),
        ("bits", "--metric jaccard --dtype bits", "0.6"),
    ] {
        let folder = with_set(set);
        let folder = folder.path();
        std::fs::write(folder.join("mine.wgsl"), metric).unwrap();
        let built = succeed(folder, &format!("build --base base.npy --out x.nf --json {options}"));
        let built = built.json();
        assert_eq!((&built["command"], &built["output"]), (&"build".into(), &"x.nf".into()));
        assert_eq!(built["bytes"], std::fs::metadata(folder.join("x.nf")).unwrap().len());
        for search in ["search -k 7".to_owned(), format!("range --radius {radius}")] {
            let search = format!("{search} --query query.npy");
            let base = succeed(folder, &format!("{search} --base base.npy {options}")).stdout;
            let load = succeed(folder, &format!("{search} --load x.nf")).stdout;
            assert!(base == load && !base.is_empty(), "{options}: {search}\n{base}\n{load}");
            // Said again is said once.
            let again = options.replace("--force", "");
            assert_eq!(succeed(folder, &format!("{search} --load x.nf {again}")).stdout, base);
        }
        for name in ["a", "b"] {
            let source = if name == "a" { "--base base.npy" } else { "--load x.nf" };
            let again = if name == "a" { options } else { "" };
            succeed(
                folder,
                &format!("search -k 7 --query query.npy {source} {again} --out {name}"),
            );
        }
        assert_eq!(bytes(folder, "a.ids.npy"), bytes(folder, "b.ids.npy"));
        assert_eq!(bytes(folder, "a.dist.npy"), bytes(folder, "b.dist.npy"));
    }
}

#[test]
fn the_summary_of_a_loaded_search_is_that_of_the_file() {
    let folder = with_set("plain");
    let folder = folder.path();
    let said = succeed(folder, "build --base base.npy --metric ip --out x.NF").stdout;
    assert!(said.starts_with("120 rows of base.npy in x.NF, "), "{said}");
    assert_eq!(succeed(folder, "build --base base.npy --out x.NF --metric ip --quiet").stdout, "");
    let line = "search --load x.NF --query query.npy -k 3 --out r --json --param certify=0";
    let summary = succeed(folder, line).json();
    assert_eq!((&summary["metric"], &summary["index"]), (&"ip".into(), &"Flat".into()));
    let base = serde_json::json!({ "file": "x.NF", "rows": 120, "dim": 19, "dtype": "f32" });
    assert_eq!(summary["base"], base);
}

#[test]
fn rows_have_the_ids_of_a_file() {
    let folder = with_set("plain");
    let folder = folder.path();
    let ids: Vec<i64> = (0..120).map(|row| 7 + row * 1000).collect();
    list(folder, "ids.npy", &ids);
    succeed(folder, "build --base base.npy --ids ids.npy --out x.nf");
    let column = |run: crate::support::Run| -> Vec<i64> {
        run.stdout.lines().map(|line| line.split('\t').nth(2).unwrap().parse().unwrap()).collect()
    };
    let search = "search --query query.npy -k 4";
    let rows = column(succeed(folder, &format!("{search} --base base.npy")));
    let found = column(succeed(folder, &format!("{search} --load x.nf")));
    assert_eq!(found, rows.iter().map(|row| 7 + row * 1000).collect::<Vec<_>>());
    list(folder, "some.npy", &[found[0], found[5], -1]);
    let denied = column(succeed(folder, &format!("{search} --load x.nf --deny some.npy")));
    assert!(denied.len() == 24 && !denied.contains(&found[0]) && !denied.contains(&found[5]));
    let allowed = column(succeed(folder, &format!("{search} --load x.nf --allow some.npy")));
    assert!(allowed.len() == 12 && allowed.iter().all(|id| [found[0], found[5]].contains(id)));
    // Far apart, they are a list and no bits.
    list(folder, "far.npy", &ids.iter().map(|id| id << 40).collect::<Vec<_>>());
    succeed(folder, "build --base base.npy --ids far.npy --out far.nf");
    list(folder, "some.npy", &[found[0] << 40, -1]);
    let denied = column(succeed(folder, &format!("{search} --load far.nf --deny some.npy")));
    assert!(denied.len() == 24 && !denied.contains(&(found[0] << 40)), "{denied:?}");
    list(folder, "some.npy", &[-2]);
    assert!(
        fail(folder, &format!("{search} --load far.nf --deny some.npy"), 1).contains("-2 is no")
    );
    std::fs::write(folder.join("labels.txt"), "a\n".repeat(120)).unwrap();
    let message = fail(folder, &format!("{search} --load x.nf --labels labels.txt"), 1);
    assert!(message.contains("120 lines for ids up to 119007; lines of an id, a tab"), "{message}");
    let text: String = ids.iter().map(|id| format!("{id} # mine\n")).collect();
    std::fs::write(folder.join("ids.txt"), text).unwrap();
    succeed(folder, "build --base base.npy --ids ids.txt --out text.nf");
    assert_eq!(bytes(folder, "text.nf"), bytes(folder, "x.nf"));
    let mut mask = NpyWriter::<u8>::create(folder.join("mask.npy"), &[]).unwrap();
    mask.write(&[1; 120]).unwrap();
    mask.finish().unwrap();
    let masked = "search --load x.nf --query query.npy -k 1 --out m --allow mask.npy";
    let message = fail(folder, masked, 1);
    assert!(message.contains("for each number up to the largest id"), "{message}");
    let message = fail(folder, "build --base base.npy --ids mask.npy --out y.nf", 1);
    assert!(message.contains("are no ids"), "{message}");
    for (list_of, expected) in [
        (&ids[1..], "119 ids for 120 rows"),
        (&[&ids[1..], &[-3]].concat()[..], "-3 is no id"),
        (&[&ids[1..], &[ids[1]]].concat()[..], "ids.npy: id 1007"),
    ] {
        list(folder, "ids.npy", list_of);
        let message = fail(folder, "build --base base.npy --ids ids.npy --out y.nf", 1);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn what_contradicts_the_file_is_refused() {
    let folder = with_set("plain");
    let folder = folder.path();
    succeed(folder, "build --base base.npy --out x.nf");
    succeed(folder, "convert base.npy rows.fvecs");
    let search = "search --query query.npy -k 3";
    for (options, status, expected) in [
        ("--load x.nf --metric ip", 2, "--metric ip: x.nf has l2"),
        ("--load x.nf --dtype f16", 2, "--dtype f16: x.nf holds f32"),
        ("--load x.nf --base base.npy", 2, "cannot be used with"),
        ("--load x.nf --index Flat", 2, "cannot be used with"),
        ("--load x.nf --dtype f32 --scale 2", 2, "cannot be used with"),
        ("--load x.nf --force", 2, "cannot be used with"),
        ("", 2, "--base <FILE>|--load <FILE>"),
        (
            "--load x.nf --param itopk=8",
            2,
            "none of certify, ef, efSearch, exhaustive, fill, guarantee, k_factor, k_factor_rf, nprobe, path, prove, traversal",
        ),
        ("--load x.nf --param efSearch=8", 2, "--param efSearch: this index has no graph"),
        ("--load x.nf --param path=graph", 2, "--param efSearch: this index has no graph"),
        ("--load x.nf --param nprobe=8", 2, "--param nprobe: this index has no lists"),
        ("--load x.nf --param certify=0,certify=1", 2, "certify is there twice"),
        ("--load x.nf --param certify=0 --fast", 2, "one of them"),
        ("--load x.nf --param certify=0,guarantee=exact", 2, "certify"),
        ("--base x.nf", 2, "--load"),
        ("--load rows.fvecs", 1, "--base"),
        ("--load none.nf", 1, "none.nf: "),
        ("--load x.nf --memory-budget 64", 1, "x.nf: out of device memory"),
        ("--load x.nf --query rows.fvecs --allow base.npy", 2, "cannot be used multiple times"),
    ] {
        let message = fail(folder, &format!("{search} {options}"), status);
        assert!(message.contains(expected), "{options}: {message}");
    }
    let message =
        fail(folder, "range --load x.nf --query query.npy --radius 1 --param certify=0", 2);
    assert!(message.contains("certify"), "{message}");
    write(folder, "wide.npy", Rows::F32(&[0.0; 40]), 20);
    let message = fail(folder, "search --load x.nf --query wide.npy -k 1", 1);
    assert!(message.contains("rows of 20 elements, those of x.nf have 19"), "{message}");
    succeed(folder, &format!("{search} --base base.npy --param exhaustive=1,guarantee=exact"));
}

#[test]
fn the_extension_decides_what_is_built_and_nothing_is_left_of_a_failure() {
    let folder = with_set("plain");
    let folder = folder.path();
    succeed(folder, "build --base base.npy --out x.nf");
    let before = bytes(folder, "x.nf");
    std::fs::hard_link(folder.join("base.npy"), folder.join("link.nf")).unwrap();
    for (line, status, expected) in [
        ("build --base base.npy --out x.usearch", 2, "ends in .nf or .faiss"),
        ("build --base base.npy --metric sqrtl2 --out x.faiss", 2, "sqrtl2, which FAISS"),
        ("build --base base.npy --out x", 2, "ends in .nf"),
        ("build --base base.npy --out link.nf", 2, "base.npy, which is read"),
        ("build --base base.npy --index IVF8,SQ9 --out x.nf", 2, "\"SQ9\" where \"Flat\""),
        ("build --base base.npy --train base.npy --out x.nf", 2, "a Flat has nothing to learn"),
        ("build --base base.npy --metric hamming --out x.nf", 2, "--dtype bits"),
        ("build --base base.npy --metric kl --out x.nf", 1, "base.npy: row 0, column"),
        ("build --base base.npy --dtype i8 --out x.nf", 1, "base.npy: row"),
        ("build --base x.nf --out y.nf", 2, "is an index"),
        ("build --base base.npy --out nowhere/x.nf", 1, "nowhere/x.nf"),
        ("build --base base.npy --out x.nf --memory-budget 64", 1, "out of device memory"),
        ("build --base base.npy --out x.nf --scale auto --dtype i8", 2, "--scale"),
        ("build --base base.npy", 2, "--out"),
    ] {
        let message = fail(folder, line, status);
        assert!(message.contains(expected), "{line}: {message}");
    }
    assert_eq!(bytes(folder, "x.nf"), before);
}

#[cfg(unix)]
#[test]
fn a_signal_leaves_nothing_of_an_index() {
    use std::time::Duration;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // A file of zeros that takes no room.
    write(folder, "big.fbin", Rows::F32(&[0.0; 128]), 128);
    let rows = 2_000_000u32;
    let file = std::fs::OpenOptions::new().write(true).open(folder.join("big.fbin")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &rows.to_le_bytes(), 0).unwrap();
    file.set_len(8 + u64::from(rows) * 512).unwrap();
    for wait in [300, 700] {
        let child = crate::support::start(folder, "build --base big.fbin --out x.nf");
        std::thread::sleep(Duration::from_millis(wait));
        let id = child.id().to_string();
        let sent = std::process::Command::new("kill").args(["-s", "INT", &id]).status();
        assert!(sent.unwrap().success());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), names(folder)),
            (Some(130), vec!["big.fbin".to_owned()]),
            "{said}"
        );
    }
}

#[test]
fn info_says_what_a_file_holds() {
    let folder = with_set("bits");
    let folder = folder.path();
    list(folder, "ids.npy", &[3, 1, 2]);
    std::fs::copy(faiss("plain.base"), folder.join("plain.npy")).unwrap();
    succeed(folder, "convert plain.npy plain.fvecs");
    succeed(folder, "build --base base.npy --dtype bits --metric hamming --out x.nf");
    // What it is stands in its first bytes.
    std::fs::copy(folder.join("x.nf"), folder.join("x.npy")).unwrap();
    let text = succeed(folder, "info x.nf").stdout;
    for line in
        ["what        index", "kind        BinaryFlat", "metric      hamming", "dtype       bits"]
    {
        assert!(text.lines().any(|l| l == line), "{line}: {text}");
    }
    for line in ["info x.nf --json", "info x.npy --json --verify"] {
        let info = succeed(folder, line).json();
        assert_eq!((&info["kind"], &info["dtype"]), (&"BinaryFlat".into(), &"bits".into()));
        assert_eq!((&info["rows"], &info["version"]), (&info["next_id"], &1.into()));
        assert_eq!(info["bytes"], bytes(folder, "x.nf").len());
        let verified = line.contains("verify");
        assert_eq!(info["verified"], verified);
        assert_eq!(info["checksum"], if verified { "ok" } else { "header ok" });
    }
    for (name, dtype, shape) in [
        ("plain.npy", "f32", serde_json::json!([120, 19])),
        ("plain.fvecs", "f32", serde_json::json!([120, 19])),
        ("ids.npy", "i64", serde_json::json!([3])),
    ] {
        let info = succeed(folder, &format!("info {name} --json --verify")).json();
        assert_eq!(
            (&info["what"], &info["dtype"], &info["shape"]),
            (&"rows".into(), &dtype.into(), &shape)
        );
    }
    let shape = succeed(folder, "info plain.fvecs").stdout;
    assert!(shape.contains("shape       120 x 19\n"), "{shape}");
}

#[test]
fn what_is_no_index_and_what_has_no_rows_is_said() {
    let folder = with_set("plain");
    let folder = folder.path();
    std::fs::write(folder.join("faiss"), b"IxF2............").unwrap();
    for name in ["faiss", "base.npy"] {
        let message = fail(folder, &format!("search --load {name} --query query.npy -k 1"), 1);
        assert!(message.contains("its first bytes are those of no index"), "{message}");
    }
    let none = NpyWriter::<f32>::create(folder.join("none.npy"), &[19]).unwrap();
    none.finish().unwrap();
    let run = succeed(folder, "search --base none.npy --query query.npy --k 1");
    assert_eq!(run.stdout, "");
    assert_eq!(warnings(&run.stderr), ["warning: none.npy: no rows, so there are no hits"]);
    let alias = succeed(folder, "search --base base.npy --query query.npy --k 2").stdout;
    assert_eq!(succeed(folder, "search --base base.npy --query query.npy --top-k 2").stdout, alias);
    assert_eq!(alias.lines().count(), 12);
    let line = "search --base base.npy --query base.npy -k 1 --first-queries 2 --exclude-self";
    assert!(fail(folder, line, 1).contains("has 2 of --first-queries"));
}

#[test]
fn damage_is_found_where_it_is_looked_for() {
    let folder = with_set("plain");
    let folder = folder.path();
    succeed(folder, "build --base base.npy --out x.nf");
    let whole = bytes(folder, "x.nf");
    let damaged = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        std::fs::write(folder.join("x.nf"), bytes).unwrap();
    };
    damaged(whole.len() - 100);
    succeed(folder, "info x.nf");
    for line in ["info x.nf --verify", "search --load x.nf --query query.npy -k 1"] {
        let message = fail(folder, line, 1);
        assert!(message.contains("x.nf, at byte") && message.contains("checksum"), "{message}");
    }
    for at in [9, 20, 45] {
        damaged(at);
        fail(folder, "info x.nf", 1);
    }
    damaged(8);
    let message = fail(folder, "info x.nf", 1);
    assert!(
        message.contains("version 5, this build reads 1: a newer nearfield wrote it"),
        "{message}"
    );
    std::fs::write(folder.join("x.nf"), &whole[..whole.len() - 1]).unwrap();
    fail(folder, "info x.nf", 1);
    // A row of another length than the first.
    succeed(folder, "convert base.npy rows.fvecs");
    let mut rows = bytes(folder, "rows.fvecs");
    rows[80 * 5] = 18;
    std::fs::write(folder.join("rows.fvecs"), rows).unwrap();
    succeed(folder, "info rows.fvecs");
    assert!(fail(folder, "info rows.fvecs --verify", 1).contains("rows.fvecs, at byte 400"));
    for (name, status) in [("x.faiss", 1), ("x.txt", 2), (".", 1), ("none.npy", 1)] {
        std::fs::write(folder.join("x.faiss"), "IxF2").unwrap();
        std::fs::write(folder.join("x.txt"), "text").unwrap();
        let message = fail(folder, &format!("info {name}"), status);
        assert!(message.contains(name), "{message}");
    }
}

/// `info` and `completions` are for machines without a GPU, too; what needs one says how to get it, in lines.
#[cfg(target_os = "linux")]
#[test]
fn without_an_adapter_there_is_a_command_to_get_one() {
    let folder = with_set("plain");
    let folder = folder.path();
    let run = |line: &str| {
        let mut command = crate::support::command(folder, &line.split(' ').collect::<Vec<_>>());
        for name in ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"] {
            command.env(name, "/nowhere");
        }
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for line in ["info base.npy", "completions fish"] {
        assert_eq!(run(line), (Some(0), String::new()), "{line}");
    }
    let (status, said) = run("devices");
    assert_eq!(status, Some(1), "{said}");
    assert!(said.starts_with("error: no GPU adapter: ") && said.lines().count() >= 4, "{said}");
    assert!(
        said.contains(" install ") || said.contains("pacman -S") || said.contains("apk add"),
        "{said}"
    );
}

#[test]
fn shells_get_what_they_complete() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = succeed(folder.path(), &format!("completions {shell}")).stdout;
        for word in ["search", "labels", "memory-budget", "completions"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let run = nearfield(folder.path(), &["completions", "cmd"]);
    assert!(run.status == 2 && run.stderr.contains("bash, elvish, fish"), "{}", run.stderr);
}
