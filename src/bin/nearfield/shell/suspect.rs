//! Data that can be searched and is likely not what was meant: a line on stderr that begins with `warning:` and names the
//! first row where one is meant, once a file and kind.

use super::print;
use nearfield::format::{Losses, RowFile, RowStore};
use nearfield::{DType, Metric, RowSource, Rows};
use std::f32::consts::{FRAC_PI_2, TAU};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What to look for in the rows themselves.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Latitudes and longitudes in degrees.
    Degrees,
    /// Counts where the metric compares distributions.
    Counts,
    /// A byte for each bit where eight bits to a byte are meant.
    Unpacked,
}

/// A sum this far from 1 is none of a distribution, whatever the rounding of f16 or of a scale.
const SUMS: std::ops::RangeInclusive<f32> = 0.9..=1.1;

/// Looks at the rows of one file as they go by; shared by all its readers.
#[derive(Debug)]
pub struct Watch {
    file: PathBuf,
    kind: Option<Kind>,
    quiet: bool,
    /// Rows that were looked at, in the first pass over all.
    seen: AtomicU64,
    rows: u64,
    /// Some byte was 1.
    ones: AtomicBool,
    told_of_rows: Arc<AtomicBool>,
    told_of_losses: Arc<AtomicBool>,
}

impl Watch {
    /// Says nothing where `quiet`.
    pub fn new(file: &RowFile, metric: &Metric, quiet: bool) -> Arc<Watch> {
        let kind = match metric {
            Metric::Haversine => Some(Kind::Degrees),
            Metric::Hellinger | Metric::JensenShannon | Metric::KlDivergence
                if file.scale() == 1.0 =>
            {
                Some(Kind::Counts)
            }
            _ if file.dtype() == DType::Bits => Some(Kind::Unpacked),
            _ => None,
        };
        Arc::new(Watch {
            file: file.path().to_owned(),
            kind,
            quiet,
            seen: AtomicU64::new(0),
            rows: file.row_count(),
            ones: AtomicBool::new(false),
            told_of_rows: Arc::new(AtomicBool::new(quiet)),
            told_of_losses: Arc::new(AtomicBool::new(quiet)),
        })
    }

    /// Of another reader of the same file: what one has told the other does not tell again.
    pub fn again(&self) -> Arc<Watch> {
        Arc::new(Watch {
            file: self.file.clone(),
            kind: self.kind,
            quiet: self.quiet,
            seen: AtomicU64::new(0),
            rows: self.rows,
            ones: AtomicBool::new(false),
            told_of_rows: Arc::clone(&self.told_of_rows),
            told_of_losses: Arc::clone(&self.told_of_losses),
        })
    }

    /// Looks at rows from number `first` on.
    pub fn look(&self, first: u64, rows: Rows<'_>, dim: usize) {
        let Some(kind) = self.kind.filter(|_| !self.told_of_rows.load(Ordering::Relaxed)) else {
            return;
        };
        let count = rows.count(dim).unwrap_or(0) as u64;
        if self.seen.fetch_add(count, Ordering::Relaxed) >= self.rows {
            return;
        }
        match kind {
            Kind::Unpacked => self.bytes(rows.bytes()),
            Kind::Degrees | Kind::Counts => {
                if let Some((at, why)) = first_of(kind, rows, dim) {
                    self.tell(&self.told_of_rows, first + at as u64, format_args!("{why}"));
                }
            }
        }
    }

    fn bytes(&self, bytes: &[u8]) {
        let most = bytes.iter().fold(0, |most, &byte| most.max(byte));
        if most > 1 {
            // Packed, or at least not plainly something else.
            self.told_of_rows.store(true, Ordering::Relaxed);
            return;
        }
        let ones = self.ones.fetch_or(most == 1, Ordering::Relaxed) || most == 1;
        if ones && self.seen.load(Ordering::Relaxed) >= self.rows {
            let why = "from it on every byte is 0 or 1, as of rows with a byte for each bit: --dtype bits takes bytes \
                       of eight bits, which numpy.packbits(..., bitorder='little') makes";
            self.tell(&self.told_of_rows, 0, format_args!("{why}"));
        }
    }

