//! Quantizers as FAISS writes them.

use crate::error::{Error, Result};
use crate::format::LittleEndian as _;
use crate::io::reader::Reader;
use crate::quantize::{ProductQuantizer, ScalarQuantizer, SqRange, SqType};

/// FAISS's numbers of the types.
const TYPES: &[(i32, SqType)] = &[
    (0, SqType::Bits8),
    (1, SqType::Bits4),
    (2, SqType::Uniform8),
    (3, SqType::Uniform4),
    (4, SqType::Fp16),
    (5, SqType::Direct8),
    (6, SqType::Bits6),
    (7, SqType::Bf16),
    (8, SqType::Direct8Signed),
];

/// One of rows of `dim` elements, with its ranges where it has to be trained.
pub(super) fn read(file: &mut Reader, dim: usize, is_trained: bool) -> Result<ScalarQuantizer> {
    let at = file.at();
    let number = file.i32()?;
    let Some((_, kind)) = TYPES.iter().find(|(known, _)| *known == number) else {
        let known: Vec<_> = TYPES.iter().map(|(n, kind)| format!("{n} {kind}")).collect();
        let known = known.join(", ");
        return Err(
            file.fault(at, format!("no scalar quantizer is of type {number}; known are {known}"))
        );
    };
    let at = file.at();
    let (by, argument) = (file.i32()?, file.f32()?);
    let range = match by {
        0 => SqRange::MinMax(argument),
        1 => SqRange::MeanStd(argument),
        2 => SqRange::Quantiles(argument),
        3 => SqRange::Optim,
        other => return Err(file.fault(at, format!("{other} is no statistic of ranges"))),
    };
    let made = ScalarQuantizer::new(dim, *kind).and_then(|made| made.with_range(range));
    let made = made.map_err(|e| file.refused(at, e))?;
    let at = file.at();
    let (of, code_size) = (file.u64()?, file.u64()?);
    if (of, code_size) != (dim as u64, made.code_bytes() as u64) {
        let reason = format!("{code_size} bytes for {of} elements as {kind}, of rows of {dim}");
        return Err(file.fault(at, reason));
    }
    let at = file.at();
    let numbers = file.count(4)?;
    // as many as two a dimension, at most
    if numbers > 2 * dim as u64 {
        return Err(file.fault(at, format!("{numbers} numbers for ranges of {dim} dimensions")));
    }
    let trained = file.f32s(numbers)?;
    if trained.is_empty() && !is_trained {
        return Ok(made);
    }
    made.with_trained(&trained).map_err(|e| file.refused(at, e))
}

pub(super) fn write(quantizer: &ScalarQuantizer, out: &mut Vec<u8>) -> Result<()> {
    let kind = quantizer.kind();
    let Some((number, _)) = TYPES.iter().find(|(_, known)| *known == kind) else {
        let item = format!("{kind}, a type that FAISS does not have");
        return Err(Error::unsupported("a file of FAISS", item));
    };
    let (by, argument) = match quantizer.range() {
        SqRange::MinMax(argument) => (0i32, argument),
        SqRange::MeanStd(argument) => (1, argument),
        SqRange::Quantiles(argument) => (2, argument),
        SqRange::Optim => (3, 0.0),
    };
    let trained = quantizer.trained();
    out.extend(number.to_le_bytes());
    out.extend(by.to_le_bytes());
    out.extend(argument.to_le_bytes());
    let sizes = [quantizer.dim(), quantizer.code_bytes(), trained.len()];
    out.extend(sizes.map(|n| (n as u64).to_le_bytes()).concat());
    out.extend(bytemuck::cast_slice::<f32, u8>(trained));
    Ok(())
}

/// A product quantizer of rows of `dim` elements, with its centroids where it is trained.
pub(super) fn read_product(
    file: &mut Reader,
    dim: usize,
    is_trained: bool,
) -> Result<ProductQuantizer> {
    let at = file.at();
    let [its, parts, bits] = [file.u64()?, file.u64()?, file.u64()?];
    if its != dim as u64 {
        return Err(file.fault(at, format!("a quantizer of {its} dimensions for rows of {dim}")));
    }
    let (Ok(parts), Ok(bits)) = (usize::try_from(parts), u32::try_from(bits)) else {
        return Err(file.fault(at + 8, format!("{parts} parts of {bits} bits")));
    };
    let made = ProductQuantizer::new(dim, parts, bits);
    let made = made.map_err(|e| file.fault(at, e.to_string()))?;
    let at = file.at();
    let count = file.count(4)?;
    let expected = (dim as u64) << bits;
    if count != expected {
        return Err(file.fault(at, format!("{count} numbers of centroids; {expected} are right")));
    }
    // FAISS writes them before they are known, too
    let centroids = file.f32s(count)?;
    if !is_trained {
        return Ok(made);
    }
    made.with_centroids(&centroids).map_err(|e| file.fault(at, e.to_string()))
}

/// The reverse; before training as many zeros.
pub(super) fn write_product(of: &ProductQuantizer, bytes: &mut Vec<u8>) {
    for number in [of.dim() as u64, of.subspaces() as u64, of.bits().into()] {
        bytes.extend(number.to_le_bytes());
    }
    let count = of.dim() << of.bits();
    bytes.extend((count as u64).to_le_bytes());
    match of.is_trained() {
        true => bytes.extend(bytemuck::cast_slice::<f32, u8>(of.centroids())),
        false => bytes.resize(bytes.len() + count * 4, 0),
    }
}
