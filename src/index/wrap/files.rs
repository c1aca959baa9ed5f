//! Files of indexes around indexes, and of every other kind.

use super::pre_transform::PreTransform;
use super::refine::Refine;
use super::rescored::Rescored;
use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::index::changing::Index;
use crate::index::kinds;
use crate::index::persist::{self, FileWriter, IndexReader, Info, PRE_TRANSFORM, REFINE};
use crate::metric::Metric;
use std::path::Path;

/// Reads the sections of an index of any kind.
pub(in crate::index) fn read_any(gpu: &Gpu, reader: &mut IndexReader) -> Result<Box<dyn Index>> {
    match reader.kind() {
        REFINE => Ok(Box::new(Refine::of_reader(gpu, reader)?)),
        _ => read_stage(gpu, reader),
    }
}

/// Those of one that may be a first stage.
fn read_stage(gpu: &Gpu, reader: &mut IndexReader) -> Result<Box<dyn Index>> {
    match reader.kind() {
        PRE_TRANSFORM => Ok(Box::new(PreTransform::of_reader(gpu, reader)?)),
        _ => kinds::read(gpu, reader),
    }
}

/// Writes the sections of one state of a refinement.
pub(super) fn write_refine(index: &Refine, file: &mut FileWriter) -> Result<()> {
    let (now, metric) = (index.now(), index.metric.clone());
    let (kind, dtype, dim) = (REFINE.to_owned(), index.dtype, index.dim);
    Info { kind, dtype, dim, metric }.write(file)?;
    persist::write_k_factor(file, now.k_factor)?;
    match now.base.as_any().and_then(|any| any.downcast_ref::<PreTransform>()) {
        Some(base) => base.write_to(file)?,
        None => kinds::write(&*now.base, file)?,
    }
    kinds::write(now.rows.index(), file)
}

impl Refine {
    /// Reads what [`Index::write`] wrote, if it was a `Refine`; otherwise as [`read_index`](crate::read_index).
    ///
    /// # Errors
    /// As [`read_index`](crate::read_index); `Format` also for another kind of index.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Refine, Search};
    /// let index = Refine::read(&Gpu::new()?, "refined.nf")?;
    /// println!("{} times k candidates of {}", index.k_factor(), index.base().description());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn read(gpu: &Gpu, path: impl AsRef<Path>) -> Result<Refine> {
        let reader = persist::open_kind(path.as_ref(), REFINE)?;
        reader.whole(|reader| Refine::of_reader(gpu, reader))
    }

    fn of_reader(gpu: &Gpu, reader: &mut IndexReader) -> Result<Refine> {
        let Info { dtype, dim, metric, .. } = &reader.info;
        let (dtype, dim, metric) = (*dtype, *dim, metric.clone());
        let k_factor = persist::read_k_factor(&mut reader.file)?;
        let stage = |reader: &mut IndexReader, may_count_bits: bool| {
            reader.go_on()?;
            let its = &reader.info;
            // of signs, whatever metric candidates are compared by
            let bits = may_count_bits && (its.dtype, &its.metric) == (DType::F32, &Metric::Hamming);
            if its.dim == dim && (its.metric == metric || bits) {
                return Ok(());
            }
            let reason = format!(
                "a {} of rows of {} under {} as a stage of {dim} under {metric}",
                its.kind, its.dim, its.metric
            );
            Err(reader.fault(reason))
        };
        stage(reader, true)?;
        let base = read_stage(gpu, reader)?;
        stage(reader, false)?;
        if reader.info.dtype != dtype {
            let its = reader.info.dtype;
            return Err(reader.fault(format!("rows of {its} that were to be of {dtype}")));
        }
        let rows = Rescored::read(gpu, reader)?;
        let made = Refine::of(&*base, rows).map_err(|e| match e {
            // what the file says is at fault; what the adapter lacks is not
            Error::InvalidArgument { .. } | Error::Unsupported { .. } => {
                reader.fault(e.to_string())
            }
            other => other,
        })?;
        made.set_k_factor(k_factor)?;
        Ok(made)
    }
}
