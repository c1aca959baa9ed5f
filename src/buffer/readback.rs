//! From the device to the host, awaited by a thread or a task.

use super::handle::Buffer;
use super::pool::Kind;
use crate::device::{Completion, Gpu};
use crate::error::{Error, Result};
use crate::parallel::each;
use std::future::Future;
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

impl Gpu {
    /// Copies parts of buffers to the host behind the work in `encoder`, and submits it.
    ///
    /// Offsets are multiples of 4.
    pub(crate) fn readback(
        &self,
        ranges: &[(&Buffer, u64, u64)],
        mut encoder: wgpu::CommandEncoder,
    ) -> Result<Readback> {
        let mut parts = Vec::with_capacity(ranges.len());
        let mut total = 0u64;
        for &(buffer, offset, bytes) in ranges {
            if !offset.is_multiple_of(4) || offset.saturating_add(bytes) > buffer.size() {
                let label = buffer.label();
                return Err(Error::internal(format!("{bytes} bytes at {offset} of {label}")));
            }
            parts.push((total as usize, bytes as usize));
            total += bytes.next_multiple_of(8);
        }
        let (staging, _) = self.pooled(Kind::Download, "readback", total.max(8), false)?;
        let completion = Arc::new(Completion::default());
        let done = Arc::clone(&completion);
        let under_way = self.under_way();
        let number = under_way.number();
        let index = self.scoped("readback", || {
            for (&(buffer, offset, bytes), &(to, _)) in ranges.iter().zip(&parts) {
                if bytes > 0 {
                    let bytes = bytes.next_multiple_of(4);
                    encoder.copy_buffer_to_buffer(
                        buffer.raw(),
                        offset,
                        staging.raw(),
                        to as u64,
                        bytes,
                    );
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

    /// Blocks until the bytes are there: one vector for each range.
    pub(crate) fn wait(mut self) -> Result<Vec<Vec<u8>>> {
        self.completion.wait(&self.gpu, &self.index)?;
        self.take()
    }

    /// The bytes, out of the staging buffer, which then returns to the pool.
    fn take(&mut self) -> Result<Vec<Vec<u8>>> {
        self.completion.outcome(&self.gpu)?;
        if self.taken {
            return Err(Error::internal("a readback was polled after its end"));
        }
        self.taken = true;
        let total = self.parts.last().map_or(8, |&(to, n)| (to + n).next_multiple_of(8).max(8));
        self.gpu.scoped("readback", || {
            let view = self.staging.raw().get_mapped_range(..total as u64);
            let parts = match &view {
                Ok(v) => self.parts.iter().map(|&(to, n)| copied(&v[to..to + n])).collect(),
                Err(e) => Err(Error::internal(format!("readback: {e}"))),
            };
            drop(view);
            self.staging.raw().unmap();
            parts
        })?
    }
}

/// A copy, of many bytes by several threads.
fn copied(bytes: &[u8]) -> Result<Vec<u8>> {
    const PIECE: usize = 1 << 20;
    if bytes.len() <= PIECE {
        return Ok(bytes.to_vec());
    }
    let mut out = vec![0; bytes.len()];
    let pieces = out.chunks_mut(PIECE).zip(bytes.chunks(PIECE)).collect();
    each(pieces, |(to, from)| {
        to.copy_from_slice(from);
        Ok(())
    })?;
    Ok(out)
}

impl Future for Readback {
    type Output = Result<Vec<Vec<u8>>>;

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
