//! More queries than go to the device at once: 1,024 of this dimension.

use crate::support::{fail, hits, nearfield, range_hits, succeed, write};
use nearfield::Rows;

#[test]
fn blocks_of_queries_join_without_a_seam() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (dim, rows, queries) = (8192, 10, 1030);
    let value = |row: usize, column: usize| ((row * 7 + column * 3) % 11) as f32;
    let row = |row: usize| (0..dim).map(move |column| value(row, column));
    let base: Vec<f32> = (0..rows).flat_map(row).collect();
    let mut query: Vec<f32> = (0..queries).flat_map(|i| row(i % rows)).collect();
    write(folder, "base.npy", Rows::F32(&base), dim);
    write(folder, "query.npy", Rows::F32(&query), dim);

    let expected: Vec<_> = (0..queries).map(|i| vec![((i % rows) as u64, 0.0)]).collect();
    let line = "search --base base.npy --query query.npy -k 1 --out s --json --stats";
    let stats = succeed(folder, line).json()["stats"].clone();
    assert_eq!((&stats["queries"], &stats["rows"]), (&queries.into(), &rows.into()));
    assert_eq!(hits(folder, "s", 1, f32::MAX), expected);
    succeed(folder, "range --base base.npy --query query.npy --radius 1 --out r");
    assert_eq!(range_hits(folder, "r"), expected);

    let printed = succeed(folder, "search --base base.npy --query query.npy -k 1").stdout;
    let lines: String = (0..queries).map(|i| format!("{i}\t1\t{}\t0.0\n", i % rows)).collect();
    assert_eq!(printed, lines);

    query[1027 * dim + 5] = f32::INFINITY;
    write(folder, "query.npy", Rows::F32(&query), dim);
    let message = fail(folder, "search --base base.npy --query query.npy -k 1 --out x", 1);
    assert!(message.contains("query.npy: row 1027, column 5 is not finite"), "{message}");
    // What was printed before is printed.
    let words = ["search", "--base", "base.npy", "--query", "query.npy", "-k", "1"];
    let run = nearfield(folder, &words);
    assert_eq!((run.status, run.stdout.lines().count()), (1, 1024), "{}", run.stderr);
    assert!(lines.starts_with(&run.stdout));
}
