//! Inverted lists of rows of bits in a file.

use super::flat;
use super::found::{Found, ListsFound};
use super::header::BinaryHeader;
use super::lists::{arrays, direct_map, numbers, other_centroids};
use crate::dtype::DType;
use crate::error::Result;
use crate::io::reader::Reader;

/// An index of lists of bits, whose four letters were read.
pub(super) fn find(file: &mut Reader) -> Result<Found> {
    let BinaryHeader { dim, rows: counted, is_trained } = BinaryHeader::read(file)?;
    let (nlist, nprobe) = numbers(file)?;
    let at = file.at();
    let fourcc = file.fourcc()?;
    if fourcc != *b"IBxF" {
        return Err(file.fault(at, other_centroids(fourcc)));
    }
    let of = flat::bits(file)?;
    if of.dim != dim {
        let reason = format!("centroids of {} bits for rows of {dim}", of.dim);
        return Err(file.fault(at, reason));
    }
    if is_trained && of.rows != nlist {
        return Err(file.fault(at, format!("{} centroids for {nlist} lists", of.rows)));
    }
    let centroids = of.stretches.first().map(|stretch| stretch.at).filter(|_| is_trained);
    direct_map(file)?;
    let (at, row_bytes, mut ids) = (file.at(), dim as u64 / 8, Vec::new());
    let stretches = arrays(file, nlist, row_bytes, &mut ids)?;
    let rows = ids.len() as u64;
    if rows > counted || (rows > 0 && centroids.is_none()) {
        let reason =
            format!("{rows} rows in lists, {counted} by the header, trained: {is_trained}");
        return Err(file.fault(at, reason));
    }
    let lists = ListsFound { nlist, nprobe, centroids, codes: None };
    Ok(Found {
        dtype: DType::Bits,
        row_bytes,
        stretches,
        rows,
        counted,
        ids: Some(ids),
        lists: Some(lists),
        ..of
    })
}
