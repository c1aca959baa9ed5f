//! The reading side of the container. Every length is held against the file's before anything is allocated for it.

use super::foreign;
use super::layout::{BLOCK_BYTES, HEADER_BYTES, MAGIC, VERSION};
use crate::error::{Error, Result};
use crate::format::LittleEndian;
use crate::format::map::open_regular;
use crc32fast::Hasher;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// Bytes of a section beside its content: tag and length before it, the checksum behind.
const FRAME_BYTES: u64 = 16;

/// A file whose header is sound.
pub(in crate::index) struct FileReader {
    file: BufReader<File>,
    path: PathBuf,
    /// Of the file.
    length: u64,
    /// How far it was read.
    at: u64,
    sections: u32,
}

impl FileReader {
    pub fn open(path: &Path) -> Result<FileReader> {
        let io = |e| Error::io(path, e);
        let file = open_regular(path).map_err(io)?;
        let meta = file.metadata().map_err(io)?;
        let (length, path) = (meta.len(), path.to_owned());
        let file = BufReader::with_capacity(1 << 18, file);
        let mut reader = FileReader { file, path, length, at: 0, sections: 0 };
        reader.header()?;
        Ok(reader)
    }

    fn header(&mut self) -> Result<()> {
        let mut header = [0u8; HEADER_BYTES];
        let there = self.length.min(HEADER_BYTES as u64) as usize;
        self.fill(&mut header[..there])?;
        if !MAGIC.starts_with(&header[..there.min(MAGIC.len())]) {
            let what = foreign::described(&self.path, &header[..there]);
            return Err(self.fault(0, format!("not an index file of this library{what}")));
        }
        if there < HEADER_BYTES {
            let reason = format!("{} bytes, a header has {HEADER_BYTES}", self.length);
            return Err(self.fault(self.length, reason));
        }
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| header[at + i]));
        if word(8) != VERSION {
            let newer = if word(8) > VERSION { ": a newer nearfield wrote it" } else { "" };
            let reason = format!("version {}, this build reads {VERSION}{newer}", word(8));
            return Err(self.fault(8, reason));
        }
        if word(24) != crc32fast::hash(&header[..24]) {
            return Err(self.fault(24, "the checksum of the header is wrong"));
        }
        self.sections = word(12);
        let length = u64::from(word(20)) << 32 | u64::from(word(16));
        if length != self.length {
            let reason = format!("the header says {length} bytes, the file has {}", self.length);
            return Err(self.fault(self.length.min(length), reason));
        }
        Ok(())
    }

    /// The tags of the sections that are still to come before one of tag `end`, or all. Their lengths are checked, nothing else.
    pub fn tags_before(&mut self, end: &[u8; 4]) -> Result<Vec<[u8; 4]>> {
        let (at, sections, mut tags) = (self.at, self.sections, Vec::new());
        while self.sections > 0 {
            let (tag, section) = self.any_section()?;
            if tag == *end {
                break;
            }
            section.skip()?;
            tags.push(tag);
        }
        // a file has 63 bits
        let back = self.file.seek_relative(at as i64 - self.at as i64);
        back.map_err(|e| Error::io(&self.path, e))?;
        (self.at, self.sections) = (at, sections);
        Ok(tags)
    }

    /// Goes behind the next section without looking into it.
    pub fn skip(&mut self) -> Result<()> {
        self.any_section()?.1.skip()
    }

    /// The next section, which has this tag.
    pub fn section(&mut self, tag: &[u8; 4]) -> Result<Section<'_>> {
        Ok(self.section_of([tag])?.1)
    }

    /// The next section, which has one of these tags, and which it has.
    pub fn section_of<const N: usize>(
        &mut self,
        tags: [&[u8; 4]; N],
    ) -> Result<([u8; 4], Section<'_>)> {
        let at = self.at;
        if self.sections == 0 || self.length - at < FRAME_BYTES {
            let wanted = tags.map(|tag| tag.escape_ascii().to_string()).join(" or ");
            let reason = format!("the section {wanted} is missing");
            return Err(self.fault(at, reason));
        }
        let (found, section) = self.any_section()?;
        if !tags.contains(&&found) {
            let wanted = tags.map(|tag| tag.escape_ascii().to_string()).join(" or ");
            let got = found.escape_ascii();
            let reason = format!("a section {got} where {wanted} is expected");
            return Err(section.fault_at(at, reason));
        }
        Ok((found, section))
    }

    /// The next section and its tag.
    fn any_section(&mut self) -> Result<([u8; 4], Section<'_>)> {
        let (at, left) = (self.at, self.length - self.at);
        if left < FRAME_BYTES {
            return Err(self.fault(at, "a section is missing"));
        }
        self.sections -= 1;
        let mut frame = [0u8; 12];
        self.fill(&mut frame)?;
        let tag = [0, 1, 2, 3].map(|i| frame[i]);
        let length = u64::from_le_bytes([4, 5, 6, 7, 8, 9, 10, 11].map(|i| frame[i]));
        if length > left - FRAME_BYTES {
            let reason = format!("a section of {length} bytes, {} are left", left - FRAME_BYTES);
            return Err(self.fault(at + 4, reason));
        }
        let mut crc = Hasher::new();
        crc.update(&frame);
        Ok((tag, Section { reader: self, crc, left: length }))
    }

    /// Reads the sections that are left, whatever they are, and checks their checksums; `progress` is told bytes read and
    /// bytes in all.
    pub fn check_rest(mut self, progress: &mut dyn FnMut(u64, u64) -> Result<()>) -> Result<()> {
        let mut block = vec![0u8; BLOCK_BYTES];
        while self.sections > 0 {
            let mut section = self.any_section()?.1;
            while section.left > 0 {
                let bytes = section.left.min(BLOCK_BYTES as u64) as usize;
                section.fill(&mut block[..bytes])?;
                progress(section.reader.at, section.reader.length)?;
            }
            section.end()?;
        }
        self.finish()
    }

    /// Checks that nothing is left.
    pub fn finish(self) -> Result<()> {
        if self.sections == 0 && self.at == self.length {
            return Ok(());
        }
        Err(self.fault(self.at, "more than this kind of index has"))
    }

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// What is refused of a place, which is a fault of the file, unless the device lacks something.
    pub fn refused(&self, at: u64, error: Error) -> Error {
        match error {
            Error::InvalidArgument { .. } | Error::Unsupported { .. } => {
                self.fault(at, error.to_string())
            }
            other => other,
        }
    }

    /// Where the next section begins.
    pub fn at(&self) -> u64 {
        self.at
    }

    pub fn fault(&self, offset: u64, reason: impl Into<String>) -> Error {
        Error::format(&self.path, offset, reason)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        match self.file.read_exact(bytes) {
            Ok(()) => {
                self.at += bytes.len() as u64;
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

/// The content of one section.
pub(in crate::index) struct Section<'a> {
    reader: &'a mut FileReader,
    crc: Hasher,
    left: u64,
}

impl LittleEndian for Section<'_> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        let wanted = bytes.len() as u64;
        if wanted > self.left {
            let left = self.left;
            return Err(
                self.fault(format!("{wanted} bytes wanted, {left} are left of the section"))
            );
        }
        self.reader.fill(bytes)?;
        self.crc.update(bytes);
        self.left -= wanted;
        Ok(())
    }
}

