//! The search for all rows within a radius: exact distances block by block, counted, then written, so that only hits
//! come to the host.

use crate::buffer::Buffer;
use crate::call::{Filter, Job, Options, Pending, RowHits, SearchStats};
use crate::device::Gpu;
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::exact::dataset::Dataset;
use crate::exact::distance::{self, Out};
use crate::exact::filter::{Bitmap, DeviceFilter};
use crate::exact::plan::{self, Plan};
use crate::exact::queries::{Queries, Upload};
use crate::exact::{kernels, params};
use crate::kernel::{Encoder, Flight, Landed, fold, words};
use std::collections::VecDeque;
use std::ops::Range;

/// Queries on the device, and the block of rows that comes next for them.
struct Batch {
    queries: Range<usize>,
    upload: Upload,
    bitmap: Option<Bitmap>,
    keys: Buffer,
    next_row: u64,
}

enum Step {
    Queries(Range<usize>),
    /// The distances of the next block, and how many are within the radius.
    Count(Box<Batch>),
    /// Those of some queries of the block, whose numbers of hits are known.
    Emit {
        batch: Box<Batch>,
        rows: u32,
        counts: Vec<u32>,
        from: usize,
    },
}

/// What a submission brings back.
enum InFlight {
    Counts { batch: Box<Batch>, rows: u32 },
    Hits { first: usize, counts: Vec<u32> },
}

struct RangeSearch {
    dataset: Dataset,
    queries: Queries,
    filter: DeviceFilter,
    plan: Plan,
    radius: f32,
    limit: u32,
    options: Options,
    todo: VecDeque<Step>,
    hits: Vec<Vec<u64>>,
    rows_done: u64,
    stats: SearchStats,
}

