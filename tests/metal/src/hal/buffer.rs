//! Buffers: memory of the host, which the kernels' host is, too.

use crate::run::Memory;
use std::collections::HashMap;
use std::fmt::{self, Debug, Formatter};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use wgpu::hal;

/// A buffer; clones are the same one.
#[derive(Clone)]
pub struct Buffer {
    number: u64,
    memory: Arc<Memory>,
}

/// Every buffer that is there, by its number.
static ALL: LazyLock<Mutex<HashMap<u64, Weak<Memory>>>> = LazyLock::new(Mutex::default);

impl Buffer {
    pub fn new(bytes: u64) -> Option<Buffer> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let memory = Arc::new(Memory::new(usize::try_from(bytes).ok()?)?);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(number, Arc::downgrade(&memory));
        Some(Buffer { number, memory })
    }

    /// The buffer of a binding, and where in it the binding begins and ends. wgpu shows a backend of its own this field and
    /// hides it from others; what it prints of a binding is what its buffer prints of itself, and that is a number.
    pub fn of(binding: &hal::BufferBinding<'_, Buffer>) -> Option<(Buffer, u64, u64)> {
        let printed = format!("{binding:?}");
        let (_, rest) = printed.split_once("buffer #")?;
        let number = rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
        let memory = ALL.lock().unwrap_or_else(PoisonError::into_inner).get(&number)?.upgrade()?;
        let whole = memory.bytes() as u64;
        let end = binding.size.map_or(whole, |size| binding.offset + size.get());
        Some((Buffer { number, memory }, binding.offset, end))
    }

    pub fn at(&self, offset: u64) -> *mut u8 {
        self.memory.at(offset as usize)
    }
}

impl Debug for Buffer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "buffer #{}", self.number)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if Arc::strong_count(&self.memory) == 1 {
            ALL.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
        }
    }
}
