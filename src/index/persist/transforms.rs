//! The section of the transforms that rows go through before an index gets them.

use super::reader::{FileReader, Section};
use super::writer::FileWriter;
use crate::error::{Error, Result};
use crate::format::{LittleEndian as _, MAX_DIM};
use crate::quantize::{TransformParts, VectorTransform};

const TRANSFORMS: &[u8; 4] = b"XFRM";
/// Names are short.
const NAME_BYTES: u32 = 64;
/// No chain has more, and each takes some bytes of the section.
const MOST: u32 = 1024;

pub(in crate::index) fn write_transforms(
    file: &mut FileWriter,
    transforms: &[VectorTransform],
) -> Result<()> {
    let mut bytes = Vec::new();
    bytes.extend((transforms.len() as u32).to_le_bytes());
    for transform in transforms {
        put(&mut bytes, &TransformParts::of(transform));
    }
    file.section(TRANSFORMS, bytes.len() as u64, |section| section.put(&bytes))
}

fn put(bytes: &mut Vec<u8>, parts: &TransformParts) {
    bytes.extend((parts.kind.len() as u32).to_le_bytes());
    bytes.extend(parts.kind.as_bytes());
    bytes.extend([parts.dim_in as u64, parts.dim_out as u64].map(u64::to_le_bytes).concat());
    bytes.extend([parts.eigen_power, parts.epsilon].map(f32::to_le_bytes).concat());
    bytes.extend(u32::from(parts.flag).to_le_bytes());
    bytes.extend(parts.number.to_le_bytes());
    bytes.extend(u32::from(parts.is_trained).to_le_bytes());
    for numbers in [
        &parts.matrix,
        &parts.bias,
        &parts.mean,
        &parts.eigenvalues,
        &parts.components,
        &parts.rotation,
    ] {
        bytes.extend((numbers.len() as u64).to_le_bytes());
        bytes.extend(bytemuck::cast_slice::<f32, u8>(numbers));
    }
    bytes.extend((parts.map.len() as u64).to_le_bytes());
    bytes.extend(bytemuck::cast_slice::<i32, u8>(&parts.map));
}

/// Reads what [`write_transforms`] wrote.
pub(in crate::index) fn read_transforms(file: &mut FileReader) -> Result<Vec<VectorTransform>> {
    let mut section = file.section(TRANSFORMS)?;
    let at = section.at();
    let count = section.u32()?;
    if count > MOST {
        return Err(section.fault_at(at, format!("{count} transforms, {MOST} are the most")));
    }
    let mut transforms = Vec::new();
    for _ in 0..count {
        let at = section.at();
        let parts = get(&mut section)?;
        let made = parts.build().map_err(|e| match e {
            Error::OutOfDeviceMemory { .. } => e,
            other => section.fault_at(at, format!("a vector transform: {other}")),
        })?;
        transforms.push(made);
    }
    section.end()?;
    Ok(transforms)
}

fn get(section: &mut Section<'_>) -> Result<TransformParts> {
    let kind = section.text(NAME_BYTES)?;
    let at = section.at();
    let (dim_in, dim_out) = (section.u64()?, section.u64()?);
    // no vector has more elements, and rotations are computed of no more than that
    let dim = |dim: u64| usize::try_from(dim).ok().filter(|&dim| dim <= MAX_DIM);
    let (Some(dim_in), Some(dim_out)) = (dim(dim_in), dim(dim_out)) else {
        return Err(section.fault_at(at, format!("a transform of {dim_in} elements to {dim_out}")));
    };
    let (eigen_power, epsilon) = (section.f32()?, section.f32()?);
    let flag = flag(section)?;
    let number = section.u64()?;
    let is_trained = self::flag(section)?;
    Ok(TransformParts {
        kind,
        dim_in,
        dim_out,
        eigen_power,
        epsilon,
        flag,
        number,
        is_trained,
        matrix: numbers(section)?,
        bias: numbers(section)?,
        mean: numbers(section)?,
        eigenvalues: numbers(section)?,
        components: numbers(section)?,
        rotation: numbers(section)?,
        map: numbers(section)?,
    })
}

fn flag(section: &mut Section<'_>) -> Result<bool> {
    let at = section.at();
    match section.u32()? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(section.fault_at(at, format!("{other} is neither 0 nor 1"))),
    }
}

/// Numbers of four bytes, of which the section has as many as it says.
fn numbers<T: bytemuck::Pod>(section: &mut Section<'_>) -> Result<Vec<T>> {
    let at = section.at();
    let count = section.u64()?;
    if count.checked_mul(4).is_none_or(|bytes| bytes > section.left()) {
        let left = section.left();
        return Err(section.fault_at(at, format!("{count} numbers, {left} bytes are left")));
    }
    let mut numbers = vec![T::zeroed(); count as usize];
    section.fill(bytemuck::cast_slice_mut(&mut numbers))?;
    Ok(numbers)
}
