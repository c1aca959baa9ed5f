//! The rows that codes are of, in host memory: segments that snapshots share.

use crate::error::{Error, Result};
use std::ops::Range;
use std::sync::Arc;

/// Bytes of the elements of a segment, about: what adding copies at most, of the last one, where an older snapshot has it, too.
const SEGMENT_BYTES: usize = 1 << 20;

/// Rows and, of each, how far what its code stands for may be off ([`Slack`](super::slack::Slack)). A copy shares all segments.
#[derive(Clone)]
pub(in crate::index::ivf) struct KeptRows {
    /// Elements of a row, of rows that lie elsewhere 0.
    dim: usize,
    /// Rows of a segment, but for the last.
    per_segment: usize,
    segments: Vec<Arc<Segment>>,
    len: usize,
}

struct Segment {
    elements: Vec<f32>,
    slack: Vec<f32>,
    /// Whether codes of all of these stand for the rows themselves.
    lossless: bool,
}

/// Some rows on their way in.
#[derive(Clone, Copy)]
pub(in crate::index::ivf) struct Block<'a> {
    pub elements: &'a [f32],
    pub slack: &'a [f32],
    pub lossless: bool,
}

/// A vector with room for so many elements.
fn with_room<T>(len: usize) -> Result<Vec<T>> {
    let mut all = Vec::new();
    match all.try_reserve_exact(len) {
        Ok(()) => Ok(all),
        Err(_) => Err(no_room(len.saturating_mul(size_of::<T>()))),
    }
}

fn no_room(bytes: usize) -> Error {
    Error::argument("originals", format!("{bytes} bytes more do not fit in host memory"))
}

impl Segment {
    fn empty(rows: usize, dim: usize) -> Result<Segment> {
        let (elements, slack) = (with_room(rows * dim)?, with_room(rows)?);
        Ok(Segment { elements, slack, lossless: true })
    }

    /// With room for so many rows in all.
    fn copy(&self, rows: usize, dim: usize) -> Result<Segment> {
        let mut copy = Segment::empty(rows, dim)?;
        let Segment { elements, slack, lossless } = self;
        copy.push(Block { elements, slack, lossless: *lossless });
        Ok(copy)
    }

    /// Adds rows, for which there is room.
    fn push(&mut self, rows: Block<'_>) {
        self.elements.extend_from_slice(rows.elements);
        self.slack.extend_from_slice(rows.slack);
        self.lossless &= rows.lossless;
    }
}

impl<'a> Block<'a> {
    fn split(self, rows: usize, dim: usize) -> (Block<'a>, Block<'a>) {
        let (elements, slack) = (self.elements.split_at(rows * dim), self.slack.split_at(rows));
        let part = |elements, slack| Block { elements, slack, lossless: self.lossless };
        (part(elements.0, slack.0), part(elements.1, slack.1))
    }
}

