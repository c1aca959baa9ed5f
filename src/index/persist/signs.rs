//! The sections of what makes bits of rows: the rotation, and how many bits there are with what thresholds.

use super::reader::FileReader;
use super::transforms::{read_transforms, write_transforms};
use super::writer::FileWriter;
use crate::error::Result;
use crate::format::LittleEndian as _;
use crate::quantize::SignQuantizer;

const SIGNS: &[u8; 4] = b"SIGN";

/// Writes what makes the bits.
pub(in crate::index) fn write_signs(file: &mut FileWriter, of: &SignQuantizer) -> Result<()> {
    write_transforms(file, of.rotation().map_or(&[], std::slice::from_ref))?;
    let thresholds = of.thresholds().unwrap_or_default();
    file.section(SIGNS, 8 + 4 * thresholds.len() as u64, |section| {
        section.put(&(of.bits() as u32).to_le_bytes())?;
        section.put(&u32::from(of.thresholds().is_some()).to_le_bytes())?;
        section.put(bytemuck::cast_slice(thresholds))
    })
}

/// Reads what [`write_signs`] wrote, for rows of `dim` elements, of which `rows` follow.
pub(in crate::index) fn read_signs(
    file: &mut FileReader,
    dim: usize,
    rows: u64,
) -> Result<SignQuantizer> {
    let mut rotations = read_transforms(file)?;
    let mut section = file.section(SIGNS)?;
    let at = section.at();
    let (bits, flag) = (section.u32()?, section.u32()?);
    if rotations.len() > 1 {
        return Err(section.fault_at(at, format!("bits behind {} rotations", rotations.len())));
    }
    let left = section.left();
    let thresholds = match (flag, left) {
        (0, 0) => None,
        (1, left) if left % 4 == 0 && left <= 4 * u64::from(bits) => {
            let mut thresholds = vec![0f32; left as usize / 4];
            section.fill(bytemuck::cast_slice_mut(&mut thresholds))?;
            Some(thresholds)
        }
        (0 | 1, left) => {
            return Err(section.fault_at(at, format!("{left} bytes of thresholds of {bits} bits")));
        }
        (other, _) => return Err(section.fault_at(at + 4, format!("{other} is neither 0 nor 1"))),
    };
    let made = SignQuantizer::with_parts((dim, bits as usize), rotations.pop(), thresholds);
    let made = made.map_err(|e| section.fault_at(at, e.to_string()))?;
    if rows > 0 && !made.is_trained() {
        return Err(section.fault_at(at, format!("{rows} rows without their thresholds")));
    }
    section.end()?;
    Ok(made)
}
