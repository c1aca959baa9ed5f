//! Keys on the device: how many of them are within a radius, then which.

use crate::buffer::{BIN, Buffer};
use crate::device::Gpu;
use crate::error::Result;
use crate::exact::{kernels, params};
use crate::kernel::{Encoder, RowMap, fold};
use std::ops::Range;

/// Rows that a workgroup takes.
const GROUP_ROWS: u64 = 256;

/// The keys of some queries, and which rows they are of.
pub(crate) struct Keys {
    pub keys: Buffer,
    pub rows: KeyRows,
}

pub(crate) enum KeyRows {
    /// Consecutive ones: how many, from which number on; those of a query `stride` apart.
    Block { stride: u32, count: u32, first: u32 },
    /// Those of chosen bins, how many bins each query has, and room for how many; the row of each place, where that is not its number.
    Bins { chosen: Buffer, counts: Buffer, room: u32, order: Option<Buffer> },
}

impl Keys {
    /// Encodes how many of the keys of each of `queries` are below the limit.
    pub fn count(&self, encoder: &mut Encoder, queries: u32, limit: u32) -> Result<Buffer> {
        let counts = encoder.gpu().scratch("range counts", u64::from(queries) * 4)?;
        encoder.clear(&counts);
        self.dispatch(encoder, 0..queries, limit, &counts, None)?;
        Ok(counts)
    }

    /// Encodes these for some of the queries, as pairs of key and row: as many as `counts` says of each.
    pub fn pairs(
        &self,
        encoder: &mut Encoder,
        queries: Range<u32>,
        limit: u32,
        counts: &[u32],
    ) -> Result<(Buffer, u64)> {
        let mut offsets = vec![0u32; queries.start as usize];
        let mut total = 0;
        for &count in counts {
            offsets.push(total);
            total += count;
        }
        let bytes = u64::from(total) * 8;
        let out = encoder.gpu().scratch("range hits", bytes.max(8))?;
        let taken = encoder.gpu().scratch("range counts", u64::from(queries.end) * 4)?;
        let offsets = encoder.upload("range offsets", bytemuck::cast_slice(&offsets))?;
        encoder.clear(&taken);
        self.dispatch(encoder, queries, limit, &taken, Some([&offsets, &out]))?;
        Ok((out, bytes))
    }

    /// Into offsets and pairs, or without them counts alone.
    fn dispatch(
        &self,
        encoder: &mut Encoder,
        queries: Range<u32>,
        limit: u32,
        counts: &Buffer,
        out: Option<[&Buffer; 2]>,
    ) -> Result<()> {
        encoder.stage("select");
        let mut buffers = vec![("keys", &self.keys), ("counts", counts)];
        let mut map = RowMap::IDENTITY;
        let (stride, n, first_row, most, bins) = match &self.rows {
            KeyRows::Block { stride, count, first } => {
                (*stride, *count, *first, u64::from(*count), false)
            }
            KeyRows::Bins { chosen, counts, room, order } => {
                buffers.extend([("chosen", chosen), ("bin_counts", counts)]);
                if let (Some(order), true) = (order, out.is_some()) {
                    buffers.push(("order_table", order));
                    map = RowMap::TABLE;
                }
                (*room, 0, 0, u64::from(*room) * BIN, true)
            }
        };
        buffers
            .extend(out.iter().flat_map(|[offsets, out]| [("offsets", *offsets), ("out", *out)]));
        let groups = fold(encoder.gpu(), most.div_ceil(GROUP_ROWS))?;
        let first_query = queries.start;
        let params =
            params::Range { limit, stride, n, first_row, groups_y: groups[0], first_query };
        let variant = kernels::range(bins, out.is_some(), map);
        let groups = [queries.end - queries.start, groups[0], groups[1]];
        encoder.dispatch(&variant, &buffers, &params, groups)
    }
}

/// Pairs of key and row that are about to come to the host.
pub(crate) struct Brought {
    pub pairs: Buffer,
    pub bytes: u64,
    /// Which queries they are of, and how many are of each.
    pub of: Vec<(u32, u32)>,
}

/// Keys of some queries whose hits are counted and come to the host as many at a time as `most` says.
pub(crate) struct HitKeys {
    /// The queries' numbers.
    pub ids: Vec<u32>,
    pub keys: Keys,
    /// How many each has.
    pub counts: Vec<u32>,
    /// The first whose hits are still to come.
    from: usize,
}

impl HitKeys {
    pub fn new(ids: Vec<u32>, keys: Keys, counts: Vec<u32>) -> HitKeys {
        HitKeys { ids, keys, counts, from: 0 }
    }

    /// Whether all are on their way.
    pub fn is_done(&self) -> bool {
        self.counts[self.from..].iter().all(|&count| count == 0)
    }

    /// Encodes the pairs of the next queries, at least of one.
    pub fn next(&mut self, encoder: &mut Encoder, limit: u32, most: u64) -> Result<Brought> {
        let (first, mut to, mut total) = (self.from, self.from, 0);
        while let Some(&count) = self.counts.get(to)
            && (to == first || total + u64::from(count) <= most)
        {
            total += u64::from(count);
            to += 1;
        }
        self.from = to;
        let counts = &self.counts[first..to];
        let (out, bytes) = self.keys.pairs(encoder, first as u32..to as u32, limit, counts)?;
        let of = self.ids[first..to].iter().copied().zip(counts.iter().copied()).collect();
        Ok(Brought { pairs: out, bytes, of })
    }
}

/// Pairs that one buffer may hold of `bytes`.
pub(crate) fn most_pairs(gpu: &Gpu, bytes: u64) -> u64 {
    bytes.min(gpu.caps().max_binding_bytes) / 8
}
