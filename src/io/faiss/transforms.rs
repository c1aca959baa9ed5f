//! Transforms of vectors as FAISS writes them.

use crate::error::{Error, Result};
use crate::format::{LittleEndian as _, MAX_DIM};
use crate::io::reader::Reader;
use crate::quantize::{TransformParts, VectorTransform};

/// No chain has more.
const MOST: i32 = 1024;
/// No vector has more elements.
const MOST_ELEMENTS: i32 = MAX_DIM as i32;
/// What stands in a file for how ITQ is learnt: rounds and seed, FAISS's own.
const ITQ: [u32; 2] = [50, 123];
/// The seed by which FAISS makes a rotation when it is trained; no file has it.
const ROTATION_SEED: u64 = 12345;
/// The norm of which the length is 1, the only one that FAISS applies.
const NORM: f32 = 2.0;

const KNOWN: &str = "Pcam, PcAm, PCAm, LTra, rrot, Viqm, Viqt, HRot, VNrm, VCnt and RmDT";

/// The transforms of an index behind transforms, of rows of `dim` elements.
pub(super) fn read(file: &mut Reader, dim: usize) -> Result<Vec<VectorTransform>> {
    let at = file.at();
    let count = file.i32()?;
    if !(0..=MOST).contains(&count) {
        return Err(file.fault(at, format!("{count} transforms, {MOST} are the most")));
    }
    let (mut transforms, mut dim) = (Vec::new(), dim);
    for _ in 0..count {
        let at = file.at();
        let parts = one(file)?;
        if parts.dim_in != dim {
            let reason = format!("a transform of {} elements for rows of {dim}", parts.dim_in);
            return Err(file.fault(at, reason));
        }
        dim = parts.dim_out;
        let kind = parts.kind.clone();
        let made = parts.build();
        let made = made.map_err(|e| file.refused(at, named(&kind, e)))?;
        transforms.push(made);
    }
    Ok(transforms)
}

/// The error of a transform that is of this kind.
fn named(kind: &str, error: Error) -> Error {
    match error {
        Error::InvalidArgument { argument, reason } => {
            Error::argument(argument, format!("of {kind}: {reason}"))
        }
        Error::LimitExceeded { .. } => Error::argument("transform", error.to_string()),
        other => other,
    }
}

/// A transform from its letters to its end.
fn one(file: &mut Reader) -> Result<TransformParts> {
    let at = file.at();
    let fourcc = file.fourcc()?;
    let mut parts = TransformParts::default();
    match &fourcc {
        b"Viqt" => {
            parts.kind = "ITQ".into();
            parts.mean = vector(file)?;
            parts.flag = file.flag()?;
            // the rotation alone, then with the components
            parts.rotation = matrix_of(file, b"Viqm")?.matrix;
            let both = matrix_of(file, b"LTra")?;
            (parts.matrix, parts.bias) = (both.matrix, both.bias);
        }
        b"Pcam" | b"PcAm" | b"PCAm" | b"LTra" | b"rrot" | b"Viqm" => {
            linear(file, fourcc, &mut parts)?
        }
        b"HRot" => {
            parts.kind = "HR".into();
            parts.number = file.u32()?.into();
        }
        b"VNrm" => {
            parts.kind = "L2norm".into();
            let at = file.at();
            let norm = file.f32()?;
            if norm != NORM {
                return Err(file.fault(
                    at,
                    format!("rows of length 1 by the norm {norm}, where {NORM} is known"),
                ));
            }
        }
        b"VCnt" => {
            parts.kind = "Center".into();
            parts.mean = vector(file)?;
        }
        b"RmDT" => {
            parts.kind = "Remap".into();
            let count = file.count(4)?;
            parts.map = vec![0; count as usize];
            file.fill(bytemuck::cast_slice_mut(&mut parts.map))?;
        }
        other => {
            let reason =
                format!("{} is no transform that is read; those are {KNOWN}", other.escape_ascii());
            return Err(file.fault(at, reason));
        }
    }
    end(file, &mut parts)?;
    Ok(parts)
}

/// What all transforms end with: dimensions, and whether they are trained.
fn end(file: &mut Reader, parts: &mut TransformParts) -> Result<()> {
    let mut dim = || {
        let at = file.at();
        match file.i32()? {
            dim @ 1..=MOST_ELEMENTS => Ok(dim as usize),
            dim => Err(file.fault(at, format!("a transform of {dim} elements"))),
        }
    };
    (parts.dim_in, parts.dim_out) = (dim()?, dim()?);
    parts.is_trained = file.flag()?;
    // the matrix may have rows behind those that are multiplied with
    let used = parts.dim_in * parts.dim_out;
    if parts.is_trained && parts.matrix.len() > used {
        parts.matrix.truncate(used);
    }
    Ok(())
}

/// What is between the letters of a transform by a matrix and its end.
fn linear(file: &mut Reader, fourcc: [u8; 4], parts: &mut TransformParts) -> Result<()> {
    match &fourcc {
        b"Pcam" | b"PcAm" | b"PCAm" => {
            parts.kind = "PCA".into();
            parts.eigen_power = file.f32()?;
            if fourcc == *b"Pcam" {
                parts.epsilon = file.f32()?;
            }
            parts.flag = file.flag()?;
            if fourcc != *b"PCAm" {
                // components in bins of like variance: the matrix has them in that order
                file.i32()?;
            }
            parts.mean = vector(file)?;
            parts.eigenvalues = vector(file)?;
            parts.components = vector(file)?;
        }
        b"rrot" => {
            parts.kind = "RR".into();
            parts.number = ROTATION_SEED;
        }
        b"Viqm" => {
            parts.kind = "Linear".into();
            file.skip(8)?;
        }
        _ => parts.kind = "Linear".into(),
    }
    let biased = file.flag()?;
    parts.matrix = vector(file)?;
    parts.bias = vector(file)?;
    if !biased {
        parts.bias.clear();
    }
    Ok(())
}

