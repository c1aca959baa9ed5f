//! A base whose buffers are there before its rows, and serve others afterwards: a chunk of a stream.

use crate::buffer::{Matrix, Uploader};
use crate::error::Result;
use crate::exact::dataset::{Base, Copies};
use crate::exact::params::BIN;
use crate::exact::rounded::copies::{self, Rounded};
use crate::exact::rounded::f16;
use crate::format::RowSource;
use crate::space;
use crate::space::check::Facts;

impl Base {
    /// Room for `rows` rows, and for a rounded copy of them if `copies` says so and the device has a use for it.
    pub fn with_room(&self, rows: u32, copies: bool) -> Result<Base> {
        let matrix = self.rows.with_room(rows)?;
        let work = if self.transforms() { self.work.with_room(rows)? } else { matrix.clone() };
        let copies = if copies { Copies::Half } else { Copies::None };
        let facts = Facts::NONE;
        let mut base = Base { copies, facts, ..self.unmeasured(matrix, work) };
        let capacity = base.capacity();
        base.parts.push(base.new_part(capacity)?);
        if space::scan_family(&base.metric).is_some() {
            let bytes = u64::from(capacity).div_ceil(BIN) * 4;
            base.bin_norm = Some(base.gpu.alloc("bin norms", bytes.next_multiple_of(256))?);
        }
        if let Some(operand) = copies::halves(&base)? {
            base.half = Some(Rounded::with_room(&base, operand, capacity)?);
        }
        Ok(base)
    }

    /// The rows of a stream in the place of its own, for a caller who alone holds the base; what is refused is named as
    /// row `number` of the call and those that follow.
    pub fn refilled(
        self,
        source: &mut dyn RowSource,
        number: u64,
        ring: &mut Option<Uploader>,
    ) -> Result<Base> {
        let rows = self.rows.emptied();
        let work = if self.transforms() { self.work.emptied() } else { rows.clone() };
        Base { rows, work, facts: Facts::NONE, ..self }.append_at(source, number, ring)
    }

    /// Device memory that `rows` rows take in one segment.
    pub fn bytes_of(&self, rows: u64, copies: bool) -> Result<u64> {
        let row = |matrix: &Matrix| u64::from(matrix.stride_bytes());
        let scan = space::scan_family(&self.metric);
        let mut each = row(&self.work);
        if self.transforms() {
            each += row(&self.rows);
        }
        each += if matches!(scan, Some((_, true))) { 8 } else { 4 };
        if copies && copies::copies(self)? {
            each += f16::row_bytes(self.work.dim());
        }
        // of every bin a norm and what the copy lost
        Ok(rows.saturating_mul(each).saturating_add(rows.div_ceil(BIN) * 8))
    }

    /// The most rows of which every buffer fits one binding.
    pub fn most_room(&self) -> u64 {
        let most = self.gpu.caps().max_binding_bytes.min(self.gpu.caps().max_buffer_bytes);
        let copy = most / f16::row_bytes(self.work.dim());
        let rows = self.rows.rows_per_segment().min(self.work.rows_per_segment());
        (u64::from(rows).min(copy) / BIN * BIN).max(BIN)
    }

    fn capacity(&self) -> u32 {
        self.work.segments().first().map_or(0, |segment| segment.capacity())
    }
}
