//! From one file to another.

use super::atomic::AtomicFile;
use super::container::Container;
use super::conversion::{Conversion, Scale};
use super::ids::{IdFile, IdWriter};
use super::limits::BLOCK_BYTES;
use super::losses::Losses;
use super::mapped::Mapped;
use super::row_file::RowFile;
use super::row_writer::RowWriter;
use super::source::RowSource;
use crate::error::Result;
use std::path::Path;

/// What a conversion did.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Converted {
    /// Rows.
    pub rows: u64,
    /// What the values were multiplied by.
    pub scale: f32,
    /// What rounding changed.
    pub losses: Losses,
    /// Rows of the input that were left out: [`Conversion::skip_nan`](Conversion#structfield.skip_nan).
    pub skipped: Vec<u64>,
}

/// Writes the rows of file `input` as file `output`, each in the format of its extension.
///
/// With a type, or a [`Conversion`], the input is read as [`open`](super::open) reads it with one, and written so. Without one it
/// keeps its type if the output holds it, and takes the output's only type otherwise: `a.fvecs` to `a.f16bin` rounds to f16. Whole
/// numbers of 32 and 64 bits stay whole where the output holds ids.
///
/// `progress` is told rows done and rows in all, after each block of a few MiB; an error that it returns ends the
/// conversion, which leaves nothing behind. Costs one pass over the input and a block of memory.
///
/// # Errors
/// Those of [`open`](super::open), [`create`](super::create), and of reading and writing; `InvalidValue` for a value that
/// the output's type does not hold; `LossyConversion` where rounding changes too many rows too much.
///
/// # Accuracy
/// Values are rounded to nearest, ties to even, once; where there is a scale, the product in f32 is rounded before.
///
/// # Example
/// ```
/// use nearfield::{DType, Rows, format};
/// # let dir = tempfile::tempdir().unwrap();
/// # let [points, halves] = ["points.fvecs", "halves.npy"].map(|name| dir.path().join(name));
/// # let mut out = format::create(&points, DType::F32, 2)?;
/// # out.write(Rows::F32(&[0.5, 1.0, 1.5, 2.0]))?;
/// # out.finish()?;
/// let done = format::convert(&points, &halves, DType::F16, &mut |done, rows| {
///     println!("{done} of {rows} rows");
///     Ok(())
/// })?;
/// assert_eq!((done.rows, done.losses.changed), (2, 0));
/// assert_eq!(format::open(&halves, None)?.as_rows().map(|rows| rows.dtype()), Some(DType::F16));
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn convert(
    input: impl AsRef<Path>,
    output: impl AsRef<Path>,
    to: impl Into<Conversion>,
    progress: &mut dyn FnMut(u64, u64) -> Result<()>,
) -> Result<Converted> {
    let (converted, file) = convert_unnamed(input, output, to, progress)?;
    file.finish()?;
    Ok(converted)
}

/// The same as [`convert`], but for the name of the output, which comes with [`finish`](AtomicFile::finish): for a caller that has
/// something to do, or to ask, before the file counts.
///
/// # Errors
/// Those of [`convert`].
pub fn convert_unnamed(
    input: impl AsRef<Path>,
    output: impl AsRef<Path>,
    to: impl Into<Conversion>,
    progress: &mut dyn FnMut(u64, u64) -> Result<()>,
) -> Result<(Converted, AtomicFile)> {
    let (input, output, mut to) = (input.as_ref(), output.as_ref(), to.into());
    let container = Container::of(output)?;
    let element = Mapped::open(input, to.first)?.layout.element;
    let unscaled = matches!(to.scale, Scale::None | Scale::Auto);
    if to.dtype.is_none() && unscaled && !to.u16_as_bf16 && element.is_id() && container.holds_ids()
    {
        let (rows, file) = convert_ids(input, output, to.first, progress)?;
        let (losses, skipped) = (Losses::default(), Vec::new());
        return Ok((Converted { rows, scale: 1.0, losses, skipped }, file));
    }
    to.dtype = to.dtype.or_else(|| match element.dtype() {
        Some(own) if container.holds(own) => Some(own),
        _ => container.element().and_then(|e| e.dtype()),
    });
    let rows = RowFile::open(input, to)?;
    let mut out = RowWriter::create(output, rows.dtype(), rows.dim())?;
    let block = (BLOCK_BYTES / rows.dtype().row_bytes(rows.dim())).max(1);
    let (total, dim) = (rows.row_count(), rows.dim());
    let mut reader = rows.clone();
    let mut done = 0;
    while let Some(block) = reader.next_rows(block)? {
        let end = done + block.count(dim)? as u64;
        for rest in rows.rest(done..end) {
            let within = |row: u64| (row - done) as usize;
            out.write(block.slice(dim, within(rest.start)..within(rest.end)))?;
        }
        done = end;
        progress(done, total)?;
    }
    let (scale, losses, skipped) = (rows.scale(), rows.losses(), rows.skipped());
    let (rows, file) = out.complete()?;
    Ok((Converted { rows, scale, losses, skipped }, file))
}

fn convert_ids(
    input: &Path,
    output: &Path,
    first: Option<u64>,
    progress: &mut dyn FnMut(u64, u64) -> Result<()>,
) -> Result<(u64, AtomicFile)> {
    let mut file = IdFile::open_first(input, first)?;
    let mut out = IdWriter::create(output, file.columns())?;
    let (mut done, total) = (0, file.row_count());
    let columns = file.columns().unwrap_or(1);
    while let Some(ids) = file.next_ids(usize::MAX)? {
        out.write(ids)?;
        done += (ids.len() / columns) as u64;
        progress(done, total)?;
    }
    out.complete()
}
