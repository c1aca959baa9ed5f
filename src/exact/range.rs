//! The search for all rows within a radius: exact distances block by block, counted, then written, so that only hits
//! come to the host.

use crate::buffer::Buffer;
use crate::call::SearchStats;
use crate::call::{Filter, Found, Options};
use crate::call::{Job, Pending};
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::exact::dataset::Base;
use crate::exact::distance::{self, Out};
use crate::exact::filter::Prepared;
use crate::exact::plan::{self, Plan};
use crate::exact::queries::{Queries, Upload};
use crate::kernel::words;
use crate::kernel::{Encoder, Flight, Landed, fold, registry};
use bytemuck::NoUninit;
use std::collections::VecDeque;
use std::ops::Range;

#[repr(C)]
#[derive(Clone, Copy, NoUninit)]
struct Params {
    limit: u32,
    stride: u32,
    n: u32,
    first_row: u32,
    groups_y: u32,
    first_query: u32,
}

/// Queries on the device, at a block of rows.
struct Chunk {
    queries: Range<usize>,
    upload: Upload,
    bitmap: Option<Buffer>,
    keys: Buffer,
    next_row: u64,
}

enum Work {
    Queries(Range<usize>),
    /// The distances of the next block, and how many are within the radius.
    Count(Box<Chunk>),
    /// Those of some queries of the block, whose numbers of hits are known.
    Emit {
        chunk: Box<Chunk>,
        rows: u32,
        counts: Vec<u32>,
        from: usize,
    },
}

pub(crate) enum Tag {
    Counts { chunk: Box<ChunkTag>, rows: u32 },
    Hits { first: usize, counts: Vec<u32> },
}

/// Keeps `Chunk` out of the crate's signatures.
pub(crate) struct ChunkTag(Chunk);

struct RangeSearch {
    base: Base,
    queries: Queries,
    filter: Prepared,
    plan: Plan,
    radius: f32,
    limit: u32,
    options: Options,
    todo: VecDeque<Work>,
    hits: Vec<Vec<u64>>,
    rows_done: u64,
    stats: SearchStats,
}

/// Starts a search for all rows within a radius of each query; see `Metric::order` for which side of it.
pub(crate) fn submit_range(
    base: &Base,
    queries: Rows<'_>,
    radius: f32,
    filter: Filter,
    options: Options,
) -> Result<Pending<Found>> {
    if radius.is_nan() {
        return Err(Error::argument("radius", "not a number"));
    }
    let mut queries = Queries::new(base, queries)?;
    options.keep(&mut queries.decoder);
    let filter = Prepared::new(base, filter, queries.count)?;
    let plan = Plan::new(base.gpu(), base, &queries, 1, &Options::dense())?;
    let count = queries.count;
    let stats = SearchStats { queries: count as u64, rows: base.len(), ..SearchStats::default() };
    let mut todo = VecDeque::new();
    if base.len() > 0 {
        for start in (0..count).step_by(plan.dense_queries) {
            todo.push_back(Work::Queries(start..(start + plan.dense_queries).min(count)));
        }
    }
    let (cancel, limit) = (options.cancel.clone(), queries.decoder.key_limit(radius));
    let search = RangeSearch {
        base: base.clone(),
        queries,
        filter,
        plan,
        radius,
        limit,
        options,
        todo,
        hits: vec![Vec::new(); count],
        rows_done: 0,
        stats,
    };
    Pending::start(search, cancel)
}

impl RangeSearch {
    fn begin(&self, queries: Range<usize>, encoder: &mut Encoder) -> Result<Box<Chunk>> {
        let which: Vec<u32> = queries.clone().map(|q| q as u32).collect();
        let upload = self.queries.upload(&self.base, &which, false, encoder)?;
        let bitmap = self.filter.bitmap(&which, encoder)?;
        let bytes = which.len() as u64 * u64::from(self.plan.dense_rows) * 4;
        let keys = self.base.gpu().scratch("distances", bytes)?;
        Ok(Box::new(Chunk { queries, upload, bitmap, keys, next_row: 0 }))
    }

    fn encoder(&self) -> Result<Encoder> {
        Encoder::new(self.base.gpu(), "range", self.options.timed)
    }

    fn count(&self, chunk: Box<Chunk>, mut encoder: Encoder) -> Result<(Flight, Tag)> {
        let gpu = self.base.gpu();
        let biases = self.filter.biases.as_deref();
        let block = distance::block(&self.base, biases, chunk.next_row, self.plan.dense_rows);
        let block = block.ok_or_else(|| Error::internal("a range search beyond the last row"))?;
        let target = Out::Keys(&chunk.keys, self.plan.dense_rows);
        let (pair, bitmap) = (&self.queries.pair, chunk.bitmap.as_ref());
        distance::distances(&mut encoder, &self.base, pair, &chunk.upload, bitmap, &block, target)?;
        let counts = gpu.scratch("range counts", u64::from(chunk.upload.count) * 4)?;
        encoder.clear(&counts);
        encoder.stage("select");
        let groups = fold(gpu, u64::from(block.rows).div_ceil(256))?;
        let params = self.params(&chunk, block.rows, groups[0], 0);
        let nq = chunk.upload.count;
        let buffers = [&chunk.keys, &counts];
        encoder.dispatch(&registry::range(false), &buffers, &params, [nq, groups[0], groups[1]])?;
        let rows = block.rows;
        let flight = encoder.submit(&[(&counts, 0, counts.size())])?;
        Ok((flight, Tag::Counts { chunk: Box::new(ChunkTag(*chunk)), rows }))
    }

