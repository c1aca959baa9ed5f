//! Indexes with a graph: built, searched along their edges and otherwise, and told of.

use crate::support::{fail, succeed, with_set};

#[test]
fn graphs_are_built_and_searched_along_their_edges() {
    let folder = with_set("plain");
    let folder = folder.path();
    let built = succeed(folder, "build --base base.npy --index CAGRA8 --out x.nf --json").json();
    assert_eq!((&built["index"], &built["rows"]), (&"CAGRA8".into(), &120.into()));
    let search = "search --query query.npy -k 7";
    let flat = succeed(folder, &format!("{search} --base base.npy")).stdout;
    // so few rows are all compared, unless the path is said
    for params in ["", "--param path=exact", "--param path=graph,efSearch=120"] {
        let found = succeed(folder, &format!("{search} --load x.nf {params}")).stdout;
        assert!(found == flat && !flat.is_empty(), "{params}\n{found}\n{flat}");
    }
    let line = format!("{search} --load x.nf --param path=graph,ef=16 --stats");
    let summary = succeed(folder, &format!("{line} --out r --json")).json();
    let graph = &summary["stats"]["graph"];
    assert!(graph["walked"].as_u64() > Some(0) && graph["steps"].as_u64() > Some(0), "{graph}");
    let text = succeed(folder, &line).stderr;
    assert!(text.contains("  graph            ") && text.contains(" steps each"), "{text}");
    let curve = "curve --load x.nf --query query.npy -k 4 --recall 0.9";
    let text = succeed(folder, curve).stdout;
    assert!(text.starts_with("      ef    recall  steps a query   queries/s\n"), "{text}");
    let told = succeed(folder, &format!("{curve} --json")).json();
    let ef = told["ef"].as_u64().unwrap();
    assert!(text.ends_with(&format!("search with --param ef={ef}\n")), "{text}");
    let points = told["points"].as_array().unwrap();
    assert!(points.iter().any(|p| p["ef"] == ef && p["recall"].as_f64() >= Some(0.9)), "{told}");
    assert!(points.iter().all(|p| p["steps"].as_f64() > Some(0.0)), "{told}");
    let info = succeed(folder, "info x.nf --json --verify").json();
    assert_eq!(info["kind"], "Graph");
    let said = fail(folder, &format!("{line} --param fill=1"), 2);
    assert!(said.contains("has no lists"), "{said}");
    let range = "range --load x.nf --query query.npy --radius 3";
    succeed(folder, range);
    let said = fail(folder, &format!("{range} --param ef=9"), 2);
    assert!(said.contains("beside a radius"), "{said}");
    let said = fail(folder, &format!("{range} --param path=graph"), 2);
    assert!(said.contains("a range search"), "{said}");
}
