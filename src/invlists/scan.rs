//! The search of some queries through the lists that they probe.

use super::asked::{Asked, Rows};
use super::compared::Compared;
use super::lists::InvertedLists;
use super::originals::Rounds;
use super::score::{self, Tiles};
use super::scored::{Found, Scored, choose};
use super::table::{self, Table};
use crate::buffer::{BIN, Buffer};
use crate::error::{Error, Result};
use crate::exact::{
    Chosen, ChosenBins, DeviceFilter, Layout, Method, Plan, Queries, ScanKernel, ScanSettings,
    keys, may_look_up, parts_of, scratch,
};
use crate::kernel::Encoder;
use crate::ops::select_k::{Selected, Selection};
use crate::space::Pair;

/// Rows to a bin where matrix units score them: lists are short, and what is rescored of each query costs as much as its product.
const SMALL_BIN: u64 = 16;

/// Queries of a submission, if there is room for them, whatever their time.
const LEAST_QUERIES: u64 = 64;

/// How rows are told apart. Queries whose rows one way cannot tell apart go the next that there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum By {
    /// By the scores of bins, of the copy where there is one.
    #[default]
    Scores,
    /// By scores of the rows as they are stored, which copies in fewer bits blur.
    StoredScores,
    /// By the distances of all.
    Distances,
}

/// How the lists are gone through, planned for one call.
pub(super) struct ListScan {
    pub nprobe: u32,
    k: u32,
    pub nlist: u32,
    /// How rows are scored, where that tells which are compared exactly; all are where it does not.
    scored: Option<ScanSettings>,
    /// The same of those that a copy cannot tell apart, if there is one.
    stored: Option<ScanSettings>,
    select_threads: u32,
    /// Pages of 64 positions that the lists of a query may have.
    pub most_pages: u32,
    /// Queries of the first submission that scores rows, and of every other; and of one that compares all of them exactly.
    scored_queries: [usize; 2],
    stored_queries: usize,
    all_queries: usize,
}

/// The keys of all rows of the lists of each query, in pages of which each has room for `room`.
pub(super) struct AllKeys {
    pub keys: Buffer,
    pub chosen: Chosen,
    pub room: u32,
    /// Rows in the lists of each query.
    pub rows_probed: Buffer,
}

