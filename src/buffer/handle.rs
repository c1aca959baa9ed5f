//! A device buffer that is counted for as long as somebody holds it.

use super::pool::{Kind, Pool};
use super::raw::Raw;
use crate::device::Ledger;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

/// Where a binding may begin: no device asks for more.
pub(crate) const PART_ALIGN: u64 = 256;

/// A device buffer; clones share it, and its bytes are given back when the last one goes.
#[derive(Clone)]
pub(crate) struct Buffer {
    inner: Arc<Inner>,
    /// What this handle is of it, where that is not all.
    part: Option<(u64, u64)>,
}

struct Inner {
    raw: Arc<Raw>,
    /// The size asked for; a pooled buffer may be larger.
    size: u64,
    label: String,
    ledger: Arc<Ledger>,
    /// The pool that takes it back, and as what; `None` where it is freed instead.
    home: Option<(Weak<Pool>, Kind)>,
    /// Freed rather than pooled.
    discard: AtomicBool,
}

impl Buffer {
    /// Of a buffer that the ledger has counted; `home` is the pool that takes it back when the last clone goes.
    pub(super) fn new(
        raw: Arc<Raw>,
        size: u64,
        label: &str,
        ledger: Arc<Ledger>,
        home: Option<(Weak<Pool>, Kind)>,
    ) -> Buffer {
        let (label, discard) = (label.to_owned(), AtomicBool::new(false));
        Buffer { inner: Arc::new(Inner { raw, size, label, ledger, home, discard }), part: None }
    }

    pub(crate) fn raw(&self) -> &wgpu::Buffer {
        self.inner.raw.buffer()
    }

    /// What tells a bind group of it from others: the number of [`Buffer::raw`], offset and size. A group of this name is forgotten when
    /// that buffer is freed.
    pub(crate) fn binding(&self) -> [u64; 3] {
        [self.inner.raw.bind(), self.offset(), self.size()]
    }

    /// The size that was asked for: bind so much of [`Buffer::raw`], which may be larger.
    pub(crate) fn size(&self) -> u64 {
        self.part.map_or(self.inner.size, |(_, bytes)| bytes)
    }

    /// Where in [`Buffer::raw`] it begins: 0 but for a [`Buffer::part`].
    pub(crate) fn offset(&self) -> u64 {
        self.part.map_or(0, |(offset, _)| offset)
    }

    /// Whether it is a [`Buffer::part`].
    pub(crate) fn is_part(&self) -> bool {
        self.part.is_some()
    }

    /// A part of a buffer: kernels see it as a buffer of its own. The offset is a multiple of [`PART_ALIGN`]. One dispatch may not
    /// read one part of a buffer and write another.
    pub(crate) fn part(&self, offset: u64, bytes: u64) -> Buffer {
        Buffer { inner: Arc::clone(&self.inner), part: Some((self.offset() + offset, bytes)) }
    }

    /// Who counts it.
    pub(super) fn ledger(&self) -> &Ledger {
        &self.inner.ledger
    }

    /// What it is for, in reports and errors.
    pub(crate) fn label(&self) -> &str {
        &self.inner.label
    }

    /// Keeps a buffer whose mapping is in an unknown state out of the pool.
    pub(super) fn discard(&self) {
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
            pool.give(*kind, Arc::clone(&self.raw));
        } else {
            self.ledger.release(&self.label, bytes);
        }
    }
}
