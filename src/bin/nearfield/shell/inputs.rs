//! What both searches begin with: what is searched, queries, filter, and where the hits go.

use super::failure::{Failure, Result};
use super::hit_lines::HitLines;
use super::labels::Labels;
use super::output::{self, HitFiles, RangeFiles};
use super::progress::Progress;
use super::scaled::Scaled;
use super::searched::{Files, Searched};
use super::source::Source;
use super::suspect::{self, Watch};
use super::target::Target;
use super::{print, stop};
use crate::args::Common;
use nearfield::format::{self, Conversion, IdFile, RowFile, Scale};
use nearfield::{DType, Error, Exclude, Gpu, Hits, IdFilter, RowSource, Rows, SearchParams};
use std::path::Path;
use std::sync::Arc;

/// So many ids are held as bits, in 256 MB; those of a saved index may reach further, and are a list then.
const MOST_BITS: u64 = 1 << 31;

/// What is searched, and queries that were found to fit it.
pub struct Inputs<'a> {
    pub args: &'a Common,
    pub source: Source<'a>,
    pub queries: RowFile,
    /// What the rows of both were multiplied by.
    pub scaled: Scaled,
    watch_queries: Arc<Watch>,
    quiet: bool,
}

impl<'a> Inputs<'a> {
    /// Opens them, once it is sure that none of them is an output.
    pub fn open(args: &'a Common, quiet: bool) -> Result<Self> {
        check_outputs(args)?;
        let source = Source::open(args, quiet)?;
        let mut queries = open_queries(&args.query, source.explains())?;
        let scaled = match source.scale() {
            1.0 => Scaled::NONE,
            scale => {
                queries = queries.converted(Conversion::to(DType::F32).scale(Scale::By(scale)))?;
                Scaled::new(source.metric(), scale)?
            }
        };
        if queries.dim() != source.dim() {
            let (query, searched) = (args.query.display(), source.path().display());
            let (d, expected) = (queries.dim(), source.dim());
            let why = format!("{query}: rows of {d} elements, those of {searched} have {expected}");
            return Err(Failure::Work(why));
        }
        let (rows, count) = (source.row_count(), queries.row_count());
        if args.exclude_self && rows != count {
            let (query, base_file) = (args.query.display(), source.path().display());
            let why = format!(
                "--exclude-self is for the same rows as base and query: {query} has {count}, {base_file} has {rows}"
            );
            return Err(Failure::Work(why));
        }
        if scaled.scale != 1.0 && !quiet {
            print::to_stderr(format_args!(
                "rows and queries are multiplied by {}; distances are those of the values in the files",
                scaled.scale
            ));
        }
        let watch_queries = match &source {
            Source::Rows(base) if output::same(source.path(), &args.query) => base.watch.again(),
            _ => Watch::new(&queries, source.metric(), quiet),
        };
        Ok(Inputs { args, source, queries, scaled, watch_queries, quiet })
    }

    /// Where the hits go: to the files of a search for `k` neighbours or, without a k, of a range search; or to stdout.
    pub fn target(&self, k: Option<usize>) -> Result<Target> {
        let (printing, order) = (&self.args.printing, self.source.metric().order());
        Ok(match (&self.args.out, k) {
            (Some(out), Some(k)) => {
                let places = Some((k, order.no_hit()));
                Target::Search(HitFiles::create(out, places, self.scaled)?)
            }
            (Some(out), None) => Target::Range(RangeFiles::create(out, self.scaled)?),
            (None, _) => {
                let ids = self.source.ids_below();
                let labels = printing.labels.as_ref();
                let labels = labels.map(|file| Labels::read(file, ids, self.quiet)).transpose()?;
                let format = printing.format.unwrap_or_default();
                Target::Lines(HitLines::new(format, labels, self.scaled))
            }
        })
    }

    /// An index of all that is searched.
    pub fn index(&mut self, gpu: &Gpu, progress: &Progress) -> Result<Searched> {
        self.source.searched(gpu, &self.args.index, progress)
    }

    /// The rows that `--allow` and `--deny` leave. Numbers that the base lacks name nothing; so does -1, which stands
    /// for no hit in the outputs of a search.
    fn filter(&self) -> Result<Option<IdFilter>> {
        let rows = self.source.ids_below();
        Ok(match (&self.args.allow, &self.args.deny) {
            (Some(file), _) => Some(row_set(file, rows, self.quiet)?),
            (None, Some(file)) => Some(!row_set(file, rows, self.quiet)?),
            (None, None) => None,
        })
    }

