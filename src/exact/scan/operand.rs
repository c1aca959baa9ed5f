//! What stage A reads of a segment: the rows, or what there is of them in fewer bits.

use crate::exact::dataset::Base;
use crate::exact::rounded::copies::Rounded;

use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::kernel::registry::Operand;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Rows,
    /// In f16.
    Half,
    /// In 8 bits.
    Bytes,
}

impl Form {
    /// What there is beside the rows.
    pub fn rounded(self, base: &Base) -> Option<&Rounded> {
        match self {
            Form::Rows => None,
            Form::Half => base.half(),
            Form::Bytes => base.in_bytes(),
        }
    }
}

/// One segment as a kernel reads it.
pub(crate) struct Reads<'a> {
    pub operand: Operand,
    pub rows: &'a Buffer,
    pub stride4: u32,
    /// What every element was multiplied by.
    pub factor: f32,
    /// What the products of a row are multiplied by, where that is not done yet.
    pub scale: Option<&'a Buffer>,
}

impl<'a> Reads<'a> {
    /// Of segment `at`.
    pub fn of(base: &'a Base, at: usize, form: Form) -> Result<Reads<'a>> {
        let missing = || Error::internal(format!("segment {at} has no {form:?}"));
        let (segment, part) = base.segments().nth(at).ok_or_else(missing)?;
        let scale = part.scale.as_ref();
        if form == Form::Rows {
            let dtype = base.work().dtype();
            let stride4 = dtype.stride4(segment.stride_bytes());
            let operand = Operand::Rows(dtype);
            return Ok(Reads { operand, rows: segment.buffer(), stride4, factor: 1.0, scale });
        }
        let all = form.rounded(base).ok_or_else(missing)?;
        let part = all.part(at).ok_or_else(missing)?;
        let (factor, scale) = match all.operand {
            // a copy is of rows that are multiplied already
            Operand::Half => (part.factor, None),
            Operand::Bytes => (1.0, part.scale.as_ref()),
            Operand::Rows(_) => (1.0, scale),
        };
        Ok(Reads { operand: all.operand, rows: &part.buffer, stride4: part.stride4, factor, scale })
    }

    pub fn row_bytes(&self) -> u64 {
        let element = match self.operand {
            Operand::Half => 2,
            Operand::Bytes => 1,
            Operand::Rows(dtype) => dtype.row_bytes(1) as u64,
        };
        u64::from(self.stride4) * 4 * element
    }
}