impl ListScan {
    pub fn new(
        lists: &InvertedLists,
        table: &Table,
        queries: &Queries,
        filter: &DeviceFilter,
        plan: &Plan,
        [k, nprobe]: [usize; 2],
        (exhaustive, originals): (bool, bool),
    ) -> Result<ListScan> {
        let dataset = lists.dataset();
        let caps = dataset.gpu().caps();
        let most_pages = table.most_pages(nprobe).max(1);
        let widest = most_pages * BIN * 4;
        if widest > caps.max_binding_bytes {
            let what = format!("bytes of the distances of one query in {nprobe} lists");
            let limit = caps.max_binding_bytes;
            return Err(Error::LimitExceeded { what, needed: widest, limit });
        }
        let by_list = (queries.count as u64 * nprobe as u64).div_ceil(lists.nlist() as u64);
        let scored = plan.scores_products(dataset, queries) && !exhaustive;
        let most_by_row = if dataset.compared().is_coded() {
            ("codes", "max_list_queries")
        } else {
            ("lists", "max_row_queries")
        };
        let most_by_row = dataset.gpu().profile().u32(most_by_row.0, most_by_row.1)?;
        let registers = u64::from(dataset.gpu().profile().u32("lists", "max_tile_queries")?);
        // bins of tiles of registers are too large for rows that are read alone
        let registers = (!originals && lists.tiles_bind(filter)).then_some(registers);
        let few = match (plan.scan.matrix, registers) {
            (Some(_), _) => by_list <= u64::from(most_by_row),
            (None, Some(most)) => by_list <= most,
            (None, None) => true,
        };
        let products = products_of(lists, table, nprobe)?.filter(|_| few && scored);
        let products_bytes = products.map_or(0, |layout| layout.bytes());
        let scored = scored.then_some(ScanSettings {
            matrix: plan.scan.matrix.map(|tile| tile.narrowed(by_list as u32)),
            matrix_bin: SMALL_BIN as u32,
            // of codes that are off by much, whose rows are read alone
            row_bin: if originals { SMALL_BIN } else { BIN } as u32,
            int8: false,
            max_row_queries: if few { u32::MAX } else { 0 },
            max_table_queries: if products.is_some() { u32::MAX } else { 0 },
            ..plan.scan
        });
        let copied = dataset.scan_rows().f16.is_some() && !originals;
        let stored = scored.filter(|_| copied).map(|scored| ScanSettings {
            matrix: None,
            max_table_queries: 0,
            max_row_queries: registers.map_or(u32::MAX, |most| {
                (most * lists.nlist() as u64 / nprobe as u64).min(u32::MAX.into()) as u32
            }),
            ..scored
        });
        let (bitmap, uploaded) = filter.bitmap_bytes();
        let each = (if uploaded { 2 * bitmap } else { bitmap })
            + nprobe as u64 * 40
            + k as u64 * 24
            + queries.work_dim() as u64 * 20
            + 64;
        let behind = dataset.compared().behind_queries();
        let memory = scratch(dataset, filter.bytes(dataset.compared()) + behind);
        let binding = caps.max_binding_bytes.saturating_sub(behind);
        let fit = |each: u64, widest: u64| {
            let most = (memory / each).min(binding / widest.max(1));
            most.clamp(1, u64::from(caps.max_dispatch)) as usize
        };
        let bins = most_pages * (BIN / SMALL_BIN) * 8;
        let large = !originals && (few || plan.scan.matrix.is_none());
        let bin = if large { BIN } else { SMALL_BIN };
        let of_bins = |bin: u64| u64::from(plan.scan.max_candidates) * bin * 4;
        let candidates = match originals {
            // numbers and keys of rows, of both rounds
            true => u64::from(Rounds::of(k as u32).rooms.iter().sum::<u32>()) * bin * 8,
            false => of_bins(bin),
        };
        let all_keys = if originals { 8 } else { 4 };
        // with far fewer queries a list tiles would multiply padding
        let tile = plan.scan.matrix.map_or(plan.scan.tile.bm, |tile| tile.bm());
        let tile = if few { 1 } else { tile };
        let least = u64::from(tile) * lists.nlist() as u64 / nprobe as u64;
        // whoever ends a call waits for what is on the device
        let rows = dataset.len() * nprobe as u64 / lists.nlist() as u64;
        let in_time = plan.pairs / rows.max(1);
        let all_queries = fit(each + most_pages * (all_keys * BIN + 4), widest);
        let all_queries = all_queries.min(in_time.max(LEAST_QUERIES) as usize);
        let stored_queries = fit(each + bins + of_bins(BIN), bins.max(of_bins(BIN)));
        let stored_queries = stored_queries.min(in_time.max(LEAST_QUERIES) as usize);
        let widest = bins.max(candidates).max(products_bytes);
        let most = fit(each + bins + candidates + products_bytes, widest) as u64;
        let most = most.min(in_time.max(least).max(LEAST_QUERIES));
        let count = (queries.count as u64).max(1);
        let parts = u64::from(dataset.gpu().profile().u32("submit", "parts")?);
        let (first, other) = parts_of(count, most, 1, parts, least);
        let scored_queries = [first, other].map(|queries| queries.max(1) as usize);
        log::debug!(
            "{} queries, {nprobe} of {} lists: {}",
            queries.count,
            lists.nlist(),
            match (scored.is_some(), few, products.is_some()) {
                (false, ..) => "every row exactly",
                (true, true, true) => "by scores of products that are looked up",
                (true, true, false) => "by scores, row by row",
                (true, false, _) => "by scores, list by list",
            }
        );
        Ok(ListScan {
            nprobe: nprobe as u32,
            k: k as u32,
            nlist: lists.nlist() as u32,
            scored,
            stored,
            select_threads: plan.scan.select_threads,
            most_pages: most_pages as u32,
            scored_queries,
            stored_queries,
            all_queries,
        })
    }

    /// Rows that are looked for.
    pub fn k(&self) -> u32 {
        self.k
    }

    /// Queries of the submission that begins with number `start`.
    pub fn queries(&self, start: usize) -> usize {
        match self.scored {
            Some(_) => self.scored_queries[usize::from(start > 0)],
            None => self.all_queries,
        }
    }

