//! What both searches begin with: files, index, filter.

use super::failure::{Failure, Result};
use super::progress::Progress;
use super::scaled::Scaled;
use super::searched::{self, Files, Searched};
use super::suspect::{self, Watch, Watched};
use super::{metric, output, print, stop};
use crate::args::{Common, MetricName};
use nearfield::format::{self, Conversion, IdFile, RowFile, Scale};
use nearfield::{
    DType, Error, Exclude, Gpu, Hits, IdFilter, Metric, RowSource, Rows, SearchParams,
    StreamedFlat, index_factory,
};
use std::path::Path;
use std::sync::Arc;

/// Base and queries, mapped and found to fit each other.
pub struct Inputs<'a> {
    pub args: &'a Common,
    pub metric: Metric,
    pub base: RowFile,
    pub queries: RowFile,
    /// What the rows of both were multiplied by.
    pub scaled: Scaled,
    watch: Arc<Watch>,
    watch_queries: Arc<Watch>,
    quiet: bool,
}

impl<'a> Inputs<'a> {
    /// Opens them, once it is sure that none of them is an output.
    pub fn open(args: &'a Common, quiet: bool) -> Result<Self> {
        output::check_prefix(&args.out)?;
        let outputs = output::NAMES.map(|name| output::path(&args.out, name));
        let outputs: Vec<&Path> = outputs.iter().map(|path| path.as_path()).collect();
        output::check_apart(&outputs, &args.inputs())?;
        let metric = metric::of(args)?;
        let base = format::open(&args.base, args.rounding.to(args.dtype))
            .map_err(|e| Failure::about(&args.base, 0, e))?;
        let mut queries = open_queries(&args.query, args.dtype)?;
        let scaled = match base.scale() {
            1.0 => Scaled::NONE,
            scale => {
                queries = queries.converted(Conversion::to(DType::F32).scale(Scale::By(scale)))?;
                Scaled::new(&metric, scale)?
            }
        };
        if queries.dim() != base.dim() {
            let (query, base_file) = (args.query.display(), args.base.display());
            let (d, expected) = (queries.dim(), base.dim());
            let why =
                format!("{query}: rows of {d} elements, those of {base_file} have {expected}");
            return Err(Failure::Work(why));
        }
        let (rows, count) = (base.row_count(), queries.row_count());
        if args.exclude_self && rows != count {
            let (query, base_file) = (args.query.display(), args.base.display());
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
        let watch = Watch::new(&base, &metric, quiet);
        let watch_queries = match output::same(&args.base, &args.query) {
            true => watch.again(),
            false => Watch::new(&queries, &metric, quiet),
        };
        Ok(Inputs { args, metric, base, queries, scaled, watch, watch_queries, quiet })
    }

    /// An index of all rows of the base; where they do not fit in device memory, one that streams them.
    pub fn index(&mut self, gpu: &Gpu, progress: &Progress) -> Result<Searched> {
        let (dim, dtype) = (self.base.dim(), self.base.dtype());
        let index = index_factory(gpu, dim, &self.args.index, self.metric.clone(), dtype);
        let index = index.map_err(|e| match &self.args.metric {
            MetricName::Wgsl(file) => metric::locate(file, e),
            MetricName::Plain(_) => e.into(),
        })?;
        let watched = Watched { file: self.base.clone(), watch: Arc::clone(&self.watch) };
        let streamed = StreamedFlat::new(gpu, watched, self.metric.clone())?;
        let flat = self.args.index.rsplit(',').next().is_some_and(|kind| kind.ends_with("Flat"));
        if flat && !searched::fits(gpu, &streamed) {
            return Ok(self.streamed(gpu, streamed));
        }
        progress.phase("reading the base", self.base.row_count());
        let mut source = Counted { file: &mut self.base, progress, watch: &self.watch };
        match index.add_from(&mut source) {
            Ok(_) => {
                self.watch.losses(&self.base.losses());
                Ok(Searched { index, streamed: false })
            }
            // The driver may have less memory than the budget says.
            Err(Error::OutOfDeviceMemory { .. }) if flat => {
                drop(index);
                Ok(self.streamed(gpu, streamed))
            }
            Err(e) => Err(Failure::about(&self.args.base, 0, e)),
        }
    }

    fn streamed(&self, gpu: &Gpu, rows: StreamedFlat) -> Searched {
        if !self.quiet {
            let (file, needed) = (self.args.base.display(), rows.resident_bytes());
            let budget = gpu.memory().budget;
            print::to_stderr(format_args!(
                "{file}: {needed} bytes do not fit in {budget} of device memory, so every block of queries streams them"
            ));
        }
        Searched { index: Box::new(rows), streamed: true }
    }

    /// The rows that `--allow` and `--deny` leave. Numbers that the base lacks name nothing; so does -1, which stands
    /// for no hit in the outputs of a search.
    fn filter(&self) -> Result<Option<IdFilter>> {
        let rows = self.base.row_count();
        Ok(match (&self.args.allow, &self.args.deny) {
            (Some(file), _) => Some(row_set(file, rows, self.quiet)?),
            (None, Some(file)) => Some(!row_set(file, rows, self.quiet)?),
            (None, None) => None,
        })
    }

    /// What all blocks of queries are searched with.
    pub fn params(&self) -> Result<SearchParams> {
        let params = SearchParams::new().timed(self.args.stats).cancel(&stop::token());
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
    pub fn files(&self, first_query: u64) -> Files<'a> {
        Files { base: &self.args.base, query: &self.args.query, first_query }
    }

    /// Tells what conversion made equal, and which options had nothing to do, once all rows have been read.
    pub fn warn_of_losses(&self) {
        let losses = self.base.losses();
        self.watch.losses(&losses);
        self.watch_queries.losses(&self.queries.losses());
        if let (false, Some(note)) = (self.quiet, self.args.rounding.idle(self.args.dtype, &losses))
        {
            suspect::note(&self.args.base, note);
        }
    }

    /// Queries `start..end`.
    pub fn block(&mut self, start: u64, end: u64) -> Result<Rows<'_>> {
        stop::check()?;
        // A conversion names rows of the file, not of the block.
        let dim = self.queries.dim();
        let rows = self.queries.rows(start, end);
        let rows = rows.map_err(|e| Failure::about(&self.args.query, 0, e))?;
        self.watch_queries.look(start, rows, dim);
        Ok(rows)
    }
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

/// The row numbers of a file, as bits: however many they are, they take a bit a row of the base.
fn row_set(file: &Path, rows: u64, quiet: bool) -> Result<IdFilter> {
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

/// A file whose rows are counted as they go by.
struct Counted<'a> {
    file: &'a mut RowFile,
    progress: &'a Progress,
    watch: &'a Watch,
}

impl RowSource for Counted<'_> {
    fn dtype(&self) -> DType {
        self.file.dtype()
    }

    fn dim(&self) -> usize {
        self.file.dim()
    }

    fn len(&self) -> Option<u64> {
        self.file.len()
    }

    fn next_rows(&mut self, max_rows: usize) -> nearfield::Result<Option<Rows<'_>>> {
        stop::check()?;
        let (first, dim) = (self.file.row_count() - self.file.len().unwrap_or(0), self.file.dim());
        self.progress.set(first);
        let rows = self.file.next_rows(max_rows)?;
        if let Some(rows) = rows {
            self.watch.look(first, rows, dim);
        }
        Ok(rows)
    }
}
