//! A whole file in one call.

use super::row_file::RowFile;
use super::source::RowSource;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use std::path::Path;

/// Reads all rows of a file as f32, row-major, and their dimension: of every format and every type of element that
/// [`open`](super::open) reads, by the file's extension and header.
///
/// Costs 4 bytes an element, and a pass. Files that are larger than memory are for [`open`](super::open) and
/// [`StreamedFlat`](crate::StreamedFlat), which keep them where they are.
///
/// # Errors
/// As [`open`](super::open); `Io` where there is not as much memory.
///
/// # Accuracy
/// All types but f64 and whole numbers of 32 and 64 bits are exact in f32; those are rounded to nearest, and refused where that
/// changes the rows, as [`Conversion`](super::Conversion) says.
///
/// # Example
/// ```
/// use nearfield::{DType, Rows, format};
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("points.i8bin");
/// let mut out = format::create(&path, DType::I8, 2)?;
/// out.write(Rows::I8(&[1, 2, -3, 4]))?;
/// out.finish()?;
///
/// let (rows, dim) = format::read_f32(&path)?;
/// assert_eq!((rows, dim), (vec![1.0, 2.0, -3.0, 4.0], 2));
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn read_f32(path: impl AsRef<Path>) -> Result<(Vec<f32>, usize)> {
    let mut file = RowFile::open(path.as_ref(), DType::F32)?;
    let dim = file.dim();
    let count = usize::try_from(file.row_count()).ok().and_then(|rows| rows.checked_mul(dim));
    let mut all = Vec::new();
    if count.is_none_or(|count| all.try_reserve_exact(count).is_err()) {
        return Err(Error::io(path, std::io::ErrorKind::OutOfMemory.into()));
    }
    while let Some(block) = file.next_rows(usize::MAX)? {
        match block {
            Rows::F32(values) => all.extend_from_slice(values),
            other => all.extend(other.to_f32()),
        }
    }
    Ok((all, dim))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{NpyWriter, create};
    use half::f16;

    #[test]
    fn every_format_and_type_is_read_as_f32() {
        let folder = tempfile::tempdir().unwrap();
        let floats: Vec<f32> = (0..600).map(|i| (i % 120) as f32).collect();
        let halves: Vec<f16> = floats.iter().map(|&x| f16::from_f32(x)).collect();
        let bytes: Vec<u8> = floats.iter().map(|&x| x as u8).collect();
        let signed: Vec<i8> = floats.iter().map(|&x| x as i8).collect();
        let every: [(&str, Rows<'_>); 9] = [
            ("a.npy", Rows::F32(&floats)),
            ("b.npy", Rows::F16(&halves)),
            ("c.npy", Rows::I8(&signed)),
            ("d.fvecs", Rows::F32(&floats)),
            ("e.bvecs", Rows::U8(&bytes)),
            ("f.fbin", Rows::F32(&floats)),
            ("g.f16bin", Rows::F16(&halves)),
            ("h.u8bin", Rows::U8(&bytes)),
            ("i.i8bin", Rows::I8(&signed)),
        ];
        for (name, rows) in every {
            let path = folder.path().join(name);
            let mut out = create(&path, rows.dtype(), 6).unwrap();
            out.write(rows).unwrap();
            out.finish().unwrap();
            assert_eq!(read_f32(&path).unwrap(), (floats.clone(), 6), "{name}");
        }
        let path = folder.path().join("wide.npy");
        let mut out = NpyWriter::<i64>::create(&path, &[6]).unwrap();
        out.write(&floats.iter().map(|&x| x as i64).collect::<Vec<_>>()).unwrap();
        out.finish().unwrap();
        assert_eq!(read_f32(&path).unwrap(), (floats, 6));
    }

    #[test]
    fn no_rows_are_no_elements_and_no_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none.fbin");
        create(&path, DType::F32, 3).unwrap().finish().unwrap();
        assert_eq!(read_f32(&path).unwrap(), (vec![], 3));
        assert!(matches!(read_f32(folder.path().join("no.npy")), Err(Error::Io { .. })));
        assert!(matches!(
            read_f32(folder.path().join("rows.txt")),
            Err(Error::InvalidArgument { .. } | Error::Format { .. })
        ));
    }
}
