//! The rows of a file that an index is made of.

use super::failure::{Failure, Result};
use super::metric;
use super::progress::Progress;
use super::saved::{Said, Saved};
use super::searched::{self, Searched};
use super::suspect::{self, Watch, Watched};
use super::{print, stop};
use super::{sample, skipped};
use crate::args::MetricName;
use nearfield::format::{self, Conversion, RowFile};
use nearfield::{
    AddParams, DType, Error, Gpu, Index, IvfRaBitQ, IvfSq, Metric, Originals, PreTransform,
    RowSource, Rows, StreamedFlat, index_factory,
};
use std::path::Path;
use std::sync::Arc;

/// Rows, mapped and looked at as they go by, and the metric that compares them.
pub struct Base<'a> {
    pub rows: RowFile,
    pub metric: Metric,
    pub watch: Arc<Watch>,
    path: &'a Path,
    name: &'a MetricName,
    /// Whether rows that are not finite are skipped.
    skips: bool,
    quiet: bool,
}

impl<'a> Base<'a> {
    /// Opens the rows of a file, `to` being what they are converted to.
    pub fn open(
        path: &'a Path,
        name: &'a MetricName,
        (dtype, to): (Option<DType>, Conversion),
        quiet: bool,
    ) -> Result<Base<'a>> {
        let metric = metric::of(name, dtype)?;
        skipped::check(to.skip_nan, &metric)?;
        let rows =
            format::open(path, to).map_err(|e| match Saved::find(path, Said::default()) {
                Ok(Some(_)) => {
                    let file = path.display();
                    Failure::Usage(format!(
                        "{file} is an index and no file of rows: search and range take it as --load"
                    ))
                }
                _ => Failure::about(path, 0, e),
            })?;
        if !quiet {
            suspect::warn_of_bytes(&rows, &metric, dtype);
        }
        let watch = Watch::new(&rows, &metric, quiet);
        let skips = to.skip_nan;
        Ok(Base { rows, metric, watch, path, name, skips, quiet })
    }

    /// The file.
    pub fn path(&self) -> &'a Path {
        self.path
    }

    /// An index of a kind, still without rows.
    pub fn empty(&self, gpu: &Gpu, factory: &str) -> Result<Box<dyn Index>> {
        let (dim, dtype) = (self.rows.dim(), self.rows.dtype());
        index_factory(gpu, dim, factory, self.metric.clone(), dtype).map_err(|e| {
            match self.name.file() {
                Some(file) => metric::locate(file, e),
                None => e.into(),
            }
        })
    }

    /// The same of codes that keeps the rows which these are of.
    pub fn empty_with(
        &self,
        gpu: &Gpu,
        factory: &str,
        originals: Originals,
    ) -> Result<Box<dyn Index>> {
        // what is wrong with a description is said as of any other
        let index = self.empty(gpu, factory)?;
        let any = index.as_any();
        let Some(behind) = any.and_then(|any| any.downcast_ref::<PreTransform>()) else {
            return self.keeping(gpu, (index.dim(), &index.description()), originals);
        };
        // what transforms make of rows is what lists get, and keep
        let within = behind.index();
        let kept = self.keeping(gpu, (within.dim(), &within.description()), originals)?;
        Ok(Box::new(PreTransform::new(gpu, behind.transforms(), kept)?))
    }

    /// The index of a description that no transforms stand in, with its rows beside its codes.
    fn keeping(
        &self,
        gpu: &Gpu,
        (dim, kind): (usize, &str),
        originals: Originals,
    ) -> Result<Box<dyn Index>> {
        let metric = || self.metric.clone();
        if self.rows.dtype() == DType::F32 {
            // each kind refuses the descriptions of others
            match IvfSq::from_description(gpu, dim, kind, metric()) {
                // of rows: the device reads codes of these as their copy
                Ok(index) => {
                    let index = index.with_residuals(false)?;
                    return Ok(Box::new(index.with_originals(originals)?));
                }
                Err(Error::Unsupported { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            match IvfRaBitQ::from_description(gpu, dim, kind, metric()) {
                Ok(index) => return Ok(Box::new(index.with_originals(originals)?)),
                Err(Error::Unsupported { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let reason = format!(
            "--originals {originals}: {kind} keeps none; lists of scalar codes and of RaBitQ of f32 do (IVF1024,SQ8, IVF1024,RaBitQ4)"
        );
        Err(Failure::Usage(reason))
    }

    /// Trains an index that has to learn, with rows of `file` or, without one, of its own.
    pub fn train(
        &self,
        index: &dyn Index,
        file: Option<RowFile>,
        progress: &Progress,
    ) -> Result<()> {
        match (index.is_trained(), file) {
            (true, None) => Ok(()),
            (true, Some(_)) => {
                let kind = index.description();
                Err(Failure::Usage(format!("--train: a {kind} has nothing to learn")))
            }
            (false, Some(file)) => sample::train(index, file, progress),
            (false, None) => {
                let mut rows = self.rows.clone();
                rows.restart();
                sample::train(index, rows, progress)
            }
        }
    }

    /// Adds all rows, under ids of their own or their numbers.
    pub fn add(
        &mut self,
        index: &dyn Index,
        ids: Option<&[u64]>,
        progress: &Progress,
    ) -> nearfield::Result<()> {
        progress.phase("reading the base", self.rows.row_count());
        let mut source = Counted { file: &mut self.rows, progress, watch: &self.watch };
        let params = ids.map_or(AddParams::new(), |ids| AddParams::new().ids(ids));
        index.add_from_with(&mut source, &params)?;
        self.watch.losses(&self.rows.losses());
        Ok(())
    }

    /// An index of all rows; where they do not fit in device memory, one that streams them.
    pub fn searched(&mut self, gpu: &Gpu, factory: &str, progress: &Progress) -> Result<Searched> {
        let index = self.empty(gpu, factory)?;
        let watched = Watched { file: self.rows.clone(), watch: Arc::clone(&self.watch) };
        let streamed = StreamedFlat::new(gpu, watched, self.metric.clone())?;
        let flat = matches!(&*index.description(), "Flat" | "BFlat");
        if flat && !searched::fits(gpu, &streamed) {
            return self.streamed(gpu, streamed, progress);
        }
        self.train(&*index, None, progress)?;
        match self.add(&*index, None, progress) {
            Ok(()) => Ok(Searched { index, streamed: false }),
            // The driver may have less memory than the budget says.
            Err(Error::OutOfDeviceMemory { .. }) if flat => {
                drop(index);
                self.streamed(gpu, streamed, progress)
            }
            Err(e) => Err(Failure::about(self.path, 0, e)),
        }
    }

    fn streamed(&self, gpu: &Gpu, rows: StreamedFlat, progress: &Progress) -> Result<Searched> {
        if !self.quiet {
            let (file, needed) = (self.path.display(), rows.resident_bytes());
            let budget = gpu.memory().budget;
            print::to_stderr(format_args!(
                "{file}: {needed} bytes do not fit in {budget} of device memory, so every block of queries streams them"
            ));
        }
        if self.skips {
            self.look_for_skipped(progress)?;
        }
        Ok(Searched { index: Box::new(rows), streamed: true })
    }

    /// Reads all rows, which finds those that are to be skipped before the first search needs to know them.
    fn look_for_skipped(&self, progress: &Progress) -> Result<()> {
        progress.phase("looking for rows to skip", self.rows.row_count());
        let mut reader = self.rows.clone();
        reader.restart();
        let about = |e| Failure::about(self.path, 0, e);
        while reader.next_rows(usize::MAX).map_err(about)?.is_some() {
            stop::check()?;
            progress.set(self.rows.row_count() - reader.remaining().unwrap_or(0));
        }
        Ok(())
    }
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

    fn remaining(&self) -> Option<u64> {
        self.file.remaining()
    }

    fn next_rows(&mut self, max_rows: usize) -> nearfield::Result<Option<Rows<'_>>> {
        stop::check()?;
        let (first, dim) =
            (self.file.row_count() - self.file.remaining().unwrap_or(0), self.file.dim());
        self.progress.set(first);
        let rows = self.file.next_rows(max_rows)?;
        if let Some(rows) = rows {
            self.watch.look(first, rows, dim);
        }
        Ok(rows)
    }
}
