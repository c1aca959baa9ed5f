//! Stages B and C of the binned scan: select the bins that can hold a neighbour, rescore their rows exactly.

use super::piece::missing;
use super::score::Scan;
use crate::buffer::{BIN, Buffer};
use crate::error::Result;
use crate::exact::kernels::{self, BoundOf};
use crate::exact::operand::ScanRows;
use crate::exact::params::{BinGroups, Rescore, SelectBins};
use crate::exact::positions::Positions;
use crate::exact::upload::Upload;
use crate::kernel::{Bind, Encoder};
use crate::ops::select_k::{Selected, Selection};
use crate::space::Pair;

/// What a scan leaves to be read.
pub(crate) struct Scanned {
    pub hits: Selected,
    /// Bins that each query chose; more than there is room for where the scan could not certify it.
    pub counts: Buffer,
}

/// The bins that can hold a neighbour.
pub(crate) struct Chosen {
    /// `max_candidates` of the settings for each query; all ones behind the last where the distances are no products.
    pub bins: Buffer,
    /// How many they are.
    pub counts: Buffer,
}

impl Scan {
    /// Encodes stage B.
    pub fn choose(&self, encoder: &mut Encoder, scanned: ScanRows<'_>, k: u32) -> Result<Chosen> {
        let (gpu, nq, bin) = (scanned.rows.gpu(), self.scores.upload.count, self.scores.bin);
        let max_candidates = self.method.settings.max_candidates;
        let chosen = gpu.scratch("chosen bins", u64::from(nq) * u64::from(max_candidates) * 4)?;
        let counts = gpu.scratch("bin counts", u64::from(nq) * 4)?;
        let (params, bound, mut buffers) = self.selected(encoder, scanned, k)?;
        buffers.extend([("chosen", &chosen), ("counts", &counts)]);
        let (threads, map) = (self.method.settings.bin_threads(nq), scanned.row_map());
        let grouped = kernels::may_group(max_candidates, bound, bin, map)
            && params.bins >= self.method.settings.min_grouped_bins
            // groups of a workgroup, and workgroups of a dispatch
            && params.bins.div_ceil(64 * 16) <= gpu.caps().max_dispatch;
        let groups = grouped.then(|| self.group_bins(encoder, params.bins)).transpose()?;
        buffers.extend(groups.as_ref().map(|groups| ("group_best", groups)));
        let variant = kernels::select_bins(threads, max_candidates, bound, bin, map, grouped);
        encoder.dispatch(&variant, &buffers, &params, [nq, 1, 1])?;
        Ok(Chosen { bins: chosen, counts })
    }

    /// Encodes stage B for a radius: the bins that can hold a row whose score is as large as `least` says for each query. Of rows as
    /// they lie, in bins of 64. The counts of those that are chosen are 0 where there are too many, and behind them stand all.
    pub fn choose_within(
        &self,
        encoder: &mut Encoder,
        scanned: ScanRows<'_>,
        least: &Buffer,
    ) -> Result<Chosen> {
        let (gpu, nq) = (scanned.rows.gpu(), self.scores.upload.count);
        if scanned.positions.is_some() || u64::from(self.scores.bin) != BIN {
            return Err(missing("rows in bins of 64"));
        }
        let room = u64::from(self.method.settings.max_candidates);
        let chosen = gpu.scratch("chosen bins", u64::from(nq) * room * 4)?;
        let counts = gpu.scratch("bin counts", u64::from(nq) * 8)?;
        let (params, bound, mut buffers) = self.selected(encoder, scanned, 0)?;
        buffers.extend([("least", least), ("chosen", &chosen), ("counts", &counts)]);
        let variant = kernels::select_range(self.method.settings.bin_threads(nq), bound);
        encoder.dispatch(&variant, &buffers, &params, [nq, 1, 1])?;
        Ok(Chosen { bins: chosen, counts })
    }

