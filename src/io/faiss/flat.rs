//! Flat indexes in a file.

use super::found::{Found, Stretch};
use super::header::{BinaryHeader, Header};
use crate::dtype::DType;
use crate::error::Result;
use crate::io::reader::Reader;
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
    Ok(Found::of_rows(header.metric, (DType::F32, dim), 4 * dim as u64, stretch))
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
    Ok(Found::of_rows(Metric::Hamming, (DType::Bits, dim), row_bytes, stretch))
}
