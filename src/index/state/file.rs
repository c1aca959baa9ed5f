//! An index file: what the index is, the ids, and whatever its kind stores.

use super::snapshot::Snapshot;
use super::stored::Stored;
use crate::error::{Error, Result};
use crate::format::AtomicFile;
use crate::index::persist::{self, FileWriter, IndexReader, Info};
use std::path::Path;

/// Writes the rows that are not removed to a file that lacks its name.
pub(in crate::index) fn write<R: Stored>(
    now: &Snapshot<R>,
    kind: &str,
    path: &Path,
) -> Result<AtomicFile> {
    let mut file = FileWriter::create(path)?;
    write_to(now, kind, &mut file)?;
    file.complete()
}

/// Writes the sections of such a file.
pub(in crate::index) fn write_to<R: Stored>(
    now: &Snapshot<R>,
    kind: &str,
    file: &mut FileWriter,
) -> Result<()> {
    let rows = now.rows();
    let (metric, dtype, dim) = (rows.metric().clone(), rows.dtype(), rows.dim());
    Info { kind: kind.to_owned(), dtype, dim, metric }.write(file)?;
    persist::write_ids(file, now.ids(), now.live(), now.next_id())?;
    rows.write_sections(now.live(), file)
}

/// Reads the sections that [`write_to`] wrote, when `empty` makes the kind's rows, still without any, of what the file says it is.
pub(in crate::index) fn read<R: Stored>(
    reader: &mut IndexReader,
    empty: impl FnOnce(&Info) -> Result<R>,
) -> Result<Snapshot<R>> {
    let empty = empty(&reader.info).map_err(|e| match e {
        // What the file says is at fault; what the adapter lacks is not.
        Error::InvalidArgument { .. } | Error::Unsupported { .. } | Error::Shader { .. } => {
            reader.fault(e.to_string())
        }
        other => other,
    })?;
    let (ids, next_id) = persist::read_ids(&mut reader.file)?;
    let rows = empty.read_sections(ids.len() as u64, &mut reader.file)?;
    Ok(Snapshot::new(rows, ids, next_id))
}