    /// Tells what the conversion of the file has made equal.
    pub fn losses(&self, losses: &Losses) {
        if let Some((row, why)) = merged(losses) {
            self.tell(&self.told_of_losses, row, format_args!("{why}"));
        }
    }

    fn tell(&self, told: &AtomicBool, row: u64, why: fmt::Arguments<'_>) {
        if !told.swap(true, Ordering::Relaxed) && !self.quiet {
            warn(&self.file, row, why);
        }
    }
}

/// A line about an option that had nothing to do with a file.
pub fn note(file: &Path, what: &str) {
    print::to_stderr(format_args!("note: {}: {what}", file.display()));
}

/// Tells that bytes are compared as numbers by the metric whose name means bits, too. Whoever names the type knows.
pub fn warn_of_bytes(file: &RowFile, metric: &Metric, named: Option<DType>) {
    if *metric == Metric::Jaccard && file.dtype() == DType::U8 && named.is_none() {
        print::to_stderr(format_args!(
            "warning: {}: jaccard of u8 rows compares numbers: for packed bits add --dtype bits, for numbers --dtype u8",
            file.path().display()
        ));
    }
}

/// Tells that `few` queries of all have fewer hits than were asked for though there are rows enough, and what makes a row none.
pub fn warn_of_few(file: &Path, (few, all): (u64, u64), hits: usize, metric: &Metric) {
    let why = match metric {
        Metric::KlDivergence => {
            "a row with 0 where the query has more is no hit of kl: add a little to every element of the rows, or take jensenshannon"
        }
        Metric::NanEuclidean => "a row that shares no element with the query, NaN aside, is no hit",
        Metric::Gower => {
            "a row is no hit of gower with a number above 1, a number against a category, or no element in common with the query"
        }
        _ => "a row whose distance is not defined is no hit",
    };
    let (have, hit) =
        (if few == 1 { "has" } else { "have" }, if hits == 1 { "hit" } else { "hits" });
    print::to_stderr(format_args!(
        "warning: {}: {few} of {all} queries {have} fewer than {hits} {hit}: {why}",
        file.display()
    ));
}

/// The line of a warning.
pub fn warn(file: &Path, row: u64, why: impl fmt::Display) {
    print::to_stderr(format_args!("warning: {}: row {row}: {why}", file.display()));
}

/// The first row that conversion made equal to another, and what that means.
pub fn merged(losses: &Losses) -> Option<(u64, String)> {
    let why = format!(
        "the first of {} or more that differ in f64 from rows before them and are equal to these in f32, which is what is kept: \
         subtract what all rows have in common, such as their mean, before they are narrowed",
        losses.merged
    );
    losses.first_merged.map(|first| (first, why))
}

/// The first row that is not what the metric takes, and why.
fn first_of(kind: Kind, rows: Rows<'_>, dim: usize) -> Option<(usize, String)> {
    let search = |start: usize, values: &[f32]| {
        let at = values.chunks_exact(dim).position(|row| is(kind, row))?;
        Some((start + at, say(kind, &values[at * dim..(at + 1) * dim])))
    };
    if let Rows::F32(values) = rows {
        return search(0, values);
    }
    // A few rows at a time, which stay in the cache.
    let (count, step) = (rows.count(dim).ok()?, (4096 / dim).max(1));
    (0..count).step_by(step).find_map(|start| {
        let part = rows.slice(dim, start..(start + step).min(count));
        search(start, &part.to_f32())
    })
}

