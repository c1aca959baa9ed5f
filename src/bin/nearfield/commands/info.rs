//! `nearfield info`.

use crate::args::{Global, InfoArgs};
use crate::shell::failure::{Failure, Result};
use crate::shell::progress::Progress;
use crate::shell::saved::{self, Said, Saved};
use crate::shell::{print, stop};
use nearfield::format::{self, Conversion, FileInfo};
use nearfield::{IndexInfo, RowSource};
use serde_json::{Map, Value, json};
use std::path::Path;

pub fn run(args: &InfoArgs, global: &Global) -> Result<()> {
    let progress = Progress::start(global.quiet);
    let said = Said { dim: args.dim, metric: args.metric.as_ref() };
    let fields = match Saved::find(&args.file, said)? {
        Some(saved) => {
            let verified =
                if args.verify { verify(&saved, &progress)? } else { saved.info.clone() };
            of_index(&saved, &verified, args.verify)
        }
        None => {
            let info = inspect(&args.file)?;
            if args.verify {
                read_all(&args.file, &info, &progress)?;
            }
            of_rows(&info, args.verify)
        }
    };
    drop(progress);
    if args.json {
        let mut all = Map::new();
        all.insert("command".into(), json!("info"));
        all.insert("file".into(), json!(args.file.to_string_lossy()));
        all.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
        return print::to_stdout(format_args!("{}", Value::Object(all)));
    }
    let lines = fields.iter().map(|(name, value)| match value {
        Value::String(text) => format!("{name:<11} {text}"),
        Value::Array(shape) => {
            let shape: Vec<_> = shape.iter().map(ToString::to_string).collect();
            format!("{name:<11} {}", shape.join(" x "))
        }
        other => format!("{name:<11} {other}"),
    });
    print::to_stdout(format_args!("{}", lines.collect::<Vec<_>>().join("\n")))
}

fn verify(saved: &Saved, progress: &Progress) -> Result<IndexInfo> {
    progress.phase("reading the index", saved.info.bytes);
    saved.verify(&mut |done, _| {
        progress.set(done);
        stop::check()
    })
}

/// What a file of rows says, or why it is none that is known.
fn inspect(file: &Path) -> Result<FileInfo> {
    format::inspect(file).map_err(|e| match saved::foreign(file) {
        Some(name) => {
            let file = file.display();
            Failure::Work(format!(
                "{file}: no index that is known here begins so, and no .{name} is read"
            ))
        }
        None if saved::is_called_index(file) => {
            let file = file.display();
            Failure::Work(format!("{file}: its first bytes are those of no index"))
        }
        None => e.into(),
    })
}

/// Reads every row, which finds rows of another length than the first.
fn read_all(file: &Path, info: &FileInfo, progress: &Progress) -> Result<()> {
    if info.columns.is_none() {
        // A list is its header and the bytes that this promises.
        return Ok(());
    }
    progress.phase("reading the rows", info.rows);
    let mut rows = format::open(file, Conversion::from(None).u16_as_bf16(info.element == "u16"))?;
    while rows.next_rows(usize::MAX)?.is_some() {
        stop::check()?;
        progress.set(info.rows - rows.remaining().unwrap_or(0));
    }
    Ok(())
}

fn of_index(saved: &Saved, info: &IndexInfo, verified: bool) -> Vec<(&'static str, Value)> {
    let mut fields = vec![("what", json!("index")), ("format", json!(saved.format()))];
    // other libraries' files have neither versions nor checksums
    let own = info.version > 0;
    if own {
        fields.push(("version", json!(info.version)));
    }
    fields.push(("kind", json!(info.kind)));
    if let Some(refine) = &info.refine {
        fields.push(("base", json!(refine.base)));
        fields.push(("refine", json!(refine.rows)));
        fields.push(("k_factor", json!(refine.k_factor)));
    }
    if !info.transforms.is_empty() {
        fields.push(("transforms", json!(info.transforms.join(","))));
    }
    fields.extend([
        ("dtype", json!(info.dtype.name())),
        ("metric", json!(info.metric.to_string())),
        ("dim", json!(info.dim)),
        ("rows", json!(info.rows)),
        ("next_id", json!(info.next_id)),
        ("bytes", json!(info.bytes)),
    ]);
    if own {
        fields.push(("checksum", json!(if verified { "ok" } else { "header ok" })));
    }
    fields.push(("verified", json!(verified)));
    if let Some(codes) = &info.codes {
        fields.push(("quantizer", json!(codes)));
    }
    if let Some(hnsw) = &info.hnsw {
        fields.push(("m", json!(hnsw.max_connections)));
        fields.push(("m0", json!(hnsw.max_connections0)));
        fields.push(("ef_construction", json!(hnsw.ef_construction)));
        if let Some(ef) = hnsw.ef_search {
            fields.push(("ef_search", json!(ef)));
        }
        fields.push(("max_level", json!(hnsw.max_level)));
    }
    if let Some(ivf) = &info.ivf {
        fields.push(("nlist", json!(ivf.nlist)));
        fields.push(("nprobe", json!(ivf.nprobe)));
        fields.push(("trained", json!(ivf.sizes.is_some())));
        if info.codes.is_some() {
            fields.push(("residual", json!(ivf.residual)));
            fields.push(("originals", json!(ivf.originals)));
        }
        if let Some(sizes) = &ivf.sizes {
            // rows of a list: of the shortest, of what a tenth, half and nine tenths have at most, of the longest
            fields.push(("list_min", json!(sizes.min)));
            fields.push(("list_p10", json!(sizes.p10)));
            fields.push(("list_median", json!(sizes.median)));
            fields.push(("list_p90", json!(sizes.p90)));
            fields.push(("list_max", json!(sizes.max)));
            fields.push(("lists_empty", json!(sizes.empty)));
        }
    }
    fields
}

fn of_rows(info: &FileInfo, verified: bool) -> Vec<(&'static str, Value)> {
    let mut shape = vec![info.rows];
    shape.extend(info.columns.map(|columns| columns as u64));
    vec![
        ("what", json!("rows")),
        ("format", json!(info.format)),
        ("dtype", json!(info.element)),
        ("shape", json!(shape)),
        ("bytes", json!(info.bytes)),
        ("verified", json!(verified)),
    ]
}