    /// What all blocks of queries are searched with.
    pub fn params(&self) -> Result<SearchParams> {
        let mut params = SearchParams::new().timed(self.args.stats).cancel(&stop::token());
        for (i, param) in self.args.param.iter().enumerate() {
            if self.args.param[..i].iter().any(|other| other.name == param.name) {
                return Err(Failure::Usage(format!("--param: {} is there twice", param.name)));
            }
            param.apply(&mut params);
        }
        Ok(match self.filter()? {
            Some(filter) => params.filter(filter),
            None => params,
        })
    }

    /// What queries `start..end` may not find of what the filter leaves.
    pub fn excluded(&self, start: u64, end: u64) -> Option<Exclude> {
        self.args.exclude_self.then(|| Exclude::Ids((start..end).collect()))
    }

    /// Where the rows and the queries from `first_query` on come from.
    pub fn files(&self, first_query: u64) -> Files<'_> {
        Files { base: self.source.path(), query: &self.args.query, first_query }
    }

    /// Tells what conversion made equal, and which options had nothing to do, once all rows have been read.
    pub fn warn_of_losses(&self) {
        self.watch_queries.losses(&self.queries.losses());
        let Source::Rows(base) = &self.source else { return };
        let losses = base.rows.losses();
        base.watch.losses(&losses);
        if let (false, Some(note)) = (self.quiet, self.args.rounding.idle(self.args.dtype, &losses))
        {
            suspect::note(self.source.path(), note);
        }
    }

    /// Queries `start..end`.
    pub fn block(&mut self, start: u64, end: u64) -> Result<Rows<'_>> {
        stop::check()?;
        // A conversion names rows of the file, not of the block.
        let dim = self.queries.dim();
        let rows = self.queries.rows(start..end);
        let rows = rows.map_err(|e| Failure::about(&self.args.query, 0, e))?;
        self.watch_queries.look(start, rows, dim);
        Ok(rows)
    }
}

/// Refuses files that would be written over others, and a summary where the hits are.
fn check_outputs(args: &Common) -> Result<()> {
    let Some(prefix) = &args.out else {
        return if args.json {
            let why = "--json prints a summary on stdout, where the hits are without --out PREFIX; --format json prints the hits so";
            Err(Failure::Usage(why.into()))
        } else {
            Ok(())
        };
    };
    output::check_prefix(prefix)?;
    let outputs = output::NAMES.map(|name| output::path(prefix, name));
    let outputs: Vec<&Path> = outputs.iter().map(|path| path.as_path()).collect();
    output::check_apart(&outputs, &args.inputs())
}

/// Ids and distances of each query.
pub fn each(hits: &Hits) -> impl Iterator<Item = (&[u64], &[f32])> {
    let (ids, distances) = (hits.ids(), hits.distances());
    hits.lims().windows(2).map(|at| (&ids[at[0]..at[1]], &distances[at[0]..at[1]]))
}

/// Queries keep their type, but for those that only `--dtype` explains.
fn open_queries(file: &Path, base: Option<DType>) -> Result<RowFile> {
    if base == Some(DType::Bits) {
        return Ok(format::open(file, base)?);
    }
    match format::open(file, None) {
        // An .npy of u16 is bfloat16 where the base is.
        Err(Error::InvalidArgument { .. }) if base == Some(DType::Bf16) => {
            Ok(format::open(file, base)?)
        }
        opened => Ok(opened?),
    }
}

/// The row numbers of a file, as bits: however many they are, they take a bit a row of the base. Of a saved index they are ids.
fn row_set(file: &Path, rows: u64, quiet: bool) -> Result<IdFilter> {
    if rows > MOST_BITS {
        let ids = format::read_ids(file)?;
        if let Some(id) = ids.iter().find(|&&id| id < -1) {
            return Err(Failure::Work(format!("{}: {id} is no row number", file.display())));
        }
        let known = ids.into_iter().filter_map(|id| u64::try_from(id).ok());
        return Ok(IdFilter::batch(known.collect::<Vec<_>>()));
    }
    let mut words = vec![0u64; rows.div_ceil(64) as usize];
    let mut ids = IdFile::open(file)?;
    let mut beyond = None;
    while let Some(block) = ids.next_ids(usize::MAX)? {
        stop::check()?;
        for &id in block {
            if id < -1 {
                return Err(Failure::Work(format!("{}: {id} is no row number", file.display())));
            }
            if (0..rows as i64).contains(&id) {
                words[(id / 64) as usize] |= 1 << (id % 64);
            } else if id >= 0 {
                let (first, count) = beyond.unwrap_or((id, 0u64));
                beyond = Some((first, count + 1));
            }
        }
    }
    if let Some((first, count)) = beyond.filter(|_| !quiet) {
        print::to_stderr(format_args!(
            "warning: {}: {first} is no row of {rows}, which are counted from 0, nor are {} others: they name nothing",
            file.display(),
            count - 1
        ));
    }
    Ok(IdFilter::bitmap(words))
}
