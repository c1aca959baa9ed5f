//! The charts of a run, or of the document that another run has left.

use super::roofline::Peaks;
use super::row::{self, Document, Row};
use super::{chart, svg};
use crate::args::BenchArgs;
use crate::shell::failure::{Failure, Result};
use crate::shell::{output, print, stop};
use nearfield::Error;
use nearfield::format::AtomicFile;
use std::path::Path;

/// Draws what was measured before; nothing is measured, and no device is opened.
pub fn again(args: &BenchArgs, document: &Path, folder: &Path, quiet: bool) -> Result<()> {
    let document = Document::read(document)?;
    peers(args)?;
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    let peaks = args.peaks().or(document.peaks);
    let files = all(args, folder, document.rows(), document.adapter(), peaks, quiet)?;
    Ok(stop::name(files, [])?)
}

/// What was given of other programs.
pub fn peers(args: &BenchArgs) -> Result<Vec<Row>> {
    args.peers.as_deref().map_or(Ok(Vec::new()), row::peers)
}

/// Draws the charts that the rows have points for, with those of other programs beside them.
pub fn all(
    args: &BenchArgs,
    folder: &Path,
    mut rows: Vec<Row>,
    adapter: &str,
    peaks: Option<Peaks>,
    quiet: bool,
) -> Result<Vec<AtomicFile>> {
    rows.extend(peers(args)?);
    let mut files = Vec::new();
    for chart in chart::all(&rows, adapter, peaks) {
        let path = folder.join(format!("{}.svg", chart.name));
        if chart.points() < 2 {
            if !quiet {
                let path = path.display();
                print::to_stderr(format_args!("{path}: not drawn, this run has {}", chart.lack));
            }
            continue;
        }
        let text =
            svg::draw(&chart).map_err(|e| Failure::Work(format!("{}: {e}", path.display())))?;
        files.push(output::text(&path, &text)?);
    }
    Ok(files)
}
