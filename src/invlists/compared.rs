//! The comparison of rows in the place of their codes, as `originals.rs` has it.

use super::asked::{Asked, Rows};
use super::kernels;
use super::originals::{OriginalRows, Rounds};
use super::params::{BinRows, HitReach};
use super::scored::{Found, Scored, choose};
use crate::buffer::{BIN, Buffer};
use crate::error::{Error, Result};
use crate::exact::{BoundOf, Chosen, SelectBins, keys_of_rows};
use crate::kernel::Encoder;
use crate::ops::select_k::{Selected, Selection};
use crate::space::Family;

/// Threads that square a query in `hit_reach`.
const SQUARING: usize = 64;

/// The rows of bins that were chosen for each query.
struct Listed {
    rows: Chosen,
    /// Room for so many of each query.
    room: u32,
}

/// Whose rows are compared, with the biases of all positions.
#[derive(Clone, Copy)]
pub(super) struct Compared<'a> {
    pub rows: &'a Rows<'a>,
    pub of: &'a OriginalRows,
    pub asked: Asked<'a>,
    pub biases: &'a [Buffer],
    /// Rows that are looked for, and threads that select them for a query.
    pub k: u32,
    pub threads: u32,
}

impl Compared<'_> {
    /// Encodes the nearest of the rows that are listed for each query.
    fn nearest(&self, encoder: &mut Encoder, Listed { rows, room }: &Listed) -> Result<Selected> {
        let Compared { of, asked, k, threads, .. } = *self;
        let pair = &asked.queries.pair;
        let keys = keys_of_rows(encoder, &of.rows, pair, asked.upload, rows, *room)?;
        let selection = Selection { nq: asked.upload.count, k, threads, sorted: true };
        selection.of_bins(encoder, [&keys, &rows.bins, &rows.counts], (*room, 1), None)
    }

    /// Encodes which bins can hold hits of each query, whose nearest rows so far are these.
    fn open(
        &self,
        encoder: &mut Encoder,
        scored: &Scored,
        nearest: &Selected,
        room: u32,
    ) -> Result<Chosen> {
        let Compared { rows, of, asked, k, .. } = *self;
        let missing = |what: &str| Error::internal(format!("codes without {what}"));
        let Scored { method, upload, bin_best, bin_counts, bin_stride, .. } = scored;
        let (gpu, nq) = (encoder.gpu().clone(), u64::from(upload.count));
        let dataset = rows.lists.dataset();
        let product = matches!(dataset.compared().scan(), Some((Family::Dot, _)));
        let params = method.selection(encoder, upload, k)?;
        let reach = gpu.scratch("reach of hits", nq * 8)?;
        let norms = upload.norms.as_ref().ok_or_else(|| missing("query norms"))?;
        let k4 = dataset.dim().div_ceil(4);
        let margin = 2f32.powi(-20) + (k4.div_ceil(SQUARING) + 16) as f32 * 2f32.powi(-23);
        let reached = HitReach {
            k,
            k4: k4 as u32,
            q_stride4: asked.upload.exact_stride4,
            // and of what computes the root
            rounding: of.gap.rounding + 2f32.powi(-20),
            vanished: of.gap.vanished,
            margin,
        };
        let buffers = [
            ("keys", &nearest.keys),
            ("queries", &asked.upload.exact),
            ("query_norm", norms),
            ("reach", &reach),
        ];
        encoder.dispatch(&kernels::hit_reach(product), &buffers, &reached, [upload.count, 1, 1])?;
        let chosen = gpu.scratch("chosen bins", nq * u64::from(room) * 4)?;
        let counts = gpu.scratch("bin counts", nq * 4)?;
        let floor = if product { params.floor + of.gap.vanished } else { params.floor };
        let params = SelectBins { bin_stride: *bin_stride, max_candidates: room, floor, ..params };
        let scanned = rows.table.scan_rows(dataset);
        let (bound, mut buffers) = method.bounded(scanned, upload)?;
        if bound == BoundOf::Score {
            return Err(missing("a bound of products"));
        }
        let slack = rows.table.page_slack.as_ref().ok_or_else(|| missing("slack"))?;
        buffers.extend([
            ("bin_best", bin_best),
            ("bin_counts", bin_counts),
            ("chosen", &chosen),
            ("counts", &counts),
            ("page_slack", slack),
            ("reach", &reach),
        ]);
        let variant = kernels::select_open(product, bound, method.bin());
        encoder.dispatch(&variant, &buffers, &params, [upload.count, 1, 1])?;
        Ok(Chosen { bins: chosen, counts })
    }

    /// Encodes the rows of chosen bins, room for so many of so many positions each.
    fn listed(
        &self,
        encoder: &mut Encoder,
        chosen: &Chosen,
        (room, bin): (u32, u32),
    ) -> Result<Listed> {
        let Compared { rows, asked, biases, .. } = *self;
        let (gpu, nq) = (encoder.gpu().clone(), u64::from(asked.upload.count));
        let numbers = gpu.scratch("candidates", nq * u64::from(room) * u64::from(bin) * 4)?;
        let counts = gpu.scratch("candidate counts", nq * 4)?;
        encoder.clear(&counts);
        encoder.stage("rescore");
        let variant = kernels::bin_rows(bin, asked.bitmap.is_some());
        for (at, bias) in biases.iter().enumerate() {
            let own = rows.table.positions.segment(at);
            let own = own.ok_or_else(|| Error::internal("no positions"))?;
            if own.count == 0 {
                continue;
            }
            let words = asked.bitmap.map_or(0, |bitmap| bitmap.words);
            let params = BinRows { room, n: own.count, first: own.first as u32, words };
            let mut buffers = vec![
                ("chosen", &chosen.bins),
                ("chosen_counts", &chosen.counts),
                ("bias", bias),
                ("rows", &numbers),
                ("counts", &counts),
                ("order_table", rows.table.positions.order()),
            ];
            buffers.extend(asked.bitmap.map(|bitmap| ("bitmap", &bitmap.bits)));
            encoder.dispatch(&variant, &buffers, &params, [asked.upload.count, 1, 1])?;
        }
        Ok(Listed { rows: Chosen { bins: numbers, counts }, room: room * bin })
    }

    /// Encodes the search by the scores of the codes.
    pub fn by_codes(&self, encoder: &mut Encoder, scored: Scored) -> Result<Found> {
        let Rounds { first, rooms: [few, room] } = Rounds::of(self.k);
        let bin = scored.method.bin();
        let best = choose(encoder, self.rows, &scored, (first, few))?;
        let best = self.listed(encoder, &best, (few, bin))?;
        let hits = self.nearest(encoder, &best)?;
        if !scored.method.settings.certify {
            let (rows_probed, compared) = (scored.rows_probed, vec![best.rows.counts]);
            return Ok(Found { hits, counts: None, room, rows_probed, compared });
        }
        let open = self.open(encoder, &scored, &hits, room)?;
        let all = self.listed(encoder, &open, (room, bin))?;
        let hits = self.nearest(encoder, &all)?;
        let compared = vec![best.rows.counts, all.rows.counts];
        let (counts, rows_probed) = (Some(open.counts), scored.rows_probed);
        Ok(Found { hits, counts, room, rows_probed, compared })
    }

    /// Encodes the comparison of all rows of the pages of each query, for which there is room for so many.
    pub fn all(
        &self,
        encoder: &mut Encoder,
        pages: (&Chosen, u32),
        rows_probed: Buffer,
    ) -> Result<Found> {
        let (chosen, room) = pages;
        let all = self.listed(encoder, chosen, (room, BIN as u32))?;
        let hits = self.nearest(encoder, &all)?;
        Ok(Found { hits, counts: None, room, rows_probed, compared: vec![all.rows.counts] })
    }
}
