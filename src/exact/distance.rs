//! All exact distances, block by block of rows, and the selection over them: any metric, any k.

use crate::buffer::{BIN, Buffer, Segment};
use crate::error::Result;
use crate::exact::dataset::Dataset;
use crate::exact::filter::Bitmap;
use crate::exact::operand::ScanRows;
use crate::exact::plan::Plan;
use crate::exact::queries::Queries;
use crate::exact::upload::Upload;
use crate::exact::{kernels, params};
use crate::kernel::{Encoder, RowMap, fold};
use crate::ops::select_k::{RowKeys, Selected, Selection};
use crate::space::{self, Pair};

/// A batch of queries on its way through the rows.
pub(crate) struct Dense {
    pub upload: Upload,
    pub bitmap: Option<Bitmap>,
    /// Keys of one block of rows.
    pub keys: Buffer,
    /// Best pairs so far, and the pair of buffers for the next.
    best: [Selected; 2],
    filled: bool,
    next_row: u64,
}

/// Consecutive rows of one segment, or all positions of one.
pub(crate) struct Block<'a> {
    pub segment: &'a Segment,
    pub bias: &'a Buffer,
    scale: Option<&'a Buffer>,
    /// Number of the first row within the segment, and of rows or positions.
    pub first: u32,
    pub rows: u32,
    /// Number of the first row of the index.
    pub first_row: u32,
    /// The first bin.
    first_bin: u32,
    /// The row of each position.
    table: Option<&'a Buffer>,
}

/// The block that begins at `row` of the index.
pub(crate) fn block<'a>(
    dataset: &'a Dataset,
    biases: Option<&'a [Buffer]>,
    row: u64,
    most: u32,
) -> Option<Block<'a>> {
    for (at, (segment, part)) in dataset.compared().segments().enumerate() {
        let first = row.checked_sub(segment.first_row())?;
        if first >= u64::from(segment.rows()) {
            continue;
        }
        let first = first as u32;
        return Some(Block {
            segment,
            bias: biases.map_or(&part.bias, |b| &b[at]),
            scale: part.scale.as_ref(),
            first,
            rows: most.min(segment.rows() - first),
            first_row: row as u32,
            first_bin: (row / BIN) as u32,
            table: None,
        });
    }
    None
}

/// All positions of a scan, segment by segment.
pub(crate) fn spans<'a>(
    scanned: ScanRows<'a>,
    biases: Option<&'a [Buffer]>,
) -> impl Iterator<Item = Block<'a>> {
    let filled = scanned.spans().enumerate().filter(|(_, (_, _, span))| span.count > 0);
    filled.map(move |(at, (segment, part, span))| Block {
        segment,
        bias: biases.map_or(&part.bias, |b| &b[at]),
        scale: part.scale.as_ref(),
        first: 0,
        rows: span.count,
        first_row: segment.first_row() as u32,
        first_bin: (span.first / BIN) as u32,
        table: span.table,
    })
}

