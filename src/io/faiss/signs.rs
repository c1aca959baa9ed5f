//! Signs of rows (`IndexLSH`) in a file.

use super::found::{Found, Stretch};
use super::header::Header;
use super::transforms;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::format::LittleEndian as _;
use crate::io::reader::Reader;
use crate::metric::Metric;
use crate::quantize::SignQuantizer;

/// An index of signs, whose four letters, new or old, were read.
pub(super) fn find(file: &mut Reader, is_old: bool) -> Result<Found> {
    let start = file.at();
    let header = Header::read(file)?;
    let (dim, rows) = (header.dim, header.rows);
    if header.metric != Metric::L2 {
        let reason = format!("signs under {}, which are under l2 alone", header.metric);
        return Err(file.fault(start, reason));
    }
    let at = file.at();
    let bits = usize::try_from(file.i32()?).unwrap_or(0);
    let (rotated, has_thresholds) = (file.flag()?, file.flag()?);
    let numbers = file.count(4)?;
    if numbers > bits as u64 {
        return Err(file.fault(at, format!("{numbers} thresholds for {bits} bits")));
    }
    let thresholds = file.f32s(numbers)?;
    let code_at = file.at();
    // of old it counts words of 64 bits
    let code_bytes = i64::from(file.i32()?) * if is_old { 8 } else { 1 };
    if code_bytes != bits.div_ceil(8) as i64 || (is_old && !bits.is_multiple_of(64)) {
        return Err(file.fault(code_at, format!("{code_bytes} bytes for {bits} bits")));
    }
    let rotation_at = file.at();
    let rotation = transforms::rotation(file, (dim, bits))?;
    let (matrix, bias) = match (rotated, rotation) {
        (true, None) => {
            let reason =
                "the rotation is not there, though the bits are said to be of rotated rows";
            return Err(file.fault(rotation_at, reason));
        }
        (true, Some(numbers)) => numbers,
        (false, _) => Default::default(),
    };
    let made = match rotated {
        true => SignQuantizer::rotation_of((dim, bits), &matrix, &bias).map(Some),
        false => Ok(None),
    };
    let thresholds = has_thresholds.then_some(thresholds);
    let made = made.and_then(|made| SignQuantizer::with_parts((dim, bits), made, thresholds));
    let made = made.map_err(|e| match e {
        Error::LimitExceeded { .. } => file.fault(at, e.to_string()),
        other => file.refused(at, other),
    })?;
    if made.is_trained() != header.is_trained {
        let reason = format!(
            "thresholds of {} bits, where the header says trained: {}",
            made.thresholds().map_or(0, <[f32]>::len),
            header.is_trained
        );
        return Err(file.fault(at, reason));
    }
    let at = file.at();
    let bytes = file.count(1)?;
    let row_bytes = bits.div_ceil(8) as u64;
    if bytes != rows * row_bytes || (rows > 0 && !made.is_trained()) {
        return Err(file.fault(at, format!("{bytes} bytes for {rows} rows of {bits} bits")));
    }
    let stretch = Stretch { at: file.at(), rows, list: 0 };
    file.skip(bytes)?;
    // the distances are those of the bits
    let found = Found::of_rows(Metric::Hamming, (DType::Bits, dim), row_bytes, stretch);
    Ok(Found { signs: Some(made), ..found })
}

/// What stands between the header and the bits.
pub(super) fn write(signs: &SignQuantizer, out: &mut Vec<u8>) -> Result<()> {
    let thresholds = signs.thresholds().unwrap_or_default();
    out.extend((signs.bits() as u32).to_le_bytes());
    out.extend([signs.rotation().is_some(), signs.thresholds().is_some()].map(u8::from));
    out.extend((thresholds.len() as u64).to_le_bytes());
    out.extend(bytemuck::cast_slice::<f32, u8>(thresholds));
    out.extend((signs.bits().div_ceil(8) as u32).to_le_bytes());
    match signs.rotation() {
        Some(rotation) => transforms::write(rotation, out),
        None => {
            transforms::write_no_rotation((signs.dim(), signs.bits()), out);
            Ok(())
        }
    }
}
