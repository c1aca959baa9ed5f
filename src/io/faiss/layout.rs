//! A file from its first letters to its end, but for the rows, whose places are found out.

use super::bit_lists;
use super::codes;
use super::flat;
use super::found::Found;
use super::header::{BinaryHeader, Header};
use super::lists;
use super::names;
use super::reader::Reader;
use super::signs;
use super::transforms;
use crate::error::Result;
use crate::quantize::VectorTransform;

/// What the file holds; it has to end where the index does.
pub(super) fn find(file: &mut Reader) -> Result<Found> {
    let at = file.at();
    let found = match &file.fourcc()? {
        b"IxMp" | b"IxM2" => {
            let header = Header::read(file)?;
            mapped(file, (header.dim, header.rows), |fourcc| fourcc[1] != b'B')
        }
        b"IBMp" | b"IBM2" => {
            let header = BinaryHeader::read(file)?;
            mapped(file, (header.dim, header.rows), |fourcc| fourcc[1] == b'B')
        }
        other => plain(file, at, *other),
    }?;
    file.finish()?;
    Ok(found)
}

/// An index of one kind, whose four letters stand at `at`.
fn plain(file: &mut Reader, at: u64, fourcc: [u8; 4]) -> Result<Found> {
    match &fourcc {
        b"IxF2" | b"IxFI" | b"IxFl" => flat::flat(file),
        b"IBxF" => flat::bits(file),
        b"IxSQ" => codes::scalar(file),
        b"IxPq" | b"IxPo" | b"IxPQ" => codes::product(file, at, fourcc),
        b"IPfs" => codes::fast(file),
        b"IBwF" => bit_lists::find(file),
        b"IxHe" | b"IxHE" => signs::find(file, fourcc == *b"IxHE"),
        b"IxPT" => transformed(file),
        b"IwFl" | b"IvFl" | b"IvFL" | b"IwSq" | b"IwSQ" | b"IvSQ" | b"IwPQ" | b"IvPQ" | b"IwPf" => {
            lists::find(file, fourcc)
        }
        _ => Err(file.fault(at, names::unread(fourcc))),
    }
}

/// An index behind transforms; ids may be on either side of them.
fn transformed(file: &mut Reader) -> Result<Found> {
    let header = Header::read(file)?;
    let transforms = transforms::read(file, header.dim)?;
    let at = file.at();
    let fourcc = file.fourcc()?;
    let (found, rows) = match &fourcc {
        b"IxMp" | b"IxM2" => {
            let within = Header::read(file)?;
            let plain = |fourcc: &[u8; 4]| fourcc[1] != b'B' && fourcc != b"IxPT";
            (mapped(file, (within.dim, within.rows), plain)?, within.rows)
        }
        b"IxPT" | b"IBxF" | b"IBwF" => {
            let reason = format!("{} behind transforms", fourcc.escape_ascii());
            return Err(file.fault(at, reason));
        }
        other => {
            let found = plain(file, at, *other)?;
            let rows = found.counted;
            (found, rows)
        }
    };
    let dim = transforms.last().map_or(header.dim, VectorTransform::dim_out);
    if (found.dim, rows, found.header_metric()) != (dim, header.rows, &header.metric) {
        let reason = format!(
            "{rows} rows of {} under {} behind transforms of {} rows to {dim} under {}",
            found.dim,
            found.header_metric(),
            header.rows,
            header.metric
        );
        return Err(file.fault(at, reason));
    }
    if found.rows > 0 && !transforms.iter().all(VectorTransform::is_trained) {
        return Err(file.fault(at, format!("{rows} rows behind transforms that are not trained")));
    }
    Ok(Found { transforms, ..found })
}

/// An index and the ids by which its own are known.
fn mapped(
    file: &mut Reader,
    (dim, rows): (usize, u64),
    inside: impl Fn(&[u8; 4]) -> bool,
) -> Result<Found> {
    let at = file.at();
    let fourcc = file.fourcc()?;
    if matches!(&fourcc, b"IxMp" | b"IxM2" | b"IBMp" | b"IBM2") || !inside(&fourcc) {
        let reason = format!("{} within an IDMap", fourcc.escape_ascii());
        return Err(file.fault(at, reason));
    }
    let found = plain(file, at, fourcc)?;
    if (found.dim_in(), found.counted) != (dim, rows) {
        let (d, n) = (found.dim_in(), found.counted);
        return Err(file.fault(at, format!("{n} rows of {d} in an IDMap of {rows} of {dim}")));
    }
    let at = file.at();
    let count = file.count(8)?;
    if count != rows {
        return Err(file.fault(at, format!("{count} ids for {rows} rows")));
    }
    let mut map = Vec::with_capacity(count as usize);
    file.ids(count, &mut map)?;
    let ids = match found.ids {
        None => map,
        Some(mut ids) => {
            for id in &mut ids {
                let mapped = map.get(*id as usize);
                let reason = || format!("{id} in a list, of {rows} rows");
                *id = *mapped.ok_or_else(|| file.fault(at, reason()))?;
            }
            ids
        }
    };
    Ok(Found { ids: Some(ids), counted: 0, ..found })
}
