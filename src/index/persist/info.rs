//! The section that every index begins with: what it is.

use super::reader::{FileReader, Section};
use super::writer::FileWriter;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::format::LittleEndian as _;
use crate::format::MAX_DIM;
use crate::metric::{Metric, Order};
use std::path::Path;

const TAG: &[u8; 4] = b"INFO";
/// Names are short; the text of a custom metric is a program.
const NAME_BYTES: u32 = 64;
const SOURCE_BYTES: u32 = 16 << 20;

/// An index file whose first section was read.
pub(in crate::index) struct IndexReader {
    pub file: FileReader,
    pub info: Info,
    /// Where the section began.
    at: u64,
}

/// What every index has.
pub(in crate::index) struct Info {
    pub kind: String,
    pub dtype: DType,
    pub dim: usize,
    pub metric: Metric,
}

/// Opens a file of any kind of index.
pub(in crate::index) fn open(path: &Path) -> Result<IndexReader> {
    IndexReader::of(FileReader::open(path)?)
}

/// Opens a file of one kind of index.
pub(in crate::index) fn open_kind(path: &Path, kind: &str) -> Result<IndexReader> {
    let reader = open(path)?;
    if reader.kind() == kind {
        return Ok(reader);
    }
    Err(reader.fault(format!(
        "an index of kind {:?}, not {kind:?}; read_index opens any kind",
        reader.kind()
    )))
}

impl IndexReader {
    fn of(mut file: FileReader) -> Result<IndexReader> {
        let mut section = file.section(TAG)?;
        let at = section.at();
        let info = Info::read(&mut section)?;
        section.end()?;
        Ok(IndexReader { file, info, at })
    }

    /// The index within this one, which begins where the file was read to.
    pub fn next(self) -> Result<IndexReader> {
        IndexReader::of(self.file)
    }

    pub fn kind(&self) -> &str {
        &self.info.kind
    }

    pub fn unknown_kind(&self) -> Error {
        self.fault(format!("this build knows no index of kind {:?}", self.kind()))
    }

    /// An error about what the first section says.
    pub fn fault(&self, reason: impl Into<String>) -> Error {
        self.file.fault(self.at, reason)
    }
}

impl Info {
    fn read(section: &mut Section<'_>) -> Result<Info> {
        let kind = section.text(NAME_BYTES)?;
        let at = section.at();
        let dtype = section.text(NAME_BYTES)?.parse::<DType>();
        let dtype = dtype.map_err(|e| section.fault_at(at, e.to_string()))?;
        let at = section.at();
        let dim = section.u64()?;
        if dim == 0 || dim > MAX_DIM as u64 {
            return Err(section.fault_at(at, format!("a dimension of {dim}")));
        }
        let at = section.at();
        let name = section.text(NAME_BYTES)?;
        let metric = match &name[..] {
            "wgsl" => custom(section)?,
            name => {
                Metric::from_name(name, dtype).map_err(|e| section.fault_at(at, e.to_string()))?
            }
        };
        Ok(Info { kind, dtype, dim: dim as usize, metric })
    }

    pub fn write(&self, file: &mut FileWriter) -> Result<()> {
        let mut bytes = Vec::new();
        put_text(&mut bytes, &self.kind);
        put_text(&mut bytes, self.dtype.name());
        bytes.extend((self.dim as u64).to_le_bytes());
        match &self.metric {
            Metric::Custom(custom) => {
                if custom.source.len() > SOURCE_BYTES as usize {
                    let what = "bytes of a custom metric in a file".to_owned();
                    let (needed, limit) = (custom.source.len() as u64, SOURCE_BYTES.into());
                    return Err(Error::LimitExceeded { what, needed, limit });
                }
                put_text(&mut bytes, "wgsl");
                bytes.extend(custom.initial.to_le_bytes());
                bytes.push(u8::from(custom.order == Order::Descending));
                put_text(&mut bytes, &custom.source);
            }
            metric => put_text(&mut bytes, &metric.to_string()),
        }
        file.section(TAG, bytes.len() as u64, |section| section.put(&bytes))
    }
}

/// Texts that are written are far below 4 GiB.
fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.as_bytes());
}

fn custom(section: &mut Section<'_>) -> Result<Metric> {
    let initial = section.f32()?;
    let at = section.at();
    let order = match section.u8()? {
        0 => Order::Ascending,
        1 => Order::Descending,
        other => return Err(section.fault_at(at, format!("{other} is no order"))),
    };
    Ok(Metric::wgsl(section.text(SOURCE_BYTES)?, initial, order))
}
