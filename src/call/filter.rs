//! Which rows take part in a search: told by the host with every call, or kept on the device since an earlier one.

use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::kernel::Encoder;
use std::ops::Range;
use std::sync::Arc;

/// Words of a bitmap that has a bit a row.
pub(crate) fn mask_words(rows: u64) -> usize {
    rows.div_ceil(32) as usize
}

/// Which rows take part: those that pass both, by default all.
#[derive(Clone, Default)]
pub(crate) struct Filter {
    /// For every query.
    pub shared: Option<SharedFilter>,
    /// For each query.
    pub each: Option<EachFilter>,
}

#[derive(Clone)]
pub(crate) enum SharedFilter {
    /// The rows whose bit is 1.
    Words(Vec<u32>),
    /// The biases of the segments, where a row that does not take part has the sentinel.
    Biases(Arc<[Buffer]>),
}

#[derive(Clone)]
pub(crate) enum EachFilter {
    /// For query q the rows whose bit is 1 in words `q * mask_words(n)` on.
    Words(Vec<u32>),
    Bitmaps(Bitmaps),
    /// Made for each submission on the device, of the rows that another one leaves.
    Made {
        make: Arc<dyn MakeBitmaps>,
        of: Option<Box<EachFilter>>,
    },
}

/// What makes the bitmaps of queries when they go to the device.
pub(crate) trait MakeBitmaps: Send + Sync {
    /// How many queries there are.
    fn queries(&self) -> usize;

    /// Encodes the bitmaps of some queries, `words` words each, of the rows that are in `own` bitmaps of the same size.
    fn make(
        &self,
        which: &[u32],
        own: Option<&Buffer>,
        words: usize,
        encoder: &mut Encoder,
    ) -> Result<Buffer>;
}

impl Filter {
    /// The same for numbered queries alone; what the host has for each is `words` words.
    ///
    /// # Errors
    /// `Internal` for bitmaps that the device makes.
    pub fn of_queries(&self, which: &[u32], words: usize) -> Result<Filter> {
        let each = match &self.each {
            None => None,
            Some(EachFilter::Words(all)) => {
                let own = |&query: &u32| &all[query as usize * words..][..words];
                Some(EachFilter::Words(which.iter().flat_map(own).copied().collect()))
            }
            Some(EachFilter::Bitmaps(all)) => Some(EachFilter::Bitmaps(all.picked(which))),
            Some(EachFilter::Made { .. }) => {
                return Err(Error::internal("some of the bitmaps that the device makes"));
            }
        };
        Ok(Filter { shared: self.shared.clone(), each })
    }

    /// Whether no row takes part for any query, as far as the host knows.
    pub fn leaves_none(&self) -> bool {
        let none = |words: &[u32]| words.iter().all(|&word| word == 0);
        matches!(&self.shared, Some(SharedFilter::Words(words)) if none(words))
            || matches!(&self.each, Some(EachFilter::Words(words)) if none(words))
    }
}

/// Bitmaps of some queries that stay on the device, in buffers of one binding each.
#[derive(Clone)]
pub(crate) struct Bitmaps {
    pub buffers: Arc<[Buffer]>,
    /// Bitmaps of a buffer, but for the last.
    pub per_buffer: usize,
    /// Words from one bitmap to the next: whole [`PART_ALIGN`](crate::buffer::PART_ALIGN)s, so that a binding may begin with
    /// any.
    pub words: usize,
    /// Those of this call: of query 0 is number `queries.start`.
    pub queries: Range<usize>,
    /// Where the call is of some queries alone, which of these each is.
    pub which: Option<Arc<[u32]>>,
}

impl Bitmaps {
    /// For some queries of these alone.
    pub fn part(&self, queries: Range<usize>) -> Bitmaps {
        let first = self.queries.start;
        Bitmaps { queries: first + queries.start..first + queries.end, ..self.clone() }
    }

    /// For numbered queries of these, in any order.
    fn picked(&self, which: &[u32]) -> Bitmaps {
        let which = match &self.which {
            Some(own) => which.iter().map(|&query| own[query as usize]).collect(),
            None => which.into(),
        };
        Bitmaps { which: Some(which), ..self.clone() }
    }

    /// How many queries there are.
    pub fn len(&self) -> usize {
        self.which.as_ref().map_or(self.queries.len(), |which| which.len())
    }

    /// The number of the bitmap of a query.
    pub fn number(&self, query: u32) -> usize {
        let query = self.which.as_ref().map_or(query, |which| which[query as usize]);
        self.queries.start + query as usize
    }
}
