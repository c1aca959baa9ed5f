//! The three stages of the binned scan: score and keep the best of each bin, select bins, rescore their rows exactly.

use super::base::Base;
use super::bound::Bound;
use super::plan::Plan;
use super::queries::{Queries, Upload};
use super::space::{self, Transform};
use super::{BIN, stride4};
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::kernel::{Encoder, fold, registry};
use bytemuck::NoUninit;

/// A query chunk on its way through the rows.
pub(crate) struct Scan {
    pub upload: Upload,
    pub bitmap: Option<Buffer>,
    bin_best: Buffer,
    bin_stride: u32,
    bound: Bound,
    /// Where stage A goes on: segment, row within it.
    next: (usize, u32),
}

/// What a scan leaves to be read.
pub(crate) struct Scanned {
    pub keys: Buffer,
    pub rows: Buffer,
    pub counts: Buffer,
}

#[repr(C)]
#[derive(Clone, Copy, NoUninit)]
struct ScanParams {
    nq: u32,
    n: u32,
    k4: u32,
    stride4: u32,
    q_stride4: u32,
    first_bin: u32,
    bin_stride: u32,
    tiles_y: u32,
    words: u32,
    first_tile: u32,
}

#[repr(C)]
#[derive(Clone, Copy, NoUninit)]
struct SelectParams {
    bins: u32,
    bin_stride: u32,
    k: u32,
    room: u32,
    c0: f32,
    c1: f32,
    c2: f32,
    floor: f32,
    slack: f32,
}

#[repr(C)]
#[derive(Clone, Copy, NoUninit)]
struct RescoreParams {
    n: u32,
    k4: u32,
    stride4: u32,
    q_stride4: u32,
    first_bin: u32,
    room: u32,
    lanes: u32,
    words: u32,
}

#[repr(C)]
#[derive(Clone, Copy, NoUninit)]
pub(crate) struct SelectK {
    pub k: u32,
    pub stride: u32,
    pub best: u32,
    pub n: u32,
    pub first_row: u32,
}

fn missing(what: &str) -> Error {
    Error::internal(format!("the scan has no {what}"))
}

impl Scan {
    pub fn new(
        base: &Base,
        queries: &Queries,
        upload: Upload,
        bitmap: Option<Buffer>,
    ) -> Result<Scan> {
        let metric = base.metric();
        let (family, scaled) = space::scan_family(metric).ok_or_else(|| missing("metric"))?;
        let dim = base.work().dim();
        let transform = Transform::of(metric);
        let bound = Bound::choose(family, scaled, dim, transform, base.facts(), queries.facts);
        let bin_stride = base.bins() as u32;
        let bytes = u64::from(upload.count) * u64::from(bin_stride) * 4;
        let bin_best = base.gpu().scratch("bin best", bytes)?;
        Ok(Scan { upload, bitmap, bin_best, bin_stride, bound, next: (0, 0) })
    }

    pub fn sums_exact(&self) -> bool {
        self.bound == Bound::EXACT
    }

