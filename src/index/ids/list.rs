//! Which id each row has, and which rows an id has; one immutable list that its successors share.

use super::row_set::RowSet;
use std::ops::Range;
use std::sync::Arc;

/// Ids lie below this, so that they fit an i64 with -1 for no hit.
pub(in crate::index) const MAX_ID: u64 = 1 << 63;

/// The ids of all rows, in row order.
///
/// Consecutive ids take no memory, others 8 bytes a row, or 12 where they do not ascend. Each chunk is more than twice as long as the
/// next, so a list that grew one by one has few, and appending copies each id a few times in all.
#[derive(Clone, Debug, Default)]
pub(in crate::index) struct Ids {
    chunks: Vec<Chunk>,
    len: usize,
}

#[derive(Clone, Debug)]
struct Chunk {
    first_row: usize,
    len: usize,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// `first`, `first + 1`, ...
    Run(u64),
    List(Arc<List>),
}

#[derive(Debug)]
struct List {
    ids: Vec<u64>,
    /// Places by (id, place); `None` where the ids ascend as they are.
    order: Option<Vec<u32>>,
}

impl Ids {
    pub fn len(&self) -> usize {
        self.len
    }

    /// The id of a row.
    pub fn id(&self, row: usize) -> u64 {
        let chunk = &self.chunks[self.chunks.partition_point(|c| c.first_row + c.len <= row)];
        chunk.id(row - chunk.first_row)
    }

    /// The rows that have an id, or had it before they were removed.
    pub fn rows_of(&self, id: u64) -> impl Iterator<Item = usize> + '_ {
        self.chunks.iter().flat_map(move |chunk| chunk.rows_of(id))
    }

    /// The ids of some rows, appended to `out`.
    pub fn read(&self, rows: Range<usize>, out: &mut Vec<u64>) {
        for chunk in &self.chunks {
            let from = rows.start.max(chunk.first_row);
            let to = rows.end.min(chunk.first_row + chunk.len);
            if from < to {
                chunk.read(from - chunk.first_row..to - chunk.first_row, out);
            }
        }
    }

    /// With the ids `first`, `first + 1`, ... behind.
    pub fn with_run(&self, first: u64, len: usize) -> Ids {
        self.with(len, Kind::Run(first))
    }

    /// With these behind.
    pub fn with_list(&self, ids: &[u64]) -> Ids {
        match run(ids) {
            Some(first) => self.with_run(first, ids.len()),
            None => self.with(ids.len(), Kind::List(Arc::new(List::new(ids.to_vec())))),
        }
    }

    /// The ids of the numbered rows, which ascend.
    pub fn gather(&self, keep: &[u32]) -> Ids {
        let ids: Vec<u64> = keep.iter().map(|&row| self.id(row as usize)).collect();
        Ids::from_vec(ids)
    }

    pub fn from_vec(ids: Vec<u64>) -> Ids {
        let none = Ids::default();
        match run(&ids) {
            Some(first) => none.with_run(first, ids.len()),
            None => none.with(ids.len(), Kind::List(Arc::new(List::new(ids)))),
        }
    }

    /// A list of these, or an id that is in it twice.
    pub fn distinct(ids: Vec<u64>) -> Result<Ids, u64> {
        let ids = Ids::from_vec(ids);
        for chunk in &ids.chunks {
            if let Kind::List(list) = &chunk.kind {
                let id = |at: usize| list.ids[list.place(at)];
                if let Some(at) = (1..chunk.len).find(|&at| id(at - 1) == id(at)) {
                    return Err(id(at));
                }
            }
        }
        Ok(ids)
    }

    /// The first id, when all follow it one by one.
    pub fn as_run(&self) -> Option<u64> {
        match &self.chunks[..] {
            [Chunk { kind: Kind::Run(first), .. }] => Some(*first),
            _ => None,
        }
    }

    /// Inserts the rows whose ids lie in `min..max`.
    pub fn insert_range(&self, min: u64, max: u64, set: &mut RowSet) {
        for chunk in &self.chunks {
            let row = chunk.first_row;
            match &chunk.kind {
                Kind::Run(first) => {
                    let place =
                        |id: u64| (id.saturating_sub(*first)).min(chunk.len as u64) as usize;
                    if min < max {
                        set.insert_range(row + place(min)..row + place(max));
                    }
                }
                Kind::List(list) => set.insert_pattern(row..row + chunk.len, |at| {
                    list.word(at, |id| (min..max).contains(&id))
                }),
            }
        }
    }

    /// Inserts the rows whose bit is 1: bit `id % 64` of word `id / 64`, 0 beyond the last word.
    pub fn insert_bits(&self, words: &[u64], set: &mut RowSet) {
        let word = |at: u64| usize::try_from(at).ok().and_then(|at| words.get(at)).copied();
        for chunk in &self.chunks {
            let rows = chunk.first_row..chunk.first_row + chunk.len;
            match &chunk.kind {
                Kind::Run(first) => set.insert_pattern(rows, |at| {
                    let id = first + at as u64;
                    let (low, shift) = (word(id / 64).unwrap_or(0), id % 64);
                    let high = if shift > 32 { word(id / 64 + 1).unwrap_or(0) } else { 0 };
                    ((u128::from(high) << 64 | u128::from(low)) >> shift) as u32
                }),
                Kind::List(list) => set.insert_pattern(rows, |at| {
                    list.word(at, |id| word(id / 64).is_some_and(|w| w >> (id % 64) & 1 != 0))
                }),
            }
        }
    }

    /// Inserts the rows whose ids pass, each of which is asked once.
    pub fn insert_where(&self, passes: &dyn Fn(u64) -> bool, set: &mut RowSet) {
        for chunk in &self.chunks {
            let word = |at: usize| {
                let places = at..chunk.len.min(at + 32);
                let bit = |place: usize| u32::from(passes(chunk.id(place))) << (place - at);
                places.fold(0, |word, place| word | bit(place))
            };
            set.insert_pattern(chunk.first_row..chunk.first_row + chunk.len, word);
        }
    }

    /// Whether they are known to be the same ids: those of a snapshot and of one that was made of it without new rows.
    pub fn shared_with(&self, other: &Ids) -> bool {
        let same = |(a, b): (&Chunk, &Chunk)| {
            a.len == b.len
                && match (&a.kind, &b.kind) {
                    (Kind::Run(a), Kind::Run(b)) => a == b,
                    (Kind::List(a), Kind::List(b)) => Arc::ptr_eq(a, b),
                    _ => false,
                }
        };
        self.chunks.len() == other.chunks.len() && self.chunks.iter().zip(&other.chunks).all(same)
    }

    fn with(&self, len: usize, kind: Kind) -> Ids {
        let mut ids = self.clone();
        if len == 0 {
            return ids;
        }
        ids.chunks.push(Chunk { first_row: ids.len, len, kind });
        ids.len += len;
        while let [.., a, b] = &ids.chunks[..] {
            let kind = match (&a.kind, &b.kind) {
                (Kind::Run(i), Kind::Run(j)) if i + a.len as u64 == *j => Kind::Run(*i),
                _ if a.len <= 2 * b.len => Kind::List(Arc::new(joined(a, b))),
                _ => break,
            };
            let chunk = Chunk { first_row: a.first_row, len: a.len + b.len, kind };
            ids.chunks.truncate(ids.chunks.len() - 2);
            ids.chunks.push(chunk);
        }
        ids
    }
}

