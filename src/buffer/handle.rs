//! A device buffer that is counted for as long as somebody holds it.

use super::pool::{Kind, Pool};
use crate::device::Ledger;
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
    /// The pool that takes it back, and as what; `None` where it is freed instead.
    home: Option<(Weak<Pool>, Kind)>,
    /// Freed rather than pooled.
    discard: AtomicBool,
}

impl Buffer {
    /// Of a buffer that the ledger has counted; `home` is the pool that takes it back when the last clone goes.
    pub(super) fn new(
        raw: wgpu::Buffer,
        size: u64,
        label: &str,
        ledger: Arc<Ledger>,
        home: Option<(Weak<Pool>, Kind)>,
    ) -> Buffer {
        let (label, discard) = (label.to_owned(), AtomicBool::new(false));
        Buffer { inner: Arc::new(Inner { raw, size, label, ledger, home, discard }) }
    }

    pub(crate) fn raw(&self) -> &wgpu::Buffer {
        &self.inner.raw
    }

    /// The size that was asked for: bind so much of [`Buffer::raw`], which may be larger.
    pub(crate) fn size(&self) -> u64 {
        self.inner.size
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
            pool.give(*kind, self.raw.clone());
        } else {
            self.ledger.release(&self.label, bytes);
        }
    }
}
