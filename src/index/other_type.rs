//! Rows of another type than the index's: what is said of them, and the way out.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::format::RowSource;

/// What is said of rows of another type than the index's.
pub(super) fn wrong_type(rows: DType, index: DType) -> Error {
    let way = match (rows, index) {
        (DType::Bits, _) => "bits are for BinaryFlat and BinaryIvf",
        (_, DType::F32) => {
            "Rows::to_f32 makes them, and so does format::open of a file, with DType::F32"
        }
        (_, DType::F16) => {
            "half::f16::from_f32 makes each element of Rows::F16, and format::open rows of a file, with DType::F16"
        }
        (_, DType::Bf16) => {
            "half::bf16::from_f32 makes each element of Rows::Bf16, and format::open rows of a file, with DType::Bf16"
        }
        (_, DType::I8) => {
            "whole numbers from -128 to 127 are cast (x as i8) for Rows::I8; others need a scale, with which \
             format::convert makes a file of them (format::Conversion)"
        }
        (_, DType::U8) => {
            "whole numbers from 0 to 255 are cast (x as u8) for Rows::U8; others need a scale, with which \
             format::convert makes a file of them (format::Conversion)"
        }
        (_, DType::Bits) => "Rows::Bits takes eight to a byte, the first in its lowest bit",
    };
    Error::argument("rows", format!("rows of {rows} for an index of {index}: {way}"))
}

/// Refuses rows of another type than f32 or of another dimension.
pub(super) fn check_f32(source: &dyn RowSource, dim: usize) -> Result<()> {
    if source.dtype() != DType::F32 {
        return Err(wrong_type(source.dtype(), DType::F32));
    }
    if source.dim() != dim {
        return Err(Error::DimensionMismatch { expected: dim, actual: source.dim() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_out_names_the_type_that_is_needed() {
        for &index in DType::ALL {
            for &rows in DType::ALL.iter().filter(|&&rows| rows != index) {
                let said = wrong_type(rows, index).to_string();
                let (why, way) =
                    said.split_once(&format!("for an index of {index}: ")).expect(&said);
                assert!(why.ends_with(&format!("rows of {rows} ")), "{said}");
                let needed = match (rows, index) {
                    (DType::Bits, _) => "BinaryFlat",
                    (_, DType::F32) => "Rows::to_f32",
                    (_, DType::F16) => "half::f16::from_f32",
                    (_, DType::Bf16) => "half::bf16::from_f32",
                    (_, DType::I8) => "Rows::I8",
                    (_, DType::U8) => "Rows::U8",
                    (_, DType::Bits) => "Rows::Bits",
                };
                assert!(way.contains(needed), "{said}");
            }
        }
    }
}
