//! What is made of a snapshot when somebody first asks for it, and then kept for all who share the snapshot.

use crate::error::Result;
use std::sync::{Arc, Mutex, PoisonError};

/// A value that may still have to be made. Copies share it.
#[derive(Clone)]
pub(crate) struct Made<T>(Arc<Mutex<Option<T>>>);

impl<T> Default for Made<T> {
    fn default() -> Made<T> {
        Made(Arc::new(Mutex::new(None)))
    }
}

impl<T: Clone> Made<T> {
    pub fn of(value: T) -> Made<T> {
        Made(Arc::new(Mutex::new(Some(value))))
    }

    /// The same value, if it is there, for a snapshot of other rows: what is made of these is not made of those.
    pub fn own(&self) -> Made<T> {
        Made(Arc::new(Mutex::new(self.known())))
    }

    /// The value, if it is there.
    pub fn known(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The value, which `make` makes if nobody has; whoever asks meanwhile waits for it.
    pub fn get(&self, make: impl FnOnce() -> Result<T>) -> Result<T> {
        let mut value = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = &*value {
            return Ok(value.clone());
        }
        let made = make()?;
        *value = Some(made.clone());
        Ok(made)
    }
}
