//! The search of the nearest lists.

use super::assign::{self, Nearest};
use super::lists::InvertedLists;
use super::{masked, probed};
use crate::call::{Filter, IvfStats, Options, Pending, RowHits};
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
        let (filter, some) = if all {
            (filter, None)
        } else {
            let coarse = Options { cancel: options.cancel.clone(), ..Options::default() };
            let probes = assign::nearest(centroids, queries, nprobe, coarse)?;
            (masked::filter(self, &probes, filter)?, Some(self.rows_in(&probes)))
        };
        let dataset = self.dataset();
        let found = match probe {
            Probe::Nearest(k) => exact::submit_search(dataset, queries, k, filter, options),
            Probe::Within(radius) => exact::submit_range(dataset, queries, radius, filter, options),
        }?;
        let (rows, nprobe) = (dataset.len(), nprobe.min(self.nlist()) as u64);
        Ok(found.map(move |mut found| {
            let rows_probed = some.unwrap_or(found.stats.queries * rows);
            found.stats.ivf = IvfStats { nprobe, rows_probed };
            Ok(found)
        }))
    }

    /// The rows of all probes together.
    fn rows_in(&self, probes: &Nearest) -> u64 {
        let mut sizes = vec![0u64; self.nlist()];
        for (_, piece) in self.all_labels().pieces() {
            piece.iter().for_each(|&label| sizes[label as usize] += 1);
        }
        probes.centroids.iter().map(|&list| sizes[list as usize]).sum()
    }
}