/// Starts a search for all rows within a radius of each query; see `Metric::order` for which side of it.
pub(crate) fn submit_range(
    dataset: &Dataset,
    queries: Rows<'_>,
    radius: f32,
    filter: Filter,
    options: Options,
) -> Result<Pending<RowHits>> {
    if radius.is_nan() {
        return Err(Error::argument("radius", "not a number"));
    }
    let mut queries = Queries::new(dataset, queries)?;
    options.keep(&mut queries.decoder);
    let filter = DeviceFilter::new(dataset.compared(), filter, queries.count)?;
    let plan = Plan::new(dataset.gpu(), dataset, &queries, &filter, 1, &Options::dense())?;
    let count = queries.count;
    let stats =
        SearchStats { queries: count as u64, rows: dataset.len(), ..SearchStats::default() };
    let mut todo = VecDeque::new();
    if dataset.len() > 0 {
        let mut start = 0;
        while start < count {
            let end = filter.together(start, (start + plan.dense_queries).min(count));
            todo.push_back(Step::Queries(start..end));
            start = end;
        }
    }
    let (cancel, limit) = (options.cancel.clone(), queries.decoder.key_limit(radius));
    let search = RangeSearch {
        dataset: dataset.clone(),
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
    fn begin(&self, queries: Range<usize>, encoder: &mut Encoder) -> Result<Box<Batch>> {
        let query_ids: Vec<u32> = queries.clone().map(|q| q as u32).collect();
        let upload = self.queries.upload(&self.dataset, &query_ids, false, encoder)?;
        let bitmap = self.filter.bitmap(&query_ids, encoder)?;
        let bytes = query_ids.len() as u64 * u64::from(self.plan.dense_rows) * 4;
        let keys = self.dataset.gpu().scratch("distances", bytes)?;
        Ok(Box::new(Batch { queries, upload, bitmap, keys, next_row: 0 }))
    }

    fn encoder(&self) -> Result<Encoder> {
        Encoder::new(self.dataset.gpu(), "range", self.options.timed)
    }

    fn count(&self, batch: Box<Batch>, mut encoder: Encoder) -> Result<(Flight, InFlight)> {
        let gpu = self.dataset.gpu();
        let biases = self.filter.biases.as_deref();
        let block = distance::block(&self.dataset, biases, batch.next_row, self.plan.dense_rows);
        let block = block.ok_or_else(|| Error::internal("a range search beyond the last row"))?;
        let target = Out::Keys(&batch.keys, self.plan.dense_rows);
        let (pair, bitmap) = (&self.queries.pair, batch.bitmap.as_ref());
        distance::distances(
            &mut encoder,
            &self.dataset,
            pair,
            &batch.upload,
            bitmap,
            &block,
            target,
        )?;
        let counts = gpu.scratch("range counts", u64::from(batch.upload.count) * 4)?;
        encoder.clear(&counts);
        encoder.stage("select");
        let groups = fold(gpu, u64::from(block.rows).div_ceil(256))?;
        let params = self.params(&batch, block.rows, groups[0], 0);
        let nq = batch.upload.count;
        let buffers = [("keys", &batch.keys), ("counts", &counts)];
        encoder.dispatch(&kernels::range(false), &buffers, &params, [nq, groups[0], groups[1]])?;
        let rows = block.rows;
        let flight = encoder.submit(&[(&counts, 0, counts.size())])?;
        Ok((flight, InFlight::Counts { batch, rows }))
    }

    fn params(&self, batch: &Batch, rows: u32, groups_y: u32, first_query: u32) -> params::Range {
        params::Range {
            limit: self.limit,
            stride: self.plan.dense_rows,
            n: rows,
            first_row: batch.next_row as u32,
            groups_y,
            first_query,
        }
    }

    /// Brings the hits of as many queries as fit in one buffer.
    fn emit(
        &mut self,
        batch: Box<Batch>,
        rows: u32,
        counts: Vec<u32>,
        from: usize,
    ) -> Result<(Flight, InFlight)> {
        let gpu = self.dataset.gpu().clone();
        let most = plan::scratch(&self.dataset, 0).min(gpu.caps().max_binding_bytes) / 8;
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
        let params = self.params(&batch, rows, groups[0], from as u32);
        let buffers =
            [("keys", &batch.keys), ("counts", &taken), ("offsets", &offsets), ("out", &out)];
        let queries = (to - from) as u32;
        encoder.dispatch(
            &kernels::range(true),
            &buffers,
            &params,
            [queries, groups[0], groups[1]],
        )?;
        let flight = encoder.submit(&[(&out, 0, total * 8)])?;
        let piece =
            InFlight::Hits { first: batch.queries.start + from, counts: counts[from..to].to_vec() };
        if to < counts.len() {
            self.todo.push_front(Step::Emit { batch, rows, counts, from: to });
        } else {
            self.advance(batch, rows);
        }
        Ok((flight, piece))
    }

    /// On to the next block of rows, if there is one.
    fn advance(&mut self, mut batch: Box<Batch>, rows: u32) {
        batch.next_row += u64::from(rows);
        self.rows_done += u64::from(rows) * u64::from(batch.upload.count);
        if batch.next_row < self.dataset.len() {
            self.todo.push_front(Step::Count(batch));
        }
    }
}

impl Job for RangeSearch {
    type Output = RowHits;
    type InFlight = InFlight;

    fn gpu(&self) -> Option<&Gpu> {
        Some(self.dataset.gpu())
    }

    fn has_next(&self) -> bool {
        !self.todo.is_empty()
    }

    fn next(&mut self) -> Result<Option<(Flight, InFlight)>> {
        self.filter.prepare(self.dataset.compared())?;
        let flight = match self.todo.pop_front() {
            None => return Ok(None),
            Some(Step::Queries(range)) => {
                let mut encoder = self.encoder()?;
                let batch = self.begin(range, &mut encoder)?;
                self.count(batch, encoder)?
            }
            Some(Step::Count(batch)) => self.count(batch, self.encoder()?)?,
            Some(Step::Emit { batch, rows, counts, from }) => {
                self.emit(batch, rows, counts, from)?
            }
        };
        Ok(Some(flight))
    }

    fn take(&mut self, landed: Landed, piece: InFlight) -> Result<()> {
        self.stats.add_landed(&landed.variants, &landed.times);
        let bytes = landed.parts.first().map_or(&[][..], Vec::as_slice);
        let words = words(bytes);
        match piece {
            InFlight::Counts { batch, rows } => {
                let pairs = u64::from(rows) * u64::from(batch.upload.count);
                let matrix = self.dataset.compared().matrix();
                self.stats.flops += 2 * pairs * matrix.dim() as u64;
                self.stats.bytes += u64::from(rows) * matrix.dtype().row_bytes(matrix.dim()) as u64;
                if words.iter().any(|&c| c > 0) {
                    let counts = words.to_vec();
                    self.todo.push_front(Step::Emit { batch, rows, counts, from: 0 });
                } else {
                    self.advance(batch, rows);
                }
            }
            InFlight::Hits { first, counts } => {
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
        let all = self.dataset.len() as f64 * self.queries.count as f64;
        self.options.tell(self.rows_done as f64 / all);
        Ok(())
    }

    fn finish(&mut self) -> Result<RowHits> {
        self.options.tell(1.0);
        let mut found = RowHits { stats: std::mem::take(&mut self.stats), ..RowHits::default() };
        found.lims.push(0);
        let mut rows = Vec::new();
        let decoder = &self.queries.decoder;
        for pairs in &mut self.hits {
            pairs.sort_unstable();
            for &mut pair in pairs {
                let distance = decoder.distance((pair >> 32) as u32);
                // the device's limit may be a rounding too wide
                if decoder.within(distance, self.radius) {
                    rows.push(pair as u32);
                    found.distances.push(distance);
                }
            }
            found.lims.push(rows.len());
        }
        found.ids = self.options.row_ids.of(&rows)?;
        Ok(found)
    }
}
