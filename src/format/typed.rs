//! `.npy` files of any shape, written as a stream.

use super::atomic::AtomicFile;
use super::container::Container;
use super::element::Element;
use super::sink::Sink;
use crate::error::{Error, Result};
use half::{bf16, f16};
use std::marker::PhantomData;
use std::path::Path;

mod sealed {
    use super::Element;

    pub trait Sealed: bytemuck::NoUninit {
        #[allow(private_interfaces)] // The trait cannot be named, and so neither can this.
        const ELEMENT: Element;
    }
}

/// The types that [`NpyWriter`] writes: f32, f64, f16, i8, u8, i32, i64, u32, u64, and bf16 and u16 as u16.
pub trait NpyElement: sealed::Sealed {}

macro_rules! elements {
    ($($type:ty => $element:ident),* $(,)?) => {$(
        impl sealed::Sealed for $type {
            #[allow(private_interfaces)]
            const ELEMENT: Element = Element::$element;
        }
        impl NpyElement for $type {}
    )*};
}

elements! {
    f32 => F32, f64 => F64, f16 => F16, bf16 => U16, u16 => U16,
    i8 => I8, u8 => U8, i32 => I32, i64 => I64, u32 => U32, u64 => U64,
}

/// An `.npy` array being written, as a stream along its first axis, whose length is patched in at the end.
///
/// It is written beside its destination, and takes its name in [`finish`](Self::finish), synced. Dropped before that, it
/// leaves nothing behind. The bytes are those that `numpy.save` writes.
///
/// # Example
/// ```
/// # fn main() -> nearfield::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("ids.npy");
/// let mut ids = nearfield::format::NpyWriter::<i64>::create(&path, &[3])?; // n x 3; &[] for a list
/// ids.write(&[5, 2, -1])?;
/// ids.write(&[7, 0, 1])?;
/// assert_eq!(ids.finish()?, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct NpyWriter<T> {
    sink: Sink,
    element: PhantomData<T>,
}

impl<T: NpyElement> NpyWriter<T> {
    /// Begins an array whose axes behind the first have the lengths in `shape`: `&[k]` for n x k, `&[]` for a list.
    ///
    /// # Errors
    /// `InvalidArgument` for another extension than `.npy` or an axis of length 0; `Io` when the folder cannot be written
    /// to.
    pub fn create(path: impl AsRef<Path>, shape: &[usize]) -> Result<Self> {
        let path = path.as_ref();
        if Container::of(path)? != Container::Npy {
            let reason = format!("{} does not end in .npy", path.display());
            return Err(Error::argument("path", reason));
        }
        let sink = Sink::create(path, Container::Npy, T::ELEMENT, shape)?;
        Ok(NpyWriter { sink, element: PhantomData })
    }

    /// Appends elements; rows may be cut anywhere between two calls.
    ///
    /// # Errors
    /// `Io`.
    pub fn write(&mut self, elements: &[T]) -> Result<()> {
        self.sink.write(bytemuck::cast_slice(elements))
    }

    /// Completes the file and gives it its name. Returns the length of the first axis.
    ///
    /// # Errors
    /// `PartialRow` when the last row is incomplete; `Io`.
    pub fn finish(self) -> Result<u64> {
        self.sink.finish()
    }

    /// Completes the file without giving it its name, for [`AtomicFile::finish_all`].
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn complete(self) -> Result<AtomicFile> {
        Ok(self.sink.complete()?.1)
    }
}
