//! A file from its first letters to its end, but for the rows, whose places are found out.

use super::bit_lists;
use super::codes;
use super::flat;
use super::found::{Found, MOST_CANDIDATES, Rescoring};
use super::graph;
use super::header::{BinaryHeader, Header};
use super::lists;
use super::names;
use super::signs;
use super::transforms;
use crate::error::Result;
use crate::format::LittleEndian as _;
use crate::io::reader::Reader;
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
        b"Ixrq" | b"Ixrr" => codes::rabitq(file, fourcc == *b"Ixrr"),
        b"Iwrq" | b"Iwrr" => lists::find(file, fourcc),
        b"IBwF" => bit_lists::find(file),
        b"IxHe" | b"IxHE" => signs::find(file, fourcc == *b"IxHE"),
        b"IHNf" | b"IHNs" | b"IHNp" | b"IHc2" => graph::find(file, fourcc),
        b"IxPT" => transformed(file),
        b"IxRF" => refined(file),
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
            let plain =
                |fourcc: &[u8; 4]| fourcc[1] != b'B' && !matches!(fourcc, b"IxPT" | b"IxRF");
            (mapped(file, (within.dim, within.rows), plain)?, within.rows)
        }
        b"IxPT" | b"IBxF" | b"IBwF" | b"IxRF" => {
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

/// An index of two stages: the first, and behind it the second, by which candidates are compared again. The ids of the first are the numbers of the rows of the second.
fn refined(file: &mut Reader) -> Result<Found> {
    let header = Header::read(file)?;
    let at = file.at();
    let fourcc = file.fourcc()?;
    let base = match &fourcc {
        b"IxMp" | b"IxM2" => {
            let within = Header::read(file)?;
            let plain = |fourcc: &[u8; 4]| fourcc[1] != b'B' && fourcc != b"IxRF";
            Found { counted: within.rows, ..mapped(file, (within.dim, within.rows), plain)? }
        }
        b"IxRF" | b"IBxF" => {
            let reason = format!("{} as the first stage of another", fourcc.escape_ascii());
            return Err(file.fault(at, reason));
        }
        other => plain(file, at, *other)?,
    };
    let behind = file.at();
    let fourcc = file.fourcc()?;
    let rows = match &fourcc {
        b"IxF2" | b"IxFI" | b"IxFl" => flat::flat(file),
        b"IxSQ" => codes::scalar(file),
        b"IxPq" | b"IxPo" | b"IxPQ" => codes::product(file, behind, fourcc),
        _ => {
            let reason = format!(
                "candidates are compared by another index than a flat one, of rows or of codes: {}",
                names::unread(fourcc)
            );
            return Err(file.fault(behind, reason));
        }
    }?;
    // an IDMap within transforms counts its rows itself
    let counted = if base.counted == 0 { base.rows } else { base.counted };
    for (stage, its, counted) in [(&base, base.dim_in(), counted), (&rows, rows.dim, rows.rows)] {
        if (its, counted, stage.header_metric()) != (header.dim, header.rows, &header.metric) {
            let reason = format!(
                "{counted} rows of {its} under {} as a stage of {} of {} under {}",
                stage.header_metric(),
                header.rows,
                header.dim,
                header.metric
            );
            return Err(file.fault(at, reason));
        }
    }
    if let Some(reason) = unlike(&base, rows.rows) {
        return Err(file.fault(at, reason));
    }
    let place = file.at();
    let k_factor = file.f32()?;
    if !(1.0..=MOST_CANDIDATES).contains(&k_factor) {
        let reason =
            format!("{k_factor} candidates for each neighbour, 1 to {MOST_CANDIDATES} are");
        return Err(file.fault(place, reason));
    }
    Ok(Found { refine: Some(Box::new(Rescoring { rows, k_factor })), ..base })
}

/// Why the ids of a first stage are not the numbers of so many rows, each of them once.
fn unlike(base: &Found, rows: u64) -> Option<String> {
    let Some(ids) = &base.ids else { return None };
    if ids.len() as u64 != rows {
        return Some(format!("{} rows of the first stage, {rows} of the second", ids.len()));
    }
    let mut there = vec![false; ids.len()];
    for &id in ids {
        match there.get_mut(id as usize) {
            Some(there) if !*there => *there = true,
            Some(_) => return Some(format!("row {id} is there twice in the first stage")),
            None => return Some(format!("row {id} in the first stage, of {rows} of the second")),
        }
    }
    None
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
    let refine = found.refine.map(|mut refine| {
        // they are those of the first stage, in the order of its numbers
        refine.rows.ids = Some(map.clone());
        refine
    });
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
    Ok(Found { ids: Some(ids), counted: 0, refine, ..found })
}
