//! The search of a graph: what goes on from the nearest starts of each query, while these are on the device.

use super::edges::{Edges, binds, family, form};
use super::kernels::{self, KeepPassing, SEGMENTS, SearchGraph, Walker};
use crate::buffer::Buffer;
use crate::call::{Filter, Options, Pending, RowHits, SearchStats};
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::exact::{
    self, Between, Chosen, Dataset, Encoding, Form, Instead, Queries, Refined, RowOf, Upload,
};
use crate::kernel::Encoder;
use crate::space::Pair;
use std::sync::Arc;

/// Starts of a query.
pub(super) const STARTS: usize = 32;
/// Bytes of workgroup memory of one query at most: a device that has more has other workgroups at a time.
const MOST_MEMORY: u32 = 32 << 10;
/// The bit of what is told of a query that says that it ended before it was done.
const CAPPED: u32 = 1 << 31;

/// How a graph is searched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    /// Rows that a query keeps, 1 to [`most_ef`](super::most_ef).
    pub ef: u32,
    /// Steps after which a query ends, come what may.
    pub most_steps: Option<u32>,
    /// Whether rows are compared by their copy in 8 bits, where they have one.
    pub bytes: bool,
}

/// What is between the search of the starts and the exact distances.
pub(super) struct Walking {
    pub graph: Edges,
    pub walk: Walk,
    /// As which the rows are compared.
    pub form: Form,
    /// Whether queries are integers as the rows are.
    pub whole: bool,
    /// The rows that may be hits, a bit each; all where `None`.
    pub passing: Option<Buffer>,
}

impl Edges {
    /// Starts a search for the `k` nearest of those rows of its dataset that a walk meets, and that are `passing`, a bit each; `None` where there is no room for it beside the
    /// search of the starts, or queries are of no type that it compares.
    pub fn submit(
        &self,
        dataset: &Dataset,
        queries: Rows<'_>,
        (k, walk): (usize, Walk),
        passing: Option<&[u32]>,
        options: Options,
    ) -> Result<Option<Pending<RowHits>>> {
        let unread = Queries::unread(dataset, queries)?;
        if !unread.reads_alike(dataset) {
            return Ok(None);
        }
        let whole = matches!(unread.pair, Pair::Integer { .. });
        let form = self.form(dataset, walk.bytes)?;
        // no list is longer, and by its length queries are cut into what one binding holds
        let walk = Walk { ef: u64::from(walk.ef).min(dataset.len().max(1)) as u32, ..walk };
        let row_of = RowOf::Table(self.starts.rows.clone());
        let of = (walk.ef as usize, k);
        let row_ids = options.row_ids.clone();
        let refined = Refined::new(dataset, (unread, true), row_of, of, row_ids)?;
        let Some(refined) = refined else { return Ok(None) };
        let passing = passing.map(|bits| passing_rows(dataset, bits)).transpose()?;
        let walking = Walking { graph: self.clone(), walk, form, whole, passing };
        let refined = Arc::new(refined.through(Arc::new(walking)));
        let options = Options { next: Some(refined.clone()), ..options };
        let starts = &self.starts.dataset;
        let found = exact::submit_search(starts, queries, STARTS, Filter::default(), options)?;
        if !refined.has_begun() {
            return Err(Error::internal("a search of starts that goes no further"));
        }
        let rows = dataset.len();
        Ok(Some(found.map(move |mut found| {
            found.stats.rows = rows;
            Ok(found)
        })))
    }

    /// As which form of the rows a walk compares them: of copies that are there those that tell the rows apart.
    pub(super) fn form(&self, dataset: &Dataset, bytes: bool) -> Result<Form> {
        let copied = form(dataset) == Form::F16;
        let bytes = bytes && dataset.int8().is_some();
        if !copied && !bytes {
            return Ok(form(dataset));
        }
        let blurred = self.blurred(dataset)?;
        if bytes && !blurred.bytes && binds(dataset, Form::Int8) {
            return Ok(Form::Int8);
        }
        if bytes {
            log::debug!(
                "walks by the rows: their copy blurs them, or is in more buffers than a kernel binds"
            );
        }
        let by_rows = copied && blurred.f16 && binds(dataset, Form::Rows);
        Ok(if by_rows { Form::Rows } else { form(dataset) })
    }
}

