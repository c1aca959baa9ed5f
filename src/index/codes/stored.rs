//! Codes of scalar quantizers as the device stores them.

use crate::dtype::DType;
use crate::quantize::{ScalarQuantizer, SqType};

/// The type of the elements on the device; of numbers that have ranges, of the bytes of their codes.
pub(super) fn stored_type(kind: SqType) -> DType {
    match kind {
        SqType::Fp16 => DType::F16,
        SqType::Bf16 => DType::Bf16,
        SqType::Direct8Signed => DType::I8,
        _ => DType::U8,
    }
}

/// Bytes of the codes of a row on the device; of numbers of 16 bits that lists leave with zeros up to a whole group of four.
pub(super) fn width(of: &ScalarQuantizer, residual: bool) -> usize {
    let dtype = stored_type(of.kind());
    match dtype {
        DType::F16 | DType::Bf16 if residual => dtype.row_bytes(of.dim().next_multiple_of(4)),
        _ => dtype.row_bytes(of.dim()),
    }
}

/// What is taken off the bytes of codes on the device, modulo 256. Whole numbers that lists leave are steps of 1.
pub(super) fn taken_off(kind: SqType, residual: bool) -> u8 {
    match (kind, kind.ranged_bits()) {
        (_, Some(bits)) => 1 << (bits - 1),
        (SqType::Direct8Signed, None) => 128,
        (SqType::Direct8, None) if residual => 128,
        _ => 0,
    }
}

/// The minima and the steps of whole numbers, which lie in the middle of their steps.
pub(super) fn whole_steps(kind: SqType, dim: usize) -> (Vec<f32>, Vec<f32>) {
    let least = if kind == SqType::Direct8Signed { -128.0 } else { 0.0 };
    (vec![least - 0.5; dim], vec![1.0; dim])
}
