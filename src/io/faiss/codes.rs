//! Codes that are in no lists in a file.

use super::fast_scan::Blocks;
use super::found::{Found, Stretch};
use super::header::Header;
use super::quantizer;
use super::rabitq;
use crate::dtype::DType;
use crate::error::Result;
use crate::format::LittleEndian as _;
use crate::io::reader::Reader;
use crate::metric::Metric;
use crate::quantize::{ProductQuantizer, Quantizer};

/// Codes of a scalar quantizer.
pub(super) fn scalar(file: &mut Reader) -> Result<Found> {
    let header = Header::read(file)?;
    let of = quantizer::read(file, header.dim, header.is_trained)?;
    codes(file, header, Quantizer::Scalar(of))
}

/// Codes of a product quantizer, whose four letters stand at `at`.
pub(super) fn product(file: &mut Reader, at: u64, fourcc: [u8; 4]) -> Result<Found> {
    let mut header = Header::read(file)?;
    if fourcc != *b"IxPq" {
        // whatever old files say, they were searched by L2
        header.metric = Metric::L2;
    }
    let of = quantizer::read_product(file, header.dim, header.is_trained)?;
    let found = codes(file, header, Quantizer::Product(of))?;
    if fourcc == *b"IxPQ" {
        return Ok(found);
    }
    let (way, _signs, _threshold) = (file.i32()?, file.flag()?, file.i32()?);
    match way {
        0 => Ok(found),
        other => {
            let reason = format!(
                "a product quantizer that is not searched by the distances of its codes (search_type {other}), which search_type = faiss.IndexPQ.ST_PQ does"
            );
            Err(file.fault(at, reason))
        }
    }
}

/// Codes of 4 bits in blocks for fast scans.
pub(super) fn fast(file: &mut Reader) -> Result<Found> {
    let header = Header::read(file)?;
    let of = quantizer::read_product(file, header.dim, header.is_trained)?;
    let at = file.at();
    let (_implem, rows, _queries) = (file.i32()?, file.i32()?, file.i32()?);
    let (_padded, parts) = (file.u64()?, file.u64()?);
    if of.bits() != 4 {
        return Err(file.fault(at, format!("codes of {} bits for fast scans", of.bits())));
    }
    let blocks = Blocks::new(file, at, of.subspaces(), (rows, parts))?;
    of_bytes(file, header, Quantizer::Product(of), Some(blocks))
}

/// Codes of RaBitQ, of one bit or of more.
pub(super) fn rabitq(file: &mut Reader, many: bool) -> Result<Found> {
    let header = Header::read(file)?;
    let (is_trained, of) = (header.is_trained, rabitq::read(file, &header, many)?);
    // the center stands behind the codes
    let unknown = Quantizer::RaBitQ(of.clone().of_lists());
    let found = of_bytes(file, header, unknown, None)?;
    let at = file.at();
    let of = rabitq::with_center(file, of, is_trained)?;
    let of = rabitq::with_query_bits(file, of)?;
    if found.rows > 0 && !is_trained {
        return Err(file.fault(at, format!("{} codes around no center", found.rows)));
    }
    Ok(Found { codes: Some(Quantizer::RaBitQ(of)), ..found })
}

fn codes(file: &mut Reader, header: Header, of: Quantizer) -> Result<Found> {
    of_bytes(file, header, of, None)
}

fn of_bytes(
    file: &mut Reader,
    header: Header,
    of: Quantizer,
    blocks: Option<Blocks>,
) -> Result<Found> {
    let (at, row_bytes) = (file.at(), of.foreign_bytes() as u64);
    let (bytes, rows) = (file.count(1)?, header.rows);
    let expected = match blocks {
        None => rows.checked_mul(row_bytes),
        Some(blocks) => Some(blocks.bytes_of(rows)),
    };
    // there may be room for more rows in blocks
    if expected != Some(bytes) && !(blocks.is_some() && expected < Some(bytes)) {
        return Err(file.fault(at, format!("{bytes} bytes for {rows} codes of {row_bytes}")));
    }
    if rows > 0 && !of.is_trained() {
        return Err(file.fault(at, format!("{rows} codes of a quantizer that is not trained")));
    }
    let stretch = Stretch { at: file.at(), rows, list: 0 };
    file.skip(bytes)?;
    let found = Found::of_rows(header.metric, (DType::U8, header.dim), row_bytes, stretch);
    Ok(Found { blocks, codes: Some(of), ..found })
}

/// The letters, and what stands before the codes.
pub(super) fn write(of: &Quantizer, header: &Header, out: &mut Vec<u8>) -> Result<()> {
    match of {
        Quantizer::Scalar(of) => {
            out.extend(b"IxSQ");
            header.write(out)?;
            quantizer::write(of, out)
        }
        Quantizer::Product(of) => {
            out.extend(b"IxPq");
            header.write(out)?;
            quantizer::write_product(of, out);
            Ok(())
        }
        Quantizer::RaBitQ(of) => {
            out.extend(rabitq::letters(of, false));
            header.write(out)?;
            rabitq::write(of, header, out)
        }
    }
}

/// What stands behind them: that all codes are compared, and what FAISS says of polysemous ones until somebody chooses another number; of
/// RaBitQ the center.
pub(super) fn behind(of: &Quantizer) -> Vec<u8> {
    let polysemous = |of: &ProductQuantizer| (of.subspaces() * of.bits() as usize + 1) as u32;
    match of {
        Quantizer::Scalar(_) => Vec::new(),
        Quantizer::Product(of) => {
            [&0u32.to_le_bytes()[..], &[0], &polysemous(of).to_le_bytes()].concat()
        }
        Quantizer::RaBitQ(of) => rabitq::behind(of),
    }
}