/// What is written of the distances of a block.
#[derive(Clone, Copy)]
pub(crate) enum Out<'a> {
    /// Every key, a query's rows this far apart.
    Keys(&'a Buffer, u32),
    /// The best key of each bin of the index, a query's bins this far apart.
    BinBest(&'a Buffer, u32),
    /// The keys of chosen bins: where to, which, and how many a query.
    Chosen(&'a Buffer, &'a Buffer, u32),
    /// The keys of chosen rows: where to, which, and how many a query.
    Listed(&'a Buffer, &'a Buffer, u32),
}

/// Encodes the distances of all uploaded queries to the rows of a block.
pub(crate) fn distances(
    encoder: &mut Encoder,
    dataset: &Dataset,
    pair: &Pair,
    upload: &Upload,
    bitmap: Option<&Bitmap>,
    block: &Block<'_>,
    target: Out<'_>,
) -> Result<()> {
    let rows = dataset.compared().matrix();
    let map = if block.table.is_some() { RowMap::TABLE } else { RowMap::IDENTITY };
    let variant = kernels::distance(dataset.compared().elements(), pair, bitmap.is_some(), map);
    let bins = u64::from(block.rows).div_ceil(BIN);
    let (out, chosen, out_stride, mode, room) = match target {
        Out::Keys(out, stride) => (out, &upload.exact, stride, 0, 0),
        Out::BinBest(out, stride) => (out, &upload.exact, stride, 1, 0),
        Out::Chosen(out, chosen, room) => (out, chosen, 0, 2, room),
        Out::Listed(out, chosen, room) => (out, chosen, 0, 3, room),
    };
    let groups = match target {
        Out::Chosen(..) => room.into(),
        Out::Listed(..) => u64::from(room).div_ceil(BIN),
        _ => bins,
    };
    let groups = fold(dataset.gpu(), groups)?;
    let params = params::Distance {
        nq: upload.count,
        n: block.rows,
        dim: dataset.compared().dim() as u32,
        stride4: rows.dtype().stride4(block.segment.stride_bytes()),
        q_stride4: upload.exact_stride4,
        first: block.first,
        first_row: block.first_row,
        first_bin: block.first_bin,
        out_stride,
        groups_y: groups[0],
        words: bitmap.map_or(0, |bitmap| bitmap.words),
        argument: space::argument(dataset.metric()),
        mode,
        max_candidates: room,
        ranges: upload.ranges.unwrap_or(0),
    };
    let per_thread = if matches!(pair, Pair::Tree { .. }) { 2 } else { 4 };
    let mut buffers = vec![
        ("rows", block.segment.buffer()),
        ("queries", &upload.exact),
        ("bias", block.bias),
        ("out", out),
        ("chosen", chosen),
    ];
    let scale = block.scale.filter(|_| matches!(pair, Pair::Tree { scaled: true, .. }));
    let of = dataset.compared();
    buffers.extend(of.ranges().filter(|_| of.elements().apart).map(|ranges| ("ranges", ranges)));
    buffers.extend(scale.map(|scale| ("scale", scale)));
    buffers.extend(bitmap.map(|bitmap| ("bitmap", &bitmap.bits)));
    buffers.extend(block.table.map(|table| ("row_table", table)));
    encoder.stage("distance");
    let queries = if mode >= 2 { upload.count } else { upload.count.div_ceil(per_thread) };
    encoder.dispatch(&variant, &buffers, &params, [queries, groups[0], groups[1]])
}

impl Dense {
    pub fn new(
        dataset: &Dataset,
        upload: Upload,
        bitmap: Option<Bitmap>,
        plan: &Plan,
        k: u32,
    ) -> Result<Dense> {
        let (gpu, nq) = (dataset.gpu(), u64::from(upload.count));
        let keys = gpu.scratch("distances", nq * u64::from(plan.dense_rows) * 4)?;
        let (nq, threads) = (upload.count, plan.scan.select_threads);
        let selection = Selection { nq, k, threads, sorted: false };
        let best = [selection.room(gpu)?, selection.room(gpu)?];
        Ok(Dense { upload, bitmap, keys, best, filled: false, next_row: 0 })
    }

    /// Encodes blocks for at most `plan.pairs` pairs, and says whether all rows are done.
    pub fn step(
        &mut self,
        encoder: &mut Encoder,
        dataset: &Dataset,
        biases: Option<&[Buffer]>,
        queries: &Queries,
        plan: &Plan,
        k: u32,
    ) -> Result<bool> {
        let mut left = plan.pairs / u64::from(self.upload.count);
        loop {
            let Some(block) = block(dataset, biases, self.next_row, plan.dense_rows) else {
                return Ok(true);
            };
            let target = Out::Keys(&self.keys, plan.dense_rows);
            let bitmap = self.bitmap.as_ref();
            distances(encoder, dataset, &queries.pair, &self.upload, bitmap, &block, target)?;
            self.next_row += u64::from(block.rows);
            let last = self.next_row >= dataset.len();
            let from = RowKeys {
                keys: &self.keys,
                stride: plan.dense_rows,
                rows: block.rows,
                first_row: block.first_row,
            };
            let (nq, threads) = (self.upload.count, plan.scan.select_threads);
            let [best, out] = &self.best;
            let best = self.filled.then_some(best);
            Selection { nq, k, threads, sorted: last }.of_rows(encoder, from, best, out)?;
            self.best.swap(0, 1);
            self.filled = true;
            left = left.saturating_sub(u64::from(block.rows));
            if last || left == 0 {
                return Ok(last);
            }
        }
    }

    /// The best pairs.
    pub fn into_best(self) -> Selected {
        let [best, _] = self.best;
        best
    }
}
