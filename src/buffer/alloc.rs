//! Where buffers come from: the pool, or the driver within the budget.

use super::handle::Buffer;
use super::poison;
use super::pool::{self, Kind, Pool};
use super::raw::Raw;
use super::staging::Ready;
use crate::device::{BindGroups, Gpu};
use crate::error::{Error, Result};
use std::sync::{Arc, Weak};

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
    pub(super) fn pooled(
        &self,
        kind: Kind,
        label: &str,
        bytes: u64,
        mapped: bool,
    ) -> Result<(Buffer, bool)> {
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

    /// The handle of a buffer that [`Gpu::make`] or the pool gave; `home` is the pool that takes it back.
    pub(super) fn wrap(
        &self,
        raw: Arc<Raw>,
        size: u64,
        label: &str,
        home: Option<(Weak<Pool>, Kind)>,
    ) -> Buffer {
        Buffer::new(raw, size, label, Arc::clone(self.ledger()), home)
    }

    /// Lets go of buffers that are kept for the next call: of those of the pool, until the budget has `bytes` left.
    fn trim(&self, pool: &Pool, bytes: u64) -> Result<()> {
        pool.trim(self.ledger(), bytes);
        self.state::<Ready>()?.trim();
        Ok(())
    }

    /// Makes a counted buffer, at the expense of the pool if need be.
    pub(super) fn make(
        &self,
        pool: &Pool,
        kind: Kind,
        label: &str,
        size: u64,
        mapped_at_creation: bool,
    ) -> Result<Arc<Raw>> {
        let groups = Arc::downgrade(&self.state::<BindGroups>()?);
        let limit = self.caps().max_buffer_bytes;
        if size > limit {
            let what = format!("bytes of buffer {label}");
            return Err(Error::LimitExceeded { what, needed: size, limit });
        }
        if self.ledger().reserve(label, size).is_err() {
            self.tick()?;
            self.trim(pool, size)?;
            if self.ledger().reserve(label, size).is_err() {
                // What finished submissions hold is free only when the device has been asked: whether there is room must not
                // depend on how fast it is.
                self.wait_idle()?;
                self.trim(pool, size)?;
                self.ledger().reserve(label, size)?;
            }
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
            self.trim(pool, u64::MAX)?;
            self.tick()?;
            create()
        });
        let made = made.map(|buffer| Arc::new(Raw::new(buffer, groups)));
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
