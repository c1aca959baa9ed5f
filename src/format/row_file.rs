//! A file of vectors, mapped.

use super::ahead::Ahead;
use super::block::Block;
use super::conversion::{BitOrder, Conversion};
use super::element::Element;
use super::limits::BLOCK_BYTES;
use super::load::{Loading, scale};
use super::losses::{Account, Losses, Seen};
use super::mapped::Mapped;
use super::packed;
use super::skipped::Skipped;
use super::source::{RowSource, check_dim};
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Opens a file of vectors by its extension; see [`RowFile`].
///
/// Without a type (`None`) rows come in the file's own, and f64 and whole numbers as f32. With one, or a [`Conversion`], they
/// are converted block by block while they are read: multiplied by the scale, rounded to nearest, ties to even. Two types
/// reinterpret instead: [`DType::Bits`] takes a file of whole numbers as packed bits, those of more than a byte from the lowest
/// byte on, and [`DType::Bf16`] an `.npy` of u16 as bfloat16.
///
/// Costs the header's page, and with [`Scale::Auto`](super::Scale::Auto) a pass over the file; the rows are read when they are
/// asked for. What rounding changes of them is counted then: see [`RowFile::losses`].
///
/// # Errors
/// `Io` when the system refuses the file. `Format` when it is damaged, holds no rows, or is laid out as nothing here reads
/// (objects, records, three axes). `InvalidArgument` for an unknown extension, a type that the file cannot give, or a scale that
/// is no finite number above 0.
pub fn open(path: impl AsRef<Path>, to: impl Into<Conversion>) -> Result<RowFile> {
    RowFile::open(path, to)
}

/// The rows of a file, mapped into memory: a [`RowSource`] with random access.
///
/// Rows of the file's own type are slices of the map. Rows of the `.fvecs` family, converted rows, rows that lie misaligned,
/// and those of an `.npy` in Fortran order or big-endian are copied into blocks, which are reused.
///
/// The file must not be truncated or written to while this lives: see the [module](super#memory).
#[derive(Debug)]
pub struct RowFile {
    file: Arc<Mapped>,
    dtype: DType,
    dim: usize,
    /// The scale that was found or given, and whether losses are taken.
    scale: f32,
    conversion: Conversion,
    account: Arc<Account>,
    /// Where rows are skipped that are not finite.
    skipped: Option<Arc<Skipped>>,
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
    pub fn open(path: impl AsRef<Path>, to: impl Into<Conversion>) -> Result<Self> {
        let (path, conversion) = (path.as_ref(), to.into());
        let file = Mapped::open(path, conversion.first)?;
        if file.layout.columns.is_none() {
            let reason = "an array of one axis; vectors need two, n x dim: save a.reshape(1, -1) if it is one row, a.reshape(-1, 1) if rows have one element";
            return Err(Error::format(path, file.layout.shape_at as u64, reason));
        }
        let element = file.layout.element;
        if element == Element::Bool {
            let reason = "elements of type \"|b1\" are no numbers: numpy.packbits(a, axis=1, bitorder='little') packs \
                          them, to be read as bits, and a.astype(numpy.uint8) makes numbers of them";
            return Err(Error::format(path, file.layout.element_at as u64, reason));
        }
        let refuse =
            |reason| Err(Error::argument("dtype", format!("{}: {reason}", path.display())));
        let dtype = match (element, conversion.dtype) {
            (Element::U16, Some(DType::Bf16)) => DType::Bf16,
            (Element::U16, dtype) if conversion.u16_as_bf16 && dtype != Some(DType::Bits) => {
                dtype.unwrap_or(DType::Bf16)
            }
            (Element::U16, _) => {
                return refuse(
                    "u16 elements are read as bfloat16 only, and where bf16 is asked for (--dtype bf16, \
                     Conversion::u16_as_bf16); nearfield convert --from bf16 makes another type of them",
                );
            }
            _ if conversion.u16_as_bf16 => {
                return refuse(
                    "its elements are no u16 that could be bfloat16 (--from bf16, Conversion::u16_as_bf16)",
                );
            }
            (element, Some(DType::Bits)) if element.packs_bits() => DType::Bits,
            (_, Some(DType::Bits)) => {
                return refuse(
                    "packed bits are read from whole numbers only, such as the u8 of numpy.packbits",
                );
            }
            (_, Some(dtype)) => dtype,
            (_, None) => element.dtype().unwrap_or(DType::F32),
        };
        if dtype != DType::Bits
            && (conversion.bits.is_some() || conversion.bit_order != BitOrder::Little)
        {
            return refuse(
                "--bits and --bit-order (Conversion::bits, bit_order) are for rows read as bits (--dtype bits, DType::Bits)",
            );
        }
        Self::with(Arc::new(file), dtype, conversion)
    }

