//! What stage A reads of a segment: the rows, or what there is of them in fewer bits.

use crate::buffer::{Buffer, Segment};
use crate::error::{Error, Result};
use crate::exact::kernels::Operand;
use crate::exact::rounded::copies::Rounded;
use crate::exact::rows::measured::Measured;

/// The rows of a scan, in all forms that there are.
#[derive(Clone, Copy)]
pub(crate) struct ScanRows<'a> {
    pub rows: &'a Measured,
    pub f16: Option<&'a Rounded>,
    pub int8: Option<&'a Rounded>,
}

/// Which of the forms a scan reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Rows,
    F16,
    Int8,
}

impl<'a> ScanRows<'a> {
    pub fn dim(&self) -> usize {
        self.rows.matrix().dim()
    }

    /// One segment in a form of the rows.
    pub fn operand(&self, at: usize, form: Form) -> Result<SegmentOperand<'a>> {
        let missing = || Error::internal(format!("segment {at} has no {form:?}"));
        let (segment, numbers) = self.rows.segments().nth(at).ok_or_else(missing)?;
        let scale = numbers.scale.as_ref();
        let rounded = match form {
            Form::Rows => {
                let dtype = self.rows.matrix().dtype();
                let stride4 = dtype.stride4(segment.stride_bytes());
                let (operand, buffer) = (Operand::Rows(dtype), segment.buffer());
                let factor = 1.0;
                return Ok(SegmentOperand {
                    segment,
                    form,
                    operand,
                    buffer,
                    stride4,
                    factor,
                    scale,
                });
            }
            Form::F16 => self.f16.ok_or_else(missing)?,
            Form::Int8 => self.int8.ok_or_else(missing)?,
        };
        let part = rounded.part(at).ok_or_else(missing)?;
        let (factor, scale) = match rounded.operand {
            // a copy is of rows that are multiplied already
            Operand::F16Copy => (part.factor, None),
            Operand::Int8Copy => (1.0, part.scale.as_ref()),
            Operand::Rows(_) => (1.0, scale),
        };
        let (operand, buffer, stride4) = (rounded.operand, &part.buffer, part.stride4);
        Ok(SegmentOperand { segment, form, operand, buffer, stride4, factor, scale })
    }
}

/// One segment as a kernel reads it.
pub(crate) struct SegmentOperand<'a> {
    pub segment: &'a Segment,
    pub form: Form,
    pub operand: Operand,
    pub buffer: &'a Buffer,
    pub stride4: u32,
    /// What every element was multiplied by.
    pub factor: f32,
    /// What the products of a row are multiplied by, where that is not done yet.
    pub scale: Option<&'a Buffer>,
}

impl SegmentOperand<'_> {
    /// Bytes that are read, if each row is read once.
    pub fn bytes(&self) -> u64 {
        let element = match self.operand {
            Operand::F16Copy => 2,
            Operand::Int8Copy => 1,
            Operand::Rows(dtype) => dtype.row_bytes(1) as u64,
        };
        u64::from(self.segment.rows()) * u64::from(self.stride4) * 4 * element
    }
}
