//! The bytes of any of the formats, written as a stream: the number of rows is patched in at the end.

use super::atomic::AtomicFile;
use super::container::Container;
use super::element::Element;
use super::limits::MAX_DIM;
use super::{bin, npy_header, vecs};
use crate::error::{Error, Result};
use std::path::Path;

/// A file being written.
#[derive(Debug)]
pub(super) struct Sink {
    out: AtomicFile,
    container: Container,
    element: Element,
    /// The lengths of all axes but the first.
    tail: Vec<usize>,
    row_bytes: usize,
    written: u64,
}

impl Sink {
    /// `tail` holds the lengths of the axes behind the first: the dimension, or nothing for a list.
    pub fn create(
        path: &Path,
        container: Container,
        element: Element,
        tail: &[usize],
    ) -> Result<Self> {
        let width = tail.iter().try_fold(1usize, |n, &axis| n.checked_mul(axis));
        let Some(width) = width.filter(|w| (1..=MAX_DIM).contains(w)) else {
            let reason = format!("a row of {tail:?} elements is not within 1..={MAX_DIM}");
            return Err(Error::argument("shape", reason));
        };
        let mut out = AtomicFile::create(path)?;
        match container {
            Container::Npy => out.write(&npy_header::build(element, 0, tail)?)?,
            Container::Bin(_) => out.write(&bin::header(0, width)?)?,
            Container::Vecs(_) => {}
        }
        let row_bytes = width * element.size();
        Ok(Sink { out, container, element, tail: tail.to_vec(), row_bytes, written: 0 })
    }

    /// Elements in a row.
    pub fn width(&self) -> usize {
        self.row_bytes / self.element.size()
    }

    /// Rows written, those begun not counted.
    pub fn rows(&self) -> u64 {
        self.written / self.row_bytes as u64
    }

    /// Appends elements: whole rows for the `.fvecs` family, anything otherwise.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Container::Vecs(_) = self.container {
            self.check_whole(bytes.len() as u64)?;
            let dimension = vecs::dimension(self.width());
            for row in bytes.chunks_exact(self.row_bytes) {
                self.out.write(&dimension)?;
                self.out.write(row)?;
            }
        } else {
            self.out.write(bytes)?;
        }
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Patches the header and gives the file its name. Returns the number of rows.
    pub fn finish(self) -> Result<u64> {
        let (rows, file) = self.complete()?;
        file.finish()?;
        Ok(rows)
    }

    /// Patches the header. Returns the number of rows, and the file, which lacks its name.
    pub fn complete(mut self) -> Result<(u64, AtomicFile)> {
        self.check_whole(self.written)?;
        let rows = self.rows();
        match self.container {
            Container::Npy => {
                self.out.patch(0, &npy_header::build(self.element, rows, &self.tail)?)?;
            }
            Container::Bin(_) => self.out.patch(0, &bin::header(rows, self.width())?)?,
            Container::Vecs(_) if rows == 0 => {
                let path = self.out.path().display();
                let reason =
                    format!("{path}: no rows; a file of this kind could not say the dimension");
                return Err(Error::argument("rows", reason));
            }
            Container::Vecs(_) => {}
        }
        Ok((rows, self.out))
    }

    fn check_whole(&self, bytes: u64) -> Result<()> {
        if bytes.is_multiple_of(self.row_bytes as u64) {
            return Ok(());
        }
        let len = (bytes / self.element.size() as u64) as usize;
        Err(Error::PartialRow { len, dim: self.width(), packed: false })
    }
}
