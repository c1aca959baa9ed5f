//! Lists of rows for filters: ids, masks and texts.

use super::container::Container;
use super::ids::IdFile;
use super::limits::BLOCK_BYTES;
use super::map::{Map, open_regular};
use super::mapped::Mapped;
use super::text_list::TextList;
use crate::error::{Error, Result};
use std::path::Path;

/// How files begin that are no texts: of NumPy, and packed ones.
const BINARY: [&[u8]; 3] = [b"\x93NUMPY", b"PK\x03\x04", b"\x1f\x8b"];

/// The rows that a file names, in whichever of three ways:
///
/// | file | rows |
/// |---|---|
/// | whole numbers of 32 or 64 bits, as [`IdFile`] reads them | their ids |
/// | a mask: `.npy` of bool, u8 or i8 with one axis or one column, `.u8bin`, `.i8bin`, `.bvecs` of dimension 1 | those where it is 1 |
/// | a text, by any extension that no format here has, such as `.txt` | an id a line |
///
/// Bytes are always a mask, never ids: it has as many elements as there are rows, each 0 or 1, or it is an error. In a text, blank
/// lines and what follows a `#` say nothing.
///
/// # Example
/// ```
/// # fn main() -> nearfield::Result<()> {
/// # let dir = std::env::temp_dir().join(format!("nearfield-list-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir).unwrap();
/// use nearfield::format::RowList;
///
/// let path = dir.join("good.txt");
/// std::fs::write(&path, "# reviewed in May\n3\n17 # twice\n").unwrap();
/// let mut list = RowList::open(&path, &[20])?;
/// assert_eq!(list.next_ids(100)?, Some(&[3, 17][..]));
/// assert_eq!(list.next_ids(100)?, None);
/// # std::fs::remove_dir_all(&dir).unwrap();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RowList {
    kind: Kind,
    block: Vec<i64>,
}

#[derive(Debug)]
enum Kind {
    Ids(IdFile),
    Mask { file: Mapped, next: u64 },
    Text(TextList),
}

impl RowList {
    /// Opens a list of rows of which there are `rows`: any of these numbers, where a part of a file is searched and a mask may be
    /// of the part or of the whole.
    ///
    /// # Errors
    /// As [`IdFile::open`]; `Format` for a mask of another length, or of several columns.
    pub fn open(path: impl AsRef<Path>, rows: &[u64]) -> Result<Self> {
        let path = path.as_ref();
        let kind = match Container::known(path) {
            Some(_) => Self::of_file(Mapped::open(path, None)?, rows)?,
            None => Kind::Text(Self::text(path)?),
        };
        Ok(RowList { kind, block: Vec::new() })
    }

    fn of_file(file: Mapped, rows: &[u64]) -> Result<Kind> {
        let layout = file.layout;
        if !layout.element.is_mask() {
            return Ok(Kind::Ids(IdFile::of(file)?));
        }
        if layout.width() == 1 && rows.contains(&layout.rows) {
            return Ok(Kind::Mask { file, next: 0 });
        }
        let shape = layout.columns.map_or_else(String::new, |columns| format!(" x {columns}"));
        let mut rows: Vec<_> = rows.iter().map(u64::to_string).collect();
        rows.dedup();
        let reason = format!(
            "{}{shape} elements of type {:?} are no mask of {} rows, which has a 0 or a 1 for each; ids have 32 or 64 bits, \
             .astype(numpy.int64)",
            layout.rows,
            layout.element.descr(),
            rows.join(" or ")
        );
        Err(Error::format(file.path(), layout.shape_at as u64, reason))
    }

    /// A text, unless its name or its first bytes tell otherwise.
    fn text(path: &Path) -> Result<TextList> {
        let length = open_regular(path).and_then(|file| file.metadata());
        if length.map_err(|e| Error::io(path, e))?.len() == 0 {
            // An empty text names no row; no map can be made of it.
            return Ok(TextList::new(None));
        }
        let map = Map::open(path)?;
        let begin = &map.bytes()[..map.bytes().len().min(4096)];
        let is_text = !begin.contains(&0) && !BINARY.iter().any(|magic| begin.starts_with(magic));
        match Container::instead(path) {
            _ if is_text => Ok(TextList::new(Some(map))),
            Some(way) => Err(Error::format(path, 0, format!("no list of rows; {way}"))),
            None => {
                let reason =
                    "neither a text with an id a line, nor named as what it is, such as .npy";
                Err(Error::format(path, 0, reason))
            }
        }
    }

    /// The next ids: at least one, `None` at the end. Of numbers about `max_ids` come at most, of whole rows of them; -1, which
    /// stands for no hit where ids are the answer of a search, comes as it is.
    ///
    /// # Errors
    /// `Format` for a line that is no whole number, which it names and quotes, and as [`IdFile::next_ids`]; `InvalidValue` for an
    /// element of a mask that is neither 0 nor 1.
    pub fn next_ids(&mut self, max_ids: usize) -> Result<Option<&[i64]>> {
        let most = max_ids.clamp(1, BLOCK_BYTES / 8);
        self.block.clear();
        match &mut self.kind {
            Kind::Ids(file) => return file.next_ids((most / file.columns().unwrap_or(1)).max(1)),
            Kind::Text(text) => text.next(most, &mut self.block)?,
            Kind::Mask { file, next } => {
                let end = file.layout.rows;
                while self.block.is_empty() && *next < end {
                    let to = end.min(*next + most as u64);
                    mask(file, *next, to, &mut self.block)?;
                    *next = to;
                }
            }
        }
        Ok((!self.block.is_empty()).then_some(&self.block))
    }
}

/// Appends the rows of `start..end` where a mask is 1.
fn mask(file: &Mapped, start: u64, end: u64, to: &mut Vec<i64>) -> Result<()> {
    file.pieces(start, end, |first, bytes| {
        for (row, &byte) in (first..).zip(bytes) {
            match byte {
                0 => {}
                // A mapped file is shorter than 2^63 bytes.
                1 => to.push(row as i64),
                other => {
                    let reason = format!("{other} in a mask, which has 0 and 1 alone");
                    return Err(Error::InvalidValue { row, column: 0, reason });
                }
            }
        }
        Ok(())
    })
}
