//! The search of the nearest lists.

use super::lists::InvertedLists;
use super::{assign, masked, probed};
use crate::call::{Filter, Options, Pending, RowHits};
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::exact;

/// How many lists are probed, and what is looked for in them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Probe {
    /// So many nearest rows.
    Nearest(usize),
    /// All rows within a radius.
    Within(f32),
}

impl InvertedLists {
    /// Starts a search of the `nprobe` nearest lists of each query; of all lists it is the flat search.
    pub fn submit(
        &self,
        queries: Rows<'_>,
        probe: Probe,
        nprobe: usize,
        filter: Filter,
        options: Options,
    ) -> Result<Pending<RowHits>> {
        if nprobe == 0 {
            return Err(Error::argument("nprobe", "0 lists hold no neighbour"));
        }
        let centroids = self.centroids()?;
        let all = nprobe >= self.nlist();
        if let (Probe::Nearest(k), false) = (probe, all) {
            return probed::submit(self, queries, k, nprobe, filter, options);
        }
        let filter = if all {
            filter
        } else {
            let coarse = Options { cancel: options.cancel.clone(), ..Options::default() };
            let probes = assign::nearest(centroids, queries, nprobe, coarse)?;
            masked::filter(self, &probes, filter)?
        };
        let dataset = self.dataset();
        match probe {
            Probe::Nearest(k) => exact::submit_search(dataset, queries, k, filter, options),
            Probe::Within(radius) => exact::submit_range(dataset, queries, radius, filter, options),
        }
    }
}
