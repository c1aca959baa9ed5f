//! Work over rows on several threads.

use crate::error::Result;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::OnceLock;

/// Does the work of every item, on several threads where that pays; of several errors the first item's is returned.
pub(crate) fn each<T: Send, R: Send>(
    items: Vec<T>,
    work: impl Fn(T) -> Result<R> + Send + Sync,
) -> Result<Vec<R>> {
    // While a worker of rayon's waits it takes up other work: a second change of the same index, perhaps, which would wait
    // for this one's lock for ever.
    let here = items.len() < 2 || rayon::current_thread_index().is_some();
    let Some(pool) = (if here { None } else { pool() }) else {
        return items.into_iter().map(work).collect();
    };
    // Collected first: rayon would return any of the errors.
    let outcomes: Vec<Result<R>> = pool.install(|| items.into_par_iter().map(work).collect());
    outcomes.into_iter().collect()
}

/// Threads of our own: those of rayon's global pool may all be waiting for what the caller is about to do.
fn pool() -> Option<&'static ThreadPool> {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let name = |at| format!("nearfield-rows-{at}");
    POOL.get_or_init(|| ThreadPoolBuilder::new().thread_name(name).build().ok()).as_ref()
}
