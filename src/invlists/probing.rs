//! What a search for neighbours and one for a radius have in common on their way through lists.

use super::asked::{Asked, Rows as ListRows};
use super::coarse::Coarse;
use super::lists::InvertedLists;
use super::originals::OriginalRows;
use super::scan::ListScan;
use super::table::Table;
use crate::buffer::Buffer;
use crate::call::{Filter, IvfStats, Options, SearchStats};
use crate::dtype::Rows;
use crate::error::Result;
use crate::exact::{self, Bitmap, DeviceFilter, Plan, Queries, Upload};
use crate::kernel::Encoder;
use std::ops::Range;
use std::sync::Arc;

/// The queries of a call, the lists that they are asked of, and how both are gone through.
pub(super) struct Probing {
    pub lists: InvertedLists,
    pub table: Arc<Table>,
    pub queries: Queries,
    pub coarse: Coarse,
    pub filter: DeviceFilter,
    pub plan: Plan,
    /// Where the rows of the lists are codes: what is compared in their place.
    originals: Option<OriginalRows>,
    /// Queries, from number 0 on, that went to the device or wait to.
    started: usize,
}

/// Some of the queries on the device.
pub(super) struct Uploaded {
    pub upload: Upload,
    bitmap: Option<Bitmap>,
}

impl Probing {
    pub fn new(
        lists: &InvertedLists,
        originals: Option<&OriginalRows>,
        mut queries: Queries,
        sought: exact::Asked,
        nprobe: usize,
        filter: Filter,
        options: &Options,
    ) -> Result<Probing> {
        let dataset = lists.dataset();
        options.keep(&mut queries.decoder);
        let table = match originals {
            Some(of) => Arc::clone(&of.table),
            None => lists.table()?,
        };
        let filter = DeviceFilter::new(dataset.compared(), filter, queries.count)?;
        let coarse = Coarse::new(lists, &queries, nprobe, options)?;
        let plan = Plan::new(dataset.gpu(), dataset, &queries, &filter, sought, options)?;
        let (lists, originals) = (lists.clone(), originals.cloned());
        Ok(Probing { lists, table, queries, coarse, filter, plan, originals, started: 0 })
    }

    /// What is known of the call before it begins.
    pub fn stats(&self, nprobe: usize) -> SearchStats {
        let ivf = IvfStats { nprobe: nprobe as u64, ..IvfStats::default() };
        let (queries, rows) = (self.queries.count as u64, self.table.rows());
        SearchStats { queries, rows, ivf, ..SearchStats::default() }
    }

    /// How the rows of lists are gone through.
    pub fn scan(&self, shape: [usize; 2], exhaustive: bool) -> Result<ListScan> {
        let (queries, filter) = (&self.queries, &self.filter);
        let how = (exhaustive, self.originals.is_some());
        ListScan::new(&self.lists, &self.table, queries, filter, &self.plan, shape, how)
    }

    /// The number of the next query that is to be read.
    pub fn started(&self) -> usize {
        self.started
    }

    /// Checks the next `step` of the queries, if they are the caller's, which may then go to the device; none where all are.
    pub fn read(&mut self, queries: Option<Rows<'_>>, step: usize) -> Result<Option<Range<usize>>> {
        let (start, count) = (self.started, self.queries.count);
        if start == count {
            queries.map_or(Ok(()), |queries| self.queries.keep(queries))?;
            return Ok(None);
        }
        let step = step.min(self.coarse.step(start));
        let end = self.filter.together(start, (start + step).min(count));
        if let Some(queries) = queries {
            self.queries.check_next(self.lists.dataset(), queries, end, false)?;
        }
        self.started = end;
        Ok(Some(start..end))
    }

    /// Brings the filter of all queries to the device, if that is not done.
    pub fn prepare(&mut self) -> Result<()> {
        self.filter.prepare(self.lists.dataset().compared())
    }

    pub fn encoder(&self, label: &str, options: &Options) -> Result<Encoder> {
        Encoder::new(self.lists.dataset().gpu(), label, options.timed)
    }

    /// Brings some queries to the device, with the bitmaps of their own filters.
    pub fn upload(&self, ids: &[u32], encoder: &mut Encoder) -> Result<Uploaded> {
        let upload = self.queries.upload(self.lists.dataset(), ids, false, encoder)?;
        let bitmap = self.filter.bitmap(ids, encoder)?;
        Ok(Uploaded { upload, bitmap })
    }

    /// Whether rows are compared in the place of their codes.
    pub fn has_originals(&self) -> bool {
        self.originals.is_some()
    }

    /// What is looked at.
    pub fn rows(&self) -> ListRows<'_> {
        let biases = self.filter.biases.as_deref();
        let originals = self.originals.as_ref();
        ListRows { lists: &self.lists, table: &self.table, biases, originals }
    }

    /// Who asks, and of which lists.
    pub fn asked<'a>(&'a self, uploaded: &'a Uploaded, probes: &'a Buffer) -> Asked<'a> {
        let Uploaded { upload, bitmap } = uploaded;
        Asked { queries: &self.queries, upload, bitmap: bitmap.as_ref(), probes }
    }
}
