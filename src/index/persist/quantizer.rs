//! The section of a scalar quantizer: its type, the statistic of its ranges, and these once they are learnt.

use super::reader::FileReader;
use super::writer::FileWriter;
use crate::error::{Error, Result};
use crate::format::LittleEndian as _;
use crate::quantize::{ScalarQuantizer, SqRange, SqType};

const QUANTIZER: &[u8; 4] = b"SQNT";
/// Names are short.
const NAME_BYTES: u32 = 64;

pub(in crate::index) fn write_quantizer(
    file: &mut FileWriter,
    quantizer: &ScalarQuantizer,
) -> Result<()> {
    let (name, trained) = (quantizer.kind().name(), quantizer.trained());
    let (by, argument) = match quantizer.range() {
        SqRange::MinMax(argument) => (0u32, argument),
        SqRange::MeanStd(argument) => (1, argument),
        SqRange::Quantiles(argument) => (2, argument),
        SqRange::Optim => (3, 0.0),
    };
    let length = 4 + name.len() as u64 + 8 + 4 * trained.len() as u64;
    file.section(QUANTIZER, length, |section| {
        section.put(&(name.len() as u32).to_le_bytes())?;
        section.put(name.as_bytes())?;
        section.put(&by.to_le_bytes())?;
        section.put(&argument.to_le_bytes())?;
        section.put(bytemuck::cast_slice(trained))
    })
}

/// Reads what [`write_quantizer`] wrote, of rows of `dim` elements.
pub(in crate::index) fn read_quantizer(
    file: &mut FileReader,
    dim: usize,
) -> Result<ScalarQuantizer> {
    let mut section = file.section(QUANTIZER)?;
    let at = section.at();
    let kind = section.text(NAME_BYTES)?.parse::<SqType>();
    let kind = kind.map_err(|e| section.fault_at(at, e.to_string()))?;
    let at = section.at();
    let (by, argument) = (section.u32()?, section.f32()?);
    let range = match by {
        0 => SqRange::MinMax(argument),
        1 => SqRange::MeanStd(argument),
        2 => SqRange::Quantiles(argument),
        3 => SqRange::Optim,
        other => return Err(section.fault_at(at, format!("{other} is no statistic"))),
    };
    let refused = |e: Error| e.to_string();
    let made = ScalarQuantizer::new(dim, kind).and_then(|made| made.with_range(range));
    let made = made.map_err(|e| section.fault_at(at, refused(e)))?;
    let (at, left) = (section.at(), section.left());
    if left == 0 {
        section.end()?;
        return Ok(made);
    }
    // as many numbers as two a dimension, at most
    if left % 4 != 0 || left > 8 * dim as u64 {
        return Err(section.fault_at(at, format!("{left} bytes of ranges of {dim} dimensions")));
    }
    let mut trained = vec![0f32; left as usize / 4];
    section.fill(bytemuck::cast_slice_mut(&mut trained))?;
    let made = made.with_trained(&trained).map_err(|e| section.fault_at(at, refused(e)))?;
    section.end()?;
    Ok(made)
}
