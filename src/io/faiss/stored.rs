//! The rows between which links are: as they are in the file, or what its codes decode to, of which the distances are those that FAISS has of codes.

use super::found::Found;
use super::rows::FileRows;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::RowSource;
use crate::quantize::{Quantizer, SqType};

/// Rows, or codes as rows.
pub(super) struct Stored<'a> {
    codes: FileRows<'a>,
    of: Option<&'a Quantizer>,
    dtype: DType,
    dim: usize,
    /// A block, aligned for every type.
    words: Vec<u32>,
}

/// The type of which the rows are in an index here: codes that hold rows as they are stay what they are, all others become f32.
pub(super) fn stored_dtype(found: &Found) -> DType {
    match &found.codes {
        None => found.dtype,
        Some(Quantizer::Scalar(of)) => match of.kind() {
            SqType::Fp16 => DType::F16,
            SqType::Bf16 => DType::Bf16,
            SqType::Direct8 => DType::U8,
            SqType::Direct8Signed => DType::I8,
            _ => DType::F32,
        },
        Some(_) => DType::F32,
    }
}

/// The code of rows of such a type as FAISS stores them between links; `None` of f32, which are a flat index there.
pub(super) fn code_of(dtype: DType) -> Option<SqType> {
    match dtype {
        DType::F16 => Some(SqType::Fp16),
        DType::Bf16 => Some(SqType::Bf16),
        DType::U8 => Some(SqType::Direct8),
        DType::I8 => Some(SqType::Direct8Signed),
        _ => None,
    }
}

/// Whole numbers with a sign to the codes that they have, and back: 128 more, or less.
pub(super) fn shift_signed(bytes: &mut [u8]) {
    bytes.iter_mut().for_each(|byte| *byte ^= 0x80);
}

impl<'a> Stored<'a> {
    pub fn new(codes: FileRows<'a>, found: &'a Found) -> Stored<'a> {
        let (dtype, dim) = (stored_dtype(found), found.dim);
        Stored { codes, of: found.codes.as_ref(), dtype, dim, words: Vec::new() }
    }
}

impl RowSource for Stored<'_> {
    fn dtype(&self) -> DType {
        self.dtype
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn remaining(&self) -> Option<u64> {
        self.codes.remaining()
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let Some(of) = self.of else { return self.codes.next_rows(max_rows) };
        let Some(codes) = self.codes.next_rows(max_rows)? else { return Ok(None) };
        let codes = codes.bytes();
        if self.dtype != DType::F32 {
            self.words.resize(codes.len().div_ceil(4), 0);
            let rows = &mut bytemuck::cast_slice_mut(&mut self.words)[..codes.len()];
            rows.copy_from_slice(codes);
            if self.dtype == DType::I8 {
                shift_signed(rows);
            }
            return Rows::from_bytes(self.dtype, rows).map(Some);
        }
        let rows = match of {
            Quantizer::Scalar(of) => of.decode(codes)?,
            Quantizer::Product(of) => of.decode(codes)?,
            Quantizer::RaBitQ(_) => return Err(Error::internal("links between codes of RaBitQ")),
        };
        self.words.clear();
        self.words.extend(rows.iter().map(|x| x.to_bits()));
        Rows::from_bytes(DType::F32, bytemuck::cast_slice(&self.words)).map(Some)
    }
}
