//! One stream of rows for two that take it.

use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::RowSource;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Blocks that wait for the second, beside the one that it has.
const BLOCKS: usize = 2;
/// Host memory for a block of rows.
const BLOCK_BYTES: usize = 32 << 20;

/// What the second gets: a block, aligned for every type, with its bytes; nothing comes behind the last.
enum Message {
    Block(Vec<u32>, usize),
    End,
}

/// Has both take all rows of a source: the first on this thread, as the source gives them; the second on a thread of its own. Each should leave
/// no trace where it fails, and where one does, so does the other.
pub(super) fn both<A, B: Send>(
    source: &mut dyn RowSource,
    first: impl FnOnce(&mut dyn RowSource) -> Result<A>,
    second: impl FnOnce(&mut dyn RowSource) -> Result<B> + Send,
) -> Result<(A, B)> {
    let (dtype, dim, left) = (source.dtype(), source.dim(), source.remaining());
    let (send, receive) = sync_channel(BLOCKS);
    let behind =
        Behind { dtype, dim, left, receive, words: Vec::new(), at: 0, end: 0, ended: false };
    thread::scope(|scope| {
        let other =
            thread::Builder::new().name("nearfield-add".into()).spawn_scoped(scope, move || {
                let mut behind = behind;
                second(&mut behind)
            });
        let other = other.map_err(|e| Error::internal(format!("a thread did not start: {e}")))?;
        let mut tee = Tee { source, send, gone: false };
        let first = first(&mut tee);
        if first.is_ok() {
            tee.end();
        }
        let gone = tee.gone;
        drop(tee);
        let second = other.join();
        let second = second.unwrap_or_else(|_| Err(Error::internal("a thread that adds panicked")));
        match (first, second) {
            // it was the other that failed
            (Err(_), Err(error)) if gone => Err(error),
            (first, second) => Ok((first?, second?)),
        }
    })
}

/// The source for the first, which hands a copy of each block on.
struct Tee<'a> {
    source: &'a mut dyn RowSource,
    send: SyncSender<Message>,
    /// The other takes no more.
    gone: bool,
}

impl Tee<'_> {
    fn end(&mut self) {
        self.gone |= self.send.send(Message::End).is_err();
    }
}

impl RowSource for Tee<'_> {
    fn dtype(&self) -> DType {
        self.source.dtype()
    }

    fn dim(&self) -> usize {
        self.source.dim()
    }

    fn remaining(&self) -> Option<u64> {
        self.source.remaining()
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let row_bytes = self.source.dtype().row_bytes(self.source.dim());
        let most = (BLOCK_BYTES / row_bytes).clamp(1, max_rows.max(1));
        let Some(rows) = self.source.next_rows(most)? else { return Ok(None) };
        let bytes = rows.bytes();
        let mut words = vec![0u32; bytes.len().div_ceil(4)];
        bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(bytes);
        if self.send.send(Message::Block(words, bytes.len())).is_err() {
            self.gone = true;
            return Err(Error::internal("the other index takes no more rows"));
        }
        Ok(Some(rows))
    }
}

/// The source for the second.
struct Behind {
    dtype: DType,
    dim: usize,
    left: Option<u64>,
    receive: Receiver<Message>,
    words: Vec<u32>,
    /// Bytes of the block that were given, and that it has.
    at: usize,
    end: usize,
    ended: bool,
}

impl RowSource for Behind {
    fn dtype(&self) -> DType {
        self.dtype
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn remaining(&self) -> Option<u64> {
        self.left
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        if self.ended {
            return Ok(None);
        }
        if self.at == self.end {
            match self.receive.recv() {
                Ok(Message::Block(words, bytes)) => {
                    (self.words, self.at, self.end) = (words, 0, bytes);
                }
                Ok(Message::End) => {
                    self.ended = true;
                    return Ok(None);
                }
                Err(_) => return Err(Error::internal("the other index has not taken all rows")),
            }
        }
        let row_bytes = self.dtype.row_bytes(self.dim);
        let rows = ((self.end - self.at) / row_bytes).min(max_rows.max(1));
        let from = self.at;
        self.at += rows * row_bytes;
        self.left = self.left.map(|left| left.saturating_sub(rows as u64));
        let bytes: &[u8] = bytemuck::cast_slice(&self.words);
        Rows::from_bytes(self.dtype, &bytes[from..self.at]).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::SliceSource;

    /// All rows of a source, so many at a time, but for an error behind so many.
    fn take(source: &mut dyn RowSource, step: usize, most: usize) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(rows) = source.next_rows(step)? {
            all.extend_from_slice(rows.bytes());
            if all.len() > most {
                return Err(Error::NotTrained);
            }
        }
        Ok(all)
    }

    #[test]
    fn both_get_every_row_however_they_ask() {
        let bytes: Vec<u8> = (0..=251).collect();
        for (ours, theirs) in [(1, 1), (7, 2), (2, 7), (500, 3), (3, 500), (0, 0)] {
            let mut source = SliceSource::new(Rows::U8(&bytes), 3).unwrap();
            let of = |step| move |from: &mut dyn RowSource| take(from, step, 1000);
            let (one, other) = both(&mut source, of(ours), of(theirs)).unwrap();
            assert!(one == bytes && other == bytes, "{ours} {theirs}");
        }
        let mut empty = SliceSource::new(Rows::U8(&[]), 3).unwrap();
        let all = |from: &mut dyn RowSource| take(from, 3, 1000);
        assert_eq!(both(&mut empty, all, all).unwrap(), (vec![], vec![]));
    }

    #[test]
    fn who_fails_says_why_and_the_other_never_waits_for_ever() {
        let bytes = [5; 300];
        let all = |from: &mut dyn RowSource| take(from, 1, 1000);
        let some = |from: &mut dyn RowSource| take(from, 1, 30);
        let source = || SliceSource::new(Rows::U8(&bytes), 3).unwrap();
        assert!(matches!(both(&mut source(), all, some), Err(Error::NotTrained)));
        assert!(matches!(both(&mut source(), some, all), Err(Error::NotTrained)));
        let none = |_: &mut dyn RowSource| Err::<(), _>(Error::NotTrained);
        assert!(matches!(both(&mut source(), none, all), Err(Error::NotTrained)));
        assert!(matches!(both(&mut source(), all, none), Err(Error::NotTrained)));
        // what one does without looking at rows is its own matter
        let unread = |_: &mut dyn RowSource| Ok(3);
        assert!(both(&mut source(), unread, unread).is_ok());
    }
}
