//! The scores of the bins of some queries, and what a submission leaves of them.

use super::asked::Rows;
use crate::buffer::Buffer;
use crate::error::Result;
use crate::exact::{Chosen, Method, SelectBins, Upload, select_listed};
use crate::kernel::Encoder;
use crate::ops::select_k::Selected;

/// What a submission leaves to be read.
pub(super) struct Found {
    pub hits: Selected,
    /// Bins that each query chose, if it chose: above `room` the hits are not certified.
    pub counts: Option<Buffer>,
    pub room: u32,
    /// Rows in the lists of each query.
    pub rows_probed: Buffer,
    /// Rows of each query that were compared in the place of their codes, in each round of that.
    pub compared: Vec<Buffer>,
}

/// The scores of the bins of each query.
pub(super) struct Scored {
    pub method: Method,
    /// The queries as they were scored.
    pub upload: Upload,
    /// Of each bin the best score and its number, and how many bins there are.
    pub bin_best: Buffer,
    pub bin_counts: Buffer,
    pub bin_stride: u32,
    pub rows_probed: Buffer,
}

/// Encodes which bins can hold one of the k nearest rows by their scores, with room for so many.
pub(super) fn choose(
    encoder: &mut Encoder,
    rows: &Rows<'_>,
    scored: &Scored,
    (k, room): (u32, u32),
) -> Result<Chosen> {
    let Scored { method, upload, bin_best, bin_counts, bin_stride, .. } = scored;
    let (gpu, nq) = (encoder.gpu().clone(), u64::from(upload.count));
    let scanned = rows.table.scan_rows(rows.lists.dataset());
    let chosen = gpu.scratch("chosen bins", nq * u64::from(room) * 4)?;
    let counts = gpu.scratch("bin counts", nq * 4)?;
    let params = method.selection(encoder, upload, k)?;
    let params = SelectBins { bin_stride: *bin_stride, max_candidates: room, ..params };
    let (bound, mut buffers) = method.bounded(scanned, upload)?;
    buffers.extend([
        ("bin_best", bin_best),
        ("bin_counts", bin_counts),
        ("chosen", &chosen),
        ("counts", &counts),
    ]);
    let threads = method.settings.bin_threads(upload.count);
    let variant = select_listed(threads, room, bound, method.bin());
    encoder.dispatch(&variant, &buffers, &params, [upload.count, 1, 1])?;
    Ok(Chosen { bins: chosen, counts })
}
