//! What rows are called in answers.

use crate::error::Result;
use crate::parallel::each;
use std::sync::Arc;

/// Writes the ids of rows.
type WriteIds = dyn Fn(&[u32], &mut [u64]) + Send + Sync;

/// The ids of rows, by default their numbers.
#[derive(Clone, Default)]
pub(crate) struct RowIds {
    write: Option<Arc<WriteIds>>,
    excluded: Option<Arc<[u64]>>,
}

impl RowIds {
    pub fn new(write: impl Fn(&[u32], &mut [u64]) + Send + Sync + 'static) -> RowIds {
        RowIds { write: Some(Arc::new(write)), excluded: None }
    }

    /// With an id for each query that whoever asks will leave out of its hits, of which he therefore asks for one more.
    pub fn excluding(self, ids: Option<&[u64]>) -> RowIds {
        RowIds { excluded: ids.map(Arc::from), ..self }
    }

    /// Whether a query that has these rows wants no others, although they are one less than was asked for: the one that was to be left
    /// out is not among them.
    pub fn is_enough(&self, query: u32, rows: &[u32], k: usize) -> bool {
        let Some(excluded) = self.excluded.as_ref().and_then(|ids| ids.get(query as usize)) else {
            return rows.len() >= k;
        };
        let mut ids = vec![0; rows.len()];
        self.fill(rows, &mut ids);
        rows.len() - usize::from(ids.contains(excluded)) >= k.saturating_sub(1)
    }

    /// Writes the id of each of `rows`, which are as many as `ids`.
    pub fn fill(&self, rows: &[u32], ids: &mut [u64]) {
        match &self.write {
            Some(write) => write(rows, ids),
            None => ids.iter_mut().zip(rows).for_each(|(id, &row)| *id = row.into()),
        }
    }

    /// The ids of many rows, on several threads.
    pub fn of(&self, rows: &[u32]) -> Result<Vec<u64>> {
        const PIECE: usize = 128 << 10;
        let mut ids = vec![0; rows.len()];
        each(ids.chunks_mut(PIECE).zip(rows.chunks(PIECE)).collect(), |(ids, rows)| {
            self.fill(rows, ids);
            Ok(())
        })?;
        Ok(ids)
    }
}
