//! The writing side of the container: header and sections.

use super::layout::{HEADER_BYTES, MAGIC, VERSION};
use crate::error::{Error, Result};
use crate::format::AtomicFile;
use crc32fast::Hasher;
use std::path::Path;

/// A file being written; dropped before [`complete`](Self::complete), it leaves nothing behind.
pub(in crate::index) struct FileWriter {
    out: AtomicFile,
    at: u64,
    sections: u32,
}

impl FileWriter {
    pub fn create(path: &Path) -> Result<FileWriter> {
        let mut out = AtomicFile::create(path)?;
        out.write(&[0; HEADER_BYTES])?;
        Ok(FileWriter { out, at: HEADER_BYTES as u64, sections: 0 })
    }

    /// Writes a section of a content that `fill` writes, and that is as long as it was said to be.
    pub fn section(
        &mut self,
        tag: &[u8; 4],
        length: u64,
        fill: impl FnOnce(&mut SectionWriter<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut section = SectionWriter { out: &mut self.out, crc: Hasher::new(), written: 0 };
        section.put(tag)?;
        section.put(&length.to_le_bytes())?;
        fill(&mut section)?;
        let SectionWriter { crc, written, .. } = section;
        if written != length + 12 {
            return Err(Error::internal(format!("a section of {length} bytes got {written} - 12")));
        }
        self.out.write(&crc.finalize().to_le_bytes())?;
        self.at += written + 4;
        self.sections += 1;
        Ok(())
    }

    /// Completes the file, which lacks its name.
    pub fn complete(mut self) -> Result<AtomicFile> {
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend(MAGIC);
        header.extend(VERSION.to_le_bytes());
        header.extend(self.sections.to_le_bytes());
        header.extend(self.at.to_le_bytes());
        header.extend(crc32fast::hash(&header).to_le_bytes());
        self.out.patch(0, &header)?;
        Ok(self.out)
    }
}

/// The content of one section.
pub(in crate::index) struct SectionWriter<'a> {
    out: &'a mut AtomicFile,
    crc: Hasher,
    written: u64,
}

impl SectionWriter<'_> {
    pub fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.crc.update(bytes);
        self.written += bytes.len() as u64;
        self.out.write(bytes)
    }
}
