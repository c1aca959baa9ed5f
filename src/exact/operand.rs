//! What stage A reads of a segment: the rows, or what there is of them in fewer bits.

use crate::buffer::{Buffer, Segment};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::exact::coding::{Codes, Coding};
use crate::exact::encoding::Encoding;
use crate::exact::positions::Positions;
use crate::exact::rounded::copies::Rounded;
use crate::exact::rows::measured::{Measured, Part};
use crate::exact::tables::Tables;
use crate::kernel::{Bind, RowMap};

/// The rows of a scan, in all forms that there are.
#[derive(Clone, Copy)]
pub(crate) struct ScanRows<'a> {
    pub rows: &'a Measured,
    pub f16: Option<&'a Rounded>,
    pub int8: Option<&'a Rounded>,
    /// Where the scan does not go through all rows as they lie.
    pub positions: Option<&'a Positions>,
}

/// Which of the forms a scan reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Rows,
    F16,
    Int8,
}

/// The positions of a scan whose rows are in one segment: without tables, its rows.
#[derive(Clone, Copy)]
pub(crate) struct Span<'a> {
    /// Of the first position, among all.
    pub first: u64,
    pub count: u32,
    /// The row of each.
    pub table: Option<&'a Buffer>,
}

impl<'a> ScanRows<'a> {
    /// The rows as they are stored alone.
    pub fn without_copies(self) -> ScanRows<'a> {
        ScanRows { f16: None, int8: None, ..self }
    }

    pub fn dim(&self) -> usize {
        self.rows.dim()
    }

    /// One past the last position.
    pub fn len(&self) -> u64 {
        self.positions.map_or(self.rows.len(), Positions::len)
    }

    pub fn row_map(&self) -> RowMap {
        if self.positions.is_some() { RowMap::TABLE } else { RowMap::IDENTITY }
    }

    /// The codes that their f16 form is in the place of one in f16.
    pub fn codes(&self) -> Option<&'a Codes> {
        let of_copy = self.f16.filter(|f16| f16.operand == Encoding::Codes);
        of_copy.and(self.rows.codes())
    }

    /// Largest |x| of each bin.
    pub fn bin_norm(&self) -> Option<&'a Buffer> {
        match self.positions {
            Some(positions) => Some(positions.bin_norm()),
            None => self.rows.bin_norm(),
        }
    }

    /// What a form of the rows lost, of each bin.
    pub fn bin_residual(&self, form: Form) -> Option<&'a Buffer> {
        match (form, self.positions) {
            (Form::Rows, _) => None,
            (Form::F16, None) => self.f16.map(Rounded::bin_residual),
            (Form::Int8, None) => self.int8.map(Rounded::bin_residual),
            (Form::F16, Some(positions)) => positions.f16_residual(),
            (Form::Int8, Some(positions)) => positions.int8_residual(),
        }
    }

    /// The segments, what belongs to their rows, and the positions of these.
    pub fn spans(&self) -> impl Iterator<Item = (&'a Segment, &'a Part, Span<'a>)> + use<'a> {
        let positions = self.positions;
        self.rows.segments().enumerate().map(move |(at, (segment, part))| {
            let own = Span { first: segment.first_row(), count: segment.rows(), table: None };
            let listed = positions.and_then(|positions| positions.segment(at));
            let span = listed.map_or(own, |listed| Span {
                first: listed.first,
                count: listed.count,
                table: Some(&listed.table),
            });
            (segment, part, span)
        })
    }

    /// One segment in a form of the rows.
    pub fn operand(&self, at: usize, form: Form) -> Result<SegmentOperand<'a>> {
        let missing = || Error::internal(format!("segment {at} has no {form:?}"));
        let (segment, numbers, span) = self.spans().nth(at).ok_or_else(missing)?;
        let scale = numbers.scale.as_ref();
        let tables = self.rows.tables().map(Tables::buffer);
        let rounded = match form {
            Form::Rows => {
                let dtype = self.rows.matrix().dtype();
                let stride4 = dtype.stride4(segment.stride_bytes());
                let stored = match tables {
                    Some(_) => Encoding::Tables(self.rows.elements()),
                    None => Encoding::Rows(dtype),
                };
                let (buffer, factor) = (segment.buffer(), 1.0);
                let of =
                    SegmentOperand { span, form, stored, buffer, tables, stride4, factor, scale };
                return Ok(of);
            }
            Form::F16 => self.f16.ok_or_else(missing)?,
            Form::Int8 => self.int8.ok_or_else(missing)?,
        };
        let part = rounded.part(at).ok_or_else(missing)?;
        let (factor, scale) = match rounded.operand {
            // a copy is of rows that are multiplied already
            Encoding::F16Copy => (part.factor, None),
            Encoding::Int8Copy => (1.0, part.scale.as_ref()),
            Encoding::Codes => {
                let coding = self.rows.codes().and_then(Codes::coding);
                (coding.map_or(1.0, Coding::factor), part.scale.as_ref())
            }
            Encoding::Rows(_) => (1.0, scale),
            Encoding::Tables(_) => (part.factor, scale),
        };
        let (stored, buffer, stride4) = (rounded.operand, &part.buffer, part.stride4);
        Ok(SegmentOperand { span, form, stored, buffer, tables, stride4, factor, scale })
    }
}

/// One segment as a kernel reads it.
pub(crate) struct SegmentOperand<'a> {
    pub span: Span<'a>,
    pub form: Form,
    pub stored: Encoding,
    pub buffer: &'a Buffer,
    /// Where the rows are looked up: in what.
    tables: Option<&'a Buffer>,
    pub stride4: u32,
    /// What every element was multiplied by.
    pub factor: f32,
    /// What the products of a row are multiplied by, where that is not done yet.
    pub scale: Option<&'a Buffer>,
}

impl<'a> SegmentOperand<'a> {
    /// The buffers that its rows are read from.
    pub fn bind(&self) -> Vec<Bind<'a>> {
        let others: Vec<_> = self.tables.into_iter().collect();
        self.stored.operand().bind(self.buffer, &others)
    }

    /// As kernels that read rows one by one know it: f16 rows as their copy would be, what that may flush being counted.
    pub fn by_row(&self) -> Encoding {
        match (self.form, self.stored) {
            (Form::F16, Encoding::Rows(_)) => Encoding::F16Copy,
            (_, stored) => stored,
        }
    }

    /// Bytes that are read, if each row is read once.
    pub fn bytes(&self) -> u64 {
        let group = match self.stored {
            Encoding::F16Copy => 8,
            Encoding::Int8Copy | Encoding::Codes | Encoding::Tables(_) => 4,
            Encoding::Rows(DType::Bits) => 16,
            Encoding::Rows(dtype) => dtype.row_bytes(4) as u64,
        };
        u64::from(self.span.count) * u64::from(self.stride4) * group
    }
}