    /// Encodes stage A for at most `pairs` pairs of query and row, and says whether all rows are done.
    pub fn score(
        &mut self,
        encoder: &mut Encoder,
        base: &Base,
        biases: Option<&[Buffer]>,
        plan: &Plan,
    ) -> Result<bool> {
        let (_, scaled) = space::scan_family(base.metric()).ok_or_else(|| missing("metric"))?;
        let (work, nq) = (base.work(), self.upload.count);
        let few = nq <= plan.few;
        let bitmap = self.bitmap.is_some();
        let dtype = work.dtype();
        let (variant, q_step, x_step) = if few {
            let q = if nq >= 3 { 4 } else { nq };
            (registry::scan_row(dtype, q, scaled, bitmap), q, BIN as u32)
        } else {
            (registry::scan_tile(dtype, plan.tile, scaled, bitmap), plan.tile.bm, plan.tile.bn)
        };
        let floats = self.upload.floats.as_ref().ok_or_else(|| missing("queries"))?;
        let mut left = (plan.pairs / u64::from(nq)).max(u64::from(x_step));
        encoder.stage("scan");
        for (at, (segment, part)) in base.segments().enumerate().skip(self.next.0) {
            let first = if at == self.next.0 { self.next.1 } else { 0 };
            let whole = u64::from(segment.rows() - first);
            let rows = whole.min(left / u64::from(x_step) * u64::from(x_step)) as u32;
            if rows == 0 {
                self.next = (at, first);
                return Ok(false);
            }
            let groups = fold(base.gpu(), u64::from(rows.div_ceil(x_step)))?;
            let params = ScanParams {
                nq,
                n: first + rows,
                k4: work.dim().div_ceil(4) as u32,
                stride4: stride4(segment.stride_bytes(), dtype),
                q_stride4: self.upload.float_stride4,
                first_bin: (segment.first_row() / BIN) as u32,
                bin_stride: self.bin_stride,
                tiles_y: groups[0],
                words: super::mask_words(base.len()) as u32,
                first_tile: first / x_step,
            };
            let bias = biases.map_or(&part.bias, |b| &b[at]);
            let mut buffers = vec![segment.buffer(), floats, bias, &self.bin_best];
            buffers.extend(part.scale.iter().filter(|_| scaled));
            buffers.extend(&self.bitmap);
            encoder.dispatch(
                &variant,
                &buffers,
                &params,
                [nq.div_ceil(q_step), groups[0], groups[1]],
            )?;
            left -= u64::from(rows).min(left);
            if u64::from(rows) < whole {
                self.next = (at, first + rows);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Encodes stages B and C and the final selection.
    pub fn select(
        &self,
        encoder: &mut Encoder,
        base: &Base,
        biases: Option<&[Buffer]>,
        queries: &Queries,
        plan: &Plan,
        k: u32,
    ) -> Result<Scanned> {
        let (gpu, nq, room) = (base.gpu(), self.upload.count, plan.room);
        let q64 = u64::from(nq);
        let chosen = gpu.scratch("chosen bins", q64 * u64::from(room) * 4)?;
        let counts = gpu.scratch("bin counts", q64 * 4)?;
        let norms = self.upload.norms.as_ref().ok_or_else(|| missing("query norms"))?;
        let bin_norm = base.bin_norm().ok_or_else(|| missing("bin norms"))?;
        let Bound { c0, c1, c2, floor, slack } = self.bound;
        encoder.stage("select");
        let params = SelectParams {
            bins: base.bins() as u32,
            bin_stride: self.bin_stride,
            k,
            room,
            c0,
            c1,
            c2,
            floor,
            slack,
        };
        let buffers = [&self.bin_best, bin_norm, norms, &chosen, &counts];
        let variant = registry::select_bins(plan.select_threads, room);
        encoder.dispatch(&variant, &buffers, &params, [nq, 1, 1])?;

        let keys = gpu.scratch("candidate keys", q64 * u64::from(room) * BIN * 4)?;
        encoder.stage("rescore");
        // few queries spread over many workgroups each
        let lanes = (1024 / nq).clamp(1, room);
        let dtype = base.work().dtype();
        let variant = registry::rescore(dtype, &queries.pair, self.bitmap.is_some());
        for (at, (segment, part)) in base.segments().enumerate() {
            let params = RescoreParams {
                n: segment.rows(),
                k4: base.work().dim().div_ceil(4) as u32,
                stride4: stride4(segment.stride_bytes(), dtype),
                q_stride4: self.upload.exact_stride4,
                first_bin: (segment.first_row() / BIN) as u32,
                room,
                lanes,
                words: super::mask_words(base.len()) as u32,
            };
            let bias = biases.map_or(&part.bias, |b| &b[at]);
            let exact = &self.upload.exact;
            let mut buffers = vec![segment.buffer(), exact, bias, &chosen, &counts, &keys];
            buffers.extend(&part.scale);
            buffers.extend(&self.bitmap);
            encoder.dispatch(&variant, &buffers, &params, [nq, lanes, 1])?;
        }

        let out_keys = gpu.scratch("keys", q64 * u64::from(k) * 4)?;
        let out_rows = gpu.scratch("rows", q64 * u64::from(k) * 4)?;
        encoder.stage("select");
        let params = SelectK { k, stride: room, best: 0, n: 0, first_row: 0 };
        let variant = registry::select_k(plan.select_threads, true, k, true);
        let buffers = [&keys, &chosen, &counts, &out_keys, &out_rows];
        encoder.dispatch(&variant, &buffers, &params, [nq, 1, 1])?;
        Ok(Scanned { keys: out_keys, rows: out_rows, counts })
    }
}
