//! Norms of rows, and rows of norm 1.

use super::kernels::{self, Normalize, RowNorms};
use crate::buffer::{Matrix, Segment};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::SliceSource;
use crate::kernel::{Encoder, fold, words};
use crate::metric::Metric;
use crate::space::check;

/// Rows that a workgroup takes.
const GROUP_ROWS: u64 = 32;

/// The rows on the device, checked on the way.
fn checked(gpu: &Gpu, rows: Rows<'_>, dim: usize) -> Result<Matrix> {
    let empty = Matrix::empty(gpu, rows.dtype(), dim)?;
    let by_piece =
        |piece: Rows<'_>, first: u64| check::rows(&Metric::L2, piece, dim, first).map(|_| ());
    let mut source = SliceSource::new(rows, dim)?;
    empty.append_with(&mut source, &mut |_, _| Ok(()), &by_piece, &mut None)
}

/// The Euclidean norm of each row.
///
/// Cost: uploads the rows; the device reads them once.
///
/// # Errors
/// `Unsupported` for bits; `NonFinite` and `InvalidValue` (|x|^2 above 2^120) with row and column; what a [`Matrix`] says.
///
/// # Accuracy
/// Within (d / 64 + 18) 2^-24 of the norm, and sqrt(d) 2^-126 where elements are below 2^-126, which a device may take for 0. A norm
/// below 2^-126 (1.2e-38) is given as 0. In practice the first is (d / 64 + 4) 2^-24: the rest is what WGSL allows a root and a division.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, Rows, row_norms};
/// let gpu = Gpu::new()?;
/// assert_eq!(row_norms(&gpu, Rows::F32(&[3.0, 4.0, 0.0, 0.0]), 2)?, [5.0, 0.0]);
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn row_norms(gpu: &Gpu, rows: Rows<'_>, dim: usize) -> Result<Vec<f32>> {
    if rows.dtype() == DType::Bits {
        return Err(Error::unsupported("row_norms", "bits"));
    }
    let matrix = checked(gpu, rows, dim)?;
    let mut norms = Vec::with_capacity(matrix.len());
    for segment in matrix.segments() {
        let bytes = u64::from(segment.rows()) * 4;
        let out = gpu.scratch("norms", bytes)?;
        let groups = fold(gpu, u64::from(segment.rows()).div_ceil(GROUP_ROWS))?;
        let params = RowNorms {
            n: segment.rows(),
            k4: dim.div_ceil(4) as u32,
            stride4: matrix.dtype().stride4(segment.stride_bytes()),
            groups_x: groups[0],
        };
        let mut encoder = Encoder::new(gpu, "norms", false)?;
        let variant = kernels::row_norms(matrix.dtype());
        let buffers = [("rows", segment.buffer()), ("out", &out)];
        encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], 1])?;
        let landed = encoder.submit(&[(&out, 0, bytes)])?.wait()?;
        let words = words(landed.parts.first().map_or(&[][..], |part| &part[..]));
        norms.extend(words.iter().map(|&word| f32::from_bits(word)));
    }
    Ok(norms)
}

/// The rows brought to length 1, as an f32 matrix on the device; rows shorter than 2^-126 (1.2e-38) become zero.
///
/// Cost: uploads the rows; the device reads them once and writes 4 d bytes a row, each row rounded up to 16 bytes.
///
/// # Errors
/// As [`row_norms`].
///
/// # Accuracy
/// Each element x / |x| within (d / 64 + 20) 2^-24 of itself and 2^-126 more, below which a device may flush it. Elements of the input
/// below 2^-126 may be taken for 0: that moves each by up to 2^-126 / |x|, and the row's length from 1 by sqrt(d) 2^-126 / |x|.
///
/// # Example
/// ```no_run
/// use nearfield::{DType, Gpu, Rows, normalize};
/// let gpu = Gpu::new()?;
/// let unit = normalize(&gpu, Rows::U8(&[3, 4]), 2)?;
/// assert_eq!((unit.len(), unit.dim(), unit.dtype()), (1, 2, DType::F32));
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn normalize(gpu: &Gpu, rows: Rows<'_>, dim: usize) -> Result<Matrix> {
    if rows.dtype() == DType::Bits {
        return Err(Error::unsupported("normalize", "bits"));
    }
    let from = checked(gpu, rows, dim)?;
    Matrix::empty(gpu, DType::F32, dim)?.with_rows(from.row_count(), |to| {
        from.segments().iter().try_for_each(|segment| shared(&from, segment, to))
    })
}

/// Encodes the rows that a segment of the input and one of the output have in common.
fn shared(from: &Matrix, segment: &Segment, to: &Segment) -> Result<()> {
    let end = |of: &Segment| of.first_row() + u64::from(of.rows());
    let first = to.first_row().max(segment.first_row());
    let count = end(to).min(end(segment)).saturating_sub(first);
    if count == 0 {
        return Ok(());
    }
    let groups = fold(from.gpu(), count.div_ceil(GROUP_ROWS))?;
    let params = Normalize {
        n: count as u32,
        k4: from.dim().div_ceil(4) as u32,
        stride4: from.dtype().stride4(segment.stride_bytes()),
        out_stride4: DType::F32.stride4(to.stride_bytes()),
        groups_x: groups[0],
        first: (first - segment.first_row()) as u32,
        out_first: (first - to.first_row()) as u32,
    };
    let mut encoder = Encoder::new(from.gpu(), "normalize", false)?;
    let buffers = [("rows", segment.buffer()), ("out", to.buffer())];
    let variant = kernels::normalize(from.dtype());
    encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], 1])?;
    encoder.submit(&[])?;
    Ok(())
}