    fn with(file: Arc<Mapped>, dtype: DType, conversion: Conversion) -> Result<Self> {
        let layout = file.layout;
        let dim = match dtype {
            DType::Bits => packed::width(&layout, conversion.bits).map_err(|reason| {
                Error::argument("bits", format!("{}: {reason}", file.path().display()))
            })?,
            _ => layout.width(),
        };
        check_dim(dim)?;
        // The map begins at a page, so the offset alone decides the alignment.
        let aligned = layout.start.is_multiple_of(layout.element.size());
        let skips = conversion.skip_nan && Skipped::concerns(layout.element);
        let skipped = skips.then(Arc::default);
        let scale = scale(&file, dtype, conversion.scale, skipped.as_deref())?;
        let stored = match dtype {
            DType::Bits => packed::are_bytes(&layout, dim, conversion.bit_order),
            _ => layout.element.stores(dtype),
        };
        let stored = stored && layout.is_plain() && layout.prefix == 0;
        let direct = stored && scale == 1.0 && aligned && !skips;
        let (block, end) = (Block::new(dtype), layout.rows);
        let (account, ahead) = (Arc::default(), Ahead::default());
        let next = 0;
        Ok(RowFile {
            file,
            dtype,
            dim,
            scale,
            conversion,
            account,
            skipped,
            direct,
            block,
            ahead,
            next,
            end,
        })
    }

    /// Another reader of the same map, of rows that are within it.
    pub(super) fn part(&self, rows: Range<u64>) -> RowFile {
        RowFile {
            file: Arc::clone(&self.file),
            dtype: self.dtype,
            dim: self.dim,
            scale: self.scale,
            conversion: self.conversion,
            account: Arc::clone(&self.account),
            skipped: self.skipped.clone(),
            direct: self.direct,
            block: Block::new(self.dtype),
            ahead: Ahead::default(),
            next: rows.start,
            end: rows.end,
        }
    }

    /// The same file with its values converted otherwise, from the first row on: the way from bfloat16 to any other type, since
    /// a file of u16 has to be opened as bfloat16 first. Without a type it stays.
    ///
    /// # Errors
    /// `InvalidArgument` from or to bits, unless both are, and for a scale as [`open`] has it.
    pub fn converted(self, to: impl Into<Conversion>) -> Result<Self> {
        let conversion = to.into();
        let dtype = conversion.dtype.unwrap_or(self.dtype);
        if dtype != self.dtype && (dtype == DType::Bits || self.dtype == DType::Bits) {
            let reason = format!("values do not convert from {} to {dtype}", self.dtype);
            return Err(Error::argument("dtype", reason));
        }
        Self::with(self.file, dtype, conversion)
    }

    /// What the file's values were multiplied by: 1, or what the [`Conversion`] said or found. Queries need the same.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// What conversion has changed of the rows that were read so far, by whichever reader of this file: clones and streams count
    /// together, and each row once.
    pub fn losses(&self) -> Losses {
        self.account.losses()
    }

