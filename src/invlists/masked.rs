//! Probes as a filter of the flat search: for each query the rows of its lists. Where these are most of all rows it is faster to
//! go through all of them as they lie.

use super::assign;
use super::device_labels::DeviceLabels;
use super::kernels::{PROBED_ROWS_QUERIES, probed_rows};
use super::lists::InvertedLists;
use super::params::ProbedRows;
use crate::buffer::Buffer;
use crate::call::{EachFilter, Filter, MakeBitmaps, Options};
use crate::dtype::Rows;
use crate::error::Result;
use crate::kernel::{Encoder, fold};
use crate::space::check;
use std::sync::Arc;

/// Bytes of probes that come to the host at a time.
const PROBE_BYTES: usize = 64 << 20;
/// Queries of which it is measured how many rows they probe.
const MEASURED: usize = 64;

/// The lists that some queries probe.
pub(super) struct Probed {
    /// A bit a list, `nlist` of them in whole words a query.
    bits: Vec<u32>,
    /// Rows of these lists, over the queries, but for those that were removed.
    pub rows: u64,
}

/// Makes the bitmaps of queries from their lists.
struct ProbedRowsOf {
    labels: Arc<DeviceLabels>,
    bits: Vec<u32>,
    list_words: usize,
}

/// The lists that each query probes.
pub(super) fn probed(
    lists: &InvertedLists,
    queries: Rows<'_>,
    nprobe: usize,
    options: &Options,
) -> Result<Probed> {
    let (dim, nlist) = (lists.dataset().dim(), lists.nlist());
    let (count, words) = (queries.count(dim)?, nlist.div_ceil(32));
    let table = lists.table()?;
    let mut probed = Probed { bits: vec![0; words * count], rows: 0 };
    let step = (PROBE_BYTES / (nprobe * 16)).max(1);
    if count > step {
        // here, where the queries still have their numbers
        check::rows(lists.dataset().metric(), queries, dim, 0)?;
    }
    for start in (0..count).step_by(step) {
        let end = (start + step).min(count);
        let options = Options { cancel: options.cancel.clone(), ..Options::default() };
        let part = queries.slice(dim, start..end);
        let found = assign::nearest(lists.centroids()?, part, nprobe, options)?;
        for (query, ends) in (start..end).zip(found.lims.windows(2)) {
            for &list in &found.centroids[ends[0]..ends[1]] {
                probed.bits[query * words + list as usize / 32] |= 1 << (list % 32);
                probed.rows += u64::from(table.list_rows(list as usize));
            }
        }
    }
    Ok(probed)
}

/// Whether the rows of the `nprobe` lists of a query are so many of all that it is faster to go through all: by the first queries, where the
/// longest lists alone do not say that they are not.
pub(super) fn is_flat(
    lists: &InvertedLists,
    queries: Rows<'_>,
    nprobe: usize,
    options: &Options,
) -> Result<bool> {
    let (gpu, dim) = (lists.dataset().gpu(), lists.dataset().dim());
    let share = gpu.profile().f64("lists", "flat_share")?;
    let table = lists.table()?;
    let most = share * table.rows() as f64;
    if table.most_rows(nprobe) as f64 <= most {
        return Ok(false);
    }
    let count = queries.count(dim)?.min(MEASURED);
    let rows = probed(lists, queries.slice(dim, 0..count), nprobe, options)?.rows;
    Ok(rows as f64 > most * count as f64)
}

/// `filter`, of whose rows those of the probed lists are left to each query.
pub(super) fn filter(lists: &InvertedLists, probed: Probed, filter: Filter) -> Result<Filter> {
    let list_words = lists.nlist().div_ceil(32);
    let make = ProbedRowsOf { labels: lists.device_labels()?, bits: probed.bits, list_words };
    let each = EachFilter::Made { make: Arc::new(make), of: filter.each.map(Box::new) };
    Ok(Filter { each: Some(each), ..filter })
}

impl MakeBitmaps for ProbedRowsOf {
    fn queries(&self) -> usize {
        self.bits.len() / self.list_words
    }

    fn make(
        &self,
        which: &[u32],
        own: Option<&Buffer>,
        words: usize,
        encoder: &mut Encoder,
    ) -> Result<Buffer> {
        let gpu = encoder.gpu().clone();
        let lists = self.list_words;
        let mut bits = Vec::with_capacity(which.len() * lists);
        which
            .iter()
            .for_each(|&q| bits.extend_from_slice(&self.bits[q as usize * lists..][..lists]));
        let probed = encoder.upload("probed lists", bytemuck::cast_slice(&bits))?;
        let bitmap = gpu.scratch("query filters", (which.len() * words) as u64 * 4)?;
        encoder.stage("group");
        let pieces = self.labels.pieces.len();
        for (at, (labels, rows)) in self.labels.pieces.iter().enumerate() {
            let first_word = (at as u64 * self.labels.piece / 32) as u32;
            // what stands behind the last row is filled, too
            let fill = match at + 1 == pieces {
                true => words as u32 - first_word,
                false => rows / 32,
            };
            let groups = fold(&gpu, u64::from(fill).div_ceil(256))?;
            let params = ProbedRows {
                nq: which.len() as u32,
                n: *rows,
                fill,
                first_word,
                words: words as u32,
                list_words: lists as u32,
                groups_x: groups[0],
            };
            let mut buffers = vec![("labels", labels), ("probed", &probed), ("bitmap", &bitmap)];
            buffers.extend(own.map(|own| ("own", own)));
            let queries = (which.len() as u32).div_ceil(PROBED_ROWS_QUERIES);
            let groups = [groups[0], groups[1], queries];
            encoder.dispatch(&probed_rows(own.is_some()), &buffers, &params, groups)?;
        }
        Ok(bitmap)
    }
}
