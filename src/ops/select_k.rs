//! The k smallest of each query's (key, row) pairs, keys before rows, so that ties fall to the earlier row.

use super::kernels::{SelectK, select_k};
use crate::buffer::{Buffer, PART_ALIGN};
use crate::device::Gpu;
use crate::error::Result;
use crate::kernel::{Bind, Encoder, RowMap};

/// Keys and rows of nq x k pairs, a query's one after the other. Where there are fewer, keys of all ones stand behind them.
pub(crate) struct Selected {
    pub keys: Buffer,
    pub rows: Buffer,
}

/// How a selection runs.
#[derive(Clone, Copy)]
pub(crate) struct Selection {
    /// Queries.
    pub nq: u32,
    pub k: u32,
    /// Threads that select for a query.
    pub threads: u32,
    /// Whether the pairs come in order, where k is at most [`MAX_SORT`](super::kernels::MAX_SORT).
    pub sorted: bool,
}

/// Keys of consecutive rows, those of a query `stride` apart.
#[derive(Clone, Copy)]
pub(crate) struct RowKeys<'a> {
    pub keys: &'a Buffer,
    pub stride: u32,
    pub rows: u32,
    /// The number of the first.
    pub first_row: u32,
}

impl Selection {
    /// Room for the pairs: parts of one buffer, where it holds both, which come to the host in one copy.
    pub fn room(&self, gpu: &Gpu) -> Result<Selected> {
        let bytes = u64::from(self.nq) * u64::from(self.k) * 4;
        let rows_at = bytes.next_multiple_of(PART_ALIGN);
        if rows_at + bytes > gpu.caps().max_buffer_bytes {
            return Ok(Selected {
                keys: gpu.scratch("keys", bytes)?,
                rows: gpu.scratch("rows", bytes)?,
            });
        }
        let pairs = gpu.scratch("keys and rows", rows_at + bytes)?;
        Ok(Selected { keys: pairs.part(0, bytes), rows: pairs.part(rows_at, bytes) })
    }

    /// Encodes the selection of consecutive rows and of the k pairs that were best so far, if there are such, into `out`.
    pub fn of_rows(
        &self,
        encoder: &mut Encoder,
        from: RowKeys<'_>,
        best: Option<&Selected>,
        out: &Selected,
    ) -> Result<()> {
        let params = SelectK {
            k: self.k,
            stride: from.stride,
            best: if best.is_some() { self.k } else { 0 },
            n: from.rows,
            first_row: from.first_row,
        };
        // without a best so far these two bindings are not read
        let (keys, rows) = best.map_or((from.keys, from.keys), |best| (&best.keys, &best.rows));
        let buffers = vec![("keys", from.keys), ("best_keys", keys), ("best_rows", rows)];
        self.encode(encoder, None, RowMap::IDENTITY, buffers, &params, out)
    }

    /// Encodes the selection among chosen bins of `bin` rows: keys of nq x `per_query` bins, which bins they are, and how many
    /// each query has. `order` has the numbers of the rows; without it these are their places.
    pub fn of_bins(
        &self,
        encoder: &mut Encoder,
        [keys, chosen, counts]: [&Buffer; 3],
        (per_query, bin): (u32, u32),
        order: Option<&Buffer>,
    ) -> Result<Selected> {
        let out = self.room(encoder.gpu())?;
        let params = SelectK { k: self.k, stride: per_query, best: 0, n: 0, first_row: 0 };
        let map = if order.is_some() { RowMap::TABLE } else { RowMap::IDENTITY };
        let mut buffers = vec![("keys", keys), ("chosen", chosen), ("counts", counts)];
        buffers.extend(order.map(|order| ("order_table", order)));
        self.encode(encoder, Some(bin), map, buffers, &params, &out)?;
        Ok(out)
    }

    fn encode<'a>(
        &self,
        encoder: &mut Encoder,
        bin: Option<u32>,
        map: RowMap,
        mut buffers: Vec<Bind<'a>>,
        params: &SelectK,
        out: &'a Selected,
    ) -> Result<()> {
        encoder.stage("select");
        buffers.extend([("out_keys", &out.keys), ("out_rows", &out.rows)]);
        let variant = select_k(self.threads, bin, self.k, self.sorted, map);
        encoder.dispatch(&variant, &buffers, params, [self.nq, 1, 1])
    }
}
