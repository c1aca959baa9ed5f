//! The search of the nearest lists.

use super::lists::InvertedLists;
use super::originals::OriginalRows;
use super::proof::Proof;
use super::{masked, probed, within};
use crate::buffer::BIN;
use crate::call::{Filter, IvfStats, Options, Pending, RowHits};
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::exact::{self, Queries};
use std::ops::Range;

/// Storage buffers of a kernel that finds rows by a table, without scales, bitmaps and what codes are looked up in.
const BINDINGS: u32 = 7;

/// How many lists are probed, and what is looked for in them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Probe {
    /// So many nearest rows.
    Nearest(usize),
    /// All rows within a radius.
    Within(f32),
}

/// What a search does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub probe: Probe,
    /// Lists that are looked at for each query.
    pub nprobe: usize,
    /// Whether more are, twice as many each time, for queries that have fewer than k hits.
    pub fill: bool,
    /// Whether it is said of which queries no other list has a nearer row.
    pub prove: bool,
}

impl InvertedLists {
    /// Starts a search of the nearest lists of each query; of all lists it is the flat search.
    pub fn submit(
        &self,
        queries: Rows<'_>,
        look: Look,
        filter: Filter,
        options: Options,
    ) -> Result<Pending<RowHits>> {
        let Look { probe, nprobe, .. } = look;
        if nprobe == 0 {
            return Err(Error::argument("nprobe", "0 lists hold no neighbour"));
        }
        let proof = match look.prove {
            true if nprobe >= self.nlist() => {
                let count = queries.count(self.dataset().dim())?;
                Some(Proof::of_all(count))
            }
            true => Some(Proof::new(self, || self.reach(), queries, nprobe, &options)?),
            false => None,
        };
        let found = self.search(queries, look, filter, options)?;
        let Some(proof) = proof else { return Ok(found) };
        let (k, radius) = match probe {
            Probe::Nearest(k) => (Some(k), None),
            Probe::Within(radius) => (None, Some(radius)),
        };
        Ok(found.map(move |mut found| {
            proof.tell(&mut found, k, radius);
            Ok(found)
        }))
    }

    /// Starts a search of the nearest lists of some of its own rows, which stay on the device, each for `k` rows and itself among them; of rows of
    /// floats.
    pub fn submit_rows(
        &self,
        rows: Range<u64>,
        k: usize,
        nprobe: usize,
        options: Options,
    ) -> Result<Pending<RowHits>> {
        let (dataset, filter) = (self.dataset(), Filter::default());
        let all = nprobe >= self.nlist();
        if all || !self.fits(Probe::Nearest(k), nprobe)? || !self.binds(&filter) {
            return exact::submit_rows(dataset, (dataset, rows), k, options);
        }
        let asked = (Queries::resident(dataset, dataset, rows)?, None);
        probed::submit((self, None), asked, k, (nprobe, false), filter, options)
    }

    /// Starts the search of the k nearest of the rows that the codes in these lists are of: of `nprobe` lists, which may be all, and without a
    /// proof of others. `None` where the device cannot do it by itself.
    pub fn submit_originals(
        &self,
        originals: &OriginalRows,
        queries: Rows<'_>,
        look: Look,
        filter: Filter,
        options: Options,
    ) -> Result<Option<Pending<RowHits>>> {
        let Look { probe, nprobe, fill, .. } = look;
        let Probe::Nearest(k) = probe else { return Ok(None) };
        if nprobe == 0 {
            return Err(Error::argument("nprobe", "0 lists hold no neighbour"));
        }
        let nprobe = nprobe.min(self.nlist());
        if !originals.fit(self, nprobe, &filter) {
            return Ok(None);
        }
        let asked = (Queries::unchecked(self.dataset(), queries)?, Some(queries));
        let of = (self, Some(originals));
        probed::submit(of, asked, k, (nprobe, fill), filter, options).map(Some)
    }

    fn search(
        &self,
        queries: Rows<'_>,
        look: Look,
        filter: Filter,
        options: Options,
    ) -> Result<Pending<RowHits>> {
        let Look { probe, nprobe, fill, .. } = look;
        self.centroids()?;
        let dataset = self.dataset();
        let all = nprobe >= self.nlist();
        // those who go on to more lists do so list by list
        let one_go = !fill || matches!(probe, Probe::Within(_));
        let flat = all
            || one_go
                && (!self.fits(probe, nprobe)?
                    || !self.binds(&filter)
                    || masked::is_flat(self, queries, nprobe, &options)?);
        if !flat {
            return match probe {
                Probe::Nearest(k) => {
                    let asked = (Queries::unchecked(dataset, queries)?, Some(queries));
                    probed::submit((self, None), asked, k, (nprobe, fill), filter, options)
                }
                Probe::Within(r) => within::submit(self, queries, r, nprobe, filter, options),
            };
        }
        let (filter, some) = if all {
            (filter, None)
        } else {
            let probed = masked::probed(self, queries, nprobe, &options)?;
            let rows = probed.rows;
            (masked::filter(self, probed, filter)?, Some(rows))
        };
        let found = match probe {
            Probe::Nearest(k) => exact::submit_search(dataset, queries, k, filter, options),
            Probe::Within(radius) => exact::submit_range(dataset, queries, radius, filter, options),
        }?;
        let (rows, nprobe) = (dataset.len(), nprobe.min(self.nlist()) as u64);
        Ok(found.map(move |mut found| {
            let queries = found.stats.queries;
            let rows_probed = some.unwrap_or(queries * rows);
            found.stats.ivf =
                IvfStats { nprobe, rows_probed, flat: queries, ..IvfStats::default() };
            Ok(found)
        }))
    }

    /// Whether kernels that find rows by a table have bindings for all that there is: a scale of each row where rows are divided by their
    /// length, or their copies by one, what codes are looked up in, and the bits of each query's filter. WebGPU grants eight.
    pub(super) fn binds(&self, filter: &Filter) -> bool {
        let (dataset, most) = (self.dataset(), self.dataset().gpu().caps().max_storage_buffers);
        let more = [dataset.is_scaled(), dataset.compared().is_coded(), filter.each.is_some()];
        BINDINGS + more.iter().filter(|&&needed| needed).count() as u32 <= most
    }

    /// Whether one binding holds what comes of a query's rows in so many lists.
    fn fits(&self, probe: Probe, nprobe: usize) -> Result<bool> {
        let bytes = match probe {
            // a key, or a pair of key and row
            Probe::Nearest(_) => 4,
            Probe::Within(_) => 8,
        };
        let most = self.table()?.most_pages(nprobe) * BIN * bytes;
        Ok(most <= self.dataset().gpu().caps().max_binding_bytes)
    }
}
