//! Rows that the library owns: converted, or gathered from between row headers.

use crate::dtype::{DType, Rows};
use half::{bf16, f16};
use std::io;

/// A growable buffer of one element type.
#[derive(Debug)]
pub(super) enum Block {
    F32(Vec<f32>),
    F16(Vec<f16>),
    Bf16(Vec<bf16>),
    I8(Vec<i8>),
    U8(Vec<u8>),
    Bits(Vec<u8>),
}

impl Block {
    pub fn new(dtype: DType) -> Self {
        match dtype {
            DType::F32 => Block::F32(Vec::new()),
            DType::F16 => Block::F16(Vec::new()),
            DType::Bf16 => Block::Bf16(Vec::new()),
            DType::I8 => Block::I8(Vec::new()),
            DType::U8 => Block::U8(Vec::new()),
            DType::Bits => Block::Bits(Vec::new()),
        }
    }

    pub fn dtype(&self) -> DType {
        self.rows().dtype()
    }

    pub fn rows(&self) -> Rows<'_> {
        match self {
            Block::F32(v) => Rows::F32(v),
            Block::F16(v) => Rows::F16(v),
            Block::Bf16(v) => Rows::Bf16(v),
            Block::I8(v) => Rows::I8(v),
            Block::U8(v) => Rows::U8(v),
            Block::Bits(v) => Rows::Bits(v),
        }
    }

    /// Empties it and makes room for `bytes`, so that filling it allocates once and exactly.
    ///
    /// # Errors
    /// Out of memory: a caller may ask for any part of a file larger than the host.
    pub fn reset(&mut self, bytes: usize) -> io::Result<()> {
        fn reset<T>(v: &mut Vec<T>, bytes: usize) -> io::Result<()> {
            v.clear();
            Ok(v.try_reserve_exact(bytes / size_of::<T>())?)
        }
        match self {
            Block::F32(v) => reset(v, bytes),
            Block::F16(v) => reset(v, bytes),
            Block::Bf16(v) => reset(v, bytes),
            Block::I8(v) => reset(v, bytes),
            Block::U8(v) | Block::Bits(v) => reset(v, bytes),
        }
    }

    /// Appends the bytes of whole elements of this very type, at any alignment.
    pub fn extend_from_bytes(&mut self, bytes: &[u8]) {
        fn extend<T: bytemuck::Pod>(v: &mut Vec<T>, bytes: &[u8]) {
            let old = v.len();
            v.resize(old + bytes.len() / size_of::<T>(), T::zeroed());
            bytemuck::cast_slice_mut(&mut v[old..]).copy_from_slice(bytes);
        }
        match self {
            Block::F32(v) => extend(v, bytes),
            Block::F16(v) => extend(v, bytes),
            Block::Bf16(v) => extend(v, bytes),
            Block::I8(v) => extend(v, bytes),
            Block::U8(v) | Block::Bits(v) => v.extend_from_slice(bytes),
        }
    }
}