impl Between for Walking {
    fn encode(
        &self,
        encoder: &mut Encoder,
        dataset: &Dataset,
        upload: &Upload,
        (starts, room): (Chosen, u32),
    ) -> Result<Instead> {
        let (gpu, nq, ef) = (encoder.gpu().clone(), upload.count, self.walk.ef);
        let Some((of_family, scaled)) = family(dataset) else {
            return Err(Error::internal("a graph of rows that have none"));
        };
        let segments = dataset.compared().matrix().segments();
        let operands = (0..segments.len()).map(|at| dataset.scan_rows().operand(at, self.form));
        let operands: Vec<_> = operands.collect::<Result<_>>()?;
        let Some(first) = operands.first() else {
            return Err(Error::internal("a graph of no rows"));
        };
        let few = nq <= gpu.profile().u32("graph", "few_queries")?;
        let threads = gpu.profile().u32("graph", if few { "few_threads" } else { "threads" })?;
        let threads = threads.min(1 << gpu.caps().max_workgroup_threads.max(1).ilog2());
        let width = kernels::width(self.graph.degree);
        // what belongs to a row of the copy has its length in it
        let copied = first.stored == Encoding::Int8Copy;
        let scaled = scaled && first.scale.is_some() && !copied;
        let walker = Walker {
            rows: first.stored,
            segments: operands.len() as u32,
            family: of_family,
            scaled,
            whole: self.whole,
            ef,
            width,
            threads,
            few,
            memory: gpu.caps().max_workgroup_memory.min(MOST_MEMORY),
        };
        let bins = gpu.scratch("rows on lists", u64::from(nq) * u64::from(ef) * 4)?;
        let counts = gpu.scratch("rows on lists", u64::from(nq) * 4)?;
        let told = gpu.scratch("steps", u64::from(nq) * 4)?;
        let params = SearchGraph {
            k4: dataset.compared().dim().div_ceil(4) as u32,
            stride4: first.stride4,
            q_stride4: upload.exact_stride4,
            degree: self.graph.degree,
            starts: room,
            ef,
            most_steps: self.most_steps(width),
            segment_rows: first.span.count,
            factor: first.factor,
        };
        let mut buffers = vec![
            ("rows", first.buffer),
            ("queries", &upload.exact),
            ("links", &self.graph.links),
            ("starts", &starts.bins),
            ("chosen", &bins),
            ("counts", &counts),
            ("steps", &told),
        ];
        for (operand, (rows, scale)) in operands.iter().zip(SEGMENTS) {
            if rows != "rows" {
                buffers.push((rows, operand.buffer));
            }
            buffers.extend(operand.scale.filter(|_| scaled || copied).map(|of| (scale, of)));
        }
        encoder.stage("walk");
        encoder.dispatch(&kernels::search(walker), &buffers, &params, [nq, 1, 1])?;
        let chosen = self.kept(encoder, Chosen { bins, counts }, nq)?;
        Ok(Instead { chosen, room: ef, told })
    }

    fn count(&self, told: u32, stats: &mut SearchStats) {
        stats.graph.walked += 1;
        stats.graph.steps += u64::from(told & !CAPPED);
        stats.graph.capped += u64::from(told & CAPPED != 0);
        stats.refine.candidates += u64::from(self.walk.ef);
    }
}

/// Brings the rows that may be hits to the device.
fn passing_rows(dataset: &Dataset, bits: &[u32]) -> Result<Buffer> {
    let passing = dataset.gpu().alloc("rows that pass", bits.len() as u64 * 4)?;
    let mut encoder = Encoder::new(dataset.gpu(), "rows that pass", false)?;
    encoder.write(&passing, 0, bytemuck::cast_slice(bits))?;
    encoder.submit(&[])?;
    Ok(passing)
}

impl Walking {
    /// What may be hits of what was met.
    fn kept(&self, encoder: &mut Encoder, met: Chosen, nq: u32) -> Result<Chosen> {
        let Some(passing) = &self.passing else { return Ok(met) };
        let (gpu, ef) = (encoder.gpu().clone(), self.walk.ef);
        let bins = gpu.scratch("rows that pass", u64::from(nq) * u64::from(ef) * 4)?;
        let counts = gpu.scratch("rows that pass", u64::from(nq) * 4)?;
        let buffers =
            [("chosen", &met.bins), ("passing", passing), ("kept", &bins), ("counts", &counts)];
        let params = KeepPassing { ef };
        encoder.dispatch(&kernels::keep_passing(), &buffers, &params, [nq, 1, 1])?;
        Ok(Chosen { bins, counts })
    }

    /// Each place of the list is followed once, and a list changes while that is done: of so many times as many the search is lost.
    fn most_steps(&self, width: u32) -> u32 {
        self.walk.most_steps.unwrap_or(4 * self.walk.ef / width + 32)
    }
}
