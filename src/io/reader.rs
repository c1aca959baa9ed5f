//! A file of another library, number by number. Every length is held against what is left of the file before anything is allocated for it.

use crate::error::{Error, Result};
use crate::format::LittleEndian;
use crate::format::map::open_regular;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// Host memory for what is read ahead, and for a block of rows.
const AHEAD_BYTES: u64 = 1 << 18;

/// An open file, and how far it was read.
pub(super) struct Reader {
    file: BufReader<File>,
    path: PathBuf,
    length: u64,
    at: u64,
}

impl LittleEndian for Reader {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        let (wanted, left) = (bytes.len() as u64, self.left());
        if wanted > left {
            let reason = format!("the file ends here: {wanted} bytes are missing, {left} are left");
            return Err(self.fault(self.at, reason));
        }
        match self.file.read_exact(bytes) {
            Ok(()) => {
                self.at += wanted;
                Ok(())
            }
            // The file was truncated while it was read.
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.fault(self.at, "the file ends here"))
            }
            Err(e) => Err(Error::io(&self.path, e)),
        }
    }
}

impl Reader {
    pub fn open(path: &Path) -> Result<Reader> {
        let io = |e| Error::io(path, e);
        let file = open_regular(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let ahead = length.clamp(1, AHEAD_BYTES) as usize;
        let file = BufReader::with_capacity(ahead, file);
        Ok(Reader { file, path: path.to_owned(), length, at: 0 })
    }

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Where the next byte lies.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Bytes that are still to come.
    pub fn left(&self) -> u64 {
        self.length - self.at
    }

    pub fn fault(&self, offset: u64, reason: impl Into<String>) -> Error {
        Error::format(&self.path, offset, reason)
    }

    /// What an index here refuses of the file, at a place in it. What the device lacks is no fault of the file.
    pub fn refused(&self, offset: u64, error: Error) -> Error {
        match error {
            Error::NonFinite { .. }
            | Error::InvalidValue { .. }
            | Error::InvalidArgument { .. }
            | Error::PartialRow { .. }
            | Error::Unsupported { .. } => self.fault(offset, error.to_string()),
            other => other,
        }
    }

    /// The four letters that say what follows.
    pub fn fourcc(&mut self) -> Result<[u8; 4]> {
        self.array()
    }

    /// A byte that is 0 or 1.
    pub fn flag(&mut self) -> Result<bool> {
        let at = self.at;
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.fault(at, format!("{other} is neither 0 nor 1"))),
        }
    }

    /// How many elements of so many bytes follow, as stands before them: not more than the file has.
    pub fn count(&mut self, bytes_each: u64) -> Result<u64> {
        let at = self.at;
        let count = self.u64()?;
        self.fits(at, count, bytes_each)?;
        Ok(count)
    }

    /// Refuses more elements of so many bytes than the file has left, at the place that says how many they are.
    pub fn fits(&self, at: u64, count: u64, bytes_each: u64) -> Result<()> {
        let left = self.left();
        if count.checked_mul(bytes_each).is_none_or(|bytes| bytes > left) {
            let reason = format!("{count} times {bytes_each} bytes, {left} are left of the file");
            return Err(self.fault(at, reason));
        }
        Ok(())
    }

    /// Goes on behind the next bytes, which are there.
    pub fn skip(&mut self, bytes: u64) -> Result<()> {
        self.fits(self.at, bytes, 1)?;
        self.go_to(self.at + bytes)
    }

    /// Goes on anywhere in the file.
    pub fn go_to(&mut self, at: u64) -> Result<()> {
        // a file has 63 bits
        let moved = self.file.seek_relative(at as i64 - self.at as i64);
        moved.map_err(|e| Error::io(&self.path, e))?;
        self.at = at;
        Ok(())
    }

    /// So many f32, which are known to fit.
    pub fn f32s(&mut self, count: u64) -> Result<Vec<f32>> {
        let mut numbers = vec![0f32; count as usize];
        self.fill(bytemuck::cast_slice_mut(&mut numbers))?;
        Ok(numbers)
    }

    /// Appends so many ids, which are known to fit; FAISS's have a sign.
    pub fn ids(&mut self, count: u64, ids: &mut Vec<u64>) -> Result<()> {
        let (at, start) = (self.at, ids.len());
        ids.resize(start + count as usize, 0);
        self.fill(bytemuck::cast_slice_mut(&mut ids[start..]))?;
        match ids[start..].iter().position(|&id| id > i64::MAX as u64) {
            None => Ok(()),
            Some(place) => {
                let id = ids[start + place] as i64;
                let reason = format!("the id {id}, which FAISS takes; ids are 0 or more here");
                Err(self.fault(at + 8 * place as u64, reason))
            }
        }
    }

    /// Checks that nothing is left.
    pub fn finish(&self) -> Result<()> {
        match self.left() {
            0 => Ok(()),
            left => Err(self.fault(self.at, format!("{left} bytes more than the index has"))),
        }
    }
}
