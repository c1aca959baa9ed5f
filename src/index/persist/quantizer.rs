//! The section of a quantizer. Of a scalar one: its type, the statistic of its ranges, and these once they are learnt; of a product
//! quantizer its parts and bits, and its centroids once they are learnt; of RaBitQ its bits and those of queries, and its center once it is known and is not
//! that of lists.

use super::reader::FileReader;
use super::writer::FileWriter;
use crate::error::{Error, Result};
use crate::format::LittleEndian as _;
use crate::quantize::{
    ProductQuantizer, Quantizer, RaBitQuantizer, ScalarQuantizer, SqRange, SqType,
};

const SCALAR: &[u8; 4] = b"SQNT";
/// The same, of what the centroids of lists leave of rows.
const SCALAR_RESIDUAL: &[u8; 4] = b"SQNR";
const PRODUCT: &[u8; 4] = b"PQNT";
const RABITQ: &[u8; 4] = b"RBQT";
/// The lowest bit of the byte that says in how many bits searches read queries.
const QUERY_BITS: u32 = 8;
/// Names are short.
const NAME_BYTES: u32 = 64;

/// Writes what rows are codes of, and whether these are of residuals.
pub(in crate::index) fn write_codes(
    file: &mut FileWriter,
    quantizer: &Quantizer,
    residual: bool,
) -> Result<()> {
    let quantizer = match quantizer {
        Quantizer::Scalar(quantizer) => quantizer,
        Quantizer::Product(of) => {
            return file.section(PRODUCT, 12 + 4 * of.centroids().len() as u64, |section| {
                section.put(&(of.subspaces() as u32).to_le_bytes())?;
                section.put(&of.bits().to_le_bytes())?;
                section.put(&u32::from(residual).to_le_bytes())?;
                section.put(bytemuck::cast_slice(of.centroids()))
            });
        }
        Quantizer::RaBitQ(of) => {
            let center = of.center().unwrap_or_default();
            return file.section(RABITQ, 8 + 4 * center.len() as u64, |section| {
                section.put(&of.bits().to_le_bytes())?;
                let flags = u32::from(residual) | of.query_bits() << QUERY_BITS;
                section.put(&flags.to_le_bytes())?;
                section.put(bytemuck::cast_slice(center))
            });
        }
    };
    let (name, trained) = (quantizer.kind().name(), quantizer.trained());
    let (by, argument) = match quantizer.range() {
        SqRange::MinMax(argument) => (0u32, argument),
        SqRange::MeanStd(argument) => (1, argument),
        SqRange::Quantiles(argument) => (2, argument),
        SqRange::Optim => (3, 0.0),
    };
    let length = 4 + name.len() as u64 + 8 + 4 * trained.len() as u64;
    file.section(if residual { SCALAR_RESIDUAL } else { SCALAR }, length, |section| {
        section.put(&(name.len() as u32).to_le_bytes())?;
        section.put(name.as_bytes())?;
        section.put(&by.to_le_bytes())?;
        section.put(&argument.to_le_bytes())?;
        section.put(bytemuck::cast_slice(trained))
    })
}

/// Reads what [`write_codes`] wrote of a quantizer that is like this one, which is of rows of as many elements.
pub(in crate::index) fn read_codes(
    file: &mut FileReader,
    like: &Quantizer,
) -> Result<(Quantizer, bool)> {
    Ok(match like {
        Quantizer::Scalar(of) => {
            let (quantizer, residual) = read_scalar(file, of.dim())?;
            (Quantizer::Scalar(quantizer), residual)
        }
        Quantizer::Product(of) => {
            let (quantizer, residual) = read_product(file, of.dim())?;
            (Quantizer::Product(quantizer), residual)
        }
        Quantizer::RaBitQ(of) => {
            let (quantizer, residual) = read_rabitq(file, of)?;
            (Quantizer::RaBitQ(quantizer), residual)
        }
    })
}

