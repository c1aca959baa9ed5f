//! Stages B and C of the binned scan: select the bins that can hold a neighbour, rescore their rows exactly.

use crate::buffer::Buffer;
use crate::call::mask_words;
use crate::error::Result;
use crate::exact::dataset::Base;
use crate::exact::params::BIN;
use crate::exact::plan::Plan;
use crate::exact::queries::Queries;
use crate::exact::scan::bound::Bound;
use crate::exact::scan::score::{Scan, missing};
use crate::kernel::{Encoder, registry};
use bytemuck::NoUninit;

/// What a scan leaves to be read.
pub(crate) struct Scanned {
    pub keys: Buffer,
    pub rows: Buffer,
    pub counts: Buffer,
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
    unit: f32,
    rest_at: u32,
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

impl Scan {
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
        let Bound { c0, c1, c2, floor, slack, unit } = self.bound;
        encoder.stage("select");
        if let (Some(halves), Some(_)) = (self.half_queries(), &self.rests) {
            halves.lost(encoder, &self.upload, base.work().dim())?;
        }
        let params = SelectParams {
            bins: base.len().div_ceil(self.bin.into()) as u32,
            bin_stride: self.bin_stride,
            k,
            room,
            c0,
            c1,
            c2,
            floor,
            slack,
            unit,
            rest_at: self.rests.as_ref().map_or(0, |rests| rests.at),
        };
        let mut buffers = vec![&self.bin_best, bin_norm, norms, &chosen, &counts];
        if let Some(rests) = &self.rests {
            buffers.extend([&rests.bins, &rests.queries]);
        }
        let variant =
            registry::select_bins(plan.bin_threads(nq), room, self.rests.is_some(), self.bin);
        encoder.dispatch(&variant, &buffers, &params, [nq, 1, 1])?;

        let keys =
            gpu.scratch("candidate keys", q64 * u64::from(room) * u64::from(self.bin) * 4)?;
        encoder.stage("rescore");
        // few queries spread over many workgroups each
        let lanes = (1024 / nq).clamp(1, (room * self.bin).div_ceil(32));
        let dtype = base.work().dtype();
        let variant = registry::rescore(dtype, &queries.pair, self.bitmap.is_some(), self.bin);
        for (at, (segment, part)) in base.segments().enumerate() {
            let params = RescoreParams {
                n: segment.rows(),
                k4: base.work().dim().div_ceil(4) as u32,
                stride4: dtype.stride4(segment.stride_bytes()),
                q_stride4: self.upload.exact_stride4,
                first_bin: (segment.first_row() / BIN) as u32,
                room,
                lanes,
                words: mask_words(base.len()) as u32,
            };
            let bias = biases.map_or(&part.bias, |b| &b[at]);
            let exact = &self.upload.exact;
            let mut buffers = vec![segment.buffer(), exact, bias, &chosen, &counts, &keys];
            buffers.extend(&part.scale);
            buffers.extend(&self.bitmap);
            encoder.dispatch(&variant, &buffers, &params, [nq, lanes, 1])?;
        }

        best_of(encoder, [&keys, &chosen, &counts], (nq, room, self.bin), plan, k)
    }
}

/// Encodes the selection of the k best rows from the keys of chosen bins: keys, chosen and counts of nq x `room` bins of
/// `bin` rows.
pub(crate) fn best_of(
    encoder: &mut Encoder,
    [keys, chosen, counts]: [&Buffer; 3],
    (nq, room, bin): (u32, u32, u32),
    plan: &Plan,
    k: u32,
) -> Result<Scanned> {
    let bytes = u64::from(nq) * u64::from(k) * 4;
    let out_keys = encoder.gpu().scratch("keys", bytes)?;
    let out_rows = encoder.gpu().scratch("rows", bytes)?;
    encoder.stage("select");
    let params = SelectK { k, stride: room, best: 0, n: 0, first_row: 0 };
    let variant = registry::select_k(plan.select_threads, Some(bin), k, true);
    let buffers = [keys, chosen, counts, &out_keys, &out_rows];
    encoder.dispatch(&variant, &buffers, &params, [nq, 1, 1])?;
    Ok(Scanned { keys: out_keys, rows: out_rows, counts: counts.clone() })
}