    /// Queries of one that asks again.
    pub fn again(&self, by: By) -> usize {
        match by {
            By::Scores => self.queries(1),
            By::StoredScores => self.stored_queries,
            By::Distances => self.all_queries,
        }
    }

    /// How rows are told apart that this way could not.
    pub fn behind(&self, by: By) -> By {
        if by == By::Scores && self.stored.is_some() { By::StoredScores } else { By::Distances }
    }

    /// Encodes the search through the probed lists.
    pub fn encode(
        &self,
        encoder: &mut Encoder,
        rows: &Rows<'_>,
        asked: Asked<'_>,
        by: By,
    ) -> Result<Found> {
        let settings = match by {
            By::Scores => self.scored,
            By::StoredScores => self.stored,
            By::Distances => None,
        };
        let stored = by == By::StoredScores;
        let Some(of) = rows.originals else {
            return match settings {
                Some(settings) => self.by_scores(encoder, rows, asked, (settings, stored)),
                None => self.exactly(encoder, rows, asked),
            };
        };
        let (k, threads, biases) = (self.k, self.select_threads, &self.biases(encoder, rows)?);
        let compared = Compared { rows, of, asked, biases, k, threads };
        match settings {
            Some(settings) => {
                let scored = self.scored(encoder, rows, (asked, biases), (settings, stored))?;
                compared.by_codes(encoder, scored)
            }
            None => {
                let (pairs, counts, rows_probed) = self.pairs(encoder, rows, asked, 1)?;
                let bins = self.all_bins(encoder, rows, asked, [&pairs, &counts])?;
                compared.all(encoder, (&Chosen { bins, counts }, self.most_pages), rows_probed)
            }
        }
    }

    fn by_scores(
        &self,
        encoder: &mut Encoder,
        rows: &Rows<'_>,
        asked: Asked<'_>,
        (settings, stored): (ScanSettings, bool),
    ) -> Result<Found> {
        let own = self.biases(encoder, rows)?;
        let scored = self.scored(encoder, rows, (asked, &own), (settings, stored))?;
        let (room, bin) = (settings.max_candidates, scored.method.bin());
        let chosen = choose(encoder, rows, &scored, (self.k, room))?;
        let asked = Asked { upload: &scored.upload, ..asked };
        let keys = tree_keys(encoder, rows, asked, (room, bin), &chosen)?;
        let hits = self.nearest(encoder, rows, asked, (&keys, &chosen), (room, bin))?;
        let (counts, rows_probed) = (Some(chosen.counts), scored.rows_probed);
        Ok(Found { hits, counts, room, rows_probed, compared: Vec::new() })
    }

    /// The biases of all positions, of each segment: those of a filter for all queries, or the rows' own.
    fn biases(&self, encoder: &mut Encoder, rows: &Rows<'_>) -> Result<Vec<Buffer>> {
        match rows.biases {
            None => Ok(rows.table.biases.clone()),
            Some(biases) => table::biases(encoder, &rows.table.positions, biases.iter()),
        }
    }

