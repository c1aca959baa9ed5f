//! A second kind of index: pairs of f32 in host memory, compared with a query one by one. This file is all that it takes.

use crate::call::{EachFilter, Filter, Job, Pending, RowHits, RowIds, SharedFilter};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::RowSource;
use crate::index::params::{Ask, SearchParams};
use crate::index::state::{Backed, Core, Stored};
use crate::kernel::{Flight, Landed};
use crate::metric::Metric;
use std::ops::Range;
use std::sync::Arc;

#[derive(Debug)]
pub struct HostFlat(pub Core<Pairs>);

impl Backed for HostFlat {
    const KIND: &str = "HostFlat";
    type Rows = Pairs;

    fn core(&self) -> &Core<Pairs> {
        &self.0
    }

    fn of(core: Core<Pairs>) -> HostFlat {
        HostFlat(core)
    }
}

/// Each pair with whether it is live.
#[derive(Clone, Default)]
pub struct Pairs(Arc<Vec<([f32; 2], bool)>>);

impl Stored for Pairs {
    fn metric(&self) -> &Metric {
        &Metric::L2
    }

    fn dtype(&self) -> DType {
        DType::F32
    }

    fn dim(&self) -> usize {
        2
    }

    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn bytes(&self) -> u64 {
        0
    }

    fn description(&self) -> String {
        "HostFlat".to_owned()
    }

    fn append(&self, source: &mut dyn RowSource) -> Result<Pairs> {
        let mut pairs = self.0.to_vec();
        while let Some(block) = source.next_rows(100)? {
            pairs.extend(block.to_f32().chunks_exact(2).map(|pair| ([pair[0], pair[1]], true)));
        }
        Ok(Pairs(Arc::new(pairs)))
    }

    fn replace(
        &self,
        rows: &[u32],
        source: &mut dyn RowSource,
        _live: Option<&[u32]>,
        _more: u64,
    ) -> Result<Pairs> {
        let (mut pairs, mut rows) = (self.0.to_vec(), rows.iter());
        while let Some(block) = source.next_rows(3)? {
            for (pair, &row) in block.to_f32().chunks_exact(2).zip(&mut rows) {
                pairs[row as usize].0.copy_from_slice(pair);
            }
        }
        Ok(Pairs(Arc::new(pairs)))
    }

    fn mask(&self, live: &[u32]) -> Result<Pairs> {
        let masked = self.0.iter().enumerate().map(|(row, pair)| (pair.0, bit(live, row)));
        Ok(Pairs(Arc::new(masked.collect())))
    }

    fn gather(&self, keep: &[u32]) -> Result<Pairs> {
        Ok(Pairs(Arc::new(keep.iter().map(|&row| (self.0[row as usize].0, true)).collect())))
    }

    fn read(&self, rows: Range<u64>) -> Result<Vec<u8>> {
        let pairs = self.0[rows.start as usize..rows.end as usize].iter().map(|pair| pair.0);
        Ok(bytemuck::cast_slice(&pairs.collect::<Vec<_>>()).to_vec())
    }

    fn read_rows(&self, rows: &[u32], out: &mut [u8]) -> Result<()> {
        let pairs: Vec<_> = rows.iter().map(|&row| self.0[row as usize].0).collect();
        out.copy_from_slice(bytemuck::cast_slice(&pairs));
        Ok(())
    }

    fn submit(
        &self,
        queries: Rows<'_>,
        ask: Ask,
        filter: Filter,
        row_ids: RowIds,
        params: &SearchParams,
    ) -> Result<Pending<RowHits>> {
        params.exact(ask)?;
        let mut found = RowHits { lims: vec![0], ..RowHits::default() };
        for (number, query) in queries.to_f32().chunks_exact(2).enumerate() {
            let passes = |row: usize| match &filter {
                Filter { each: Some(EachFilter::Words(words)), .. } => {
                    bit(&words[number * self.0.len().div_ceil(32)..], row)
                }
                Filter { shared: Some(SharedFilter::Words(words)), .. } => bit(words, row),
                _ => true,
            };
            let pairs = (0..).zip(self.0.iter()).filter(|&(row, pair)| pair.1 && passes(row));
            let distance = |[x, y]: [f32; 2]| (x - query[0]).powi(2) + (y - query[1]).powi(2);
            let mut hits: Vec<_> = pairs.map(|(row, pair)| (distance(pair.0), row)).collect();
            hits.sort_by(|a, b| a.0.total_cmp(&b.0));
            match ask {
                Ask::Nearest(k) => hits.truncate(k),
                Ask::Within(radius) => hits.retain(|hit| hit.0 < radius),
            }
            let rows: Vec<u32> = hits.iter().map(|hit| hit.1 as u32).collect();
            found.ids.extend(row_ids.of(&rows)?);
            found.distances.extend(hits.iter().map(|hit| hit.0));
            found.lims.push(found.ids.len());
        }
        Pending::start(Done(Some(found)), None)
    }
}

fn bit(words: &[u32], row: usize) -> bool {
    words[row / 32] >> (row % 32) & 1 != 0
}

/// A call that has nothing to do on a device.
struct Done(Option<RowHits>);

impl Job for Done {
    type Output = RowHits;
    type InFlight = ();

    fn gpu(&self) -> Option<&Gpu> {
        None
    }

    fn has_next(&self) -> bool {
        false
    }

    fn next(&mut self) -> Result<Option<(Flight, ())>> {
        Ok(None)
    }

    fn take(&mut self, _: Landed, (): ()) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> Result<RowHits> {
        self.0.take().ok_or_else(|| Error::internal("finished twice"))
    }
}