/// The same of `rows` rows that are in no lists, whose codes are of these themselves.
pub(in crate::index) fn read_flat_codes(
    file: &mut FileReader,
    like: &Quantizer,
    rows: u64,
) -> Result<Quantizer> {
    let at = file.at();
    match read_codes(file, like)? {
        (_, true) => Err(file.fault(at, "codes of residuals, where there are no lists")),
        (of, _) if rows > 0 && !of.is_trained() => {
            Err(file.fault(at, format!("nobody knows what the codes of {rows} rows stand for")))
        }
        (of, _) => Ok(of),
    }
}

fn read_product(file: &mut FileReader, dim: usize) -> Result<(ProductQuantizer, bool)> {
    let mut section = file.section(PRODUCT)?;
    let at = section.at();
    let (parts, bits, flag) = (section.u32()?, section.u32()?, section.u32()?);
    let made = ProductQuantizer::new(dim, parts as usize, bits);
    let made = made.map_err(|e| section.fault_at(at, e.to_string()))?;
    if flag > 1 {
        return Err(section.fault_at(at + 8, format!("{flag} says nothing of residuals")));
    }
    let (at, left) = (section.at(), section.left());
    if left == 0 {
        section.end()?;
        return Ok((made, flag == 1));
    }
    let expected = (dim as u64 * 4) << bits;
    if left != expected {
        return Err(
            section.fault_at(at, format!("{left} bytes of centroids; {expected} are right"))
        );
    }
    let mut centroids = vec![0f32; left as usize / 4];
    section.fill(bytemuck::cast_slice_mut(&mut centroids))?;
    let made = made.with_centroids(&centroids);
    let made = made.map_err(|e| section.fault_at(at, e.to_string()))?;
    section.end()?;
    Ok((made, flag == 1))
}

fn read_rabitq(file: &mut FileReader, like: &RaBitQuantizer) -> Result<(RaBitQuantizer, bool)> {
    let mut section = file.section(RABITQ)?;
    let at = section.at();
    let (bits, flags) = (section.u32()?, section.u32()?);
    let (flag, query_bits) = (flags & !(0xff << QUERY_BITS), flags >> QUERY_BITS & 0xff);
    let made = like.clone().with_bits(bits).and_then(|made| made.with_query_bits(query_bits));
    let made = made.map_err(|e| section.fault_at(at, e.to_string()))?;
    if flag > 1 {
        return Err(section.fault_at(at + 4, format!("{flag} says nothing of lists")));
    }
    let (at, left) = (section.at(), section.left());
    let center = 4 * like.dim() as u64;
    if left != 0 && (left != center || flag == 1) {
        return Err(section.fault_at(at, format!("{left} bytes of a center; {center} are right")));
    }
    let mut center = vec![0f32; left as usize / 4];
    section.fill(bytemuck::cast_slice_mut(&mut center))?;
    let made = match (flag, center.is_empty()) {
        (1, _) => made.of_lists(),
        (_, true) => made,
        _ => made.with_center(&center).map_err(|e| section.fault_at(at, e.to_string()))?,
    };
    section.end()?;
    Ok((made, flag == 1))
}

fn read_scalar(file: &mut FileReader, dim: usize) -> Result<(ScalarQuantizer, bool)> {
    let (tag, mut section) = file.section_of([SCALAR, SCALAR_RESIDUAL])?;
    let residual = tag == *SCALAR_RESIDUAL;
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
        return Ok((made, residual));
    }
    // as many numbers as two a dimension, at most
    if left % 4 != 0 || left > 8 * dim as u64 {
        return Err(section.fault_at(at, format!("{left} bytes of ranges of {dim} dimensions")));
    }
    let mut trained = vec![0f32; left as usize / 4];
    section.fill(bytemuck::cast_slice_mut(&mut trained))?;
    let made = made.with_trained(&trained).map_err(|e| section.fault_at(at, refused(e)))?;
    section.end()?;
    Ok((made, residual))
}
