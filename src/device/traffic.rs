//! How many submissions are on their way, and in which order they went.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The submissions of one device whose end somebody is told of.
#[derive(Default)]
pub(super) struct Traffic {
    begun: AtomicU64,
    ended: AtomicU64,
}

/// One of them; dropped when it has ended.
pub(crate) struct UnderWay {
    traffic: Arc<Traffic>,
    number: u64,
}

impl Traffic {
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        UnderWay { traffic: Arc::clone(self), number }
    }

    /// Whether all have ended, as far as anybody has asked the device.
    pub(super) fn is_idle(&self) -> bool {
        self.ended.load(Ordering::Relaxed) == self.begun.load(Ordering::Relaxed)
    }
}

impl UnderWay {
    /// Its place in the order of submission; there is one queue, so that is the order in which they end.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.traffic.ended.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_idle_when_all_that_began_has_ended() {
        let traffic = Arc::new(Traffic::default());
        assert!(traffic.is_idle());
        let (first, second) = (traffic.begin(), traffic.begin());
        assert!(first.number() < second.number());
        drop(second);
        assert!(!traffic.is_idle());
        drop(first);
        assert!(traffic.is_idle());
    }
}