impl Chunk {
    fn id(&self, place: usize) -> u64 {
        match &self.kind {
            Kind::Run(first) => first + place as u64,
            Kind::List(list) => list.ids[place],
        }
    }

    fn read(&self, places: Range<usize>, out: &mut Vec<u64>) {
        match &self.kind {
            Kind::Run(first) => out.extend(places.map(|place| first + place as u64)),
            Kind::List(list) => out.extend_from_slice(&list.ids[places]),
        }
    }

    fn rows_of(&self, id: u64) -> impl Iterator<Item = usize> + '_ {
        let (list, range) = match &self.kind {
            Kind::Run(first) => {
                let place = id.checked_sub(*first).filter(|&p| p < self.len as u64);
                (None, place.map_or(0..0, |p| p as usize..p as usize + 1))
            }
            Kind::List(list) => (Some(list), list.find(id)),
        };
        range.map(move |at| self.first_row + list.map_or(at, |list| list.place(at)))
    }

    /// All places by (id, place).
    fn order(&self) -> Vec<u32> {
        let order = if let Kind::List(list) = &self.kind { list.order.clone() } else { None };
        order.unwrap_or_else(|| (0..self.len as u32).collect())
    }
}

impl List {
    fn new(ids: Vec<u64>) -> List {
        let order = (!ids.is_sorted()).then(|| {
            let mut order: Vec<u32> = (0..ids.len() as u32).collect();
            order.sort_by_key(|&place| ids[place as usize]);
            order
        });
        List { ids, order }
    }

    /// The place that is number `at` by (id, place).
    fn place(&self, at: usize) -> usize {
        self.order.as_ref().map_or(at, |order| order[at] as usize)
    }

    /// Where an id stands by (id, place).
    fn find(&self, id: u64) -> Range<usize> {
        let below = |limit: &dyn Fn(u64) -> bool| match &self.order {
            None => self.ids.partition_point(|&i| limit(i)),
            Some(order) => order.partition_point(|&place| limit(self.ids[place as usize])),
        };
        below(&|i| i < id)..below(&|i| i <= id)
    }

    /// A bit for each of up to 32 ids from place `at` on.
    fn word(&self, at: usize, passes: impl Fn(u64) -> bool) -> u32 {
        let ids = self.ids[at..].iter().take(32).enumerate();
        ids.fold(0, |word, (i, &id)| word | u32::from(passes(id)) << i)
    }
}

fn joined(a: &Chunk, b: &Chunk) -> List {
    let mut ids = Vec::with_capacity(a.len + b.len);
    a.read(0..a.len, &mut ids);
    b.read(0..b.len, &mut ids);
    if ids.is_sorted() {
        return List { ids, order: None };
    }
    let mut order = a.order();
    order.extend(b.order().into_iter().map(|place| place + a.len as u32));
    // Stable, and quick on two sorted halves.
    order.sort_by_key(|&place| ids[place as usize]);
    List { ids, order: Some(order) }
}

/// The first of ids that follow each other one by one.
fn run(ids: &[u64]) -> Option<u64> {
    let consecutive = ids.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1]));
    ids.first().copied().filter(|_| consecutive)
}

/// Some id that is there twice; sorts.
pub(in crate::index) fn duplicate(ids: &mut [u64]) -> Option<u64> {
    ids.sort_unstable();
    ids.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
