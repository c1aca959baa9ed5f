//! The filter of a call on the device: one for all queries becomes biases, one for each query a bitmap.

use crate::buffer::{Buffer, PART_ALIGN};
use crate::call::{Bitmaps, EachFilter, Filter, MakeBitmaps, SharedFilter, mask_words};
use crate::error::{Error, Result};
use crate::exact::rows::measured::Measured;
use crate::kernel::Encoder;
use std::ops::Range;
use std::sync::Arc;

/// What device memory is taken for, in reports and errors.
const PREPARED: &str = "prepared filter";
/// Bytes of bitmaps that are made on the host at a time, for a filter that is to stay.
const STEP_BYTES: usize = 32 << 20;

/// A filter on the device.
pub(crate) struct DeviceFilter {
    /// Those of the filter of all queries, if there is one: here from the beginning or made by [`DeviceFilter::prepare`].
    pub biases: Option<Arc<[Buffer]>>,
    shared: Option<Vec<u32>>,
    each: Option<EachFilter>,
    /// What makes bitmaps of what `each` leaves.
    made: Option<Arc<dyn MakeBitmaps>>,
    /// From one bitmap to the next.
    words: usize,
}

/// The bitmaps of the queries of a submission.
pub(crate) struct Bitmap {
    pub bits: Buffer,
    /// Words from one to the next.
    pub words: u32,
}

/// Whether each of these follows the one before it.
fn consecutive(which: &[u32]) -> bool {
    which.windows(2).all(|two| two[0].checked_add(1) == Some(two[1]))
}

impl DeviceFilter {
    pub fn new(rows: &Measured, filter: Filter, queries: usize) -> Result<DeviceFilter> {
        let own = mask_words(rows.len());
        let (made, each) = match filter.each {
            Some(EachFilter::Made { make, of }) => (Some(make), of.map(|each| *each)),
            each => (None, each),
        };
        let (words, got) = match &each {
            Some(EachFilter::Words(bits)) => (own, bits.len()),
            Some(EachFilter::Bitmaps(all)) => (all.words, all.len() * all.words),
            Some(EachFilter::Made { .. }) => {
                return Err(Error::internal("bitmaps that are made of such"));
            }
            None => made.as_ref().map_or((0, 0), |made| (own, own * made.queries())),
        };
        if got != words * queries {
            let why = format!("{got} words, not {words} for each of {queries} queries");
            return Err(Error::argument("filter", why));
        }
        // a bitmap of no row is nothing that could be bound
        let (each, made) = (each.filter(|_| own > 0), made.filter(|_| own > 0));
        let (biases, shared) = match filter.shared {
            Some(SharedFilter::Words(live)) if rows.len() > 0 => (None, Some(live)),
            Some(SharedFilter::Biases(biases)) => (Some(biases), None),
            _ => (None, None),
        };
        Ok(DeviceFilter { biases, shared, each, made, words })
    }

    /// Brings the filter of all queries to the device, if that is not done: by whoever brings the first queries there.
    pub fn prepare(&mut self, rows: &Measured) -> Result<()> {
        if let Some(live) = self.shared.take() {
            self.biases = Some(rows.masked_biases(&live, "bias")?.into());
        }
        Ok(())
    }

    /// Device memory that [`DeviceFilter::prepare`] is still to take.
    pub fn bytes(&self, rows: &Measured) -> u64 {
        let mask = self.shared.as_ref().map(|live| live.len() as u64 * 4);
        let biases = || rows.segments().map(|(_, part)| part.bias.size()).sum::<u64>();
        // the mask lies in staging, too
        mask.map_or(0, |mask| 2 * mask + biases())
    }

    /// Bytes of the bitmap of one query, and whether a submission takes memory for them: as much again for what they are made of.
    pub fn bitmap_bytes(&self) -> (u64, bool) {
        let bytes = self.words as u64 * 4;
        match &self.each {
            _ if self.made.is_some() => (bytes, true),
            Some(EachFilter::Bitmaps(all)) => (bytes, all.which.is_some()),
            Some(_) => (bytes, true),
            None => (0, false),
        }
    }

    /// Up to which of the queries `start..end` the bitmaps lie together, so that a submission need not copy them.
    pub fn together(&self, start: usize, end: usize) -> usize {
        match &self.each {
            Some(EachFilter::Bitmaps(all)) if all.which.is_none() => {
                let number = all.queries.start + start;
                end.min(start + all.per_buffer - number % all.per_buffer)
            }
            _ => end,
        }
    }

    /// The bitmaps of some queries.
    pub fn bitmap(&self, which: &[u32], encoder: &mut Encoder) -> Result<Option<Bitmap>> {
        let (bits, words) = (self.own_bitmap(which, encoder)?, self.words);
        let bits = match &self.made {
            Some(made) => Some(made.make(which, bits.as_ref(), words, encoder)?),
            None => bits,
        };
        Ok(bits.map(|bits| Bitmap { bits, words: words as u32 }))
    }

