//! Device buffers: counted, pooled, filled and read; and [`Matrix`], rows in segments.

mod append;
mod host;
mod matrix;
mod pieces;
mod poison;
mod pool;
mod read;
mod readback;
mod rebuild;
mod segment;
mod staging;
mod upload;

pub(crate) use host::HostFloats;
pub use matrix::Matrix;
pub(crate) use readback::Readback;
pub(crate) use segment::Segment;
pub(crate) use staging::Staged;
pub(crate) use upload::Uploader;

use crate::device::{Gpu, Ledger};
use crate::error::{Error, Result};
use pool::{Kind, Pool};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

/// A device buffer; clones share it, and its bytes are given back when the last one goes.
#[derive(Clone)]
pub(crate) struct Buffer {
    inner: Arc<Inner>,
}

struct Inner {
    raw: wgpu::Buffer,
    /// The size asked for; a pooled buffer may be larger.
    size: u64,
    label: String,
    ledger: Arc<Ledger>,
    home: Option<(Weak<Pool>, Kind)>,
    discard: AtomicBool,
}

impl Buffer {
    pub(crate) fn raw(&self) -> &wgpu::Buffer {
        &self.inner.raw
    }

    /// The size that was asked for: bind so much of [`Buffer::raw`], which may be larger.
    pub(crate) fn size(&self) -> u64 {
        self.inner.size
    }

    pub(crate) fn label(&self) -> &str {
        &self.inner.label
    }

    /// Keeps a buffer whose mapping is in an unknown state out of the pool.
    fn discard(&self) {
        self.inner.discard.store(true, Ordering::Relaxed);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let bytes = self.raw.size();
        if let Some((pool, kind)) = &self.home
            && !*self.discard.get_mut()
            && let Some(pool) = pool.upgrade()
        {
            self.ledger.pool_in(&self.label, bytes);
            pool.give(*kind, self.raw.clone());
        } else {
            self.ledger.release(&self.label, bytes);
        }
    }
}

impl Gpu {
    /// A buffer for data that stays; its content is unspecified until written.
    ///
    /// # Errors
    /// `OutOfDeviceMemory` over the budget or when the driver has no memory, `LimitExceeded` over the adapter's limit.
    pub(crate) fn alloc(&self, label: &str, bytes: u64) -> Result<Buffer> {
        let pool = self.state::<Pool>()?;
        let raw = self.make(&pool, Kind::Device, label, round_up(bytes), false)?;
        let buffer = self.wrap(raw, bytes, label, None);
        poison::fill(self, &buffer)?;
        Ok(buffer)
    }

    /// A buffer from the pool, which takes it back when the last clone goes; its content is unspecified until written.
    ///
    /// Keep it until the encoder that uses it is submitted: after that the next owner's work is ordered behind.
    pub(crate) fn scratch(&self, label: &str, bytes: u64) -> Result<Buffer> {
        let (buffer, _) = self.pooled(Kind::Device, label, bytes, false)?;
        poison::fill(self, &buffer)?;
        Ok(buffer)
    }

    /// A pooled buffer, and whether it is new (and then mapped, if so asked).
    fn pooled(&self, kind: Kind, label: &str, bytes: u64, mapped: bool) -> Result<(Buffer, bool)> {
        let pool = self.state::<Pool>()?;
        let class =
            pool::class(bytes).min(self.caps().max_buffer_bytes / 4 * 4).max(round_up(bytes));
        let (raw, fresh) = match pool.take(kind, class) {
            Some(raw) => {
                self.ledger().pool_out(label, raw.size());
                (raw, false)
            }
            None => {
                self.ledger().pool_miss();
                let raw = match self.make(&pool, kind, label, class, mapped) {
                    // The class does not fit, the exact size may.
                    Err(Error::OutOfDeviceMemory { .. }) if class > round_up(bytes) => {
                        self.make(&pool, kind, label, round_up(bytes), mapped)?
                    }
                    other => other?,
                };
                (raw, true)
            }
        };
        let home = Some((Arc::downgrade(&pool), kind));
        Ok((self.wrap(raw, bytes, label, home), fresh))
    }

    fn wrap(
        &self,
        raw: wgpu::Buffer,
        size: u64,
        label: &str,
        home: Option<(Weak<Pool>, Kind)>,
    ) -> Buffer {
        let (label, ledger) = (label.to_owned(), Arc::clone(self.ledger()));
        let discard = AtomicBool::new(false);
        Buffer { inner: Arc::new(Inner { raw, size, label, ledger, home, discard }) }
    }

    /// Makes a counted wgpu buffer, at the expense of the pool if need be.
    fn make(
        &self,
        pool: &Pool,
        kind: Kind,
        label: &str,
        size: u64,
        mapped_at_creation: bool,
    ) -> Result<wgpu::Buffer> {
        let limit = self.caps().max_buffer_bytes;
        if size > limit {
            let what = format!("bytes of buffer {label}");
            return Err(Error::LimitExceeded { what, needed: size, limit });
        }
        if self.ledger().reserve(label, size).is_err() {
            pool.trim(self.ledger(), size);
            self.tick()?;
            self.ledger().reserve(label, size)?;
        }
        let descriptor = wgpu::BufferDescriptor {
            label: Some(label),
            size,
            usage: kind.usage(),
            mapped_at_creation,
        };
        let create = || self.scoped(label, || self.device().create_buffer(&descriptor));
        let made = create().or_else(|error| {
            let Error::OutOfDeviceMemory { .. } = error else { return Err(error) };
            // The driver has less than the budget says: what the pool holds goes first.
            pool.trim(self.ledger(), u64::MAX);
            self.tick()?;
            create()
        });
        made.map_err(|error| {
            let error = match error {
                Error::OutOfDeviceMemory { .. } => self.ledger().exhausted(label, size),
                other => other,
            };
            self.ledger().release(label, size);
            error
        })
    }
}

/// wgpu copies multiples of 4 bytes and binds at least one element; 16 lets every shader see whole `vec4`s.
fn round_up(bytes: u64) -> u64 {
    bytes.max(1).checked_next_multiple_of(16).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
