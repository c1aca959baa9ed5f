//! What a file of rows says of itself.

use super::container::Container;
use super::mapped::Mapped;
use crate::error::Result;
use std::path::Path;

/// The layout of a file of vectors or ids, from [`inspect`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileInfo {
    /// The format, by its extension: `npy`, `fvecs`, ...
    pub format: &'static str,
    /// The elements as the file has them, also where [`open`](super::open) makes another type of them: `f32`, `f64`, `u16`, ...
    pub element: &'static str,
    /// Rows; of a list its elements.
    pub rows: u64,
    /// Elements a row; `None` of a list, an array of one axis.
    pub columns: Option<usize>,
    /// Bytes of the file.
    pub bytes: u64,
}

/// What a file of vectors or ids says of itself.
///
/// Cost: the header's page. The file is as long as its header says; the rows are not looked at.
///
/// # Errors
/// As [`open`](super::open).
///
/// # Example
/// ```
/// use nearfield::{DType, Rows, format};
/// # let dir = std::env::temp_dir().join(format!("nearfield-inspect-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir).unwrap();
/// let path = dir.join("points.fvecs");
/// let mut out = format::create(&path, DType::F32, 2)?;
/// out.write(Rows::F32(&[0.0, 0.5, 1.0, 1.5]))?;
/// out.finish()?;
/// let info = format::inspect(&path)?;
/// assert_eq!((info.format, info.element, info.rows, info.columns), ("fvecs", "f32", 2, Some(2)));
/// # std::fs::remove_dir_all(&dir).unwrap();
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn inspect(path: impl AsRef<Path>) -> Result<FileInfo> {
    let path = path.as_ref();
    let format = Container::of(path)?.name();
    let file = Mapped::open(path, None)?;
    let (layout, bytes) = (file.layout, file.length());
    let (rows, columns) = (layout.rows, layout.columns);
    Ok(FileInfo { format, element: layout.element.name(), rows, columns, bytes })
}
