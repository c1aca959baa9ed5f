//! The label of each row on the device, for the kernels that look at rows as they lie.

use crate::buffer::Buffer;
use crate::device::Gpu;
use crate::error::Result;
use crate::kernel::Encoder;

/// The label of each row on the device.
pub(super) struct DeviceLabels {
    /// With how many rows they are of.
    pub pieces: Vec<(Buffer, u32)>,
    /// Rows of a piece, but for the last: a multiple of 32.
    pub piece: u64,
}

impl DeviceLabels {
    pub fn new(gpu: &Gpu, labels: &[u32]) -> Result<DeviceLabels> {
        let piece = (gpu.caps().max_binding_bytes / 4 / 32 * 32).min(1 << 24);
        let mut pieces = Vec::new();
        for labels in labels.chunks(piece as usize) {
            let mut encoder = Encoder::new(gpu, "labels", false)?;
            let buffer = encoder.upload("labels", bytemuck::cast_slice(labels))?;
            // one after the other, so that no more than one lies in staging
            encoder.submit(&[])?.wait()?;
            pieces.push((buffer, labels.len() as u32));
        }
        Ok(DeviceLabels { pieces, piece })
    }

    pub fn bytes(&self) -> u64 {
        self.pieces.iter().map(|(buffer, _)| buffer.size()).sum()
    }
}
