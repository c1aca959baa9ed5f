//! Host memory that one call leaves to the next, so that not every call pays for the first touch of fresh pages: for 5 MB of
//! queries that was 1 ms of a call that took 20.

use crate::device::Gpu;
use crate::error::Result;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Elements that are kept for the next calls at most; what is beyond is freed.
const MOST_KEPT: usize = 16 << 20;

/// Vectors that wait for their next call.
#[derive(Default)]
struct Kept(Mutex<Vec<Vec<f32>>>);

impl Kept {
    /// The smallest kept vector that is long enough.
    fn take(&self, len: usize) -> Option<Vec<f32>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = kept.iter().enumerate().filter(|(_, v)| v.len() >= len);
        let at = fits.min_by_key(|(_, v)| v.len()).map(|(at, _)| at)?;
        Some(kept.swap_remove(at))
    }

    fn give(&self, values: Vec<f32>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.iter().map(Vec::len).sum::<usize>() + values.len() <= MOST_KEPT {
            kept.push(values);
        }
    }
}

/// f32 values in host memory; when they are dropped, a later call takes their memory over.
#[derive(Default)]
pub(crate) struct HostFloats {
    values: Vec<f32>,
    len: usize,
    /// Where the memory goes when this is dropped.
    home: Weak<Kept>,
}

impl Gpu {
    /// Room for `len` elements of any value; `None` where there is no memory for them.
    pub(crate) fn host_floats(&self, len: usize) -> Result<Option<HostFloats>> {
        let kept = self.state::<Kept>()?;
        let values = match kept.take(len) {
            Some(values) => values,
            None => match bytemuck::try_zeroed_vec(len) {
                Ok(values) => values,
                Err(()) => return Ok(None),
            },
        };
        Ok(Some(HostFloats { values, len, home: Arc::downgrade(&kept) }))
    }
}

impl Deref for HostFloats {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values[..self.len]
    }
}

impl DerefMut for HostFloats {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values[..self.len]
    }
}

impl Drop for HostFloats {
    fn drop(&mut self) {
        if let Some(home) = self.home.upgrade() {
            home.give(std::mem::take(&mut self.values));
        }
    }
}
