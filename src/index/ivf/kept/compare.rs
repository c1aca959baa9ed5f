//! The comparison of rows that codes say may be hits with queries, by the rows themselves: by the host, or by the device where they are there.
//! Either has the bits of every exact search.

use super::call::{Call, Done, hit};
use super::place::Place;
use super::rows::KeptRows;
use crate::call::{Options, RowIds};
use crate::dtype::Rows;
use crate::error::Result;
use crate::exact::{self, Dataset, Listed, Wanted, submit_listed};

/// Rows for each query, one list behind the other.
pub(super) fn listed<'a>(each: impl Iterator<Item = &'a [u32]>) -> Listed {
    let mut all = Listed { lims: vec![0], rows: Vec::new() };
    for rows in each {
        all.rows.extend_from_slice(rows);
        all.lims.push(all.rows.len());
    }
    all
}

impl Call {
    /// The hits of some queries among the rows that are listed for each, in their order: keys and rows.
    pub fn compared(
        &self,
        which: &[u32],
        listed: Listed,
        wanted: Wanted,
        done: &mut Done<'_>,
    ) -> Result<Vec<Vec<u64>>> {
        done.stats.originals.compared += listed.rows.len() as u64;
        if listed.rows.is_empty() {
            return Ok(vec![Vec::new(); which.len()]);
        }
        match self.of.rows.place() {
            Place::Host(rows) => self.by_host(rows, which, &listed, wanted),
            Place::Device(dataset) => self.by_device(dataset, which, listed, wanted, done),
        }
    }

    fn by_host(
        &self,
        rows: &KeptRows,
        which: &[u32],
        listed: &Listed,
        wanted: Wanted,
    ) -> Result<Vec<Vec<u64>>> {
        let average = listed.rows.len() / which.len().max(1);
        let items = which.iter().zip(listed.lims.windows(2)).collect();
        self.in_pieces(items, average, |(&query, ends)| {
            let values = self.queries.row(query);
            let hits = listed.rows[ends[0]..ends[1]].iter().map(|&row| {
                let value = self.tree.value(values, rows.row(row as usize));
                hit(self.decoder.key(value), row)
            });
            let mut hits: Vec<u64> = match wanted {
                Wanted::Nearest(_) => hits.collect(),
                Wanted::Within(radius) => {
                    let distance = |hit: u64| self.decoder.distance((hit >> 32) as u32);
                    hits.filter(|&hit| self.decoder.within(distance(hit), radius)).collect()
                }
            };
            hits.sort_unstable();
            if let Wanted::Nearest(k) = wanted {
                hits.truncate(k);
            }
            Ok(hits)
        })
    }

    fn by_device(
        &self,
        dataset: &Dataset,
        which: &[u32],
        listed: Listed,
        wanted: Wanted,
        done: &mut Done<'_>,
    ) -> Result<Vec<Vec<u64>>> {
        let options = Options {
            timed: self.options.timed,
            cancel: Some(done.stop.clone()),
            keys: true,
            row_ids: RowIds::default(),
            ..Options::default()
        };
        let mut queries = exact::Queries::new(dataset, Rows::F32(&self.queries.some(which)))?;
        options.keep(&mut queries.decoder);
        let mut found = submit_listed(dataset, queries, listed, wanted, options)?.wait()?;
        done.stop.check()?;
        // pairs are counted as of originals
        found.stats.refine = Default::default();
        let certified = done.stats.exact.clone();
        done.stats.add_work(&found.stats);
        // nothing was scanned here
        done.stats.exact = certified;
        let of = |ends: &[usize]| {
            let pairs = found.distances[ends[0]..ends[1]].iter().zip(&found.ids[ends[0]..ends[1]]);
            pairs.map(|(key, &row)| hit(key.to_bits(), row as u32)).collect()
        };
        Ok(found.lims.windows(2).map(of).collect())
    }
}