fn is(kind: Kind, row: &[f32]) -> bool {
    match (kind, row) {
        // A little more than the limits, for angles that f32 rounded.
        (Kind::Degrees, &[lat, lon]) => {
            lat.abs() > FRAC_PI_2 * 1.000_001 || lon.abs() > TAU * 1.000_001
        }
        (Kind::Counts, row) => {
            let sum = sum(row);
            // A row of zeros is an empty histogram.
            sum != 0.0 && !SUMS.contains(&sum)
        }
        _ => false,
    }
}

fn say(kind: Kind, row: &[f32]) -> String {
    match (kind, row) {
        (Kind::Degrees, &[lat, lon]) => format!(
            "({lat}, {lon}) is no latitude and longitude in radians, which haversine takes: multiply degrees by pi / 180"
        ),
        _ => format!(
            "its sum is {}, and the metric compares distributions, whose sum is 1: divide counts by their sum",
            sum(row)
        ),
    }
}

/// In lanes, of which the compiler makes vectors.
fn sum(row: &[f32]) -> f32 {
    let (chunks, rest) = row.as_chunks::<8>();
    let mut lanes = [0f32; 8];
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, x)| *lane += x);
    }
    lanes.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

/// A file whose rows are looked at, whoever reads them.
pub struct Watched {
    pub file: RowFile,
    pub watch: Arc<Watch>,
}

impl RowStore for Watched {
    fn row_count(&self) -> u64 {
        self.file.row_count()
    }

    fn stream(&self, rows: Range<u64>) -> nearfield::Result<Box<dyn RowSource + '_>> {
        let (next, inner) = (rows.start, self.file.stream(rows)?);
        Ok(Box::new(Stream { inner, next, watch: &self.watch }))
    }
}

struct Stream<'a> {
    inner: Box<dyn RowSource + 'a>,
    next: u64,
    watch: &'a Watch,
}

impl RowSource for Stream<'_> {
    fn dtype(&self) -> DType {
        self.inner.dtype()
    }

    fn dim(&self) -> usize {
        self.inner.dim()
    }

    fn remaining(&self) -> Option<u64> {
        self.inner.remaining()
    }

    fn next_rows(&mut self, max_rows: usize) -> nearfield::Result<Option<Rows<'_>>> {
        let dim = self.inner.dim();
        let Some(rows) = self.inner.next_rows(max_rows)? else { return Ok(None) };
        self.watch.look(self.next, rows, dim);
        self.next += rows.count(dim)? as u64;
        Ok(Some(rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;

    fn first(kind: Kind, rows: Rows<'_>, dim: usize) -> Option<usize> {
        first_of(kind, rows, dim).map(|(row, _)| row)
    }

    #[test]
    fn degrees_are_beyond_the_ends_of_radians() {
        let radians = [FRAC_PI_2, -TAU, -FRAC_PI_2, 3.2];
        assert_eq!(first(Kind::Degrees, Rows::F32(&radians), 2), None);
        let degrees = [0.5, 0.1, 52.5, 13.4, 0.3, 90.0];
        assert_eq!(first(Kind::Degrees, Rows::F32(&degrees), 2), Some(1));
        assert_eq!(first(Kind::Degrees, Rows::F32(&degrees[4..]), 2), Some(0));
        assert_eq!(first(Kind::Degrees, Rows::U8(&[1, 2, 52, 13]), 2), Some(1));
    }

    #[test]
    fn counts_have_other_sums_than_1() {
        let shares = [0.25, 0.5, 0.25, 0.0, 0.0, 0.0, 0.95, 0.0, 0.0];
        assert_eq!(first(Kind::Counts, Rows::F32(&shares), 3), None);
        let counts = shares.map(|x| f16::from_f32(x * 4.0));
        assert_eq!(first(Kind::Counts, Rows::F16(&counts), 3), Some(0));
        assert_eq!(first(Kind::Counts, Rows::F32(&[1.0, 0.0, 3.0, 0.5]), 2), Some(1));
        assert_eq!(sum(&[1.0; 19]), 19.0);
    }
}