    /// The rows that were skipped among those that were read so far, by whichever reader of this file, where
    /// [`Conversion::skip_nan`](Conversion#structfield.skip_nan) asked for that. They were read as zeros.
    ///
    /// # Example
    /// ```
    /// # fn main() -> nearfield::Result<()> {
    /// # let dir = std::env::temp_dir().join(format!("nearfield-skipped-{}", std::process::id()));
    /// # std::fs::create_dir_all(&dir).unwrap();
    /// use nearfield::format::{self, Conversion};
    /// use nearfield::{DType, Rows};
    ///
    /// let path = dir.join("points.npy");
    /// let mut out = format::create(&path, DType::F32, 2)?;
    /// out.write(Rows::F32(&[1.0, 2.0, f32::NAN, 4.0, 5.0, 6.0]))?;
    /// out.finish()?;
    /// let mut file = format::open(&path, Conversion::default().skip_nan(true))?;
    /// assert_eq!(file.rows(0..3)?.to_f32(), [1.0, 2.0, 0.0, 0.0, 5.0, 6.0]);
    /// assert_eq!(file.skipped(), [1]);
    /// # std::fs::remove_dir_all(&dir).unwrap();
    /// # Ok(())
    /// # }
    /// ```
    pub fn skipped(&self) -> Vec<u64> {
        self.skipped.as_ref().map_or_else(Vec::new, |skipped| skipped.rows())
    }

    /// The rows of a range that were not skipped, once it has been read.
    pub(super) fn rest(&self, rows: Range<u64>) -> Vec<Range<u64>> {
        match &self.skipped {
            Some(skipped) => skipped.rest(rows),
            None => vec![rows],
        }
    }

    /// The file's name as it was given.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Rows of the file, or the first of them that the [`Conversion`] asked for, whatever has been read.
    pub fn row_count(&self) -> u64 {
        self.file.layout.rows
    }

    /// Rows in the file, those included that [`Conversion::first`](Conversion#structfield.first) leaves out.
    pub fn rows_in_file(&self) -> u64 {
        self.file.layout.file_rows
    }

    /// Whether rows are slices of the map: of the file's own type, aligned, and nothing between them.
    pub fn is_direct(&self) -> bool {
        self.direct
    }

    /// All rows without a copy, where [`is_direct`](Self::is_direct).
    pub fn as_rows(&self) -> Option<Rows<'_>> {
        self.direct.then(|| self.slice(0, self.row_count()).ok())?
    }

    /// Some of the rows; the position of the stream stays where it is.
    ///
    /// Free where [`is_direct`](Self::is_direct); otherwise one pass over those rows, and memory for a copy of them.
    ///
    /// # Errors
    /// `InvalidArgument` for a range outside of the file, `InvalidValue` for a value that the type asked for does not hold,
    /// `Format` for a row of another dimension than the first; `LossyConversion` once more than 1 % of the file's rows were
    /// read that change by more than 1 % of their length, or 10 % where a scale was asked for, also from the stream.
    pub fn rows(&mut self, rows: Range<u64>) -> Result<Rows<'_>> {
        let Range { start, end } = rows;
        if start > end || end > self.row_count() {
            let reason = format!("{start}..{end} is not within 0..{}", self.row_count());
            return Err(Error::argument("rows", reason));
        }
        if self.direct {
            return self.slice(start, end);
        }
        let mut block = std::mem::replace(&mut self.block, Block::new(self.dtype));
        let seen = self.loading().load(&self.file, start..end, &mut block);
        self.block = block;
        let seen = seen?;
        self.account(start..end, seen)?;
        Ok(self.block.rows())
    }

    fn loading(&self) -> Loading<'_> {
        let Conversion { scale, bit_order, .. } = self.conversion;
        let (dim, scale) = (self.dim, (self.scale, scale));
        Loading { dim, scale, bit_order, skipped: self.skipped.as_deref() }
    }

    /// Adds up what became of rows.
    fn account(&self, rows: Range<u64>, seen: Option<Seen>) -> Result<()> {
        let Some(seen) = seen else { return Ok(()) };
        self.account.add(rows, &seen, self.row_count(), (self.dtype, self.scale), &self.conversion)
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

    fn remaining(&self) -> Option<u64> {
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
        let mut ahead = std::mem::take(&mut self.ahead);
        let loading = self.loading();
        let load = |rows, block: &mut Block| loading.load(file, rows, block);
        let filled =
            ahead.fill(rows, step, self.dtype, load, |rows, seen| self.account(rows, seen));
        self.ahead = ahead;
        filled?;
        let rows = self.ahead.take(start, most, dim)?;
        self.next = start + rows.count(dim)? as u64;
        Ok(Some(rows))
    }
}