    /// What stage B is passed, and what it binds beside its results.
    fn selected<'a>(
        &'a self,
        encoder: &mut Encoder,
        scanned: ScanRows<'a>,
        k: u32,
    ) -> Result<(SelectBins, BoundOf, Vec<Bind<'a>>)> {
        let (scores, method) = (&self.scores, &self.method);
        let params = SelectBins {
            bins: scanned.len().div_ceil(scores.bin.into()) as u32,
            bin_stride: scores.bin_stride,
            ..method.selection(encoder, &scores.upload, k)?
        };
        let (bound, mut buffers) = method.bounded(scanned, &scores.upload)?;
        buffers.push(("bin_best", &scores.bin_best));
        Ok((params, bound, buffers))
    }

    /// Encodes the best score of each 64 bins.
    fn group_bins(&self, encoder: &mut Encoder, bins: u32) -> Result<Buffer> {
        let (nq, groups) = (self.scores.upload.count, bins.div_ceil(64));
        let bytes = u64::from(nq) * u64::from(groups) * 4;
        let best = encoder.gpu().scratch("best scores of groups", bytes)?;
        let params = BinGroups { bins, bin_stride: self.scores.bin_stride, groups };
        let buffers = [("bin_best", &self.scores.bin_best), ("group_best", &best)];
        let workgroups = [nq, groups.div_ceil(16), 1];
        encoder.dispatch(&kernels::bin_groups(), &buffers, &params, workgroups)?;
        Ok(best)
    }

    /// Encodes stages B and C of products, and the final selection.
    pub fn select(
        &self,
        encoder: &mut Encoder,
        scanned: ScanRows<'_>,
        biases: Option<&[Buffer]>,
        pair: &Pair,
        k: u32,
    ) -> Result<Scanned> {
        let chosen = self.choose(encoder, scanned, k)?;
        let keys = self.rescore(encoder, scanned, biases, pair, &chosen)?;
        let Chosen { bins, counts } = chosen;
        let (nq, max_candidates) = (self.scores.upload.count, self.method.settings.max_candidates);
        let order = scanned.positions.map(Positions::order);
        let threads = self.method.settings.select_threads;
        let hits = Selection { nq, k, threads, sorted: true };
        let places = (max_candidates, self.scores.bin);
        let hits = hits.of_bins(encoder, [&keys, &bins, &counts], places, order)?;
        Ok(Scanned { hits, counts })
    }

    /// Encodes stage C of products: the keys of the rows in the chosen bins, room for all that might be.
    pub fn rescore(
        &self,
        encoder: &mut Encoder,
        scanned: ScanRows<'_>,
        biases: Option<&[Buffer]>,
        pair: &Pair,
        chosen: &Chosen,
    ) -> Result<Buffer> {
        let scores = &self.scores;
        let bitmap = scores.bitmap.as_ref().map(|bits| (bits, scores.words));
        let places = (self.method.settings.max_candidates, scores.bin);
        keys(encoder, scanned, biases, pair, (&scores.upload, bitmap), places, chosen)
    }
}

/// Encodes the keys of the rows in bins that are chosen for each query: `room` for bins of `bin` rows each. A bitmap of each query comes with
/// the words from one to the next.
pub(crate) fn keys(
    encoder: &mut Encoder,
    scanned: ScanRows<'_>,
    biases: Option<&[Buffer]>,
    pair: &Pair,
    (upload, bitmap): (&Upload, Option<(&Buffer, u32)>),
    (room, bin): (u32, u32),
    chosen: &Chosen,
) -> Result<Buffer> {
    let rows = scanned.rows;
    let (gpu, nq) = (rows.gpu(), upload.count);
    let (q64, map) = (u64::from(nq), scanned.row_map());
    let keys = gpu.scratch("candidate keys", q64 * u64::from(room) * u64::from(bin) * 4)?;
    encoder.stage("rescore");
    // few queries spread over many workgroups each
    let enough = gpu.profile().u32("scan", "rescore_groups")?;
    let lanes = (enough / nq).clamp(1, (room * bin).div_ceil(32));
    let dtype = rows.matrix().dtype();
    let variant = kernels::rescore(rows.elements(), pair, bitmap.is_some(), bin, map);
    for (at, (segment, part, span)) in scanned.spans().enumerate() {
        if span.count == 0 {
            continue;
        }
        let params = Rescore {
            n: span.count,
            k4: rows.dim().div_ceil(4) as u32,
            stride4: dtype.stride4(segment.stride_bytes()),
            q_stride4: upload.exact_stride4,
            first_bin: (span.first / BIN) as u32,
            max_candidates: room,
            lanes,
            words: bitmap.map_or(0, |(_, words)| words),
            first_row: segment.first_row() as u32,
            ranges: upload.ranges.unwrap_or(0),
        };
        let bias = biases.map_or(&part.bias, |b| &b[at]);
        let mut buffers = vec![
            ("rows", segment.buffer()),
            ("queries", &upload.exact),
            ("bias", bias),
            ("chosen", &chosen.bins),
            ("counts", &chosen.counts),
            ("keys", &keys),
        ];
        buffers.extend(rows.ranges().filter(|_| rows.elements().apart).map(|of| ("ranges", of)));
        buffers.extend(part.scale.as_ref().map(|scale| ("scale", scale)));
        buffers.extend(bitmap.map(|(bits, _)| ("bitmap", bits)));
        buffers.extend(span.table.map(|table| ("row_table", table)));
        encoder.dispatch(&variant, &buffers, &params, [nq, lanes, 1])?;
    }
    Ok(keys)
}
