//! Work that cannot be done: status 1, the file and the place named, and nothing written.

use crate::support::{fail, names, succeed, with_set, write};
use nearfield::Rows;

const SEARCH: &str = "search --base base.npy --query query.npy -k 3 --out x";

#[test]
fn bad_files_are_named() {
    let folder = with_set("plain");
    let folder = folder.path();
    let good = std::fs::read(folder.join("base.npy")).unwrap();
    std::fs::write(folder.join("short.npy"), &good[..good.len() - 7]).unwrap();
    std::fs::write(folder.join("empty.npy"), []).unwrap();
    std::fs::write(folder.join("text.npy"), "ids and distances\n").unwrap();
    for (name, expected) in [
        ("missing.npy", "missing.npy: "),
        ("short.npy", "short.npy, at byte 9241"),
        ("empty.npy", "empty.npy, at byte 0"),
        ("text.npy", "text.npy, at byte 0"),
    ] {
        for option in ["--base base.npy", "--query query.npy"] {
            let key = option.split(' ').next().unwrap();
            let message = fail(folder, &SEARCH.replace(option, &format!("{key} {name}")), 1);
            assert!(message.contains(expected), "{message}");
        }
        let message = fail(folder, &format!("{SEARCH} --deny {name}"), 1);
        assert!(message.contains(name), "{message}");
    }
    let message = fail(folder, &format!("{SEARCH} --allow query.npy"), 1);
    assert!(message.contains("no ids"), "{message}");
}

#[test]
fn rows_that_do_not_fit_are_named() {
    let folder = with_set("plain");
    let folder = folder.path();
    write(folder, "wide.npy", Rows::F32(&[0.0; 40]), 20);
    let message = fail(folder, &SEARCH.replace("query.npy", "wide.npy"), 1);
    assert!(message.contains("rows of 20 elements, those of base.npy have 19"), "{message}");

    let mut values = vec![0.5f32; 19 * 5];
    values[19 * 3 + 11] = f32::NAN;
    write(folder, "nan.npy", Rows::F32(&values), 19);
    for option in ["--base base.npy", "--query query.npy"] {
        let key = option.split(' ').next().unwrap();
        let message = fail(folder, &SEARCH.replace(option, &format!("{key} nan.npy")), 1);
        assert!(message.contains("nan.npy: row 3, column 11 is not finite"), "{message}");
    }
    let message = fail(folder, &format!("{SEARCH} --metric kl"), 1);
    assert!(message.contains("base.npy: row 0, column"), "{message}");
}

#[test]
fn a_metric_that_does_not_compile_is_pointed_into() {
    let folder = with_set("plain");
    let folder = folder.path();
    let metric = |text: &str| std::fs::write(folder.join("mine.wgsl"), text).unwrap();
    let line = format!("{SEARCH} --metric wgsl:mine.wgsl");
    metric(
        "// order: ascending\nfn accumulate(acc: f32, q: f32, x: f32) -> f32 {\n    return acc + nought;\n}\n\
         fn finish(acc: f32, d: u32) -> f32 { return acc; }\n",
    );
    let message = fail(folder, &line, 1);
    assert!(message.contains("mine.wgsl:3:18: "), "{message}");
    metric("// order: upwards\n");
    assert!(fail(folder, &line, 1).contains("mine.wgsl:1: \"upwards\" is neither"));
    metric("\n// initial: inf\n");
    assert!(fail(folder, &line, 1).contains("mine.wgsl:2: \"inf\" is no finite number"));
    metric("\u{feff}// Order: Descending\n// order: ascending\n");
    assert!(fail(folder, &line, 1).contains("mine.wgsl:2: a second `// order:`"));
    metric("\nfn finish(acc: f32, d: u32) -> f32 { return acc; }\n// order: descending\n");
    assert!(fail(folder, &line, 1).contains("mine.wgsl:3: `// order:` belongs above line 2"));
    metric("fn finish(acc: f32, d: u32) -> f32 { return acc; }\n");
    assert!(fail(folder, &line, 1).contains("accumulate"));
    let message = fail(folder, &line.replace("mine", "yours"), 1);
    assert!(message.contains("yours.wgsl"), "{message}");
}

#[test]
fn outputs_that_cannot_be_written_end_with_1_and_others_stay() {
    let folder = with_set("plain");
    let folder = folder.path();
    let message = fail(folder, &SEARCH.replace("--out x", "--out nowhere/x"), 1);
    assert!(message.contains("no file can be written to its folder, nowhere"), "{message}");
    assert!(message.contains("nowhere/x.ids.npy: ") && !message.contains(".tmp"), "{message}");
    std::fs::create_dir(folder.join("x.dist.npy")).unwrap();
    fail(folder, SEARCH, 1);
    std::fs::remove_dir(folder.join("x.dist.npy")).unwrap();
    succeed(folder, SEARCH);
    // A search that fails leaves the outputs of the one before.
    let before = std::fs::read(folder.join("x.ids.npy")).unwrap();
    fail(folder, &format!("{SEARCH} --adapter abacus"), 1);
    assert_eq!(std::fs::read(folder.join("x.ids.npy")).unwrap(), before);
    assert_eq!(names(folder), ["base.npy", "query.npy", "x.dist.npy", "x.ids.npy"]);
}
