//! The shapes of matrices that matrix units multiply.

use crate::dtype::DType;
use crate::error::{Error, Result};
use serde::Serialize;
use std::fmt;

/// One shape of the matrix units: an m x k by k x n product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct CoopShape {
    /// Rows of the result.
    pub m: u32,
    /// Columns of the result.
    pub n: u32,
    /// The summed dimension.
    pub k: u32,
    /// Type of the factors.
    pub input: DType,
    /// Type of the sums.
    pub accumulator: DType,
}

impl fmt::Display for CoopShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}:{}:{}", self.m, self.n, self.k, self.input, self.accumulator)
    }
}

impl CoopShape {
    /// The shape, if WGSL has a type for it.
    pub(super) fn from_wgpu(p: &wgpu::CooperativeMatrixProperties) -> Option<CoopShape> {
        let (input, accumulator) = (scalar(p.ab_type)?, scalar(p.cr_type)?);
        let square = p.m_size == p.n_size && p.n_size == p.k_size && matches!(p.m_size, 8 | 16);
        square.then_some(CoopShape { m: p.m_size, n: p.n_size, k: p.k_size, input, accumulator })
    }

    /// Reads `8x8x8:f32:f32`, the form that `Display` writes.
    pub(super) fn parse(text: &str) -> Result<CoopShape> {
        let bad = || {
            Error::argument("NEARFIELD_FORCE_COOP", format!("{text:?} is not like 8x8x8:f32:f32"))
        };
        let mut parts = text.trim().split(':');
        let (Some(sizes), Some(input), Some(accumulator), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(bad());
        };
        let size: u32 = match sizes {
            "8x8x8" => 8,
            "16x16x16" => 16,
            _ => return Err(bad()),
        };
        let float = |name: &str| match name {
            "f16" => Ok(DType::F16),
            "f32" => Ok(DType::F32),
            _ => Err(bad()),
        };
        let (input, accumulator) = (float(input)?, float(accumulator)?);
        Ok(CoopShape { m: size, n: size, k: size, input, accumulator })
    }
}

fn scalar(kind: wgpu::CooperativeScalarType) -> Option<DType> {
    match kind {
        wgpu::CooperativeScalarType::F32 => Some(DType::F32),
        wgpu::CooperativeScalarType::F16 => Some(DType::F16),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_reads_what_it_writes() {
        let shape = CoopShape { m: 8, n: 8, k: 8, input: DType::F16, accumulator: DType::F32 };
        assert_eq!(CoopShape::parse(&shape.to_string()).unwrap(), shape);
        for bad in ["", "8x8x8", "8x8x8:f32", "8x8x8:f32:i8", "8x8x16:f32:f32", "8x8x8:f32:f32:x"] {
            assert!(CoopShape::parse(bad).is_err(), "{bad}");
        }
    }
}