impl KeptRows {
    /// No rows yet.
    pub fn new(dim: usize) -> KeptRows {
        let per_segment = (SEGMENT_BYTES / (4 * dim.max(1))).max(1);
        KeptRows { dim, per_segment, segments: Vec::new(), len: 0 }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    fn place(&self, row: usize) -> (&Segment, usize) {
        (&self.segments[row / self.per_segment], row % self.per_segment)
    }

    /// The elements of a row that there is.
    pub fn row(&self, row: usize) -> &[f32] {
        let (segment, at) = self.place(row);
        &segment.elements[at * self.dim..(at + 1) * self.dim]
    }

    /// How far what the code of each row stands for may be off.
    pub fn slacks(&self) -> impl Iterator<Item = f32> {
        self.segments.iter().flat_map(|segment| segment.slack.iter().copied())
    }

    /// Whether all codes stand for the rows themselves.
    pub fn is_lossless(&self) -> bool {
        self.segments.iter().all(|segment| segment.lossless)
    }

    /// The bytes of some rows.
    pub fn read(&self, rows: Range<u64>) -> Result<Vec<u8>> {
        let (start, end) = (rows.start as usize, rows.end as usize);
        if start > end || end > self.len {
            return Err(Error::internal(format!("rows {start}..{end} of {}", self.len)));
        }
        let mut out: Vec<u8> = with_room((end - start) * self.dim * 4)?;
        for row in start..end {
            out.extend_from_slice(bytemuck::cast_slice(self.row(row)));
        }
        Ok(out)
    }

    /// The bytes of numbered rows, into as many.
    pub fn read_rows(&self, rows: &[u32], out: &mut [u8]) -> Result<()> {
        let bytes = self.dim * 4;
        let is_there = rows.iter().all(|&row| (row as usize) < self.len);
        if !is_there || rows.len() * bytes != out.len() {
            return Err(Error::internal(format!("{} rows into {} bytes", rows.len(), out.len())));
        }
        for (to, &row) in out.chunks_exact_mut(bytes).zip(rows) {
            to.copy_from_slice(bytemuck::cast_slice(self.row(row as usize)));
        }
        Ok(())
    }

    /// Adds rows behind; what others share of the last segment is copied.
    pub fn push(&mut self, rows: Block<'_>) -> Result<()> {
        let (dim, per) = (self.dim, self.per_segment);
        let mut rest = rows;
        while !rest.slack.is_empty() {
            let used = self.len % per;
            let take = rest.slack.len().min(per - used);
            let (now, behind) = rest.split(take, dim);
            // rows come in blocks that are rarely the last: room doubles up to that of a whole segment
            let room = (2 * (used + take)).min(per);
            let own = match self.segments.last_mut().filter(|_| used > 0) {
                None => {
                    let segment = Segment::empty(room, dim)?;
                    self.segments.try_reserve(1).map_err(|_| no_room(size_of::<usize>()))?;
                    self.segments.push(Arc::new(segment));
                    self.segments.last_mut().and_then(Arc::get_mut)
                }
                Some(last) => {
                    let fits = |own: &mut Segment| own.slack.capacity() >= used + take;
                    if !Arc::get_mut(last).is_some_and(fits) {
                        *last = Arc::new(last.copy(room, dim)?);
                    }
                    Arc::get_mut(last)
                }
            };
            let Some(segment) = own else {
                return Err(Error::internal("a segment of its own is shared"));
            };
            segment.push(now);
            self.len += take;
            rest = behind;
        }
        Ok(())
    }

    /// With other rows, all those of `others` in their order, as far as there are elements of rows here, in the place of numbered ones; segments
    /// without one of these are shared.
    pub fn replaced(&self, rows: &[u32], others: &KeptRows) -> Result<KeptRows> {
        let (dim, per) = (self.dim, self.per_segment);
        if rows.len() != others.len || rows.iter().any(|&row| row as usize >= self.len) {
            let why = format!("{} rows for {} of {}", others.len, rows.len(), self.len);
            return Err(Error::internal(why));
        }
        let mut new = self.clone();
        for (number, &row) in rows.iter().enumerate() {
            let (row, (from, place)) = (row as usize, others.place(number));
            let shared = &mut new.segments[row / per];
            if Arc::get_mut(shared).is_none() {
                *shared = Arc::new(shared.copy(shared.slack.len(), dim)?);
            }
            let Some(segment) = Arc::get_mut(shared) else {
                return Err(Error::internal("a segment of its own is shared"));
            };
            let at = row % per;
            segment.elements[at * dim..(at + 1) * dim].copy_from_slice(&others.row(number)[..dim]);
            segment.slack[at] = from.slack[place];
            segment.lossless &= from.lossless;
        }
        Ok(new)
    }

    /// The numbered rows alone, which ascend; segments whose rows all keep their numbers are shared.
    pub fn gather(&self, keep: &[u32]) -> Result<KeptRows> {
        let (dim, per) = (self.dim, self.per_segment);
        let mut new = KeptRows::new(dim);
        // as many as have their own numbers
        let stays = |at: usize| keep.get(at).is_some_and(|&row| row as usize == at);
        let whole = self.len / per;
        let shared = (0..whole).take_while(|segment| stays((segment + 1) * per - 1)).count();
        new.segments.extend(self.segments[..shared].iter().cloned());
        new.len = shared * per;
        for &row in keep.get(new.len..).unwrap_or_default() {
            let (row, (from, at)) = (row as usize, self.place(row as usize));
            let (elements, slack) = (self.row(row), &from.slack[at..at + 1]);
            new.push(Block { elements, slack, lossless: from.lossless })?;
        }
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIM: usize = 1 << 14;

    fn rows(numbers: Range<usize>) -> (Vec<f32>, Vec<f32>) {
        let elements = numbers.clone().flat_map(|row| (0..DIM).map(move |j| (row * 7 + j) as f32));
        (elements.collect(), numbers.map(|row| row as f32 / 10.0).collect())
    }

    fn pushed(to: &KeptRows, numbers: Range<usize>) -> KeptRows {
        let (mut new, (elements, slack)) = (to.clone(), rows(numbers));
        new.push(Block { elements: &elements, slack: &slack, lossless: false }).unwrap();
        new
    }

    /// Whether these are the numbered rows.
    fn is(of: &KeptRows, numbers: &[usize]) -> bool {
        let row = |(at, &number): (usize, &usize)| *of.row(at) == rows(number..number + 1).0[..];
        let slacks: Vec<f32> = numbers.iter().map(|&row| row as f32 / 10.0).collect();
        numbers.iter().enumerate().all(row) && of.slacks().collect::<Vec<_>>() == slacks
    }

    #[test]
    fn changes_copy_what_changes_and_leave_the_others_as_they_are() {
        let empty = KeptRows::new(DIM);
        assert!(empty.per_segment == 16 && empty.is_lossless());
        let first = pushed(&empty, 0..20);
        let second = (20..55).fold(first.clone(), |all, row| pushed(&all, row..row + 1));
        assert!(is(&first, &(0..20).collect::<Vec<_>>()));
        assert!(is(&second, &(0..55).collect::<Vec<_>>()) && !second.is_lossless());
        assert!(Arc::ptr_eq(&first.segments[0], &second.segments[0]));
        // one row of the third segment
        let third = second.replaced(&[40], &pushed(&empty, 99..100)).unwrap();
        let mut numbers: Vec<usize> = (0..55).collect();
        numbers[40] = 99;
        assert!(is(&third, &numbers) && is(&second, &(0..55).collect::<Vec<_>>()));
        let shared = |a: &KeptRows, b: &KeptRows| -> Vec<bool> {
            a.segments.iter().zip(&b.segments).map(|(a, b)| Arc::ptr_eq(a, b)).collect()
        };
        assert_eq!(shared(&second, &third), [true, true, false, true]);
        let keep: Vec<u32> = (0..55).filter(|row| *row != 20).collect();
        let fourth = third.gather(&keep).unwrap();
        numbers.remove(20);
        assert!(is(&fourth, &numbers) && fourth.len() == 54);
        assert_eq!(shared(&third, &fourth), [true, false, false, false]);
        assert!(is(&third.gather(&[]).unwrap(), &[]));
        let mut bytes = vec![0; 2 * DIM * 4];
        fourth.read_rows(&[53, 0], &mut bytes).unwrap();
        assert_eq!(bytes[DIM * 4..], fourth.read(0..1).unwrap());
        assert!(fourth.read(0..55).is_err() && fourth.read_rows(&[54], &mut bytes).is_err());
        assert!(fourth.replaced(&[1, 2], &first).is_err());
    }
}
