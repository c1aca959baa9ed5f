//! A file of vectors, mapped.

use super::ahead::Ahead;
use super::block::Block;
use super::element::Element;
use super::limits::BLOCK_BYTES;
use super::mapped::Mapped;
use super::narrow::{Origin, append};
use super::source::{RowSource, check_dim};
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Opens a file of vectors by its extension; see [`RowFile`].
///
/// Without a `dtype` rows come in the file's own type, and f64 and whole numbers as f32. With one they are converted
/// block by block while they are read: rounded to nearest, ties to even. Two types reinterpret instead:
/// [`DType::Bits`] takes a file of u8 as packed bits, and [`DType::Bf16`] an `.npy` of u16 as bfloat16.
///
/// Costs the header's page; the rows are read when they are asked for.
///
/// # Errors
/// `Io` when the system refuses the file. `Format` when it is damaged, holds no rows, or is laid out as nothing here reads
/// (big-endian, Fortran order). `InvalidArgument` for an unknown extension or a `dtype` that the file cannot give.
pub fn open(path: impl AsRef<Path>, dtype: Option<DType>) -> Result<RowFile> {
    RowFile::open(path, dtype)
}

/// The rows of a file, mapped into memory: a [`RowSource`] with random access.
///
/// Rows of the file's own type are slices of the map. Rows of the `.fvecs` family, converted rows and rows that lie
/// misaligned are copied into blocks, which are reused.
///
/// The file must not be truncated or written to while this lives: see the [module](super#memory).
#[derive(Debug)]
pub struct RowFile {
    file: Arc<Mapped>,
    dtype: DType,
    dim: usize,
    /// Whether the file's bytes serve as rows, without a copy.
    direct: bool,
    block: Block,
    /// Blocks that the stream has read ahead, where rows are copied.
    ahead: Ahead,
    next: u64,
    /// Where the stream ends.
    end: u64,
}

/// Another reader of the same map, at the same row.
impl Clone for RowFile {
    fn clone(&self) -> Self {
        RowFile { next: self.next, ..self.part(0..self.end) }
    }
}

impl RowFile {
    /// The same as [`open`].
    ///
    /// # Errors
    /// As [`open`].
    pub fn open(path: impl AsRef<Path>, dtype: Option<DType>) -> Result<Self> {
        let path = path.as_ref();
        let file = Mapped::open(path)?;
        if file.layout.columns.is_none() {
            let reason = "an array of one axis; vectors need two, n x dim";
            return Err(Error::format(path, file.layout.shape_at as u64, reason));
        }
        let element = file.layout.element;
        let refuse =
            |reason| Err(Error::argument("dtype", format!("{}: {reason}", path.display())));
        let dtype = match (element, dtype) {
            (Element::U16, Some(DType::Bf16)) => DType::Bf16,
            (Element::U16, _) => {
                return refuse(
                    "u16 elements are read as bfloat16 only, and where bf16 is asked for",
                );
            }
            (Element::U8, Some(DType::Bits)) => DType::Bits,
            (_, Some(DType::Bits)) => return refuse("packed bits are read from u8 elements only"),
            (_, Some(dtype)) => dtype,
            (_, None) => element.dtype().unwrap_or(DType::F32),
        };
        Self::with(Arc::new(file), dtype)
    }

    fn with(file: Arc<Mapped>, dtype: DType) -> Result<Self> {
        let layout = file.layout;
        let dim = layout.width() * if dtype == DType::Bits { 8 } else { 1 };
        check_dim(dtype, dim)?;
        // The map begins at a page, so the offset alone decides the alignment.
        let aligned = layout.start.is_multiple_of(layout.element.size());
        let direct = layout.element.stores(dtype) && layout.prefix == 0 && aligned;
        let (block, end) = (Block::new(dtype), layout.rows);
        Ok(RowFile { file, dtype, dim, direct, block, ahead: Ahead::default(), next: 0, end })
    }

    /// Another reader of the same map, of rows that are within it.
    pub(super) fn part(&self, rows: Range<u64>) -> RowFile {
        RowFile {
            file: Arc::clone(&self.file),
            dtype: self.dtype,
            dim: self.dim,
            direct: self.direct,
            block: Block::new(self.dtype),
            ahead: Ahead::default(),
            next: rows.start,
            end: rows.end,
        }
    }

