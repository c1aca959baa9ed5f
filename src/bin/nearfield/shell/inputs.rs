//! What both searches begin with: what is searched, queries, filter, and where the hits go.

use super::failure::{Failure, Result};
use super::hit_lines::HitLines;
use super::labels::Labels;
use super::output::{self, HitFiles, RangeFiles};
use super::progress::Progress;
use super::row_filter::{self, Known};
use super::scaled::Scaled;
use super::searched::{Files, Searched};
use super::skipped;
use super::source::Source;
use super::suspect::{self, Watch};
use super::target::Target;
use super::{print, stop};
use crate::args::Common;
use nearfield::format::{self, Conversion, RowFile, Scale};
use nearfield::{DType, Error, Exclude, Gpu, Hits, IdFilter, RowSource, Rows, SearchParams};
use std::path::Path;
use std::sync::Arc;

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
        skipped::check(args.reading.skip_nan, source.metric())?;
        let mut queries = open_queries(args, &source)?;
        let scaled = match source.scale() {
            1.0 => Scaled::NONE,
            scale => {
                let to = Conversion::to(DType::F32).scale(Scale::By(scale));
                queries = queries.converted(to.skip_nan(args.reading.skip_nan))?;
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
        if rows == 0 && !quiet {
            let file = source.path().display();
            print::to_stderr(format_args!("warning: {file}: no rows, so there are no hits"));
        }
        if args.exclude_self && rows != count {
            let (query, base_file) = (args.query.display(), source.path().display());
            let first = match (args.first_queries, args.reading.first) {
                (None, None) => "",
                (Some(_), _) => " of --first-queries",
                (None, Some(_)) => " with --first",
            };
            let why = format!(
                "--exclude-self is for the same rows as base and query: {query} has {count}{first}, {base_file} has {rows}"
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

    /// The rows that are searched: those that `--allow` and `--deny` leave, without those that are skipped.
    fn filter(&self) -> Result<Option<IdFilter>> {
        let (ids_below, of_file) = (self.source.ids_below(), self.source.ids_of_file());
        let known = Known { ids_below, of_file, quiet: self.quiet };
        let (allow, deny) = (self.args.allow.as_deref(), self.args.deny.as_deref());
        let filter = row_filter::of(allow, deny, known)?;
        let skipped = self.source.skipped();
        if skipped.is_empty() {
            return Ok(filter);
        }
        let rest = !IdFilter::batch(skipped);
        Ok(Some(match filter {
            Some(filter) => filter & rest,
            None => rest,
        }))
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
        if !self.quiet {
            skipped::warn(self.source.path(), &self.source.skipped(), "");
            skipped::warn(&self.args.query, &self.queries.skipped(), " and without hits");
        }
        let Source::Rows(base) = &self.source else { return };
        let losses = base.rows.losses();
        base.watch.losses(&losses);
        if let (false, Some(note)) = (self.quiet, self.args.rounding.idle(self.args.dtype, &losses))
        {
            suspect::note(self.source.path(), note);
        }
    }

    /// How many hits each query has if every row can be one: at most `k`. `None` where options choose among the rows.
    pub fn hits_each(&self, k: usize) -> Option<usize> {
        let args = self.args;
        let lists = self.source.kind(&args.index).to_ascii_uppercase().contains("IVF");
        let chosen = args.allow.is_some() || args.deny.is_some() || lists;
        let left_out = self.source.skipped().len() as u64 + u64::from(args.exclude_self);
        let rows = self.source.row_count().saturating_sub(left_out);
        (!chosen).then(|| k.min(usize::try_from(rows).unwrap_or(usize::MAX)))
    }

    /// Tells how many queries have fewer hits than that, and why.
    pub fn warn_of_few(&self, few: u64, hits_each: usize) {
        // Queries that were skipped have none, and are told of as such.
        let few = few.saturating_sub(self.queries.skipped().len() as u64);
        if few == 0 || self.quiet {
            return;
        }
        suspect::warn_of_few(
            &self.args.query,
            (few, self.queries.row_count()),
            hits_each,
            self.source.metric(),
        );
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

    /// Ids and distances of each query of a block; none of one that was skipped.
    pub fn each<'h>(&self, hits: &'h Hits, first_query: u64) -> Vec<(&'h [u64], &'h [f32])> {
        let (ids, distances, skipped) = (hits.ids(), hits.distances(), self.queries.skipped());
        let all = (first_query..).zip(hits.lims().windows(2));
        let each = all.map(|(query, at)| match skipped.binary_search(&query) {
            Ok(_) => (&[][..], &[][..]),
            Err(_) => (&ids[at[0]..at[1]], &distances[at[0]..at[1]]),
        });
        each.collect()
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

/// Queries keep their type, but for those that only `--dtype` explains, or the index.
fn open_queries(args: &Common, source: &Source<'_>) -> Result<RowFile> {
    let (file, explained) = (&args.query, source.explains());
    let reading = |to: Conversion| to.first(args.first_queries).skip_nan(args.reading.skip_nan);
    let open = |to: Conversion| {
        format::open(file, reading(to)).map_err(|error| match error {
            Error::InvalidValue { .. } => Failure::about(file, 0, error),
            other => other.into(),
        })
    };
    if explained == Some(DType::Bits) {
        // Rows say how many bits they have, unless the last byte is not full.
        let dim = source.dim();
        let bits = args.reading.bits.or((!dim.is_multiple_of(8)).then_some(dim));
        return open(args.reading.of(DType::Bits.into()).bits(bits));
    }
    match format::open(file, reading(Conversion::default())) {
        // An .npy of u16 is bfloat16 where the base is.
        Err(Error::InvalidArgument { .. }) if explained == Some(DType::Bf16) => {
            open(DType::Bf16.into())
        }
        opened => Ok(opened?),
    }
}
