//! The centroids of lists, learnt from a sample of their rows.

use crate::call::{Filter, Options};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::{self, Dataset};
use crate::format::SliceSource;
use crate::metric::Metric;
use crate::space::check;

/// The most rows of a sample a list that are made use of.
pub(super) const MOST_ROWS: usize = 256;
/// Fewer rows a list make poor centroids.
const FEW_ROWS: usize = 39;
const ITERATIONS: usize = 10;
const SEED: u64 = 1234;
/// Elements of the sample that are assigned in one search.
const STEP: usize = 16 << 20;

/// `nlist` centroids of a sample's rows: each iteration gives every row to its nearest centroid and moves the centroids to the means of
/// what they have; one that has nothing stays.
pub(super) fn centroids_of(
    gpu: &Gpu,
    metric: &Metric,
    (dim, nlist): (usize, usize),
    sample: Rows<'_>,
) -> Result<Vec<f32>> {
    if sample.dtype() == DType::Bits {
        return Err(Error::unsupported("training", "a sample of bits"));
    }
    let count = sample.count(dim)?;
    // here, where the rows still have their numbers
    check::rows(metric, sample, dim, 0)?;
    if count < nlist {
        let reason = format!("{count} rows are too few for {nlist} lists; {nlist} are the least");
        return Err(Error::argument("sample", reason));
    }
    if count < FEW_ROWS * nlist {
        log::warn!(
            "{count} rows to learn {nlist} lists from: {} or more would make better ones",
            FEW_ROWS * nlist
        );
    }
    let order = permutation(count);
    let rows: Vec<f32> = order[..count.min(MOST_ROWS * nlist)]
        .iter()
        .flat_map(|&row| sample.slice(dim, row..row + 1).to_f32())
        .collect();
    let mut centroids = rows[..nlist * dim].to_vec();
    let empty = Dataset::new(gpu, metric, DType::F32, dim)?;
    for _ in 0..ITERATIONS {
        let dataset = empty.append(&mut SliceSource::new(Rows::F32(&centroids), dim)?)?;
        let mut means = Means::new(metric, dim, nlist);
        for block in rows.chunks((STEP / dim).max(1) * dim) {
            let queries = Rows::F32(block);
            let found =
                exact::submit_search(&dataset, queries, 1, Filter::default(), Options::default())?;
            let found = found.wait()?;
            for (row, at) in block.chunks_exact(dim).zip(found.lims.windows(2)) {
                if let Some(&list) = found.ids.get(at[0]).filter(|_| at[0] < at[1]) {
                    means.add(list as usize, row);
                }
            }
        }
        means.move_to(&mut centroids);
    }
    Ok(centroids)
}

/// Numbers below `count` in an order of their own (Fisher and Yates, with SplitMix64).
fn permutation(count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut seed = SEED;
    for last in (1..count).rev() {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        order.swap(last, ((z ^ (z >> 31)) % (last as u64 + 1)) as usize);
    }
    order
}

/// The means of the rows of each list, of unit length where the metric looks at directions.
struct Means {
    dim: usize,
    /// Rows count by their directions alone.
    directions: bool,
    /// Means are of unit length.
    unit: bool,
    sums: Vec<f64>,
    /// Of each element, since some may be missing.
    counts: Vec<u32>,
}

impl Means {
    fn new(metric: &Metric, dim: usize, nlist: usize) -> Means {
        let directions = matches!(metric, Metric::Cosine | Metric::CosineDistance);
        let unit = directions || *metric == Metric::InnerProduct;
        let size = dim * nlist;
        Means { dim, directions, unit, sums: vec![0.0; size], counts: vec![0; size] }
    }

    fn add(&mut self, list: usize, row: &[f32]) {
        let at = list * self.dim..(list + 1) * self.dim;
        let scale = match self.directions {
            true => norm(row.iter().map(|&v| f64::from(v))).max(f64::MIN_POSITIVE).recip(),
            false => 1.0,
        };
        let places = self.sums[at.clone()].iter_mut().zip(&mut self.counts[at]);
        for ((sum, count), &value) in places.zip(row).filter(|(_, value)| !value.is_nan()) {
            *sum += f64::from(value) * scale;
            *count += 1;
        }
    }

    fn move_to(&self, centroids: &mut [f32]) {
        let lists = centroids.chunks_exact_mut(self.dim);
        let all = self.sums.chunks_exact(self.dim).zip(self.counts.chunks_exact(self.dim));
        for (centroid, (sums, counts)) in lists.zip(all) {
            let length = if self.unit { norm(sums.iter().copied()) } else { 0.0 };
            for ((value, sum), &count) in centroid.iter_mut().zip(sums).zip(counts) {
                let by = if length > 0.0 { length } else { f64::from(count) };
                if count > 0 {
                    *value = (sum / by) as f32;
                }
            }
        }
    }
}

fn norm(row: impl Iterator<Item = f64>) -> f64 {
    row.map(|v| v * v).sum::<f64>().sqrt()
}
