//! Flat indexes in a file.

use super::found::{Found, Stretch};
use super::header::{BinaryHeader, Header};
use super::reader::Reader;
use crate::dtype::DType;
use crate::error::Result;
use crate::metric::Metric;

/// Rows as they are.
pub(super) fn flat(file: &mut Reader) -> Result<Found> {
    let header = Header::read(file)?;
    let at = file.at();
    let numbers = file.count(4)?;
    let (rows, dim) = (header.rows, header.dim);
    if numbers != rows * dim as u64 {
        let reason = format!("{numbers} elements for {rows} rows of {dim}");
        return Err(file.fault(at, reason));
    }
    let stretch = Stretch { at: file.at(), rows, list: 0 };
    file.skip(4 * numbers)?;
    Ok(Found {
        metric: header.metric,
        dtype: DType::F32,
        dim,
        row_bytes: 4 * dim as u64,
        blocks: None,
        stretches: vec![stretch],
        rows,
        counted: rows,
        ids: None,
        codes: None,
        lists: None,
        signs: None,
        transforms: Vec::new(),
        refine: None,
    })
}

/// Rows of bits.
pub(super) fn bits(file: &mut Reader) -> Result<Found> {
    let BinaryHeader { dim, rows, .. } = BinaryHeader::read(file)?;
    let (at, row_bytes) = (file.at(), dim as u64 / 8);
    let bytes = file.count(1)?;
    if bytes != rows * row_bytes {
        return Err(file.fault(at, format!("{bytes} bytes for {rows} rows of {dim} bits")));
    }
    let stretch = Stretch { at: file.at(), rows, list: 0 };
    file.skip(bytes)?;
    Ok(Found {
        metric: Metric::Hamming,
        dtype: DType::Bits,
        dim,
        row_bytes,
        blocks: None,
        stretches: vec![stretch],
        rows,
        counted: rows,
        ids: None,
        codes: None,
        lists: None,
        signs: None,
        transforms: Vec::new(),
        refine: None,
    })
}
