//! Files of ids: ground truth, and lists for filters.

use super::atomic::AtomicFile;
use super::container::Container;
use super::element::Element;
use super::limits::BLOCK_BYTES;
use super::mapped::Mapped;
use super::narrow::{Origin, append_ids, narrow_ids};
use super::sink::Sink;
use crate::error::{Error, Result};
use std::path::Path;

/// Reads all whole numbers of a file, row after row: a list of ids for a filter, or ground truth.
///
/// Takes `.npy` of i32, i64, u32 or u64 with one axis or two, `.ivecs` and `.ibin`. Costs 8 bytes an id.
///
/// # Errors
/// As [`IdFile::open`] and [`IdFile::next_ids`].
///
/// # Example
/// ```
/// use nearfield::{IdFilter, format};
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("allowed.npy");
/// # let mut out = format::IdWriter::create(&path, None)?; out.write(&[3, 17])?; out.finish()?;
/// let filter: IdFilter = format::read_ids(&path)?.into_iter().map(|id| id as u64).collect();
/// assert_eq!(filter, IdFilter::batch([3, 17]));
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn read_ids(path: impl AsRef<Path>) -> Result<Vec<i64>> {
    let file = IdFile::open(path)?;
    let mut all = Vec::new();
    file.load(0, file.row_count(), &mut all)?;
    Ok(all)
}

/// A file of whole numbers, mapped, and read as a stream of rows of i64.
///
/// The file must not be truncated or written to while this lives: see the [module](super#memory).
///
/// # Example
/// ```
/// use nearfield::format::IdFile;
/// # use nearfield::format::IdWriter;
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("truth.ivecs");
/// # let mut out = IdWriter::create(&path, Some(3))?; out.write(&[5, 2, 9, 7, 0, 1])?; out.finish()?;
/// let mut truth = IdFile::open(&path)?;
/// assert_eq!((truth.row_count(), truth.columns()), (2, Some(3)));
/// while let Some(ids) = truth.next_ids(1)? {
///     println!("the three nearest: {ids:?}");
/// }
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Debug)]
pub struct IdFile {
    file: Mapped,
    block: Vec<i64>,
    next: u64,
}

impl IdFile {
    /// Opens a file of ids by its extension.
    ///
    /// # Errors
    /// `Io`, `Format` as [`open`](super::open) has them; `Format` too where the elements are no whole numbers of 32 or 64
    /// bits.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_first(path.as_ref(), None)
    }

    /// Reads so many of the first rows, all by default.
    pub(super) fn open_first(path: &Path, first: Option<u64>) -> Result<Self> {
        Self::of(Mapped::open(path, first)?)
    }

    pub(super) fn of(file: Mapped) -> Result<Self> {
        let element = file.layout.element;
        if !element.is_id() {
            let reason = format!(
                "elements of type {:?} are no ids: save them as whole numbers of 32 or 64 bits, .astype(numpy.int64)",
                element.descr()
            );
            return Err(Error::format(file.path(), file.layout.element_at as u64, reason));
        }
        Ok(IdFile { file, block: Vec::new(), next: 0 })
    }

    /// Ids in a row; `None` in a list, an array of one axis.
    pub fn columns(&self) -> Option<usize> {
        self.file.layout.columns
    }

    /// Rows in the file, whatever has been read of them.
    pub fn row_count(&self) -> u64 {
        self.file.layout.rows
    }

    /// The next rows: at least one, at most `max_rows`, `None` at the end.
    ///
    /// # Errors
    /// `InvalidValue` for a u64 of 2^63 or more, `Format` for a row of another length than the first.
    pub fn next_ids(&mut self, max_rows: usize) -> Result<Option<&[i64]>> {
        let width = self.file.layout.width();
        let at_most = (BLOCK_BYTES / (width * 8)).clamp(1, max_rows.max(1)) as u64;
        let (start, end) = (self.next, self.row_count().min(self.next.saturating_add(at_most)));
        if start == end {
            return Ok(None);
        }
        let mut block = std::mem::take(&mut self.block);
        block.clear();
        let loaded = self.load(start, end, &mut block);
        self.block = block;
        loaded?;
        self.next = end;
        Ok(Some(&self.block))
    }

    fn load(&self, start: u64, end: u64, to: &mut Vec<i64>) -> Result<()> {
        let (element, columns) = (self.file.layout.element, self.file.layout.width());
        let count = (end - start) as usize * columns;
        to.try_reserve_exact(count).map_err(|e| Error::io(self.file.path(), e.into()))?;
        self.file.pieces(start, end, |first_row, bytes| {
            append_ids(element, bytes, to, Origin { first_row, columns })
        })
    }
}

/// A file of ids being written, as a stream: i64 in `.npy`, i32 in `.ivecs` and `.ibin`.
///
/// It appears under its name when it is finished, as a [`RowWriter`](super::RowWriter)'s does.
///
/// # Example
/// ```
/// use nearfield::format::{IdWriter, read_ids};
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("truth.ibin");
/// let mut truth = IdWriter::create(&path, Some(2))?; // two neighbours a query
/// truth.write(&[5, 2])?;
/// truth.write(&[7, -1])?; // of the second query only one was found
/// assert_eq!(truth.finish()?, 2);
/// assert_eq!(read_ids(&path)?, [5, 2, 7, -1]);
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Debug)]
pub struct IdWriter {
    sink: Sink,
    element: Element,
    narrowed: Vec<i32>,
}

impl IdWriter {
    /// Begins a file of rows of `columns` ids; `None` writes an `.npy` of one axis, and rows of one id elsewhere.
    ///
    /// # Errors
    /// `InvalidArgument` for an extension that holds no ids, or 0 columns; `Io` when the folder cannot be written to.
    pub fn create(path: impl AsRef<Path>, columns: Option<usize>) -> Result<Self> {
        let path = path.as_ref();
        let container = Container::of_output(path)?;
        if !container.holds_ids() {
            return Err(Container::refuse_ids(path));
        }
        let element = container.element().unwrap_or(Element::I64);
        let list = columns.is_none() && container == Container::Npy;
        let tail = if list { vec![] } else { vec![columns.unwrap_or(1)] };
        let sink = Sink::create(path, container, element, &tail)?;
        Ok(IdWriter { sink, element, narrowed: Vec::new() })
    }

    /// Appends rows of ids.
    ///
    /// # Errors
    /// `PartialRow` for a part of a row, `InvalidValue` for an id that the format's i32 does not hold, `Io`.
    pub fn write(&mut self, ids: &[i64]) -> Result<()> {
        let columns = self.sink.width();
        if !ids.len().is_multiple_of(columns) {
            return Err(Error::PartialRow { len: ids.len(), dim: columns, packed: false });
        }
        if self.element == Element::I64 {
            return self.sink.write(bytemuck::cast_slice(ids));
        }
        let first_row = self.sink.rows();
        self.narrowed.clear();
        narrow_ids(ids, &mut self.narrowed, Origin { first_row, columns })?;
        self.sink.write(bytemuck::cast_slice(&self.narrowed))
    }

    /// Completes the file and gives it its name. Returns the number of rows.
    ///
    /// # Errors
    /// As [`RowWriter::finish`](super::RowWriter::finish).
    pub fn finish(self) -> Result<u64> {
        self.sink.finish()
    }

    /// Completes the file. Returns the number of rows, and the file, which lacks its name: for
    /// [`AtomicFile::finish_all`] of several.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn complete(self) -> Result<(u64, AtomicFile)> {
        self.sink.complete()
    }
}
