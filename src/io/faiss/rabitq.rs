//! RaBitQ as FAISS writes it.

use super::header::{Header, number};
use crate::error::Result;
use crate::format::LittleEndian as _;
use crate::io::reader::Reader;
use crate::quantize::RaBitQuantizer;

/// With the bits of queries as searches read them.
pub(super) fn with_query_bits(file: &mut Reader, of: RaBitQuantizer) -> Result<RaBitQuantizer> {
    let at = file.at();
    let bits = file.u8()?;
    of.with_query_bits(bits.into()).map_err(|e| file.refused(at, e))
}

/// The quantizer, without its center; behind the letters `..rr` with its bits.
pub(super) fn read(file: &mut Reader, header: &Header, many: bool) -> Result<RaBitQuantizer> {
    let start = file.at();
    // FAISS computes the bytes of a code again, and so is it here
    let (dim, _, metric) = (file.u64()?, file.u64()?, file.i32()?);
    if dim != header.dim as u64 {
        let reason = format!("a quantizer of {dim} dimensions for rows of {}", header.dim);
        return Err(file.fault(start, reason));
    }
    let its = number(&header.metric)?.0;
    if metric != its {
        let reason = format!("a quantizer of metric {metric} for rows of {its}");
        return Err(file.fault(start + 16, reason));
    }
    let at = file.at();
    let bits = if many { file.u64()? } else { 1 };
    let made = RaBitQuantizer::new(header.dim, &header.metric, bits.try_into().unwrap_or(u32::MAX));
    made.map_err(|e| file.refused(at, e))
}

/// The center behind the codes, which is there once it is known.
pub(super) fn with_center(
    file: &mut Reader,
    of: RaBitQuantizer,
    is_trained: bool,
) -> Result<RaBitQuantizer> {
    let at = file.at();
    let count = file.count(4)?;
    let (dim, expected) = (of.dim() as u64, if is_trained { "" } else { ", or none" });
    if count != dim && (is_trained || count != 0) {
        return Err(
            file.fault(at, format!("a center of {count} elements; {dim}{expected} are right"))
        );
    }
    let center = file.f32s(count)?;
    if !is_trained {
        return Ok(of);
    }
    of.with_center(&center).map_err(|e| file.refused(at, e))
}

/// The letters of an index without lists, or of lists.
pub(super) fn letters(of: &RaBitQuantizer, lists: bool) -> &'static [u8; 4] {
    match (lists, of.bits()) {
        (false, 1) => b"Ixrq",
        (false, _) => b"Ixrr",
        (true, 1) => b"Iwrq",
        (true, _) => b"Iwrr",
    }
}

/// The reverse of [`read`].
pub(super) fn write(of: &RaBitQuantizer, header: &Header, out: &mut Vec<u8>) -> Result<()> {
    out.extend([of.dim(), of.code_bytes()].map(|n| (n as u64).to_le_bytes()).concat());
    out.extend(number(&header.metric)?.0.to_le_bytes());
    if of.bits() > 1 {
        out.extend(u64::from(of.bits()).to_le_bytes());
    }
    Ok(())
}

/// What stands behind codes: the center, and in how many bits searches read queries.
pub(super) fn behind(of: &RaBitQuantizer) -> Vec<u8> {
    let center = of.center().unwrap_or_default();
    [
        &(center.len() as u64).to_le_bytes()[..],
        bytemuck::cast_slice(center),
        &[of.query_bits() as u8],
    ]
    .concat()
}