impl Section<'_> {
    /// Bytes that are still to come.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Where in the file the next byte lies.
    pub fn at(&self) -> u64 {
        self.reader.at
    }

    /// An error at the next byte.
    pub fn fault(&self, reason: impl Into<String>) -> Error {
        self.reader.fault(self.reader.at, reason)
    }

    /// An error at another byte.
    pub fn fault_at(&self, offset: u64, reason: impl Into<String>) -> Error {
        self.reader.fault(offset, reason)
    }

    /// A text of at most `most` bytes.
    pub fn text(&mut self, most: u32) -> Result<String> {
        let length = self.u32()?;
        if length > most || u64::from(length) > self.left {
            return Err(self.fault(format!("a text of {length} bytes, {most} are the most")));
        }
        let at = self.at();
        let mut bytes = vec![0u8; length as usize];
        self.fill(&mut bytes)?;
        String::from_utf8(bytes).map_err(|_| self.fault_at(at, "a text that is not UTF-8"))
    }

    /// Goes behind the section without looking at the rest of it.
    pub fn skip(self) -> Result<()> {
        // lengths of a file were held against its own, which has 63 bits
        let rest = self.left + 4;
        let moved = self.reader.file.seek_relative(rest as i64);
        moved.map_err(|e| Error::io(&self.reader.path, e))?;
        self.reader.at += rest;
        Ok(())
    }

    /// Checks the checksum behind the content, all of which was read.
    pub fn end(self) -> Result<()> {
        if self.left > 0 {
            return Err(self.fault(format!("{} bytes too many in this section", self.left)));
        }
        let mut stored = [0u8; 4];
        let at = self.reader.at;
        self.reader.fill(&mut stored)?;
        if u32::from_le_bytes(stored) != self.crc.finalize() {
            return Err(self.reader.fault(at, "the checksum of this section is wrong"));
        }
        Ok(())
    }
}