    /// The same file with its values converted to `dtype`, from the first row on: the way from bfloat16 to any other type,
    /// since a file of u16 has to be opened as bfloat16 first.
    ///
    /// # Errors
    /// `InvalidArgument` from or to bits, unless both are.
    pub fn converted(self, dtype: DType) -> Result<Self> {
        if dtype != self.dtype && (dtype == DType::Bits || self.dtype == DType::Bits) {
            let reason = format!("values do not convert from {} to {dtype}", self.dtype);
            return Err(Error::argument("dtype", reason));
        }
        Self::with(self.file, dtype)
    }

    /// The file's name as it was given.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Rows in the file, whatever has been read of them.
    pub fn row_count(&self) -> u64 {
        self.file.layout.rows
    }

    /// Whether rows are slices of the map: of the file's own type, aligned, and nothing between them.
    pub fn is_direct(&self) -> bool {
        self.direct
    }

    /// All rows without a copy, where [`is_direct`](Self::is_direct).
    pub fn as_rows(&self) -> Option<Rows<'_>> {
        self.direct.then(|| self.slice(0, self.row_count()).ok())?
    }

    /// Rows `start..end`; the position of the stream stays where it is.
    ///
    /// Free where [`is_direct`](Self::is_direct); otherwise one pass over those rows, and memory for a copy of them.
    ///
    /// # Errors
    /// `InvalidArgument` for a range outside of the file, `InvalidValue` for a value that the type asked for does not hold,
    /// `Format` for a row of another dimension than the first.
    pub fn rows(&mut self, start: u64, end: u64) -> Result<Rows<'_>> {
        if start > end || end > self.row_count() {
            let reason = format!("{start}..{end} is not within 0..{}", self.row_count());
            return Err(Error::argument("rows", reason));
        }
        if self.direct {
            return self.slice(start, end);
        }
        load(&self.file, start..end, self.dim, &mut self.block)?;
        Ok(self.block.rows())
    }

    /// Starts the stream again at the first row.
    pub fn restart(&mut self) {
        self.next = 0;
    }

    /// Rows of the map, where they serve as they lie.
    fn slice(&self, start: u64, end: u64) -> Result<Rows<'_>> {
        Rows::from_bytes(self.dtype, self.file.bytes(start, end))
    }

    /// Rows that a copying reader takes at a time.
    fn block_rows(&self) -> u64 {
        let row = self.file.layout.stride().max(self.dtype.row_bytes(self.dim));
        (BLOCK_BYTES / row).max(1) as u64
    }
}

impl RowSource for RowFile {
    fn dtype(&self) -> DType {
        self.dtype
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn len(&self) -> Option<u64> {
        Some(self.end - self.next)
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let (start, most) = (self.next, max_rows.max(1) as u64);
        if start == self.end {
            return Ok(None);
        }
        if self.direct {
            self.next = self.end.min(start.saturating_add(most));
            return self.slice(start, self.next).map(Some);
        }
        let (file, dim, step) = (&self.file, self.dim, self.block_rows());
        let rows = start..self.end.min(start.saturating_add(most));
        self.ahead.fill(rows, step, self.dtype, |rows, block| load(file, rows, dim, block))?;
        let rows = self.ahead.take(start, most, dim)?;
        self.next = start + rows.count(dim)? as u64;
        Ok(Some(rows))
    }
}

/// Fills a block with rows of the file.
fn load(file: &Mapped, rows: Range<u64>, dim: usize, block: &mut Block) -> Result<()> {
    // At most four times the bytes of a range that is mapped, which no address space's end is near.
    let bytes = (rows.end - rows.start) as usize * block.dtype().row_bytes(dim);
    block.reset(bytes).map_err(|e| Error::io(file.path(), e))?;
    let (element, columns) = (file.layout.element, file.layout.width());
    file.pieces(rows.start, rows.end, |first_row, bytes| {
        append(element, bytes, block, Origin { first_row, columns })
    })
}