    /// Encodes the scores of the bins of each query.
    fn scored(
        &self,
        encoder: &mut Encoder,
        rows: &Rows<'_>,
        (asked, biases): (Asked<'_>, &[Buffer]),
        (settings, stored): (ScanSettings, bool),
    ) -> Result<Scored> {
        let Asked { queries, upload, .. } = asked;
        let scanned = rows.scanned(stored);
        let method = Method::choose(scanned, queries.facts, upload, settings, encoder)?;
        let folded = method.queries(upload);
        let asked = Asked { upload: &folded, ..asked };
        let (bin, gpu, nq) = (method.bin(), encoder.gpu().clone(), u64::from(folded.count));
        let parts = BIN as u32 / bin;
        let bin_stride = self.most_pages * parts;
        let bin_best = gpu.scratch("best scores", nq * u64::from(bin_stride) * 8)?;
        let (pairs, bin_counts, rows_probed) = self.pairs(encoder, rows, asked, parts)?;
        let scores = score::Scores {
            nlist: self.nlist,
            nprobe: self.nprobe,
            bin_stride,
            bin_best: &bin_best,
            biases,
            pairs: &pairs,
            asked,
            stored,
        };
        match &method.kernel {
            ScanKernel::Matrix(matrices) => {
                score::by_list(encoder, rows, &scores, &method, Tiles::Matrix(matrices))?;
            }
            ScanKernel::Tile(tile) => {
                score::by_list(encoder, rows, &scores, &method, Tiles::Registers(*tile))?;
            }
            ScanKernel::Tables => score::by_table(encoder, rows, &scores, &method)?,
            _ => score::by_row(encoder, rows, &scores, &method)?,
        }
        Ok(Scored { method, upload: folded, bin_best, bin_counts, bin_stride, rows_probed, stored })
    }

    /// Encodes the selection of the nearest rows, by the keys of those of chosen bins: room for so many, of so many rows.
    fn nearest(
        &self,
        encoder: &mut Encoder,
        rows: &Rows<'_>,
        asked: Asked<'_>,
        (keys, chosen): (&Buffer, &Chosen),
        place: (u32, u32),
    ) -> Result<Selected> {
        let (nq, threads) = (asked.upload.count, self.select_threads);
        let selection = Selection { nq, k: self.k, threads, sorted: true };
        let from = [keys, &chosen.bins, &chosen.counts];
        selection.of_bins(encoder, from, place, Some(rows.table.positions.order()))
    }

    fn exactly(&self, encoder: &mut Encoder, rows: &Rows<'_>, asked: Asked<'_>) -> Result<Found> {
        let AllKeys { keys, chosen, room, rows_probed } = self.all_keys(encoder, rows, asked)?;
        let hits = self.nearest(encoder, rows, asked, (&keys, &chosen), (room, BIN as u32))?;
        Ok(Found { hits, counts: None, room, rows_probed, compared: Vec::new() })
    }

    /// Encodes the exact distances of all rows of the lists that each query probes.
    pub fn all_keys(
        &self,
        encoder: &mut Encoder,
        rows: &Rows<'_>,
        asked: Asked<'_>,
    ) -> Result<AllKeys> {
        let room = self.most_pages;
        let (pairs, counts, rows_probed) = self.pairs(encoder, rows, asked, 1)?;
        let bins = self.all_bins(encoder, rows, asked, [&pairs, &counts])?;
        let (dataset, pair) = (rows.lists.dataset(), &asked.queries.pair);
        let chosen = Chosen { bins, counts };
        let keys = match pair {
            Pair::Tree { .. } => tree_keys(encoder, rows, asked, (room, BIN as u32), &chosen)?,
            _ => {
                let positions = Some(&rows.table.positions);
                let (bins, counts) = (&chosen.bins, &chosen.counts);
                let of = ChosenBins { bins, counts, most: room, positions };
                of.keys(encoder, dataset, rows.biases, pair, (asked.upload, asked.bitmap))?
            }
        };
        Ok(AllKeys { keys, chosen, room, rows_probed })
    }
}

/// How the products of a query lie that are looked up, where the codes are those of a product quantizer and lists so long that it pays.
fn products_of(lists: &InvertedLists, table: &Table, nprobe: usize) -> Result<Option<Layout>> {
    let dataset = lists.dataset();
    let least = u64::from(dataset.gpu().profile().u32("codes", "table_rows")?);
    let layout = Layout::of(dataset.compared(), nprobe as u32);
    let rows = table.rows() / lists.nlist().max(1) as u64;
    // tables of fewer bits are as many times smaller as there are fewer codes
    let pays = |layout: &Layout| least > 0 && rows << (8 - layout.bits) >= least;
    let may = may_look_up(dataset.compared());
    Ok(layout.filter(|layout| may && pays(layout)))
}

/// Encodes the exact distances of the rows of chosen bins, where these are of products or squares: room for so many bins, of so many rows.
fn tree_keys(
    encoder: &mut Encoder,
    rows: &Rows<'_>,
    asked: Asked<'_>,
    place: (u32, u32),
    chosen: &Chosen,
) -> Result<Buffer> {
    let scanned = rows.table.scan_rows(rows.lists.dataset());
    let bitmap = asked.bitmap.map(|bitmap| (&bitmap.bits, bitmap.words));
    let (pair, of) = (&asked.queries.pair, (asked.upload, bitmap));
    keys(encoder, scanned, rows.biases, pair, of, place, chosen)
}
