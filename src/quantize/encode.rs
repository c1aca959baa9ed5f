//! Codes of product quantizers, computed on the device.

use super::kernels::{MOST_GROUPS, PqEncode, pq_encode};
use crate::buffer::{Buffer, Matrix, Segment};
use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernel::{Encoder, fold};

/// Rows of a workgroup.
const GROUP_ROWS: u64 = 64;

/// Centroids of the parts of rows on the device, each with zeros up to whole pieces.
pub(crate) struct Codebook {
    buffer: Buffer,
    subspaces: usize,
    part: usize,
    ksub: u32,
    /// Groups of four elements of a piece, and pieces of a part.
    groups: u32,
    slabs: u32,
}

impl Codebook {
    pub fn new(
        gpu: &Gpu,
        centroids: &[f32],
        (subspaces, part): (usize, usize),
        bits: u32,
    ) -> Result<Codebook> {
        let groups = (part.div_ceil(4) as u32).min(MOST_GROUPS);
        let slabs = (part as u32).div_ceil(groups * 4);
        let padded = (groups * slabs * 4) as usize;
        let mut words = vec![0f32; centroids.len() / part * padded];
        for (to, from) in words.chunks_exact_mut(padded).zip(centroids.chunks_exact(part)) {
            to[..part].copy_from_slice(from);
        }
        let bytes = words.len() as u64 * 4;
        let limit = gpu.caps().max_binding_bytes;
        if bytes > limit {
            let what = "bytes of the centroids of a product quantizer".to_owned();
            return Err(Error::LimitExceeded { what, needed: bytes, limit });
        }
        let buffer = gpu.alloc("codebook", bytes)?;
        let mut encoder = Encoder::new(gpu, "codebook", false)?;
        encoder.write(&buffer, 0, bytemuck::cast_slice(&words))?;
        encoder.submit(&[])?;
        Ok(Codebook { buffer, subspaces, part, ksub: 1 << bits, groups, slabs })
    }
}

/// The centroids that rows are taken less, each row's by its label.
#[derive(Clone, Copy)]
pub(crate) struct Lists<'a> {
    pub labels: &'a Buffer,
    pub centroids: &'a Buffer,
    /// Elements from one centroid to the next.
    pub stride: u32,
}

/// The codes of f32 rows, a byte for each part. Of residuals the labels are those of all rows.
pub(crate) fn codes(
    codebook: &Codebook,
    rows: &Matrix,
    residual: Option<Lists<'_>>,
) -> Result<Matrix> {
    if rows.dtype() != DType::F32 {
        return Err(Error::internal("codes of rows that are not f32"));
    }
    let empty = Matrix::empty(rows.gpu(), DType::U8, codebook.subspaces)?;
    empty.with_rows(rows.row_count(), |out| {
        let (start, end) = (out.first_row(), out.first_row() + u64::from(out.rows()));
        for from in rows.segments() {
            let first = from.first_row().max(start);
            let last = (from.first_row() + u64::from(from.rows())).min(end);
            if first < last {
                encode(rows.gpu(), codebook, [from, out], (first, last), residual)?;
            }
        }
        Ok(())
    })
}

/// Encodes rows from one number to another.
fn encode(
    gpu: &Gpu,
    codebook: &Codebook,
    [from, out]: [&Segment; 2],
    (first, last): (u64, u64),
    residual: Option<Lists<'_>>,
) -> Result<()> {
    let groups = fold(gpu, (last - first).div_ceil(GROUP_ROWS))?;
    let words = out.stride_bytes() / 4;
    let params = PqEncode {
        n: (last - first) as u32,
        first: (first - from.first_row()) as u32,
        out_first: (first - out.first_row()) as u32,
        first_label: first as u32,
        stride: from.stride_bytes() / 4,
        list_stride: residual.map_or(0, |lists| lists.stride),
        words,
        subspaces: codebook.subspaces as u32,
        dsub: codebook.part as u32,
        ksub: codebook.ksub,
        slabs: codebook.slabs,
        groups_x: groups[0],
    };
    let mut buffers =
        vec![("rows", from.buffer()), ("codebook", &codebook.buffer), ("codes", out.buffer())];
    if let Some(lists) = &residual {
        buffers.extend([("labels", lists.labels), ("lists", lists.centroids)]);
    }
    let mut encoder = Encoder::new(gpu, "encode", false)?;
    let variant = pq_encode(codebook.groups, residual.is_some());
    encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], words])?;
    encoder.submit(&[])?;
    Ok(())
}
