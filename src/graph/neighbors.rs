//! The nearest rows of each row, which stay on the device: the exact search of all rows by all rows, behind which a stage keeps what it finds.

use super::kernels::{self, KeepNeighbors};
use crate::buffer::Buffer;
use crate::call::{CancelToken, Candidates, Left, NextStage, Options, RowIds, SearchStats};
use crate::device::Gpu;
use crate::error::Result;
use crate::exact::{Dataset, Queries, submit_rows};
use crate::kernel::Encoder;
use crate::space::Decoder;
use std::sync::Arc;

/// Takes the nearest rows of queries that are rows for their neighbours.
struct Keep {
    gpu: Gpu,
    neighbors: Buffer,
    width: u32,
    decoder: Arc<Decoder>,
}

/// Lists of so many rows each, nearest first and `NO_KEY` behind the last; a row is not on its own list.
pub(super) fn neighbors(
    dataset: &Dataset,
    width: u32,
    cancel: Option<&CancelToken>,
) -> Result<Buffer> {
    let (gpu, n) = (dataset.gpu(), dataset.len());
    let neighbors = gpu.alloc("neighbors", n * u64::from(width) * 4)?;
    let decoder = Queries::resident(dataset, dataset, 0..0)?.decoder;
    let keep = Keep { gpu: gpu.clone(), neighbors: neighbors.clone(), width, decoder };
    let options = Options {
        // an edge that rounding misses is no loss
        fast: true,
        cancel: cancel.cloned(),
        next: Some(Arc::new(keep)),
        ..Options::default()
    };
    submit_rows(dataset, (dataset, 0..n), width as usize + 1, options)?.wait()?;
    Ok(neighbors)
}

impl NextStage for Keep {
    fn begin(&self, gpu: &Gpu, _k: usize) -> bool {
        gpu.is(&self.gpu)
    }

    fn k(&self) -> usize {
        1
    }

    fn decoder(&self) -> Arc<Decoder> {
        Arc::clone(&self.decoder)
    }

    fn row_ids(&self) -> RowIds {
        RowIds::default()
    }

    fn most_queries(&self) -> usize {
        usize::MAX
    }

    fn encode(&self, encoder: &mut Encoder, found: Candidates<'_>) -> Result<Left> {
        let (gpu, nq) = (encoder.gpu().clone(), found.query_ids.len() as u32);
        encoder.stage("neighbors");
        let query_ids = encoder.upload("rows", bytemuck::cast_slice(found.query_ids))?;
        let keys = gpu.scratch("no keys", u64::from(nq) * 4)?;
        let none = gpu.scratch("no rows", u64::from(nq) * 4)?;
        let buffers = [
            ("found_keys", found.keys),
            ("found", found.rows),
            ("query_ids", &query_ids),
            ("neighbors", &self.neighbors),
            ("keys", &keys),
            ("none", &none),
        ];
        let params = KeepNeighbors { k: found.k, width: self.width };
        encoder.dispatch(&kernels::keep_neighbors(), &buffers, &params, [nq, 1, 1])?;
        Ok(Left { keys, rows: none.clone(), counts: none })
    }

    fn count(&self, _counts: &[u32], _wanted: &[bool], _stats: &mut SearchStats) -> Result<()> {
        Ok(())
    }
}