    fn params(&self, chunk: &Chunk, rows: u32, groups_y: u32, first_query: u32) -> Params {
        Params {
            limit: self.limit,
            stride: self.plan.dense_rows,
            n: rows,
            first_row: chunk.next_row as u32,
            groups_y,
            first_query,
        }
    }

    /// Brings the hits of as many queries as fit in one buffer.
    fn emit(
        &mut self,
        chunk: Box<Chunk>,
        rows: u32,
        counts: Vec<u32>,
        from: usize,
    ) -> Result<(Flight, Tag)> {
        let gpu = self.base.gpu().clone();
        let most = plan::scratch(&self.base).min(gpu.caps().max_binding_bytes) / 8;
        let mut offsets = vec![0u32; counts.len()];
        let (mut total, mut to) = (0u64, from);
        while to < counts.len() && (to == from || total + u64::from(counts[to]) <= most) {
            offsets[to] = total as u32;
            total += u64::from(counts[to]);
            to += 1;
        }
        let out = gpu.scratch("range hits", (total * 8).max(8))?;
        let taken = gpu.scratch("range counts", counts.len() as u64 * 4)?;
        let mut encoder = self.encoder()?;
        let offsets = encoder.upload("range offsets", bytemuck::cast_slice(&offsets))?;
        encoder.clear(&taken);
        encoder.stage("select");
        let groups = fold(&gpu, u64::from(rows).div_ceil(256))?;
        let params = self.params(&chunk, rows, groups[0], from as u32);
        let buffers = [&chunk.keys, &taken, &offsets, &out];
        let queries = (to - from) as u32;
        encoder.dispatch(
            &registry::range(true),
            &buffers,
            &params,
            [queries, groups[0], groups[1]],
        )?;
        let flight = encoder.submit(&[(&out, 0, total * 8)])?;
        let tag =
            Tag::Hits { first: chunk.queries.start + from, counts: counts[from..to].to_vec() };
        if to < counts.len() {
            self.todo.push_front(Work::Emit { chunk, rows, counts, from: to });
        } else {
            self.advance(chunk, rows);
        }
        Ok((flight, tag))
    }

    /// On to the next block of rows, if there is one.
    fn advance(&mut self, mut chunk: Box<Chunk>, rows: u32) {
        chunk.next_row += u64::from(rows);
        self.rows_done += u64::from(rows) * u64::from(chunk.upload.count);
        if chunk.next_row < self.base.len() {
            self.todo.push_front(Work::Count(chunk));
        }
    }
}

impl Job for RangeSearch {
    type Output = Found;
    type Tag = Tag;

    fn next(&mut self) -> Result<Option<(Flight, Tag)>> {
        let flight = match self.todo.pop_front() {
            None => return Ok(None),
            Some(Work::Queries(range)) => {
                let mut encoder = self.encoder()?;
                let chunk = self.begin(range, &mut encoder)?;
                self.count(chunk, encoder)?
            }
            Some(Work::Count(chunk)) => self.count(chunk, self.encoder()?)?,
            Some(Work::Emit { chunk, rows, counts, from }) => {
                self.emit(chunk, rows, counts, from)?
            }
        };
        Ok(Some(flight))
    }

    fn take(&mut self, landed: Landed, tag: Tag) -> Result<()> {
        self.stats.add_landed(&landed.variants, &landed.times);
        let bytes = landed.parts.first().map_or(&[][..], Vec::as_slice);
        let words = words(bytes);
        match tag {
            Tag::Counts { chunk, rows } => {
                let chunk = Box::new(chunk.0);
                let pairs = u64::from(rows) * u64::from(chunk.upload.count);
                self.stats.flops += 2 * pairs * self.base.work().dim() as u64;
                if words.iter().any(|&c| c > 0) {
                    let counts = words.to_vec();
                    self.todo.push_front(Work::Emit { chunk, rows, counts, from: 0 });
                } else {
                    self.advance(chunk, rows);
                }
            }
            Tag::Hits { first, counts } => {
                let mut at = 0;
                for (i, &count) in counts.iter().enumerate() {
                    let end = at + 2 * count as usize;
                    let pairs = words[at..end].chunks_exact(2);
                    self.hits[first + i]
                        .extend(pairs.map(|p| u64::from(p[0]) << 32 | u64::from(p[1])));
                    at = end;
                }
            }
        }
        if let Some(progress) = &self.options.progress {
            let all = self.base.len() as f64 * self.queries.count as f64;
            progress(self.rows_done as f64 / all);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Found> {
        let mut found = Found { stats: std::mem::take(&mut self.stats), ..Found::default() };
        found.lims.push(0);
        let decoder = &self.queries.decoder;
        for pairs in &mut self.hits {
            pairs.sort_unstable();
            for &mut pair in pairs {
                let distance = decoder.distance((pair >> 32) as u32);
                // the device's limit may be a rounding too wide
                if decoder.within(distance, self.radius) {
                    found.rows.push(pair as u32);
                    found.distances.push(distance);
                }
            }
            found.lims.push(found.rows.len());
        }
        Ok(found)
    }
}
