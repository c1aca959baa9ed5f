//! From the device to the host, awaited by a thread or a task.

use super::handle::{Buffer, PART_ALIGN};
use super::pool::Kind;
use crate::device::{Completion, Gpu};
use crate::error::{Error, Result};
use std::future::Future;
use std::ops::{Deref, Range};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Bytes on their way to the host; a `Future`, or blocking through [`Readback::wait`].
///
/// Dropping it lets the device finish and frees the staging buffer.
pub(crate) struct Readback {
    gpu: Gpu,
    staging: Buffer,
    /// Offset and length of each part in the staging buffer.
    parts: Vec<(usize, usize)>,
    index: wgpu::SubmissionIndex,
    completion: Arc<Completion>,
    /// Its place in the order of submission.
    number: u64,
    /// Whether the polling thread drives the device for this.
    watched: bool,
    /// Whether the bytes were handed over.
    taken: bool,
}

/// The end of a submission, to be waited for by a thread that does not hold what comes back.
pub(crate) struct Landing {
    gpu: Gpu,
    index: wgpu::SubmissionIndex,
    completion: Arc<Completion>,
    number: u64,
}

impl Landing {
    /// The place in the order of submission, which is the order in which they end.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Blocks until it is there, or whoever wanted it has dropped it.
    pub(crate) fn wait(&self) -> Result<()> {
        self.completion.settle(&self.gpu, &self.index)
    }
}

/// One copy of bytes of a buffer to the staging buffer.
struct Stretch<'a> {
    buffer: &'a Buffer,
    from: u64,
    to: u64,
    bytes: u64,
}

impl Stretch<'_> {
    /// Makes it reach to the end of a range that lies just behind it, and says where that begins in the staging buffer.
    fn extended(&mut self, buffer: &Buffer, from: u64, bytes: u64) -> Option<u64> {
        let gap = from.checked_sub(self.from + self.bytes)?;
        let extends = buffer.raw() == self.buffer.raw() && gap < PART_ALIGN;
        extends.then(|| {
            self.bytes = from + bytes - self.from;
            self.to + (from - self.from)
        })
    }
}

impl Gpu {
    /// Copies parts of buffers to the host behind the work in `encoder`, and submits it.
    ///
    /// Offsets are multiples of 4. What lies close together in one buffer comes in one copy: each takes the host some microseconds, and the
    /// device a wait for the one before it.
    pub(crate) fn readback(
        &self,
        ranges: &[(&Buffer, u64, u64)],
        mut encoder: wgpu::CommandEncoder,
    ) -> Result<Readback> {
        let (mut parts, mut copies) = (Vec::with_capacity(ranges.len()), Vec::<Stretch>::new());
        let mut total = 0u64;
        for &(buffer, offset, bytes) in ranges {
            if !offset.is_multiple_of(4) || offset.saturating_add(bytes) > buffer.size() {
                let label = buffer.label();
                return Err(Error::internal(format!("{bytes} bytes at {offset} of {label}")));
            }
            let from = buffer.offset() + offset;
            let padded = bytes.next_multiple_of(4);
            let to = match copies.last_mut().and_then(|last| last.extended(buffer, from, padded)) {
                Some(to) => to,
                None => {
                    copies.push(Stretch { buffer, from, to: total, bytes: padded });
                    total
                }
            };
            parts.push((to as usize, bytes as usize));
            total = total.max((to + padded).next_multiple_of(8));
        }
        let (staging, _) = self.pooled(Kind::Download, "readback", total.max(8), false)?;
        let completion = Arc::new(Completion::default());
        let done = Arc::clone(&completion);
        let under_way = self.under_way();
        let number = under_way.number();
        let index = self.scoped("readback", || {
            for Stretch { buffer, from, to, bytes } in copies {
                if bytes > 0 {
                    encoder.copy_buffer_to_buffer(buffer.raw(), from, staging.raw(), to, bytes);
                }
            }
            let index = self.queue().submit([encoder.finish()]);
            let mapped = ..total.max(8);
            staging.raw().map_async(wgpu::MapMode::Read, mapped, move |r| {
                drop(under_way);
                done.set(r.is_ok());
            });
            index
        });
        let index = index.inspect_err(|_| staging.discard())?;
        let gpu = self.clone();
        Ok(Readback {
            gpu,
            staging,
            parts,
            index,
            completion,
            number,
            watched: false,
            taken: false,
        })
    }
}

impl Readback {
    /// The submission that carries it.
    pub(crate) fn index(&self) -> wgpu::SubmissionIndex {
        self.index.clone()
    }

    /// What the bytes wait for.
    pub(crate) fn landing(&self) -> Landing {
        let (gpu, index) = (self.gpu.clone(), self.index.clone());
        let (completion, number) = (Arc::clone(&self.completion), self.number);
        Landing { gpu, index, completion, number }
    }

    /// Whether the bytes are there, or never will be.
    pub(crate) fn has_landed(&self) -> bool {
        self.completion.get().is_some()
    }

    /// Blocks until the bytes are there, those of each range.
    pub(crate) fn wait(mut self) -> Result<Vec<Bytes>> {
        self.completion.wait(&self.gpu, &self.index)?;
        self.take()
    }

    /// The bytes, where they lie in the staging buffer.
    fn take(&mut self) -> Result<Vec<Bytes>> {
        self.completion.outcome(&self.gpu)?;
        if self.taken {
            return Err(Error::internal("a readback was polled after its end"));
        }
        self.taken = true;
        let ends = self.parts.iter().map(|&(to, n)| (to + n).next_multiple_of(8));
        let total = ends.max().unwrap_or(0).max(8) as u64;
        let view = self.staging.raw().get_mapped_range(..total);
        let staging = self.staging.clone();
        let view = view.map_err(|e| Error::internal(format!("readback: {e}")));
        let (view, failed) = match view {
            Ok(view) => (Some(view), None),
            Err(error) => (None, Some(error)),
        };
        let mapped = Arc::new(Mapped { view, staging });
        let bytes = |&(to, n): &(usize, usize)| Bytes { mapped: mapped.clone(), range: to..to + n };
        failed.map_or_else(|| Ok(self.parts.iter().map(bytes).collect()), Err)
    }
}

/// What came back of one range: it is read where the device put it, and the staging buffer returns to the pool with the last range of a submission.
#[derive(Clone)]
pub(crate) struct Bytes {
    mapped: Arc<Mapped>,
    range: Range<usize>,
}

struct Mapped {
    /// Gone before the buffer is unmapped.
    view: Option<wgpu::BufferView>,
    staging: Buffer,
}

impl Drop for Mapped {
    fn drop(&mut self) {
        match self.view.take() {
            Some(view) => {
                drop(view);
                self.staging.raw().unmap();
            }
            // nobody knows whether it is mapped
            None => self.staging.discard(),
        }
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // there is a view for as long as there are ranges of it
        self.mapped.view.as_ref().map_or(&[], |view| &view[self.range.clone()])
    }
}

impl Future for Readback {
    type Output = Result<Vec<Bytes>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.completion.register(cx.waker());
        if self.completion.get().is_some() {
            return Poll::Ready(self.take());
        }
        if !self.watched {
            let (index, completion) = (self.index.clone(), Arc::clone(&self.completion));
            if let Err(error) = self.gpu.watch(index, completion) {
                return Poll::Ready(Err(error));
            }
            self.watched = true;
        }
        Poll::Pending
    }
}

impl Drop for Readback {
    fn drop(&mut self) {
        if !self.taken {
            // It is mapped or about to be, and the pool takes unmapped buffers only.
            self.staging.discard();
        }
    }
}
