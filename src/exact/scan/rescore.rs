//! Stages B and C of the binned scan: select the bins that can hold a neighbour, rescore their rows exactly.

use super::bound::Bound;
use super::piece::missing;
use super::score::Scan;
use crate::buffer::{BIN, Buffer};
use crate::error::Result;
use crate::exact::kernels::{self, BoundOf};
use crate::exact::operand::ScanRows;
use crate::exact::params::{Rescore, SelectBins};
use crate::exact::positions::Positions;
use crate::kernel::Encoder;
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
        let (gpu, upload) = (scanned.rows.gpu(), &self.scores.upload);
        let (nq, max_candidates) = (upload.count, self.settings.max_candidates);
        let (bin, q64) = (self.scores.bin, u64::from(nq));
        let chosen = gpu.scratch("chosen bins", q64 * u64::from(max_candidates) * 4)?;
        let counts = gpu.scratch("bin counts", q64 * 4)?;
        let Bound { c0, c1, c2, floor, slack, unit } = self.bound;
        encoder.stage("select");
        if let (Some(queries), Some(_)) = (self.f16_queries(), &self.residuals) {
            queries.measure(encoder, upload)?;
        }
        let params = SelectBins {
            bins: scanned.len().div_ceil(bin.into()) as u32,
            bin_stride: self.scores.bin_stride,
            k,
            max_candidates,
            c0,
            c1,
            c2,
            floor,
            slack,
            unit,
            residual_at: self.residuals.as_ref().map_or(0, |residuals| residuals.at),
        };
        let mut buffers = vec![("bin_best", &self.scores.bin_best)];
        let bound = self.bound_of();
        if bound != BoundOf::Score {
            let bins = scanned.bin_norm().ok_or_else(|| missing("bin norms"))?;
            let queries = upload.norms.as_ref().ok_or_else(|| missing("query norms"))?;
            buffers.extend([("bin_norm", bins), ("query_norm", queries)]);
        }
        buffers.extend([("chosen", &chosen), ("counts", &counts)]);
        if let Some(of) = &self.residuals {
            buffers.extend([("bin_residual", &of.bins), ("query_residual", &of.queries)]);
        }
        let (threads, map) = (self.settings.bin_threads(nq), scanned.row_map());
        let variant = kernels::select_bins(threads, max_candidates, bound, bin, map);
        encoder.dispatch(&variant, &buffers, &params, [nq, 1, 1])?;
        Ok(Chosen { bins: chosen, counts })
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
        let Chosen { bins: chosen, counts } = self.choose(encoder, scanned, k)?;
        let (rows, upload) = (scanned.rows, &self.scores.upload);
        let (gpu, nq, max_candidates) = (rows.gpu(), upload.count, self.settings.max_candidates);
        let (bin, q64, map) = (self.scores.bin, u64::from(nq), scanned.row_map());
        let keys =
            gpu.scratch("candidate keys", q64 * u64::from(max_candidates) * u64::from(bin) * 4)?;
        encoder.stage("rescore");
        // few queries spread over many workgroups each
        let lanes = (1024 / nq).clamp(1, (max_candidates * bin).div_ceil(32));
        let dtype = rows.matrix().dtype();
        let variant = kernels::rescore(dtype, pair, self.scores.bitmap.is_some(), bin, map);
        for (at, (segment, part, span)) in scanned.spans().enumerate() {
            if span.count == 0 {
                continue;
            }
            let params = Rescore {
                n: span.count,
                k4: rows.matrix().dim().div_ceil(4) as u32,
                stride4: dtype.stride4(segment.stride_bytes()),
                q_stride4: upload.exact_stride4,
                first_bin: (span.first / BIN) as u32,
                max_candidates,
                lanes,
                words: self.scores.words,
            };
            let bias = biases.map_or(&part.bias, |b| &b[at]);
            let mut buffers = vec![
                ("rows", segment.buffer()),
                ("queries", &upload.exact),
                ("bias", bias),
                ("chosen", &chosen),
                ("counts", &counts),
                ("keys", &keys),
            ];
            buffers.extend(part.scale.as_ref().map(|scale| ("scale", scale)));
            buffers.extend(self.scores.bitmap.as_ref().map(|bitmap| ("bitmap", bitmap)));
            buffers.extend(span.table.map(|table| ("row_table", table)));
            encoder.dispatch(&variant, &buffers, &params, [nq, lanes, 1])?;
        }

        let order = scanned.positions.map(Positions::order);
        let threads = self.settings.select_threads;
        let hits = Selection { nq, k, threads, sorted: true };
        let hits =
            hits.of_bins(encoder, [&keys, &chosen, &counts], (max_candidates, bin), order)?;
        Ok(Scanned { hits, counts })
    }
}
