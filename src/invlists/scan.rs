//! The search of some queries through the lists that they probe.

use super::kernels;
use super::lists::InvertedLists;
use super::params::{AllBins, Pairs};
use super::table::Table;
use crate::buffer::{BIN, Buffer};
use crate::call::Options;
use crate::error::{Error, Result};
use crate::exact::{
    Bitmap, Chosen, ChosenBins, DeviceFilter, Plan, Queries, ScanRows, Upload, keys, scratch,
};
use crate::kernel::Encoder;
use crate::ops::select_k::{Selected, Selection};
use crate::space::Pair;

/// How the lists are gone through, planned for one call.
pub(super) struct ListScan {
    pub nprobe: u32,
    k: u32,
    select_threads: u32,
    /// Pages of 64 positions that the lists of a query may have.
    most_pages: u64,
    /// Queries of a submission that compares all rows of their lists exactly.
    all_queries: usize,
}

/// What a submission leaves to be read.
pub(super) struct Found {
    pub hits: Selected,
    /// Bins that each query chose, if it chose: above `room` the hits are not certified.
    pub counts: Option<Buffer>,
    pub room: u32,
}

impl ListScan {
    pub fn new(
        lists: &InvertedLists,
        table: &Table,
        queries: &Queries,
        filter: &DeviceFilter,
        plan: &Plan,
        [k, nprobe]: [usize; 2],
        _options: &Options,
    ) -> Result<ListScan> {
        let dataset = lists.dataset();
        let caps = dataset.gpu().caps();
        let most_pages = table.most_pages(nprobe).max(1);
        let widest = most_pages * BIN * 4;
        if widest > caps.max_binding_bytes {
            let what = format!("bytes of the distances of one query in {nprobe} lists");
            return Err(Error::LimitExceeded {
                what,
                needed: widest,
                limit: caps.max_binding_bytes,
            });
        }
        let (bitmap, uploaded) = filter.bitmap_bytes();
        let bitmap = if uploaded { 2 * bitmap } else { bitmap };
        let each = most_pages * 4 * (BIN + 1)
            + nprobe as u64 * 16
            + k as u64 * 16
            + queries.work_dim() as u64 * 16
            + bitmap;
        let memory = scratch(dataset, filter.bytes(dataset.compared()));
        let most = (memory / each).min(caps.max_binding_bytes / widest);
        let most = most.clamp(1, u64::from(caps.max_dispatch));
        Ok(ListScan {
            nprobe: nprobe as u32,
            k: k as u32,
            select_threads: plan.scan.select_threads,
            most_pages,
            all_queries: most as usize,
        })
    }

    /// Queries of the submission that begins with number `start`, or of one that compares all rows exactly.
    pub fn queries(&self, _start: usize, _exactly: bool) -> usize {
        self.all_queries
    }

    /// Encodes the search through the lists that `probes` has of each query.
    pub fn encode(
        &self,
        encoder: &mut Encoder,
        (lists, table): (&InvertedLists, &Table),
        (queries, upload, bitmap): (&Queries, &Upload, Option<&Bitmap>),
        probes: &Buffer,
        biases: Option<&[Buffer]>,
        _exactly: bool,
    ) -> Result<Found> {
        let room = self.most_pages as u32;
        let (pairs, counts) = self.pairs(encoder, lists, table, upload.count, probes, 1)?;
        let bins = self.all_bins(encoder, lists, table, upload.count, [&pairs, &counts], room)?;
        let selection =
            Selection { nq: upload.count, k: self.k, threads: self.select_threads, sorted: true };
        let scanned = table.scan_rows(lists);
        let hits = match &queries.pair {
            Pair::Tree { .. } => {
                let chosen = Chosen { bins, counts };
                let (pair, place) = (&queries.pair, (room, BIN as u32));
                let bitmap = bitmap.map(|bitmap| (&bitmap.bits, bitmap.words));
                let keys = keys(encoder, scanned, biases, pair, (upload, bitmap), place, &chosen)?;
                let Chosen { bins, counts } = &chosen;
                selection.of_bins(encoder, [&keys, bins, counts], place, order(scanned))?
            }
            pair => {
                let positions = Some(&table.positions);
                let of = ChosenBins { bins: &bins, counts: &counts, most: room, positions };
                let asked = (upload, bitmap);
                of.nearest(encoder, lists.dataset(), biases, pair, asked, selection)?
            }
        };
        Ok(Found { hits, counts: None, room })
    }

    /// Encodes the pairs of queries and lists, and how many bins each query has, of which a page has `parts`.
    fn pairs(
        &self,
        encoder: &mut Encoder,
        lists: &InvertedLists,
        table: &Table,
        nq: u32,
        probes: &Buffer,
        parts: u32,
    ) -> Result<(Buffer, Buffer)> {
        let gpu = encoder.gpu().clone();
        let pairs = gpu.scratch("pairs", u64::from(nq) * u64::from(self.nprobe) * 8)?;
        let counts = gpu.scratch("bin counts", u64::from(nq) * 4)?;
        let params = Pairs { nlist: lists.nlist() as u32, nprobe: self.nprobe, parts };
        let buffers =
            [("probes", probes), ("lists", &table.lists), ("pairs", &pairs), ("counts", &counts)];
        encoder.stage("group");
        encoder.dispatch(&kernels::pairs(), &buffers, &params, [nq, 1, 1])?;
        Ok((pairs, counts))
    }

    /// Encodes the numbers of all pages of each query.
    fn all_bins(
        &self,
        encoder: &mut Encoder,
        lists: &InvertedLists,
        table: &Table,
        nq: u32,
        [pairs, counts]: [&Buffer; 2],
        room: u32,
    ) -> Result<Buffer> {
        let chosen = encoder.gpu().scratch("chosen bins", u64::from(nq) * u64::from(room) * 4)?;
        let params = AllBins {
            nlist: lists.nlist() as u32,
            nprobe: self.nprobe,
            segments: lists.dataset().compared().matrix().segments().len() as u32,
            room,
        };
        let buffers =
            [("pairs", pairs), ("lists", &table.lists), ("chosen", &chosen), ("counts", counts)];
        encoder.dispatch(&kernels::all_bins(), &buffers, &params, [nq, 1, 1])?;
        Ok(chosen)
    }
}

/// The numbers of the rows at all positions.
fn order<'a>(scanned: ScanRows<'a>) -> Option<&'a Buffer> {
    scanned.positions.map(crate::exact::Positions::order)
}
