//! All distances between two sets of rows.

use crate::call::{Filter, Options};
use crate::device::Gpu;
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::exact::dataset::Dataset;
use crate::exact::distance;
use crate::exact::filter::DeviceFilter;
use crate::exact::plan::{Asked, Plan};
use crate::exact::queries::Queries;
use crate::format::SliceSource;
use crate::kernel::{Encoder, words};
use crate::metric::Metric;

/// The distance of every query to every row: nq x n, row-major, in host memory.
///
/// Cost: uploads rows and queries; nq n d operations and 4 nq n bytes, brought to the host in blocks; the device reads the rows
/// once for some thousands of queries, and for cosine once more for their norms. To find neighbours, search an index: it does not
/// bring the matrix to the host.
///
/// # Errors
/// As a search, of queries and rows alike; `InvalidArgument` for more distances than a host can hold. Where a pair is not a hit (see
/// [`Metric`]) the value is [`Order::no_hit`](crate::Order::no_hit).
///
/// # Accuracy
/// The same numbers, to the bit, as a search reports.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, Metric, Rows, pairwise};
/// let gpu = Gpu::new()?;
/// let d = pairwise(&gpu, &Metric::L1, Rows::F32(&[0.0, 0.0]), Rows::F32(&[1.0, 1.0, 2.0, 0.5]), 2)?;
/// assert_eq!(d, [2.0, 2.5]);
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn pairwise(
    gpu: &Gpu,
    metric: &Metric,
    queries: Rows<'_>,
    rows: Rows<'_>,
    dim: usize,
) -> Result<Vec<f32>> {
    let empty = Dataset::unscanned(gpu, metric, rows.dtype(), dim)?;
    let dataset = empty.append(&mut SliceSource::new(rows, dim)?)?;
    let queries = Queries::new(&dataset, queries)?;
    let n = dataset.len() as usize;
    let total = queries.count.checked_mul(n).filter(|&t| t < isize::MAX as usize / 8);
    let total =
        total.ok_or_else(|| Error::argument("rows", "the matrix is too large for this host"))?;
    let mut out = vec![metric.order().no_hit(); total];
    let all = DeviceFilter::new(dataset.compared(), Filter::default(), queries.count)?;
    let plan = Plan::new(gpu, &dataset, &queries, &all, Asked::Nearest(1), &Options::dense())?;
    for start in (0..queries.count).step_by(plan.dense_queries) {
        let end = (start + plan.dense_queries).min(queries.count);
        let query_ids: Vec<u32> = (start..end).map(|q| q as u32).collect();
        let mut encoder = Encoder::new(gpu, "queries", false)?;
        let upload = queries.upload(&dataset, &query_ids, false, &mut encoder)?;
        encoder.submit(&[])?;
        let mut row = 0;
        while let Some(block) = distance::block(&dataset, None, row, plan.dense_rows) {
            let mut encoder = Encoder::new(gpu, "pairwise", false)?;
            let bytes = query_ids.len() as u64 * u64::from(block.rows) * 4;
            let keys = gpu.scratch("distances", bytes)?;
            let target = distance::Out::Keys(&keys, block.rows);
            distance::distances(
                &mut encoder,
                &dataset,
                &queries.pair,
                &upload,
                None,
                &block,
                target,
            )?;
            let landed = encoder.submit(&[(&keys, 0, bytes)])?.wait()?;
            let keys = words(landed.parts.first().map_or(&[][..], |part| &part[..]));
            for (i, keys) in keys.chunks_exact(block.rows as usize).enumerate() {
                let at = (start + i) * n + row as usize;
                for (value, &key) in out[at..].iter_mut().zip(keys) {
                    if key != u32::MAX {
                        *value = queries.decoder.distance(key);
                    }
                }
            }
            row += u64::from(block.rows);
        }
    }
    Ok(out)
}
