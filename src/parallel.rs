//! Work over rows on several threads.

use crate::error::Result;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Does the work of every item, on several threads where that pays; of several errors the first item's is returned.
///
/// The caller works, too: to wake a thread takes as long as a small item, so that the first items are done before another
/// thread has begun.
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
    let helpers = pool.current_num_threads().min(items.len() - 1);
    let outcomes = Mutex::new(Vec::with_capacity(items.len()));
    let items = Mutex::new(items.into_iter().enumerate());
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    let run = || {
        while let Some((at, item)) = next() {
            let outcome = work(item);
            outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((at, outcome));
        }
    };
    pool.in_place_scope(|scope| {
        (0..helpers).for_each(|_| scope.spawn(|_| run()));
        run();
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_unstable_by_key(|(at, _)| *at);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Threads of our own: those of rayon's global pool may all be waiting for what the caller is about to do.
fn pool() -> Option<&'static ThreadPool> {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let name = |at| format!("nearfield-rows-{at}");
    POOL.get_or_init(|| ThreadPoolBuilder::new().thread_name(name).build().ok()).as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn outcomes_keep_the_order_of_the_items_and_the_first_error_wins() {
        let squares = each((0..1000u64).collect(), |i| Ok(i * i)).unwrap();
        assert_eq!(squares, (0..1000).map(|i| i * i).collect::<Vec<u64>>());
        let refused = each((0..1000u64).collect(), |row| {
            if row % 300 == 299 { Err(Error::NonFinite { row, column: 0 }) } else { Ok(()) }
        });
        assert!(matches!(refused, Err(Error::NonFinite { row: 299, .. })));
    }

    #[test]
    fn work_may_have_work_of_its_own() {
        let sums = each((0..64u64).collect(), |i| Ok(each((0..i).collect(), Ok)?.len())).unwrap();
        assert_eq!(sums, (0..64).collect::<Vec<usize>>());
    }
}
