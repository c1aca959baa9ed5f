//! Codes of scalar quantizers as the device stores them.

use crate::dtype::DType;
use crate::quantize::SqType;

/// The type of the elements on the device; of numbers that have ranges, of the bytes of their codes.
pub(super) fn stored_type(kind: SqType) -> DType {
    match kind {
        SqType::Fp16 => DType::F16,
        SqType::Bf16 => DType::Bf16,
        SqType::Direct8Signed => DType::I8,
        _ => DType::U8,
    }
}

/// What is taken off the bytes of codes on the device, modulo 256.
fn middle(kind: SqType) -> u8 {
    match (kind, kind.ranged_bits()) {
        (_, Some(bits)) => 1 << (bits - 1),
        (SqType::Direct8Signed, None) => 128,
        _ => 0,
    }
}

/// A byte for each element, or a code of another type, as the device stores it.
pub(super) fn to_device(kind: SqType, mut elements: Vec<u8>) -> Vec<u8> {
    let middle = middle(kind);
    elements.iter_mut().for_each(|byte| *byte = byte.wrapping_sub(middle));
    elements
}

/// The reverse.
pub(super) fn from_device(kind: SqType, mut bytes: Vec<u8>) -> Vec<u8> {
    let middle = middle(kind);
    bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_add(middle));
    bytes
}
