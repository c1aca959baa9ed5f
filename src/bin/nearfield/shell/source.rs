//! What is searched: the rows of a file, or an index that was saved.

use super::base::Base;
use super::failure::{Failure, Result};
use super::metric;
use super::progress::Progress;
use super::saved::{Said, Saved};
use super::searched::Searched;
use crate::args::{Common, MetricName};
use nearfield::{DType, Error, Gpu, Metric, RowSource};
use std::path::Path;

pub enum Source<'a> {
    Rows(Base<'a>),
    Saved(Saved),
}

/// The metric of `--base` where none is named.
static L2: std::sync::LazyLock<MetricName> =
    std::sync::LazyLock::new(|| MetricName::Plain(Metric::L2.to_string()));

impl<'a> Source<'a> {
    /// Opens the rows of `--base` or the index of `--load`.
    pub fn open(args: &'a Common, quiet: bool) -> Result<Source<'a>> {
        if let Some(base) = &args.base {
            let to = (args.dtype, args.reading.of(args.rounding.to(args.dtype)));
            let name = args.metric.as_ref().unwrap_or(&L2);
            return Ok(Source::Rows(Base::open(base, name, to, quiet)?));
        }
        // The arguments have one of both.
        let Some(load) = &args.load else {
            return Err(Failure::Usage("--base or --load says what is searched".into()));
        };
        if args.reading.first.is_some() {
            let why =
                "--first reads the first rows of --base; an index has those that it was built of";
            return Err(Failure::Usage(why.into()));
        }
        let said = Said { dim: args.dim, metric: args.metric.as_ref() };
        let saved = Saved::open(load, said)?;
        let (info, file) = (&saved.info, load.display());
        if let Some(dtype) = args.dtype.filter(|&dtype| dtype != info.dtype) {
            return Err(Failure::Usage(format!("--dtype {dtype}: {file} holds {}", info.dtype)));
        }
        if let Some(name) = &args.metric
            // signs are of numbers, and their distances of bits
            && name.to_string().parse::<Metric>().ok().as_ref() != Some(&info.metric)
            && metric::of(name, Some(info.dtype))? != info.metric
        {
            return Err(Failure::Usage(format!("--metric {name}: {file} has {}", info.metric)));
        }
        Ok(Source::Saved(saved))
    }

    /// An index of it in device memory, or one that streams it there.
    pub fn searched(&mut self, gpu: &Gpu, factory: &str, progress: &Progress) -> Result<Searched> {
        match self {
            Source::Rows(base) => base.searched(gpu, factory, progress),
            Source::Saved(saved) => {
                progress.phase("reading the index", 0);
                let index = saved.read(gpu).map_err(|e| match e {
                    Error::OutOfDeviceMemory { .. } => {
                        let file = saved.path.display();
                        Failure::Work(format!("{file}: {e}; --base streams rows that do not fit"))
                    }
                    other => other.into(),
                })?;
                Ok(Searched { index, streamed: false })
            }
        }
    }

    pub fn path(&self) -> &Path {
        match self {
            Source::Rows(base) => base.rows.path(),
            Source::Saved(saved) => &saved.path,
        }
    }

    pub fn metric(&self) -> &Metric {
        match self {
            Source::Rows(base) => &base.metric,
            Source::Saved(saved) => &saved.info.metric,
        }
    }

    pub fn dtype(&self) -> DType {
        match self {
            Source::Rows(base) => base.rows.dtype(),
            Source::Saved(saved) => saved.info.dtype,
        }
    }

    pub fn dim(&self) -> usize {
        match self {
            Source::Rows(base) => base.rows.dim(),
            Source::Saved(saved) => saved.info.dim,
        }
    }

    pub fn row_count(&self) -> u64 {
        match self {
            Source::Rows(base) => base.rows.row_count(),
            Source::Saved(saved) => saved.info.rows,
        }
    }

    /// A number that all ids are below.
    pub fn ids_below(&self) -> u64 {
        match self {
            Source::Rows(base) => base.rows.row_count(),
            Source::Saved(saved) => saved.info.next_id,
        }
    }

    /// The same of the whole file, of which the first rows may be all that is searched.
    pub fn ids_of_file(&self) -> u64 {
        match self {
            Source::Rows(base) => base.rows.rows_in_file(),
            Source::Saved(saved) => saved.info.next_id,
        }
    }

    /// Rows that were found to be not finite, and are not to be hits.
    pub fn skipped(&self) -> Vec<u64> {
        match self {
            Source::Rows(base) => base.rows.skipped(),
            Source::Saved(_) => Vec::new(),
        }
    }

    /// What the values of the rows were multiplied by.
    pub fn scale(&self) -> f32 {
        match self {
            Source::Rows(base) => base.rows.scale(),
            Source::Saved(_) => 1.0,
        }
    }

    /// The type that tells what a file of queries holds which does not say so itself.
    pub fn explains(&self) -> Option<DType> {
        match self {
            // A file of rows holds what it holds, unless an option says otherwise.
            Source::Rows(base) => {
                Some(base.rows.dtype()).filter(|d| matches!(d, DType::Bits | DType::Bf16))
            }
            Source::Saved(saved) => Some(saved.info.dtype),
        }
    }

    /// The kind of index.
    pub fn kind<'b>(&'b self, factory: &'b str) -> &'b str {
        match self {
            Source::Rows(_) => factory,
            Source::Saved(saved) => &saved.info.kind,
        }
    }
}
