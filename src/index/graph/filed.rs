//! The edges of a graph in a file, so that an index that is read needs none of the work that made them.

use super::before::Built;
use super::rows::GraphRows;
use crate::call::Made;
use crate::error::{Error, Result};
use crate::graph::{Arriving, Edges};
use crate::index::ids::RowSet;
use crate::index::persist::{self, FileReader, FileWriter};
use crate::index::state::Stored;
use std::sync::Arc;

impl GraphRows {
    /// Writes the edges of the rows in `live`, or all, where a graph was made of them or of what they were. Where some were removed, they are those of the
    /// others, as they will be numbered; where there is no room for that, the file has none.
    pub(super) fn write_edges(&self, live: Option<&RowSet>, file: &mut FileWriter) -> Result<()> {
        let gpu = self.dataset.gpu();
        let made = || {
            let left = match live {
                Some(live) => self.gather(&live.iter().collect::<Vec<u32>>())?,
                None => self.clone(),
            };
            match left.is_made() && left.len() > 0 {
                true => Ok(Some((left.graph(None)?, left))),
                false => Ok(None),
            }
        };
        let (Built { graph, .. }, left) = match made() {
            Err(Error::OutOfDeviceMemory { .. }) | Ok(None) => return Ok(()),
            Ok(Some(made)) => made,
            Err(other) => return Err(other),
        };
        let (starts, count) = (graph.start_rows(gpu)?, left.len() * u64::from(self.shape.degree));
        let of = (self.shape.degree, &*starts);
        persist::write_edges(file, of, count, |first, some| graph.links(gpu, first, some))
    }

    /// Reads the edges of so many rows, where a file has them and the device has room: they are made again otherwise.
    pub(super) fn read_edges(
        &self,
        rows: u64,
        file: &mut FileReader,
    ) -> Result<Option<(Arriving, Vec<u32>)>> {
        if !persist::has_edges(file)? {
            return Ok(None);
        }
        let gpu = self.dataset.gpu();
        let room = |_| match Arriving::new(gpu, rows, self.shape) {
            Err(Error::OutOfDeviceMemory { .. } | Error::LimitExceeded { .. }) => {
                log::debug!("no room for the edges of {rows} rows");
                Ok(None)
            }
            other => other.map(Some),
        };
        let of = (rows, self.shape.degree..=self.shape.degree);
        persist::read_edges(file, of, room, |links, some| links.take(gpu, some))
    }

    /// With what [`read_edges`](Self::read_edges) read, unless this device has no graph of such rows.
    pub(super) fn with_edges(self, (links, starts): (Arriving, Vec<u32>)) -> Result<GraphRows> {
        if self.len() == 0 || Edges::refused(&self.dataset, self.shape).is_some() {
            return Ok(self);
        }
        let graph = Arc::new(links.edges(&self.dataset, &starts)?);
        Ok(GraphRows { built: Made::of(Built { graph, removed: 0 }), ..self })
    }
}
