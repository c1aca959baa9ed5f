//! The points that centroids are found for, on the device, and what belongs to each.

use super::kernels::Reading;
use crate::buffer::{Buffer, Matrix, Segment};
use crate::device::Gpu;
use crate::error::Result;
use crate::exact::Dataset;
use crate::kernel::{Bind, Encoder, fold};
use crate::metric::Metric;
use crate::ops::kernels::{RowNorms, row_norms};

/// Rows that a workgroup of the norms takes.
const GROUP_ROWS: u64 = 32;

/// Points of one matrix.
pub(super) struct Points {
    pub rows: Matrix,
    /// The same as they are assigned.
    pub dataset: Dataset,
    parts: Vec<Part>,
    /// How the kernels read them.
    pub reading: Reading,
}

/// What belongs to the points of a segment.
struct Part {
    weights: Option<Buffer>,
    norms: Option<Buffer>,
}

/// The points of a segment.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    pub segment: &'a Segment,
    part: &'a Part,
    pub stride4: u32,
}

impl Points {
    /// `weights`: one a point, or none; `scaled`: each counts as if its length were 1, but for the metric, which knows what it does.
    pub fn new(rows: Matrix, metric: &Metric, weights: &[f32], scaled: bool) -> Result<Points> {
        let dataset = Dataset::unscanned(rows.gpu(), metric, rows.dtype(), rows.dim())?;
        let dataset = dataset.append_matrix(&rows)?;
        let weighted = !weights.is_empty();
        let weights = normal(weights);
        let part = |segment: &Segment| {
            let first = segment.first_row() as usize;
            let mut encoder = Encoder::new(rows.gpu(), "points", false)?;
            let own = weighted.then(|| &weights[first..first + segment.rows() as usize]);
            let own = own.map(|own| encoder.upload("weights", bytemuck::cast_slice(own)));
            let weights = own.transpose()?;
            let norms = scaled.then(|| norms(&mut encoder, &rows, segment)).transpose()?;
            encoder.submit(&[])?;
            Ok(Part { weights, norms })
        };
        let parts = rows.segments().iter().map(part).collect::<Result<_>>()?;
        let reading = Reading { dtype: rows.dtype(), weighted, scaled };
        Ok(Points { parts, dataset, reading, rows })
    }

    /// Whether what is assigned lies in the segments that the points lie in.
    pub fn lie_alike(&self) -> bool {
        let places = |rows: &Matrix| -> Vec<u64> {
            rows.segments().iter().map(|segment| segment.first_row()).collect()
        };
        places(&self.rows) == places(self.dataset.compared().matrix())
    }

    pub fn gpu(&self) -> &Gpu {
        self.rows.gpu()
    }

    pub fn len(&self) -> u64 {
        self.rows.row_count()
    }

    /// Groups of four elements of a row.
    pub fn k4(&self) -> u32 {
        self.rows.dim().div_ceil(4) as u32
    }

    /// The points in pieces as they lie on the device.
    pub fn blocks(&self) -> impl Iterator<Item = Block<'_>> {
        self.rows.segments().iter().zip(&self.parts).map(|(segment, part)| {
            let stride4 = self.rows.dtype().stride4(segment.stride_bytes());
            Block { segment, part, stride4 }
        })
    }
}

impl<'a> Block<'a> {
    pub fn len(&self) -> u32 {
        self.segment.rows()
    }

    /// The bindings of the points for a kernel that reads them.
    pub fn bind(&self, weights: bool) -> Vec<Bind<'a>> {
        let mut buffers = vec![("rows", self.segment.buffer())];
        let weights = self.part.weights.as_ref().filter(|_| weights);
        buffers.extend(weights.map(|weights| ("weights", weights)));
        buffers.extend(self.part.norms.as_ref().map(|norms| ("norms", norms)));
        buffers
    }
}

/// Weights times a power of two that brings the largest to between 1/2 and 1: sums of points neither overflow nor lose a bit.
fn normal(weights: &[f32]) -> Vec<f32> {
    let largest = weights.iter().fold(0f32, |most, &w| most.max(w));
    let scale = 2f64.powi(-exponent(largest));
    weights.iter().map(|&w| (f64::from(w) * scale) as f32).collect()
}

/// What the weights of a call are multiplied by to be those of the kernels.
pub(super) fn weight_scale(weights: &[f32]) -> f64 {
    2f64.powi(-exponent(weights.iter().fold(0f32, |most, &w| most.max(w))))
}

/// The least e with x < 2^e; 0 of 0.
fn exponent(x: f32) -> i32 {
    if x == 0.0 { 0 } else { f64::from(x).log2().floor() as i32 + 1 }
}

fn norms(encoder: &mut Encoder, rows: &Matrix, segment: &Segment) -> Result<Buffer> {
    let gpu = rows.gpu();
    let norms = gpu.scratch("norms", u64::from(segment.rows()) * 4)?;
    let groups = fold(gpu, u64::from(segment.rows()).div_ceil(GROUP_ROWS))?;
    let params = RowNorms {
        n: segment.rows(),
        k4: rows.dim().div_ceil(4) as u32,
        stride4: rows.dtype().stride4(segment.stride_bytes()),
        groups_x: groups[0],
    };
    let buffers = [("rows", segment.buffer()), ("out", &norms)];
    encoder.dispatch(&row_norms(rows.dtype()), &buffers, &params, [groups[0], groups[1], 1])?;
    Ok(norms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_scaled_by_a_power_of_two() {
        for largest in [1e-45, 1e-40, 0.5, 1.0, 3.0, 1e38, f32::MAX] {
            let scaled = normal(&[0.0, largest]);
            assert!(scaled[0] == 0.0 && (0.5..=1.0).contains(&scaled[1]), "{largest}");
        }
        assert_eq!(normal(&[3.0, 6.0, 1.0]), [0.375, 0.75, 0.125]);
        assert_eq!(weight_scale(&[3.0, 6.0, 1.0]), 0.125);
        assert_eq!((normal(&[]), weight_scale(&[])), (vec![], 1.0));
    }
}