/// The rotation of rows of `dim_in` elements to `dim_out` within an index of signs: the matrix and what is added to its products, or nothing where
/// it is not there.
#[allow(clippy::type_complexity)]
pub(super) fn rotation(
    file: &mut Reader,
    (dim_in, dim_out): (usize, usize),
) -> Result<Option<(Vec<f32>, Vec<f32>)>> {
    let at = file.at();
    let parts = matrix_of(file, b"rrot")?;
    if (parts.dim_in, parts.dim_out) != (dim_in, dim_out) {
        let (from, to) = (parts.dim_in, parts.dim_out);
        let reason =
            format!("a rotation of {from} elements to {to} for {dim_out} bits of {dim_in}");
        return Err(file.fault(at, reason));
    }
    Ok(parts.is_trained.then_some((parts.matrix, parts.bias)))
}

/// One that is not there.
pub(super) fn write_no_rotation((dim_in, dim_out): (usize, usize), out: &mut Vec<u8>) {
    out.extend(b"rrot");
    let parts = TransformParts { dim_in, dim_out, ..TransformParts::default() };
    put_matrix(&parts, false, out);
    put_end(&parts, out);
}

/// The matrix within another transform, of these letters.
fn matrix_of(file: &mut Reader, letters: &[u8; 4]) -> Result<TransformParts> {
    let at = file.at();
    let fourcc = file.fourcc()?;
    if fourcc != *letters {
        let (found, wanted) = (fourcc.escape_ascii(), letters.escape_ascii());
        return Err(file.fault(at, format!("{found} within another, where {wanted} is expected")));
    }
    let mut parts = TransformParts::default();
    linear(file, fourcc, &mut parts)?;
    end(file, &mut parts)?;
    Ok(parts)
}

fn vector(file: &mut Reader) -> Result<Vec<f32>> {
    let count = file.count(4)?;
    file.f32s(count)
}

/// Writes a transform as FAISS does. What is a rotation for a product quantizer, or a matrix that was given, is one kind there.
pub(super) fn write(transform: &VectorTransform, out: &mut Vec<u8>) -> Result<()> {
    let parts = TransformParts::of(transform);
    match &parts.kind[..] {
        "PCA" => {
            out.extend(b"Pcam");
            out.extend([parts.eigen_power, parts.epsilon].map(f32::to_le_bytes).concat());
            out.push(parts.flag.into());
            out.extend([0; 4]);
            for numbers in [&parts.mean, &parts.eigenvalues, &parts.components] {
                put(numbers, out);
            }
            put_matrix(&parts, true, out);
        }
        "Linear" | "OPQ" => {
            out.extend(b"LTra");
            put_matrix(&parts, !parts.bias.is_empty(), out);
        }
        "RR" => {
            out.extend(b"rrot");
            put_matrix(&parts, !parts.bias.is_empty(), out);
        }
        "ITQ" => {
            out.extend(b"Viqt");
            put(&parts.mean, out);
            out.push(parts.flag.into());
            let turned = TransformParts {
                dim_in: parts.dim_out,
                matrix: parts.rotation.clone(),
                bias: Vec::new(),
                ..parts.clone()
            };
            out.extend(b"Viqm");
            out.extend(ITQ.map(u32::to_le_bytes).concat());
            put_matrix(&turned, false, out);
            put_end(&turned, out);
            out.extend(b"LTra");
            put_matrix(&parts, !parts.bias.is_empty(), out);
            put_end(&parts, out);
        }
        "HR" => {
            out.extend(b"HRot");
            out.extend((parts.number as u32).to_le_bytes());
        }
        "L2norm" => {
            out.extend(b"VNrm");
            out.extend(NORM.to_le_bytes());
        }
        "Center" => {
            out.extend(b"VCnt");
            put(&parts.mean, out);
        }
        "Remap" => {
            out.extend(b"RmDT");
            out.extend((parts.map.len() as u64).to_le_bytes());
            out.extend(bytemuck::cast_slice::<i32, u8>(&parts.map));
        }
        other => {
            return Err(Error::unsupported("a file of FAISS", format!("the transform {other}")));
        }
    }
    put_end(&parts, out);
    Ok(())
}

fn put(numbers: &[f32], out: &mut Vec<u8>) {
    out.extend((numbers.len() as u64).to_le_bytes());
    out.extend(bytemuck::cast_slice::<f32, u8>(numbers));
}

fn put_matrix(parts: &TransformParts, biased: bool, out: &mut Vec<u8>) {
    out.push(biased.into());
    put(&parts.matrix, out);
    put(&parts.bias, out);
}

fn put_end(parts: &TransformParts, out: &mut Vec<u8>) {
    out.extend([parts.dim_in, parts.dim_out].map(|dim| (dim as u32).to_le_bytes()).concat());
    out.push(parts.is_trained.into());
}