    /// Those that are there without being made.
    fn own_bitmap(&self, which: &[u32], encoder: &mut Encoder) -> Result<Option<Buffer>> {
        let words = self.words;
        let bits = match &self.each {
            None | Some(EachFilter::Made { .. }) => return Ok(None),
            Some(EachFilter::Bitmaps(all)) => taken(all, which, encoder)?,
            Some(EachFilter::Words(all)) if consecutive(which) => {
                let first = which.first().map_or(0, |&first| first as usize);
                let bits = &all[first * words..][..which.len() * words];
                encoder.upload("query filters", bytemuck::cast_slice(bits))?
            }
            Some(EachFilter::Words(all)) => {
                let mut bits = Vec::with_capacity(which.len() * words);
                for &q in which {
                    bits.extend_from_slice(&all[q as usize * words..][..words]);
                }
                encoder.upload("query filters", bytemuck::cast_slice(&bits))?
            }
        };
        Ok(Some(bits))
    }
}

/// The bitmaps of some queries, where they lie if they lie together; else in a copy.
fn taken(all: &Bitmaps, which: &[u32], encoder: &mut Encoder) -> Result<Buffer> {
    let bytes = all.words as u64 * 4;
    let place = |q: u32| {
        let number = all.number(q);
        (number / all.per_buffer, (number % all.per_buffer) as u64 * bytes)
    };
    let buffer = |at: usize| {
        all.buffers.get(at).ok_or_else(|| Error::internal(format!("no bitmaps number {at}")))
    };
    if let (Some(&first), Some(&last)) = (which.first(), which.last())
        && all.which.is_none()
        && consecutive(which)
        && place(first).0 == place(last).0
    {
        let (at, offset) = place(first);
        return Ok(buffer(at)?.part(offset, which.len() as u64 * bytes));
    }
    let copy = encoder.gpu().scratch("query filters", which.len() as u64 * bytes)?;
    let (mut to, mut rest) = (0, which);
    while let Some(&first) = rest.first() {
        let (at, offset) = place(first);
        let breaks =
            |&i: &usize| all.number(rest[i]) != all.number(first) + i || place(rest[i]).0 != at;
        let run = (1..rest.len()).find(breaks).unwrap_or(rest.len());
        let length = run as u64 * bytes;
        encoder.copy(buffer(at)?, offset, &copy, to, length);
        (to, rest) = (to + length, &rest[run..]);
    }
    Ok(copy)
}

/// What is to stay on the device: the rows that every query may find, or what makes the bitmaps of some queries, so many words
/// each.
pub(crate) enum ToPrepare<'a> {
    Shared(&'a [u32]),
    Each { queries: usize, words: &'a dyn Fn(Range<usize>, usize) -> Result<Vec<u32>> },
}

/// Brings a filter of these rows to the device, where it stays as long as somebody holds it.
pub(crate) fn prepared(rows: &Measured, filter: ToPrepare<'_>) -> Result<Filter> {
    match filter {
        ToPrepare::Shared(live) => {
            let biases = rows.masked_biases(live, PREPARED)?;
            Ok(Filter { shared: Some(SharedFilter::Biases(biases.into())), each: None })
        }
        ToPrepare::Each { queries, words } => {
            let each = Some(EachFilter::Bitmaps(bitmaps(rows, queries, words)?));
            Ok(Filter { shared: None, each })
        }
    }
}

fn bitmaps(
    rows: &Measured,
    queries: usize,
    make: &dyn Fn(Range<usize>, usize) -> Result<Vec<u32>>,
) -> Result<Bitmaps> {
    let (gpu, own) = (rows.gpu(), mask_words(rows.len()).max(1) as u64 * 4);
    let bytes = own.next_multiple_of(PART_ALIGN);
    let limit = gpu.caps().max_binding_bytes.min(gpu.caps().max_buffer_bytes);
    if bytes > limit {
        let what = "bytes of the filter of one query".to_owned();
        return Err(Error::LimitExceeded { what, needed: bytes, limit });
    }
    let per_buffer = (limit / bytes) as usize;
    let words = (bytes / 4) as usize;
    let mut buffers = Vec::new();
    for start in (0..queries).step_by(per_buffer) {
        let end = (start + per_buffer).min(queries);
        let buffer = gpu.alloc(PREPARED, (end - start) as u64 * bytes)?;
        let step = (STEP_BYTES / bytes as usize).max(1);
        for first in (start..end).step_by(step) {
            let bits = make(first..(first + step).min(end), words)?;
            let mut encoder = Encoder::new(gpu, PREPARED, false)?;
            let offset = (first - start) as u64 * bytes;
            encoder.write(&buffer, offset, bytemuck::cast_slice(&bits))?;
            // one after the other, so that no more than one lies in staging
            encoder.submit(&[])?.wait()?;
        }
        buffers.push(buffer);
    }
    Ok(Bitmaps { buffers: buffers.into(), per_buffer, words, queries: 0..queries, which: None })
}
