//! Starting the program and reading what it wrote.

use crate::common::npy::Npy;
use nearfield::format::{Conversion, RowSource, create, open};
use nearfield::reference::Block;
use nearfield::{DType, Rows};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What a run left behind.
pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.stdout))
    }
}

/// Runs the program in `folder`. Names there are short, so that the cases read as a user's lines.
pub fn nearfield(folder: &Path, arguments: &[&str]) -> Run {
    let output = command(folder, arguments).output().expect("a program");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let status = output.status.code().unwrap_or_else(|| panic!("{arguments:?}: {}", output.status));
    let run = Run { status, stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!run.stderr.contains("panicked"), "{arguments:?}: {}", run.stderr);
    run
}

/// Starts the program with a line of arguments; its outputs are pipes.
pub fn start(folder: &Path, line: &str) -> Child {
    let mut command = command(folder, &line.split_whitespace().collect::<Vec<_>>());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a program")
}

/// The program with its arguments, not started yet.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let program = env!("CARGO_BIN_EXE_nearfield");
    // Some drivers need a C library of their own: tests/run.sh says which program starts them.
    let runner = std::env::var("NEARFIELD_TEST_RUNNER").unwrap_or_default();
    let mut words = runner.split_whitespace().chain([program]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(arguments).current_dir(folder);
    // Mesa's drivers say on stderr that they miss it, and use it for nothing here.
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        command.env("XDG_RUNTIME_DIR", folder);
    }
    command
}

/// Runs a line of arguments, which has to succeed.
pub fn succeed(folder: &Path, line: &str) -> Run {
    let run = nearfield(folder, &line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(run.status, 0, "{line}\n{}", run.stderr);
    run
}

/// Runs a line of arguments, which has to end with `status` and leave no outputs.
pub fn fail(folder: &Path, line: &str, status: i32) -> String {
    let before = names(folder);
    let run = nearfield(folder, &line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(run.status, status, "{line}\n{}{}", run.stdout, run.stderr);
    assert_eq!(names(folder), before, "{line} left files behind");
    assert_eq!(run.stdout, "", "{line}");
    run.stderr
}

/// The names in a folder, hidden ones included.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A file of tests/data/faiss; its README and script say how it was made.
pub fn faiss(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/faiss").join(format!("{name}.npy"))
}

/// A new folder with FAISS's base and queries of a set as base.npy and query.npy.
pub fn with_set(set: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["base", "query"] {
        let to = folder.path().join(format!("{name}.npy"));
        std::fs::copy(faiss(&format!("{set}.{name}")), to).unwrap();
    }
    folder
}

/// Writes rows under a name whose extension says how.
pub fn write(folder: &Path, name: &str, rows: Rows<'_>, dim: usize) {
    let mut out = create(folder.join(name), rows.dtype(), dim).unwrap();
    out.write(rows).unwrap();
    out.finish().unwrap();
}

/// Rows of a file for the oracle, converted as `--dtype` would with `--force`.
pub fn block(folder: &Path, name: &str, dtype: Option<DType>) -> Block {
    let mut file = open(folder.join(name), Conversion::from(dtype).force(true)).unwrap();
    let (dim, count) = (file.dim(), file.row_count());
    Block::new(file.rows(0..count).unwrap(), dim).unwrap()
}

/// What a search wrote, a row of k hits for each query; places without a hit are checked and left away.
pub fn hits(folder: &Path, prefix: &str, k: usize, no_hit: f32) -> Vec<Vec<(u64, f32)>> {
    let (ids, dist) = (output(folder, prefix, "ids"), output(folder, prefix, "dist"));
    assert_eq!((ids.shape.len(), ids.shape[1]), (2, k));
    assert_eq!(dist.shape, ids.shape);
    let (ids, dist) = (ids.i64(), dist.f32());
    let row = |(ids, dist): (&[i64], &[f32])| {
        let found = ids.iter().position(|&id| id < 0).unwrap_or(k);
        assert!(ids[found..].iter().all(|&id| id == -1), "{ids:?}");
        assert!(dist[found..].iter().all(|&d| d == no_hit), "{dist:?}");
        ids[..found].iter().map(|&id| id as u64).zip(dist[..found].iter().copied()).collect()
    };
    ids.chunks_exact(k).zip(dist.chunks_exact(k)).map(row).collect()
}

/// What a range search wrote.
pub fn range_hits(folder: &Path, prefix: &str) -> Vec<Vec<(u64, f32)>> {
    let lims = output(folder, prefix, "lims").u64();
    let (ids, dist) = (output(folder, prefix, "ids"), output(folder, prefix, "dist"));
    assert_eq!(ids.shape, [*lims.last().unwrap() as usize]);
    assert_eq!(dist.shape, ids.shape);
    let (ids, dist) = (ids.i64(), dist.f32());
    assert_eq!(lims[0], 0);
    let row = |pair: &[u64]| {
        let at = pair[0] as usize..pair[1] as usize;
        ids[at.clone()].iter().map(|&id| id as u64).zip(dist[at].iter().copied()).collect()
    };
    lims.windows(2).map(row).collect()
}

fn output(folder: &Path, prefix: &str, name: &str) -> Npy {
    Npy::read(&folder.join(format!("{prefix}.{name}.npy")))
}

/// On slow drivers a part of the cases stands for all: each run compiles its kernels anew.
pub fn pairwise() -> bool {
    std::env::var("NEARFIELD_TEST_SET").is_ok_and(|set| set == "pairwise")
}
